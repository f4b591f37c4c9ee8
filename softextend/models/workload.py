"""A small piece of work like a UNet's: how fast a device computes it."""

from __future__ import annotations

import time

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

LEAST = 0.3  # s, of what is timed
MOST = 200  # times that it is done at most
SIZES = ((1, 320, 128, 128), (1, 4096, 640), (320, 320, 3, 3), (2560, 640), (640, 2560))  # of what `layers` takes


def layers(picture: Tensor, tokens: Tensor, kernel: Tensor, wide: Tensor, narrow: Tensor) -> None:
    """Of each kind of layer of SDXL's UNet one, at the sizes that it has for 1024 px, a row."""
    normed = functional.silu(functional.group_norm(picture, 32))
    functional.conv2d(normed, kernel, padding=1)
    heads = tokens.view(*tokens.shape[:2], -1, 64).transpose(1, 2)
    functional.scaled_dot_product_attention(heads, heads, heads)
    functional.linear(functional.gelu(functional.linear(tokens, wide)), narrow)


def operations_a_second(device: torch.device, dtype: torch.dtype) -> float:
    """Floating point operations a second of `layers` there, in these numbers."""
    with torch.inference_mode():
        given = [torch.randn(each, device=device, dtype=dtype) * 0.02 for each in SIZES]
        with FlopCounterMode(display=False) as counted:
            layers(*given)
        done, began = 0, _now(device)
        while done < MOST and (done < 1 or time.perf_counter() - began < LEAST):
            layers(*given)
            done += 1
            _wait(device)
        return float(counted.get_total_flops() * done / (_now(device) - began))


def _now(device: torch.device) -> float:
    _wait(device)
    return time.perf_counter()


def _wait(device: torch.device) -> None:
    """Until the device has done all."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
