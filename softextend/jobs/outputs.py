"""What results are called, and that every name can be written before any work starts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from softextend.errors import AlreadyExists, BadRequest, MissingFile, OutputError, SoftExtendError
from softextend.jobs.inputs import WRITTEN, is_missing
from softextend.jobs.job import STDIN, Job, Keys, Outcome, Target
from softextend.pictures.files import is_stream, refuse_special, writing
from softextend.pictures.formats import SUFFIXES, format_of_name


@dataclass(frozen=True, kw_only=True, slots=True)
class Naming:
    """How results are called: `output` or `out_dir` as the user gave them, else beside the input with `suffix`.

    `tree`: the folders below `out_dir` of the pictures whose place among the inputs is mirrored.
    """

    suffix: str
    output: str | None = None
    out_dir: Path | None = None
    format: str | None = None
    extras_dir: Path | None = None
    extras: tuple[str, ...] = ()  # endings of the files written into `extras_dir` for each result
    tree: Mapping[Path, Path] = field(default_factory=dict)


def plan_jobs(sources: Sequence[Path | None], naming: Naming, seeds: Sequence[int]) -> list[Job]:
    """One job per picture, one target per seed; BadRequest where names cannot work."""
    if naming.output is not None and naming.out_dir is not None:
        raise BadRequest("-o and --out-dir: give one of them")
    if naming.output is not None and len(sources) > 1:
        raise BadRequest(f"-o {naming.output}: one name for {len(sources)} pictures; use --out-dir DIR")
    jobs = []
    for source in sources:
        targets = tuple(_target(source, naming, seed, numbered=len(seeds) > 1) for seed in seeds)
        jobs.append(Job(source=source, targets=targets))
    return jobs


def _target(source: Path | None, naming: Naming, seed: int, *, numbered: bool) -> Target:
    if naming.output == "-" or (naming.output is None and naming.out_dir is None and source is None):
        if numbered:
            raise BadRequest("--num: stdout holds one picture; use -o FILE or --out-dir DIR")
        stem = f"{source.stem if source else STDIN}{naming.suffix}"
        return Target(path=None, format=naming.format, seed=seed, extras=_extras(stem, source, naming))
    if naming.output is not None:
        path = _named(Path(naming.output), naming.format)
    else:
        origin = source or Path(STDIN)
        same = origin.suffix if origin.suffix.lower() in WRITTEN else ".png"
        folder = origin.parent if naming.out_dir is None else naming.out_dir / naming.tree.get(origin, Path())
        path = folder / f"{origin.stem}{naming.suffix}{SUFFIXES[naming.format][0] if naming.format else same}"
    if numbered:
        path = path.with_name(f"{path.stem}-{seed}{path.suffix}")
    return Target(path=path, format=naming.format, seed=seed, extras=_extras(path.stem, source, naming))


def _named(path: Path, form: str | None) -> Path:
    """The file of `-o`; BadRequest for a folder, an unknown suffix, or another format; OutputError for no name."""
    with writing(path):  # a name that is too long is seen here first
        folder = path.is_dir()
    if folder:
        raise BadRequest(f"-o {path}: is a folder; use --out-dir {path}")
    if form is None or path.suffix:
        says = format_of_name(path)
        if form not in (None, says):
            ending = SUFFIXES[form][0]
            raise BadRequest(
                f"-o {path}: the name says {says}, {form} is to be written; end it in {ending}, or take {says}"
            )
    return path


def _extras(stem: str, source: Path | None, naming: Naming) -> tuple[Path, ...]:
    if naming.extras_dir is None:
        return ()
    folder = naming.extras_dir / naming.tree.get(source or Path(), Path())
    return tuple(folder / f"{stem}{ending}" for ending in naming.extras)


def settle(
    jobs: Sequence[Job], *, overwrite: bool, skip_existing: str | None, will_be_made: Sequence[Path] = ()
) -> tuple[list[Job], list[Outcome]]:
    """Jobs still to do, and what has become of the others; every name is checked before any work starts.

    A name that cannot be is an error of its picture alone: two results of one name (the later one's), a result that
    is an input (BadRequest), one that exists, a folder that refuses it (OutputError). `skip_existing`: "any" leaves
    out whatever exists; "same" is decided where each picture begins. Folders in `will_be_made` may be missing; where
    one cannot be, no picture can be written: OutputError.
    """
    if overwrite and skip_existing:
        raise BadRequest("--overwrite and --skip-existing: give one of them")
    check = Check(jobs, overwrite=overwrite, skip_existing=skip_existing, will_be_made=will_be_made)
    for folder in will_be_made:
        if error := refused_folder(_standing(folder)):
            raise error
    left, outcomes = [], []
    for job in jobs:
        if is_missing(job.source):
            error = MissingFile(f"{job.source}: no such file; check the name and the folder")
            outcomes.append(Outcome(job=job, target=None, error=error))
            continue
        targets = []
        for target in job.targets:
            if skip_existing == "any" and exists(target.path):
                outcomes.append(Outcome(job=job, target=target, skipped="exists"))
            elif fault := check.fault(job, target):
                outcomes.append(Outcome(job=job, target=target, error=fault))
            else:
                targets.append(target)
        if targets:
            left.append(job if len(targets) == len(job.targets) else replace(job, targets=tuple(targets)))
    return left, outcomes


class Check:
    """What may be wrong with the names of results; folders are looked at once."""

    def __init__(
        self, jobs: Sequence[Job], *, overwrite: bool, skip_existing: str | None, will_be_made: Sequence[Path]
    ) -> None:
        self.keys = Keys()
        self.inputs = {self.keys.of(job.source) for job in jobs if job.source is not None}
        self.makers: dict[str | None, Job] = {}
        self.folders: dict[Path, SoftExtendError | None] = {}
        self.longest: dict[Path, int] = {}  # bytes that a name in a folder may have
        self.may_exist = overwrite or skip_existing is not None
        self.will_be_made = will_be_made

    def fault(self, job: Job, target: Target) -> SoftExtendError | None:
        """Why this result cannot be written; None where nothing speaks against it."""
        for path in target.files:
            key = self.keys.of(path)
            if key in self.inputs:
                return BadRequest(f"{path}: the output is an input; give another name with -o or --out-dir")
            maker = self.makers.get(key)
            if maker is not None:
                return BadRequest(
                    f"{path}: the results of {maker.name} and {job.name} have this one name; "
                    "extend them one by one, into different folders, or with --keep-tree"
                )
            if not is_stream(path) and (error := self._folder(path) or self._name(path)):
                return error
        for path in target.files:
            self.makers[self.keys.of(path)] = job
        return None

    def _folder(self, path: Path) -> SoftExtendError | None:
        folder = path.parent
        if folder not in self.folders:
            made = any(folder == each or each in folder.parents for each in self.will_be_made)
            self.folders[folder] = refused_folder(_standing(folder) if made else folder)
        return self.folders[folder]

    def _name(self, path: Path) -> SoftExtendError | None:
        if path.parent not in self.longest:
            self.longest[path.parent] = _longest_name(_standing(path.parent))
        length, longest = len(os.fsencode(path.name)), self.longest[path.parent]
        if length > longest:
            return OutputError(
                f"{path}: the name has {length} bytes, {longest} are allowed here; give a shorter one with -o"
            )
        try:
            refuse_special(path)
        except OutputError as error:
            return error
        if not self.may_exist and exists(path):
            return AlreadyExists(f"{path}: exists already; use --overwrite, --skip-existing or another name")
        return None


def exists(path: Path | None) -> bool:
    """Whether writing there would meet a file; a pipe or a device takes what comes."""
    return path is not None and os.path.lexists(path) and not is_stream(path)


def existing(jobs: Sequence[Job]) -> str | None:
    """Which result is there already, as a user is told; None where none is."""
    found = [path for job in jobs for target in job.targets for path in target.files if exists(path)]
    if not found:
        return None
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{found[0]}: exists already{more}; use --overwrite, --skip-existing or another name"


def refused_folder(folder: Path) -> SoftExtendError | None:
    """Why no file can be made in `folder`; None where it can."""
    if not folder.is_dir():
        what = "is no folder" if os.path.lexists(folder) else "this folder does not exist"
        return OutputError(f"{folder}: {what}; make it, or name another")
    if not os.access(folder, os.W_OK | os.X_OK):
        return OutputError(f"{folder}: no permission to write into this folder; name another with -o or --out-dir")
    return None


def _longest_name(folder: Path) -> int:
    """Bytes that a file name in this folder may have; 255 where the system does not say."""
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):
        return 255


def _standing(folder: Path) -> Path:
    """The nearest part of a path that exists."""
    return next((path for path in (folder, *folder.parents) if os.path.lexists(path)), Path())


def make_folder(folder: Path) -> None:
    """The folder of results, with its parents; OutputError when it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot make this folder ({error.strerror}); name another") from error
