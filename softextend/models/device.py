"""Where a model computes and in which numbers; torch is imported only when asked."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softextend.errors import BadRequest

if TYPE_CHECKING:
    import torch


DTYPE_NAMES = {
    "bf16": "bfloat16",
    "bfloat16": "bfloat16",
    "fp16": "float16",
    "float16": "float16",
    "fp32": "float32",
    "float32": "float32",
}
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})  # /proc/cpuinfo; the last is Arm's
PACKAGES = (
    "torch",
    "diffusers",
    "transformers",
    "accelerate",
    "safetensors",
    "numpy",
    "opencv-python-headless",
    "pillow",
)


def choose_device(name: str) -> torch.device:
    """`auto`: cuda, then mps, then cpu. Raises BadRequest for a device that is unknown or not there."""
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if _has_mps() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadRequest(f"--device {name}: must be one of auto, {', '.join(present_devices())}") from error
    known = device.type in ("cpu", "cuda", "mps")
    count = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(_has_mps())}.get(device.type, 0)
    if not known or (device.index or 0) >= count:
        raise BadRequest(f"--device {name}: not on this machine, which has {', '.join(present_devices())}")
    return device


DRIVERS = ("nvidia*", "nvhost*", "nvmap", "kfd", "dxg")  # in /dev: CUDA, of Jetson and of WSL too, and ROCm


def may_have_accelerator() -> bool:
    """Whether torch might find one: on Linux a driver leaves its files, elsewhere only torch can tell."""
    return sys.platform != "linux" or any(True for name in DRIVERS for _ in Path("/dev").glob(name))


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """`auto`: bfloat16 where the processor computes it, else float16 on a GPU, else float32. Raises BadRequest."""
    import torch

    if name == "auto":
        if computes_bf16(device):
            return torch.bfloat16
        return torch.float32 if device.type == "cpu" else torch.float16
    if name not in DTYPE_NAMES:
        raise BadRequest(f"--dtype {name}: must be one of auto, {', '.join(DTYPE_NAMES)}")
    dtype: torch.dtype = getattr(torch, DTYPE_NAMES[name])
    return dtype


SLOW_HALF = (
    "dtype: fp16 on a CPU is emulated: a step of SDXL took 381 s, in bf16 2.8 s; leave --dtype out, or give bf16 or "
    "float32"
)


def slow_numbers(dtype: torch.dtype, device: torch.device) -> str | None:
    """What there is to say of numbers that a device computes slowly; None where it does not."""
    import torch

    return SLOW_HALF if dtype is torch.float16 and device.type == "cpu" else None


def computes_bf16(device: torch.device) -> bool:
    """Whether the processor has bfloat16 arithmetic, not an emulation, which would be slower than float32."""
    import torch

    if device.type == "cuda":
        major, _ = torch.cuda.get_device_capability(device)
        return torch.version.hip is not None or major >= 8  # Ampere is the first with bfloat16
    return device.type == "cpu" and bool(BF16_FLAGS & _cpu_flags())


def free_memory(device: torch.device) -> int | None:
    """Bytes a model may still take there; None where the system does not say."""
    import torch

    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0] + unused)
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return system_memory().get("MemAvailable")


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it torch computes in one thread: for what is rounded otherwise with another number of them."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


ROW = 3e9  # bytes that a row of one megapixel takes on a GPU with guidance, SDXL in 16 bits, its VAE's part included
WEIGHTS = 8e9  # bytes that SDXL itself takes there
MOST_ROWS = 8  # beyond which a GPU gains nothing more


def paying_rows(name: str, width: int, height: int) -> int:
    """How many pictures of this size (px) a model's batch may have: by the memory of the whole device, 1 without a GPU.

    Not by what is free: the same command gives the same batches.
    """
    import torch

    device = choose_device(name)
    if device.type != "cuda":
        return 1  # a processor is as busy with one
    total = torch.cuda.get_device_properties(device).total_memory
    return max(1, min(MOST_ROWS, int((total - WEIGHTS) / (ROW * width * height / 1e6))))


def empty_cache(device: torch.device) -> None:
    """Give back what torch holds in reserve."""
    import gc

    import torch

    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def system_memory() -> dict[str, int]:
    """Bytes by name, `MemTotal` and `MemAvailable`; on systems without /proc only what they say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
        return {name: found[name] for name in ("MemTotal", "MemAvailable")}
    except (OSError, KeyError, ValueError, IndexError):
        pass  # macOS and Windows have no /proc
    try:
        return {"MemTotal": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")}
    except (AttributeError, ValueError, OSError):
        return {}


def facts() -> dict[str, Any]:
    """What `softextend doctor` shows: `versions`, `memory` in bytes, `devices`, and what `auto` chooses."""
    import torch

    device = choose_device("auto")
    dtype = choose_dtype("auto", device)
    return {
        "versions": {"softextend": _version("softextend"), "python": platform.python_version()}
        | {name: _version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "memory": system_memory(),
        "cpu": {"threads": torch.get_num_threads(), "bfloat16": computes_bf16(torch.device("cpu"))},
        "devices": [_describe(name) for name in present_devices() if name != "cpu"],
        "auto": {"device": str(device), "dtype": str(dtype).removeprefix("torch.")},
    }


def _describe(name: str) -> dict[str, Any]:
    import torch

    device = torch.device(name)
    if device.type != "cuda":
        return {"device": name, "free": free_memory(device), "total": int(torch.mps.recommended_max_memory())}
    total = torch.cuda.get_device_properties(device).total_memory
    return {
        "device": name,
        "name": torch.cuda.get_device_name(device),
        "free": free_memory(device),
        "total": total,
        "bfloat16": computes_bf16(device),
    }


def present_devices() -> list[str]:
    """The names of the devices of this machine, cpu first; imports torch."""
    import torch

    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return ["cpu", *cuda, *(["mps"] if _has_mps() else [])]


def _has_mps() -> bool:
    import torch

    return torch.backends.mps.is_available()


def _cpu_flags() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    found = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
    return frozenset(found.partition(":")[2].split())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
