"""From the host's memory to a device, without waiting for it."""

from __future__ import annotations

import torch
from torch import Tensor


def to_device(x: Tensor, device: torch.device) -> Tensor:
    """x float32 (B, C, h, w) or (h, w), on `device`; to a GPU from pinned memory, while it goes on with its work."""
    if device.type == "cuda" and x.device.type == "cpu":
        return x.pin_memory().to(device, non_blocking=True)
    return x.to(device)
