"""What people type: other spellings of an option, the help, completion."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from running import Run, photo, size

from softextend.commands.argv import understood
from softextend.commands.help_page import EXAMPLES, example
from softextend.commands.signatures import COMMANDS
from softextend.commands.typer_args import completions
from softextend.errors import BadRequest
from softextend.jobs.presets import preset_paths, presets_folder
from softextend.types import SamplerName


@pytest.mark.parametrize(
    ("words", "same"),
    [
        ("--right 16", "--sides 0 16 0 0"),
        ("--top 8 --left=25%", "--sides 8 0 0 25%"),
        ("--width 80 --height 60", "--size 80x60"),
        ("--ratio 16x9", "--aspect 16:9"),
        ("--aspect 1.5", "--aspect 3:2"),
        ("--aspect 16/9 --anchor middle", "--aspect 16:9 --anchor center"),
        ("--sides 0,16,0,8", "--sides 0 16 0 8"),
        ("--sides=8,16", "--sides 8 16"),
        ("--size 80*60", "--size 80x60"),
        ("--size 80,60", "--size 80x60"),
        ("--size 80px×60px", "--size 80x60"),
        ("--aspect Square", "--aspect 1:1"),
        ("--scale 1.5x", "--scale 1.5"),
        ("--aspect 3:1 --anchor NorthWest", "--aspect 3:1 --anchor top-left"),
        ("--aspect 3:1 --anchor bottom_right", "--aspect 3:1 --anchor bottom-right"),
        ("--aspect 3:1 --anchor left-top", "--aspect 3:1 --anchor top-left"),
        ("--aspect 3:1 --anchor TopCenter", "--aspect 3:1 --anchor top"),
        ("--aspect 3:1 --anchor 25%,50%", "--aspect 3:1 --anchor 0.25,0.5"),
        ("--sides 8 --sampler DPM++_2M", "--sides 8 --sampler dpmpp-2m"),
        ("--sides 8 --cfg 2 --negative-prompt x", "--sides 8 --guidance 2 -n x"),
    ],
)
def test_other_spellings_ask_for_the_same(run: Run, words: str, same: str) -> None:
    photo("a.png")
    for name, asked in (("x.png", words), ("y.png", same)):
        ran = run("extend", "a.png", *asked.split(), "--seed", 1, "--strength", 0, "-o", name)
        assert ran.code == 0, ran.err
    assert Path("x.png").read_bytes() == Path("y.png").read_bytes()


@pytest.mark.parametrize("word", ["--force", "-y", "--yes"])
def test_overwrite_by_other_names(run: Run, word: str) -> None:
    photo("a.png")
    photo("x.png")
    assert run("extend", "a.png", "--sides", 8, "--strength", 0, "-o", "x.png", word).code == 0
    assert size("x.png") == (64, 56)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["extend", "a.png", "--width", "80"], "--width 80: give both --width and --height"),
        (["extend", "a.png", "--top", "8", "--sides", "8"], "--top: --sides says already"),
        (["extend", "a.png", "--top"], "--top: give a value"),
        (["extend", "a.png", "--top", "8", "--top", "9"], "--top: is there twice"),
        (["extend", "a.png", "--top", "--left", "9"], "--top: give a value, such as --top 256"),
        (["extend", "a.png", "--left", "wide"], "--left 'wide': write pixels"),
        (["extend", "a.png", "--right=-9"], "--right -9: it must be 0 or more"),
    ],
)
def test_what_cannot_be_understood(words: list[str], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        understood(words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--sides 12,5%", "--sides '12,5%': write pixels (256) or percent (25%)"),
        ("--sides ten", "--sides ten: give one to four values"),
        ("--sides 1,2,3,4,5", "--sides 1,2,3,4,5: give one to four values"),
        ("--scale 150%", "--scale '150%': write how many times as large"),
        ("--aspect 2:1 --anchor left-right", "--anchor 'left-right': write one of center"),
        ("--aspect 2:1 --anchor top-bottom", "--anchor 'top-bottom': write one of center"),
        ("--sides 8 --sampler dpmpp-2m-karras", "did you mean dpmpp-2m"),
        ("--sides 8 --device gpu", "--device gpu: must be one of auto, cpu"),
    ],
)
def test_a_value_that_means_nothing_is_refused_as_it_was_typed(run: Run, words: str, message: str) -> None:
    photo("a.png")
    ran = run("extend", "a.png", *words.split(), "--dry-run")
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_words_after_two_dashes_are_names() -> None:
    assert understood(["extend", "--right", "8", "--", "--top"]) == ["extend", "--sides", "0 8 0 0", "--", "--top"]


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("name", [kind.__name__.lower() for kind, _ in COMMANDS])
def test_every_command_has_a_page_within_the_width(
    run: Run, name: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    short, page, same = run("help", name), run(name, "--help"), run(name, "-h")
    assert short.out == page.out == same.out
    assert page.code == 0
    assert all(len(line) <= width for line in page.lines)
    assert "<" not in page.out.replace("<-", "")
    whole = run(name, "--help-all")
    assert whole.code == 0
    assert all(len(line) <= width for line in whole.lines)
    assert set(page.lines) - set(whole.lines) <= {line for line in page.lines if line.startswith("  --help-all")}


def test_the_page_of_extend_is_short_and_the_whole_is_all(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    page, whole = run("extend", "--help"), run("extend", "--help-all")
    assert len(page.lines) < 155
    assert page.out.index("Where results go") < page.out.index("How the model paints")
    assert "--offload" not in page.out
    assert "--offload" in whole.out
    assert page.out.count("  softextend extend ") >= 4


@pytest.mark.parametrize("width", [60, 80, 100])
def test_examples_are_broken_as_a_shell_reads_them(width: int) -> None:
    for line in (each for lines in EXAMPLES.values() for each in lines):
        shown = list(example(line, width))
        assert all(len(each) <= width for each in shown)
        assert shlex.split("\n".join(shown).replace("\\\n", "")) == shlex.split(line)


def test_version_and_first_page(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("-V").out == run("--version").out
    first = run("--help")
    assert first.out == run("help").out
    monkeypatch.setenv("COLUMNS", "60")
    assert all(len(line) <= 60 for line in run("--help").lines)
    assert all(kind.__name__.lower() in first.out for kind, _ in COMMANDS)


def test_the_help_of_extend_is_short_and_output_comes_first(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = run("extend", "--help").lines
    assert len(lines) < 110
    titles = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert titles[:2] == ["Examples:", "Where results go:"]
    assert sum(line.startswith("  softextend extend ") for line in lines) == 4
    words = [line for line in lines if line.startswith("      ")]
    assert max(len(line) - 6 for line in words) >= 60
    everything = run("extend", "--help-all").out
    assert all(flag in everything for flag in ("--sampler", "--steps", "--workers", "--band", "--wrap", "--format"))


# --- completion ----------------------------------------------------------------------------------------------------


def test_values_are_completed() -> None:
    assert completions("sampler", SamplerName, "dp") == ["dpmpp-2m", "dpmpp-2m-sde"]
    assert completions("fill", str, "te") == ["telea"]
    assert "self" in completions("model", str, "s")
    assert completions("output", str, "") == []
    assert completions("words", str, "ex") == ["extend"]
    assert completions("preset", str, "") == [*preset_paths(presets_folder())] != []


@pytest.mark.parametrize(
    ("shell", "mark"),
    [("bash", "complete -o default"), ("zsh", "#compdef"), ("fish", "complete --command"), ("pwsh", "PSReadLine")],
)
def test_each_shell_has_its_completion(run: Run, shell: str, mark: str) -> None:
    shown = run("--show-completion", shell)
    assert shown.code == 0
    assert mark in shown.out
    wrong = run("--show-completion", "tcsh")
    assert (wrong.code, wrong.out) == (2, "")
    assert "takes one of bash, zsh, fish" in wrong.err


@pytest.mark.parametrize("home", ["", "/", "/nowhere/at/all"])
def test_completion_is_installed_in_a_home_alone(run: Run, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.setenv("HOME", home)
    ran = run("--install-completion", "bash")
    assert (ran.code, "is no home folder; set HOME to yours" in ran.err) == (2, True), ran.err
    assert not Path("/.bash_completions").exists()


LINE = "softextend extend --sam"


@pytest.mark.parametrize(
    ("shell", "asked", "offered"),
    [  # as each shell's script asks, and how it reads the answer
        ("bash", {"COMP_WORDS": LINE, "COMP_CWORD": "2"}, "--sampler"),
        ("zsh", {"_TYPER_COMPLETE_ARGS": LINE}, '"--sampler":"The sampler'),
        (
            "fish",
            {"_TYPER_COMPLETE_ARGS": LINE, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
            "--sampler\tThe sampler: euler",
        ),
        (
            "powershell",
            {"_TYPER_COMPLETE_ARGS": LINE, "_TYPER_COMPLETE_WORD_TO_COMPLETE": "--sam"},
            "--sampler:::The sampler: euler",
        ),
    ],
)
def test_a_shell_is_offered_options(tmp_path: Path, shell: str, asked: dict[str, str], offered: str) -> None:
    asked = {**asked, "_SOFTEXTEND_COMPLETE": f"complete_{shell}", "HOME": str(tmp_path)}
    said = completed(asked)
    assert offered in said
    assert len(said.splitlines()) == 1, "each line is a word that the shell offers"


def test_apostrophes_reach_zsh(tmp_path: Path) -> None:
    """Its script evaluates the answer, and takes two straight ones for a text of nothing."""
    asked = {"_TYPER_COMPLETE_ARGS": "softextend extend --mod", "_SOFTEXTEND_COMPLETE": "complete_zsh"}
    said = completed({**asked, "HOME": str(tmp_path)})
    assert "\u2019self\u2019" in said
    assert said.count("'") == 2, "those of the script's own"


def completed(asked: dict[str, str]) -> str:
    """What the program answers a shell."""
    code = "import sys; from softextend.cli import main; sys.argv = ['softextend']; main()"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **asked}, check=False
    )
    return ran.stdout
