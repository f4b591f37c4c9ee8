"""A command's pictures on a cluster: what `run.work` does here, handed to Ray's workers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING

from softextend.commands.options import ClusterOptions
from softextend.commands.run import cleared
from softextend.errors import BadRequest
from softextend.jobs.cluster import Cluster, Fleet
from softextend.jobs.job import Outcome
from softextend.jobs.manifest import Manifest
from softextend.jobs.outputs import Jobs, make_folder, settled
from softextend.jobs.tally import Tally
from softextend.jobs.task import PictureTask
from softextend.pictures.address import Place

RETRIES = 2

if TYPE_CHECKING:
    from softextend.commands.report import Report


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
    if jobs.to_stdout or jobs.sources.has_stdin:
        raise BadRequest("--ray: stdin and stdout are this machine's; name files or addresses, and --out-dir")
    todo = settled(jobs, overwrite=task.overwrite, skip_existing=task.skip_existing, will_be_made=folders)
    for folder in folders:
        make_folder(folder)
    report.total = jobs.results + sum(each.count for each in empty)
    tally, began = Tally(), time.monotonic()
    retries = RETRIES if options.max_retries is None else options.max_retries
    cluster = Cluster(address=str(options.ray), retries=retries, gpus=options.num_gpus)
    fleet = Fleet(cluster, task, report)
    try:
        with (
            Manifest(getattr(report.options, "table", None)) as manifest,
            closing(fleet.run(cleared(todo))) as outcomes,
        ):
            for outcome in chain(empty, outcomes):
                tally.add(outcome)
                manifest.add(outcome)
                report.outcome(outcome)
    except KeyboardInterrupt as error:
        return report.stopped(error, tally)
    for line in fleet.crew.table():
        report.note(line)
    report.summary(tally, time.monotonic() - began)
    return tally.exit_code
