"""`--wrap` from the command line: what is added joins the opposite edge, whatever paints it; the photo stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch.nn.functional as F
from PIL import Image
from running import Run, pixels, recipe
from skimage import data
from torch import Tensor
from toymodel import ToyModel, put_self

import softextend
from softextend import Sketch
from softextend.errors import BadRequest
from softextend.finish.scores import score
from softextend.jobs.conditions import check_control_image
from softextend.models.conditions.options import Conditions
from softextend.models.profiles import SELF_PROFILE
from softextend.options import Spec
from softextend.plan.grammar import parse_sides
from softextend.plan.input import Input
from softextend.plan.plan import plan_extension
from softextend.types import FillName, Predict, Scene, Wrap

STEP = 1.25  # of the mean difference of neighbours inside the photo, which a seam may reach


def panorama(width: int = 151, height: int = 97) -> np.ndarray:
    """A real photo whose left and right edge belong to one scene: its middle is cut out, the right part comes first."""
    whole = np.asarray(Image.fromarray(data.coffee()).resize((width + 24, height), Image.Resampling.LANCZOS))
    half = width // 2
    return np.concatenate([whole[:, half + 24 :], whole[:, :half]], 1)


def steps(picture: np.ndarray, axis: int) -> np.ndarray:
    """Mean difference of each line from the next, the last from the first."""
    apart = np.abs(picture.astype(np.float32) - np.roll(picture, -1, axis).astype(np.float32))
    return apart.mean((1 - axis, 2))


@pytest.fixture
def plain(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run` with the built-in model itself."""
    put_self(monkeypatch)
    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrap", "sides"),
    [
        ("x", "0 17 0 8"),
        ("x", "13 0 0 25"),
        ("y", "16 0 9 0"),
        ("xy", "9 14 15 8"),
    ],
)
def test_the_built_in_model_joins_the_edges(plain: Run, wrap: str, sides: str) -> None:
    picture = panorama()
    picture = picture if wrap != "y" else np.ascontiguousarray(picture.transpose(1, 0, 2))
    Image.fromarray(picture).save("photo.png")
    top, right, bottom, left = map(int, sides.split())
    assert plain("extend", "photo.png", "--sides", sides, "--wrap", wrap, "--seed", 1, "--band", 0).code == 0
    made = pixels("photo-extended.png")
    height, width = picture.shape[:2]
    assert made.shape == (height + top + bottom, width + left + right, 3)
    assert np.array_equal(made[top : top + height, left : left + width], picture)
    for axis in (0, 1):
        if Wrap(wrap).axes[axis]:
            assert steps(made, axis)[-1] <= STEP * steps(picture, axis)[:-1].max()
    assert plain("verify", "photo-extended.png", "photo.png").code == 0
    found = recipe("photo-extended.png")
    assert found["plan"]["wrap"] == wrap
    assert found["scores"]["wrap"] > 0
    assert plain("redo", "photo-extended.png", "-o", "again.png").code == 0
    assert np.array_equal(pixels("again.png"), made)


class Smoothing(ToyModel):
    """A denoiser that makes neighbours alike, as far as it sees them: what it does not see stays apart."""

    def predict(self, scene: Scene) -> Predict:
        def noise(x: Tensor, t: float, keep: Tensor) -> Tensor:
            return x - F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), 5, 1)

        return noise


@pytest.mark.parametrize("sides", [(0, 48, 0, 16), (32, 24, 0, 24)])
def test_a_diffusion_model_joins_the_edges_too(sides: tuple[int, int, int, int]) -> None:
    picture = panorama(320, 160)
    made = {}
    for wrap in (None, "x"):
        given = {"model": Smoothing(), "seed": 1, "steps": 20, "strength": 1.0, "wrap": wrap, "band": 0}
        made[wrap] = np.asarray(softextend.extend(picture, sides, **given).image)  # type: ignore[arg-type]
        assert np.array_equal(made[wrap][sides[0] :, sides[3] : -sides[1]], picture)
    blocks = {wrap: steps(each, 1)[7::8] for wrap, each in made.items()}  # latents are 8 px wide
    assert blocks["x"][-1] <= STEP * max(blocks["x"][0], blocks["x"][-2])  # as between the neighbours of the edge
    assert blocks["x"][-1] < 0.5 * blocks[None][-1]


