"""What makes a model fast: files read once, networks built once, a loop that never waits, compiled blocks."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import mixture
import numpy as np
import pytest
import tinysdxl
import torch
from making import Told, full, planned
from marking import slow
from pipelines import loaded
from tolerances import LEVEL
from torch.utils._python_dispatch import TorchDispatchMode

from softextend.diffdiff import diffdiff
from softextend.errors import BadRequest
from softextend.extend import extend
from softextend.models.find import resolve_model
from softextend.models.load import load_model
from softextend.models.profiles import SDXL_PROFILE
from softextend.models.schedules import STABLE_DIFFUSION
from softextend.models.sdxl import checkpoint
from softextend.models.sdxl.denoiser import Denoiser, calls_of, guided
from softextend.models.sdxl.inpainting import MaskedPicture
from softextend.models.sdxl.networks import fit_to
from softextend.models.weights.file_hash import fingerprint
from softextend.options import Spec
from softextend.plan.grammar import parse_sides
from softextend.sampling.multidiffusion import make_parts, predict
from softextend.sampling.progress import Silent
from softextend.sampling.samplers import make_sampler
from softextend.types import Box, Encoded, Offload, Predict, Scene, Span

CPU, META = torch.device("cpu"), torch.device("meta")


def made(path: Path, layers: int = 2) -> tuple[Path, Path]:
    """A single file and the configs beside it."""
    configs = tinysdxl.write_configs(path / "configs", 49408)
    return tinysdxl.write_single_file(path / "tiny.safetensors", tinysdxl.make_parts(49408), layers=layers), configs


# --- files -----------------------------------------------------------------------------------------------------------


class CountedFile:
    """An open file that counts what is read of it."""

    def __init__(self, file: Any, counts: Counter[str]) -> None:
        self.file, self.counts, self.name = file, counts, file.name

    def __enter__(self) -> CountedFile:
        return self

    def __exit__(self, *given: object) -> None:
        self.file.close()

    def seek(self, *given: int) -> int:
        return int(self.file.seek(*given))

    def readinto(self, view: Any) -> int:
        count = int(self.file.readinto(view))
        self.counts["bytes"] += count
        return count

    def read(self, size: int = -1) -> bytes:
        data: bytes = self.file.read(size)
        self.counts["bytes"] += len(data)
        return data


def test_a_file_is_hashed_as_it_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All parts and the hash take every byte once, but for the header, which says where they lie."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path, configs = made(tmp_path)
    source = checkpoint.SingleFile(path, configs)
    counts: Counter[str] = Counter()
    plain = Path.open

    def counted(self: Path, *given: Any, **more: Any) -> Any:
        opened = plain(self, *given, **more)
        return CountedFile(opened, counts) if self == path else opened

    monkeypatch.setattr(Path, "open", counted)
    for load in (
        lambda: source.text_encoder(0, torch.float32, CPU),
        lambda: source.text_encoder(1, torch.float32, CPU),
        lambda: source.vae(torch.float32, CPU),
        lambda: source.unet(torch.float32, CPU),
    ):
        load()
    found = fingerprint((path,))
    size = path.stat().st_size
    assert size <= counts["bytes"] <= size * 1.001
    assert found == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("order", [("unet", "vae"), ("vae",), ()])
def test_the_hash_is_right_in_whatever_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: tuple[str, ...]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path, configs = made(tmp_path)
    source = checkpoint.SingleFile(path, configs)
    for name in order:
        getattr(source, name)(torch.float32, CPU)
    assert fingerprint((path,)) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_each_network_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    new_unet = checkpoint._new_unet

    def counted(config: dict[str, Any]) -> Any:
        built.append("unet")
        return new_unet(config)

    monkeypatch.setattr(checkpoint, "_new_unet", counted)
    path, configs = made(tmp_path)
    source = checkpoint.SingleFile(path, configs)
    first = source.unet(torch.float32, CPU)
    assert built == ["unet"]
    second = source.unet(torch.float32, CPU)
    assert second is not first
    assert all(torch.equal(one, two) for one, two in zip(first.parameters(), second.parameters(), strict=True))


# --- the loop --------------------------------------------------------------------------------------------------------


class Copies(TorchDispatchMode):
    """Counts what makes a processor wait for its device: a value read, a comparison of whole tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in ("_local_scalar_dense", "equal", "nonzero", "is_nonzero"):
            self.found[name] += 1
        return func(*args, **(kwargs or {}))


