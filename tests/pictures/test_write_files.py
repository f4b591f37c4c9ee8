"""Files on the disk: whole, or not there; nothing of anybody's is lost."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from outgoing import RECIPE, leftovers, photo

from softextend.errors import OutputError
from softextend.pictures import files
from softextend.pictures.files import write_file
from softextend.pictures.read import read_picture
from softextend.pictures.write import write_picture


# files: whole or not there
def refusal(target: Path, *, overwrite: bool = False) -> str:
    with pytest.raises(OutputError) as caught:
        write_picture(target, photo(), format="PNG", recipe=RECIPE, overwrite=overwrite)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{target}: ")
    return text


def test_written_where_asked_with_usual_permissions(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folders" / "a.png"
    write_picture(target, photo(), format="png", overwrite=False)
    np.testing.assert_array_equal(read_picture(target).pixels, photo())
    assert leftovers(target.parent) == ["a.png"]
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    target.write_bytes(b"precious")
    assert "--overwrite" in refusal(target)
    assert target.read_bytes() == b"precious"
    assert leftovers(tmp_path) == ["a.png"]


def test_overwriting_keeps_permissions_and_links(tmp_path: Path) -> None:
    real, link = tmp_path / "real.png", tmp_path / "link.png"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    write_picture(link, photo(), format="PNG", overwrite=True)
    assert link.is_symlink()
    assert read_picture(real).pixels.shape == photo().shape
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert leftovers(tmp_path) == ["link.png", "real.png"]


def test_a_file_that_appears_meanwhile_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.png"
    monkeypatch.setattr(os, "fsync", lambda _: target.write_bytes(b"faster"))
    assert "exists already" in refusal(target)
    assert target.read_bytes() == b"faster"
    assert leftovers(tmp_path) == ["a.png"]


def test_a_disk_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    target = tmp_path / "a.png"
    write_picture(target, photo(), format="PNG", overwrite=False)
    assert leftovers(tmp_path) == ["a.png"]
    monkeypatch.setattr(os, "fsync", lambda _: (tmp_path / "b.png").write_bytes(b"faster"))
    assert "exists already" in refusal(tmp_path / "b.png")
    assert (tmp_path / "b.png").read_bytes() == b"faster"


def test_target_is_a_folder_or_lies_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    for overwrite in (False, True):
        assert "is a folder" in refusal(tmp_path / "a.png", overwrite=overwrite)
    (tmp_path / "file").write_bytes(b"")
    assert "is a file, not a folder" in refusal(tmp_path / "file" / "b.png")
    assert "is a file, not a folder" in refusal(tmp_path / "file" / "c" / "b.png")
    assert leftovers(tmp_path) == ["a.png", "file"]


def test_a_name_too_long(tmp_path: Path) -> None:
    assert "too long" in refusal(tmp_path / ("a" * 300 + ".png"))
    longest = tmp_path / ("a" * 251 + ".png")
    write_picture(longest, photo(), format="PNG", overwrite=False)
    assert leftovers(tmp_path) == [longest.name]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("where", ["write", "fsync", "rename"])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (OSError(errno.EROFS, "Read-only file system"), "read-only"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        (KeyboardInterrupt(), None),
    ],
    ids=["full", "read-only", "broken", "ctrl-c"],
)
def test_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool, where: str, error: BaseException, told: str | None
) -> None:
    target = tmp_path / "a.png"
    if overwrite:
        target.write_bytes(b"precious")

    def fail(*_: Any, **__: Any) -> None:
        raise error

    if where == "write":
        monkeypatch.setattr(files, "_write_through", half_of(error))
    elif where == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "hardlink_to", fail)
        monkeypatch.setattr(Path, "replace", fail)
    if told is None:
        with pytest.raises(KeyboardInterrupt):
            write_picture(target, photo(), format="PNG", overwrite=overwrite)
    else:
        assert told in refusal(target, overwrite=overwrite)
    assert leftovers(tmp_path) == (["a.png"] if overwrite else [])
    assert not overwrite or target.read_bytes() == b"precious"


def half_of(error: BaseException) -> Any:
    def write(path: Path, data: bytes) -> None:
        path.write_bytes(data[: len(data) // 2])
        raise error

    return write


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_is_really_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own error, from the device made for it: the temporary name leads there."""
    monkeypatch.setattr("secrets.token_hex", lambda _: "full")
    open_as_usual = Path.open

    def into_full(self: Path, mode: str = "r", *rest: Any) -> Any:
        return (
            open_as_usual(Path("/dev/full"), "wb")
            if self.name == ".softextend-full.tmp"
            else open_as_usual(self, mode, *rest)
        )

    monkeypatch.setattr(Path, "open", into_full)
    assert "disk is full" in refusal(tmp_path / "a.png")
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert "may not be written" in refusal(tmp_path / "a.png")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs a folder that refuses even root")
def test_a_folder_that_refuses_even_root() -> None:
    assert "cannot be written" in refusal(Path("/proc/a.png"))


def test_any_bytes_can_be_written_that_way(tmp_path: Path) -> None:
    write_file(tmp_path / "a.bin", b"abc", overwrite=False)
    assert (tmp_path / "a.bin").read_bytes() == b"abc"
