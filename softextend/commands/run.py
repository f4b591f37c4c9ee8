"""A command's pictures from names to an exit code: gather, check every name, work, report."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from softextend.commands.options import InputOptions, OutputOptions, OutputPath, RedoOutput, Skip
from softextend.errors import BadRequest
from softextend.jobs import inputs, runner
from softextend.jobs.claims import Claims
from softextend.jobs.job import Job, Outcome
from softextend.jobs.lists import read_list
from softextend.jobs.manifest import Manifest
from softextend.jobs.outputs import Jobs, Naming, make_folder, settled
from softextend.jobs.pieces import Stages
from softextend.jobs.shares import shares_of
from softextend.jobs.tally import Tally
from softextend.jobs.task import PictureTask
from softextend.jobs.workers import Share
from softextend.jobs.workers import run as run_workers
from softextend.options import Selection
from softextend.pictures.address import Place, place
from softextend.pictures.formats import Format
from softextend.pictures.locks import sweep

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.jobs.inputs import Found


STEPS = ("-canvas.png", "-mask.png", "-raw.png")  # what --save-steps writes for each result


def gather(given: InputOptions, output: OutputPath, report: Report) -> Found:
    """All pictures that the command line names, in order, and what holds none."""
    listed: Iterable[str] = ()
    arguments, files_from = given.inputs or [], given.files_from
    if files_from is not None:
        if files_from == "-" and "-" in arguments:
            raise BadRequest("stdin: cannot be a picture and --files-from at once; give one of them a file")
        listed = read_list(files_from)
    suffix = output.suffix if isinstance(output, OutputOptions) else None
    found = inputs.gather(arguments, listed, results=output.out_dir, suffix=suffix, recursive=given.recursive)
    for note in found.notes:
        report.note(note)
    return found


def skipping(given: Skip | bool | None) -> str | None:
    """What --skip-existing leaves out: "same", "any" or None; a config file may say true."""
    if isinstance(given, Skip):
        return given.value
    return Skip.SAME.value if given else None


def naming(
    output: OutputPath | RedoOutput,
    suffix: str,
    *,
    format: Format | None = None,
    extras_dir: Path | None = None,
    extras: tuple[str, ...] = (),
) -> Naming:
    """How the results of this command are called; `format` where the user has no say."""
    format = output.format if isinstance(output, OutputOptions | RedoOutput) else format
    if isinstance(output, OutputOptions) and output.suffix is not None:
        suffix = checked_suffix(output.suffix)
    return Naming(
        suffix=suffix,
        output=output.output,
        out_dir=output.out_dir,
        format=format and format.value.upper(),
        extras_dir=extras_dir,
        extras=extras,
    )


def checked_suffix(text: str) -> str:
    """What ends the names of results; BadRequest where no name can end so."""
    if set(text) & {"/", "\\", "\0", *filter(None, (os.sep, os.altsep))}:
        raise BadRequest(f"--suffix {text!r}: is a part of a name, such as -wide; folders go into --out-dir")
    return text


def folders_of(output: OutputPath | RedoOutput, *others: Path | None) -> list[Place]:
    """The folders that are made where they are missing."""
    named = place(output.output) if output.output not in (None, "-") else None
    beside = named.parent if isinstance(named, Path) else None
    return [folder for folder in (output.out_dir, beside, *others) if folder is not None]


def plan_image_path(path: Path, pictures: int) -> Path:
    """The file of `--plan-image`; BadRequest for several pictures and for what is no PNG."""
    if pictures > 1:
        raise BadRequest(
            f"--plan-image {path}: one file cannot hold the plans of {pictures} pictures; give one picture"
        )
    if path.suffix.lower() != ".png":
        raise BadRequest(f"--plan-image {path}: the drawing is a PNG; name it so")
    return path


def check_selection(selection: Selection, seed: int) -> None:
    """BadRequest where options of choosing contradict each other, or not all seeds from `seed` on are seeds."""
    selection.check_seeds(seed)
    if selection.most > 1 and selection.num > 1:
        raise BadRequest("--num with --best-of or --retry: --num keeps all its variations; give --best-of K --keep-all")
    if selection.keep_all and selection.most == 1:
        raise BadRequest("--keep-all: there is one result to keep; give --best-of K or --retry N with it")


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
    report: Report,
    task: PictureTask,
    jobs: Jobs,
    folders: list[Place],
    *,
    stages: Stages,
    empty: Sequence[Outcome] = (),
    workers: int = 1,
) -> int:
    """Check all names, then do all jobs, telling of each; the exit code.

    `folders` are made where missing; `empty`: inputs that hold no picture, as failures. `workers`: 0: auto.
    """
    shares = shares_of(task, workers, len(jobs))
    refuse_streams(report, jobs, len(shares))
    told = Telling(report=report, task=task)
    todo = told.todo(jobs, folders, empty)

    def make(deliver: Callable[[Outcome], None]) -> None:
        told.made(todo, jobs, stages, deliver, shares)

    return told.batch(empty, make)


def refuse_streams(report: Report, jobs: Jobs, processes: int) -> None:
    """BadRequest where stdin and stdout cannot hold what is asked of them."""
    if report.options.json and jobs.to_stdout:
        raise BadRequest("--json: stdout holds the picture; use -o FILE or --out-dir DIR")
    if processes > 1 and jobs.sources.has_stdin:
        raise BadRequest("--workers: a picture from stdin among others is read by one process: give it as a file")


@dataclass(frozen=True, kw_only=True)
class Telling:
    """What a batch has come to, told and counted."""

    report: Report
    task: PictureTask
    tally: Tally = field(default_factory=Tally)
    began: float = field(default_factory=time.monotonic)

    def todo(self, jobs: Jobs, folders: list[Place], empty: Sequence[Outcome]) -> Iterator[Job | Outcome]:
        """The jobs, their names checked, with what became of those that are none; `folders` are made."""
        task = self.task
        skip = task.skip_existing
        todo = settled(jobs, overwrite=task.overwrite, skip_existing=skip, will_be_made=folders, reads=task.reads)
        for folder in folders:
            make_folder(folder)
        self.report.total = jobs.results + sum(each.count for each in empty)
        return cleared(todo)

    def batch(self, empty: Sequence[Outcome], make: Callable[[Callable[[Outcome], None]], None]) -> int:
        """The exit code of `make`, which delivers outcome after outcome: each is counted, reported and told."""
        try:
            with Manifest(getattr(self.report.options, "table", None)) as manifest:
                deliver = partial(self.outcome, manifest)
                for outcome in empty:
                    deliver(outcome)
                make(deliver)
        except KeyboardInterrupt as error:
            return self.report.stopped(error, self.tally)
        self.report.summary(self.tally, time.monotonic() - self.began)
        return self.tally.exit_code

    def made(
        self,
        todo: Iterable[Job | Outcome],
        jobs: Jobs,
        stages: Stages,
        deliver: Callable[[Outcome], None],
        shares: Sequence[Share],
    ) -> None:
        """All jobs through the stages, here or by several workers."""
        task = self.task
        gate = Claims(mode=task.skip_existing, request=task.request()) if task.skip_existing else None
        begin = self.begin_after(self.report.done)
        if len(shares) == 1:
            overlap = jobs.results > 1
            runner.run(todo, stages, deliver=deliver, begin=begin, listener=self.report, gate=gate, overlap=overlap)
            return
        run_workers(
            todo,
            stages,
            shares,
            deliver=deliver,
            begin=begin,
            listener=self.report,
            gate=gate,
            in_order=not self.report.options.json,
        )

    def outcome(self, manifest: Manifest, outcome: Outcome) -> None:
        """One more result, or failure."""
        self.tally.add(outcome)
        manifest.add(outcome)
        self.report.outcome(outcome)

    def begin_after(self, settled: int) -> Callable[[str, int], None]:
        """What tells of a picture's turn, as `runner.run` wants it; `settled`: how many results were none to make."""

        def begin(name: str, before: int) -> None:
            self.report.picture(name, settled + before + 1, self.report.total)

        return begin


def cleared(todo: Iterable[Job | Outcome]) -> Iterator[Job | Outcome]:
    """The same; before the first job of each folder of results, what killed runs left there is removed."""
    seen: set[Place] = set()
    for each in todo:
        if isinstance(each, Job):
            for folder in {path.parent for target in each.targets for path in target.files} - seen:
                if isinstance(folder, Path):
                    sweep(folder)
                seen.add(folder)
        yield each
