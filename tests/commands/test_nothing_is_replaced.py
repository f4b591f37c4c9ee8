"""What a run reads, no run replaces, whatever it is read for; and an empty value is no value."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest
from outgoing import leftovers
from refusing import SIDES, Refuse, files
from running import Run, photo

from softextend.commands.help_page import leaves
from softextend.commands.signatures import Extend
from softextend.commands.typer_args import option_names
from softextend.option_fields import about

TEXTS = ("--prompt", "--negative", "--suffix")  # of which nothing says something


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["extend", "a.png", *SIDES, "--plan-image", "./a.png", "-o", "r.png"], "is an input"),
        (["extend", "a.png", *SIDES, "--plan-image", "link.png", "-o", "r.png"], "is an input"),
        (["extend", "a.png", *SIDES, "--plan-image", "r.png", "-o", "./r.png"], "is the name of a result"),
        (["extend", "a.png", *SIDES, "--image-prompt", "style.png", "-o", "style.png"], "the output is an input"),
        (["extend", "a.png", *SIDES, "--lora", "style.png", "-o", "style.png"], "the output is an input"),
        (["paint", "a.png", "mask.png", "-o", "mask.png"], "the output is an input"),
        (["paint", "a.png", "mask.png", "-o", "r.png", "--plan-image", "mask.png"], "is an input"),
        (["sweep", "a.png", *SIDES, "-o", "a.png"], "the output is an input"),
        (["zoom", "f/0001.png", "-o", "f/%04d.png", "--seconds", "1", "--fps", "4"], "the output is an input"),
    ],
)
def test_what_is_read_is_never_replaced(refuse: Refuse, words: list[str], says: str) -> None:
    for name in ("a.png", "style.png", "mask.png", "f/0001.png"):
        photo(name)
    Path("link.png").symlink_to("a.png")
    assert says in refuse(2, *words, "--overwrite")
    before = files(Path())
    assert says in refuse(2, *words, "--overwrite", "--dry-run")
    assert files(Path()) == before


def test_a_drawing_has_a_name_of_its_own(run: Run) -> None:
    photo("a.png")
    words = ("extend", "a.png", *SIDES, "-o", "r.png")
    assert run(*words, "--plan-image", "plan.png").code == 0
    assert {"plan.png", "r.png"} <= set(leftovers(Path()))


def test_an_empty_value_is_refused_by_its_name(run: Run) -> None:
    photo("a.png")
    tried = 0
    for field, _, _ in leaves(Extend):
        written = next((name for name in option_names(field) if name.startswith("--")), "")
        if about(field).argument or not about(field).metavar or written in TEXTS:
            continue
        ran = run("extend", "a.png", "--right", 16, "--dry-run", written.partition("/")[0], "")
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1), (written, ran.err)
        assert written in ran.err or "INPUT: one is empty" in ran.err or "--right" in ran.err, (written, ran.err)
        tried += 1
    assert tried > 30
    for name in TEXTS[:2]:
        assert run("extend", "a.png", *SIDES, "--dry-run", name, "").code == 0


@pytest.mark.parametrize("words", [["extend", "", *SIDES], ["extend", "a.png", "", *SIDES], ["zoom", ""]])
def test_an_empty_name_is_no_folder(refuse: Refuse, words: list[str]) -> None:
    photo("a.png")
    assert "is empty" in refuse(2, *words)


@pytest.mark.parametrize("text", ['report = ""', 'out_dir = ""', 'model = ""', "models_folder = 7", "model = []"])
def test_a_config_that_says_nothing_is_refused(refuse: Refuse, text: str) -> None:
    photo("a.png")
    folder = Path(os.environ["XDG_CONFIG_HOME"], "softextend")
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(text)
    assert "config file" in refuse(2, "extend", "a.png", *SIDES)


def test_a_socket_is_named(refuse: Refuse) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("a.png")
        assert "a.png: is a socket, not a picture" in refuse(1, "extend", "a.png", *SIDES)


def test_a_device_has_no_suffix_and_says_what_to_give(run: Run) -> None:
    photo("a.png")
    os.mkfifo("pipe")
    for name in ("/dev/null", "pipe"):
        ran = run("extend", "a.png", *SIDES, "-o", name)
        assert (ran.code, "--format png" in ran.err) == (2, True), ran.err
    assert run("extend", "a.png", *SIDES, "-o", "/dev/null", "--format", "png").lines == ["/dev/null"]
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("words", [["-"], ["--files-from", "-"]])
def test_a_closed_stdin_is_called_so(refuse: Refuse, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert "stdin is closed" in refuse(2 if len(words) > 1 else 1, "extend", *words, *SIDES)


def test_amounts_end_somewhere(refuse: Refuse) -> None:
    photo("a.png")
    for words in (["--all", "1e308%"], ["--sides", "1e300% 0 0 0"], ["--right", "99999999999"]):
        assert "at most" in refuse(2, "extend", "a.png", *words, "--allow-large")


def test_an_option_is_named_as_it_was_typed(refuse: Refuse) -> None:
    photo("a.png")
    assert "no such option: --right" in refuse(2, "zoom", "a.png", "--right", "16")
