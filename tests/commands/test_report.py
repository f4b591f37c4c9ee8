"""`--report` and `softextend report`: a row a result, whatever happened to it, and what the rows say in sum."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from marking import slow
from processes import wait_for
from running import Run, photo

from softextend.errors import SoftExtendError
from softextend.jobs.table_reading import read_rows
from softextend.jobs.table_rows import COLUMNS, LineRows

SIDES = ("--sides", 0, 16, 0, 0, "--seed", 5, "--fill", "edge")
TOY = str(Path(__file__).parents[1] / "toymodel.py")
KINDS = ("jsonl", "csv", "parquet")


def table(kind: str) -> Path:
    if kind == "parquet":
        pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
    return Path(f"results.{kind}")


@pytest.mark.parametrize("kind", KINDS)
def test_every_result_has_its_row(run: Run, kind: str) -> None:
    path = table(kind)
    photo("a.png")
    photo("b.png", 64, 48)
    Path("bad.png").write_bytes(b"no picture")
    assert run("extend", "a.png", "bad.png", "gone.png", *SIDES, "--report", path).code == 1
    (made,) = run("extend", "b.png", *SIDES, "--num", 2, "--skip-existing", "--report", path, "--json", "-q").facts[:1]
    assert run("extend", "b.png", *SIDES, "--num", 2, "--skip-existing", "--report", path).code == 0
    rows = list(read_rows(path))
    states = [(row["state"], row["input"], row["error_kind"]) for row in rows]
    assert sorted(states[:3], key=str) == [
        ("failed", "bad.png", "BadPicture"),
        ("failed", "gone.png", "MissingFile"),
        ("made", "a.png", None),
    ]
    assert states[3:] == [("made", "b.png", None)] * 2 + [("skipped", "b.png", None)] * 2
    b = rows[3]
    assert (b["output"], b["width"], b["height"], b["seed"]) == ("b-extended-5.png", 80, 48, 5)
    assert (b["score"], b["scores.colour_step"]) == (made["score"], made["scores"]["colour_step"])
    assert b["worker"]
    assert b["began"] < b["finished"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_sum(run: Run, kind: str) -> None:
    path = table(kind)
    for index in range(12):
        photo(f"{index}.png", 48 + index)
    Path("bad.png").write_bytes(b"no picture")
    run("extend", "bad.png", *(f"{index}.png" for index in range(12)), *SIDES, "--report", path)
    run("extend", "0.png", *SIDES, "--report", path, "--skip-existing")
    (said,) = run("report", path, "--json").facts
    assert (said["made"], said["skipped"], said["failed_by_kind"]) == (12, 0, {"BadPicture": 1})
    assert sum(said["histogram"]) == 12
    scores = [each["score"] for each in said["worst"]]
    assert len(scores) == 10
    assert scores == sorted(scores)
    assert all(Path(each["output"]).is_file() for each in said["worst"])
    half = 0.0005  # minutes, what these are rounded by
    assert 12 / (said["minutes"] + half) - 0.01 <= said["pictures_a_minute"] <= 12 / (said["minutes"] - half) + 0.01
    shown = run("report", path)
    assert shown.code == 0
    assert "BadPicture" in shown.out
    assert said["worst"][0]["output"] in shown.out


def test_what_failed_and_then_was_made_is_made(run: Run) -> None:
    Path("a.png").write_bytes(b"no picture")
    run("extend", "a.png", *SIDES, "--report", "r.jsonl")
    photo("a.png")
    run("extend", "a.png", *SIDES, "--report", "r.jsonl")
    (said,) = run("report", "r.jsonl", "--json").facts
    assert (said["made"], said["failed"]) == (1, 0)


def test_programs_read_the_tables(run: Run) -> None:
    photo("line\nbreak.png")
    run("extend", "line\nbreak.png", *SIDES, "--report", "r.csv")
    run("extend", "line\nbreak.png", *SIDES, "--report", "r.jsonl", "--overwrite")
    with Path("r.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert (header, len(rows)) == (list(COLUMNS), 1)
    (row,) = map(json.loads, Path("r.jsonl").read_text().splitlines())
    assert row["input"] == "line\nbreak.png"
    assert row["scores"]["texture"] > 0


def test_parquet_is_one_file_that_every_reader_reads(run: Run) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="the extra `parquet` is not installed")
    photo("a.png")
    for _ in range(2):
        run("extend", "a.png", *SIDES, "--report", "r.parquet", "--overwrite")
    found = pq.read_table("r.parquet").to_pylist()
    assert [row["output"] for row in found] == ["a-extended.png"] * 2
    assert not list(Path().glob(".*.rows"))


# --- several writers, and killed ones ------------------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from softextend.jobs.manifest import open_rows
rows = open_rows(Path(sys.argv[1]))
for index in range(200):
    rows.add({"state": "made", "input": f"{sys.argv[2]}-{index}" + "x" * 5000, "output": "o"})
rows.close()
"""


