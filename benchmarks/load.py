"""Memory and time of a full-size single-file SDXL checkpoint, with no network: open, embed, encode, predict, decode.

    python benchmarks/load.py KEYS.json [--dtype bf16] [--device cpu] [--size 128] [--json]

KEYS.json names the tensors of an SDXL 1.0 base checkpoint and their shapes, as {name: [rows, ...]}; the file made from
it is sparse: real names, shapes and 6.9 GB, but no disk. All weights are zeros, so the times hold and the picture does
not.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import struct
import sys
import tempfile
import time
from math import prod
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ["HF_HUB_OFFLINE"] = "1"


def sparse_checkpoint(path: Path, shapes: dict[str, list[int]]) -> int:
    """A safetensors file of float16 zeros; its size in bytes."""
    header, end = {}, 0
    for name, shape in sorted(shapes.items()):
        start, end = end, end + 2 * prod(shape)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    return 8 + len(text) + end


def peak_memory() -> int | None:
    """Bytes: the most this process ever held, from /proc; None on systems without it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


class NoSocket(socket.socket):
    """Stands where sockets are made."""

    def __init__(self, *_: object, **__: object) -> None:
        raise OSError("the benchmark has no network")


def measure(checkpoint: Path, device: str, dtype: str, size: int) -> dict[str, dict[str, float | None]]:
    """Seconds and peak memory after each step of one run."""
    import numpy as np
    import torch

    from softextend.models.find import resolve_model
    from softextend.models.load import load_model
    from softextend.sampling.progress import Silent
    from softextend.types import Scene

    marks: dict[str, dict[str, float | None]] = {}
    start = time.perf_counter()
    model = load_model(resolve_model(str(checkpoint)), device=device, dtype=dtype, listener=Silent())
    mark(marks, "open", start)
    start = time.perf_counter()
    conditioning = model.embed("", "blurred")
    mark(marks, "embed", start)
    start = time.perf_counter()
    z0 = model.encode(torch.zeros(1, 3, size, size))
    mark(marks, "encode", start)
    scene = Scene(
        z0=z0,
        change=torch.ones(1, 1, *z0.shape[-2:]),
        known=np.zeros((size, size), bool),
        filled=torch.zeros(1, 3, size, size),
        conditioning=conditioning,
        guidance=5.0,
        stage=0,
        seed=0,
    )
    start = time.perf_counter()
    predict = model.predict(scene)
    mark(marks, "load unet", start)
    start = time.perf_counter()
    predict(z0, 500.0, torch.zeros_like(scene.change))
    mark(marks, "one step", start)
    start = time.perf_counter()
    model.decode(z0)
    mark(marks, "decode", start)
    return marks


def mark(marks: dict[str, dict[str, float | None]], name: str, start: float) -> None:
    """One line of the table."""
    peak = peak_memory()
    marks[name] = {"seconds": round(time.perf_counter() - start, 2), "peak_gb": peak and round(peak / 1e9, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("keys", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="bf16")
    parser.add_argument("--size", type=int, default=128, help="px, a multiple of 8")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    socket.socket = NoSocket  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "sdxl.safetensors"
        size = sparse_checkpoint(checkpoint, json.loads(asked.keys.read_text()))
        marks = measure(checkpoint, asked.device, asked.dtype, asked.size)
    if asked.json:
        print(json.dumps(marks))
        return
    print(f"{size / 1e9:.2f} GB checkpoint, {asked.device}, {asked.dtype}, {asked.size} px")
    for name, values in marks.items():
        print(f"{name:10} {values['seconds']:7.2f} s   peak {values['peak_gb']} GB")


if __name__ == "__main__":
    sys.exit(main())
