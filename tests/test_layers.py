"""Arrows between modules point only down, and what is heavy stays behind the doors that need it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import softextend

PACKAGE = Path(softextend.__file__).parent

# From the ground up; a module may import its own room and those above it in this list.
ROOMS = {
    "errors": {"errors"},
    "words": {"types"},
    "numbers": {"geometry", "profiles", "windows"},
    "pixels": {
        "exif",
        "xmp",
        "deep",
        "verify",
        "judge",
        "images",
        "output",
        "fill",
        "fillparts",
        "fieldfills",
        "reflection",
        "patch",
        "pyramid",
        "completion",
        "patchmatch",
        "noisefield",
        "mask",
        "colour",
        "finish",
        "scores",
        "video",
        "walks",
        "trim",
        "ready",
    },
    "plan": {"canvas", "planimage", "recipe", "choice", "sweep"},
    "sampling": {"diffdiff", "solvers"},
    "models": {
        "candidates",
        "checkpoint",
        "denoisers",
        "device",
        "fingerprint",
        "header",
        "hub",
        "layout",
        "models",
        "nearest",
        "posterior",
        "schedule",
        "search",
        "sdxl",
        "selfmodel",
        "tokenizer",
        "trust",
    },
    "story": {"joint", "stages", "extend", "zoom"},
    "voice": {"options", "surroundings", "signatures", "grouping", "arguments", "report", "batch"},
    "commands": {"making", "commands", "tables", "zooming", "checks"},
    "door": {"cli", "__main__"},
}
RANK = {module: rank for rank, modules in enumerate(ROOMS.values()) for module in modules}
HEAVY = {"torch", "diffusers", "transformers", "accelerate"}
SPEAKING = {"print", "warnings.warn", "logging.info", "logging.warning", "logging.error", "sys.stderr.write"}
LIGHT_ROOMS = ("errors", "words", "numbers", "pixels", "plan", "voice", "commands", "door")


@dataclass(frozen=True)
class Import:
    """One import: `module` of this package, or the name of another; `deferred` inside a function."""

    module: str
    own: bool
    deferred: bool


def imports(name: str) -> list[Import]:
    """Everything a module imports when it runs; what only annotations need does not count."""
    return list(_walk(ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8")), deferred=False))


def _walk(node: ast.AST, *, deferred: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield _import(alias.name, deferred)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            if child.module == "softextend":
                yield from (Import(alias.name, True, deferred) for alias in child.names if alias.name != "__version__")
            else:
                yield _import(str(child.module), deferred)
        yield from _walk(child, deferred=deferred or isinstance(child, ast.FunctionDef | ast.Lambda))


def _import(dotted: str, deferred: bool) -> Import:
    first, _, rest = dotted.partition(".")
    return Import(rest.split(".")[0] if first == "softextend" else first, first == "softextend", deferred)


MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")


def test_every_module_has_one_room() -> None:
    homeless = [name for name in MODULES if name not in RANK]
    assert not homeless, f"give {homeless} a room in ROOMS"
    assert sum(map(len, ROOMS.values())) == len(RANK)


@pytest.mark.parametrize("name", MODULES)
def test_arrows_point_down(name: str) -> None:
    upward = [each.module for each in imports(name) if each.own and RANK.get(each.module, 99) > RANK.get(name, 99)]
    assert not upward, f"{name} imports {upward} from a room above it"


def test_no_module_needs_itself() -> None:
    needs = {name: {each.module for each in imports(name) if each.own and not each.deferred} for name in MODULES}
    left = dict(needs)
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]
    assert not left, f"import each other: {sorted(left)}"


@pytest.mark.parametrize("name", sorted(name for room in LIGHT_ROOMS for name in ROOMS[room] & {*MODULES}))
def test_torch_stays_behind_its_doors(name: str) -> None:
    assert not {each.module for each in imports(name) if not each.deferred} & HEAVY


def test_the_idea_knows_neither_weights_nor_schedules() -> None:
    assert {each.module for each in imports("diffdiff") if each.own} <= {"types", "errors"}


def test_the_door_is_light() -> None:
    at_once = {each.module for each in imports("cli") if not each.deferred} - set(sys.stdlib_module_names)
    assert at_once <= {"typer", "errors", "arguments", "signatures", "grouping", "report"}


def test_only_the_door_and_the_voice_speak() -> None:
    for name in MODULES:
        if name in ("cli", "report"):
            continue
        tree = ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"))
        calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
        spoken = [call for call in calls if call in SPEAKING]
        assert not spoken, f"{name} calls {spoken}: the library is silent"
