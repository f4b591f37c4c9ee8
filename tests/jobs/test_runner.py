"""One failure among many pictures, stages that overlap, and what the whole batch's exit code is."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest
from batching import job

from softextend.errors import BadModel, BadPicture, BadRequest, DiskFull
from softextend.jobs import runner
from softextend.jobs.job import Job, Outcome, Target
from softextend.jobs.lanes import Room
from softextend.jobs.pieces import Piece
from softextend.jobs.tally import Tally
from softextend.sampling.progress import Silent
from softextend.types import Listener

EACH_WAY = pytest.mark.parametrize("overlap", [False, True], ids=["one-by-one", "overlapping"])


class Work:
    """Stages that fail where a name says so, and know what went through the model together."""

    def __init__(self, batch: int = 1, pixels: int = 1) -> None:
        self.loads, self.batch, self.size = 0, batch, pixels
        self.groups: list[list[str]] = []
        self.threads: dict[str, set[int]] = {}
        self.begun: list[tuple[str, int]] = []
        self.heard = Heard()

    def read(self, job: Job, listener: Listener) -> str:
        self.note("read")
        listener.note(f"{job.name} is read")
        if "unreadable" in job.name:
            raise BadPicture(f"{job.name}: no picture")
        return job.name

    def pixels(self, read: str) -> int:
        return self.size

    def most_rows(self, read: str) -> int:
        return self.batch

    def rows(self) -> int:
        return 1

    def alike(self, one: str, other: str) -> bool:
        return one[0] == other[0]

    def fill(self, read: str, target: Target) -> str:
        self.note("fill")
        if "unfillable" in read:
            raise BadPicture(f"{read}: cannot be filled")
        return read

    def load(self, listener: Listener) -> str:
        self.loads += 1
        return "model"

    def sample(self, pieces: Sequence[Piece], model: str, listener: Listener) -> list[str]:
        assert model == "model"
        self.note("sample")
        listener.step(1, 1)
        self.groups.append([each.filled for each in pieces])
        if any("fault" in each.filled and each.wanted.seed == 1 for each in pieces):
            raise KeyError("a fault")
        return [each.filled for each in pieces]

    def finish(self, piece: Piece, listener: Listener) -> Outcome:
        self.note("finish")
        if "pipe" in piece.made:
            raise BrokenPipeError
        if "full" in piece.made:
            raise DiskFull("no room")
        return Outcome(job=piece.taken.job, target=piece.wanted)

    def note(self, stage: str) -> None:
        self.threads.setdefault(stage, set()).add(threading.get_ident())

    def run(self, *jobs: Job, overlap: bool) -> list[Outcome]:
        outcomes: list[Outcome] = []
        begin = lambda name, before: self.begun.append((name, before))  # noqa: E731
        runner.run(jobs, self, deliver=outcomes.append, begin=begin, listener=self.heard, overlap=overlap)
        return outcomes


class Heard(Silent):
    """Keeps notes, and in which thread they were told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.threads: set[int] = set()

    def note(self, line: str) -> None:
        self.lines.append(line)
        self.threads.add(threading.get_ident())


def kinds(outcomes: Sequence[Outcome]) -> list[tuple[str, str]]:
    return [(outcome.job.name, type(outcome.error).__name__) for outcome in outcomes]


@EACH_WAY
@pytest.mark.parametrize("batch", [1, 3])
def test_one_failure_does_not_stop_the_others(overlap: bool, batch: int) -> None:
    work = Work(batch)
    jobs = job("unreadable", (1, 2)), job("good"), job("gfault", (1, 2)), job("unfillable"), job("great")
    assert kinds(work.run(*jobs, overlap=overlap)) == [
        ("unreadable", "BadPicture"),
        ("good", "NoneType"),
        ("gfault", "KeyError"),
        ("gfault", "NoneType"),
        ("unfillable", "BadPicture"),
        ("great", "NoneType"),
    ]
    assert work.loads == 1
    assert sorted(work.heard.lines) == sorted(f"{each.name} is read" for each in jobs), "each once"
    assert work.heard.threads == {threading.get_ident()}, "who listens need not expect two threads"


@EACH_WAY
def test_no_model_is_loaded_for_pictures_that_cannot_be_read(overlap: bool) -> None:
    work = Work()
    work.run(job("unreadable"), job("unreadable"), overlap=overlap)
    assert work.loads == 0


@EACH_WAY
def test_a_model_that_cannot_be_loaded_ends_the_batch(overlap: bool) -> None:
    work = Work()
    work.load = lambda listener: (_ for _ in ()).throw(BadModel("damaged"))  # type: ignore[method-assign,assignment]
    with pytest.raises(BadModel):
        work.run(job("good"), job("good"), overlap=overlap)


