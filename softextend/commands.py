"""What each command does, once its options are values: gather, check every name, work, tell."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softextend import __version__, batch, images, models
from softextend.batch import Job, Naming
from softextend.choice import Choosing
from softextend.errors import BadPicture, BadRequest
from softextend.geometry import parse_growth, parse_trim
from softextend.making import Making, digest
from softextend.options import Engine, Format
from softextend.recipe import spec_of
from softextend.report import INTERRUPTED
from softextend.types import Model, Spec

if TYPE_CHECKING:
    from softextend.options import Border, Demand, Looking, Reading, Sampling, Writing
    from softextend.report import Report

STEPS = ("-canvas.png", "-mask.png", "-raw.png")  # what --save-steps writes for each result
DRAWN_SEEDS = 2**32  # drawn seeds lie below: the range that other tools take


def extend(
    report: Report,
    inputs: Sequence[str],
    border: Border,
    sampling: Sampling,
    wanted: Demand,
    engine: Engine,
    reading: Reading,
    writing: Writing,
    looking: Looking,
) -> int:
    """`softextend extend`: the exit code."""
    spec = bordered(border, asked(sampling, writing))
    sources = gather(inputs, reading, report)
    ref = models.resolve_model(engine.model)
    making = Making(report=report, spec=spec, ref=ref, engine=engine, reading=reading, writing=writing)
    return variations(making, sources, "-extended", sampling, wanted, looking)


def paint(
    report: Report,
    picture: str,
    mask: Path,
    sampling: Sampling,
    wanted: Demand,
    engine: Engine,
    reading: Reading,
    writing: Writing,
    looking: Looking,
) -> int:
    """`softextend paint`: the exit code."""
    spec = asked(sampling, writing)
    if spec.passes is not None:
        raise BadRequest(
            f"--passes {spec.passes}: paint adds nothing to the picture, so there is one pass; leave it out"
        )
    sources = gather([picture], reading, report)
    ref = models.resolve_model(engine.model)
    making = Making(report=report, spec=spec, ref=ref, engine=engine, reading=reading, writing=writing, mask=mask)
    return variations(making, sources, "-painted", sampling, wanted, looking)


def variations(
    making: Making,
    sources: list[Path | None],
    suffix: str,
    sampling: Sampling,
    wanted: Demand,
    looking: Looking,
) -> int:
    """All pictures with all their seeds; the exit code."""
    choosing = chosen(wanted, sampling)
    steps = looking.save_steps
    naming = named(making.writing, suffix, extras_dir=steps, extras=STEPS if steps else ())
    making.check()
    if looking.plan_image is not None:
        making = replace(making, plan_image=drawing(looking.plan_image, len(sources)))
    first = making.spec.seed
    jobs = batch.plan_jobs(sources, naming, range(first, first + sampling.num))
    if wanted.keep_all:
        jobs = [with_others(job, choosing.most) for job in jobs]
    making = replace(making, drawn=sampling.seed is None, variations=sampling.num > 1, choosing=choosing)
    folders = made_for(making.writing, steps)
    return dry_run(making, jobs, folders) if looking.dry_run else work(making, jobs, folders)


def prepare(
    report: Report,
    inputs: Sequence[str],
    border: Border,
    seed: int | None,
    model: str | None,
    reading: Reading,
    writing: Writing,
) -> int:
    """`softextend prepare`: the exit code."""
    chosen = draw_seed() if seed is None else seed
    spec = bordered(border, Spec(seed=chosen))
    naming = named(replace(writing, format=Format.PNG), "-canvas")
    jobs = [with_mask(job) for job in batch.plan_jobs(gather(inputs, reading, report), naming, [chosen])]
    ref = models.resolve_model(model)
    making = Making(
        report=report,
        spec=spec,
        ref=ref,
        engine=Engine(model=model),
        reading=reading,
        writing=writing,
        drawn=seed is None,
    )
    making.check()
    return work(making, jobs, made_for(writing), load=making.say_seed, make=making.canvas)


def redo(
    report: Report,
    result: Path,
    source: Path | None,
    engine: Engine,
    reading: Reading,
    writing: Writing,
) -> int:
    """`softextend redo`: the exit code."""
    recipe = images.read_recipe(result)
    if "zoom" in recipe:
        raise BadRequest(f"{result}: is a film; redo makes pictures again (its recipe names the options of zoom)")
    spec = spec_of(recipe)
    before = {name: recorded(recipe, name, result) for name in ("input", "input_sha256", "mask", "model", "vae")}
    origin = source or found_again(result, before["input"], "input", "--input FILE")
    mask = found_again(result, before["mask"], "mask", "paint IMAGE MASK") if before["mask"] else None
    if before["input_sha256"] not in (None, digest(origin)):
        report.note(f"{origin}: differs from the picture that {result} was made of")
    if recipe.get("softextend") != __version__:
        report.note(f"{result}: made by softextend {recipe.get('softextend')}; this is {__version__}")
    vae = engine.vae or (Path(before["vae"]) if before["vae"] else None)
    engine = replace(engine, model=engine.model or before["model"], vae=vae)
    ref = models.resolve_model(engine.model)
    where = writing if writing.output or writing.out_dir else replace(writing, output=str(redone(result)))
    jobs = batch.plan_jobs([origin], named(where, "-redo"), [spec.seed])
    making = Making(report=report, spec=spec, ref=ref, engine=engine, reading=reading, writing=writing, mask=mask)
    return work(making, jobs, made_for(writing), load=partial(load_same, making, recipe))


def load_same(making: Making, recipe: dict[str, Any]) -> Model:
    """The model of a recipe; says so where it is another one by its hash."""
    model = making.load()
    before, now = (facts.get("hash") for facts in (recipe["model"], model.facts()))
    if before != now:
        making.report.note(f"model: {making.ref.name} is another one (hash {now}) than the recipe's (hash {before})")
    return model


def recorded(recipe: dict[str, Any], name: str, result: Path) -> str | None:
    """One value of what `redo` needs; BadPicture where the recipe does not say how it was made."""
    try:
        value = recipe["command"][name]
    except (KeyError, TypeError):
        value = 0
    if value is None or isinstance(value, str):
        return value
    raise BadPicture(f"{result}: its recipe does not say how it was made; name a result that softextend wrote")


def asked(sampling: Sampling, writing: Writing) -> Spec:
    """What every painting command takes, with the first seed, drawn where none is given."""
    if sampling.num < 1:
        raise BadRequest(f"--num {sampling.num}: must be 1 or more")
    if sampling.num > 1 and sampling.seed is None and writing.skip_existing:
        raise BadRequest("--skip-existing with --num: names carry the seed; give --seed N as in the run to resume")
    return Spec(
        seed=draw_seed() if sampling.seed is None else sampling.seed,
        prompt=sampling.prompt,
        negative=sampling.negative,
        strength=sampling.strength,
        steps=sampling.steps,
        guidance=sampling.guidance,
        refine=sampling.refine_strength,
        passes=parse_passes(sampling.passes),
        solver=sampling.sampler,
        color_match=sampling.color_match,
    )


def parse_passes(text: str) -> int | None:
    """`auto` (None) or a number of passes; BadRequest for anything else."""
    if text == "auto":
        return None
    if not text.isdecimal():
        raise BadRequest(f"--passes {text}: write auto or a whole number from 1 to 64")
    return int(text)


def drawing(path: Path, pictures: int) -> Path:
    """The file of `--plan-image`; BadRequest for several pictures and for what is no PNG."""
    if pictures > 1:
        raise BadRequest(
            f"--plan-image {path}: one file cannot hold the plans of {pictures} pictures; give one picture"
        )
    if path.suffix.lower() != ".png":
        raise BadRequest(f"--plan-image {path}: the drawing is a PNG; name it so")
    return path


def bordered(border: Border, spec: Spec) -> Spec:
    """The spec with what the border asks for; BadRequest unless exactly one option says how much."""
    sides, target = parse_growth(
        {"sides": border.sides, "aspect": border.aspect, "size": border.size, "scale": border.scale, "all": border.all},
        anchor=border.anchor,
        fit=border.fit,
    )
    return replace(
        spec,
        sides=sides,
        target=target,
        trim=None if border.trim is None else parse_trim(border.trim),
        fill=border.fill,
        overlap=border.overlap,
        feather=border.feather,
        change=border.change,
        allow_large=border.allow_large,
        band=border.band,
    )


def gather(inputs: Sequence[str], reading: Reading, report: Report) -> list[Path | None]:
    """All pictures that the command line names, in order."""
    listed: list[str] = []
    if reading.files_from is not None:
        if reading.files_from == "-" and "-" in inputs:
            raise BadRequest("stdin: cannot be a picture and --files-from at once; give one of them a file")
        listed = batch.split_list(read_list(reading.files_from))
    sources, notes = batch.gather(inputs, listed)
    for note in notes:
        report.note(note)
    return sources


def read_list(name: str) -> str:
    """The text of a `--files-from` list; BadRequest where it cannot be read."""
    if name == "-" and sys.stdin is not None:
        return sys.stdin.read()
    try:
        return Path(name).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise BadRequest(f"--files-from {name}: cannot be read ({error.strerror})") from error


def draw_seed() -> int:
    """A new seed."""
    return secrets.randbelow(DRAWN_SEEDS)


def named(writing: Writing, suffix: str, *, extras_dir: Path | None = None, extras: tuple[str, ...] = ()) -> Naming:
    """How the results of this command are called."""
    return Naming(
        suffix=suffix,
        output=writing.output,
        out_dir=writing.out_dir,
        format=writing.format and writing.format.value.upper(),
        extras_dir=extras_dir,
        extras=extras,
    )


def made_for(writing: Writing, *others: Path | None) -> list[Path]:
    """The folders that are made where they are missing."""
    return [folder for folder in (writing.out_dir, *others) if folder is not None]


def chosen(wanted: Demand, sampling: Sampling) -> Choosing:
    """What the options say of choosing; BadRequest where they contradict each other."""
    choosing = Choosing(best_of=wanted.best_of, retry=wanted.retry, min_score=wanted.min_score)
    if choosing.most > 1 and sampling.num > 1:
        raise BadRequest("--num with --best-of or --retry: --num keeps all its variations; give --best-of K --keep-all")
    if wanted.keep_all and choosing.most == 1:
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


def found_again(result: Path, recorded: str | None, what: str, remedy: str) -> Path:
    """A file that a recipe names by its way from the result; BadRequest where it is gone."""
    if recorded is None:
        raise BadRequest(f"{result}: its {what} came from stdin; give it with {remedy}")
    path = result.parent / recorded
    if not path.is_file():
        raise BadRequest(f"{result}: its {what} {path} is not there; give it with {remedy}")
    return path


def redone(result: Path) -> Path:
    """NAME.EXT -> NAME-redo.EXT."""
    return result.with_name(f"{result.stem}-redo{result.suffix}")


def work(
    making: Making,
    jobs: list[Job],
    folders: list[Path],
    *,
    load: Callable[[], Any] | None = None,
    make: Callable[..., batch.Outcome] | None = None,
) -> int:
    """Check all names, then do all jobs, telling of each; the exit code. `folders` are made where missing."""
    report, writing = making.report, making.writing
    if report.talk.json and any(target.path is None for job in jobs for target in job.targets):
        raise BadRequest("--json: stdout holds the picture; use -o FILE or --out-dir DIR")
    left, skipped = batch.settle(
        jobs, overwrite=writing.overwrite, skip_existing=writing.skip_existing, will_be_made=folders
    )
    for folder in folders:
        batch.make_folder(folder)
    tally = batch.Tally(skipped=skipped)
    report.total = sum(len(job.targets) for job in left)
    began = time.monotonic()
    outcomes = batch.run(left, read=making.read, load=load or making.load, make=make or making.make)
    try:
        for outcome in outcomes:
            tally.add(outcome)
            report.tell(outcome)
    except KeyboardInterrupt:
        report.stopped(tally)
        return INTERRUPTED
    report.summary(tally, time.monotonic() - began)
    return tally.exit_code


def dry_run(making: Making, jobs: list[Job], folders: list[Path]) -> int:
    """The plan of each picture as a table on stdout; nothing is written, no model is loaded."""
    report, writing = making.report, making.writing
    overwrite = writing.overwrite or not writing.skip_existing  # a plan harms nothing that exists
    left, _ = batch.settle(jobs, overwrite=overwrite, skip_existing=writing.skip_existing, will_be_made=folders)
    if not writing.overwrite and (said := batch.existing(left)):
        report.note(said)
    tally = batch.Tally()
    report.total = len(left)
    for job in left:
        try:
            rows = making.plan(*making.read(job)).rows()
        except Exception as error:
            outcome = batch.Outcome(job=job, target=None, error=error)
            report.tell(outcome)
        else:
            outcome = batch.Outcome(job=job, target=job.targets[0])
            report.plan(job, making.ref.name, rows)
        tally.add(outcome)
    return tally.exit_code
