"""The change map: the published rectangle rule, and what must hold for every shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import distance_transform_cdt
from tolerances import LEVEL, rounding

from softextend.finish.composite import composite_ramp
from softextend.mask import change_map, latent_change
from softextend.models.profiles import SDXL_PROFILE
from softextend.options import Mask
from softextend.plan.sizes import fit_band
from softextend.types import Sides

GOLDEN = sorted((Path(__file__).parent / "golden/masks").glob("*.png"))


def known_of(name: str) -> np.ndarray:
    """`softextend_WxH_sides_T_R_B_L` -> known (H + T + B, W + L + R)."""
    _, size, _, top, right, bottom, left = name.split("_")
    width, height = map(int, size.split("x"))
    return np.pad(np.ones((height, width), bool), ((int(top), int(bottom)), (int(left), int(right))))


def test_there_are_golden_masks() -> None:
    assert len(GOLDEN) == 3


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_equals_softextends_mask(path: Path) -> None:
    golden = np.asarray(Image.open(path)).astype(int)
    ours = np.floor(change_map(known_of(path.stem), 60, 120) * 255).astype(int)
    assert np.abs(ours - golden).max() <= LEVEL


SHAPES = {
    "side": np.pad(np.ones((61, 83), bool), ((0, 0), (0, 40))),
    "corner": np.pad(np.ones((61, 83), bool), ((31, 0), (0, 40))),
    "hole": np.pad(np.zeros((9, 9), bool), 50, constant_values=True),
    "thin": np.ones((1, 90), bool) & (np.arange(90) > 12),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("overlap", "feather"), [(0, 0), (8, 16), (16, 8), (4, 33), (60, 120)])
def test_ramp_is_complete_at_the_border_and_inside_the_original(shape: str, overlap: int, feather: int) -> None:
    known = SHAPES[shape]
    mask = change_map(known, overlap, feather)
    ramp = composite_ramp(latent_change(mask), known)
    assert mask.dtype == ramp.dtype == np.float32
    assert mask.min() >= 0
    assert mask.max() == 1
    assert (mask[~known] == 1).all()
    assert (ramp[~known] == 1).all()
    far = distance_transform_cdt(known, "chessboard")  # px to the nearest empty one, as a king moves
    assert far[ramp > 0].max() <= overlap + feather // 2  # the band is no wider than it says


def test_ramp_has_no_jump_at_the_border_with_the_usual_widths() -> None:
    known = np.pad(np.ones((40, 300), bool), ((0, 0), (0, 100)))
    ramp = composite_ramp(latent_change(change_map(known, 60, 120)), known)
    assert ramp[20, 299] == 1
    assert np.abs(np.diff(ramp[20])).max() < 0.06


def test_change_scales_the_new_area() -> None:
    known = SHAPES["side"]
    assert np.allclose(
        change_map(known, 8, 16, 0.8), change_map(known, 8, 16) * 0.8, atol=rounding("float32", terms=2), rtol=0
    )
    assert (composite_ramp(latent_change(change_map(known, 8, 16, 0.8)), known)[~known] == 1).all()


def test_latent_change_settle_both_tails() -> None:
    levels = latent_change(np.array([[0.0, 0.05, 0.5, 0.95, 1.0]], np.float32))
    assert np.allclose(levels, [[0, 0, 0.5, 1, 1]], atol=rounding("float32", terms=2), rtol=0)


@pytest.mark.parametrize("extent", [1, 2, 3, 10, 64, 200, 361, 720, 1000])
@pytest.mark.parametrize("both", [True, False])
def test_two_thirds_stay_untouched(extent: int, both: bool) -> None:
    sides = Sides(left=50, right=50 if both else 0)
    overlap, feather, said = fit_band(Mask(), SDXL_PROFILE, sides, width=extent, height=999)
    known = np.pad(np.ones((3, extent), bool), ((0, 0), (50, sides.right)))
    levels = latent_change(change_map(known, overlap, feather))[1, 50 : 50 + extent]
    middle = slice(extent // 6, extent - extent // 6 if both else extent)
    assert (levels[middle] == 0).all()
    assert overlap + feather // 2 <= 120
    assert ((overlap, feather) == (60, 120)) == (said is None)
    if extent >= 720:
        assert said is None
    else:
        assert said == f"overlap {overlap} px, feather {feather} px: the model's 60 and 120 are for larger pictures"


@pytest.mark.parametrize("extent", [1, 10, 100, 512, 720, 1000])
@pytest.mark.parametrize(("overlap", "feather"), [(60, 120), (0, 0), (300, 9), (8, 0)])
def test_what_is_named_is_as_named(extent: int, overlap: int, feather: int) -> None:
    """However small the picture; of a pair of which one is named, the other makes room as far as it can."""
    sides, size = Sides(left=50), {"width": extent, "height": extent}
    assert fit_band(Mask(overlap=overlap, feather=feather), SDXL_PROFILE, sides, **size) == (overlap, feather, None)
    wide, soft, said = fit_band(Mask(overlap=overlap), SDXL_PROFILE, sides, **size)
    assert wide == overlap
    assert soft == min(120, max(0, 2 * (extent // 6 - overlap)))
    assert (said is None) == (soft == 120)
    wide, soft, said = fit_band(Mask(feather=feather), SDXL_PROFILE, sides, **size)
    assert soft == feather
    assert wide == min(60, max(0, extent // 6 - feather // 2))
    assert (said is None) == (wide == 60)
