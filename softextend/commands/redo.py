"""`softextend redo`: the recipe of a result, run again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softextend import __version__
from softextend.commands.run import folders_of, naming, work
from softextend.errors import BadPicture, BadRequest
from softextend.jobs.making import PictureStages, load_model
from softextend.jobs.outputs import plan_jobs
from softextend.jobs.recorded import Recorded, found_again, known_model, recorded
from softextend.jobs.task import PictureTask
from softextend.jobs.writing import digest
from softextend.models import find
from softextend.options import Spec
from softextend.pictures.formats import SUFFIXES, Alpha, Format
from softextend.pictures.read import read_mask, read_recipe
from softextend.plan.read_recipe import spec_of
from softextend.types import Listener, Model

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.commands.signatures import Redo, SameEngine

SHOWN = 10  # letters of a hash, as the A1111 web interface shows a model's


def redo(report: Report, given: Redo) -> int:
    """`softextend redo`: the exit code."""
    result, output, allow_huge = given.redoing.result, given.output, given.redoing.allow_huge
    recipe = recipe_of_picture(result)
    spec, before = _spec(recipe, result), recorded(recipe, result)
    origin = _input(report, given, before)
    mask = _mask(given, before)
    engine = same_engine(given.engine, before, result)
    named = output.output or output.out_dir
    where = output if named else replace(output, output=str(redo_path(result, output.format)))
    jobs = plan_jobs([origin], naming(where, "-redo"), [spec.seed])
    task = PictureTask(
        spec=spec,
        ref=find.model_of(engine),
        engine=engine,
        conditions=before.conditions,
        allow_huge=allow_huge,
        allow_damaged=given.redoing.allow_damaged,
        overwrite=output.overwrite,
        keep_alpha=(output.alpha or before.alpha) is Alpha.KEEP,
        quality=output.quality or before.quality,
        mask=mask,
        mask_sha256=None if mask is None else digest(mask),
        repaint=None if mask is None else read_mask(mask, allow_huge=allow_huge),
    )
    return work(report, task, jobs, folders_of(where), stages=SameModel(task=task, before=before))


def recipe_of_picture(result: Path) -> dict[str, Any]:
    """The recipe that a result carries; BadRequest for a film and for a canvas of `prepare`."""
    recipe = read_recipe(result)
    if "zoom" in recipe:
        raise BadRequest(f"{result}: is a film; redo makes pictures again (its recipe names the options of zoom)")
    if "prepared" in recipe:
        raise BadRequest(f"{result}: is a canvas of prepare, no result; paint it, or name a result")
    return recipe


def _spec(recipe: dict[str, Any], result: Path) -> Spec:
    """The request of a recipe; BadPicture with the result's name where it is damaged."""
    try:
        return spec_of(recipe)
    except BadPicture as error:
        raise BadPicture(f"{result}: {error}") from error


def _input(report: Report, given: Redo, before: Recorded) -> Path:
    """The picture to extend: as the user names it, else the recipe's."""
    result, named = given.redoing.result, given.redoing.input
    if before.version != __version__:
        report.note(f"{result}: made by softextend {before.version}; this is {__version__}")
    if named is None:
        return found_again(result, before.input, before.input_sha256, "input", "--input FILE")
    if before.input_sha256 not in (None, digest(named)):
        report.note(f"{named}: differs from the picture that {result} was made of")
    return named


def _mask(given: Redo, before: Recorded) -> Path | None:
    """What a painted result was painted by."""
    if before.mask is None:
        return None
    return found_again(given.redoing.result, before.mask, before.mask_sha256, "mask", "paint IMAGE MASK")


def same_engine(engine: SameEngine, before: Recorded, result: Path) -> SameEngine:
    """The model, as the user names it now, else as the recipe does; of another model only what is said now."""
    same: dict[str, Any] = {"vae": engine.vae or before.vae, "unet": engine.unet or before.unet}
    if engine.model is None:
        same |= {
            "model": known_model(result, before.model),
            "preview_vae": engine.preview_vae or before.preview_vae,
            "profile": engine.profile or before.profile,
            "prediction": engine.prediction or before.prediction,
        }
    return replace(engine, **same)


@dataclass(frozen=True, kw_only=True)
class SameModel(PictureStages):
    """The stages of `redo`: says so where the model is another one than the recipe's by its hash."""

    before: Recorded

    def load(self, listener: Listener) -> Model:
        """See `Stages`."""
        model = load_model(self.task, listener)
        note_other_model(model, self.task, self.before, listener)
        return model


def note_other_model(model: Model, task: PictureTask, before: Recorded, listener: Listener) -> None:
    """Where the model, or what is laid over it, is another one than the recipe's by its hash."""
    facts = model.as_dict()
    if before.hash != facts.get("hash"):
        now, then = _which(facts.get("hash")), _which(before.hash)
        listener.note(
            f"model: this is {task.ref.name} ({now}), but the picture was made by {Path(before.model).name} ({then}): "
            "the new one will differ; for the same one give that file by --model"
        )
    for each in facts.get("conditions") or ():
        if each["hash"] not in before.files:
            listener.note(
                f"{each['kind']}: {each['file']} ({_which(each['hash'])}) has changed since the picture was made: "
                "the new one will differ; for the same one put the old file in its place"
            )


def _which(sha256: str | None) -> str:
    """A file by its hash, as short as pages of models show it."""
    return "built in" if sha256 is None else f"SHA-256 {sha256[:SHOWN]}..."


def redo_path(result: Path, format: Format | None) -> Path:
    """NAME.EXT -> NAME-redo.EXT, or with the format's suffix."""
    suffix = SUFFIXES[format.value.upper()][0] if format else result.suffix
    return result.with_name(f"{result.stem}-redo{suffix}")
