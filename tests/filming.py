"""Zooms and films in tests: a real photo made small, and what a player sees of a film."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
from PIL import Image
from skimage import data
from tolerances import rounding

from softextend.pictures import video
from softextend.plan.motion import Motion

Array = np.ndarray[Any, Any]
APART = rounding("float64", terms=1000)  # of one number computed in two ways, in at most so many steps


def astronaut(width: int = 64, height: int = 48) -> Array:
    """A real photo, small."""
    return np.asarray(Image.fromarray(data.astronaut()[:384]).resize((width, height), Image.Resampling.LANCZOS))


def photo(path: str, width: int = 64, height: int = 48, **options: Any) -> Array:
    """The astronaut as a file, and its pixels."""
    picture = astronaut(width, height)
    Image.fromarray(picture).save(path, **options)
    return picture


def moving(width: int = 64, height: int = 48, **more: Any) -> Motion:
    return Motion(width=width, height=height, **{"factor": 2.0, "seconds": 1.0, "fps": Fraction(10), **more})


def difference(a: Array, b: Array) -> float:
    """Mean over all pixels and channels, in levels of 255."""
    return float(np.abs(a.astype(np.float64) - b.astype(np.float64)).mean())


def decoded(path: str) -> tuple[Any, list[Array]]:
    """What a player knows of a film, and its frames."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        accurate = video.BICUBIC | video.ACCURATE_ROUNDING | 0x2000  # libswscale's fast ways are 1 to 2 levels darker
        shown = [
            each.reformat(format="rgb24", interpolation=accurate).to_ndarray() for each in container.decode(stream)
        ]
        context = stream.codec_context
        facts = {
            "codec": context.name,
            "pixels": context.pix_fmt,
            "matrix": context.colorspace,
            "range": context.color_range,
            "rate": stream.average_rate,
            "seconds": float(stream.duration * stream.time_base),
            "comment": container.metadata.get("comment", ""),
        }
    return facts, shown
