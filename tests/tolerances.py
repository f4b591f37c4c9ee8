"""How far two computations of one thing may lie apart: a table by dtype, scaled to the size of the numbers.

No bound of a test is what one machine happened to round to. A sum of n numbers that float arithmetic rounds n times is
wrong by at most LIKELY sqrt(n) u sum|x|, u the unit roundoff, but for a probability of 2 n exp(-LIKELY^2 / 2): rounding
errors are as good as independent (Higham and Mary 2019, "A New Approach to Probabilistic Rounding Error Analysis").
"""

from __future__ import annotations

import math

ROUNDOFF = {  # unit roundoff: half the distance from 1 to the next number
    "float64": 2.0**-53,
    "float32": 2.0**-24,
    "float16": 2.0**-11,
    "bfloat16": 2.0**-8,
}
LIKELY = 8.0  # a bound that fails once in 10^13 sums
LEVEL = 1  # of 255: two computations may round one number to neighbours
NETWORK = 10_000  # roundings between input and output of a tiny network: about 100 layers, sums of about 100 numbers


def rounding(dtype: str, *, size: float = 1.0, terms: float = 1.0, condition: float = 1.0) -> float:
    """The most that `terms` roundings of numbers up to `size` change a result, `condition` times what they are."""
    return LIKELY * ROUNDOFF[dtype] * math.sqrt(terms) * size * condition


def network(dtype: str, size: float) -> float:
    """The same for what a tiny UNet, VAE or text encoder makes: numbers up to `size`."""
    return rounding(dtype, size=size, terms=NETWORK)
