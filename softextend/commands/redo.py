"""`softextend redo`: the recipe of a result, run again."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softextend import __version__
from softextend.commands.run import folders_of, naming, work
from softextend.errors import BadPicture, BadRequest
from softextend.jobs.inputs import found_again, recorded
from softextend.jobs.making import load_model
from softextend.jobs.outputs import plan_jobs
from softextend.jobs.task import PictureTask
from softextend.jobs.writing import digest
from softextend.models import find
from softextend.models.conditions.options import Conditions
from softextend.models.engine import Engine
from softextend.options import Spec
from softextend.pictures.formats import SUFFIXES, Alpha, Format
from softextend.pictures.read import read_mask, read_recipe
from softextend.plan.read_recipe import spec_of
from softextend.types import Listener, Model, PredictionName

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.commands.signatures import Redo, SameEngine


def redo(report: Report, given: Redo) -> int:
    """`softextend redo`: the exit code."""
    result, output, allow_huge = given.redoing.result, given.output, given.redoing.allow_huge
    recipe = recipe_of_picture(result)
    spec = _spec(recipe, result)
    origin = _origin(report, given, recipe)
    said_mask = recorded(recipe, "mask", result)
    mask = found_again(result, said_mask, "mask", "paint IMAGE MASK") if said_mask else None
    engine = engine_of(given.engine, recipe, result)
    named = output.output or output.out_dir
    where = output if named else replace(output, output=str(redo_path(result, output.format)))
    jobs = plan_jobs([origin], naming(where, "-redo"), [spec.seed])
    task = PictureTask(
        spec=spec,
        ref=find.model_of(engine),
        engine=engine,
        conditions=recorded_conditions(recipe),
        allow_huge=allow_huge,
        allow_damaged=given.redoing.allow_damaged,
        overwrite=output.overwrite,
        keep_alpha=(output.alpha or Alpha(recipe["command"].get("alpha") or "fill")) is Alpha.KEEP,
        mask=mask,
        mask_sha256=None if mask is None else digest(mask),
        repaint=None if mask is None else read_mask(mask, allow_huge=allow_huge),
    )
    return work(report, task, jobs, folders_of(where), load=partial(load_same, task, recipe, report))


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


def _origin(report: Report, given: Redo, recipe: dict[str, Any]) -> Path:
    """The picture to start from; says where it, or this program, is another than the recipe's."""
    result = given.redoing.result
    input, before = recorded(recipe, "input", result), recorded(recipe, "input_sha256", result)
    origin = given.redoing.input or found_again(result, input, "input", "--input FILE")
    if before not in (None, digest(origin)):
        report.note(f"{origin}: differs from the picture that {result} was made of")
    if recipe.get("softextend") != __version__:
        report.note(f"{result}: made by softextend {recipe.get('softextend')}; this is {__version__}")
    return origin


def engine_of(given: SameEngine, recipe: dict[str, Any], result: Path) -> Engine:
    """The model as the user says it now, else as the recipe does."""
    model, vae, unet = recorded(recipe, "model", result), recorded(recipe, "vae", result), recipe["command"].get("unet")
    return replace(
        given,
        model=given.model or model,
        vae=given.vae or (Path(vae) if vae else None),
        unet=given.unet or (Path(unet) if unet else None),
        **_said(recipe, given),
    )


def recorded_conditions(recipe: dict[str, Any]) -> Conditions:
    """What was laid over the model of a recipe; nothing in recipes of earlier versions."""
    found = dict(recipe.get("command", {}).get("conditions") or {})
    found.pop("caption", None)  # whose words are in the recipe's prompt
    return Conditions.of_dict(found)


def _said(recipe: dict[str, Any], engine: Engine) -> dict[str, Any]:
    """What the user said of the model, now or when the recipe was written; of another model only what is said now."""
    if engine.model:
        return {"profile": engine.profile, "prediction": engine.prediction}
    before = recipe["command"]
    prediction = before.get("prediction")
    tiny = before.get("preview_vae")
    return {
        "preview_vae": engine.preview_vae or (Path(tiny) if tiny else None),
        "profile": engine.profile or before.get("profile"),
        "prediction": engine.prediction or (PredictionName(prediction) if prediction else None),
    }


def load_same(task: PictureTask, recipe: dict[str, Any], listener: Listener) -> Model:
    """The model of a recipe; says so where it is another one by its hash."""
    model = load_model(task, listener)
    facts = model.as_dict()
    before, now = recipe["model"].get("hash"), facts.get("hash")
    if before != now:
        hashes = " and ".join("none, as it is built in" if each is None else str(each) for each in (now, before))
        listener.note(f"model: {task.ref.name} is another one than the recipe's (their hashes: {hashes})")
    known = {each.get("hash") for each in recipe["model"].get("conditions") or ()}
    for each in facts.get("conditions") or ():
        if each["hash"] not in known:
            listener.note(f"{each['kind']}: {each['file']} is another file than the recipe's")
    return model


def redo_path(result: Path, format: Format | None) -> Path:
    """NAME.EXT -> NAME-redo.EXT, or with the format's suffix."""
    suffix = SUFFIXES[format.value.upper()][0] if format else result.suffix
    return result.with_name(f"{result.stem}-redo{suffix}")