def scene_on(device: torch.device, rows: int = 1, **more: Any) -> Scene:
    return Scene(
        z0=torch.zeros(rows, 4, 8, 16, device=device),
        change=torch.linspace(0, 1, 16).expand(1, 1, 8, 16).to(device),
        known=np.ones((64, 128), np.bool_),
        filled=torch.zeros(rows, 3, 64, 128, device=device),
        conditioning=None,  # type: ignore[arg-type]
        guidance=4.0,
        stage=0,
        seed=0,
        **more,
    )


# Two levels of a block each: what is counted is what goes on around it
SMALL = tinysdxl.UNET | {
    "block_out_channels": [32, 64],
    "attention_head_dim": [2, 4],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
    "layers_per_block": 1,
    "transformer_layers_per_block": [1, 1],
}


class OnDevice:
    """A model whose UNet lies on a device; no more of it is asked here."""

    factor = 8

    def __init__(self, device: torch.device, channels: int = 4) -> None:
        self.device, self.channels = device, channels
        torch.manual_seed(0)
        self.unet = checkpoint._new_unet(SMALL | {"in_channels": channels}).eval().to(device)

    def predict(self, scene: Scene) -> Predict:
        def told() -> Encoded:
            return Encoded(
                hidden=torch.zeros(1, 77, 64, device=self.device), pooled=torch.zeros(1, 32, device=self.device)
            )

        ids = [torch.ones(1, 6, device=self.device)] * 2
        encode = lambda pixels: torch.zeros(len(pixels), 4, 8, 16)  # noqa: E731
        return Denoiser(
            unet=lambda: self.unet,
            calls=calls_of([[told(), told()]] * len(scene.z0), ids, lean=False),
            unguided=calls_of([[told()]] * len(scene.z0), ids[:1], lean=False),
            guided_in=Span(start=0.2, end=0.8),
            timesteps=scene.timesteps,
            guide=lambda negative, positive: guided(negative, positive, guidance=4.0, rescale=0.5),
            device=self.device,
            dtype=torch.float32,
            masked=MaskedPicture(encode, scene.filled) if self.channels == 9 else None,
        )


WHOLE = [Box(top=0, left=0, bottom=64, right=128)]
WINDOWS = [Box(top=0, left=0, bottom=64, right=80), Box(top=0, left=48, bottom=64, right=128)]


@torch.inference_mode()
def looped(device: torch.device, windows: list[Box], channels: int = 4, steps: int = 5, sampler: str = "euler") -> None:
    """The whole loop with everything that may go on in it."""
    own = [torch.Generator().manual_seed(1)]
    made = make_sampler(sampler, STABLE_DIFFUSION, steps=steps, strength=1.0, generators=own)
    scene = scene_on(device, timesteps=made.timesteps)
    noise = torch.zeros(1, 4, 8, 16, device=device)
    denoise = predict(OnDevice(device, channels), [scene], make_parts(windows, 8, 16))  # type: ignore[arg-type]
    settle = mixture.harmonised(denoise, made, scene.z0, 1, 1)
    watch = Copies()
    with watch:
        diffdiff(denoise, made, scene.z0, noise, scene.change, settle=settle, on_step=lambda done, total: None)
    waits = watch.found
    assert waits == ({"equal": waits["equal"]} if channels == 9 else {})
    assert waits["equal"] <= 3 * steps


