"""Every public function of arrays says in its docstring what they are: shape, and dtype where no alias names it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import softextend

HOME = Path(softextend.__file__).parent
ROOMS = ("diffdiff.py", "mask.py", "fill.py", "fills", "finish", "sampling", "models/selfmodel", "pictures")
FILES = sorted(path for room in ROOMS for path in (HOME / room, *(HOME / room).rglob("*.py")) if path.suffix == ".py")
WHOLE = {"Pixels", "Known", "Change"}  # types.py documents their shape, dtype and range
SHAPE = re.compile(r"\((?:[^()]|\([^()]*\))*(?:,|\.\.\.)(?:[^()]|\([^()]*\))*\)")  # "(H, W, 3)", "(N,)", "(...)"
DTYPE = re.compile(r"\b(?:u?int(?:8|16|32|64)|float(?:16|32|64)|bool)\b")


def named(annotation: ast.expr | None) -> set[str]:
    """The names in an annotation, quoted or not."""
    if annotation is None:
        return set()
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    nodes = list(ast.walk(annotation))
    return {n.id for n in nodes if isinstance(n, ast.Name)} | {n.attr for n in nodes if isinstance(n, ast.Attribute)}


def aliases(tree: ast.Module) -> dict[str, bool]:
    """A module's names for arrays, those of fills/base.py included, and whether each names one dtype."""
    found = {"Tensor": False, "ndarray": False, "NDArray": True} | dict.fromkeys(("Floats", "Doubles", "Flat"), True)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Subscript)
        ):
            names = named(node.value)
            if names & {"NDArray", "ndarray"}:
                found[node.targets[0].id] = "Any" not in names
    return found


def functions(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """Public functions and public classes' methods."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from functions(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield f"{owner}{node.name}", node


def faults(source: str) -> list[str]:
    """What is missing in a module's docstrings."""
    tree = ast.parse(source)
    own = aliases(tree)
    found = []
    for name, node in functions(tree.body):
        given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        annotations = [named(each) for each in (*(each.annotation for each in given), node.returns)]
        arrays = set().union(*annotations) & (WHOLE | own.keys())
        untyped = {each for names in annotations for each in names & own.keys() if not own[each] or "Any" in names}
        told = ast.get_docstring(node) or ""
        if told.startswith("See `"):
            continue  # a method of a protocol, which says it
        if arrays - WHOLE and not SHAPE.search(told):
            found.append(f"{name}: no shape of {sorted(arrays - WHOLE)}")
        if arrays and not told:
            found.append(f"{name}: no docstring")
        if untyped and not DTYPE.search(told):
            found.append(f"{name}: no dtype of {sorted(untyped)}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(HOME).as_posix())
def test_public_functions_say_what_their_arrays_are(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


def test_the_test_sees_what_is_missing() -> None:
    head = "def f(x: Tensor) -> Tensor:\n    "
    assert faults(head + '"""Twice x."""') == ["f: no shape of ['Tensor']", "f: no dtype of ['Tensor']"]
    assert faults(head + '"""x (B, C, h, w) -> twice x."""') == ["f: no dtype of ['Tensor']"]
    assert faults(head + '"""x float32 (B, C, h, w) -> twice x."""') == []
    assert faults("def f(pixels: Pixels, known: Known) -> int:\n    return 1") == ["f: no docstring"]
    assert faults('def f(pixels: Pixels, known: Known) -> int:\n    """How many are known."""') == []
    assert faults('def f(x: Tensor) -> int:\n    """Counts (of x) in float32."""') == ["f: no shape of ['Tensor']"]
