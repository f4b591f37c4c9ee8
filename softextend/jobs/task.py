"""What all pictures of one command share: values only, so that it can go to another process."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from softextend.errors import BadRequest
from softextend.jobs.claims import Request
from softextend.jobs.conditions import check_control_image, configured, left_out_by_self, resolved, without_effect
from softextend.models import find
from softextend.models.conditions.options import Conditions, Found, check_files, files_of, liked
from softextend.models.device import DTYPE_NAMES
from softextend.models.engine import Engine
from softextend.models.find import ModelRef
from softextend.models.schedules import make_schedule
from softextend.options import Selection, Spec
from softextend.pictures.memory import check_memory
from softextend.plan.input import Input
from softextend.plan.plan import Plan, check_spec, plan_extension, plan_repaint, resolve_stages
from softextend.plan.sizes import resolve_sides
from softextend.sampling.samplers import make_sampler
from softextend.types import Profile

if TYPE_CHECKING:
    from softextend.types import Change


@dataclass(frozen=True, kw_only=True)
class PictureTask:
    """What all pictures of one command share; `mask` is `paint`'s."""

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
    mask: Path | None = None
    mask_sha256: str | None = None
    repaint: Change | None = None  # what the mask says
    random_seed: bool = False  # nobody named the seed
    captions: bool = True  # made where they are asked for
    plan_image: Path | None = None
    keep_alpha: bool = False
    quality: int | None = None  # of lossy formats; None: the program's own

    @cached_property
    def found(self) -> Found:
        """What is laid over the model: as options say it, and as the prompt does."""
        return resolved(self.conditions, self.spec.prompt, self.ref)

    @cached_property
    def configured(self) -> Conditions:
        """What is laid over the model, as options and the config file say it."""
        return configured(self.conditions, self.spec.prompt, self.ref)

    @property
    def profile(self) -> Profile:
        """What the model likes best."""
        return liked(find.known_profile(self.ref), self.found.conditions)

    @property
    def command_name(self) -> str:
        """Which command the recipe of a result names."""
        return self.name or ("extend" if self.mask is None else "paint")

    @property
    def reads(self) -> list[Path]:
        """The files that are read beside the pictures, which no result may replace."""
        engine = (self.engine.vae, self.engine.unet, self.engine.preview_vae, self.ref.path, self.mask)
        return [path for path in (*engine, *(path for _, path in files_of(self.found.conditions))) if path is not None]

    @property
    def replacing(self) -> bool:
        """Whether what lies beside a result may be replaced."""
        return self.overwrite or self.skip_existing is not None

    def check(self) -> None:
        """BadRequest for what no picture could change, such as an unknown fill: said once, before any work."""
        check_spec(self.spec, self.profile)
        check_sampler(self.spec, self.ref)
        check_files(self.found.conditions)
        if self.engine.dtype not in ("auto", *DTYPE_NAMES):
            raise BadRequest(f"--dtype {self.engine.dtype}: must be one of auto, {', '.join(DTYPE_NAMES)}")

    def plan(self, input: Input, spec: Spec) -> Plan:
        """The request resolved for this input; BadRequest where it cannot be, BadPicture where memory is too small."""
        profile = self.profile
        if self.repaint is None:
            self._check_memory(input, spec)
        plan = (
            plan_extension(input, spec, profile) if self.repaint is None else plan_repaint(self.repaint, spec, profile)
        )
        check_control_image(self.conditions, plan)
        return plan

    def _check_memory(self, input: Input, spec: Spec) -> None:
        """BadPicture for a result that asks for more memory than is free, by its size alone: a plan is as large."""
        height, width = input.known.shape
        sides = resolve_sides(spec.growth, width=width, height=height, gaps=not input.known.all())
        across, down = width + sides.left + sides.right, height + sides.top + sides.bottom
        check_memory("the result", across, down, allow_huge=self.allow_huge)

    def without_effect(self) -> list[str]:
        """Notes on what of the prompt and of what is laid over the model has no effect."""
        prompt, guidance = self.spec.prompt, self.spec.sampling.guidance
        if self.ref.kind == "self":
            lines = left_out_by_self(prompt, self.engine, self.conditions)
        else:
            lines = without_effect(prompt, guidance, self.profile)
        return [*self.found.notes, *lines]

    def request(self) -> Request:
        """What `--skip-existing` compares existing results with."""
        engine = self.engine
        return Request(
            spec=self.spec,
            command={
                "name": self.command_name,
                "model": self.ref.name,
                "vae": engine.vae and str(engine.vae),
                "unet": engine.unet and str(engine.unet),
                "profile": engine.profile,
                "prediction": engine.prediction and engine.prediction.value,
                "mask_sha256": self.mask_sha256,
                "alpha": "keep" if self.keep_alpha else None,
                "quality": self.quality,
            },
            conditions=self.configured.as_dict(),
            seeds=0 if self.random_seed else self.selection.most,
            retried=self.selection.retry > 0,
        )


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
