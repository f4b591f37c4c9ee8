"""How many workers, and what each may use of this machine."""

from __future__ import annotations

from softextend.environment import said
from softextend.jobs.task import PictureTask
from softextend.jobs.workers import Share, cores
from softextend.models.device import choose_device, system_memory

SELF_MEMORY = 1.5e9  # bytes that a worker with the built-in model takes at photos of some megapixels
ALL_DEVICES = ("auto", "cuda")


def shares_of(task: PictureTask, asked: int, pictures: int) -> list[Share]:
    """A share for each of the `asked` workers (0: auto), no more than there are pictures; the threads are shared out.

    auto: one a GPU; on a processor one a core for the built-in model, as memory allows, and one for others, whose
    layers use all cores. A named device, such as cuda:1, is for all workers.
    """
    if asked == 1 or pictures < 2:
        return [Share(threads=cores())]
    gpus = _gpus(task.engine.device)
    count = min(asked or len(gpus) or _on_processor(task), pictures)
    threads = max(1, cores() // count)
    return [Share(threads=threads, gpu=gpus[index % len(gpus)] if gpus else None) for index in range(count)]


def _on_processor(task: PictureTask) -> int:
    if task.ref.kind != "self":
        return 1
    free = system_memory().get("MemAvailable")
    return cores() if free is None else max(1, min(cores(), int(free / SELF_MEMORY)))


def _gpus(device: str) -> list[str]:
    """The GPUs to share out, as CUDA_VISIBLE_DEVICES names them; none on a processor, or where one was named."""
    if device not in ALL_DEVICES or choose_device(device).type != "cuda":
        return []
    import torch

    visible = said("CUDA_VISIBLE_DEVICES")
    names = visible.split(",") if visible else [str(index) for index in range(torch.cuda.device_count())]
    return names[: torch.cuda.device_count()]
