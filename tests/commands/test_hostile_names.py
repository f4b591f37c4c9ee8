"""Names, prompts, settings and recipes that hold what a terminal obeys: nothing of it reaches one raw."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hostile import carrier
from running import Ran, Run, photo, recipe

from softextend.commands.signatures import COMMANDS

OBEYED = re.compile("[\0-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]")  # but line ends
EVIL = "\x1b]0;owned\x07\x9b31m\u202e\x7f"
IN_TOML = "\\u001b]0;owned\\u0007"
SIDES = ("--sides", 0, 16, 0, 0, "--seed", 3, "--fill", "edge")
NAME = f"x{EVIL}.png"
LINES = (
    ("extend", NAME, *SIDES),
    ("extend", NAME, *SIDES, "--dry-run", "-v"),
    ("extend", NAME, *SIDES, "--overwrite", "--json"),
    ("extend", f"none{EVIL}.png", *SIDES),
    ("extend", f"none{EVIL}*.png", *SIDES),
    ("extend", f"none{EVIL}/", *SIDES),
    ("extend", "a.png", *SIDES, "-o", f"o{EVIL}.xyz"),
    ("extend", "a.png", *SIDES, "--out-dir", f"o{EVIL}"),
    ("extend", "a.png", *SIDES, "-p", EVIL, "-v"),
    ("extend", "a.png", *SIDES, "--fill", EVIL),
    ("extend", "a.png", *SIDES, "--model", EVIL),
    ("extend", "a.png", *SIDES, "--lora", EVIL),
    ("extend", "a.png", *SIDES, "--preset", EVIL),
    ("extend", "a.png", *SIDES, "--sampler", EVIL),
    ("extend", "a.png", *SIDES, f"--{EVIL}"),
    ("extend", "a.png", *SIDES, "--files-from", EVIL),
    ("extend", "a.png", "--sides", EVIL),
    ("paint", "a.png", NAME, "-o", f"p{EVIL}.png"),
    ("prepare", NAME, *SIDES),
    ("redo", NAME),
    ("redo", f"x{EVIL}-extended.png"),
    ("zoom", NAME, "-o", f"z{EVIL}.gif", "--seconds", 0.1),
    ("verify", f"x{EVIL}-extended.png", NAME),
    ("score", f"x{EVIL}-extended.png", NAME),
    ("sweep", NAME, *SIDES, "--strength", 0.5),
    ("report", EVIL),
    ("models", "--explain", EVIL),
    ("fills", EVIL),
    ("presets", EVIL),
    ("doctor", EVIL),
    ("config", EVIL),
    ("ui", EVIL),
    (EVIL,),
    ("help", EVIL),
)


def is_plain(ran: Ran) -> bool:
    return not OBEYED.search(ran.err + ran.out.encode("latin-1").decode("utf-8", "replace"))


def test_every_command_prints_names_spelled(run: Run) -> None:
    photo("a.png")
    Path("a.png").rename(NAME)
    photo("a.png")
    for words in LINES:
        ran = run(*words)
        assert is_plain(ran), (words, ran.out, ran.err)
        assert "a fault in softextend" not in ran.err
        assert ran.code in (0, 1, 2)
    assert {kind.__name__.lower() for kind, _ in COMMANDS} <= {str(words[0]) for words in LINES}


@pytest.mark.parametrize("name", ["SOFTEXTEND_MODEL", "SOFTEXTEND_MODELS", "XDG_CONFIG_HOME", "HF_HOME"])
def test_the_environment_is_printed_spelled(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    photo("a.png")
    monkeypatch.setenv(name, EVIL)
    for words in (("extend", "a.png", *SIDES), ("models",), ("config",), ("presets",)):
        ran = run(*words)
        assert is_plain(ran), words
        assert "a fault in softextend" not in ran.err


@pytest.mark.parametrize(
    "text", [f'model = "{IN_TOML}"', f'"{IN_TOML}" = 1', f'["{IN_TOML}"]', f'[extend]\nfill = "{IN_TOML}"', "\x1b = 1"]
)
def test_settings_are_printed_spelled(run: Run, text: str) -> None:
    photo("a.png")
    config = Path("config/softextend/config.toml")
    config.parent.mkdir(parents=True)
    config.write_text(text)
    for words in (("extend", "a.png", *SIDES), ("config",), ("models",), ("presets",)):
        ran = run(*words)
        assert is_plain(ran), words
        assert "a fault in softextend" not in ran.err


def test_a_recipe_is_printed_spelled(run: Run) -> None:
    photo("a.png")
    assert run("extend", "a.png", *SIDES, "-o", "r.png").code == 0
    told = recipe("r.png")
    for path in (("softextend",), ("spec", EVIL), ("command", "input"), ("command", "model"), ("model", "hash")):
        evil = json.loads(json.dumps(told))
        inner = evil
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = EVIL
        carrier(Path("h.png"), json.dumps(evil), Path("r.png"))
        ran = run("redo", "h.png", "-o", "o.png", "--overwrite")
        assert is_plain(ran), path
        assert EVIL[-3:] not in ran.err


def test_a_folder_in_place_of_a_result_is_known_before_the_work(run: Run) -> None:
    photo("a.png")
    Path("d.png").mkdir()
    ran = run("sweep", "a.png", *SIDES, "-o", "d.png", "--overwrite")
    assert ran.code in (1, 2)
    assert "is a folder" in ran.err
    assert not run.loads  # type: ignore[attr-defined]