@pytest.mark.parametrize("fill", [each.value for each in FillName if each.value not in ("gray", "noise", "spectral")])
def test_the_canvas_of_prepare_joins_with_every_fill(run: Run, fill: str) -> None:
    picture = panorama()
    Image.fromarray(picture).save("photo.png")
    sides = ("--sides", "0 12 0 21", "--wrap", "x", "--fill", fill, "--seed", 1)
    assert run("prepare", "photo.png", *sides).code == 0
    canvas, mask = pixels("photo-canvas.png"), pixels("photo-mask.png")
    assert np.array_equal(canvas[:, 21:-12], picture)
    assert steps(canvas, 1)[-1] <= STEP * max(steps(canvas, 1)[:-1].max(), steps(picture, 1)[:-1].max())
    assert (mask[:, :21] == 255).all()
    assert (mask[:, -12:] == 255).all()
    grey = Sketch("photo.png").look("0 12 0 21", wrap="x", fill=fill, seed=1)
    assert np.array_equal(np.asarray(grey.filled), canvas)


def test_the_mask_falls_on_both_sides_of_a_gap_that_only_one_side_names(run: Run) -> None:
    Image.fromarray(panorama()).save("photo.png")
    assert run("prepare", "photo.png", "--sides", "0 30 0 0", "--wrap", "x", "--seed", 1).code == 0
    mask = pixels("photo-mask.png")[..., 0]
    assert mask[50, 0] > 200
    assert (np.diff(mask[50, :60].astype(int)) <= 0).all()
    assert mask[50, 60] == 0


def test_the_score_sees_a_seam_over_the_edge() -> None:
    whole = np.asarray(Image.fromarray(data.coffee()).resize((200, 120)))
    known = np.zeros((120, 200), np.bool_)
    known[:, 20:180] = True
    joined = np.roll(whole, 100, 1)  # its seam is in the middle of the photo, and the photo's own middle at the edge
    apart = joined.copy()
    apart[:, 180:] = np.clip(apart[:, 180:].astype(int) + 60, 0, 255)
    found = {name: score(each, known, wrap=Wrap.X) for name, each in {"joined": joined, "apart": apart}.items()}
    assert (found["joined"].wrap or 9) < 1.5 < 2.5 < (found["apart"].wrap or 0)
    assert found["apart"].total < 0.7 * found["joined"].total
    assert score(joined, known).wrap is None
    assert "wrap" not in score(joined, known).as_dict()


def test_passes_keep_the_band_that_was_asked_for(run: Run) -> None:
    """What an earlier pass painted may change deeper in than the band of the photo, which must not."""
    picture = panorama()
    Image.fromarray(picture).save("photo.png")
    for options in (("--passes", 3), ("--passes", 2, "--wrap", "x")):
        sides = ("--sides", "0 9 0 9", "--band", 0, "--seed", 1, "-o", "out.png", "--overwrite")
        assert run("extend", "photo.png", *sides, *options).code == 0
        assert np.array_equal(pixels("out.png")[:, 9:-9], picture)
        assert run("verify", "out.png", "photo.png").code == 0


def test_what_cannot_be_joined_is_refused(run: Run, tmp_path: Path) -> None:
    Image.fromarray(panorama()).save("photo.png")
    ran = run("extend", "photo.png", "--sides", "0 9", "--wrap", "x", "--overlap", 60)
    assert ran.code != 0
    assert "a quarter of its width" in ran.err
    assert "Traceback" not in ran.err
    ran = run("extend", "photo.png", "--sides", "0 9", "--wrap", "z")
    assert ran.code == 2
    assert "x" in ran.err
    ran = run("extend", "photo.png", "--wrap", "x")
    assert ran.code == 2
    assert "nothing says how much" in ran.err


def test_a_control_image_shows_no_edges_that_join() -> None:
    plan = plan_extension(
        Input(pixels=panorama(), known=np.ones((97, 151), np.bool_)),
        Spec.of(sides=parse_sides("0 9"), wrap=Wrap.X, seed=1),
        SELF_PROFILE,
    )
    check_control_image(Conditions(), plan)
    with pytest.raises(BadRequest, match="--wrap x paints over them"):
        check_control_image(Conditions(control=["a"], control_image=Path("b.png")), plan)
