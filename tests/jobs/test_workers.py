"""Processes that share a batch: same bytes, one that is killed is an error of its picture, and nobody hangs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from running import photo

from softextend.errors import BadRequest
from softextend.jobs import workers
from softextend.jobs.job import Job, Outcome, Target, worker_name
from softextend.jobs.pieces import Piece
from softextend.jobs.worker_process import sendable
from softextend.jobs.workers import Share
from softextend.plan.grammar import parse_batch, parse_workers
from softextend.sampling.progress import Silent
from softextend.types import Listener

TWO = [Share(threads=1)] * 2


class Steps:
    """Stages without pictures, for other processes: a name says what happens to it."""

    def read(self, job: Job, listener: Listener) -> str:
        if "killed" in job.name:
            os.kill(os.getpid(), signal.SIGKILL)
        if "unreadable" in job.name:
            raise BadRequest(f"{job.name}: no picture")
        return job.name

    def pixels(self, read: str) -> int:
        return 1

    def most_rows(self, read: str) -> int:
        return 1

    def rows(self) -> int:
        return 1

    def alike(self, one: str, other: str) -> bool:
        return False

    def fill(self, read: str, target: Target) -> str:
        return read

    def load(self, listener: Listener) -> str:
        listener.note("loaded")
        return os.environ.get("OMP_NUM_THREADS", "")

    def sample(self, pieces: Sequence[Piece], model: str, listener: Listener) -> list[str]:
        if "slow" in pieces[0].filled:
            time.sleep(600)
        return [model]

    def finish(self, piece: Piece, listener: Listener) -> Outcome:
        facts = {"threads": piece.made}
        return Outcome(job=piece.taken.job, target=piece.wanted, facts=facts)


class Heard(Silent):
    """Keeps notes."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


def job(name: str, index: int) -> Job:
    return Job(source=Path(name), targets=(Target(path=Path(f"{name}.png"), format=None, seed=1),), index=index)


def worked(*names: str, shares: Sequence[Share] = TWO, heard: Heard | None = None, **more: Any) -> list[Outcome]:
    outcomes: list[Outcome] = []
    jobs = [job(name, index) for index, name in enumerate(names)]
    workers.run(
        jobs, Steps(), shares, deliver=outcomes.append, begin=lambda *_: None, listener=heard or Heard(), **more
    )
    return outcomes


def test_a_killed_worker_is_an_error_of_its_picture_alone() -> None:
    heard = Heard()
    outcomes = worked("a", "b", "killed", "c", "unreadable", "d", heard=heard)
    assert [outcome.job.name for outcome in outcomes] == ["a", "b", "killed", "c", "unreadable", "d"], "in order"
    failed = {outcome.job.name: str(outcome.error) for outcome in outcomes if outcome.error}
    assert list(failed) == ["killed", "unreadable"]
    assert "its worker was killed (SIGKILL" in failed["killed"]
    assert heard.lines == ["loaded"], "one worker tells of the model for all"
    assert {outcome.facts["threads"] for outcome in outcomes if not outcome.error} == {"1"}
    found = {outcome.job.name: outcome.facts["worker"] for outcome in outcomes}
    assert found["killed"].startswith(f"{socket.gethostname()}:")
    assert found["killed"] != worker_name()
    assert found["killed"] not in {who for name, who in found.items() if name == "d"}, "another one took its place"


def test_results_come_as_they_finish_where_nobody_needs_their_order() -> None:
    seen: list[str] = []

    def deliver(outcome: Outcome) -> None:
        seen.append(outcome.job.name)
        if len(seen) == 3:
            raise KeyboardInterrupt

    jobs = [job(name, index) for index, name in enumerate(["slow", "a", "b", "c", "d"])]
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        workers.run(jobs, Steps(), TWO, deliver=deliver, begin=lambda *_: None, listener=Silent(), in_order=False)
    assert seen == ["a", "b", "c"]
    assert time.monotonic() - began < 500, "who works on the slow one was sent home"


def test_an_error_travels_with_the_words_of_its_traceback() -> None:
    class Odd(Exception):
        def __init__(self, one: int, two: int) -> None:
            super().__init__("odd")

    for error in (BadRequest("x"), Odd(1, 2)):
        found = sendable(error)
        assert str(error) in str(found)
        assert "in a worker" in found.__notes__[0]  # type: ignore[attr-defined]
    assert isinstance(sendable(BadRequest("x")), BadRequest)


@pytest.mark.parametrize("parse", [parse_workers, parse_batch])
def test_a_number_or_auto(parse: Any) -> None:
    assert (parse("auto"), parse("3")) == (0, 3)
    for wrong in ("0", "-1", "1.5", "many", "999"):
        with pytest.raises(BadRequest, match="auto or a whole number"):
            parse(wrong)


@pytest.mark.slow
def test_workers_of_the_command_line_give_the_same_bytes(tmp_path: Path) -> None:
    for index in range(3):
        photo(tmp_path / f"in/{index}.png", 32 + index, 24)
    (tmp_path / "in/2b.png").write_bytes(b"no picture")
    found, names = {}, {}
    for count in ("1", "2"):
        words = ["extend", "in", "--sides", "0", "8", "0", "0", "--seed", "5", "--fill", "edge"]
        words += ["--out-dir", "out", "--overwrite", "--json", "--workers", count, "--report", f"{count}.jsonl"]
        ran = subprocess.run(
            [sys.executable, "-m", "softextend", *words], cwd=tmp_path, capture_output=True, text=True, timeout=200
        )
        assert ran.returncode == 1, ran.stderr
        facts = {each["index"]: each for each in map(json.loads, ran.stdout.splitlines())}
        assert sorted(facts) == [0, 1, 2, 3]
        assert facts[3]["output"] is None
        found[count] = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
        rows = map(json.loads, (tmp_path / f"{count}.jsonl").read_text().splitlines())
        names[count] = {row["input"]: row["worker"] for row in rows}
        told = {each["input"]: each["worker"] for each in facts.values() if "worker" in each}
    assert found["1"] == found["2"]
    assert told.items() < names["2"].items(), "lines and rows name the same workers; the unreadable one has no line"
    assert len(set(names["1"].values())) == 1
    assert set(names["2"].values()).isdisjoint(names["1"].values())
