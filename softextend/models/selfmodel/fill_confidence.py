"""How far the clean picture, that is the fill, may be believed: noise belongs where it lacks what the photo has.

The clean picture z0 is taken as a second observation of the picture to be found, with an error tau of its own:
z0 = x0 + tau * noise. It joins the noisy one by their precisions, and the posterior mean is taken of both. A sky that
the fill painted well stays as clean as it is; a blurred meadow or the line of a seam is sampled anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from softextend.fills.detail import energy, fine
from softextend.models.selfmodel import posterior

if TYPE_CHECKING:
    from softextend.types import Known


Floats = npt.NDArray[np.float32]
LEAST = 0.03  # tau where the clean picture is made of the photo's patches and has their texture
STRANGE = 3.0  # tau per distance of a clean patch from its nearest source patch
LACKING = 3.0  # tau per missing texture, as a standard deviation
EVEN = 1.5  # tau at most per texture that such a place has: an even one shows the slightest mottle
SMOOTH = 3.0  # px, over which the confidence changes
OVERVIEW = 96  # px, longer side of the picture in which texture is looked up
FAINT = 1e-6  # texture energy that counts as none
ROUNDING = (0.5 / 127.5) ** 2  # texture energy of half a level of 255
VAGUE = 0.1  # sigma at which it is looked up


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """Energies of fine detail in a clean picture, mean squares (H, W): its own, and what is usual at such places."""

    own: Floats
    usual: Floats

    @classmethod
    def of(cls, picture: Floats, known: Known) -> Texture:
        """picture (H, W, 3) in [-1, 1]; what is usual is that of places of these colours in the known area (H, W)."""
        own = energy(fine(picture))
        return cls(own=own, usual=_usual(picture, own, known))

    def part(self, cut: tuple[slice, slice]) -> Texture:
        """The same of the part that is cut out."""
        return Texture(own=self.own[cut], usual=self.usual[cut])


def precision(texture: Texture, distance: Floats) -> tuple[Floats, Floats]:
    """1 / tau^2 (h, w) of a clean picture with that texture, and of its layout alone.

    distance (h, w): mean square distance of each patch from its nearest source, per channel and pixel; 0 where unknown.
    """
    lack = np.maximum(texture.usual - texture.own, 0)
    coarse = LEAST**2 + cv2.GaussianBlur(STRANGE**2 * distance, (0, 0), SMOOTH)
    detail = coarse + cv2.GaussianBlur(LACKING**2 * lack, (0, 0), SMOOTH)
    most = EVEN**2 * (texture.usual + ROUNDING)
    return np.asarray(1 / np.minimum(detail, most), np.float32), np.asarray(1 / np.minimum(coarse, most), np.float32)


def _usual(picture: Floats, own: Floats, known: Known) -> Floats:
    height, width = known.shape
    shrink = min(1.0, OVERVIEW / max(height, width))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    small_known = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.999
    small_own = cv2.resize(own, size, interpolation=cv2.INTER_AREA)
    if not small_known.any():
        return own
    expected = np.exp(looked_up(small, small_known, np.log(small_own + FAINT)))  # what is usual, not a mean of extremes
    wide = cv2.resize(expected, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(wide, np.float32)


def looked_up(picture: Floats, known: Known, value: Floats) -> Floats:
    """value (h, w) of the known area as the posterior mean expects it everywhere, given the picture (h, w, 3)."""
    targets = np.arange(known.size)
    sources, radius = posterior.source_centres(known, 2)
    z = np.ascontiguousarray(picture.transpose(2, 0, 1))
    key, query = posterior.projected(z, radius, sources), posterior.projected(z, radius, targets)
    mean = key.mean(0)
    bias = posterior.prior_terms(posterior.prior(known, targets), sources, known.shape[1])
    sure = np.full(len(targets), VAGUE**-2, np.float32)
    found: Floats = posterior.attend(query - mean, key - mean, value.ravel()[sources][:, None], sure, bias)
    return found[:, 0].reshape(known.shape)
