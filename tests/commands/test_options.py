"""Every option of every command: its help says unit, range and default, and it changes what the command does."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from inspect import Parameter
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
import typer.main
from PIL import Image
from running import Run
from typer.models import ParameterInfo

from softextend import cli
from softextend.commands import signatures
from softextend.commands.report import Report
from softextend.commands.typer_args import parameters
from softextend.option_fields import about
from softextend.pictures import read
from softextend.pictures.damage import Ending, Layout

COMMANDS = typer.main.get_command(cli.app_for([])).commands  # type: ignore[attr-defined]
GROW = "--all 8"

# What shows that an option is used: words with it, and the words without it that do something else.
Shown = str | tuple[str, str]
MODEL: dict[str, Shown] = {
    "model": "--model gone.safetensors",
    "profile": "--profile few-step",
    "prediction": "--prediction v",
    "device": "--device mps",
    "dtype": "--dtype float32",
    "offload": "--offload none",
    "compile": "--compile",
    "vae": "--vae v.safetensors",
    "preview_vae": "--preview-vae t.safetensors",
    "unet": "--unet u.safetensors",
}
NAMED = ("model", "profile", "prediction", "vae", "unet")
CONDITIONS: dict[str, Shown] = {
    "preset": "--preset mosaic",
    "lora": "--lora l.safetensors",
    "embedding": "--embedding x=l.safetensors",
    "caption": "--caption auto",
    "clip_skip": "--clip-skip 3",
    "image_prompt": "--image-prompt self",
    "image_weight": "--image-weight 0.5",
    "image_steps": "--image-steps 0-0.5",
    "image_adapter": "--image-adapter l.safetensors",
    "image_encoder": "--image-encoder l.safetensors",
    "control": "--control l.safetensors",
    "control_type": "--control l.safetensors --control-type tile",
    "control_image": "--control l.safetensors --control-image a.png",
    "refiner": "--refiner l.safetensors",
    "refiner_start": "--refiner-start 0.5",
}
PROMPTING: dict[str, Shown] = {
    "prompt": "-p sea",
    "negative": "-n people",
    "steps": "--steps 40",
    "guidance": "--guidance 2",
    "guidance_steps": "--guidance-steps 0.1-0.8",
    "resample": "--resample 1",
    "think": "--think 1",
    "told_size": "--told-size auto",
    "sampler": "--sampler ddim",
    "seed": "--seed 7",
}
SAMPLING: dict[str, Shown] = PROMPTING | {
    "strength": "--strength 0.5",
    "guidance_rescale": "--guidance-rescale 0.5",
    "method": "--method classic",
    "refine_strength": "--refine-strength 0.3",
    "color_match": "--no-color-match",
}
AREA: dict[str, Shown] = {
    "sides": ("--sides 4", GROW),
    "aspect": ("--aspect 2:1", GROW),
    "size": ("--size 80x80", GROW),
    "scale": ("--scale 1.5", GROW),
    "all": ("--all 9", GROW),
    "anchor": (f"{GROW} --anchor top", GROW),
    "fit": ("--size 32x64 --fit", "--size 32x64"),
    "trim": (f"{GROW} --trim 2", GROW),
    "fill": (f"{GROW} --fill gray", GROW),
    "overlap": (f"{GROW} --overlap 2", GROW),
    "feather": (f"{GROW} --feather 2", GROW),
    "change": (f"{GROW} --change 0.5", GROW),
    "wrap": (f"{GROW} --wrap x", GROW),
    "allow_large": ("--sides 0 0 0 193 --allow-large", "--sides 0 0 0 193"),
}
BAND: dict[str, Shown] = {"band": (f"{GROW} --band 0", GROW)}
DEMAND: dict[str, Shown] = {
    "num": "--num 2",
    "best_of": "--best-of 2",
    "keep_all": ("--best-of 2 --keep-all", "--best-of 2"),
    "retry": "--retry 1",
    "min_score": "--min-score 1",
}
PLACING: dict[str, Shown] = {
    "output": "-o n.png",
    "out_dir": "--out-dir d",
    "overwrite": ("-o there.png --overwrite", "-o there.png"),
}
WRITING: dict[str, Shown] = PLACING | {"format": "--format bmp", "alpha": "--alpha keep"}
SKIP: dict[str, Shown] = {"skip_existing": ("-o there.png --skip-existing=any", "-o there.png")}
TREE: dict[str, Shown] = {"keep_tree": ("p/c.png --out-dir d --keep-tree", "p/c.png --out-dir d")}
LOOKING: dict[str, Shown] = {"save_steps": "--save-steps s", "dry_run": "--dry-run", "plan_image": "--plan-image p.png"}
TALK: dict[str, Shown] = {"json": "--json", "quiet": "-q", "verbose": "-v"}
TABLE: dict[str, Shown] = {"table": "--report r.csv"}
CLUSTER: dict[str, Shown] = {"ray": "--ray 127.0.0.1:1", "max_retries": "--max-retries 3", "num_gpus": "--num-gpus 0.5"}
TELLING: dict[str, Shown] = {"json": "--json", "verbose": "-v"}
HUGE: dict[str, Shown] = {"allow_huge": "--allow-huge"}
READ: dict[str, Shown] = HUGE | {"allow_damaged": "--allow-damaged"}
LIST: dict[str, Shown] = {"files_from": "--files-from list"}
PASSES: dict[str, Shown] = {"passes": "--passes 2"}
ZOOMING: dict[str, Shown] = {
    "factor": "--factor 1.3",
    "seconds": "--seconds 0.2",
    "fps": "--fps 40",
    "anchor": "--anchor top",
    "reverse": "--reverse",
    "trim": "--trim 2",
    "ease": "--ease",
    "fill": "--fill gray",
    "output": "-o n.gif",
    "frame_size": "--size 32x32",
    "save_steps": "--save-steps s",
    "overwrite": ("-o there.gif --overwrite", "-o there.gif"),
    "dry_run": "--dry-run",
}
SWEEPING: dict[str, Shown] = {
    "strengths": "--strength 0.5",
    "output": "-o n.png",
    "overwrite": ("-o there.png --overwrite", "-o there.png"),
}
# The words that each command starts with, and what shows its options.
TRIED: dict[str, tuple[str, dict[str, Shown]]] = {
    "extend": (
        "extend a.png",
        AREA
        | BAND
        | SAMPLING
        | PASSES
        | DEMAND
        | CONDITIONS
        | MODEL
        | LIST
        | READ
        | WRITING
        | SKIP
        | TREE
        | LOOKING
        | TALK
        | CLUSTER
        | TABLE,
    ),
    "paint": (
        "paint a.png m.png",
        SAMPLING | DEMAND | CONDITIONS | MODEL | READ | WRITING | SKIP | LOOKING | TALK | TABLE,
    ),
    "prepare": (
        "prepare a.png",
        AREA
        | {"model": MODEL["model"], "profile": MODEL["profile"], "seed": f"{GROW} --fill perlin --seed 7"}
        | LIST
        | READ
        | PLACING
        | SKIP
        | TREE
        | TALK
        | TABLE,
    ),
    "redo": ("redo r.png", MODEL | {"input": "--input b.png"} | READ | WRITING | TALK),
    "zoom": ("zoom a.png -o z.gif", SAMPLING | PASSES | ZOOMING | CONDITIONS | MODEL | READ | TALK),
    "verify": ("verify r.png a.png", {"mask": "--mask black.png", "quiet": "-q"} | READ | TELLING),
    "score": ("score e.png a.png", READ | TELLING),
    "sweep": ("sweep a.png", AREA | BAND | PROMPTING | SWEEPING | CONDITIONS | MODEL | READ | TALK),
    "report": ("report r.csv", TELLING),
    "models": ("models", {name: MODEL[name] for name in NAMED} | {"explain": "--explain"} | TELLING),
    "fills": ("fills", TELLING),
    "presets": ("presets", TELLING),
    "doctor": ("doctor", {"ray": CLUSTER["ray"]} | TELLING),
    "config": ("config", TELLING),
}
DEFAULTS = {  # what a run has where the option in question does not say something else
    "extend": (GROW, "--seed 5", "--fill edge"),
    "paint": ("--seed 5",),
    "prepare": (GROW, "--seed 5", "--fill edge"),
    "zoom": ("--seed 5", "--factor 1.2", "--seconds 0.1", "--fps 20", "--fill edge"),
    "sweep": (GROW, "--seed 5", "--strength 0.4,0.8", "--fill edge"),
}


SILENT = (
    "verify",
    "score",
    "report",
    "models",
    "fills",
    "presets",
    "doctor",
    "config",
)  # -v shows only where an error comes from
# their examples show by an error that they are used; zoom refuses --control-image, since it makes several pictures
REFUSED = ("model", "profile", "prediction", "refine_strength", "guidance_steps", "told_size", "min_score", "mask")


def every_field(kind: Any) -> Iterator[Field[Any]]:
    """The fields of a signature, group by group."""
    hints = get_type_hints(kind)
    for each in fields(kind):
        if is_dataclass(hints[each.name]):
            yield from every_field(hints[each.name])
        else:
            yield each


def typer_info(option: Parameter) -> ParameterInfo:
    """What Typer is told of a parameter."""
    info = get_args(option.annotation)[1]
    assert isinstance(info, ParameterInfo)
    return info


def options_of(command: str) -> list[Any]:
    return [each for each in COMMANDS[command].params if each.param_type_name == "option"]


def test_every_command_is_tried() -> None:
    assert sorted([*TRIED, "ui"]) == sorted(COMMANDS), "ui runs until it is stopped: tests/web tries its options"


@pytest.mark.parametrize("command", TRIED)
def test_every_option_changes_something(
    command: str,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    start, shown = TRIED[command]
    assert sorted(shown) == sorted(each.name for each in options_of(command)), "give each option an example here"
    desk = furnished(tmp_path / "desk", run)
    seen: dict[str, Any] = {}

    def look(words: str, name: str) -> Any:
        with monkeypatch.context() as patched:
            if name == "allow_huge":
                patched.setattr(read, "LARGEST", 100)
            if name == "allow_damaged":
                cut_short(patched, (desk / "a.png").read_bytes())
            if name == "verbose" and command in SILENT:
                patched.setattr(Report, "print", fault)
            return tried(run, words, desk, tmp_path / "run", patched)

    def remembered(words: str, name: str) -> Any:
        key = f"{words} ({name})" if name in ("allow_huge", "allow_damaged", "verbose") else words
        if key not in seen:
            seen[key] = look(words, name)
        return seen[key]

    unused, refused = [], []
    for name, example in shown.items():
        words, without = example if isinstance(example, tuple) else (example, "")
        pair = [with_defaults(command, start, each) for each in (words, without)]
        done = look(pair[0], name)
        if done == remembered(pair[1], name):
            unused.append(name)
        meant = name in (*REFUSED, *CLUSTER, "control_image") or (name == "verbose" and command in SILENT)
        if done[0] != 0 and not meant:
            refused.append((name, done[1]))
    assert not unused
    assert not refused
    plain = with_defaults(command, start, "")
    assert look(plain, "") == look(plain, ""), "what is compared must not change by itself"


def cut_short(patched: pytest.MonkeyPatch, photo: bytes) -> None:
    """Makes the photo a JPEG whose second half is missing, for whoever reads it; other files stay as they are."""
    ended, layout_of = read.ended, read.layout_of
    cut = Ending(said="cut", missing=0.5)
    patched.setattr(read, "ended", lambda data: (data, cut) if data == photo else ended(data))
    patched.setattr(read, "layout_of", lambda data: Layout() if data == photo else layout_of(data))


def with_defaults(command: str, start: str, words: str) -> str:
    """The whole command line: what `words` leave unsaid is as in DEFAULTS; growth is said once."""
    grows = re.search(r"--(sides|aspect|size|scale|all) ", words) and command != "zoom"
    left = [
        each
        for each in DEFAULTS.get(command, ())
        if not re.search(rf"{each.split()[0]}\b", words) and not (grows and each == GROW)
    ]
    if " -o " in start and "-o " in words:
        start = start.partition(" -o ")[0]
    return " ".join([start, words, *left])


def furnished(desk: Path, run: Run) -> Path:
    """A folder with all that the examples name."""
    desk.mkdir()
    y, x = np.mgrid[:40, :48]
    pixels = np.stack([x * 5, y * 6, (x * y) % 250], axis=2).astype(np.uint8)
    half_clear = np.full((40, 48, 1), 255, np.uint8)
    half_clear[:6, :6] = 140
    Image.fromarray(np.concatenate([pixels, half_clear], 2)).save(desk / "a.png")
    Image.fromarray(pixels[::-1]).save(desk / "b.png")
    for name in ("there.png", "there.gif"):
        shutil.copy(desk / "b.png", desk / name)
    (desk / "p").mkdir()
    shutil.copy(desk / "b.png", desk / "p" / "c.png")
    mask = np.zeros((40, 48), np.uint8)
    Image.fromarray(mask).save(desk / "black.png")
    mask[:, 32:] = 255
    Image.fromarray(mask).save(desk / "m.png")
    (desk / "list").write_text("b.png\n")
    (desk / "l.safetensors").touch()  # laid over `self`, which takes none and says so
    photo, seed = desk / "a.png", ("--seed", 5)
    assert run("paint", photo, desk / "m.png", "-o", desk / "r.png", *seed).code == 0
    assert run("extend", photo, *GROW.split(), "--fill", "edge", "-o", desk / "e.png", *seed).code == 0
    return desk


def tried(run: Run, words: str, desk: Path, place: Path, patched: pytest.MonkeyPatch) -> Any:
    """All that can be seen of one command line, in a fresh copy of the folder; times taken out."""
    shutil.copytree(desk, place)
    patched.chdir(place)
    run.loads.clear()  # type: ignore[attr-defined]
    ran = run(*words.split())
    files = {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}
    shutil.rmtree(place)
    talk = [re.sub(r'\d+\.\d s\b|"seconds": [\d.]+|[\d.]+ GiB|_bytes": \d+', "", text) for text in (ran.out, ran.err)]
    loads = [{name: each[name] for name in ("device", "dtype", "offload", "vae")} for each in run.loads]  # type: ignore[attr-defined]
    return ran.code, talk, files, loads


def fault(*given: object) -> None:
    raise KeyError("a fault")


# --- help ----------------------------------------------------------------------------------------------------------


SIGNATURES = {each.name: getattr(signatures, each.name.capitalize()) for each in COMMANDS.values()}
FIELDS = [
    pytest.param(field, option, id=f"{command} {field.name}")
    for command, kind in SIGNATURES.items()
    for field, option in zip(every_field(kind), parameters(kind), strict=True)
]


def test_every_signature_is_looked_at() -> None:
    for command, kind in SIGNATURES.items():
        assert [each.name for each in every_field(kind)] == [each.name for each in COMMANDS[command].params]
    assert {id(kind) for kind in SIGNATURES.values()} == {
        id(each) for each in vars(signatures).values() if is_dataclass(each) and each.__name__.lower() in COMMANDS
    }


@pytest.mark.parametrize(("field", "option"), FIELDS)
def test_help_says_the_default(field: Field[Any], option: Parameter) -> None:
    """In the words that its field has for it, or as the value."""
    said = str(typer_info(option).help)
    if about(field).argument and field.default is MISSING:
        return
    assert not typer_info(option).show_default, "it is in the help"
    found = re.search(r"Default: (.+)\.$", said)
    assert found, said
    default = field.default
    shown = f"{default:g}" if isinstance(default, float) else str(default)
    if isinstance(default, bool):
        shown = "on" if default else "off"
    assert found[1] == (about(field).default or shown)
    assert found[1] != "None"


@pytest.mark.parametrize(("field", "option"), FIELDS)
def test_help_says_the_range_the_unit_and_the_names_of_a_choice(field: Field[Any], option: Parameter) -> None:
    said, kind = about(field), getattr(typer_info(option).parser, "kind", None)
    text = str(typer_info(option).help)
    if isinstance(kind, type) and issubclass(kind, Enum):
        assert all(re.search(rf"\b{each.value}\b", text) for each in kind)
    if isinstance(kind, type) and issubclass(kind, int | float) and not issubclass(kind, bool):
        assert said.range is not None, "give a number its range"
    if said.range is not None:
        assert said.unit in text
        if said.form:  # its help says it in words of its own
            assert re.search(rf"\b{said.range.low}\b", text)
        else:
            assert f"; {said.range} {said.unit}".rstrip() in text
            assert re.search(r"\d", str(said.range))
