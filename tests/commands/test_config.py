"""The config file, and `softextend config`: defaults of any option, what holds in the end, and from which source."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from running import Run, photo, recipe, size

from softextend.commands.defaults import options_of
from softextend.commands.signatures import COMMANDS


@pytest.fixture
def config(run: Run) -> Path:
    path = Path(os.environ["XDG_CONFIG_HOME"]) / "softextend" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_any_option_may_have_a_default(run: Run, config: Path, encoding: str) -> None:
    photo("a.png")
    text = (
        'prompt = "sea"\nseed = 3\n[extend]\nsides = [0, 8, 0, 8]\nstrength = 0.0\nfill = "edge"\n[zoom]\nseconds = 1\n'
    )
    config.write_text(text, encoding=encoding)
    ran = run("extend", "a.png", "-o", "x.png")
    assert ran.code == 0, ran.err
    asked = recipe("x.png")["spec"]
    assert (asked["prompt"], asked["seed"], asked["fill"], asked["strength"]) == ("sea", 3, "edge", 0.0)
    assert size("x.png") == (64, 40)
    held = run("config", "--json").facts[0]["options"]
    assert held["zoom"]["seconds"] == {"value": 1.0, "default": None, "source": "config file"}
    assert held["extend"]["sides"]["value"] == "0 8 0 8"


def test_the_command_line_comes_before_the_config(run: Run, config: Path) -> None:
    photo("a.png")
    config.write_text('[extend]\nsides = [0, 8, 0, 8]\nout_dir = "wide"\nstrength = 0.0\nseed = 1\n')
    ran = run("extend", "a.png", "--aspect", "2:1", "-o", "x.png", "--seed", 4)
    assert ran.code == 0, ran.err
    assert size("x.png") == (80, 40)
    assert recipe("x.png")["seed"] == 4
    assert not Path("wide").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("strenth = 1", "strenth is no option; did you mean strength?"),
        ("[extnd]\nseed = 1", "[extnd] is no command; there are extend"),
        ("[zoom]\nsides = 3", "sides of [zoom] is no option"),
        ("strength = 7", "--strength 7: must be from 0 to 1 (set in config file "),
        ("= 1", "cannot be read"),
        ("a = " + "[" * 5000 + "]" * 5000, "is nested without end"),
    ],
)
def test_a_config_that_is_wrong_is_one_line(run: Run, config: Path, text: str, message: str) -> None:
    photo("a.png")
    config.write_text(text)
    ran = run("extend", "a.png", "--sides", 8)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("trim = 90", "a.png: --trim 90: nothing would be left of 64x40; give less, or leave it out"),
        ('[extend]\nsize = "10x10"', "a.png: --size 10x10: the picture is 64x40"),
    ],
)
def test_what_fails_within_a_run_says_that_the_config_asked_for_it(
    run: Run, config: Path, text: str, said: str
) -> None:
    photo("a.png", 64, 40)
    config.write_text(text)
    words = ("--right", 8) if "size" not in text else ()
    ran = run("extend", "a.png", *words, "--json", "--dry-run")
    assert ran.code == 2, ran.err
    (line,) = [each for each in ran.err.splitlines() if said in each]
    assert line.endswith(f" (set in config file {config})")
    assert ran.facts[0]["error"].endswith(f" (set in config file {config})")
    typed = run("extend", "a.png", "--right", 8, "--trim", 91)
    assert "--trim 91: nothing would be left" in typed.err
    assert "set in" not in typed.err


def test_what_fails_within_a_run_names_the_preset_that_asked_for_it(run: Run, config: Path) -> None:
    photo("a.png", 64, 40)
    preset = config.parent / "presets" / "mine.toml"
    preset.parent.mkdir()
    preset.write_text("[options]\ntrim = 90\n")
    words = ("extend", "a.png", "--right", 8, "--dry-run")
    assert f"--trim 90: nothing would be left of 64x40; give less, or leave it out (set in preset {preset})" in (
        run(*words, "--preset", "mine").err
    )
    config.write_text('preset = "mine"')
    assert f"(set in preset {preset}, which config file {config} names)" in run(*words).err


def test_config_shows_which_model_writes_captions(run: Run, config: Path) -> None:
    assert "off; without MODEL the config file's caption, else BLIP (built in)" in run("config").out
    config.write_text('caption = "florence"')
    assert "off; without MODEL florence (config file)" in run("config").out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_config_that_is_no_file_is_refused_at_once(run: Run, config: Path) -> None:
    config.symlink_to("/dev/zero")
    assert "is no regular file" in run("fills").err
    config.unlink()
    config.write_bytes(b"#" * ((1 << 20) + 1))
    assert "is larger than" in run("fills").err


def test_every_option_is_shown_with_its_value_and_source(run: Run, config: Path) -> None:
    facts = run("config", "--json").facts[0]
    assert (facts["file"], facts["exists"]) == (str(config), False)
    assert {name: set(held) for name, held in facts["options"].items()} == {
        kind.__name__.lower(): set(options_of(kind)) for kind, _ in COMMANDS
    }
    assert {each["source"] for held in facts["options"].values() for each in held.values()} == {"built in"}
    shown = run("config")
    assert shown.code == 0
    assert f"{config} (not there)" in shown.out
    assert "--sampler " in shown.out


def test_each_source_is_named(run: Run, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('steps = 7\nseed = 3\n[extend]\nfill = "edge"\n[zoom]\nsize = "64x48"\n')
    monkeypatch.setenv("SOFTEXTEND_MODEL", "self")
    words = ("extend", "a.png", "--right", 8, "--preset", "telea", "--steps", 9, "-p", "sea")
    held = run("config", *words, "--json").facts[0]["options"]["extend"]
    assert {name: (held[name]["value"], held[name]["source"]) for name in ("steps", "seed", "overlap", "prompt")} == {
        "steps": (9, "command line"),
        "seed": (3, "config file"),
        "overlap": (50, "preset telea"),
        "prompt": ("sea", "command line"),
    }
    assert (held["sides"]["value"], held["size"]["source"]) == ("0 8 0 0", "built in")
    assert held["model"] == {"value": "self", "default": None, "source": "environment: SOFTEXTEND_MODEL"}
    everywhere = run("config").out
    assert "--size [zoom]" in everywhere
    assert "64x48 (config file)" in everywhere


def test_all_wrong_defaults_are_named_at_once(run: Run, config: Path) -> None:
    config.write_text(
        'strength = true\nseed = -1\nfill = "perlin:opacity=7"\nmodel = "no.safetensors"\n'
        '[extend]\nfit = "maybe"\nanchor = "2,2"\n[sweep]\nstrength = "7"\n'
    )
    shown = run("config")
    lines = shown.err.splitlines()
    assert (shown.code, len(lines)) == (2, 7), shown.err
    assert all(f"config file {config}" in line for line in lines)
    for wrong in ("--strength true", "--seed -1", "opacity=7", "no.safetensors", "--fit maybe", "2,2", "--strength 7"):
        assert sum(wrong in line for line in lines) == 1, wrong
    config.write_text("[extend]\nall = 8\nfit = true\n")
    assert "only --size can be smaller" in run("config").err


def test_names_are_those_of_the_command_line(run: Run, config: Path) -> None:
    photo("a.png")
    config.write_text(
        'report = "t.jsonl"\nnegative-prompt = "people"\nlora = []\nskip_existing = true\n'
        '[extend]\nsides = [0, 8]\nstrength = 0\nseed = 1\npreset = "poor-mans"\nfill = "edge"\n'
    )
    ran = run("extend", "a.png", "-o", "x.png")
    assert ran.code == 0, ran.err
    asked = recipe("x.png")["spec"]
    assert (asked["negative"], asked["fill"], asked["method"]) == ("people", "edge", "classic")
    assert Path("t.jsonl").exists()
    assert run("extend", "a.png", "-o", "x.png", "--json").facts[0]["skipped"]


def test_a_default_gives_way_to_what_it_cannot_go_with(run: Run, config: Path) -> None:
    photo("a.png")
    config.write_text('num = 2\nformat = "png"\naspect = "2:1"\n[extend]\nsides = 8\nstrength = 0\nfill = "edge"\n')
    ran = run("extend", "a.png", "-o", "x.jpg", "--best-of", 2)
    assert ran.code == 0, ran.err
    assert size("x.jpg") == (64, 56)


def test_a_model_of_one_command_is_its_own(run: Run, config: Path) -> None:
    photo("a.png")
    config.write_text('[zoom]\nmodel = "no.safetensors"\n')
    assert run("extend", "a.png", "--all", 8, "--dry-run").code == 0
    ran = run("zoom", "a.png", "--dry-run")
    assert (ran.code, "no.safetensors" in ran.err) == (1, True), ran.err
