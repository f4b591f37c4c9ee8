"""One picture from file to file: read and planned once, made by the model, written with its recipe."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from softextend.errors import BadPicture, BadRequest
from softextend.jobs.best_of import check_score, choose, scores_as_dict
from softextend.jobs.claims import Request
from softextend.jobs.command_line import recorded_command
from softextend.jobs.conditions import left_out_by_self, without_effect
from softextend.jobs.job import Job, Outcome, Target
from softextend.jobs.room import check_room
from softextend.models import find, load
from softextend.models.conditions.caption import caption_photo
from softextend.models.conditions.options import OFF, Conditions, Found, check_files, with_config, with_prompt
from softextend.models.device import DTYPE_NAMES
from softextend.models.engine import Engine
from softextend.models.find import ModelRef
from softextend.models.schedules import make_schedule
from softextend.options import Selection, Spec
from softextend.pictures.formats import check_alpha, check_size, format_of_name, losses
from softextend.pictures.memory import check_memory
from softextend.pictures.picture import Picture
from softextend.pictures.planes import eight_bit
from softextend.pictures.read import read_picture
from softextend.pictures.write import encode_picture, write_picture
from softextend.plan.describe import plan_rows
from softextend.plan.drawing import draw_plan
from softextend.plan.input import Input, mapping_of, prepare_input
from softextend.plan.plan import Plan, check_spec, plan_extension, plan_repaint, resolve_stages
from softextend.plan.prepared import filled_planes, prepare
from softextend.plan.recipe import canvas_recipe
from softextend.sampling.samplers import make_sampler
from softextend.types import Listener, Model, Profile

if TYPE_CHECKING:
    from softextend.extend import Result
    from softextend.types import Change, Pixels


IMAGE_GUIDANCE = 4.0  # with an image prompt; a published guide on outpainting


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Prepared:
    """A picture that is ready for a model: as it was read, what of it is extended, and the plan."""

    picture: Picture
    input: Input
    plan: Plan


@dataclass(frozen=True, kw_only=True)
class PictureTask:
    """What all pictures of one command share; `mask` is `paint`'s; `variations`: several seeds."""

    listener: Listener
    spec: Spec
    ref: ModelRef
    engine: Engine = field(default_factory=Engine)
    conditions: Conditions = field(default_factory=Conditions)
    selection: Selection = field(default_factory=Selection)
    allow_huge: bool = False
    overwrite: bool = False
    allow_damaged: bool = False
    skip_existing: str | None = None  # "same" or "any"; see jobs/claims
    name: str | None = None  # the command, where it is neither `extend` nor `paint`
    notes: list[str] = field(default_factory=list)  # on the picture at hand, for --json
    mask: Path | None = None
    mask_sha256: str | None = None
    repaint: Change | None = None  # what the mask says
    random_seed: bool = False  # nobody named the seed
    captions: bool = True  # made where they are asked for
    plan_image: Path | None = None
    keep_alpha: bool = False

    def read(self, job: Job) -> Prepared:
        """The picture and its plan, both made once; checked before a model is loaded for them."""
        note = partial(self._note, job)
        self.notes.clear()
        picture = read_picture(
            source_of(job),
            name=job.name,
            allow_huge=self.allow_huge,
            allow_damaged=self.allow_damaged,
            keep_alpha=self.keep_alpha,
        )
        for line in picture.notes:
            note(line)
        input = self._input(job, picture)
        for line in input.notes:
            note(line)
        plan = self.plan(input, self.spec)
        if self.conditions.caption is not None and self.ref.kind != "self":
            plan = self._captioned(job, input, plan)
        for line in plan.notes:
            note(line)
        for format in sorted({format_of(target) for target in job.targets}):
            check_size(format, *plan.canvas.size)
            if picture.planes.has_alpha:
                check_alpha(format)
            if loss := losses(format):
                note(loss)
        check_room(job, plan.canvas.size)
        check_memory(f"{job.name}: the result", *plan.canvas.size, allow_huge=self.allow_huge)
        for name, value in plan_rows(plan):
            self.listener.detail(f"  {name}: {value}")
        if self.plan_image is not None:
            write_picture(self.plan_image, draw_plan(plan, input.pixels), format="PNG", overwrite=self.overwrite)
        return Prepared(picture=picture, input=input, plan=plan)

    def _captioned(self, job: Job, input: Input, plan: Plan) -> Plan:
        """The plan with what a model says of the photo added to the prompt; a dry run loads no model."""
        if not self.captions:
            self._note(job, f"caption: will be made by {self.conditions.caption}")
            return plan
        said = caption_photo(input.pixels, plan.canvas.sides, str(self.conditions.caption))
        self._note(job, f"caption: {said}")
        return self.plan(input, self.spec.replaced(prompt=", ".join(filter(None, (self.spec.prompt.prompt, said)))))

    def _note(self, job: Job, line: str) -> None:
        self.listener.note(f"{job.name}: {line}")
        self.notes.append(line)

    def _input(self, job: Job, picture: Picture) -> Input:
        """What of the picture is extended; of a picture to repaint all, as it is."""
        if self.repaint is None:
            return prepare_input(picture.pixels, picture.known, self.spec.growth, picture.planes)
        if self.repaint.shape != picture.known.shape:
            sizes = [f"{shape[1]}x{shape[0]}" for shape in (self.repaint.shape, picture.known.shape)]
            raise BadRequest(f"{self.mask}: the mask is {sizes[0]}, {job.name} is {sizes[1]}; make them one size")
        return Input(pixels=picture.pixels, planes=picture.planes, known=picture.known)

    def plan(self, input: Input, spec: Spec) -> Plan:
        """The request resolved for this input; BadRequest where it cannot be."""
        plan = self._plan(input, spec)
        if self.conditions.control_image is not None and len(plan.passes) > 1:
            raise BadRequest(
                f"--control-image: shows the whole result, which would be made in {len(plan.passes)} passes: "
                "give --passes 1"
            )
        return plan

    def _plan(self, input: Input, spec: Spec) -> Plan:
        profile = self.profile
        if self.repaint is None:
            return plan_extension(input, spec, profile)
        return plan_repaint(self.repaint, spec, profile)

    def check(self) -> None:
        """BadRequest for what no picture could change, such as an unknown fill: said once, before any work."""
        check_spec(self.spec, self.profile)
        check_sampler(self.spec, self.ref)
        check_files(self.found.conditions)
        if self.engine.dtype not in ("auto", *DTYPE_NAMES):
            raise BadRequest(f"--dtype {self.engine.dtype}: must be auto, {', '.join(DTYPE_NAMES)}")

    @cached_property
    def found(self) -> Found:
        """What is laid over the model: as options say it, and as the prompt does."""
        prompt = self.spec.prompt
        if self.ref.kind == "self":
            return Found(self.conditions, [])
        return with_prompt(self.configured, prompt.prompt, prompt.negative)

    @cached_property
    def configured(self) -> Conditions:
        """What is laid over the model, as options and the config file say it."""
        return self.conditions if self.ref.kind == "self" else with_config(self.conditions, self.spec.prompt.prompt)

    @property
    def profile(self) -> Profile:
        """What the model likes best; with an image prompt less guidance."""
        profile = find.known_profile(self.ref)
        if self.found.conditions.image_prompt in (None, OFF):
            return profile
        return replace(profile, guidance=min(profile.guidance, IMAGE_GUIDANCE))

    def note_conditions(self) -> None:
        """What of the prompt and of what is laid over the model has no effect."""
        prompt, guidance = self.spec.prompt, self.spec.sampling.guidance
        if self.ref.kind == "self":
            lines = left_out_by_self(prompt, self.engine, self.conditions)
        else:
            lines = without_effect(prompt, self.profile.guidance if guidance is None else guidance)
        for line in (*self.found.notes, *lines):
            self.listener.note(line)

    def note_seed(self) -> None:
        """A seed that nobody named is worth a line."""
        if self.random_seed:
            self.listener.note(f"seed: {self.spec.seed} (random; --seed {self.spec.seed} repeats this run)")

    def load(self) -> Model:
        """The model, once for all pictures; says what was chosen where the user named nothing."""
        engine, listener = self.engine, self.listener
        if self.ref.kind != "self":
            listener.note(f"model: {self.ref.name} (loading)")
        model = load.load_model(
            self.ref,
            device=engine.device,
            dtype=engine.dtype,
            offload=engine.offload,
            vae=engine.vae,
            preview_vae=engine.preview_vae,
            compile=engine.compile,
            conditions=self.found.conditions,
            listener=listener,
        )
        if self.ref.origin == "default":
            listener.note("model: self (built in; continues what the photo shows)")
            listener.hint(
                "an SDXL checkpoint does better where new things shall appear or a prompt is given: "
                "--model FILE.safetensors"
            )
        self.note_conditions()
        self.note_seed()
        return model

    def make(self, read: Prepared, job: Job, target: Target, model: Model) -> Outcome:
        """One result of `extend` or `paint`, written."""
        once = partial(self.once, read, model)
        choice = choose(once, read.plan.spec.replaced(seed=target.seed), self.selection, self.listener)
        best = choice.best
        check_score(best.scores, self.selection)
        for each in choice.made if target.others else ():
            path = target.others[each.seed - target.seed]
            self.write(each, read.picture, job, replace(target, path=path, extras=()))
        data = self.write(best, read.picture, job, target)
        height, width = best.pixels.shape[:2]
        seconds = round(sum(each.seconds for each in choice.made), 2)
        facts = {"width": width, "height": height, "seed": best.seed, "model": model.name, "seconds": seconds}
        changed = {name: value for name in ("trimmed", "scaled") if (value := best.recipe[name])}
        changed |= notes_as_dict((*self.notes, *best.notes))
        return Outcome(job=job, target=target, facts={**facts, **scores_as_dict(best), **changed}, data=data)

    def once(self, read: Prepared, model: Model, spec: Spec) -> Result:
        """One result, in memory; a request that differs from the plan's in its seed alone needs no new plan."""
        from softextend.extend import extend, paint  # imports torch

        same = spec == read.plan.spec.replaced(seed=spec.seed)
        plan = read.plan.seeded(spec.seed) if same else self.plan(read.input, spec)
        if self.repaint is None:
            return extend(read.input, plan, model, self.listener)
        return paint(read.input, self.repaint, plan, model, self.listener)

    def write(self, result: Result, picture: Picture, job: Job, target: Target) -> bytes:
        """The result with its recipe, after its intermediates: where there is a result, all is there.

        The encoded picture, where it goes to stdout.
        """
        replacing = self.overwrite or self.skip_existing is not None
        for path, pixels in zip(target.extras, (result.filled, grey(result.change), result.raw), strict=False):
            write_picture(path, pixels, format="PNG", overwrite=replacing)
        encode: dict[str, Any] = {
            "format": format_of(target),
            "metadata": picture.metadata,
            "mapping": mapping_of(result.recipe),
            "recipe": {**result.recipe, "command": self.command(picture, job, target)},
            "parameters": result.parameters,
            "on_note": partial(self._note, job),
        }
        if target.path is None:
            return encode_picture(result.planes, **encode)
        write_picture(target.path, result.planes, overwrite=self.overwrite, **encode)
        return b""

    @property
    def command_name(self) -> str:
        """Which command the recipe of a result names."""
        return self.name or ("extend" if self.mask is None else "paint")

    def request(self) -> Request:
        """What `--skip-existing` compares existing results with."""
        vae = self.engine.vae and str(self.engine.vae)
        return Request(
            spec=self.spec,
            command={
                "name": self.command_name,
                "model": self.ref.name,
                "vae": vae,
                "mask_sha256": self.mask_sha256,
                "alpha": "keep" if self.keep_alpha else None,
            },
            seeds=0 if self.random_seed else self.selection.most,
            retried=self.selection.retry > 0,
        )

    def command(self, picture: Picture, job: Job, target: Target) -> dict[str, Any]:
        """What `redo` needs beside the spec; files by their way from the result, so that both can move together."""
        home = target.path.parent if target.path else Path()
        return recorded_command(
            name=self.command_name,
            input=relative_path(home, job.source),
            input_sha256=picture.sha256,
            mask=relative_path(home, self.mask),
            mask_sha256=self.mask_sha256,
            model=self.ref.name,
            engine=self.engine,
            conditions=self.configured.as_dict(),
            alpha="keep" if self.keep_alpha else None,
        )

    def write_canvas(self, read: Prepared, job: Job, target: Target, _: None) -> Outcome:
        """`prepare`'s two files: the filled canvas and the mask."""
        made = prepare(read.input.pixels, read.input.known, read.plan)
        (mask,) = target.extras
        replacing = self.overwrite or self.skip_existing is not None
        write_picture(mask, grey(made.change), format="PNG", overwrite=replacing)
        if target.path is None:
            raise BadRequest("prepare makes two files: give --out-dir DIR")
        recipe = {**canvas_recipe(self.spec), "command": self.command(read.picture, job, target)}
        write_picture(
            target.path,
            filled_planes(made, read.input.planes or eight_bit(read.input.pixels)),
            format="PNG",
            metadata=read.picture.metadata,
            mapping=read.plan.mapping,
            recipe=recipe,
            overwrite=self.overwrite,
            on_note=partial(self._note, job),
        )
        height, width = made.filled.shape[:2]
        facts = {"mask": str(mask), "width": width, "height": height, "seed": target.seed}
        notes = notes_as_dict(self.notes)
        return Outcome(job=job, target=target, facts={**facts, **notes})


