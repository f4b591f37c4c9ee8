"""One failure among many pictures, and what the whole batch's exit code is."""

from __future__ import annotations

import pytest
from batching import job

from softextend.errors import BadModel, BadPicture, BadRequest
from softextend.jobs import runner
from softextend.jobs.job import Job, Outcome, Target
from softextend.jobs.runner import Tally


class Work:
    """Reads and makes; fails where a name says so."""

    def __init__(self) -> None:
        self.loads = 0

    def read(self, job: Job) -> str:
        if "unreadable" in job.name:
            raise BadPicture(f"{job.name}: no picture")
        return job.name

    def load(self) -> str:
        self.loads += 1
        return "model"

    def make(self, picture: str, job: Job, target: Target, model: str) -> Outcome:
        assert model == "model"
        if "fault" in picture and target.seed == 1:
            raise KeyError("a fault")
        if "pipe" in picture:
            raise BrokenPipeError
        return Outcome(job=job, target=target)

    def run(self, *jobs: Job) -> list[Outcome]:
        return list(runner.run(jobs, read=self.read, load=self.load, make=self.make))


def test_one_failure_does_not_stop_the_others() -> None:
    work = Work()
    outcomes = work.run(job("unreadable", (1, 2)), job("good"), job("fault", (1, 2)))
    kinds = [(outcome.job.name, type(outcome.error).__name__) for outcome in outcomes]
    assert kinds == [
        ("unreadable", "BadPicture"),
        ("good", "NoneType"),
        ("fault", "KeyError"),
        ("fault", "NoneType"),
    ]
    assert work.loads == 1


def test_no_model_is_loaded_for_pictures_that_cannot_be_read() -> None:
    work = Work()
    work.run(job("unreadable"), job("unreadable"))
    assert work.loads == 0


def test_a_model_that_cannot_be_loaded_ends_the_batch() -> None:
    work = Work()
    work.load = lambda: (_ for _ in ()).throw(BadModel("damaged"))  # type: ignore[method-assign]
    with pytest.raises(BadModel):
        work.run(job("good"), job("good"))


def test_a_closed_pipe_ends_the_batch() -> None:
    with pytest.raises(BrokenPipeError):
        Work().run(job("pipe"), job("good"))


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
