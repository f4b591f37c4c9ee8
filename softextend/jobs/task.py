"""One picture from file to file: read and checked, made by the model, written with its recipe."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from softextend.errors import BadPicture, BadRequest
from softextend.jobs.best_of import Choosing, choose, demand, facts_of
from softextend.jobs.claims import Request
from softextend.jobs.job import Job, Outcome, Target
from softextend.jobs.room import check_room
from softextend.mask import latent_levels
from softextend.models import find, load
from softextend.models.device import DTYPE_NAMES
from softextend.models.engine import Engine
from softextend.models.find import ModelRef
from softextend.pictures.formats import check_size, format_of_name, losses
from softextend.pictures.picture import Picture
from softextend.pictures.read import read_picture
from softextend.pictures.write import encode_picture, write_picture
from softextend.plan import canvas, plan
from softextend.plan.describe import plan_rows
from softextend.plan.drawing import draw_plan
from softextend.plan.input import make_ready
from softextend.plan.recipe import canvas_recipe
from softextend.types import Amount, Model, Spec

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.extend import Result
    from softextend.plan.plan import Plan
    from softextend.types import Change, Pixels


@dataclass(frozen=True, kw_only=True)
class Making:
    """What all pictures of one command share; `mask` is `paint`'s; `drawn`: the seed; `variations`: several seeds."""

    report: Report
    spec: Spec
    ref: ModelRef
    engine: Engine = field(default_factory=Engine)
    allow_huge: bool = False
    allow_damaged: bool = False
    overwrite: bool = False
    skip_existing: str | None = None  # "same" or "any"; see jobs/claims
    notes: list[str] = field(default_factory=list)  # of the picture at hand, for --json
    empty: tuple[Outcome, ...] = ()  # inputs that hold no picture: failures to tell of
    mask: Path | None = None
    mask_sha256: str | None = None
    repaint: Change | None = None  # what the mask says
    drawn: bool = False
    named: str | None = None  # the command, where it is neither `extend` nor `paint`
    variations: bool = False
    plan_image: Path | None = None
    choosing: Choosing = field(default_factory=Choosing)

    def read(self, job: Job) -> tuple[Picture, Change | None]:
        """The picture (and the mask), checked against the spec before a model is loaded for them."""
        if not self.variations:
            self.report.begin(job.name)
        self.notes.clear()
        picture = read_picture(
            source_of(job), name=job.name, allow_huge=self.allow_huge, allow_damaged=self.allow_damaged
        )
        for note in picture.notes:
            self.note(job, note)
        mask = self.repaint
        if mask is not None and mask.shape != picture.known.shape:
            sizes = [f"{shape[1]}x{shape[0]}" for shape in (mask.shape, picture.known.shape)]
            raise BadRequest(f"{self.mask}: the mask is {sizes[0]}, {job.name} is {sizes[1]}; make them one size")
        if mask is None:
            for note in make_ready(picture.pixels, picture.known, self.spec).notes:
                self.note(job, note)
        settled = self.plan(picture, mask)
        for note in settled.notes:
            self.note(job, note)
        for form in sorted({form_of(target) for target in job.targets}):
            check_size(form, *settled.size)
            if loss := losses(form):
                self.note(job, loss)
        check_room(job, settled.size)
        for name, value in plan_rows(settled):
            self.report.detail(f"  {name}: {value}")
        if self.plan_image is not None:
            used = picture if mask is not None else make_ready(picture.pixels, picture.known, self.spec)
            drawn = draw_plan(settled, used.pixels)
            write_picture(self.plan_image, drawn, format="PNG", overwrite=self.overwrite)
        return picture, mask

    def note(self, job: Job, note: str) -> None:
        """A note on a picture: told, and kept for `--json`."""
        self.report.note(f"{job.name}: {note}")
        self.notes.append(note)

    def check(self) -> None:
        """BadRequest for what no picture could change, such as an unknown fill: said once, before any work."""
        spec = replace(self.spec, sides=(Amount(value=0),) * 4, target=None)
        plan.plan(spec, find.known_profile(self.ref), width=1024, height=1024, gaps=True)
        if self.engine.dtype not in ("auto", *DTYPE_NAMES):
            raise BadRequest(f"--dtype {self.engine.dtype}: must be auto, {', '.join(DTYPE_NAMES)}")

    def plan(self, picture: Picture, mask: Change | None) -> Plan:
        """The spec settled for this picture; BadRequest where it cannot be."""
        profile = find.known_profile(self.ref)
        if mask is None:
            ready = make_ready(picture.pixels, picture.known, self.spec)
            return canvas.plan_for(ready.known, self.spec, profile, ready.used)
        height, width = picture.known.shape
        holes = canvas.blocks(latent_levels(mask) > 0, profile.window)
        return plan.plan(self.spec, profile, width=width, height=height, gaps=True, holes=holes)

    def say_seed(self) -> None:
        """A seed that nobody named is worth a line."""
        if self.drawn:
            self.report.note(f"seed: {self.spec.seed} (drawn; --seed {self.spec.seed} repeats this run)")

    def load(self) -> Model:
        """The model, once for all pictures; says what was chosen where the user named nothing."""
        engine, note = self.engine, self.report.note
        if self.ref.kind != "self":
            note(f"model: {self.ref.name} (loading)")
        model = load.load_model(
            self.ref, device=engine.device, dtype=engine.dtype, offload=engine.offload, vae=engine.vae, on_note=note
        )
        if self.ref.origin == "default":
            note("model: self (built in; continues what the photo shows)")
            self.report.hint(
                "an SDXL checkpoint does better where new things shall appear or a prompt is given: "
                "--model FILE.safetensors"
            )
        given = {"prompt": self.spec.prompt or self.spec.negative, "VAE": engine.vae}
        unused = [name for name, value in given.items() if value and self.ref.kind == "self"]
        if unused:
            note(f"model: self takes no {' and no '.join(unused)}: left out")
        self.say_seed()
        return model

    def make(self, read: tuple[Picture, Change | None], job: Job, target: Target, model: Model) -> Outcome:
        """One result of `extend` or `paint`, written."""
        picture, mask = read
        if self.variations:
            self.report.begin(f"{job.name} (seed {target.seed})")
        once = partial(self.once, picture, mask, model)
        choice = choose(once, replace(self.spec, seed=target.seed), self.choosing, self.report.note)
        best = choice.best
        demand(best.scores, self.choosing)
        for each in choice.made if target.others else ():
            path = target.others[each.seed - target.seed]
            self.write(each, picture, job, replace(target, path=path, extras=()))
        self.write(best, picture, job, target)
        height, width = best.pixels.shape[:2]
        seconds = round(sum(each.seconds for each in choice.made), 2)
        facts = {"width": width, "height": height, "seed": best.seed, "model": model.name, "seconds": seconds}
        changed = {name: value for name in ("trimmed", "scaled") if (value := best.recipe[name])}
        changed |= noted([*self.notes, *best.notes])
        return Outcome(job=job, target=target, facts={**facts, **facts_of(best), **changed})

    def once(self, picture: Picture, mask: Change | None, model: Model, spec: Spec) -> Result:
        """One result, in memory."""
        from softextend.extend import extend, paint  # imports torch

        on_step, on_note = self.report.progress.step, self.report.note
        if mask is None:
            return extend(picture.pixels, picture.known, spec, model, on_step=on_step, on_note=on_note)
        return paint(picture.pixels, mask, spec, model, on_step=on_step, on_note=on_note)

    def write(self, result: Result, picture: Picture, job: Job, target: Target) -> None:
        """The result with its recipe, after its intermediates: where there is a result, all is there."""
        replacing = self.overwrite or self.skip_existing is not None
        for path, pixels in zip(target.extras, (result.filled, levels(result.mask), result.raw), strict=False):
            write_picture(path, pixels, format="PNG", overwrite=replacing)
        encode: dict[str, Any] = {
            "format": form_of(target),
            "metadata": picture.metadata,
            "recipe": {**result.recipe, "command": self.asked(picture, job, target)},
            "parameters": result.parameters,
            "on_note": partial(self.note, job),
        }
        if target.path is None:
            self.report.picture_bytes(encode_picture(result.pixels, **encode))
        else:
            write_picture(target.path, result.pixels, overwrite=self.overwrite, **encode)

    def request(self) -> Request:
        """What `--skip-existing` compares existing results with."""
        same = {"name": self.command, "model": self.ref.name, "vae": self.engine.vae and str(self.engine.vae)}
        return Request(
            spec=self.spec,
            command={**same, "mask_sha256": self.mask_sha256},
            seeds=0 if self.drawn else self.choosing.most,
            retried=self.choosing.retry > 0,
        )

    def asked(self, picture: Picture, job: Job, target: Target) -> dict[str, Any]:
        """What `redo` needs beside the spec; files by their way from the result, so that both can move together."""
        home = target.path.parent if target.path else Path()
        return {
            "name": self.command,
            "input": way(home, job.source),
            "input_sha256": picture.sha256,
            "mask": way(home, self.mask),
            "mask_sha256": self.mask_sha256,
            "model": self.ref.name,
            "vae": self.engine.vae and str(self.engine.vae),
        }

    @property
    def command(self) -> str:
        """Which command the recipe of a result names."""
        return self.named or ("extend" if self.mask is None else "paint")

    def canvas(self, read: tuple[Picture, Change | None], job: Job, target: Target, _: None) -> Outcome:
        """`prepare`'s two files: the filled canvas and the mask."""
        picture, _mask = read
        prepared = canvas.prepare(picture.pixels, picture.known, self.spec, find.known_profile(self.ref))
        (mask,) = target.extras
        replacing = self.overwrite or self.skip_existing is not None
        write_picture(mask, levels(prepared.mask), format="PNG", overwrite=replacing)
        if target.path is None:
            raise BadRequest("prepare makes two files: give --out-dir DIR")
        recipe = {**canvas_recipe(self.spec), "command": self.asked(picture, job, target)}
        extra: dict[str, Any] = {"metadata": picture.metadata, "recipe": recipe}
        write_picture(target.path, prepared.filled, format="PNG", overwrite=self.overwrite, **extra)
        height, width = prepared.filled.shape[:2]
        facts = {"mask": str(mask), "width": width, "height": height, "seed": target.seed}
        return Outcome(job=job, target=target, facts={**facts, **noted([*self.notes, *prepared.plan.notes])})


def noted(notes: Sequence[str]) -> dict[str, list[str]]:
    """What `--json` says of notes, each once; nothing where there are none."""
    return {"notes": list(dict.fromkeys(notes))} if notes else {}


def source_of(job: Job) -> Path | bytes:
    """The file, or what stdin holds; BadPicture for a terminal."""
    if job.source is not None:
        return job.source
    if sys.stdin is None or sys.stdin.isatty():
        raise BadPicture("stdin is a terminal: pipe a picture into it, or name a file")
    return sys.stdin.buffer.read()


def form_of(target: Target) -> str:
    """The format a result is written in."""
    return target.format or (format_of_name(target.path) if target.path else "PNG")


def levels(change: Change) -> Pixels:
    """[0, 1] -> 8-bit grey (H, W), white = repaint."""
    return np.rint(change * 255).astype(np.uint8)


def way(home: Path, path: Path | None) -> str | None:
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
