"""The calls of a UNet whose rows are several pictures, each with its own prompts and picture size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from softextend.models.sdxl.denoiser import Call, pooled_of
from softextend.types import Encoded


def one_length(told: Sequence[Sequence[Encoded]]) -> bool:
    """Whether the prompts of all pictures have as many tokens, so that they fit into one tensor."""
    return len({each.hidden.shape[1] for row in told for each in row}) == 1


def calls_together(told: Sequence[Sequence[Encoded]], ids: Tensor | None, *, lean: bool) -> list[Call]:
    """One run for all prompts of all pictures, or where memory is short one for the negative and one for the others.

    told: of each picture its prompts, negative first; ids (1, 6) where the UNet takes a pooled prompt and the size.
    """
    kinds = [list(each) for each in zip(*told, strict=True)]  # the pictures' negative prompts, then their prompts
    groups = kinds if lean else [[each for kind in kinds for each in kind]]
    return [
        Call(
            hidden=torch.cat([each.hidden for each in group]),
            pooled=None if ids is None else torch.cat([pooled_of(each) for each in group]),
            ids=None if ids is None else ids.expand(len(group), -1),
            image=_images(group),
        )
        for group in groups
    ]


def _images(group: Sequence[Encoded]) -> Tensor | None:
    found = [each.image for each in group if each.image is not None]
    return torch.cat(found) if found else None
