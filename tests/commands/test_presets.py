"""Presets by name: the published ones, the user's own, and options beside them that win; captions on a command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import Run, photo

from softextend.cli import known_flags
from softextend.commands.argv import fill_caption
from softextend.commands.presets import expanded
from softextend.errors import BadRequest
from softextend.jobs.presets import preset_paths, read_preset

PUBLISHED = {"softextend", "telea", "diffdiff", "poor-mans", "mk2", "mosaic"}


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "softextend" / "presets"
    folder.mkdir(parents=True)
    return folder


def words(*arguments: str) -> list[str]:
    return expanded(["extend", *arguments], known_flags())


def value(found: list[str], name: str) -> str:
    """The one that counts: the last."""
    return found[len(found) - found[::-1].index(name)]


def test_the_published_ones_are_there_with_options_that_exist(home: Path) -> None:
    assert {*preset_paths(home)} == PUBLISHED
    for name in PUBLISHED:
        assert len(words("--preset", name, "x.jpg")) > 4


def test_the_guides_figures() -> None:
    found = words("x.jpg", "--preset", "telea", "--sides", "0 256 0 0")
    wanted = {"--fill": "telea:radius=3", "--overlap": "50", "--feather": "500", "--steps": "25", "--guidance": "6"}
    assert {name: value(found, name) for name in wanted} == wanted
    assert float(value(found, "--change")) == pytest.approx(1 - 50 / 255, abs=1e-3)
    assert value(words("x.jpg", "--preset=telea", "--image-prompt", "self"), "--guidance") == "4"


def test_options_beside_it_win_and_amounts_are_the_users() -> None:
    assert value(words("x.jpg", "--steps", "9", "--preset", "telea"), "--steps") == "9"
    assert "--all" in words("x.jpg", "--preset", "mk2")
    assert "--all" not in words("x.jpg", "--preset", "mk2", "--sides", "8")
    assert words("x.jpg") == ["extend", "x.jpg"]
    assert words("--", "--preset", "mk2") == ["extend", "--", "--preset", "mk2"]


def test_what_a_command_has_not_is_left_out() -> None:
    found = expanded(["paint", "a.png", "b.png", "--preset", "telea"], known_flags())
    assert "--overlap" not in found
    assert value(found, "--steps") == "25"


def test_the_users_own(home: Path) -> None:
    (home / "mine.toml").write_text('about = "mine"\n[options]\nsteps = 7\ncolor-match = false\n')
    found = words("x.jpg", "--preset", "mine")
    assert value(found, "--steps") == "7"
    assert "--no-color-match" in found
    (home / "telea.toml").write_text("[options]\nsteps = 3\n")
    assert read_preset("telea", home).options == {"steps": "3"}
    (home / "bad.toml").write_text("[options]\nnowhere = 3\n")
    with pytest.raises(BadRequest, match="nowhere is no option"):
        words("x.jpg", "--preset", "bad")
    with pytest.raises(BadRequest, match="--preset none: must be one of"):
        words("x.jpg", "--preset", "none")


def test_a_caption_model_is_told_from_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "blip").mkdir()
    (tmp_path / "blip" / "config.json").write_text("{}")
    (tmp_path / "photo.jpg").write_bytes(b"")
    cases = {
        ("--caption",): ["--caption", "auto"],
        ("--caption", "photo.jpg"): ["--caption", "auto", "photo.jpg"],
        ("--caption", "gone/photo.jpg"): ["--caption", "auto", "gone/photo.jpg"],
        ("--caption", "-q"): ["--caption", "auto", "-q"],
        ("--caption", "blip", "photo.jpg"): ["--caption", "blip", "photo.jpg"],
        ("--caption", "Salesforce/blip-image-captioning-base"): ["--caption", "Salesforce/blip-image-captioning-base"],
        ("--", "--caption"): ["--", "--caption"],
    }
    for given, wanted in cases.items():
        assert fill_caption(given) == wanted


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ((), "1024x1024"),  # the guide's first step: the longer side, and made square
        (("--right", "256"), "832x576"),
        (("--sides", "0", "256", "0", "0"), "832x576"),
        (("--ratio", "2:1"), "1152x576"),
        (("--width", "600", "--height", "600"), "600x600"),
        (("--all", "20"), "616x616"),
    ],
)
def test_amounts_in_any_spelling_stand_in_place_of_a_presets(run: Run, words: tuple[str, ...], size: str) -> None:
    photo("a.png", 576, 576)
    ran = run("extend", "a.png", "--preset", "telea", *words, "--seed", 1, "--dry-run", "--json")
    assert ran.code == 0, ran.err
    assert "{width}x{height}".format(**ran.facts[0]["plan"]["output_size"]) == size


@pytest.mark.parametrize("name", ["allow-large", "allow_huge", "overwrite"])
def test_a_preset_lifts_no_limit(run: Run, name: str) -> None:
    photo("a.png")
    home = Path("config/softextend/presets")
    home.mkdir(parents=True)
    (home / "mine.toml").write_text(f"[options]\n{name} = true\n")
    ran = run("extend", "a.png", "--sides", 0, 16, 0, 0, "--preset", "mine")
    assert (ran.code, "is for the command line alone" in ran.err) == (2, True), ran.err


def test_a_preset_is_a_small_regular_file(run: Run) -> None:
    photo("a.png")
    home = Path("config/softextend/presets")
    home.mkdir(parents=True)
    (home / "mine.toml").symlink_to("/dev/zero")
    ran = run("extend", "a.png", "--sides", 0, 16, 0, 0, "--preset", "mine")
    assert (ran.code, "preset" in ran.err, "is no regular file" in ran.err) == (2, True, True)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("= 1", "cannot be read"),
        ("strength = 1", "strength is unknown: options stand below a line [options]"),
        ("options = 3", "options must be a table"),
        ("[options]\nsteps = {a = 1}", "steps = {'a': 1} must be a text"),
        ("[options]\nstps = 1", "stps is no option"),
        ("[options]\nstrength = 7", "--strength 7: must be from 0 to 1 (set in preset "),
    ],
)
def test_a_damaged_preset_spoils_no_other(run: Run, text: str, fault: str) -> None:
    photo("a.png")
    home = Path("config/softextend/presets")
    home.mkdir(parents=True)
    (home / "mine.toml").write_text(text)
    words = ("extend", "a.png", "--sides", 0, 16, 0, 0, "--dry-run")
    assert run(*words, "--preset", "telea").code == 0
    ran = run(*words, "--preset", "mine")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1), ran.err
    assert fault in ran.err
    assert str(home / "mine.toml") in ran.err
    listed = run("presets")
    assert "telea: " in listed.out
    readable = "is no option" in fault or fault.startswith("--strength")
    assert (listed.code, "mine.toml" in listed.err) == ((0, False) if readable else (2, True))
