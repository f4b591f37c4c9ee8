"""What results are called, and that every name can be written before any work starts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from softextend.errors import BadRequest, OutputError
from softextend.jobs.inputs import WRITTEN
from softextend.jobs.job import STDIN, Job, Target, _key
from softextend.pictures.formats import SUFFIXES, format_of_name


@dataclass(frozen=True, kw_only=True, slots=True)
class Naming:
    """How results are called: `output` or `out_dir` as the user gave them, else beside the input with `suffix`."""

    suffix: str
    output: str | None = None
    out_dir: Path | None = None
    format: str | None = None
    extras_dir: Path | None = None
    extras: tuple[str, ...] = ()  # endings of the files written into `extras_dir` for each result


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
        return Target(path=None, format=naming.format, seed=seed, extras=_extras(stem, naming))
    if naming.output is not None:
        path = _named(Path(naming.output), naming.format)
    else:
        origin = source or Path(STDIN)
        same = origin.suffix if origin.suffix.lower() in WRITTEN else ".png"
        folder = origin.parent if naming.out_dir is None else naming.out_dir
        path = folder / f"{origin.stem}{naming.suffix}{SUFFIXES[naming.format][0] if naming.format else same}"
    if numbered:
        path = path.with_name(f"{path.stem}-{seed}{path.suffix}")
    return Target(path=path, format=naming.format, seed=seed, extras=_extras(path.stem, naming))


def _named(path: Path, form: str | None) -> Path:
    """The file of `-o`; BadRequest for a folder, an unknown suffix, or one that contradicts `--format`."""
    if path.is_dir():
        raise BadRequest(f"-o {path}: is a folder; use --out-dir {path}")
    if form is None or path.suffix:
        says = format_of_name(path)
        if form not in (None, says):
            raise BadRequest(f"-o {path}: the name says {says}, --format {form}; make them agree or leave out --format")
    return path


def _extras(stem: str, naming: Naming) -> tuple[Path, ...]:
    if naming.extras_dir is None:
        return ()
    return tuple(naming.extras_dir / f"{stem}{ending}" for ending in naming.extras)


def settle(
    jobs: Sequence[Job], *, overwrite: bool, skip_existing: bool, will_be_made: Sequence[Path] = ()
) -> tuple[list[Job], int]:
    """Jobs still to do and how many results were skipped; every name is checked before any work starts.

    BadRequest: two results of one name, a result that is an input. OutputError: a result exists, a folder refuses.
    Folders in `will_be_made` may be missing.
    """
    if overwrite and skip_existing:
        raise BadRequest("--overwrite and --skip-existing: give one of them")
    _refuse_clashes(jobs)
    left, skipped = [], 0
    for job in jobs:
        targets = tuple(target for target in job.targets if not (skip_existing and _exists(target.path)))
        skipped += len(job.targets) - len(targets)
        if targets:
            left.append(replace(job, targets=targets))
    files = [path for job in left for target in job.targets for path in target.files]
    if not overwrite and not skip_existing and (said := existing(left)):
        raise OutputError(said)
    for folder in dict.fromkeys(path.parent for path in files):
        _refuse_folder(_standing(folder) if folder in will_be_made else folder)
    return left, skipped


def _exists(path: Path | None) -> bool:
    return path is not None and os.path.lexists(path)


def _refuse_clashes(jobs: Sequence[Job]) -> None:
    inputs = {_key(job.source) for job in jobs if job.source is not None}
    makers: dict[str | None, str] = {}
    for job in jobs:
        for path in (path for target in job.targets for path in target.files):
            key = _key(path)
            if key in inputs:
                raise BadRequest(f"{path}: the output is an input; give another name with -o or --out-dir")
            if key in makers:
                raise BadRequest(
                    f"{path}: the results of {makers[key]} and {job.name} have this one name; "
                    "extend them one by one, or into different folders"
                )
            makers[key] = job.name


def existing(jobs: Sequence[Job]) -> str | None:
    """Which result is there already, as a user is told; None where none is."""
    found = [path for job in jobs for target in job.targets for path in target.files if _exists(path)]
    if not found:
        return None
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{found[0]}: exists already{more}; use --overwrite, --skip-existing or another name"


def _refuse_folder(folder: Path) -> None:
    """OutputError unless files can be made in `folder`."""
    if not folder.is_dir():
        what = "is no folder" if _exists(folder) else "this folder does not exist"
        raise OutputError(f"{folder}: {what}; make it, or name another")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: no permission to write into this folder; name another with -o or --out-dir")


def _standing(folder: Path) -> Path:
    """The nearest part of a path that exists."""
    return next((path for path in (folder, *folder.parents) if _exists(path)), Path())


def make_folder(folder: Path) -> None:
    """The folder of results, with its parents; OutputError when it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot make this folder ({error.strerror}); name another") from error
