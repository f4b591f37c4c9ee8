"""What is said of words that no command has: the option that was meant, by its meaning, then by its letters."""

from __future__ import annotations

import pytest
from running import Run, photo

from softextend.commands.argv import ONE_SIDE
from softextend.commands.signatures import COMMANDS
from softextend.commands.suggestions import COMMANDS as MEANT_COMMANDS
from softextend.commands.suggestions import OPTIONS
from softextend.commands.typer_args import flags_of

FLAGS = {flag for kind, _ in COMMANDS for flag in flags_of(kind)}


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("--rigth 20", "did you mean --right?"),
        ("--widht 20", "did you mean --width?"),
        ("--expand 20", "did you mean --sides?"),
        ("--guidance_scale 3", "did you mean --guidance?"),
        ("--out_dir x", "did you mean --out-dir?"),
        ("--outdir x", "did you mean --out-dir?"),
        ("--cuda", "did you mean --device cuda?"),
        ("--denoising-strength 0.5", "did you mean --strength?"),
        ("--no-overwrite", "did you mean --overwrite?"),
        ("--preest x", "did you mean --preset?"),
        ("--jobs 4", "did you mean --workers?"),
        ("-j 4", "did you mean --workers?"),
        ("--threads 4", "did you mean --workers?"),
        ("--batch-size 4", "did you mean --batch?"),
        ("--fps 3", "it is an option of zoom"),
        ("--input x", "name pictures without an option"),
        ("--png", "did you mean --format png?"),
        ("--no-color", "set NO_COLOR=1"),
        ("--zoom-out 2", "did you mean --scale?"),
        ("--uncrop 10", "did you mean --sides?"),
        ("--up 10", "did you mean --top?"),
        ("--left-right 10", "did you mean --sides 0 256?"),
        ("--lora-scale 1", "did you mean --lora FILE:WEIGHT?"),
        ("--stdout", "give -o -"),
        ("--mask x", "softextend paint IMAGE MASK"),
        ("--version", "softextend -V"),
        ("--hlep", "did you mean --help?"),
        ("--watch", "no such option: --watch (see"),
        ("--grayscale", "no such option: --grayscale (see"),
        ("--halo", "no such option: --halo (see"),
        ("--xyzzy", "no such option: --xyzzy (see softextend extend --help)"),
    ],
)
def test_an_unknown_option(run: Run, words: str, meant: str) -> None:
    photo("a.png")
    ran = run("extend", "a.png", *words.split())
    assert (ran.code, ran.out) == (2, "")
    assert meant in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("extnd", "a.png"), "did you mean softextend extend?"),
        (("outpaint", "a.png"), "did you mean softextend extend?"),
        (("trim", "a.png"), "did you mean softextend extend --trim auto?"),
        (("completion",), "did you mean softextend --install-completion?"),
        (("gui",), "did you mean softextend ui?"),
        (("Extend", "a.png"), "did you mean softextend extend?"),
        (("a.png", "--right", "8"), "the first word is a command, as in softextend extend photo.jpg"),
        (("--right", "8"), "the first word is a command"),
        (("xyzzy",), "no such command: xyzzy (see softextend --help)"),
        (("help", "xyzzy"), "no such command: xyzzy"),
    ],
)
def test_an_unknown_command(run: Run, words: tuple[str, ...], meant: str) -> None:
    photo("a.png")
    ran = run(*words)
    assert (ran.code, ran.out) == (2, "")
    assert meant in ran.err
    assert len(ran.err.splitlines()) == 1


def test_what_is_suggested_is_there() -> None:
    assert {each.split()[0] for each in OPTIONS.values() if each.startswith("-")} <= {*FLAGS, *ONE_SIDE}
    names = {kind.__name__.lower() for kind, _ in COMMANDS}
    assert {each.split()[0] for each in MEANT_COMMANDS.values()} <= {*names, "-V", "--install-completion"}
