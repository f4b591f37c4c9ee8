"""What each command does, once its options are values: gather, check every name, work, tell."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softextend import __version__, batch, images, models
from softextend.batch import Job, Naming
from softextend.choice import Choosing
from softextend.errors import BadPicture, BadRequest
from softextend.geometry import parse_growth, parse_trim
from softextend.making import Making, digest
from softextend.options import Border
from softextend.recipe import spec_of
from softextend.report import INTERRUPTED
from softextend.surroundings import Format, Writing
from softextend.tables import plan_facts
from softextend.types import Model, Spec

if TYPE_CHECKING:
    from softextend import signatures
    from softextend.batch import Found
    from softextend.options import Area, Demand, Prompting, Sampling
    from softextend.report import Report
    from softextend.surroundings import Placing

STEPS = ("-canvas.png", "-mask.png", "-raw.png")  # what --save-steps writes for each result
DRAWN_SEEDS = 2**32  # drawn seeds lie below: the range that other tools take


def extend(report: Report, given: signatures.Extend) -> int:
    """`softextend extend`: the exit code."""
    spec = replace(bordered(given.border, sampled(given)), passes=parse_passes(given.passes))
    found = gather(given.inputs or [], given.files_from, report)
    return variations(making_of(report, given, spec, found), found, "-extended", given)


def paint(report: Report, given: signatures.Paint) -> int:
    """`softextend paint`: the exit code."""
    spec = sampled(given)
    batch.refuse_missing([given.image, str(given.mask)])
    found = gather([given.image], None, report)
    repaint = images.read_mask(given.mask, allow_huge=given.allow_huge)
    making = replace(making_of(report, given, spec, found), mask=given.mask, repaint=repaint)
    return variations(making, found, "-painted", given)


def variations(making: Making, found: Found, suffix: str, given: signatures.Extend | signatures.Paint) -> int:
    """All pictures with all their seeds; the exit code."""
    looking, num = given.looking, given.demand.num
    choosing = chosen(given.demand)
    steps = looking.save_steps
    naming = named(given.writing, suffix, extras_dir=steps, extras=STEPS if steps else ())
    making.check()
    if looking.plan_image is not None:
        making = replace(making, plan_image=drawing(looking.plan_image, len(found.sources)))
    first = making.spec.seed
    jobs = batch.plan_jobs(found.sources, naming, range(first, first + num))
    if given.demand.keep_all:
        jobs = [with_others(job, choosing.most) for job in jobs]
    making = replace(making, drawn=given.sampling.seed is None, variations=num > 1, choosing=choosing)
    folders = made_for(given.writing, steps)
    return dry_run(making, jobs, folders) if looking.dry_run else work(making, jobs, folders)


def prepare(report: Report, given: signatures.Prepare) -> int:
    """`softextend prepare`: the exit code."""
    seed = draw_seed() if given.seed is None else given.seed
    spec = bordered(given.area, Spec(seed=seed))
    naming = named(given.placing, "-canvas", format=Format.PNG)
    found = gather(given.inputs or [], given.files_from, report)
    jobs = [with_mask(job) for job in batch.plan_jobs(found.sources, naming, [seed])]
    making = Making(
        report=report,
        spec=spec,
        ref=models.resolve_model(given.model),
        allow_huge=given.allow_huge,
        overwrite=given.placing.overwrite,
        skip_existing=given.skip_existing,
        drawn=given.seed is None,
        empty=found.empty,
    )
    making.check()
    return work(making, jobs, made_for(given.placing), load=making.say_seed, make=making.canvas)


def redo(report: Report, given: signatures.Redo) -> int:
    """`softextend redo`: the exit code."""
    result, writing = given.result, given.writing
    recipe = images.read_recipe(result)
    if "zoom" in recipe:
        raise BadRequest(f"{result}: is a film; redo makes pictures again (its recipe names the options of zoom)")
    spec = spec_of(recipe)
    before = {name: recorded(recipe, name, result) for name in ("input", "input_sha256", "mask", "model", "vae")}
    origin = given.input or found_again(result, before["input"], "input", "--input FILE")
    mask = found_again(result, before["mask"], "mask", "paint IMAGE MASK") if before["mask"] else None
    if before["input_sha256"] not in (None, digest(origin)):
        report.note(f"{origin}: differs from the picture that {result} was made of")
    if recipe.get("softextend") != __version__:
        report.note(f"{result}: made by softextend {recipe.get('softextend')}; this is {__version__}")
    vae = given.engine.vae or (Path(before["vae"]) if before["vae"] else None)
    engine = replace(given.engine, model=given.engine.model or before["model"], vae=vae)
    where = (
        writing if writing.output or writing.out_dir else replace(writing, output=str(redone(result, writing.format)))
    )
    jobs = batch.plan_jobs([origin], named(where, "-redo"), [spec.seed])
    making = Making(
        report=report,
        spec=spec,
        ref=models.resolve_model(engine.model),
        engine=engine,
        allow_huge=given.allow_huge,
        overwrite=writing.overwrite,
        mask=mask,
        repaint=None if mask is None else images.read_mask(mask, allow_huge=given.allow_huge),
    )
    return work(making, jobs, made_for(where), load=partial(load_same, making, recipe))


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


def making_of(report: Report, given: signatures.Extend | signatures.Paint, spec: Spec, found: Found) -> Making:
    """What the pictures of `extend` and `paint` share."""
    return Making(
        report=report,
        spec=spec,
        ref=models.resolve_model(given.engine.model),
        engine=given.engine,
        allow_huge=given.allow_huge,
        overwrite=given.writing.overwrite,
        skip_existing=given.skip_existing,
        empty=found.empty,
    )


def sampled(given: signatures.Extend | signatures.Paint) -> Spec:
    """The spec of a picture of which there may be variations."""
    num = given.demand.num
    if num < 1:
        raise BadRequest(f"--num {num}: must be 1 or more")
    if num > 1 and given.sampling.seed is None and given.skip_existing:
        raise BadRequest("--skip-existing with --num: names carry the seed; give --seed N as in the run to resume")
    return strengthened(given.sampling)


def strengthened(sampling: Sampling) -> Spec:
    """What `extend`, `paint` and `zoom` take."""
    return replace(
        asked(sampling),
        strength=sampling.strength,
        refine=sampling.refine_strength,
        color_match=sampling.color_match,
    )


def asked(prompting: Prompting) -> Spec:
    """What every painting command takes, with the first seed, drawn where none is given."""
    return Spec(
        seed=draw_seed() if prompting.seed is None else prompting.seed,
        prompt=prompting.prompt,
        negative=prompting.negative,
        steps=prompting.steps,
        guidance=prompting.guidance,
        solver=prompting.sampler,
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


def bordered(area: Area, spec: Spec) -> Spec:
    """The spec with what the area asks for; BadRequest unless exactly one option says how much."""
    sides, target = parse_growth(
        {"sides": area.sides, "aspect": area.aspect, "size": area.size, "scale": area.scale, "all": area.all},
        anchor=area.anchor,
        fit=area.fit,
    )
    return replace(
        spec,
        sides=sides,
        target=target,
        trim=None if area.trim is None else parse_trim(area.trim),
        fill=area.fill,
        overlap=area.overlap,
        feather=area.feather,
        change=area.change,
        allow_large=area.allow_large,
        band=area.band if isinstance(area, Border) else None,
    )


def gather(inputs: Sequence[str], files_from: str | None, report: Report) -> Found:
    """All pictures that the command line names, in order, and the folders in which there is none."""
    listed: list[str] = []
    if files_from is not None:
        if files_from == "-" and "-" in inputs:
            raise BadRequest("stdin: cannot be a picture and --files-from at once; give one of them a file")
        listed = batch.split_list(read_list(files_from))
    found = batch.gather(inputs, listed)
    for note in found.notes:
        report.note(note)
    return found


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


def found_again(result: Path, recorded: str | None, what: str, remedy: str) -> Path:
    """A file that a recipe names by its way from the result; BadRequest where it is gone."""
    if recorded is None:
        raise BadRequest(f"{result}: its {what} came from stdin; give it with {remedy}")
    path = result.parent / recorded
    if not path.is_file():
        raise BadRequest(f"{result}: its {what} {path} is not there; give it with {remedy}")
    return path


def redone(result: Path, format: Format | None) -> Path:
    """NAME.EXT -> NAME-redo.EXT, or with the format's suffix."""
    suffix = images.SUFFIXES[format.value.upper()][0] if format else result.suffix
    return result.with_name(f"{result.stem}-redo{suffix}")


