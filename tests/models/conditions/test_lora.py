"""LoRA in every custom: what the model becomes equals PEFT's and diffusers' own merging, and LyCORIS' formulas."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import tinysdxl
import torch
from marking import slow
from peft import IA3Config, LoHaConfig, LoKrConfig, LoraConfig, OFTConfig, get_peft_model, get_peft_model_state_dict
from tinyconditions import CONV, TO_Q, kohya_file, saved

from softextend.errors import BadModel
from softextend.models.conditions.lora import lay, together
from softextend.models.sdxl.checkpoint import Folder, SingleFile
from softextend.models.sdxl.state_dict_keys import unet_target

CPU = torch.device("cpu")
LINEAR = ["to_q", "to_k", "to_v", "to_out.0", "proj_in"]
WITHIN = 1e-5  # of the largest number


@pytest.fixture(scope="module")
def parts() -> dict[str, torch.nn.Module]:
    return tinysdxl.make_parts(514)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinysdxl.write_folder(tmp_path_factory.mktemp("tiny") / "sdxl")


def merged(folder: Path, *files: tuple[Path, float]) -> dict[str, dict[str, torch.Tensor]]:
    """The model's parameters with these LoRAs, as the loader gives them."""
    source = Folder(folder)
    patches = together([lay(path, weight, source.parts) for path, weight in files])
    return {
        name: part.patched(patches.get(name, {})).load(torch.float32, CPU).state_dict()
        for name, part in source.parts.items()
        if name != "vae"
    }


