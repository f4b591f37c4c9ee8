"""`--dry-run`: what would be done with each picture, and what it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from softextend.commands.run import refuse_streams
from softextend.jobs.estimate import Estimate, Estimator
from softextend.jobs.headers import MANY, SAID, Headers
from softextend.jobs.job import Job, Outcome
from softextend.jobs.manifest import check_rows
from softextend.jobs.outputs import AT_ONCE, Jobs, existing, settled
from softextend.jobs.reading import read
from softextend.jobs.shares import shares_of
from softextend.jobs.tally import Tally
from softextend.jobs.task import PictureTask
from softextend.models.load import foresee
from softextend.pictures.address import Place
from softextend.plan.describe import plan_as_dict, plan_rows

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.plan.plan import Plan


def dry_run(
    report: Report,
    task: PictureTask,
    jobs: Jobs,
    folders: list[Place],
    *,
    empty: Sequence[Outcome] = (),
    workers: int = 1,
) -> int:
    """The plan of each picture as a table on stdout; nothing is written, no model is loaded.

    What `run.work` would refuse is refused.
    """
    refuse_streams(report, jobs, len(shares_of(task, workers, len(jobs))))
    if table := getattr(report.options, "table", None):
        check_rows(table)
    overwrite = task.overwrite or not task.skip_existing  # a plan harms nothing that exists
    skip = task.skip_existing
    todo = settled(jobs, overwrite=overwrite, skip_existing=skip, will_be_made=folders, reads=task.reads)
    if not task.overwrite and (said := existing(islice(jobs, AT_ONCE))):
        report.note(said)
    for line in task.without_effect():
        report.note(line)
    foresee(task.ref, task.engine, task.found.conditions, report)
    tally = Tally()
    report.total = len(jobs) + sum(each.count for each in empty)
    costs = Costs(estimator=Estimator(task=task), alone=report.total == 1)
    planning = Planning(
        report=report, task=replace(task, captions=False), costs=costs, headers=by_headers(report, task)
    )
    for each in chain(empty, todo):
        outcome = planning.outcome(each) if isinstance(each, Job) else each
        tally.add(outcome)
        if isinstance(each, Outcome) or outcome.error:
            report.outcome(outcome)
    report.close()
    for name, value in costs.all_rows():
        report.note(f"all {costs.count}: {name} {value}")
    return tally.exit_code


@dataclass(kw_only=True)
class Costs:
    """What planned pictures will take, each and all together; `alone`: there is but one."""

    estimator: Estimator
    alone: bool
    count: int = 0
    seconds: float | None = 0.0
    memory: float | None = 0.0
    last: Estimate | None = None

    def add(self, found: Estimate) -> None:
        """One picture more, with its results."""
        self.last = found
        self.count += 1
        self.seconds = None if self.seconds is None or found.seconds is None else self.seconds + found.seconds
        self.memory = None if self.memory is None or found.memory is None else max(self.memory, found.memory)

    def all_rows(self) -> list[tuple[str, str]]:
        """Of several pictures together, one after another; none of one."""
        if self.alone or self.last is None or self.seconds is None:
            return []
        return replace(self.last, seconds=self.seconds, memory=self.memory).rows()


def by_headers(report: Report, task: PictureTask) -> Headers | None:
    """What plans by headers alone, where sizes are enough: very large pictures, or all of many, which is said."""
    if not Headers(task=task).enough:
        return None
    if report.total <= MANY:
        return Headers(task=task)
    report.note(SAID.format(many=MANY))
    return Headers(task=task, above=0)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What is shown of a plan, and what it takes."""

    facts: dict[str, Any]
    rows: list[tuple[str, str]]
    cost: Estimate


@dataclass(frozen=True, kw_only=True)
class Planning:
    """Shows plan after plan; pictures of one size, read by their headers, share one."""

    report: Report
    task: PictureTask
    costs: Costs
    headers: Headers | None
    shared: dict[tuple[int, int], Told] = field(default_factory=dict)

    def outcome(self, job: Job) -> Outcome:
        """The plan of one picture, shown."""
        try:
            self.report.begin(job.name)
            plan = self.headers.plan(job, self.report) if self.headers else None
            told = self._told(job) if plan is None else self._shared(plan, len(job.targets))
        except Exception as error:
            return Outcome(job=job, target=None, error=error)
        self.costs.add(told.cost)
        self.report.plan(job, self.task.ref.name, told.facts, told.rows)
        return Outcome(job=job, target=job.targets[0])

    def _told(self, job: Job) -> Told:
        return self._described(read(self.task, job, self.report).plan, len(job.targets))

    def _shared(self, plan: Plan, results: int) -> Told:
        key = id(plan), results  # `headers` keeps them all
        if key not in self.shared:
            self.shared[key] = self._described(plan, results)
        return self.shared[key]

    def _described(self, plan: Plan, results: int) -> Told:
        cost, conditions = self.costs.estimator.of([plan], results), self.task.found.conditions
        facts = {**plan_as_dict(plan), "conditions": conditions.as_dict()}
        facts["estimate"] = cost.as_dict(alone=self.costs.alone)
        rows = [*conditions.rows(), *plan_rows(plan), *cost.rows(alone=self.costs.alone)]
        return Told(facts=facts, rows=rows, cost=cost)
