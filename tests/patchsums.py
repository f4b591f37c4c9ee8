"""The sums over every patch that the built-in model's denoiser stands for, written out in float64."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import torch
from smallscene import small_picture
from tolerances import rounding
from torch import Tensor

from softextend.models.selfmodel import candidates, posterior
from softextend.models.selfmodel.denoisers import Sparse
from softextend.models.selfmodel.dense import Dense
from softextend.models.selfmodel.kernels import NEGLIGIBLE
from softextend.models.selfmodel.model import SelfModel
from softextend.types import Scene

SEEN = 0.01  # of colours in [-1, 1], about a level of 255: an effect that is there is larger
EVERY = 10_000  # candidates a pixel: more than a small picture has sources
RADII = sorted(radius for _, radius in candidates.RADII)  # px, of the patches that the model compares
LEVELS = [0, 60, 150, 300, 450, 700, 999]  # timesteps; the lowest and the highest noise among them
Array = np.ndarray


def centres(known: Array, radius: int) -> list[tuple[int, int]]:
    """y, x of every pixel whose patch lies in the picture and is wholly known."""
    height, width = known.shape
    return [
        (y, x)
        for y in range(radius, height - radius)
        for x in range(radius, width - radius)
        if known[y - radius : y + radius + 1, x - radius : x + radius + 1].all()
    ]


def patches(picture: Array, places: Sequence[tuple[int, int]], radius: int) -> Array:
    """(N, 3, S, S) of a picture (3, H, W), reflected at its border."""
    wide = np.pad(picture.astype(np.float64), [(0, 0), (radius, radius), (radius, radius)], mode="reflect")
    side = 2 * radius + 1
    return np.array([wide[:, y : y + side, x : x + side] for y, x in places])


def prior(
    known: Array,
    place: tuple[int, int],
    sources: Sequence[tuple[int, int]],
    found: tuple[int, int],
) -> Array:
    """Nats (M,) against sources for where they lie: quadratic about the target's nearest known pixel.

    `found`: the target's nearest source in the clean picture, which is made to cost FOUND at most.
    """
    ys, xs = np.nonzero(known)
    nearest = np.argmin((ys - place[0]) ** 2 + (xs - place[1]) ** 2)
    near = np.array([ys[nearest], xs[nearest]], float)
    away = np.array(place) - near
    far, longer = math.hypot(*away), max(known.shape)
    out = away / max(far, 1.0)
    loose = 1 / (longer * (1 + posterior.LOOSEN * far / longer)) ** 2
    apart = np.array([*sources, found], float) - near
    along = (apart @ out) ** 2
    across = (apart**2).sum(1) - along
    nats = loose * (
        posterior.LAMBDA_ALONG * along + (posterior.LAMBDA_ACROSS if far else posterior.LAMBDA_ALONG) * across
    )
    return nats[:-1] * min(1, posterior.FOUND / max(nats[-1], 1e-6))


def found_in(clean: Array, known: Array, places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of each place the nearest source in the clean picture (3, H, W), by the widest patches."""
    radius = candidates.WIDEST
    sources, weight = centres(known, radius), weights(radius)
    keys = patches(clean, sources, radius)
    apart = [(weight * (each - keys) ** 2).sum((1, 2, 3)) for each in patches(clean, places, radius)]
    return [sources[int(each.argmin())] for each in apart]


def weights(radius: int) -> Array:
    """(S, S) Gaussian, 1 in the middle."""
    square = np.arange(-radius, radius + 1) ** 2
    return (
        np.exp(-(square[:, None] + square[None]) / (2 * (posterior.NARROW * radius) ** 2))
        if radius
        else np.ones((1, 1))
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mean:
    """A posterior mean in float64, and how far the same sums may come out in float32."""

    colours: Array  # (..., 3)
    bound: Array  # (..., 3)


def mean_of(colours: Array, logit: Array, size: Array, terms: int) -> Mean:
    """The mean of colours (M, 3) by logits (M,), each a sum of `terms` numbers of together `size` (M,) nats.

    A nat more on one source moves the mean by its share times its distance from the mean, to first order. Sources
    that `Sparse` passes over count whole.
    """
    share = np.exp(logit - logit.max())
    passed = logit < logit.max() - NEGLIGIBLE
    share /= share.sum()
    mean = share @ colours
    moved = (share * (rounding("float32", terms=terms) * size + passed)) @ np.abs(colours - mean)
    return Mean(colours=mean, bound=moved + rounding("float32", terms=len(colours)))


def corner(new: int = 4) -> tuple[Tensor, Array]:
    """A picture that is empty on the right and below."""
    z0, known = small_picture(16, 18, new)
    known[-new:] = False
    return z0, known


def ways(z0: Tensor, known: Array, targets: Array) -> tuple[Dense, Sparse]:
    """Both searches."""
    where = posterior.prior(known, targets)
    return (
        Dense(z0.numpy(), known, targets, where, np.random.default_rng(0)),
        Sparse(z0.numpy(), known, targets, where, np.random.default_rng(0)),
    )


def places_of(targets: Array, known: Array) -> list[tuple[int, int]]:
    """Flat indices -> y, x."""
    return [divmod(int(each), known.shape[1]) for each in targets]


def clean_of(scene: Scene, y: Tensor, t: int) -> Array:
    """What `predict` takes the noisy picture y (3, H, W), at x0's own scale, for: (3, H, W)."""
    model = SelfModel()
    sigma = model.schedule.sigma_at(t)
    noise = model.predict(scene)((y / math.hypot(1, sigma))[None].float(), t, torch.zeros_like(scene.change))[0]
    return (y.double() - sigma * noise.double()).numpy()


def there_and_back(y: Tensor) -> float:
    """What `clean_of` loses where it divides by the noise level and multiplies again: four roundings."""
    return rounding("float32", size=float(y.abs().max()), terms=4)