def assert_close(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        limit = WITHIN * float(value.abs().max())
        torch.testing.assert_close(
            found[name], value, atol=limit, rtol=0, msg=lambda said, name=name: f"{name}: {said}"
        )


def trained(unet: torch.nn.Module, config: Any) -> Any:
    """A PEFT model whose adapter is no identity."""
    torch.manual_seed(5)
    model = get_peft_model(copy.deepcopy(unet), config)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.requires_grad:
                value.add_(torch.randn_like(value) * (0.02 if "oft" in name else 0.2))
    return model


CONFIGS = {
    "lora": LoraConfig(r=4, lora_alpha=2, target_modules=[*LINEAR, "conv1"]),
    "rslora": LoraConfig(r=4, lora_alpha=2, target_modules=LINEAR, use_rslora=True),
    "dora": LoraConfig(r=4, lora_alpha=4, target_modules=[*LINEAR, "conv1"], use_dora=True),
    "loha": LoHaConfig(r=4, alpha=2, target_modules=LINEAR),
    "loha-conv": LoHaConfig(r=2, alpha=1, target_modules=["conv1"], use_effective_conv2d=True),
    "lokr": LoKrConfig(r=4, alpha=4, target_modules=LINEAR),
    "lokr-both": LoKrConfig(r=2, alpha=1, target_modules=LINEAR, decompose_both=True, decompose_factor=4),
    "lokr-conv": LoKrConfig(r=2, alpha=2, target_modules=["conv1"], use_effective_conv2d=True),
    "oft": OFTConfig(oft_block_size=8, r=0, target_modules=["to_q", "to_k", "to_v"]),
    "ia3": IA3Config(target_modules=["to_q", "proj_in", "ff.net.2"], feedforward_modules=["ff.net.2"]),
}


@pytest.mark.parametrize("kind", [each if each in ("lora", "dora", "lokr") else slow(each) for each in CONFIGS])
def test_every_kind_of_peft_merges_as_peft_does(
    parts: dict[str, torch.nn.Module], folder: Path, tmp_path: Path, kind: str
) -> None:
    model = trained(parts["unet"], CONFIGS[kind])
    state = get_peft_model_state_dict(model)
    alpha = getattr(CONFIGS[kind], "lora_alpha", getattr(CONFIGS[kind], "alpha", None))
    settings = f'{{"unet.lora_alpha": {alpha}, "unet.use_rslora": {"true" if kind == "rslora" else "false"}}}'
    if kind.startswith(("loha", "lokr")):
        stems = {name.rpartition(".")[0] for name in state}
        state |= {f"{stem}.alpha": torch.tensor(float(alpha)) for stem in stems}
    path = saved(tmp_path / "a.safetensors", state, {"lora_adapter_metadata": settings})
    wanted = model.merge_and_unload().state_dict()
    before = parts["unet"].state_dict()
    assert any(not torch.equal(value, before[name]) for name, value in wanted.items())
    assert_close(merged(folder, (path, 1.0))["unet"], wanted)


def test_the_unet_and_both_text_encoders_as_diffusers_loads_them(
    parts: dict[str, torch.nn.Module], folder: Path, tmp_path: Path
) -> None:
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline
    from transformers import CLIPTokenizer

    kohya = kohya_file(tmp_path / "k.safetensors", sgm=False, parts=parts)
    tokenizers = {name: CLIPTokenizer.from_pretrained(folder / name) for name in ("tokenizer", "tokenizer_2")}
    pipe = StableDiffusionXLPipeline(**copy.deepcopy(parts), **tokenizers, scheduler=EulerDiscreteScheduler())
    pipe.load_lora_weights(str(kohya))
    pipe.fuse_lora(lora_scale=0.6)
    pipe.unload_lora_weights()
    found = merged(folder, (kohya, 0.6))
    for name in ("unet", "text_encoder", "text_encoder_2"):
        assert_close(found[name], getattr(pipe, name).state_dict())


def test_both_customs_of_kohya_are_one(parts: dict[str, torch.nn.Module], folder: Path, tmp_path: Path) -> None:
    sgm = merged(folder, (kohya_file(tmp_path / "s.safetensors", sgm=True, parts=parts), 0.8))
    plain = merged(folder, (kohya_file(tmp_path / "p.safetensors", sgm=False, parts=parts), 0.8))
    for part in plain:
        assert_close(sgm[part], plain[part])
    assert not torch.equal(plain["unet"][f"{TO_Q}.weight"], parts["unet"].state_dict()[f"{TO_Q}.weight"])


def test_a_single_file_takes_it_as_a_folder_does(
    parts: dict[str, torch.nn.Module], folder: Path, tmp_path: Path
) -> None:
    configs = tinysdxl.write_configs(tmp_path / "configs", 514)
    source = SingleFile(tinysdxl.write_single_file(tmp_path / "tiny.safetensors", parts), configs)
    path = kohya_file(tmp_path / "k.safetensors", sgm=True, parts=parts)
    patches = lay(path, 0.7, source.parts).patches
    wanted = merged(folder, (path, 0.7))
    for name in ("unet", "text_encoder", "text_encoder_2"):
        assert_close(source.parts[name].patched(patches[name]).load(torch.float32, CPU).state_dict(), wanted[name])


def test_several_add_up_and_weight_nought_is_nothing(
    parts: dict[str, torch.nn.Module], folder: Path, tmp_path: Path
) -> None:
    files = [kohya_file(tmp_path / f"{seed}.safetensors", sgm=False, parts=parts, seed=seed) for seed in (1, 2)]
    name, before = f"{CONV}.weight", parts["unet"].state_dict()
    alone = [
        merged(folder, (path, weight))["unet"][name] - before[name]
        for path, weight in zip(files, (0.5, -1.0), strict=True)
    ]
    both = merged(folder, (files[0], 0.5), (files[1], -1.0))["unet"][name]
    wanted = before[name] + alone[0] + alone[1]
    torch.testing.assert_close(both, wanted, atol=WITHIN * float(wanted.abs().max()), rtol=0)
    assert_close(merged(folder, (files[0], 0.0))["unet"], before)


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(shape) * 0.3


def tucker(w: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """LoRA of a convolution with a core between down and up, at half strength."""
    out, into, *kernel = w.shape
    rank = 2
    given = {"lora_up.weight": draw(out, rank, 1, 1), "lora_down.weight": draw(rank, into, 1, 1)}
    given |= {"lora_mid.weight": draw(rank, rank, *kernel), "alpha": torch.tensor(1.0)}
    core = given["lora_mid.weight"].double()
    up, down = (given[f"lora_{each}.weight"].double()[..., 0, 0] for each in ("up", "down"))
    delta = torch.zeros_like(w)
    for y in range(kernel[0]):
        for x in range(kernel[1]):
            delta[:, :, y, x] = up @ core[:, :, y, x] @ down
    return given, w + delta / 2


def oft(w: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Rotations of blocks of 8 outputs, Cayley's way, and a scale for each output."""
    size = 8
    given = {"oft_blocks": draw(len(w) // size, size, size), "rescale": draw(len(w), *[1] * (w.ndim - 1)) + 1}
    given["alpha"] = torch.tensor(0.0)
    rows = []
    for index, block in enumerate(given["oft_blocks"].double()):
        skew, one = block - block.T, torch.eye(size, dtype=torch.float64)
        rotation = (one + skew) @ torch.linalg.inv(one - skew)
        rows.append(rotation.T @ w[index * size : (index + 1) * size].flatten(1))
    return given, torch.cat(rows).reshape(w.shape) * given["rescale"]


def lycoris(kind: str, weight: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Random tensors of a kind for a weight (out, in) or (out, in, k, k), and what they make of it, in float64."""
    torch.manual_seed(7)
    out, into, *_ = weight.shape
    rank, w = 2, weight.double()
    if kind == "tucker":
        return tucker(w)
    if kind == "oft":
        return oft(w)
    if kind == "diff":
        given = {"diff": draw(*weight.shape), "diff_b": draw(out)}
        return given, w + given["diff"]
    if kind == "dora-in":
        given = {"lora_up.weight": draw(out, rank), "lora_down.weight": draw(rank, into), "dora_scale": draw(1, into)}
        changed = w + given["lora_up.weight"].double() @ given["lora_down.weight"].double()
        return given, changed * given["dora_scale"] / changed.norm(dim=0, keepdim=True)
    if kind == "glora":
        given = {"a1.weight": draw(into, rank), "a2.weight": draw(rank, into)}
        given |= {"b1.weight": draw(out, rank), "b2.weight": draw(rank, into), "alpha": torch.tensor(1.0)}
        a1, a2, b1, b2 = (given[f"{name}.weight"].double() for name in ("a1", "a2", "b1", "b2"))
        return given, w + (w @ a1 @ a2 + b1 @ b2) / 2
    given = {"weight": draw(out), "on_input": torch.tensor(0)}
    return given, w * (1 + given["weight"].double().reshape(-1, *[1] * (weight.ndim - 1)))


@pytest.mark.parametrize(
    ("kind", "module"),
    [
        *[(kind, TO_Q) for kind in ("diff", "dora-in", "glora", "oft", "ia3")],
        *[(kind, CONV) for kind in ("tucker", "diff", "oft", "ia3")],
    ],
)
@pytest.mark.parametrize("weight", [1.0, 0.4])
def test_lycoris_kinds(
    parts: dict[str, torch.nn.Module], folder: Path, tmp_path: Path, kind: str, module: str, weight: float
) -> None:
    before = parts["unet"].state_dict()[f"{module}.weight"]
    given, full = lycoris(kind, before)
    stem = "lora_unet_" + module.replace(".", "_")
    path = saved(tmp_path / "l.safetensors", {f"{stem}.{name}": value for name, value in given.items()})
    wanted = torch.lerp(before.double(), full, weight)
    found = merged(folder, (path, weight))["unet"]
    torch.testing.assert_close(
        found[f"{module}.weight"].double(), wanted, atol=1e-5 * float(wanted.abs().max()), rtol=0
    )


def test_names_that_fit_nothing_are_counted_and_told(
    parts: dict[str, torch.nn.Module], folder: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    tensors = load_file(kohya_file(tmp_path / "k.safetensors", sgm=False, parts=parts))
    more = {f"lora_unet_nowhere_{i}.lora_up.weight": torch.zeros(2, 2) for i in range(5)}
    path = saved(tmp_path / "m.safetensors", {**tensors, **more, "bundle_emb.x.string_to_param.*": torch.zeros(2)})
    laid = lay(path, 1.0, Folder(folder).parts)
    assert (laid.used, len(laid.unused)) == (6, 6)
    assert laid.note("m") is not None
    assert "6 modules merged, 6 names not used" in str(laid.note("m"))


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight": (8, 2)}, "made for Stable Diffusion 1.5"),
        ({"lora_unet_x_attn2_to_k.lora_down.weight": (4, 768)}, "made for Stable Diffusion 1.5"),
        ({"lora_unet_double_blocks_0_img_attn_qkv.lora_up.weight": (8, 2)}, "made for Flux"),
        ({"transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight": (8, 2)}, "made for Flux"),
        ({"model.diffusion_model.input_blocks.0.0.weight": (8, 4, 3, 3)}, "no LoRA"),
        ({"decoder.conv_in.weight": (8, 4, 3, 3)}, "no LoRA; its tensors look like a VAE"),
        ({"lora_unet_nowhere.lora_up.weight": (8, 2)}, "fits nothing in this model"),
    ],
)
def test_what_does_not_belong_is_refused_by_name(
    folder: Path, tmp_path: Path, tensors: dict[str, tuple[int, ...]], said: str
) -> None:
    path = tinysdxl.write_header(tmp_path / "x.safetensors", {name: list(shape) for name, shape in tensors.items()})
    with pytest.raises(BadModel, match=said):
        lay(path, 1.0, Folder(folder).parts)


def test_a_lora_costs_no_more_memory_than_one_module(
    parts: dict[str, torch.nn.Module], folder: Path, tmp_path: Path
) -> None:
    """Nothing of the file is held: the patches are made of names and places alone."""
    laid = lay(kohya_file(tmp_path / "k.safetensors", sgm=False, parts=parts), 1.0, Folder(folder).parts)
    for patches in laid.patches.values():
        for patch in patches.values():
            assert not any(isinstance(each, torch.Tensor) for each in vars(type(patch)).values())
            adapter = patch.func.__self__  # type: ignore[attr-defined]
            assert not any(isinstance(value, torch.Tensor) for value in adapter.entries.values())


def test_every_module_of_sdxl_is_known_by_its_original_name(shared: Path) -> None:
    import json

    from softextend.models.conditions.lora_names import place_of

    names = json.loads((shared / "golden" / "sdxl_keys.json").read_text())
    for name in names:
        own = name.removeprefix("model.diffusion_model.")
        if own == name or not name.endswith(".weight"):
            continue
        stem = own.removesuffix(".weight")
        wanted = str(unet_target(own)).removesuffix(".weight").replace(".", "_")
        for custom in ("lora_unet_" + stem.replace(".", "_"), "diffusion_model." + stem):
            assert place_of(custom) == ("unet", wanted)
