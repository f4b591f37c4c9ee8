"""What each model likes best, as plain values: `--help`, `--dry-run` and `models` read them without loading torch."""

from __future__ import annotations

from softextend.types import Profile, SamplerName, Stage

SELF_PROFILE = Profile(
    name="self",
    fill="patch",
    stages=(Stage(strength=0.25, steps=20),),  # texture and joints; the fill has laid out the scene, coarse to fine
    guidance=1.0,
    sampler=SamplerName.EULER,
    window=2048,  # px; bounds memory: nothing was trained at any size
    refine_strength=None,  # its fill goes from coarse to fine
    overlap=12,
    feather=24,
)
SDXL_PROFILE = Profile(
    name="sdxl",
    fill="perlin",
    stages=(Stage(strength=0.85, steps=30),),
    guidance=5.0,  # SDXL's own pipelines; with an empty prompt more only hardens contrast
    sampler=SamplerName.EULER,  # keeps no history, which latents pinned from outside would make stale
    window=1024,  # px; SDXL's training size
    overlap=60,  # px; SoftExtend
    feather=120,  # px; SoftExtend
)
FEW_STEP_PROFILE = Profile(
    name="few-step",
    fill="perlin",
    stages=(Stage(strength=0.85, steps=8),),
    guidance=1.0,  # distilled with the guidance inside
    sampler=SamplerName.EULER,
    trailing=True,
    window=1024,
    overlap=60,
    feather=120,
)
LCM_PROFILE = Profile(
    name="few-step-lcm",
    fill="perlin",
    stages=(Stage(strength=0.85, steps=8),),
    guidance=1.0,
    sampler=SamplerName.LCM,  # picks its steps from those it was distilled on
    window=1024,
    overlap=60,
    feather=120,
)
