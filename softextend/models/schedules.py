"""The noise schedules that models were trained on, as their authors published them."""

from __future__ import annotations

from softextend.sampling.schedule import Betas, Prediction, Schedule, Spacing

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
