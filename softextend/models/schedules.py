"""The noise schedules that models were trained on, as their authors published them."""

from __future__ import annotations

from dataclasses import replace

from softextend.models.choice import Choice
from softextend.sampling.schedule import AnySchedule, Betas, EdmSchedule, FlowSchedule, Prediction, Schedule, Spacing
from softextend.types import PredictionName

# Stable Diffusion 1, 2 and XL: the released scheduler_config.json of each; Podell et al., arXiv:2307.01952
STABLE_DIFFUSION = Schedule(
    betas=Betas.SCALED_LINEAR,
    beta_start=0.00085,
    beta_end=0.012,
    train_steps=1000,
    prediction=Prediction.EPSILON,
    spacing=Spacing.LEADING,
    offset=1,
)
# playgroundai/playground-v2.5-1024px-aesthetic, scheduler_config.json
PLAYGROUND = EdmSchedule(sigma_min=0.002, sigma_max=80.0, sigma_data=0.5, prediction=Prediction.EDM)
# stabilityai/cosxl, and ComfyUI's settings for it
COSXL = EdmSchedule(sigma_min=0.002, sigma_max=120.0, sigma_data=1.0, prediction=Prediction.V, exponential=True)


def make_schedule(choice: Choice) -> AnySchedule:
    """The noise levels that a model of this kind was trained at."""
    named = choice.prediction
    if named is PredictionName.FLOW:
        return FlowSchedule(train_steps=1000, shift=choice.shift)
    if named in (PredictionName.EDM, PredictionName.EDM_V):
        edm = PLAYGROUND if named is PredictionName.EDM else COSXL
        low, high = choice.sigmas or (edm.sigma_min, edm.sigma_max)
        return replace(edm, sigma_min=low, sigma_max=high)
    return replace(
        STABLE_DIFFUSION,
        prediction=Prediction.EPSILON if named is PredictionName.EPSILON else Prediction.V,
        zero_snr=named is PredictionName.V_ZERO_SNR,
        distilled=choice.profile.trained_at,
    )