def check_sampler(spec: Spec, ref: ModelRef) -> None:
    """BadRequest for a sampler, or a number of steps, that the model's noise levels do not go with."""
    if ref.choice is None:
        return
    profile = ref.choice.profile
    for stage in resolve_stages(spec, profile, (profile.window, profile.window)):
        make_sampler(
            (spec.sampling.sampler or profile.sampler).value,
            make_schedule(ref.choice),
            steps=stage.steps,
            strength=stage.strength,
            trailing=profile.trailing,
        )


Make = Callable[[Prepared, Job, Target, Any], Outcome]


def notes_as_dict(notes: Sequence[str]) -> dict[str, list[str]]:
    """What `--json` says of notes, each once; nothing where there are none."""
    return {"notes": list(dict.fromkeys(notes))} if notes else {}


def source_of(job: Job) -> Path | bytes:
    """The file, or what stdin holds; BadPicture for a terminal."""
    if job.source is not None:
        return job.source
    if sys.stdin is None or sys.stdin.isatty():
        raise BadPicture("stdin is a terminal: pipe a picture into it, or name a file")
    return sys.stdin.buffer.read()


def format_of(target: Target) -> str:
    """The format a result is written in."""
    return target.format or (format_of_name(target.path) if target.path else "PNG")


def grey(change: Change) -> Pixels:
    """float32 (H, W) in [0, 1] -> 8-bit grey (H, W), white = repaint."""
    return np.rint(change * 255).astype(np.uint8)


def relative_path(home: Path, path: Path | None) -> str | None:
    """`path` as seen from the folder `home`; absolute where no way leads there (another drive)."""
    if path is None:
        return None
    try:
        return Path(os.path.relpath(path, home)).as_posix()
    except ValueError:
        return str(path.resolve())


def digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    return sha256(path.read_bytes())


def sha256(data: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(data).hexdigest()
