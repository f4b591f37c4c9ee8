"""What each model likes best, as plain values: `--help`, `--dry-run` and `models` read them without loading torch.

A profile is a family's base and what a distillation changes of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from softextend.types import PredictionName, Profile, SamplerName, Stage

STRENGTH = 0.85
SHORT = 2  # steps, of which none can be left out
RESCALE = 0.7  # of guidance, for models whose noise levels end in pure noise; arXiv:2305.08891, Sec. 3.4

SELF_PROFILE = Profile(
    name="self",
    fill="patch",
    stages=(Stage(strength=0.25, steps=20),),  # texture and joints; the fill has laid out the scene, coarse to fine
    guidance=1.0,
    sampler=SamplerName.EULER,
    window=2048,  # px; bounds memory: nothing was trained at any size
    refine_strength=None,  # its fill goes from coarse to fine
    guidable=False,
    overlap=12,
    feather=24,
)
SDXL_PROFILE = Profile(
    name="sdxl",
    fill="perlin",
    stages=(Stage(strength=STRENGTH, steps=30),),
    guidance=5.0,  # SDXL's own pipelines; with an empty prompt more only hardens contrast
    sampler=SamplerName.EULER,  # keeps no history, which latents pinned from outside would make stale
    window=1024,  # px; SDXL's training size
    overlap=60,  # px; SoftExtend
    feather=120,  # px; SoftExtend
    sized=True,
)
SD1_PROFILE = replace(
    SDXL_PROFILE,
    name="sd1",
    guidance=7.5,  # Stable Diffusion's own pipelines
    window=512,  # px; its training size
    overlap=40,  # px; a smaller part of a smaller window
    feather=80,  # px
    sized=False,
)
SD2_PROFILE = replace(SD1_PROFILE, name="sd2")
SD2_768 = 768  # px; training size of the SD2 models that predict v
BASES: Mapping[str, Profile] = {"sdxl": SDXL_PROFILE, "sd1": SD1_PROFILE, "sd2": SD2_PROFILE}


@dataclass(frozen=True, kw_only=True, slots=True)
class Distillation:
    """What a few-step model changes of its family's profile."""

    name: str
    steps: int = 8
    sampler: SamplerName = SamplerName.EULER
    guidance: float = 1.0  # distilled with the guidance inside
    trailing: bool = True
    strength: float = STRENGTH
    trained_at: tuple[int, ...] = ()


FEW = Distillation(name="few-step")
LCM = Distillation(name="few-step-lcm", sampler=SamplerName.LCM, trailing=False)  # picks from the steps it learnt on
SDE = replace(FEW, guidance=2.0, sampler=SamplerName.DPMPP_2M_SDE, steps=6, trailing=False)  # as their authors ask
HYPER = Distillation(name="few-step-hyper", sampler=SamplerName.DDIM)  # ByteDance/Hyper-SD, model card
DISTILLATIONS: Mapping[str, Distillation] = {  # by the kinds that models/names.py knows
    "few": FEW,
    "lightning": FEW,  # ByteDance/SDXL-Lightning, model card: Euler, trailing
    "lightning-sde": SDE,
    "turbo": FEW,
    "turbo-sde": SDE,
    "flash": replace(FEW, guidance=3.0),  # sd-community/sdxl-flash, model card
    "pcm": replace(HYPER, name="few-step-pcm"),
    "perflow": replace(HYPER, name="few-step-perflow"),
    "hyper": HYPER,
    "hyper-1": replace(LCM, name="few-step-hyper-1", steps=1, trained_at=(800,)),  # the same card
    "sdxs": replace(FEW, steps=1),
    "tcd": replace(LCM, name="few-step-tcd", sampler=SamplerName.TCD),
    "lcm": LCM,
    "dmd2-1": replace(LCM, name="few-step-dmd2-1", steps=1, trained_at=(399,)),  # the same model's card
    "dmd2": replace(LCM, name="few-step-lcm-dmd2", steps=4, trained_at=(999, 749, 499, 249)),  # tianweiy/DMD2
}
NAMES: Mapping[str, str] = {each.name: kind for kind, each in [*DISTILLATIONS.items()][::-1]}  # for --profile
PREDICTS: Mapping[PredictionName, str] = {
    PredictionName.V: "-v-pred",
    PredictionName.V_ZERO_SNR: "-v-pred",
    PredictionName.EDM: "-edm",
    PredictionName.EDM_V: "-edm",
    PredictionName.FLOW: "-flow",
}


def make_profile(
    family: str,
    kind: str | None = None,
    *,
    prediction: PredictionName = PredictionName.EPSILON,
    steps: int | None = None,
    guidance: float | None = None,
    window: int | None = None,
) -> Profile:
    """The family's profile, with what a distillation and a prediction change of it; `window` in px."""
    base = BASES[family]
    if family == "sd2" and prediction is PredictionName.V:
        base = replace(base, window=SD2_768)
    if prediction is PredictionName.V_ZERO_SNR:
        base = replace(base, guidance_rescale=RESCALE)
    if prediction is PredictionName.EDM:
        base = replace(base, guidance=3.0)  # playgroundai/playground-v2.5-1024px-aesthetic, model card
    if window is not None:
        base = replace(base, window=window, overlap=SD1_PROFILE.overlap, feather=SD1_PROFILE.feather)
    if kind is None:
        return replace(base, name=base.name + PREDICTS.get(prediction, ""))
    distilled = DISTILLATIONS[kind]
    count = steps or distilled.steps
    return replace(
        base,
        name=distilled.name,
        stages=(Stage(strength=distilled.strength if count > SHORT else 1.0, steps=count),),
        refine_strength=base.refine_strength if count > 1 else None,  # a single step knows one noise level
        guidance=distilled.guidance if guidance is None else guidance,
        sampler=distilled.sampler,
        trailing=distilled.trailing,
        guidance_rescale=0.0,
        trained_at=distilled.trained_at,
    )


def profile_names() -> list[str]:
    """What `--profile` takes: families, for what was not distilled, and distillations."""
    return [*BASES, *NAMES]