def writers(path: Path, names: Sequence[str]) -> None:
    started = [subprocess.Popen([sys.executable, "-c", WRITER, path, name]) for name in names]
    assert [each.wait() for each in started] == [0] * len(names)


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_append_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    path = table(kind)
    writers(path, "ab")
    found = [row["input"].rstrip("x") for row in read_rows(path)]
    assert sorted(found) == sorted(f"{name}-{index}" for name in "ab" for index in range(200))
    assert [name for name in found if name[0] == "a"] == [f"a-{index}" for index in range(200)]


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_half_line_spoils_no_other(run: Run, kind: str) -> None:
    path = table(kind)
    rows = LineRows(path)
    rows.add({"state": "made", "input": "a", "output": "x"})
    with path.open("a") as file:
        file.write('"half, a ro')
    rows.add({"state": "made", "input": "b", "output": "y"})
    (said,) = run("report", path, "--json").facts
    assert (said["made"], said["damaged_lines"]) == (2, 1)


def rows_so_far(path: Path) -> int:
    """Of a table that may just be begun; a picture's row is written after the picture."""
    try:
        return len(list(read_rows(path)))
    except SoftExtendError:
        return 0


@pytest.mark.parametrize("kind", [KINDS[0], *map(slow, KINDS[1:])])
def test_a_killed_run_leaves_its_rows(run: Run, kind: str) -> None:
    path = table(kind)
    for index in range(6):
        photo(f"p/{index}.png")
    words = ["extend", "p", *map(str, SIDES), "--out-dir", "w", "--report", str(path)]
    environment = {**os.environ, "TOY_DELAY": "0.1"}
    silent = {"stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, TOY, *words], env=environment, **silent) as process:
        wait_for(lambda: (len(list(Path("w").glob("*.png"))) > 1 and rows_so_far(path)) or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
    rows = list(read_rows(path))
    assert 0 < len(rows) <= len(list(Path("w").glob("*.png")))
    again = run(*words, "--skip-existing")
    assert again.code == 0, again.err
    done = {row["output"] for row in read_rows(path)}
    assert done == {str(each) for each in Path("w").glob("*.png")}
    assert len(done) == 6
    assert not list(Path().glob(".*.rows"))


# --- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [("r.txt", "must end in .jsonl"), ("d.csv", "is a folder"), ("list.csv", "is no report"), ("f/r.csv", "written")],
)
def test_a_file_that_is_no_table_is_left_alone(run: Run, name: str, said: str) -> None:
    photo("a.png")
    Path("d.csv").mkdir()
    Path("list.csv").write_text("name,price\npear,2\n")
    Path("f").touch()
    ran = run("extend", "a.png", *SIDES, "--report", name)
    assert (ran.code in (1, 2), ran.out) == (True, "")
    assert said in ran.err
    assert Path("list.csv").read_text() == "name,price\npear,2\n"
    assert not Path("a-extended.png").exists()


@pytest.mark.parametrize(("name", "code"), [("gone.jsonl", 1), ("a.png", 2), ("gone.parquet", 1)])
def test_a_report_that_is_not_there(run: Run, name: str, code: int) -> None:
    table(name.partition(".")[2])
    photo("a.png")
    ran = run("report", name)
    assert (ran.code, ran.err.count("\n")) == (code, 1)
    assert name in ran.err


def test_a_full_disk_cuts_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.jsonl"
    rows = LineRows(path)
    rows.add({"state": "made", "input": "a", "output": "x"})
    before, write = path.read_bytes(), os.write
    calls: list[int] = []

    def full(file: int, data: Any) -> int:
        calls.append(file)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return write(file, data[:10])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(Exception, match="cannot be written"):
        rows.add({"state": "made", "input": "b", "output": "y"})
    assert path.read_bytes() == before
