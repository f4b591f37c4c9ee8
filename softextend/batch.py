"""Many pictures: which ones, what their results are called, what exists already, and one failure among many."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from softextend.errors import BadPicture, BadRequest, OutputError
from softextend.images import SUFFIXES, format_of_name

WRITTEN = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
READ = WRITTEN | {".gif"}  # what a folder or a glob is searched for
RESULT = re.compile(r"(?P<stem>.+)-(?:extended(?:-\d+)?|painted(?:-\d+)?|canvas|mask|raw|redo|zoom)$")
STDIN = "stdin"  # what a picture without a file name is called

Picture = TypeVar("Picture")
Engine = TypeVar("Engine")


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One result to make: where (None: stdout), its format (None: as the path says; PNG on stdout), its seed."""

    path: Path | None
    format: str | None
    seed: int
    extras: tuple[Path, ...] = ()  # files written beside it
    others: tuple[Path, ...] = ()  # where results go that were made and not chosen, by seed from `seed` on

    @property
    def files(self) -> tuple[Path, ...]:
        """All that may be written."""
        return (*((self.path,) if self.path else ()), *self.extras, *self.others)

    @property
    def name(self) -> str:
        """What messages call it."""
        return "stdout" if self.path is None else str(self.path)


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One picture (None: stdin) and the results to make of it."""

    source: Path | None
    targets: tuple[Target, ...]

    @property
    def name(self) -> str:
        """What messages call it."""
        return STDIN if self.source is None else str(self.source)


@dataclass(frozen=True, kw_only=True, slots=True)
class Naming:
    """How results are called: `output` or `out_dir` as the user gave them, else beside the input with `suffix`."""

    suffix: str
    output: str | None = None
    out_dir: Path | None = None
    format: str | None = None
    extras_dir: Path | None = None
    extras: tuple[str, ...] = ()  # endings of the files written into `extras_dir` for each result


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one target, or of a whole job (target None) whose picture could not be read."""

    job: Job
    target: Target | None
    facts: dict[str, Any] = field(default_factory=dict)  # JSON values about a result
    error: Exception | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What inputs hold: pictures (None: stdin), notes for the user, and folders without a picture, as failures."""

    sources: list[Path | None]
    notes: list[str]
    empty: tuple[Outcome, ...]


@dataclass(kw_only=True, slots=True)
class Tally:
    """A batch so far; it keeps no outcome, whose error would hold the picture in memory."""

    made: int = 0
    skipped: int = 0
    misused: int = 0  # failures that are wrong usage
    failed: list[str] = field(default_factory=list)  # names of pictures
    scores: list[tuple[float, str]] = field(default_factory=list)  # of results, with the names of their pictures

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        if outcome.error is None:
            self.made += 1
            if "score" in outcome.facts:
                self.scores.append((outcome.facts["score"], outcome.job.name))
        else:
            self.misused += isinstance(outcome.error, BadRequest)
            self.failed.append(outcome.job.name)

    @property
    def exit_code(self) -> int:
        """0 when all went well; 2 when all of it was wrong usage, so that nothing was made; else 1."""
        if not self.failed:
            return 0
        return BadRequest.exit_code if self.misused == len(self.failed) and not self.made else BadPicture.exit_code


def gather(inputs: Sequence[str], listed: Sequence[str] = ()) -> Found:
    """Arguments and listed paths -> pictures in order, each once; earlier results in a folder or glob are left out.

    BadPicture for an argument that is not there: a slip, better known before any work. A listed file that is missing
    stays in, to fail as one picture among many; so does a folder without pictures. BadRequest where there is nothing.
    """
    refuse_missing(inputs)
    sources: list[Path | None] = []
    notes: list[str] = []
    empty: dict[str | None, Outcome] = {}
    for text in inputs:
        if text == "-":
            sources.append(None)
        elif Path(text).is_dir():
            sources += _fresh(_in_folder(Path(text), empty), text, notes)
        elif glob.has_magic(text) and not Path(text).exists():
            sources += _fresh(_matching(text), text, notes)
        else:
            sources.append(Path(text))
    for text in listed:
        sources += _fresh(_in_folder(Path(text), empty), text, notes) if Path(text).is_dir() else [Path(text)]
    if not sources:
        nothing = "no input: name pictures, folders, quoted globs, - for stdin, or --files-from FILE"
        raise BadRequest("; ".join(str(each.error) for each in empty.values()) or nothing)
    return Found(sources=_each_once(sources), notes=notes, empty=tuple(empty.values()))


def refuse_missing(inputs: Sequence[str]) -> None:
    """BadPicture where one of these files or folders is not there; globs and stdin may be."""
    gone = [text for text in inputs if text != "-" and not glob.has_magic(text) and _is_missing(Path(text))]
    if gone:
        others = "; nothing was made" if len(inputs) > 1 else ""
        raise BadPicture(f"{', '.join(gone)}: no such file; check the name and the folder{others}")


def _is_missing(path: Path) -> bool:
    """Whether nothing is there; a file that may not be looked at counts as one that is."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def split_list(text: str) -> list[str]:
    """The paths of a `--files-from` list: NUL-separated where it holds a NUL, else one a line; blanks skipped."""
    parts = text.split("\0") if "\0" in text else text.splitlines()
    return [part for part in parts if part.strip()]


