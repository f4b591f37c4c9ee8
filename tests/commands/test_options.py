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
from marking import slow
from optionexamples import DEFAULTS, GROW, REFUSED, SILENT, TRIED
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

COMMANDS = cli.program(cli.commands_for([])).commands


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


@pytest.mark.parametrize("command", [slow(each) if each in ("zoom", "sweep") else each for each in TRIED])
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
        if done[0] != 0 and name not in REFUSED and not (name == "verbose" and command in SILENT):
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
    (desk / "deep" / "er").mkdir(parents=True)
    shutil.copy(desk / "b.png", desk / "deep" / "er" / "d.png")
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
    assert (
        run(
            "extend", photo, *GROW.split(), "--fill", "edge", "-o", desk / "e.png", *seed, "--report", desk / "s.csv"
        ).code
        == 0
    )
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
            auto = "auto" in said.metavar and said.range.low == 0  # which stands for auto, and is not typed
            assert re.search(rf"\b{1 if auto else said.range.low}\b", text)
        else:
            assert f"; {said.range} {said.unit}".rstrip() in text
            assert re.search(r"\d", str(said.range))