@EACH_WAY
def test_a_closed_pipe_ends_the_batch(overlap: bool) -> None:
    with pytest.raises(BrokenPipeError):
        Work().run(job("pipe"), *[job("good")] * 20, overlap=overlap)


@EACH_WAY
def test_a_full_disk_ends_the_batch_after_its_outcome(overlap: bool) -> None:
    outcomes = Work().run(job("good"), job("full"), *[job("more")] * 20, overlap=overlap)
    assert kinds(outcomes) == [("good", "NoneType"), ("full", "DiskFull")]


@EACH_WAY
def test_an_outcome_that_cannot_be_told_ends_the_batch(overlap: bool) -> None:
    work = Work()

    def deliver(outcome: Outcome) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        runner.run([job("good")] * 20, work, deliver=deliver, begin=lambda *_: None, listener=Silent(), overlap=overlap)
    assert len(work.groups) < 20


@EACH_WAY
def test_an_interrupt_ends_the_batch_and_its_threads(overlap: bool) -> None:
    work, before = Work(), set(threading.enumerate())

    def interrupted(*_: object) -> list[str]:
        raise KeyboardInterrupt

    work.sample = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        work.run(*[job("good")] * 20, overlap=overlap)
    for each in threading.enumerate():
        if each.name.startswith("softextend"):
            each.join(5)
    assert set(threading.enumerate()) <= before  # others' may have ended meanwhile


def test_stages_have_threads_of_their_own_and_the_model_the_callers() -> None:
    work = Work()
    work.run(*[job("good")] * 8, overlap=True)
    assert work.threads["sample"] == {threading.get_ident()}
    assert len({thread for each in work.threads.values() for thread in each}) == len(work.threads) == 4
    alone = Work()
    alone.run(*[job("good")] * 8, overlap=False)
    assert {thread for each in alone.threads.values() for thread in each} == {threading.get_ident()}


@EACH_WAY
def test_what_goes_together_is_a_matter_of_order_alone(overlap: bool) -> None:
    work = Work(batch=3)
    jobs = [job("a1", (2, 3)), job("a2"), job("unreadable"), job("a3"), job("b1"), job("b2"), job("a4")]
    outcomes = work.run(*jobs, overlap=overlap)
    assert work.groups == [["a1", "a1", "a2"], ["a3"], ["b1", "b2"], ["a4"]]
    assert [outcome.job.name for outcome in outcomes] == ["a1", "a1", "a2", "unreadable", "a3", "b1", "b2", "a4"]
    if overlap:
        assert work.begun == [("a1 (seed 2) and 2 more", 0), ("a3", 4), ("b1 and 1 more", 5), ("a4", 7)]


def test_a_batch_holds_no_more_pixels_than_there_is_room_for() -> None:
    large = Work(batch=8, pixels=7_000_000)
    large.run(*[job("good")] * 5, overlap=True)
    assert [len(each) for each in large.groups] == [2, 2, 1]
    huge = Work(batch=8, pixels=100_000_000)
    assert len(huge.run(*[job("good")] * 3, overlap=True)) == 3, "one that is larger than the room goes alone"


def test_pictures_wait_for_room() -> None:
    room = Room(10, threading.Event())
    room.take(8)
    taker = threading.Thread(target=room.take, args=(4,))
    taker.start()
    taker.join(0.3)
    assert taker.is_alive()
    room.give(8)
    taker.join(5)
    assert room.used == 4


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ([], 0),
        ([None, None], 0),
        ([None, BadPicture("x")], 1),
        ([BadPicture("x")], 1),
        ([BadRequest("x")], 2),
        ([BadRequest("x"), BadRequest("y")], 2),
        ([BadRequest("x"), None], 1),
        ([BadRequest("x"), BadPicture("y")], 1),
    ],
)
def test_exit_codes(errors: list[Exception | None], code: int) -> None:
    tally = Tally()
    for error in errors:
        tally.add(Outcome(job=job("a"), target=None, error=error))
    assert tally.exit_code == code


def test_a_result_is_told_while_the_next_picture_cannot_be_had() -> None:
    work, told = Work(), threading.Event()

    def jobs() -> Iterator[Job]:
        yield job("good")
        assert told.wait(10), "nothing was told of the first picture"
        yield job("great")

    outcomes: list[Outcome] = []

    def deliver(outcome: Outcome) -> None:
        outcomes.append(outcome)
        told.set()

    runner.run(jobs(), work, deliver=deliver, begin=lambda *_: None, listener=Silent(), overlap=True)
    assert len(outcomes) == 2