@pytest.mark.parametrize(
    ("sampler", "windows"), [("euler", WINDOWS), slow("heun", WHOLE), slow("dpmpp-2m-sde", WHOLE), slow("lcm", WHOLE)]
)
def test_nothing_comes_back_from_the_device_within_the_loop(sampler: str, windows: list[Box]) -> None:
    """A device without memory: whatever is read back from it is an error."""
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        torch.zeros(1, device=META).item()
    looped(META, windows, sampler=sampler, steps=2)


def test_no_step_waits_for_its_device() -> None:
    looped(CPU, WINDOWS)


def test_an_inpainting_model_compares_its_mask_once_a_call_and_waits_for_nothing_else() -> None:
    looped(CPU, WHOLE, channels=9)


# --- data types, layouts, compiled blocks ----------------------------------------------------------------------------


def test_half_precision_on_a_processor_gets_a_note(tmp_path: Path) -> None:
    folder = tinysdxl.write_folder(tmp_path / "sdxl")
    notes = {}
    for dtype in ("fp16", "bf16", "float32"):
        told = Told()
        load_model(resolve_model(str(folder)), device="cpu", dtype=dtype, listener=told)
        notes[dtype] = [line for line in told.notes if line.startswith("dtype:")]
    assert len(notes["fp16"]) == 1
    assert "fp16 on a CPU is emulated" in notes["fp16"][0]
    assert notes["bf16"] == notes["float32"] == []


def test_convolutions_lie_as_a_gpu_wants_them_and_nowhere_else() -> None:
    for device, last in ((torch.device("cuda"), True), (CPU, False)):
        for name in ("unet", "vae"):
            module = tinysdxl.make_parts(514)[name]
            before = module.conv_in.weight.clone() if name == "unet" else module.decoder.conv_in.weight.clone()
            fit_to(module, device)
            weight = module.conv_in.weight if name == "unet" else module.decoder.conv_in.weight
            assert weight.is_contiguous(memory_format=torch.channels_last) is last
            assert torch.equal(weight, before)


def test_compiling_goes_with_no_layer_by_layer_offload(tmp_path: Path) -> None:
    folder = tinysdxl.write_folder(tmp_path / "sdxl")
    with pytest.raises(BadRequest, match="--compile: --offload sequential"):
        load_model(
            resolve_model(str(folder)),
            device="cpu",
            dtype="float32",
            offload=Offload.SEQUENTIAL,
            compile=True,
            listener=Silent(),
        )


def test_only_repeated_blocks_are_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **_: compiled.append(type(self).__name__))
    folder = tinysdxl.write_folder(tmp_path / "sdxl")
    for wanted in (False, True):
        load_model(
            resolve_model(str(folder)), device="cpu", dtype="float32", compile=wanted, listener=Silent()
        ).networks.unet()  # type: ignore[attr-defined]
        assert bool(compiled) is wanted
    assert set(compiled) == {"BasicTransformerBlock"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch's compiler about itself
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on a CPU")
def test_compiled_blocks_give_the_same_picture_and_compile_once(tmp_path: Path) -> None:
    from torch._dynamo.utils import counters

    folder = tinysdxl.write_folder(tmp_path / "sdxl")
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    asked = Spec.of(sides=parse_sides("0 64 0 0"), seed=1, steps=3, strength=1.0)
    profile = SDXL_PROFILE
    plain = extend(*planned(pixels, full(pixels), asked, profile), loaded(folder))
    model = load_model(resolve_model(str(folder)), device="cpu", dtype="float32", compile=True, listener=Silent())
    counters.clear()
    first = extend(*planned(pixels, full(pixels), asked, profile), model)
    graphs = counters["stats"]["unique_graphs"]
    assert graphs >= 1
    second = extend(*planned(pixels, full(pixels), asked.replaced(seed=2), profile), model)
    assert counters["stats"]["unique_graphs"] == graphs, "pictures of one size compile nothing anew"
    assert np.abs(first.raw.astype(int) - plain.raw.astype(int)).max() <= LEVEL
    assert second.raw.tobytes() != first.raw.tobytes()