def work(
    making: Making,
    jobs: list[Job],
    folders: list[Path],
    *,
    load: Callable[[], Any] | None = None,
    make: Callable[..., batch.Outcome] | None = None,
) -> int:
    """Check all names, then do all jobs, telling of each; the exit code. `folders` are made where missing."""
    report = making.report
    if report.talk.json and any(target.path is None for job in jobs for target in job.targets):
        raise BadRequest("--json: stdout holds the picture; use -o FILE or --out-dir DIR")
    left, skipped = batch.settle(
        jobs, overwrite=making.overwrite, skip_existing=making.skip_existing, will_be_made=folders
    )
    for folder in folders:
        batch.make_folder(folder)
    tally = batch.Tally(skipped=skipped)
    report.total = sum(len(job.targets) for job in left) + len(making.empty)
    began = time.monotonic()
    outcomes = batch.run(left, read=making.read, load=load or making.load, make=make or making.make)
    try:
        for outcome in chain(making.empty, outcomes):
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
    left, _ = batch.settle(jobs, overwrite=overwrite, skip_existing=making.skip_existing, will_be_made=folders)
    if not making.overwrite and (said := batch.existing(left)):
        report.note(said)
    tally = batch.Tally()
    report.total = len(left) + len(making.empty)
    for outcome in making.empty:
        tally.add(outcome)
        report.tell(outcome)
    for job in left:
        try:
            settled = making.plan(*making.read(job))
        except Exception as error:
            outcome = batch.Outcome(job=job, target=None, error=error)
            report.tell(outcome)
        else:
            outcome = batch.Outcome(job=job, target=job.targets[0])
            report.plan(job, making.ref.name, plan_facts(settled), settled.rows())
        tally.add(outcome)
    return tally.exit_code
