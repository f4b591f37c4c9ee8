"""A picture that cannot fit is refused from its header, at once."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from pngs import png
from running import Run, photo

from softextend.errors import OutOfMemory
from softextend.jobs import task
from softextend.pictures import memory

SIDES = ("--sides", 0, 16, 0, 0, "--seed", 5, "--fill", "edge")


def bomb(width: int, height: int) -> bytes:
    """A PNG of one bit a pixel, all black: its data are a thousandth of its pixels."""
    packer, row = zlib.compressobj(9), bytes(1 + (width + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png(width, height, data, bits=1, colour=0)


def test_a_small_file_of_a_huge_picture_is_refused_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("bomb.png").write_bytes(bomb(22_000, 22_000))
    photo("a.png")
    monkeypatch.setattr(memory, "available", lambda: 4 * 10**9)
    ran = run("extend", "bomb.png", "a.png", *SIDES)
    assert (ran.code, ran.lines) == (1, ["a-extended.png"])
    assert "484 megapixels, need about 11.6 GB of memory; 4.0 GB are free" in ran.err
    assert "--allow-huge" in ran.err


def test_a_huge_result_is_refused_before_it_is_painted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a.png")
    monkeypatch.setattr(memory, "available", lambda: 10**9)
    ran = run("extend", "a.png", "--size", "9000x9000", "--allow-large", "--seed", 5, "--strength", 0, "--dry-run")
    assert (ran.code, "the result: 9000 x 9000 px" in ran.err) == (1, True)
    assert run.loads == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("words", [("--all", "900000"), ("--sides", "999999999 0 0 0"), ("--size", "999999x9999")])
def test_a_result_of_any_size_is_refused_by_its_numbers(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    photo("a.png")
    monkeypatch.delattr(task, "plan_extension")  # a plan has arrays of that size
    for more in ((), ("--dry-run",)):
        ran = run("extend", "a.png", *words, "--allow-large", "--strength", 0, *more)
        assert (ran.code, "the result: " in ran.err, "GB are free" in ran.err) == (1, True, True), ran.err


def test_what_is_free_is_known_here() -> None:
    free = memory.available()
    assert free is None or free > 10**7


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs ulimit -v as Linux has it")
@pytest.mark.parametrize("megabytes", [600, 700])  # at 700 SciPy's BLAS, loaded, would try for ever
def test_a_small_ulimit_is_called_so(tmp_path: Path, megabytes: int) -> None:
    photo(tmp_path / "a.png")
    command = f"ulimit -v {megabytes}000; exec {sys.executable} -m softextend extend a.png --sides 4"
    package = str(Path(memory.__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": package, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 1
    assert "out of memory" in ran.stderr.splitlines()[-1]
    assert "ulimit -v unlimited" in ran.stderr
    assert not (tmp_path / "a-extended.png").exists()


def test_what_a_library_takes_is_asked_before_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_within_limit", lambda: None)
    memory.check_room("a library", 10**12)
    monkeypatch.setattr(memory, "_within_limit", lambda: 400_000_000)
    memory.check_room("a library", 400_000_000)
    with pytest.raises(OutOfMemory, match="a library takes 401 MB as it is loaded, and ulimit -v leaves 400;"):
        memory.check_room("a library", 401_000_000)


@pytest.mark.parametrize(("limited", "expected"), [(10**9, True), (None, False)])
def test_c_code_that_fails_without_a_reason_ran_out_where_there_is_a_limit(
    monkeypatch: pytest.MonkeyPatch, limited: int | None, expected: bool
) -> None:
    monkeypatch.setattr(memory, "_within_limit", lambda: limited)
    assert memory.ran_out(SystemError("error return without exception set")) is expected
