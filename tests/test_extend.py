"""The whole way of one picture, with a toy model at the seam: what is kept, what is new, what goes wrong."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import numpy as np
import pytest
import torch
from making import Told, extended, prepared, repainted
from skimage import data
from toymodel import TOY_PROFILE as PROFILE
from toymodel import ToyModel

from softextend.errors import BadModel, BadRequest, OutOfMemory
from softextend.extend import Result
from softextend.mask import latent_change
from softextend.options import Spec
from softextend.plan.grammar import parse_sides
from softextend.plan.read_recipe import spec_of
from softextend.types import Conditioning, Model, Predict, Profile, Scene, Stage


class Toy(ToyModel):
    """A toy that remembers what was asked of it, with any denoiser and a list of lighter ways to run."""

    def __init__(
        self, profile: Profile = PROFILE, denoise: Callable[[torch.Tensor], torch.Tensor] | None = None
    ) -> None:
        self.profile = profile
        self.denoise = denoise or (lambda x: torch.tanh(x) * 0.8)
        self.scenes: list[Scene] = []
        self.calls = 0
        self.embedded: list[tuple[str, str]] = []
        self.lighter: list[str] = []

    def embed(self, prompt: str, negative: str, photo: object = None) -> Conditioning:
        self.embedded.append((prompt, negative))
        return super().embed(prompt, negative, photo)

    def predict(self, scene: Scene) -> Predict:
        self.scenes.append(scene)

        def noise(x: torch.Tensor, t: float, keep: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return self.denoise(x)

        return noise

    def reduce_memory(self) -> str | None:
        return self.lighter.pop(0) if self.lighter else None


def spec(sides: str = "0 24 0 24", **more: object) -> Spec:
    return Spec.of(**{"sides": parse_sides(sides), "seed": 5, **more})


def photo(height: int = 90, width: int = 120) -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[100 : 100 + height, 100 : 100 + width])


def run(pixels: np.ndarray, asked: Spec, model: Model | None = None, known: np.ndarray | None = None) -> Result:
    known = np.ones(pixels.shape[:2], bool) if known is None else known
    return extended(pixels, known, asked, model or Toy())


@pytest.mark.parametrize("sides", ["0 24 0 24", "7 0 0 0", "3 5 11 1", "0 0 25% 0", "0 0 0 100"])
@pytest.mark.parametrize("size", [(90, 120), (61, 37), (8, 8), (1, 1), (1, 90)])
def test_output_is_input_plus_sides_and_the_middle_is_untouched(sides: str, size: tuple[int, int]) -> None:
    pixels = photo(*size)
    asked = spec(sides, allow_large=True)
    if sides == "0 0 25% 0" and size[0] == 1:
        with pytest.raises(BadRequest):
            run(pixels, asked)
        return
    result = run(pixels, asked)
    ready = prepared(pixels, np.ones(size, bool), asked, PROFILE)
    canvas = ready.plan.canvas
    assert result.pixels.shape == (*canvas.shape, 3)
    sides_px = canvas.sides
    assert canvas.size == (size[1] + sides_px.left + sides_px.right, size[0] + sides_px.top + sides_px.bottom)
    kept = latent_change(ready.change) == 0
    assert np.array_equal(result.pixels[kept], ready.filled[kept])
    inner = result.pixels[sides_px.top :, sides_px.left :][: size[0], : size[1]]
    far = kept[sides_px.top :, sides_px.left :][: size[0], : size[1]]
    assert np.array_equal(inner[far], pixels[far])
    band = result.recipe["band_px"]
    assert band <= PROFILE.overlap + PROFILE.feather // 2


def test_kept_pixels_fill_their_box() -> None:
    pixels = photo()
    result = run(pixels, spec())
    box, band = result.recipe["original_box"], result.recipe["band_px"]
    inside = slice(box["left"] + band, box["left"] + box["width"] - band)
    assert inside.stop > inside.start
    assert np.array_equal(result.pixels[:, inside], pixels[:, band : 120 - band])


def test_new_area_is_wholly_repainted() -> None:
    """Nothing of the fill shows: with a model that paints one colour, the new area is that colour up to the border."""
    model = Toy(denoise=lambda x: x)
    result = run(photo(), spec(strength=1.0), model)
    new = np.concatenate([result.pixels[:, :24], result.pixels[:, -24:]], 1)
    assert np.array_equal(new, np.concatenate([result.raw[:, :24], result.raw[:, -24:]], 1))


def test_same_seed_same_bytes_and_another_seed_other_bytes() -> None:
    first, again, other = (run(photo(), spec(seed=seed)) for seed in (5, 5, 6))
    assert first.pixels.tobytes() == again.pixels.tobytes()
    assert first.pixels.tobytes() != other.pixels.tobytes()


def test_input_is_not_mutated() -> None:
    pixels = photo()
    before = pixels.copy()
    run(pixels, spec())
    assert np.array_equal(pixels, before)


def test_strength_zero_is_the_fill_alone() -> None:
    model = Toy()
    result = run(photo(), spec(strength=0.0), model)
    assert model.calls == 0
    assert np.array_equal(result.pixels, result.filled)


def test_transparent_pixels_are_filled_and_the_rest_kept() -> None:
    pixels, known = photo(), np.ones((90, 120), bool)
    known[30:50, 40:70] = False
    pixels[~known] = (255, 0, 255)
    result = run(pixels, spec("0 0 0 0"), known=known)
    assert result.pixels.shape == pixels.shape
    assert not (result.pixels[30:50, 40:70] == (255, 0, 255)).all(-1).any()
    assert np.array_equal(result.pixels[:10], pixels[:10])
    both = run(pixels, spec("0 16 0 0"), known=known)
    assert both.pixels.shape == (90, 136, 3)


def test_stages_run_coarse_to_fine_at_their_scale() -> None:
    stages = (Stage(scale=0.5, strength=0.4, steps=10), Stage(strength=0.2, steps=10))
    model = Toy(dataclasses.replace(PROFILE, stages=stages))
    told = Told()
    extended(photo(100, 140), np.ones((100, 140), bool), spec(), model, told)
    assert [scene.known.shape for scene in model.scenes] == [(56, 96), (104, 192)]
    assert [scene.stage for scene in model.scenes] == [0, 1]
    assert told.steps == [(k, 6) for k in range(1, 7)]
    small = Toy(dataclasses.replace(PROFILE, stages=stages))
    run(photo(40, 40), spec(), small)
    assert len(small.scenes) == 1


def test_strength_and_steps_replace_every_stages_own() -> None:
    model = Toy()
    run(photo(), spec(strength=0.5, steps=8), model)
    assert model.calls == 4
    with pytest.raises(BadRequest, match=r"runs no step: use --steps 10 or more"):
        run(photo(), spec(strength=0.1, steps=8))


def test_a_decoder_that_overflows_is_tried_once_more_exactly() -> None:
    class Overflowing(Toy):
        asked: tuple[bool, ...] = ()

        def decode(self, z: torch.Tensor, *, exact: bool = False) -> torch.Tensor:
            self.asked += (exact,)
            return super().decode(z) if exact else torch.full_like(super().decode(z), float("nan"))

    model = Overflowing()
    result = run(photo(), spec(), model)
    assert model.asked == (False, True)
    assert any("VAE overflowed" in note for note in result.notes)
    assert result.pixels.any()


def test_never_a_black_picture() -> None:
    class Broken(Toy):
        def decode(self, z: torch.Tensor, *, exact: bool = False) -> torch.Tensor:
            return torch.full_like(super().decode(z), float("inf"))

    with pytest.raises(BadModel, match=r"VAE of toy.*--vae FILE"):
        run(photo(), spec(), Broken())
    with pytest.raises(BadModel, match=r"latents with NaN or Inf.*--dtype float32"):
        run(photo(), spec(), Toy(denoise=lambda x: x * float("nan")))


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("made up"),
        RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    ],
    ids=["cuda", "mps", "cpu"],
)
def test_out_of_memory_goes_to_lighter_ways_and_then_says_so(error: RuntimeError) -> None:
    class Hungry(Toy):
        failures = 2

        def encode(self, pixels: torch.Tensor) -> torch.Tensor:
            if self.failures:
                self.failures -= 1
                raise error
            return super().encode(pixels)

    model = Hungry()
    model.lighter = ["model offload", "sequential offload"]
    result = run(photo(), spec(), model)
    assert result.notes == ("model offload", "sequential offload")
    assert np.array_equal(result.pixels, run(photo(), spec()).pixels)
    model = Hungry()
    with pytest.raises(OutOfMemory, match="smaller"):
        run(photo(), spec(), model)


def test_too_little_to_copy_is_said() -> None:
    small = {"overlap": 1, "feather": 1}  # named, so that nothing is said of them
    result = run(photo(5, 5), spec("0 9 0 0", fill="patch", **small))
    assert len(result.notes) == 1
    assert "too little of the picture is known for patches" in result.notes[0]
    passes = run(photo(5, 5), spec("0 9 0 0", fill="patch", passes=3, **small))
    assert passes.notes == result.notes  # once, however many passes
    assert run(photo(5, 5), spec("0 9 0 0", fill="edge", **small)).notes == ()
    assert run(photo(30, 30), spec("0 9 0 0", fill="patch", **small)).notes == ()


def test_other_faults_are_not_taken_for_a_lack_of_memory() -> None:
    class Faulty(Toy):
        def encode(self, pixels: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("shapes do not match")

    model = Faulty()
    model.lighter = ["model offload"]
    with pytest.raises(RuntimeError, match="shapes"):
        run(photo(), spec(), model)


def test_paint_repaints_by_the_mask_and_keeps_the_rest() -> None:
    pixels = photo()
    mask = np.zeros((90, 120), np.float32)
    mask[:, 80:] = 1
    mask[:, 60:80] = np.linspace(0, 1, 20)
    result = repainted(pixels, mask, spec("0 0 0 0"), Toy())
    assert np.array_equal(result.pixels[:, :60], pixels[:, :60])
    assert (result.pixels[:, 80:] != pixels[:, 80:]).any()
    with pytest.raises(BadRequest, match=r"mask is 119x90 and the picture 120x90"):
        repainted(pixels, mask[:, 1:], spec("0 0 0 0"), Toy())
    with pytest.raises(BadRequest, match="black everywhere"):
        repainted(pixels, mask * 0, spec("0 0 0 0"), Toy())


def test_recipe_is_json_and_runs_again() -> None:
    result = run(photo(), spec(prompt="a, b", negative="c", strength=0.6))
    text = json.dumps(result.recipe)
    again = run(photo(), spec_of(json.loads(text)))
    assert again.pixels.tobytes() == result.pixels.tobytes()
    assert result.recipe["model"] == Toy().as_dict()
    assert {"torch", "diffusers", "numpy"} <= set(result.recipe["versions"])


def test_parameters_read_as_other_tools_write_them() -> None:
    lines = run(photo(), spec(prompt="sea", negative="people")).parameters.split("\n")
    assert lines[:2] == ["sea", "Negative prompt: people"]
    pairs = dict(pair.split(": ", 1) for pair in lines[2].split(", "))
    assert pairs["Seed"] == "5"
    assert pairs["Sampler"] == "Euler"
    assert pairs["Size"] == "168x90"
    assert pairs["Model"] == "toy"
    assert pairs["Denoising strength"] == "0.8"


def test_prompt_is_embedded_once() -> None:
    model = Toy()
    run(photo(), spec(prompt="x"), model)
    assert model.embedded == [("x", "")]
