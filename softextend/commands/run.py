"""A command's pictures from names to an exit code: gather, check every name, work, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softextend.commands.output_options import Writing
from softextend.commands.report import INTERRUPTED
from softextend.errors import BadRequest
from softextend.jobs import inputs as jobs_inputs
from softextend.jobs import runner
from softextend.jobs.best_of import Choosing
from softextend.jobs.claims import ANY, SAME, Claims
from softextend.jobs.job import Job, Outcome
from softextend.jobs.lists import read_list
from softextend.jobs.outputs import Naming, existing, make_folder, settle
from softextend.jobs.runner import Tally
from softextend.jobs.task import Making
from softextend.pictures.formats import Format
from softextend.pictures.locks import sweep
from softextend.plan.describe import plan_facts, plan_rows

if TYPE_CHECKING:
    from softextend.commands.options import Demand
    from softextend.commands.output_options import Placing
    from softextend.commands.report import Report
    from softextend.jobs.inputs import Found


STEPS = ("-canvas.png", "-mask.png", "-raw.png")  # what --save-steps writes for each result


def drawing(path: Path, pictures: int) -> Path:
    """The file of `--plan-image`; BadRequest for several pictures and for what is no PNG."""
    if pictures > 1:
        raise BadRequest(
            f"--plan-image {path}: one file cannot hold the plans of {pictures} pictures; give one picture"
        )
    if path.suffix.lower() != ".png":
        raise BadRequest(f"--plan-image {path}: the drawing is a PNG; name it so")
    return path


def gather(inputs: Sequence[str], files_from: str | None, report: Report, results: Path | None = None) -> Found:
    """All pictures that the command line names, in order, and what holds none; `results`: the output folder."""
    listed: list[str] = []
    if files_from is not None:
        if files_from == "-" and "-" in inputs:
            raise BadRequest("stdin: cannot be a picture and --files-from at once; give one of them a file")
        listed = read_list(files_from)
    found = jobs_inputs.gather(inputs, listed, results=results)
    for note in found.notes:
        report.note(note)
    return found


def skipping(given: str | None) -> str | None:
    """What --skip-existing leaves out: "same", "any" or None; BadRequest for another word."""
    if given not in (None, SAME, ANY):
        raise BadRequest(
            f"--skip-existing={given}: must be same (results of this very input and these options) or any; "
            "--skip-existing alone means same"
        )
    return given


def named(
    placing: Placing,
    suffix: str,
    *,
    format: Format | None = None,
    extras_dir: Path | None = None,
    extras: tuple[str, ...] = (),
) -> Naming:
    """How the results of this command are called; `format` where the user has no say."""
    format = placing.format if isinstance(placing, Writing) else format
    return Naming(
        suffix=suffix,
        output=placing.output,
        out_dir=placing.out_dir,
        format=format and format.value.upper(),
        extras_dir=extras_dir,
        extras=extras,
    )


def made_for(placing: Placing, *others: Path | None) -> list[Path]:
    """The folders that are made where they are missing."""
    beside = None if placing.output in (None, "-") else Path(str(placing.output)).parent
    return [folder for folder in (placing.out_dir, beside, *others) if folder is not None]


def chosen(demand: Demand) -> Choosing:
    """What the options say of choosing; BadRequest where they contradict each other."""
    choosing = Choosing(best_of=demand.best_of, retry=demand.retry, min_score=demand.min_score)
    if choosing.most > 1 and demand.num > 1:
        raise BadRequest("--num with --best-of or --retry: --num keeps all its variations; give --best-of K --keep-all")
    if demand.keep_all and choosing.most == 1:
        raise BadRequest("--keep-all: there is one result to keep; give --best-of K or --retry N with it")
    return choosing


def with_others(job: Job, most: int) -> Job:
    """The job with names for every result that may be made, the seed in each."""
    (target,) = job.targets
    path = target.path
    if path is None:
        raise BadRequest("--keep-all: stdout holds one picture; use -o FILE or --out-dir DIR")
    seeds = range(target.seed, target.seed + most)
    others = tuple(path.with_name(f"{path.stem}-{seed}{path.suffix}") for seed in seeds)
    return replace(job, targets=(replace(target, others=others),))


def with_mask(job: Job) -> Job:
    """The job of `prepare`, whose mask is called NAME-mask.png beside NAME-canvas.png."""
    (target,) = job.targets
    if target.path is None:
        raise BadRequest("prepare makes two files, which stdout cannot hold: give --out-dir DIR")
    mask = target.path.with_name(f"{target.path.stem.removesuffix('-canvas')}-mask.png")
    return replace(job, targets=(replace(target, extras=(mask,)),))


def work(
    making: Making,
    jobs: list[Job],
    folders: list[Path],
    *,
    load: Callable[[], Any] | None = None,
    make: Callable[..., Outcome] | None = None,
) -> int:
    """Check all names, then do all jobs, telling of each; the exit code. `folders` are made where missing."""
    report = making.report
    if report.talk.json and any(target.path is None for job in jobs for target in job.targets):
        raise BadRequest("--json: stdout holds the picture; use -o FILE or --out-dir DIR")
    left, settled = settle(jobs, overwrite=making.overwrite, skip_existing=making.skip_existing, will_be_made=folders)
    for folder in folders:
        make_folder(folder)
    clear(left)
    tally = Tally()
    report.total = sum(len(job.targets) for job in left) + sum(each.count for each in (*making.empty, *settled))
    began = time.monotonic()
    gate = Claims(mode=making.skip_existing, request=making.request()) if making.skip_existing else None
    outcomes = runner.run(left, read=making.read, load=load or making.load, make=make or making.make, gate=gate)
    try:
        for outcome in chain(making.empty, settled, outcomes):
            tally.add(outcome)
            report.tell(outcome)
    except KeyboardInterrupt:
        report.stopped(tally)
        return INTERRUPTED
    report.summary(tally, time.monotonic() - began)
    return tally.exit_code


def dry_run(making: Making, jobs: list[Job], folders: list[Path]) -> int:
    """The plan of each picture as a table on stdout; nothing is written, no model is loaded."""
    report = making.report
    overwrite = making.overwrite or not making.skip_existing  # a plan harms nothing that exists
    left, settled = settle(jobs, overwrite=overwrite, skip_existing=making.skip_existing, will_be_made=folders)
    if not making.overwrite and (said := existing(left)):
        report.note(said)
    tally = Tally()
    report.total = len(left) + sum(each.count for each in (*making.empty, *settled))
    for outcome in chain(making.empty, settled):
        tally.add(outcome)
        report.tell(outcome)
    for job in left:
        try:
            planned = making.plan(*making.read(job))
        except Exception as error:
            outcome = Outcome(job=job, target=None, error=error)
            report.tell(outcome)
        else:
            outcome = Outcome(job=job, target=job.targets[0])
            report.plan(job, making.ref.name, plan_facts(planned), plan_rows(planned))
        tally.add(outcome)
    report.close()
    return tally.exit_code


def clear(jobs: Iterable[Job]) -> None:
    """Remove what killed runs left in the folders of results."""
    for folder in dict.fromkeys(path.parent for job in jobs for target in job.targets for path in target.files):
        sweep(folder)
