"""Arrows between rooms point only down, no circle ties modules, and heavy imports stay behind their doors."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import softextend

PACKAGE = Path(softextend.__file__).parent

# From the ground up: a module may import its own room and those before it.
ROOMS = (
    ("errors", "text", "interrupt", "environment", "arrays"),
    ("compiling",),
    ("types",),
    ("option_fields",),
    ("options",),
    ("diffdiff", "mask", "pictures", "finish"),
    ("fills",),
    ("fill",),
    ("plan",),
    ("sampling",),
    ("models", "extend"),
    ("jobs",),
    ("api", "preview", "result"),
    ("commands", "web"),
    ("cli", "__main__"),
)
RANK = {room: rank for rank, rooms in enumerate(ROOMS) for room in rooms}
HEAVY = {"torch", "diffusers", "transformers", "accelerate"}
SPEAKING = {"print", "warnings.warn", "logging.info", "logging.warning", "logging.error", "sys.stderr.write"}
SLOW_TO_IMPORT = (*HEAVY, "numpy", "cv2", "PIL", "numba", "rich.progress")  # what `--help` must not wait for


@dataclass(frozen=True)
class Import:
    """One import: the dotted module below this package, or another's top name; `deferred` inside a function."""

    module: str
    own: bool
    deferred: bool
    typing: bool  # only for annotations


def modules() -> dict[str, Path]:
    """Dotted name below the package -> file; a folder's `__init__` bears the folder's name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = path
    return found


MODULES = modules()


@cache
def imports(name: str) -> list[Import]:
    """Everything that a module imports, at any time and for annotations too."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    return [each for each in _walk(tree, deferred=False, typing=False) if each.module != name]


def _walk(node: ast.AST, *, deferred: bool, typing: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        for_types = typing or (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING")
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield _import(alias.name, None, deferred, for_types)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            for alias in child.names:
                yield _import(str(child.module), alias.name, deferred, for_types)
        within = deferred or isinstance(child, ast.FunctionDef | ast.Lambda)
        yield from _walk(child, deferred=within, typing=for_types)


def _import(dotted: str, name: str | None, deferred: bool, typing: bool) -> Import:
    first, _, rest = dotted.partition(".")
    if first != "softextend":
        return Import(first, False, deferred, typing)
    longer = f"{rest}.{name}".lstrip(".") if name else rest
    return Import(longer if longer in MODULES else rest, True, deferred, typing)


def room(module: str) -> str:
    """The top folder or file a module stands in."""
    return module.split(".")[0]


def test_every_module_has_a_room() -> None:
    assert {room(name) for name in MODULES} == set(RANK)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_arrows_point_down(name: str) -> None:
    own = [each.module for each in imports(name) if each.own and each.module]
    upward = [each for each in own if RANK[room(each)] > RANK[room(name)]]
    sideways = [each for each in own if RANK[room(each)] == RANK[room(name)] and room(each) != room(name)]
    assert not upward, f"{name} imports {upward} from a room above it"
    assert not ("models" in map(room, sideways) and room(name) == "extend"), "the story knows no model"


def test_no_module_needs_itself() -> None:
    left = {name: {each.module for each in imports(name) if each.own} & MODULES.keys() for name in MODULES}
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]
    assert not left, f"in circles, or above one: {sorted(left)}"


WEIGHTY = "models.sdxl", "models.sd", "models.conditions", "models.weights", "models.workload"
LIGHT = [
    name
    for name in sorted(MODULES)
    if not name.startswith(WEIGHTY) and name not in ("models.config_file", "models.selfmodel.dense")
]


@pytest.mark.parametrize("name", LIGHT)
def test_torch_stays_behind_its_doors(name: str) -> None:
    assert not {each.module for each in imports(name) if not (each.deferred or each.typing)} & HEAVY


def test_the_idea_knows_neither_weights_nor_schedules() -> None:
    assert {room(each.module) for each in imports("diffdiff") if each.own} <= {"types", "errors", "arrays"}


def test_help_waits_for_nothing_slow() -> None:
    code = (
        "import sys; from softextend.cli import commands_for, program; program(commands_for([])); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not set(SLOW_TO_IMPORT) & set(loaded)


def test_only_the_door_and_the_report_speak() -> None:
    for name, path in MODULES.items():
        if name in ("__main__", "cli", "commands.report", "commands.progress", "commands.stdout"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
        spoken = [call for call in calls if call in SPEAKING]
        assert not spoken, f"{name} calls {spoken}: the library is silent"