def _in_folder(folder: Path, empty: dict[str | None, Outcome]) -> list[Path]:
    """The pictures of a folder; one without any goes to `empty`."""
    found = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and _is_picture(path))
    if not found:
        error = BadRequest(
            f"{folder}: no picture in this folder ({_kinds()}); for folders inside it: '{folder}/**/*.jpg'"
        )
        empty[_key(folder)] = Outcome(job=Job(source=folder, targets=()), target=None, error=error)
    return found


def _matching(pattern: str) -> list[Path]:
    found = sorted(Path(name) for name in glob.glob(pattern, recursive=True))  # noqa: PTH207 - patterns may be absolute
    found = [path for path in found if _is_picture(path)]
    if not found:
        raise BadRequest(f"{pattern}: no picture matches ({_kinds()}); quote the pattern, ** descends into folders")
    return found


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in READ and path.is_file()


def _kinds() -> str:
    return " ".join(sorted(suffix[1:] for suffix in READ))


def _fresh(found: list[Path], where: str, notes: list[str]) -> list[Path]:
    """Without the results of earlier runs: NAME-extended.* where NAME.* lies in the same folder."""
    stems = {(path.parent, path.stem) for path in found}
    kept = [path for path in found if not _is_result(path, stems)]
    if len(kept) < len(found):
        notes.append(f"{where}: left out {len(found) - len(kept)} earlier result(s), such as NAME-extended.*")
    return kept


def _is_result(path: Path, stems: set[tuple[Path, str]]) -> bool:
    match = RESULT.match(path.stem)
    return match is not None and (path.parent, match["stem"]) in stems


def _each_once(sources: Iterable[Path | None]) -> list[Path | None]:
    first: dict[str | None, Path | None] = {}
    for source in sources:
        first.setdefault(_key(source), source)
    return list(first.values())


def _key(path: Path | None) -> str | None:
    """The same for two spellings of one file."""
    return None if path is None else os.path.normcase(os.path.realpath(path))


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


def run(
    jobs: Sequence[Job],
    *,
    read: Callable[[Job], Picture],
    load: Callable[[], Engine],
    make: Callable[[Picture, Job, Target, Engine], Outcome],
) -> Iterator[Outcome]:
    """Every job in turn; an error in `read` or `make` becomes an outcome, one in `load` ends the batch.

    `load` runs once, when the first picture has been read well.
    """
    engine: list[Engine] = []
    for job in jobs:
        try:
            picture = read(job)
        except Exception as error:
            yield Outcome(job=job, target=None, error=error)
            continue
        if not engine:
            engine.append(load())
        for target in job.targets:
            try:
                outcome = make(picture, job, target, engine[0])
            except BrokenPipeError:
                raise  # nobody reads the results any more
            except Exception as error:
                outcome = Outcome(job=job, target=target, error=error)
            yield outcome
