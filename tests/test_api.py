"""The Python interface: what it makes, that it checks as the command line does, and that importing it costs nothing."""

from __future__ import annotations

import dataclasses
import inspect
import json
import runpy
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
from PIL import Image, ImageCms
from running import Run, size
from running import photo as write_photo
from toymodel import ToyModel

import softextend
from softextend import api
from softextend.jobs import ready
from softextend.models.conditions.options import Conditions
from softextend.models.engine import Engine
from softextend.options import GROUP_OF, HOW_MUCH, Selection
from softextend.pictures.read import read_recipe
from softextend.sampling.progress import Silent

ROOT = Path(__file__).parents[1]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    write_photo(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_all_is_there_and_nothing_heavy_is_loaded() -> None:
    code = "import sys, softextend; print(sorted({'torch', 'numpy', 'PIL', 'cv2', 'typer'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
    assert all(hasattr(softextend, name) for name in softextend.__all__)
    assert sorted(softextend.__all__) == dir(softextend)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = softextend.nothing


def test_functions_stay_functions_when_modules_of_their_name_are_imported() -> None:
    code = (
        "import softextend, softextend.extend, softextend.fill; from softextend.fill import parse_fill;"
        "assert callable(softextend.extend) and callable(softextend.fill); parse_fill('edge')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_picture_grows_and_keeps_its_middle(photo: Path) -> None:
    result = softextend.extend(photo, (8, 16, "25%", 24), model=ToyModel(), seed=5)
    assert result.image.size == (48 + 16 + 24, 40 + 8 + 10)
    assert result.mask.size == result.image.size
    assert result.mask.getpixel((0, 0)) == 255
    before = Image.open(photo)
    assert result.image.getpixel((24 + 24, 8 + 20)) == before.getpixel((24, 20))
    assert result.seed == 5
    assert 0 <= result.scores.total <= 1


@pytest.mark.parametrize("kind", ["path", "text", "bytes", "PIL", "array", "grey", "RGBA"])
def test_every_kind_of_picture_gives_the_same(photo: Path, kind: str) -> None:
    image = Image.open(photo).convert("RGB")
    given: Any = {
        "path": photo,
        "text": str(photo),
        "bytes": photo.read_bytes(),
        "PIL": image,
        "array": np.asarray(image),
        "grey": np.asarray(image.convert("L")),
        "RGBA": image.convert("RGBA"),
    }[kind]
    made = softextend.extend(given, 8, model=ToyModel(), seed=1, fill="edge", strength=0)
    expected = softextend.extend(
        image.convert("L") if kind == "grey" else photo, 8, model=ToyModel(), seed=1, strength=0
    )
    assert np.array_equal(np.asarray(made.image), np.asarray(expected.image))


def test_the_result_is_the_command_lines_to_the_byte(run: Run, photo: Path) -> None:
    run("extend", photo, "--sides", 0, 16, 0, 8, "--seed", 3, "-o", "cli.png")
    softextend.extend(photo, (0, 16, 0, 8), seed=3).save("api.png")
    assert np.array_equal(np.asarray(Image.open("cli.png")), np.asarray(Image.open("api.png")))
    ours, theirs = read_recipe(Path("api.png")), read_recipe(Path("cli.png"))
    assert {**ours, "command": 0} == {**theirs, "command": 0}
    assert ours["command"]["input"] == theirs["command"]["input"]
    assert ours["command"]["input_sha256"] == theirs["command"]["input_sha256"]


def test_a_saved_result_can_be_made_again(run: Run, photo: Path) -> None:
    softextend.extend(photo, aspect="2:1", seed=3).save("b.png")
    ran = run("redo", "b.png", "--model", "self", "-o", "again.png")
    assert ran.code == 0, ran.err
    assert np.array_equal(np.asarray(Image.open("b.png")), np.asarray(Image.open("again.png")))


def test_what_came_in_goes_out(tmp_path: Path) -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = write_photo(tmp_path / "a.jpg", icc_profile=icc, dpi=(300, 300))
    made = softextend.extend(tmp_path / "a.jpg", 8, model=ToyModel(), seed=1)
    saved = Image.open(made.save(tmp_path / "out.png"))
    assert saved.info["icc_profile"]
    assert round(saved.info["dpi"][0]) == 300
    assert json.loads(saved.text["softextend"])["seed"] == 1  # type: ignore[attr-defined]
    assert image.size == (48, 40)
    with pytest.raises(softextend.OutputError, match="exists already"):
        made.save(tmp_path / "out.png")
    made.save(tmp_path / "out.png", overwrite=True)


def test_paint_changes_what_the_mask_says(photo: Path) -> None:
    mask = np.zeros((40, 48), np.float32)
    mask[:, 30:] = 1
    before = np.asarray(Image.open(photo).convert("RGB"))
    kinds = [mask, (mask * 255).astype(np.uint8), Image.fromarray((mask * 255).astype(np.uint8))]
    made = [np.asarray(softextend.paint(photo, each, model=ToyModel(), seed=1).image) for each in kinds]
    assert np.array_equal(made[0][:, :28], before[:, :28])
    assert not np.array_equal(made[0][:, 32:], before[:, 32:])
    assert np.array_equal(made[0], made[1])
    assert np.array_equal(made[0], made[2])
    with pytest.raises(softextend.BadRequest, match="the mask is 47x40, the picture 48x40"):
        softextend.paint(photo, mask[:, 1:], model=ToyModel())


def test_fill_is_the_fill_alone(photo: Path) -> None:
    made = np.asarray(softextend.fill(photo, (0, 8, 0, 0), "edge"))
    before = np.asarray(Image.open(photo).convert("RGB"))
    assert np.array_equal(made[:, :48], before)
    assert np.array_equal(made[:, 48:], np.repeat(before[:, -1:], 8, 1))


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"sides": -1}, "BadRequest", "--sides -1: each side must be 0 or more"),
        ({"sides": (1, 2, 3, 4, 5)}, "BadRequest", "--sides 1 2 3 4 5: give one value"),
        ({"sides": None}, "BadRequest", "nothing says how much to add"),
        ({"aspect": "16-9"}, "BadRequest", "--aspect '16-9': write width:height"),
        ({"strength": 1.5}, "BadRequest", "--strength 1.5: must be from 0 to 1"),
        ({"strength": float("nan")}, "BadRequest", "--strength nan: must be from 0 to 1"),
        ({"overlap": 5000}, "BadRequest", "--overlap 5000: must be from 0 to 4096 px"),
        ({"sampler": "fast"}, "BadRequest", "--sampler fast: must be one of euler, "),
        ({"fill": "foam"}, "BadRequest", "--fill foam: no such fill"),
        ({"colour": 1}, "BadRequest", "colour: no such option; there are sides, "),
        ({"best_of": 0}, "BadRequest", "--best-of 0: must be from 1 to"),
        ({"min_score": 1.0}, "BrokenPromise", "below --min-score 1"),
        ({"seed": 2**63}, "BadRequest", f"--seed {2**63}: must be at most"),
    ],
)
def test_values_are_checked_as_on_the_command_line(photo: Path, given: dict[str, Any], kind: str, message: str) -> None:
    with pytest.raises(getattr(softextend, kind)) as caught:
        softextend.extend(photo, **{"sides": None if "aspect" in given else 8, "model": ToyModel(), **given})
    assert str(caught.value).startswith(message) or message in str(caught.value)
    assert isinstance(caught.value, softextend.SoftExtendError)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    for image in (np.zeros((4, 4), np.float32), np.zeros((4, 4, 2), np.uint8), np.zeros((0, 4), np.uint8), b"text"):
        with pytest.raises(softextend.BadPicture):
            softextend.extend(image, model=ToyModel())
    with pytest.raises(softextend.SoftExtendError, match=r"gone\.png"):
        softextend.extend(tmp_path / "gone.png", model=ToyModel())


