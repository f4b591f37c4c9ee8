"""Files that people give as a model: each made here, with the line that `softextend models` says of it."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from running import Run
from safetensors.torch import save_file

from softextend.models import load
from softextend.models.find import resolve_model

PAGE = Path(__file__).parents[2] / "docs" / "model-files.md"
UNET, VAE = "model.diffusion_model.", "first_stage_model."
Shapes = Mapping[str, list[int]]
SDXL_TEXT = {
    "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight": [768],
    "conditioner.embedders.1.model.ln_final.weight": [1280],
}
SD1_TEXT = {"cond_stage_model.transformer.text_model.final_layer_norm.weight": [768]}
SD2_TEXT = {"cond_stage_model.model.ln_final.weight": [1024]}
DECODER_IN, CONV_IN = VAE + "decoder.conv_in.weight", UNET + "input_blocks.0.0.weight"
DECODER = {VAE + "decoder.conv_in.weight": [512, 4, 3, 3]}


def unet(context: int, channels: int = 4, prefix: str = UNET) -> dict[str, list[int]]:
    """A few tensors of a UNet in the original layout."""
    key = prefix + "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"
    return {prefix + "input_blocks.0.0.weight": [320, channels, 3, 3], key: [640, context]}


def sdxl(channels: int = 4, **more: list[int]) -> dict[str, list[int]]:
    return {**unet(2048, channels), UNET + "label_emb.0.0.weight": [1280, 2816], **SDXL_TEXT, **DECODER, **more}


def sd1(channels: int = 4) -> dict[str, list[int]]:
    return {**unet(768, channels), **SD1_TEXT, **DECODER}


def sd2(channels: int = 4) -> dict[str, list[int]]:
    return {**unet(1024, channels), **SD2_TEXT, **DECODER}


@dataclass(frozen=True)
class Format:
    """A file and what is said of it; code 0: it runs."""

    name: str
    shapes: Shapes
    said: str
    code: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    dtype: str = "F16"
    dtypes: Mapping[str, str] = field(default_factory=dict)  # by the ends of names


def runs(name: str, shapes: Shapes, said: str, **more: object) -> Format:
    return Format(name, shapes, said, **more)  # type: ignore[arg-type]


def wrong(name: str, shapes: Shapes, said: str, **more: object) -> Format:
    return Format(name, shapes, said, 1, **more)  # type: ignore[arg-type]


DOWN = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight"
HINT = {"controlnet_cond_embedding.conv_in.weight": [16, 3, 3, 3]}
LORA = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
FORMATS = [
    # --- checkpoints that run
    runs("photo", sdxl(), "family: SDXL, predicts epsilon"),
    runs("photo-bf16", sdxl(), "family: SDXL, predicts epsilon", dtype="BF16"),
    runs("photo-fp32", sdxl(), "family: SDXL, predicts epsilon", dtype="F32"),
    runs("photo-fp8", sdxl(), "family: SDXL, predicts epsilon", dtype="F8_E4M3"),
    runs("photo-fp8-scaled", sdxl(scaled_fp8=[1]), "family: SDXL, predicts epsilon", dtype="F8_E4M3"),
    runs("sdxl-inpainting", sdxl(9), "family: SDXL, inpainting (9 channels), predicts epsilon"),
    runs("v1-5-pruned", sd1(), "family: Stable Diffusion 1.x, predicts epsilon"),
    runs(
        "sd15-old-text",
        {**unet(768), **DECODER, "cond_stage_model.transformer.embeddings.x": [1]},
        "family: Stable Diffusion 1.x, predicts epsilon",
    ),
    runs("sd-v1-5-inpainting", sd1(9), "family: Stable Diffusion 1.x, inpainting (9 channels), predicts epsilon"),
    runs("v2-1_768-ema-pruned", sd2(), "family: Stable Diffusion 2.x, predicts v"),
    runs("v2-1_512-ema-pruned", sd2(), "family: Stable Diffusion 2.x, predicts epsilon"),
    runs("512-inpainting-ema", sd2(9), "family: Stable Diffusion 2.x, inpainting (9 channels), predicts epsilon"),
    runs("sd_turbo", sd2(), "profile: few-step"),
    # --- what was trained to predict something else than noise
    runs("by-key", sdxl(v_pred=[0]), "predicts v\n"),
    runs("by-keys", sdxl(v_pred=[0], ztsnr=[0]), "predicts v-zero-snr"),
    runs("by-spec", sdxl(), "predicts v-zero-snr", metadata={"modelspec.prediction_type": "v"}),
    runs("by-kohya", sdxl(), "predicts v-zero-snr", metadata={"ss_v_parameterization": "True"}),
    runs(
        "no-zero", sdxl(), "predicts v\n", metadata={"ss_v_parameterization": "True", "ss_zero_terminal_snr": "False"}
    ),
    runs("mixVPred", sdxl(), "profile: sdxl-v-pred"),
    runs("says-VPred", sdxl(), "predicts epsilon", metadata={"modelspec.prediction_type": "epsilon"}),
    runs("renamed", sdxl(**{"edm_vpred.sigma_max": [1], "edm_vpred.sigma_min": [1]}), "predicts edm-v", dtype="F32"),
    runs("playground", sdxl(edm_mean=[1, 4, 1, 1], edm_std=[1, 4, 1, 1]), "predicts edm"),
    runs("playground-v2.5-1024px-aesthetic.fp16", sdxl(), "profile: sdxl-edm"),
    runs("rectified_flow_mix", sdxl(), "predicts flow"),
    runs("sd2-by-spec", sd2(), "predicts epsilon", metadata={"modelspec.architecture": "stable-diffusion-v2-512"}),
    # --- distilled models
    runs("sdxl_lightning_4step", sdxl(), "strength 0.85, 4 steps"),
    runs("model", sdxl(), "profile: few-step", metadata={"modelspec.title": "RealVis V4 Lightning"}),
    runs("bigmix_DMD2", sdxl(), "trained at t = 999, 749, 499, 249"),
    runs("Hyper-SDXL-8steps-CFG", sdxl(), "sampler: ddim, guidance 5, trailing timesteps"),
    runs("sd_xl_turbo_1.0_fp16", sdxl(), "window: 512 px"),
    runs("SDXL-TCD", sdxl(), "sampler: tcd"),
    wrong("sdxl_lightning_1step_x0", sdxl(), "predicts the picture in one step"),
    # --- checkpoints and parts of them that do not run
    wrong("cosxl_edit", sdxl(8), "an editing model"),
    wrong("instruct-pix2pix", sd1(8), "an editing model"),
    wrong("512-depth-ema", sd2(5), "a depth model"),
    wrong("x4-upscaler-ema", sd2(7), "an upscaler"),
    wrong("refiner", {**unet(1280), **DECODER, "conditioner.embedders.0.model.x": [1]}, "--refiner"),
    wrong(
        "no-vae", {**unet(2048), UNET + "label_emb.0.0.weight": [1, 1], **SDXL_TEXT}, "without the VAE: add --vae FILE"
    ),
    wrong("no-text", {**unet(2048), UNET + "label_emb.0.0.weight": [1, 1], **DECODER}, "an SDXL UNet alone.*--unet"),
    wrong("unet-only", unet(2048, prefix=""), "an SDXL UNet alone.*--unet"),
    wrong("unet-diffusers", {"conv_in.weight": [320, 4, 3, 3], DOWN: [640, 2048]}, "an SDXL UNet alone.*--unet"),
    wrong("unet-inpaint", {"conv_in.weight": [320, 9, 3, 3], DOWN: [640, 768]}, "1.x inpainting UNet alone"),
    wrong("nf4", sdxl(**{UNET + "out.weight.quant_state.bitsandbytes__nf4": [8]}), r"NF4 \(bitsandbytes\)"),
    wrong("int8", sdxl(**{UNET + "out.SCB": [8]}), r"int8 \(bitsandbytes\)"),
    wrong("int8-plain", sdxl(), "checkpoint in int8, which", dtypes={"to_k.weight": "I8"}),
    runs("full", sdxl(**{UNET + "time_embed.cond_proj.weight": [320, 256]}), "sampler: lcm, guidance 8"),
    wrong(
        "vae-ft-mse",
        {"decoder.conv_in.weight": [512, 4, 3, 3], "encoder.conv_in.weight": [128, 3, 3, 3]},
        "a VAE: give it as --vae",
    ),
    wrong("ae", {"decoder.conv_in.weight": [512, 16, 3, 3]}, "16 latent channels"),
    wrong("clip_l", {"text_model.final_layer_norm.weight": [768]}, "a CLIP text encoder"),
    wrong("sd21-unclip-h", {**sd2(), UNET + "label_emb.0.0.weight": [8, 8]}, "an unCLIP model"),
    wrong("gligen", {**sd1(), UNET + "middle_block.1.transformer_blocks.0.fuser.linear.weight": [8]}, "a GLIGEN model"),
    # --- conditions
    wrong(
        "lora",
        {LORA + ".lora_down.weight": [8, 2048], LORA + ".lora_up.weight": [640, 8]},
        "a LoRA for SDXL: give it as --lora",
    ),
    wrong("lora15", {LORA + ".lora_down.weight": [8, 768]}, "a LoRA for Stable Diffusion 1.x: give it as --lora"),
    wrong(
        "lora-peft",
        {"unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight": [8, 2048]},
        "a LoRA for SDXL",
    ),
    wrong("loha", {LORA + ".hada_w1_a": [8, 8]}, r"a LoRA \(LoHa\)"),
    wrong("lokr", {LORA + ".lokr_w1": [8, 8]}, r"a LoRA \(LoKr\)"),
    wrong("dora", {LORA + ".lora_down.weight": [8, 2048], LORA + ".dora_scale": [1, 8]}, r"a LoRA \(DoRA\) for SDXL"),
    wrong("glora", {LORA + ".a1.weight": [8, 8], LORA + ".b1.weight": [8, 8]}, r"a LoRA \(GLoRA\)"),
    wrong("oft", {LORA + ".oft_blocks": [8, 8]}, r"a LoRA \(OFT\)"),
    wrong("ia3", {LORA + ".on_input": [1], LORA + ".weight": [8]}, r"a LoRA \(IA3\)"),
    wrong("full-diff", {LORA + ".diff": [8, 8]}, r"a LoRA \(full difference\)"),
    wrong(
        "flux-lora",
        {"transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight": [8, 8]},
        "a LoRA for Flux: no model",
    ),
    wrong(
        "ip-adapter",
        {"ip_adapter.1.to_k_ip.weight": [8, 8], "image_proj.proj.weight": [8, 8]},
        "an IP-Adapter.*--image-prompt",
    ),
    wrong(
        "controlnet",
        {**HINT, "down_blocks.0.x": [1], "conv_in.weight": [320, 4, 3, 3]},
        "a ControlNet: give it as --control",
    ),
    wrong(
        "controlnet-old",
        {"control_model.input_blocks.0.0.weight": [320, 4, 3, 3]},
        "a ControlNet: give it as --control",
    ),
    wrong("union", {"control_add_embedding.linear_1.weight": [8], **HINT}, "a union ControlNet"),
    wrong("t2i", {"adapter.body.0.resnets.0.block1.weight": [8]}, "a T2I-Adapter"),
    wrong("embedding", {"emb_params": [4, 768]}, "a textual inversion: give it as --embedding"),
    wrong("embedding-xl", {"clip_l": [4, 768], "clip_g": [4, 1280]}, "a textual inversion: give it as --embedding"),
    wrong("motion", {"down_blocks.0.motion_modules.0.x": [8]}, "an AnimateDiff motion module"),
    # --- parts and models of other families
    wrong("taesd", {"decoder.layers.0.weight": [8]}, "a TAESD preview decoder"),
    wrong("clip-vision", {"vision_model.embeddings.patch_embedding.weight": [8]}, "a CLIP vision encoder"),
    wrong("t5", {"encoder.block.0.layer.0.SelfAttention.q.weight": [8]}, "a T5 text encoder"),
    wrong(
        "qwen-text",
        {"model.layers.0.self_attn.q_proj.weight": [8], "model.layers.0.mlp.gate_proj.weight": [8]},
        "a language model",
    ),
    wrong("esrgan", {"model.1.sub.0.RDB1.conv1.0.weight": [8]}, "an upscaler"),
    wrong("flux1-dev", {"double_blocks.0.img_attn.norm.weight": [8]}, "a Flux model"),
    wrong("flux-full", {UNET + "double_blocks.0.img_attn.norm.weight": [8], **DECODER}, "a Flux model"),
    wrong("sd3", {UNET + "joint_blocks.0.x": [8]}, "an SD3 model"),
    wrong(
        "z_image",
        {"noise_refiner.0.x": [8], "x_pad_token": [8], "layers.0.attention.qkv.weight": [8]},
        "a Z-Image model",
    ),
    wrong("qwen_image", {"transformer_blocks.0.img_mlp.net.0.weight": [8]}, "a Qwen-Image model"),
    wrong("wan", {"blocks.0.self_attn.q.weight": [8], "blocks.0.cross_attn.q.weight": [8]}, "a Wan model"),
    wrong("svd", {UNET + "input_blocks.1.0.time_stack.x": [8]}, "a Stable Video Diffusion model"),
    wrong("nothing", {"weight": [8]}, "no image model that is known here"),
]


def write(path: Path, made: Format) -> Path:
    """A sparse safetensors file."""
    header: dict[str, object] = {"__metadata__": dict(made.metadata)} if made.metadata else {}
    end = 0
    for name, shape in made.shapes.items():
        dtype = next((each for tail, each in made.dtypes.items() if name.endswith(tail)), made.dtype)
        size = {"F16": 2, "BF16": 2, "F32": 4, "F8_E4M3": 1, "I8": 1}[dtype]
        start, end = end, end + size * prod(shape)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    return path


@pytest.mark.parametrize("made", FORMATS, ids=lambda made: made.name)
def test_a_file_is_taken_for_what_it_is(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Format
) -> None:
    """Of a few tensors: whether a network is complete is checked by other tests."""
    monkeypatch.setattr(load, "check_model", lambda *_, **__: None)
    path = write(tmp_path / f"{made.name}.safetensors", made)
    ran = run("models", "--model", path)
    assert ran.code == made.code
    if made.code:
        assert re.search(made.said, ran.err), ran.err
        assert ran.err.count("\n") == 1
    else:
        assert made.said in named(ran.out), ran.out


def test_the_page_shows_each(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Row by row what is printed; `pytest --refresh-golden` writes the rows anew."""
    monkeypatch.setattr(load, "check_model", lambda *_, **__: None)
    rows = []
    for made in FORMATS:
        path = write(tmp_path / f"{made.name}.safetensors", made)
        ran = run("models", "--model", path, "--explain", "--json")
        said = answer(ran.err) if ran.code else ", ".join(line(ran.facts[0]))
        because = (
            reasons(ran.facts[0]["because"]) if ran.facts else f"its {'name' if 'in its name' in said else 'tensors'}"
        )
        rows.append(f"| `{made.name}` | {said} | {because} | {ran.code} |")
    head, rule, _ = PAGE.read_text(encoding="utf-8").partition("|---|---|---|---|\n")
    page = head + rule + "\n".join(rows) + "\n"
    if request.config.getoption("--refresh-golden"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page


def line(facts: Mapping[str, Any]) -> Iterator[str]:
    """A model that runs, as the page shows it."""
    profile = facts["profile"]
    (stage,) = profile["stages"]
    inpainting = " inpainting" if facts["channels"] == 9 else ""
    yield f"{facts['family']}{inpainting}: predicts {facts['prediction']}"
    yield f"profile {profile['name']}"
    yield f"{profile['sampler']}{' trailing' if profile['trailing'] else ''}"
    yield f"guidance {profile['guidance']:g}"
    yield f"{stage['steps']} steps"
    if profile["trained_at"]:
        yield f"at t = {', '.join(f'{each:g}' for each in profile['trained_at'])}"
    yield f"{profile['window_px']} px"


def reasons(because: list[str]) -> str:
    """Why, without what says nothing."""
    told = (each.partition(": ")[2] for each in because)
    return "; ".join(each for each in told if "nothing" not in each)


def answer(message: str) -> str:
    """The message for what does not run, from where messages differ on."""
    return (
        message.strip()
        .partition(".safetensors: ")[2]
        .removeprefix("no checkpoint that runs here; its tensors look like ")
    )


@pytest.mark.parametrize(("spread", "said"), [(0.15, "v"), (0.05, "epsilon")])
def test_stable_diffusion_2_tells_by_its_weights(tmp_path: Path, spread: float, said: str) -> None:
    """What it predicts, whatever its name."""
    last = UNET + "output_blocks.11.1.transformer_blocks.0.norm1.bias"
    shapes = {name: [1] for name in sd2()} | {DECODER_IN: [1, 4, 1, 1], CONV_IN: [1, 4, 1, 1]}
    tensors = {name: torch.zeros(shape) for name, shape in shapes.items()}
    tensors[next(name for name in shapes if name.endswith("to_k.weight"))] = torch.zeros(1, 1024)
    tensors[last] = torch.tensor([spread, -spread] * 4)
    save_file(tensors, tmp_path / "renamed.safetensors")
    choice = resolve_model(str(tmp_path / "renamed.safetensors")).choice
    assert choice is not None
    assert choice.prediction.value == said
    assert "by its weights" in choice.because[-1]
    assert choice.profile.window == (768 if said == "v" else 512)


def named(table: str) -> str:
    """Rows of a table as `name: value` lines."""
    rows = (line.strip().partition("  ") for line in table.splitlines())
    return "".join(f"{name}: {value.strip()}\n" for name, _, value in rows)
