"""What results are called, and that every name can be written before any work starts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from softextend.errors import AlreadyExists, BadRequest, MissingFile, OutputError, SoftExtendError
from softextend.jobs.inputs import WRITTEN, is_missing
from softextend.jobs.job import STDIN, Job, Keys, Outcome, Target
from softextend.jobs.names import Mirror, Names
from softextend.jobs.stored import Stored
from softextend.pictures.address import Address, Place, place
from softextend.pictures.files import (
    is_stream,
    longest_name,
    refuse_special,
    refused_folder,
    standing,
    too_long,
    writing,
)
from softextend.pictures.formats import SUFFIXES, format_of_name

AT_ONCE = 10_000  # jobs whose names are all checked before any of them begins
SEARCHED = 5_000_000  # names to go through, at most, so that messages can say which picture has a result's name


@dataclass(frozen=True, kw_only=True, slots=True)
class Naming:
    """How results are called: `output` or `out_dir` as the user gave them, else beside the input with `suffix`.

    `tree`: how the folders of the inputs are mirrored below `out_dir`.
    """

    suffix: str
    output: str | None = None
    out_dir: Place | None = None
    format: str | None = None
    extras_dir: Path | None = None
    extras: tuple[str, ...] = ()  # endings of the files written into `extras_dir` for each result
    tree: Mirror | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Jobs:
    """One job per picture, one target per seed, made anew whenever they are gone through.

    `finish` gives a job what its command wants beside that.
    """

    sources: Names
    naming: Naming
    seeds: Sequence[int]
    finish: Callable[[Job], Job] = lambda job: job

    def __len__(self) -> int:
        return len(self.sources)

    def __iter__(self) -> Iterator[Job]:
        for index, (source, deep) in enumerate(self.sources.entries()):
            yield self.job(source, index, deep=deep)

    def job(self, source: Place | None, index: int | None = None, *, deep: bool = False) -> Job:
        """The job of one picture; BadRequest where its results cannot have names."""
        below = self.naming.tree.folder(source, deep=deep) if self.naming.tree and source else Path()
        numbered = len(self.seeds) > 1
        targets = tuple(_target(source, self.naming, seed, below, numbered=numbered) for seed in self.seeds)
        return self.finish(Job(source=source, targets=targets, index=index))

    def finished(self, finish: Callable[[Job], Job]) -> Jobs:
        """The same with this done to each; BadRequest at once where it cannot be."""
        jobs = replace(self, finish=finish)
        jobs.check()
        return jobs

    def check(self) -> None:
        """BadRequest for what names cannot be; it shows with the first picture, and with the one from stdin."""
        next(iter(self), None)
        if self.sources.has_stdin:
            self.job(None)

    @property
    def results(self) -> int:
        """How many there shall be."""
        return len(self.sources) * len(self.seeds)

    @property
    def to_stdout(self) -> bool:
        """Whether a result goes to stdout."""
        naming = self.naming
        return naming.output == "-" or (naming.output is None and naming.out_dir is None and self.sources.has_stdin)


def plan_jobs(sources: Iterable[Place | None], naming: Naming, seeds: Sequence[int]) -> Jobs:
    """One job per picture, one target per seed; BadRequest where names cannot work."""
    names = sources if isinstance(sources, Names) else Names(sources)
    if naming.output is not None and naming.out_dir is not None:
        raise BadRequest("-o and --out-dir: give one of them")
    if naming.output is not None and len(names) > 1:
        raise BadRequest(f"-o {naming.output}: one name for {len(names)} pictures; use --out-dir DIR")
    jobs = Jobs(sources=names, naming=naming, seeds=seeds)
    jobs.check()
    return jobs


def _target(source: Place | None, naming: Naming, seed: int, below: Path, *, numbered: bool) -> Target:
    if naming.output == "-" or (naming.output is None and naming.out_dir is None and source is None):
        if numbered:
            raise BadRequest("--num: stdout holds one picture; use -o FILE or --out-dir DIR")
        stem = f"{source.stem if source else STDIN}{naming.suffix}"
        return Target(path=None, format=naming.format, seed=seed, extras=_extras(stem, below, naming))
    if naming.output is not None:
        path: Place = _named(place(naming.output), naming.format)
    else:
        origin: Place = source or Path(STDIN)
        same = origin.suffix if origin.suffix.lower() in WRITTEN else ".png"
        folder = origin.parent if naming.out_dir is None else naming.out_dir / below
        path = folder / f"{origin.stem}{naming.suffix}{SUFFIXES[naming.format][0] if naming.format else same}"
    if numbered:
        path = path.with_name(f"{path.stem}-{seed}{path.suffix}")
    return Target(path=path, format=naming.format, seed=seed, extras=_extras(path.stem, below, naming))


def _named(path: Place, form: str | None) -> Place:
    """The file of `-o`; BadRequest for a folder, an unknown suffix, or another format; OutputError for no name."""
    if isinstance(path, Address):
        folder = path.text.endswith("/")
    else:
        with writing(path):  # a name that is too long is seen here first
            folder = path.is_dir()
    if folder:
        raise BadRequest(f"-o {path}: is a folder; use --out-dir {path}")
    if form is None or path.suffix:
        if not path.suffix and is_stream(path):
            raise BadRequest(f"-o {path}: a pipe or a device has no suffix to go by; say --format png, or another")
        says = format_of_name(path)
        if form not in (None, says):
            ending = SUFFIXES[form][0]
            raise BadRequest(
                f"-o {path}: the name says {says}, {form} is to be written; end it in {ending}, or take {says}"
            )
    return path


def _extras(stem: str, below: Path, naming: Naming) -> tuple[Path, ...]:
    if naming.extras_dir is None:
        return ()
    folder = naming.extras_dir / below
    return tuple(folder / f"{stem}{ending}" for ending in naming.extras)


def settle(
    jobs: Jobs | Sequence[Job],
    *,
    overwrite: bool,
    skip_existing: str | None,
    will_be_made: Sequence[Place] = (),
    reads: Sequence[Path] = (),
) -> tuple[list[Job], list[Outcome]]:
    """Jobs still to do, and what has become of the others; see `settled`."""
    done = settled(jobs, overwrite=overwrite, skip_existing=skip_existing, will_be_made=will_be_made, reads=reads)
    each = list(done)
    return [one for one in each if isinstance(one, Job)], [one for one in each if isinstance(one, Outcome)]


def settled(
    jobs: Jobs | Sequence[Job],
    *,
    overwrite: bool,
    skip_existing: str | None,
    will_be_made: Sequence[Place] = (),
    reads: Sequence[Path] = (),
) -> Iterator[Job | Outcome]:
    """What has become of jobs that need no work, and then those to do, `AT_ONCE` by `AT_ONCE`.

    A name that cannot be is an error of its picture alone: two results of one name (the later one's), a result that
    is an input or one of the files in `reads` (BadRequest), one that exists, a folder that refuses it (OutputError).
    `skip_existing`: "any" leaves out whatever exists; "same" is decided where each picture begins. Folders in
    `will_be_made` may be missing; where one cannot be, no picture can be written: OutputError.
    """
    if overwrite and skip_existing:
        raise BadRequest("--overwrite and --skip-existing: give one of them")
    for folder in will_be_made:
        if isinstance(folder, Path) and (error := refused_folder(standing(folder))):
            raise error
    check = Check(jobs, overwrite=overwrite, skip_existing=skip_existing, will_be_made=will_be_made, reads=reads)
    return _in_turns(jobs, check, skip_existing)


def _in_turns(jobs: Iterable[Job], check: Check, skip: str | None) -> Iterator[Job | Outcome]:
    rest = iter(jobs)
    while some := list(islice(rest, AT_ONCE)):
        left: list[Job] = []
        for job in some:
            outcomes, targets = _checked(job, check, skip)
            yield from outcomes
            if targets:
                left.append(job if len(targets) == len(job.targets) else replace(job, targets=tuple(targets)))
        yield from left


def _checked(job: Job, check: Check, skip: str | None) -> tuple[list[Outcome], list[Target]]:
    """What has become of a job's targets, and those still to make."""
    if is_missing(job.source):
        error = MissingFile(f"{job.source}: no such file; check the name and the folder")
        return [Outcome(job=job, target=None, error=error)], []
    outcomes, targets = [], []
    for target in job.targets:
        by_name = skip == "any" or (skip and isinstance(target.path, Address))  # a look into each would be a request
        if by_name and check.exists(target.path):
            outcomes.append(Outcome(job=job, target=target, skipped="exists"))
        elif fault := check.fault(job, target):
            outcomes.append(Outcome(job=job, target=target, error=fault))
        else:
            targets.append(target)
    return outcomes, targets


class Check:
    """What may be wrong with the names of results; folders are looked at once, of each name a number is kept."""

    def __init__(
        self,
        jobs: Jobs | Sequence[Job],
        *,
        overwrite: bool,
        skip_existing: str | None,
        will_be_made: Sequence[Place],
        reads: Sequence[Path],
    ) -> None:
        self.jobs = jobs
        self.keys = Keys()
        self.reads = {hash(self.keys.of(path)) for path in reads}
        self.inputs = jobs.sources.known if isinstance(jobs, Jobs) else Names(job.source for job in jobs).known
        self.makers: dict[int, int] = {}  # of a result's name: the hash of the input's
        self.folders: dict[Path, SoftExtendError | None] = {}
        self.longest: dict[Path, int] = {}  # bytes that a name in a folder may have
        self.may_exist = overwrite or skip_existing is not None
        self.will_be_made = will_be_made
        self.stored = Stored([folder for folder in will_be_made if isinstance(folder, Address)])
        self.searched = 0  # names that were gone through for messages

    def fault(self, job: Job, target: Target) -> SoftExtendError | None:
        """Why this result cannot be written; None where nothing speaks against it."""
        for path in target.files:
            key = hash(self.keys.of(path))
            if key in self.inputs or key in self.reads:
                return BadRequest(f"{path}: the output is an input; give another name with -o or --out-dir")
            maker = self.makers.get(key)
            if maker is not None:
                return BadRequest(
                    f"{path}: the results of {self._named(maker)} and {job.name} have this one name; "
                    "extend them one by one, into different folders, or with --keep-tree"
                )
            if isinstance(path, Address):
                error = self._stored(path)
            else:
                error = None if is_stream(path) else self._folder(path) or self._name(path)
            if error:
                return error
        for path in target.files:
            self.makers[hash(self.keys.of(path))] = hash(self.keys.of(job.source))
        return None

    def _named(self, maker: int) -> str:
        """The name of the first picture with this hash; after many, whose search takes long, no name."""
        if self.searched > SEARCHED:
            return "another picture"
        for job in self.jobs:
            self.searched += 1
            if hash(self.keys.of(job.source)) == maker:
                return job.name
        return "another picture"

    def exists(self, path: Place | None) -> bool:
        """Whether writing there would meet a file; of a store its listing says so."""
        return self.stored.has(path) if isinstance(path, Address) else exists(path)

    def _stored(self, path: Address) -> SoftExtendError | None:
        if path.read_only:
            return BadRequest(f"{path}: nothing can be written to {path.scheme}://; give --out-dir DIR")
        if not self.may_exist and self.stored.has(path):
            return AlreadyExists(f"{path}: exists already; {another_way(many=len(self.jobs) > 1)}")
        return None

    def _folder(self, path: Path) -> SoftExtendError | None:
        folder = path.parent
        if folder not in self.folders:
            made = any(folder == each or each in folder.parents for each in self.will_be_made if isinstance(each, Path))
            self.folders[folder] = refused_folder(standing(folder) if made else folder)
        return self.folders[folder]

    def _name(self, path: Path) -> SoftExtendError | None:
        if path.parent not in self.longest:
            self.longest[path.parent] = longest_name(path.parent)
        length, longest = len(os.fsencode(path.name)), self.longest[path.parent]
        if length > longest:
            return too_long(path, length, longest)
        try:
            refuse_special(path)
        except OutputError as error:
            return error
        if not self.may_exist and exists(path):
            return AlreadyExists(f"{path}: exists already; {another_way(many=len(self.jobs) > 1)}")
        return None


def exists(path: Place | None) -> bool:
    """Whether writing there would meet a file of this machine; a pipe or a device takes what comes."""
    return isinstance(path, Path) and os.path.lexists(path) and not is_stream(path)


def another_way(*, many: bool) -> str:
    """What to do about a result that is there already; redo and a single picture have nothing to skip."""
    skip = "--skip-existing leaves it out, " if many else ""
    return f"--overwrite replaces it, {skip}-o or --out-dir names another place"


def check_drawing(option: str, path: Path, jobs: Iterable[Job], reads: Sequence[Path]) -> None:
    """BadRequest where a file that is written beside the results would replace an input, or be replaced by a result."""
    keys = Keys()
    key, read = keys.of(path), {keys.of(each) for each in reads}
    for job in jobs:
        if key in read or key == keys.of(job.source):
            raise BadRequest(f"{option} {path}: is an input; give another name")
        if key in {keys.of(each) for target in job.targets for each in target.files}:
            raise BadRequest(f"{option} {path}: is the name of a result; give another")


def existing(jobs: Iterable[Job]) -> str | None:
    """Which result is there already, as a user is told; None where none is."""
    found = [path for job in jobs for target in job.targets for path in target.files if exists(path)]
    if not found:
        return None
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{found[0]}: exists already{more}; {another_way(many=len(found) > 1)}"


def make_folder(folder: Place) -> None:
    """The folder of results, with its parents; a store needs none. OutputError when it cannot be made."""
    if isinstance(folder, Address):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot make this folder ({error.strerror}); name another") from error