def test_a_listener_hears_steps_notes_and_previews(photo: Path) -> None:
    steps: list[tuple[int, int]] = []
    softextend.extend(photo, 8, model=ToyModel(), seed=1, listener=lambda done, total: steps.append((done, total)))
    assert steps
    assert steps[-1][0] == steps[-1][1]

    class Watch(Silent):
        looks: list[tuple[int, ...]] = []  # noqa: RUF012
        notes: list[str] = []  # noqa: RUF012

        def preview(self, look: Any) -> None:
            self.looks.append(look().shape)

        def note(self, line: str) -> None:
            self.notes.append(line)

    softextend.extend(photo, 8, model=ToyModel(), seed=1, best_of=2, listener=Watch())
    assert len(Watch.looks) == 2 * len(steps)
    assert all(len(shape) == 3 and shape[2] == 3 for shape in Watch.looks)
    assert any(line.startswith("seed 2: seam score") for line in Watch.notes)


def test_a_listener_stops_the_work_by_raising(photo: Path) -> None:
    class StopHereError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise StopHereError

    with pytest.raises(StopHereError):
        softextend.extend(photo, 8, model=ToyModel(), listener=stop)


def test_a_named_model_is_loaded_once(run: Run, photo: Path) -> None:
    ready._last.clear()
    for _ in range(3):
        softextend.extend(photo, 8, model="self", seed=1, strength=0)
    assert len(run.loads) == 1  # type: ignore[attr-defined]
    ready._last.clear()


