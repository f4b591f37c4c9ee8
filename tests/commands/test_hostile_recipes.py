"""Results that anybody may have written: `redo` and its like refuse what is no recipe, and do nothing unasked."""

from __future__ import annotations

import json
import resource
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hostile import carrier, hostile_recipes
from running import Ran, Run, photo, recipe

from softextend.models.weights import hub

MOST_LINES = 3000  # characters on stderr
MOST_MEMORY = 600_000  # kB that the process may grow by


def made(run: Run) -> dict[str, Any]:
    """A result `r.png` of `a.png`, and its recipe."""
    photo("a.png")
    assert run("extend", "a.png", "--sides", 0, 16, 0, 0, "--seed", 3, "-o", "r.png").code == 0
    return recipe("r.png")


def redone(run: Run, told: dict[str, Any], *words: object) -> Ran:
    carrier(Path("h.png"), json.dumps(told), Path("r.png"))
    Path("o.png").unlink(missing_ok=True)
    return run("redo", "h.png", "-o", "o.png", *words)


def is_harmless(ran: Ran) -> bool:
    return (
        ran.code in (0, 1, 2)
        and "a fault in softextend" not in ran.err
        and len(ran.err) < MOST_LINES
        and (ran.out + ran.err).replace("\n", "").isprintable()
    )


def hostile(run: Run, count: int, seed: int, *commands: tuple[object, ...]) -> None:
    told = made(run)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    codes = set()
    for label, text in hostile_recipes(told, count, seed):
        carrier(Path("h.png"), text, Path("r.png"))
        for words in commands:
            Path("o.png").unlink(missing_ok=True)
            ran = run(*words)
            assert is_harmless(ran), (label, ran.err)
            codes.add(ran.code)
    assert 1 in codes
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY


def test_redo_of_hostile_recipes(run: Run) -> None:
    hostile(run, 80, 1, ("redo", "h.png", "-o", "o.png"))


def test_hostile_recipes_elsewhere(run: Run) -> None:
    skipping = ("extend", "a.png", "--sides", 0, 16, 0, 0, "--seed", 3, "-o", "h.png", "--skip-existing")
    hostile(run, 16, 2, ("verify", "h.png", "a.png"), ("score", "h.png", "a.png"), skipping)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_redo_of_many_more(run: Run, seed: int) -> None:
    hostile(run, 500, seed, ("redo", "h.png", "-o", "o.png"))


@pytest.mark.parametrize(
    ("at", "value", "says"),
    [
        (("spec", "steps"), "many", "spec.steps cannot be 'many'"),
        (("spec", "guidance"), float("nan"), "spec.guidance cannot be nan"),
        (("spec", "seed"), 10**400, "spec.seed cannot be a number of that size"),
        (("spec", "strength"), 7, "--strength 7"),
        (("command", "alpha"), "\x1b[2J", "command.alpha cannot be '\\x1b[2J'"),
        (("command", "unet"), ["x"], "command.unet cannot be a list of 1"),
        (("command", "conditions"), {"lora": [7]}, "command.conditions.lora cannot be 7"),
        (("command", "conditions"), {"refiner_start": 7}, "--refiner-start 7"),
        (("command", "profile"), "none such", "command.profile cannot be 'none such'"),
        (("command", "input"), "a\0b", "command.input cannot be"),
        (("model",), "x", "model cannot be 'x'"),
    ],
)
def test_one_sentence_for_all(run: Run, at: tuple[str, ...], value: Any, says: str) -> None:
    told = made(run)
    inner = told
    for name in at[:-1]:
        inner = inner[name]
    inner[at[-1]] = value
    ran = redone(run, told)
    assert ran.code == 1
    assert ran.err.startswith("softextend: h.png: its recipe is damaged: ")
    assert (says in ran.err, ran.err.count("\n")) == (True, 1)


def test_a_file_that_a_recipe_names_is_opened_only_where_it_is_the_recipes(run: Run, tmp_path: Path) -> None:
    told = made(run)
    Path("secret").write_text("root:x:0:0")
    for name in (str(tmp_path / "secret"), "secret", "../../../../../../etc/passwd", "/dev/zero", "/etc"):
        told["command"]["input"] = name
        ran = redone(run, told)
        assert (ran.code, ran.err.count("\n")) == (2, 1), ran.err
        assert "root" not in ran.err.replace(str(tmp_path), "")
        assert "--input FILE" in ran.err
    told["command"] |= {"input": str(tmp_path / "a.png"), "input_sha256": None}
    assert redone(run, told).code == 2
    told["command"]["input_sha256"] = sha256(Path("a.png").read_bytes()).hexdigest()
    assert redone(run, told).code == 0


def test_a_mask_that_a_recipe_names_is_opened_only_where_it_is_the_recipes(run: Run) -> None:
    photo("a.png")
    photo("m.png")
    assert run("paint", "a.png", "m.png", "-o", "r.png", "--seed", 3).code == 0
    told = recipe("r.png")
    assert redone(run, told).code == 0
    assert run("verify", "r.png", "a.png").code == 0
    photo("m.png", compress_level=1)
    for words in (("redo", "r.png", "-o", "o2.png"), ("verify", "r.png", "a.png")):
        ran = run(*words)
        assert (ran.code, "m.png: differs from the mask" in ran.err) == (2, True)


def test_a_model_on_the_hub_is_looked_up_only_where_the_user_names_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = made(run)
    asked: list[str] = []

    def snapshot(hub_id: str) -> None:
        asked.append(hub_id)

    monkeypatch.setattr("softextend.models.find.cached_snapshot", snapshot)
    monkeypatch.setattr(hub, "fetch", snapshot)
    told["command"]["model"] = "owner/name"
    ran = redone(run, told)
    assert (ran.code, ran.err.count("\n"), asked) == (1, 1, [])
    assert "owner/name is not on this machine; name it with --model" in ran.err
    assert redone(run, told, "--model", "owner/name").code == 0
    assert asked == ["owner/name"]
    told["command"]["model"] = "/dev/zero"
    assert "neither a file nor a folder" in redone(run, told).err


def test_no_recipe_lifts_a_limit(run: Run) -> None:
    told = made(run)
    told["spec"] |= {"sides": [{"value": 0, "percent": False}] * 3 + [{"value": 5000, "percent": False}]}
    for group in ("spec", "command"):
        ran = redone(run, {**told, group: {**told[group], "allow_large": True}})
        assert (ran.code, "--allow-large" in ran.err) == (1, True) or ran.code == 2, ran.err
        assert not Path("o.png").exists()
    huge = redone(run, {**told, "spec": {**told["spec"], "allow_huge": True}})
    assert (huge.code, "allow_huge is unknown here" in huge.err) == (1, True)
