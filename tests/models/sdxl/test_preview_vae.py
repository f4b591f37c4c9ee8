"""TAESD: built from its keys, equal to diffusers' AutoencoderTiny; in previews and where memory is short."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tinysdxl
import torch
from diffusers import AutoencoderTiny
from making import Told, full, planned
from safetensors.torch import save_file
from tolerances import network

from softextend import cli
from softextend.errors import BadModel
from softextend.extend import extend
from softextend.models.find import resolve_model
from softextend.models.load import load_model
from softextend.models.profiles import SDXL_PROFILE
from softextend.models.sdxl.model import SdxlModel
from softextend.models.sdxl.preview_vae import preview_vae_file
from softextend.models.weights.families import identify
from softextend.models.weights.header import read_header
from softextend.options import Spec
from softextend.plan.grammar import parse_sides
from softextend.sampling.progress import Silent

CPU = torch.device("cpu")


def tiny(latents: int = 4, blocks: tuple[int, ...] = (3, 2, 3, 1)) -> AutoencoderTiny:
    """A narrow one, its weights seeded."""
    torch.manual_seed(1)
    return AutoencoderTiny(
        latent_channels=latents,
        encoder_block_out_channels=(8,) * 4,
        decoder_block_out_channels=(8,) * 4,
        num_encoder_blocks=(1, 3, 3, 3),
        num_decoder_blocks=blocks,
    ).eval()


def write(path: Path, model: AutoencoderTiny, layout: str) -> Path:
    """`diffusers`: both halves; `original`: the decoder's own file, whose layers count from a clamp; `merged`."""
    state = model.state_dict()
    if layout != "diffusers":
        prefix = "taesd_decoder." if layout == "merged" else ""
        own = {name.removeprefix("decoder.layers."): each for name, each in state.items() if "decoder." in name}
        moved = {name.partition(".")[::2]: each for name, each in own.items()}
        state = {f"{prefix}{int(index) + 1}.{rest}": each for (index, rest), each in moved.items()}
    save_file({name: each.contiguous() for name, each in state.items()}, path)
    return path


@pytest.mark.parametrize("layout", ["diffusers", "original", "merged"])
@pytest.mark.parametrize("blocks", [(3, 3, 3, 1), (1, 2, 3, 2)])
def test_it_decodes_as_diffusers(tmp_path: Path, layout: str, blocks: tuple[int, ...]) -> None:
    theirs = tiny(blocks=blocks)
    decoder = preview_vae_file(write(tmp_path / "t.safetensors", theirs, layout)).load(torch.float32, CPU)
    z = torch.randn(2, 4, 6, 9, generator=torch.Generator().manual_seed(2)) * 2
    with torch.no_grad():
        wanted = theirs.decode(z).sample
    assert wanted.shape == (2, 3, 48, 72)
    torch.testing.assert_close(decoder(z), wanted, atol=network("float32", float(wanted.abs().max())), rtol=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinysdxl.write_folder(tmp_path_factory.mktemp("tiny") / "sdxl")


def with_tiny(folder: Path, file: Path) -> SdxlModel:
    model = load_model(resolve_model(str(folder)), device="cpu", dtype="float32", preview_vae=file, listener=Silent())
    assert isinstance(model, SdxlModel)
    return model


class Looking(Told):
    """Looks at every preview."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[np.ndarray] = []

    def preview(self, look: Any) -> None:
        self.seen.append(look())


def asked() -> tuple[Any, Any]:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    spec = Spec.of(sides=parse_sides("0 16 0 0"), seed=1, steps=2, strength=1.0)
    return planned(pixels, full(pixels), spec, SDXL_PROFILE)


def test_previews_show_the_picture_and_change_nothing(folder: Path, tmp_path: Path) -> None:
    file, looking = write(tmp_path / "t.safetensors", tiny(), "original"), Looking()
    plain = load_model(resolve_model(str(folder)), device="cpu", dtype="float32", listener=Silent())
    made = extend(*asked(), with_tiny(folder, file), looking)
    assert [each.shape for each in looking.seen] == [(64, 80, 3)] * 2
    assert made.raw.tobytes() == extend(*asked(), plain).raw.tobytes()


def test_where_memory_is_short_it_decodes(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, told = with_tiny(folder, write(tmp_path / "t.safetensors", tiny(), "original")), Told()
    vae = model.networks.vae(torch.float32, 64 * 80)

    def full_memory(z: Any) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(vae, "decode", full_memory)
    made = extend(*asked(), model, told)
    assert told.notes[-1] == "out of memory: pictures are decoded by --preview-vae, which is coarser"
    z = torch.randn(1, 4, 8, 10, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        wanted = tiny().decode(z).sample
    torch.testing.assert_close(model.decode(z), wanted, atol=network("float32", float(wanted.abs().max())), rtol=0)
    assert made.raw.shape == (64, 80, 3)


def test_wrong_files_are_refused_and_named(folder: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "flux.safetensors", tiny(latents=16), "original")
    state = {name: each for name, each in tiny().state_dict().items() if name.startswith("encoder.")}
    save_file(state, tmp_path / "encoder.safetensors")
    own = {name.removeprefix("encoder.layers."): each.contiguous() for name, each in state.items()}
    save_file(own, tmp_path / "own.safetensors")
    tinysdxl.make_parts(514)["vae"].save_pretrained(tmp_path / "vae")
    vae = tmp_path / "vae" / "diffusion_pytorch_model.safetensors"
    said = {
        other: "16 latent channels, for another family",
        tmp_path / "encoder.safetensors": "a TAESD encoder: give taesd_decoder.safetensors",
        tmp_path / "own.safetensors": "a TAESD encoder: give taesd_decoder.safetensors",
        vae: "no TAESD decoder; its tensors look like a VAE",
        tmp_path / "gone": "does not exist",
        tmp_path: "is a folder",
    }
    for path, words in said.items():
        with pytest.raises(BadModel, match=words):
            preview_vae_file(path)


@pytest.mark.parametrize("layout", ["diffusers", "original", "merged"])
def test_as_a_model_or_vae_it_is_sent_to_its_option(tmp_path: Path, layout: str) -> None:
    found = identify(read_header(write(tmp_path / "t.safetensors", tiny(), layout)))
    assert found.kind == "taesd"
    assert found.fault == "a TAESD preview decoder: give it as --preview-vae FILE beside --model CHECKPOINT"


def test_a_dry_run_checks_it(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from running import photo

    photo(tmp_path / "a.png", 64, 64)
    words = ["extend", str(tmp_path / "a.png"), "--model", str(folder), "--all", "8", "--dry-run"]
    assert cli.run([*words, "--preview-vae", str(tmp_path / "gone.safetensors")]) != 0
    assert "--preview-vae" in capfd.readouterr().err
    assert cli.run([*words, "--preview-vae", str(write(tmp_path / "t.safetensors", tiny(), "original"))]) == 0