def test_options_are_the_command_lines() -> None:
    own = {"sides", "prompt", "negative", "seed", "model"}
    selection = {each.name for each in dataclasses.fields(Selection)} - {"num", "keep_all"}
    assert set(get_type_hints(api.Options)) == {*GROUP_OF, *selection} - own
    laid, engine = ({each.name for each in dataclasses.fields(kind)} for kind in (Conditions, Engine))
    assert set(get_type_hints(api.Conditioned)) == ({*GROUP_OF} | selection | laid | engine) - own
    loading = set(inspect.signature(softextend.load_model).parameters) | set(get_type_hints(api.Laid))
    assert loading - {"name", "listener", "laid"} == (laid | engine) - {"preset", "caption", "model"}
    for function in (softextend.extend, softextend.paint, softextend.fill, softextend.load_model):
        assert (inspect.getdoc(function) or "").strip()
    assert set(HOW_MUCH) <= set(GROUP_OF)


@pytest.mark.usefixtures("run")
def test_the_example_runs(photo: Path, tmp_path: Path) -> None:
    script = runpy.run_path(str(ROOT / "examples" / "variations.py"))
    script["main"](str(photo), str(tmp_path / "best.png"))
    assert size(tmp_path / "best.png") == (48 + 128, 40)


def test_bytes_in_memory_come_back_as_a_picture(photo: Path) -> None:
    stream = BytesIO()
    softextend.extend(photo, 8, model=ToyModel(), seed=1).image.save(stream, "PNG")
    assert Image.open(stream).size == (64, 56)


def test_what_the_built_in_model_does_badly_is_noted_as_on_the_command_line(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    write_photo(path, 96, 72)
    how: dict[str, Any] = {"fill": "mirror", "strength": 0.0, "seed": 1}
    softextend.extend(path, "0 100% 0 0", **how).save(tmp_path / "python.png")
    words = [f"--{name}={value}" for name, value in how.items()]
    run("extend", path, "--sides", "0", "100%", "0", "0", "--model", "self", *words, "-o", tmp_path / "shell.png")
    notes = [read_recipe(tmp_path / name)["plan"]["notes"] for name in ("python.png", "shell.png")]
    assert "only repeats what the photo shows" in notes[0][-1]
    assert notes[0] == notes[1]


@pytest.mark.parametrize("image", [None, 3, ["a.png"]])
def test_what_is_no_picture_at_all(image: Any) -> None:
    with pytest.raises(softextend.BadPicture, match="must be a path, bytes, a PIL image or a NumPy array"):
        softextend.extend(image, (0, 8, 0, 0))


def test_an_aspect_as_a_number(photo: Path) -> None:
    assert softextend.extend(photo, aspect=2, strength=0).image.size == (80, 40)
    with pytest.raises(softextend.BadRequest, match="--aspect"):
        softextend.extend(photo, aspect=-1.5)
