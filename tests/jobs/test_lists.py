"""Lists of paths as PowerShell, Notepad, shells and `find` write them, and what is no list."""

from __future__ import annotations

import io
import os
import random
import sys
from pathlib import Path

import pytest
from running import Run, photo

from softextend.errors import BadRequest
from softextend.jobs.lists import decode_list, read_list, split_list

SIDES = ("--sides", 0, 16, 0, 0, "--seed", 5, "--fill", "edge")
NAMES = ["wanted.jpg", "Bilder/müde.jpg", "写真/日本.png", "a b.tif", "C:\\Users\\Eva\\x.jpg"]


def listed(data: bytes) -> list[str]:
    return list(split_list(decode_list(data, "list")))


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_encoding_of_an_editor_is_read(encoding: str, end: str) -> None:
    text = "".join(name + end for name in NAMES)
    assert listed(text.encode(encoding)) == NAMES
    assert listed(b"\xfe\xff" + text.encode("utf-16-be")) == NAMES
    assert listed(text.rstrip().encode(encoding)) == NAMES
    for name in NAMES:
        assert listed(f"{name}{end}".encode(encoding)) == [name]


def test_nul_separated_names_are_not_taken_for_utf_16() -> None:
    assert listed(b"a\nb.png\0c.png\0") == ["a\nb.png", "c.png"]
    for names in (["a.png"], ["a/b.png", "cc.png"], [f"{n:05d}.jpg" for n in range(300)], ["x" * 200 + ".jpg"] * 3):
        assert listed("".join(f"{name}\0" for name in names).encode()) == names
    latin = "caf\u00e9.jpg\0".encode("latin-1") + "\u00e9t\u00e9s.jpeg\0".encode("latin-1")
    assert [os.fsencode(each) for each in listed(latin)] == [b"caf\xe9.jpg", b"\xe9t\xe9s.jpeg"]


def test_only_line_ends_end_a_line() -> None:
    odd = "x\x0cy\x85z\u2028.png"
    assert listed(b"a.png\n\n b c.png\r\n" + odd.encode() + b"\n") == ["a.png", " b c.png", odd]
    assert listed(b"a.png\rb.png\r") == ["a.png", "b.png"]  # old Macs


def test_names_with_escape_sequences_are_names() -> None:
    assert listed(b"a\x1b[31mb.png\n") == ["a\x1b[31mb.png"]


def test_what_is_no_text_is_refused(shared: Path) -> None:
    for path in sorted((shared / "inputs").iterdir()):
        if path.is_file():
            with pytest.raises(BadRequest, match="is no text"):
                read_list(str(path))


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_no_text(seed: int) -> None:
    with pytest.raises(BadRequest, match=r"is no text|damaged"):
        decode_list(random.Random(seed).randbytes(5001 + seed), "list")


def test_half_a_letter_is_damage() -> None:
    with pytest.raises(BadRequest, match="damaged UTF-16"):
        decode_list("a.png".encode("utf-16")[:-1], "list")


def test_an_empty_list_says_so(tmp_path: Path) -> None:
    for data in (b"", b"\n \n", b"\xff\xfe", b"\xef\xbb\xbf\r\n"):
        (tmp_path / "list").write_bytes(data)
        with pytest.raises(BadRequest, match="the list is empty"):
            read_list(str(tmp_path / "list"))


def test_only_what_is_listed_is_made(run: Run, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("wanted.jpg", "not-wanted.jpg"):
        photo(name)
    for name in ("list-bom.txt", "list-utf16.txt"):
        data = (shared / "inputs" / "listdir" / name).read_bytes()
        Path("list").write_bytes(data)
        ran = run("extend", "--files-from", "list", *SIDES, "--overwrite")
        assert (ran.code, ran.lines) == (0, ["wanted-extended.jpg"])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        ran = run("extend", "--files-from", "-", *SIDES, "--overwrite")
        assert (ran.code, ran.lines) == (0, ["wanted-extended.jpg"])


@pytest.mark.parametrize("line", [".", "..", "./", "/", ".\\"])
def test_a_list_never_means_this_whole_folder(run: Run, line: str) -> None:
    photo("wanted.jpg")
    photo("not-wanted.jpg")
    Path("list").write_text(f"{line}\nwanted.jpg\n")
    ran = run("extend", "--files-from", "list", *SIDES)
    assert (ran.code, ran.lines) == (1, ["wanted-extended.jpg"])
    assert f"softextend: {line.replace(chr(92), chr(92))}" in ran.err
    assert run("extend", ".", *SIDES, "--overwrite").code == 0  # who types it means it
