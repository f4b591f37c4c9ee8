"""What bad input gets: one line that says what came and what to do, the right exit code, and no file harmed."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

import pytest
from PIL import Image
from pngs import hollow
from refusing import SIDES, Refuse, photo

from softextend import cli


def test_missing_file(refuse: Refuse) -> None:
    assert "gone.png: no such file" in refuse(1, "extend", "gone.png", *SIDES)


def test_folder_without_pictures(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.txt").write_text("x")
    assert "no picture in this folder" in refuse(2, "extend", "p", *SIDES)
    assert "no picture matches" in refuse(2, "extend", "p/**/*.jpg", *SIDES)


def test_no_input(refuse: Refuse) -> None:
    assert "--files-from" in refuse(2, "extend", *SIDES)
    assert "--files-from gone" in refuse(2, "extend", "--files-from", "gone", *SIDES)


def test_text_named_png(refuse: Refuse) -> None:
    Path("a.png").write_text("hello, this is no picture")
    assert "is text, not a picture" in refuse(1, "extend", "a.png", *SIDES)


def test_truncated_jpeg(refuse: Refuse) -> None:
    data = photo("a.jpg", 200, 200).read_bytes()
    Path("a.jpg").write_bytes(data[: len(data) // 2])
    assert "a.jpg: the JPEG ends early: 5" in refuse(1, "extend", "a.jpg", *SIDES)


def test_empty_file(refuse: Refuse) -> None:
    Path("a.png").touch()
    assert "a.png: is empty (0 bytes)" in refuse(1, "extend", "a.png", *SIDES)


def test_decompression_bomb(refuse: Refuse) -> None:
    Path("a.png").write_bytes(hollow(60_000, 60_000))
    said = refuse(1, "extend", "a.png", *SIDES)
    assert "3600 megapixels" in said
    assert "--allow-huge" in said


def test_animated_gif_takes_the_first_frame_and_says_so(refuse: Refuse, capfd: pytest.CaptureFixture[str]) -> None:
    frames = [Image.new("RGB", (48, 40), colour) for colour in ("red", "blue")]
    frames[0].save("a.gif", save_all=True, append_images=frames[1:])
    assert cli.run(["extend", "a.gif", *SIDES]) == 0
    out, err = capfd.readouterr()
    assert out == "a-extended.png\n"
    assert "2 frames; only the first is used" in err
    with Image.open("a-extended.png") as picture:
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 0, 0)


def test_one_pixel_grows(refuse: Refuse, capfd: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (1, 1), "red").save("a.png")
    assert cli.run(["extend", "a.png", "--sides", "0", "4", "4", "0"]) == 0
    with Image.open("a-extended.png") as picture:
        assert picture.size == (5, 5)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--sides", 0, 0, 0, 0), "nothing to add"),
        (("--sides", 0, -4, 0, 0), "0 or more"),
        (("--sides", 0, "1e9", 0, 0), "256"),
        (("--sides", 0, "nan%", 0, 0), "0 or more"),
        (("--sides", 0, 193, 0, 0), "--allow-large"),
        (("--sides",), "one to four values"),
        ((), "--sides"),
        ((*SIDES, "--fill", "plasma"), "perlin"),
        ((*SIDES, "--fill", "perlin:colour=3"), "opacity"),
        ((*SIDES, "--fill", "perlin:opacity=3"), "0 to 1"),
        ((*SIDES, "--sampler", "ddpm"), "must be one of euler, euler-a,"),
        ((*SIDES, "--strength", "1.5"), "from 0 to 1"),
        ((*SIDES, "--strength", "nan"), "from 0 to 1"),
        ((*SIDES, "--strength", "much"), "--strength much: must be a number from 0 to 1\n"),
        ((*SIDES, "--steps", "0"), "from 1 to 1000"),
        ((*SIDES, "--steps", "1.5"), "--steps 1.5: must be a whole number from 1 to 1000\n"),
        ((*SIDES, "--num", "some"), "--num some: must be a whole number from 1 to 10000\n"),
        ((*SIDES, "--change", "x"), "--change x: must be a number above 0 and at most 1\n"),
        ((*SIDES, "--dtype", "int8"), "--dtype int8: must be one of auto, bf16,"),
        ((*SIDES, "--offload", "x"), "--offload x: must be one of none, model, sequential\n"),
        ((*SIDES, "-v"), "-q and -v: "),
        ((*SIDES, "--strength", "0.01", "--steps", "3"), "steps"),
        ((*SIDES, "--guidance", "-1"), "from 0 to 50"),
        ((*SIDES, "--change", "0"), "at most 1"),
        ((*SIDES, "--overlap", "-1"), "from 0 to 4096"),
        ((*SIDES, "--seed", "-1"), "--seed"),
        ((*SIDES, "--num", "0"), "from 1 to 10000"),
        ((*SIDES, "--num", "2", "--skip-existing"), "--seed"),
        ((*SIDES, "--overwrite", "--skip-existing"), "give one"),
        ((*SIDES, "--format", "gif"), "must be one of png, jpeg,"),
        ((*SIDES, "-o", "b.gif"), ".png"),
        ((*SIDES, "-o", "b.png", "--format", "jpeg"), "the name says PNG"),
        ((*SIDES, "-o", "-", "--json"), "--json"),
        ((*SIDES, "--nonsense"), "--nonsense"),
        ((*SIDES, "--stength", "0.5"), "--strength"),
    ],
)
def test_options_that_cannot_be(refuse: Refuse, arguments: tuple[object, ...], says: str) -> None:
    photo("a.png")
    assert says in refuse(2, "extend", "a.png", *arguments)


def test_wrong_usage_names_the_help_to_read(capfd: pytest.CaptureFixture[str]) -> None:
    for arguments, command in ((["extend", "a.png", "-o"], "softextend extend"), (["nonsense"], "softextend")):
        assert cli.run(arguments) == 2
        assert capfd.readouterr().err.endswith(f"(see {command} --help)\n")


def test_what_no_picture_could_change_is_said_once(refuse: Refuse) -> None:
    for name in ("a.png", "b.png", "c.png"):
        photo(name)
    for arguments in (("--fill", "plasma"), ("--strength", "0.01", "--steps", "3")):
        refuse(2, "extend", "a.png", "b.png", "c.png", *SIDES, *arguments)
    refuse(2, "prepare", "a.png", "b.png", "c.png", *SIDES, "--fill", "plasma")


def test_a_large_side_is_allowed_by_its_flag(refuse: Refuse, capfd: pytest.CaptureFixture[str]) -> None:
    photo("a.png", 12, 12)
    assert cli.run(["extend", "a.png", "--sides", "0", "60", "0", "0", "--allow-large"]) == 0


def test_mask_of_another_size(refuse: Refuse) -> None:
    photo("a.png")
    Image.new("L", (40, 48), 255).save("m.png")
    said = refuse(2, "paint", "a.png", "m.png", "-o", "b.png")
    assert said == "softextend: m.png: the mask is 40x48, a.png is 48x40; make them one size\n"


def test_masks_that_are_none(refuse: Refuse) -> None:
    photo("a.png")
    Image.new("L", (48, 40), 0).save("black.png")
    assert "black" in refuse(2, "paint", "a.png", "black.png", "-o", "b.png")
    for pair in (("a.png", "gone.png"), ("gone.png", "black.png")):
        assert refuse(1, "paint", *pair, "-o", "b.png").startswith("softextend: gone.png: no such file; ")
    Path("text.png").write_text("no picture")
    assert refuse(1, "paint", "a.png", "text.png", "-o", "b.png").startswith("softextend: text.png: is text")


def test_a_picture_without_a_recipe(refuse: Refuse) -> None:
    photo("a.png")
    assert "carries no recipe" in refuse(1, "redo", "a.png")


def test_a_recipe_from_elsewhere(refuse: Refuse) -> None:
    from PIL import PngImagePlugin

    for recipe in ("{}", '{"command": {}}', '{"command": {"input": "a.png"}, "spec": {}}', "[", "[]"):
        text = PngImagePlugin.PngInfo()
        text.add_text("softextend", recipe)
        Image.new("RGB", (8, 8)).save("r.png", pnginfo=text)
        assert "recipe" in refuse(1, "redo", "r.png")


def safetensors(path: str, header: bytes, length: int | None = None) -> None:
    Path(path).write_bytes(struct.pack("<Q", len(header) if length is None else length) + header)


def test_models_that_are_none(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a.png")
    Path("folder").mkdir()
    Path("folder/readme.txt").write_text("x")
    safetensors("damaged.safetensors", b"{", 10**9)
    safetensors("other.safetensors", b'{"a": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}')
    Path("pickle.ckpt").write_bytes(pickle.dumps({"state_dict": {}}))
    for name, says in (
        ("gone.safetensors", "does not exist"),
        ("no/such/model", "does not exist"),
        ("folder", "model_index.json"),
        ("damaged.safetensors", "damaged.safetensors"),
        ("other.safetensors", "no checkpoint that runs here"),
        ("pickle.ckpt", ".safetensors"),
    ):
        assert says in refuse(1, "extend", "a.png", *SIDES, "--model", name)
    monkeypatch.setenv("SOFTEXTEND_MODEL", "gone.safetensors")
    assert "$SOFTEXTEND_MODEL" in refuse(1, "extend", "a.png", *SIDES)


def test_hub_id_offline(refuse: Refuse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()  # the real loader
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    photo("a.png")
    assert "nobody/nothing" in refuse(1, "extend", "a.png", *SIDES, "--model", "nobody/nothing")
