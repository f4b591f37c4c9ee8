"""A command's pictures on a cluster: what `run.work` does here, handed to Ray's workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from softextend.commands.options import ClusterOptions
from softextend.commands.run import Telling
from softextend.errors import BadRequest
from softextend.jobs.cluster import Cluster, Fleet, foresee
from softextend.jobs.job import Outcome
from softextend.jobs.outputs import Jobs
from softextend.jobs.task import PictureTask
from softextend.pictures.address import Place

RETRIES = 2

if TYPE_CHECKING:
    from softextend.commands.report import Report


def refuse_beside_ray(jobs: Jobs, address: str, *, alone: bool) -> None:
    """BadRequest for what a cluster cannot do, and where none is there; `alone`: nothing else shares the work."""
    if not alone:
        raise BadRequest("--ray with --workers or --batch: its workers take one picture each; leave those out")
    if jobs.to_stdout or jobs.sources.has_stdin:
        raise BadRequest("--ray: stdin and stdout are this machine's; name files or addresses, and --out-dir")
    foresee(address)


def work_afar(
    report: Report,
    task: PictureTask,
    jobs: Jobs,
    folders: list[Place],
    options: ClusterOptions,
    *,
    empty: Sequence[Outcome] = (),
) -> int:
    """All jobs on the cluster, told as they come; the exit code."""
    told = Telling(report=report, task=task)
    todo = told.todo(jobs, folders, empty)
    retries = RETRIES if options.max_retries is None else options.max_retries
    cluster = Cluster(address=str(options.ray), retries=retries, gpus=options.num_gpus)
    fleet = Fleet(cluster, task, report)

    def make(deliver: Callable[[Outcome], None]) -> None:
        with closing(fleet.run(todo)) as outcomes:
            for outcome in outcomes:
                deliver(outcome)
        for line in fleet.crew.table():
            report.note(line)

    return told.batch(empty, make)
