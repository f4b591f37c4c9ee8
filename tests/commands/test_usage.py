"""What is said of names and values that are missing, or too many."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import Run, photo


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("paint a.png", "no MASK is named: softextend paint IMAGE MASK"),
        ("verify", "no RESULT is named: softextend verify RESULT ORIGINAL"),
        ("report", "no FILE is named: softextend report FILE"),
        (
            "score a b c",
            "c: one name too many, or a part of a name without its quotes; softextend score RESULT ORIGINAL",
        ),
        ("fills x", "x: one name too many, or a part of a name without its quotes; softextend fills"),
        ("extend a.png --all 8 --fit=yes", "--fit: takes no value; leave out the = and what follows it"),
        ("extend a.png --right 8 --lora", "--lora: give a value, as in --lora FILE[:WEIGHT]"),
        ("extend a.png --right 8 -p", "-p: give a value, as in -p TEXT"),
        ("extend a.png --right 8 --steps", "--steps: give a value, as in --steps N"),
        ("extend a.png --all 8 -p --overwrite", "--prompt: give a value before --overwrite, which is an option"),
        ("extend a.png --all 8 -o -q", "--output: give a value before -q, which is an option"),
        ("extend a.png --all 8 --seed --num=3", "--seed: give a value before --num=3, which is an option"),
        ("extend a.png --all 8 --o x.png", "no such option: --o; did you mean -o?"),
        ("extend a.png --all 8 -o x.gif", "x.gif: no .gif is written; use one of .png .jpg"),
        (
            "extend a.png --all 8 -o x",
            "x: the name has no suffix; use one of .png .jpg .webp .tif .bmp .avif, or --format",
        ),
        ("extend a.png --all 8 -o /dev/null", "a pipe or a device has no suffix to go by; say --format png"),
    ],
)
def test_what_is_missing_or_too_much(run: Run, line: str, says: str) -> None:
    photo("a.png")
    ran = run(*line.split())
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1), ran.err
    assert says in ran.err
    assert not Path("x.png").exists()


@pytest.mark.parametrize("suffix", ["-w", "-n", "--wide", "-2x"])
def test_a_suffix_may_look_like_an_option(run: Run, suffix: str) -> None:
    photo("a.png")
    assert run("extend", "a.png", "--all", 8, "--strength", 0, "--suffix", suffix).out == f"a{suffix}.png\n"


def test_help_behind_a_command(run: Run) -> None:
    assert run("extend", "help").out == run("extend", "--help").out
    photo("help", format="PNG")
    assert "nothing says how much to add" in run("extend", "help").err


def test_result_and_original_the_wrong_way_round(run: Run) -> None:
    photo("a.png")
    assert run("extend", "a.png", "--right", 16, "--strength", 0, "-o", "x.png").code == 0
    ran = run("verify", "a.png", "x.png")
    assert (ran.code, "x.png carries one: name the result first, then its original" in ran.err) == (1, True)
    ran = run("score", "a.png", "x.png")
    assert (ran.code, "name the result first, then its original" in ran.err) == (1, True)


def test_a_lora_without_its_suffix(run: Run) -> None:
    photo("a.png")
    Path("style.safetensors").write_bytes(b"")
    ran = run("extend", "a.png", "--right", 16, "--lora", "style", "--dry-run")
    assert (ran.code, "--lora style: does not exist: did you mean style.safetensors?" in ran.err) == (1, True), ran.err
