"""What the Python interface lays over a tiny SDXL is what the command line lays, with the same checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tinyconditions
import tinysdxl
from PIL import Image
from running import photo, recipe

import softextend
from softextend import cli
from softextend.jobs import ready
from softextend.models.conditions import caption
from softextend.sampling.progress import Silent

HOW: dict[str, Any] = {"seed": 7, "steps": 2, "strength": 0.8, "overlap": 8, "feather": 16, "fill": "edge"}
HERE: dict[str, Any] = {"device": "cpu", "dtype": "float32"}


class Hearing(Silent):
    """Keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, line: str) -> None:
        self.notes.append(line)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("api")
    tinysdxl.write_folder(home / "sdxl")
    photo(home / "photo.png")
    tinyconditions.kohya_file(home / "style.safetensors", sgm=True, parts=tinysdxl.make_parts(514))
    tinyconditions.adapter(home / "adapter.safetensors", plus=False)
    tinyconditions.write_encoder(home / "encoder")
    return home


@pytest.fixture(autouse=True)
def _of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("SOFTEXTEND_MODELS", raising=False)
    ready._last.clear()


def laid(home: Path) -> dict[str, Any]:
    """A LoRA, and the photo as its own prompt."""
    adapter = {"image_prompt": "self", "image_adapter": home / "adapter.safetensors", "image_encoder": home / "encoder"}
    return {"lora": f"{home / 'style.safetensors'}:0.9", "clip_skip": 3, "image_weight": 0.8, **adapter}


def words(options: dict[str, Any]) -> list[str]:
    return [str(word) for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]


def test_a_named_model_and_a_loaded_one_make_the_command_lines_picture(home: Path, tmp_path: Path) -> None:
    given = {**HOW, **laid(home)}
    where = ["--sides", "0 16 0 0", "--model", str(home / "sdxl"), *words(HERE), "-q"]
    told = [str(home / "photo.png"), *where, *words(given), "-o", str(tmp_path / "cli.png")]
    assert cli.run(["extend", *told]) == 0
    expected = np.asarray(Image.open(tmp_path / "cli.png"))
    named = softextend.extend(home / "photo.png", (0, 16, 0, 0), model=str(home / "sdxl"), **given, **HERE)
    assert np.array_equal(np.asarray(named.image), expected)
    model = softextend.load_model(str(home / "sdxl"), **laid(home), **HERE)
    kept = softextend.extend(home / "photo.png", (0, 16, 0, 0), model=model, **HOW)
    assert np.array_equal(np.asarray(kept.image), expected)
    theirs = recipe(tmp_path / "cli.png")
    for result, name in ((named, "named.png"), (kept, "kept.png")):
        ours = recipe(result.save(tmp_path / name))
        assert ours == theirs
    line = kept.command_line("again.png")
    assert "--lora" in line
    assert "--image-weight 0.8" in line
    assert cli.run(["redo", str(tmp_path / "kept.png"), "-o", str(tmp_path / "redone.png"), *words(HERE), "-q"]) == 0
    assert np.array_equal(np.asarray(Image.open(tmp_path / "redone.png")), expected)


def test_what_only_loading_can_honour_is_refused_beside_a_loaded_model(home: Path) -> None:
    model = softextend.load_model(str(home / "sdxl"), **HERE)
    for name, value in (("lora", "x.safetensors"), ("unet", "x.safetensors"), ("clip_skip", 2)):
        with pytest.raises(softextend.BadRequest, match=f"--{name.replace('_', '-')}: belongs to a model's loading"):
            softextend.extend(home / "photo.png", 8, model=model, **{name: value})  # type: ignore[arg-type]
    heard = Hearing()
    made = softextend.extend(home / "photo.png", 8, model=model, prompt="<lora:x:1>", listener=heard, **HOW)
    assert any("<lora:x> left out: the model is loaded already" in line for line in heard.notes)
    assert any("<lora:x> left out" in line for line in made.notes)
    with pytest.raises(softextend.BadRequest, match="--caption: belongs to a picture"):
        softextend.load_model(str(home / "sdxl"), caption="auto")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lora": "gone.safetensors"}, "--lora gone.safetensors: does not exist"),
        ({"lora": "a.safetensors:99"}, "the weight must be from -10 to 10"),
        ({"lora": 5}, "--lora 5: must be text, or a list of texts"),
        ({"image_prompt": "self"}, "--image-prompt self: needs --image-adapter FILE"),
        ({"image_weight": 3}, "--image-weight 3: must be from 0 to 2"),
        ({"control_type": "tile"}, "give --control FILE with it"),
        ({"clip_skip": 0}, "--clip-skip 0: must be from 1 to 12"),
        ({"preset": "nothing"}, "--preset nothing: must be one of"),
        ({"unet": "gone.safetensors"}, "--unet gone.safetensors: does not exist"),
        ({"steps": "many"}, "--steps many: must be a whole number"),
        ({"refiner": 3}, "--refiner 3: must be text"),
    ],
)
def test_values_are_checked_as_on_the_command_line(home: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(softextend.SoftExtendError, match=message):
        softextend.extend(home / "photo.png", 8, model=str(home / "sdxl"), **given)


def test_a_preset_gives_what_is_not_said_beside_it(home: Path) -> None:
    made = softextend.extend(home / "photo.png", model="self", preset="mk2", strength=0, seed=1)
    assert made.spec.mask.fill == "spectral:falloff=1,variation=0.05"
    assert made.spec.sampling.strength == 0  # ours
    assert made.spec.sampling.steps == 80
    assert made.image.size == (48 + 256, 40 + 256)  # its own 128 px a side in place of the default
    assert softextend.extend(home / "photo.png", 8, preset="mk2", strength=0, seed=1).image.size == (64, 56)


def test_a_caption_is_added_to_the_prompt(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caption, "load", lambda name: lambda picture: "a stunning harbour.")
    heard = Hearing()
    given = {**HOW, **HERE, "caption": True, "prompt": "at dusk"}
    made = softextend.extend(home / "photo.png", 8, model=str(home / "sdxl"), listener=heard, **given)
    assert made.spec.prompt.prompt == "at dusk, a harbour"
    assert "caption: a harbour" in heard.notes
    assert "'at dusk, a harbour'" in made.command_line("x.png")
    assert "--caption" not in made.command_line("x.png")


def test_self_says_what_it_takes_none_of(home: Path) -> None:
    made = softextend.extend(home / "photo.png", 8, model="self", strength=0, seed=1, lora=home / "style.safetensors")
    assert "model: self takes no --lora: left out" in made.notes
