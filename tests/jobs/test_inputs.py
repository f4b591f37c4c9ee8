"""Which pictures are meant: folders, globs, lists, and earlier results left out."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path

import pytest
from batching import touch

from softextend.errors import BadPicture, BadRequest
from softextend.jobs import inputs, patterns
from softextend.pictures import other_formats


def names(sources: Iterable[Path | None]) -> list[str | None]:
    return [source and source.name for source in sources]


def test_a_folder_gives_its_pictures_in_order(folder: Path) -> None:
    assert names(inputs.gather([str(folder)]).sources) == ["a.JPG", "b.png", "c.webp", "d.gif"]


def test_a_glob_descends_with_two_stars(folder: Path) -> None:
    assert names(inputs.gather([f"{folder}/**/*.jpg"]).sources) == ["e.jpg"]
    assert names(inputs.gather([f"{folder}/**/*.png"]).sources) == ["b.png", "f.png"]


def test_brackets_in_a_file_name_are_no_glob(tmp_path: Path) -> None:
    touch(tmp_path / "a[1].png", tmp_path / "a1.png")
    assert names(inputs.gather([str(tmp_path / "a[1].png")]).sources) == ["a[1].png"]


def test_listed_paths_are_never_globs(tmp_path: Path) -> None:
    touch(tmp_path / "a.png")
    assert names(inputs.gather([], [str(tmp_path / "*.png")]).sources) == ["*.png"]


def test_each_picture_counts_once_and_order_is_kept(folder: Path) -> None:
    twice = [str(folder / "c.webp"), "-", str(folder), str(folder / "deep" / ".." / "b.png"), "-"]
    assert names(inputs.gather(twice).sources) == ["c.webp", None, "a.JPG", "b.png", "d.gif"]


def test_a_missing_file_of_a_list_stays_in_to_fail_alone(tmp_path: Path) -> None:
    assert names(inputs.gather([], [str(tmp_path / "gone.png")]).sources) == ["gone.png"]


def test_missing_files_that_were_named_fail_alone_too(folder: Path) -> None:
    assert names(inputs.gather([str(folder / "b.png"), str(folder / "x.png")]).sources) == ["b.png", "x.png"]
    with pytest.raises(BadPicture, match=r"x\.png, .*b\.png/y\.png: no such file.*nothing was made"):
        inputs.refuse_missing([str(folder / "b.png"), str(folder / "x.png"), str(folder / "b.png" / "y.png")])


def test_a_folder_without_pictures_fails_alone_among_others(folder: Path) -> None:
    (folder / "empty").mkdir()
    found = inputs.gather([str(folder / "b.png"), str(folder / "empty")], [str(folder / "empty")])
    assert names(found.sources) == ["b.png"]
    assert [each.job.name for each in found.empty] == [str(folder / "empty")]
    assert isinstance(found.empty[0].error, BadRequest)
    with pytest.raises(BadRequest, match="empty: no picture in this folder"):
        inputs.gather([str(folder / "empty")])


def test_earlier_results_are_left_out_of_folders_and_said(tmp_path: Path) -> None:
    results = (
        "a-extended.png",
        "a-extended-17.png",
        "a-canvas.png",
        "a-mask.png",
        "a-extended-raw.png",
        "a-painted.png",
    )
    touch(*(tmp_path / name for name in ("a.jpg", "ice-extended.png", *results)))
    found = inputs.gather([str(tmp_path)])
    assert names(found.sources) == ["a.jpg", "ice-extended.png"]  # there is no ice.*: that one is a picture like others
    assert "left out 6" in found.notes[0]
    assert names(inputs.gather([str(tmp_path / "a-extended.png")]).sources) == ["a-extended.png"]  # named: wanted


def test_parts_of_a_glob_that_exist_are_no_wildcards(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("[2024] trip/a.jpg", "2 trip/b.jpg", "x/[2024] trip/c.jpg", "4/d.jpg")))
    for pattern, expected in (
        ("[2024] trip/*.jpg", ["a.jpg"]),
        ("*/[2024] trip/*.jpg", ["c.jpg"]),
        ("**/[2024] trip/?.jpg", ["a.jpg", "c.jpg"]),
        ("[2-4]/*.jpg", ["d.jpg"]),  # no such folder: a wildcard
        ("[2024] trip/**/*.jpg", ["a.jpg"]),
    ):
        assert names(inputs.gather([f"{tmp_path}/{pattern}"]).sources) == expected, pattern


def test_globs_find_what_pythons_do(tmp_path: Path) -> None:
    deep = ("a.png", "p/a.png", "p/q/b.png", "p/.hidden/c.png", ".d.png", "p/x.txt")
    touch(*(tmp_path / name for name in deep))
    (tmp_path / "link").symlink_to(tmp_path / "p")
    for pattern in ("*.png", "*/*.png", "**/*.png", "p/**", "**/q/*", "**/**/b.png", "./p/../*.png", ".*.png"):
        found = map(Path, glob.glob(f"{tmp_path}/{pattern}", recursive=True))  # noqa: PTH207
        wanted = sorted({each for each in found if each.is_file()})
        assert [*map(Path, patterns.matches(f"{tmp_path}/{pattern}"))] == wanted, pattern


def test_kinds_that_need_a_library_are_counted_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_formats, "is_installed", lambda kind: False)
    touch(*(tmp_path / name for name in ("a.jpg", "1.HEIC", "2.heif", "3.jxl", "4.NEF", "5.txt")))
    (tmp_path / "6.heic").write_bytes(b"\xff\xd8\xff\xe0 really a JPEG")
    found = inputs.gather([str(tmp_path)])
    assert names(found.sources) == ["6.heic", "a.jpg"]
    said = str(found.empty[0].error)
    for each in ("2 HEIC file(s)", "softextend[heif]", "1 JPEG XL file(s)", "1 camera raw file(s)", "develop"):
        assert each in said
    with pytest.raises(BadPicture, match=r"1 HEIC file\(s\) left out.*; .*1 HEIC file\(s\)"):
        inputs.gather([f"{tmp_path}/*.HEIC", f"{tmp_path}/?.heif"])
    monkeypatch.setattr(other_formats, "is_installed", lambda kind: kind is other_formats.HEIF)
    assert "1.HEIC" in names(inputs.gather([str(tmp_path)]).sources)


def test_earlier_results_in_the_output_folder_are_no_inputs(tmp_path: Path) -> None:
    touch(tmp_path / "a.png", tmp_path / "wide" / "a-extended.png", tmp_path / "wide" / "b.png")
    found = inputs.gather([f"{tmp_path}/**/*.png"], results=tmp_path / "wide")
    assert names(found.sources) == ["a.png", "b.png"]
    assert "left out 1" in found.notes[0]


@pytest.mark.parametrize("pattern", ["empty", "empty/*.jpg", "notes"])
def test_nothing_found_is_wrong_usage(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "empty").mkdir()
    touch(tmp_path / "notes" / "a.txt")
    with pytest.raises(BadRequest, match="no picture"):
        inputs.gather([str(tmp_path / pattern)])


def test_no_input_is_wrong_usage() -> None:
    with pytest.raises(BadRequest, match="--files-from"):
        inputs.gather([])
