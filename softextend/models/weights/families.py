"""What a safetensors file is, by its tensors' names and shapes: a checkpoint, a part of one, or something else."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from softextend.models.weights.header import Entry, Header
from softextend.models.weights.others import LORA_KINDS, OTHERS, has_mark

Family = Literal["sdxl", "sd1", "sd2"]
TITLES = {"sdxl": "SDXL", "sd1": "Stable Diffusion 1.x", "sd2": "Stable Diffusion 2.x", "refiner": "the SDXL refiner"}
UNET = "model.diffusion_model."
VAE = "first_stage_model."
CONTEXTS = {768: "sd1", 1024: "sd2", 2048: "sdxl", 1280: "refiner"}  # width of the prompt that a UNet attends to
TEXT = {  # where each family's single files keep their text encoders
    "sdxl": ("conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."),
    "sd1": ("cond_stage_model.transformer.",),
    "sd2": ("cond_stage_model.model.",),
}
COND_PROJ = ("time_embed.cond_proj.weight", "time_embedding.cond_proj.weight")
CONV_IN = ("model.diffusion_model.input_blocks.0.0.weight", "input_blocks.0.0.weight", "conv_in.weight")
RUNS = (4, 9)  # channels in: text to image, inpainting
UNCLIP = "an unCLIP model (its UNet takes a picture's embedding)"
OTHER_CHANNELS = {
    5: "a depth model (its UNet takes the picture's depth): take the base or the inpainting checkpoint",
    7: "an upscaler (its UNet takes a small picture): take the base checkpoint",
    8: "an editing model (its UNet takes a picture to edit by instructions, as InstructPix2Pix and CosXL Edit): "
    "take the base or the inpainting checkpoint",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """What a file is. `kind`: checkpoint, unet, lora, vae, control, ...; `fault`: why it is no model to run."""

    kind: str
    what: str  # `an SDXL inpainting checkpoint`, `a LoRA for SDXL`
    family: str | None = None  # sdxl, sd1, sd2, refiner; None where it belongs to none of them
    channels: int = 4  # that a UNet takes
    fault: str | None = None
    missing: tuple[str, ...] = ()  # parts of a checkpoint


def identify(header: Header) -> Identity:
    """By the names that tools give to tensors; a file that runs as it is has no `fault`."""
    tensors = header.tensors
    lora = next((kind for kind, ends in LORA_KINDS.items() if any(name.endswith(ends) for name in tensors)), None)
    if lora:
        return _lora(lora, tensors)
    for other in OTHERS:
        if other.fits(tensors):
            return Identity(kind=other.kind, what=other.what, fault=f"{other.what}: {other.remedy}")
    if any(name.startswith(UNET) or name == "input_blocks.0.0.weight" for name in tensors):
        return _checkpoint(tensors)
    if has_mark(tensors, "^down_blocks.") and has_mark(tensors, "^conv_in."):
        return _unet_alone(tensors, context_family(tensors))
    return _part(tensors)


def quantised(tensors: dict[str, Entry]) -> str | None:
    """How a file's weights are packed, where they cannot be read as numbers; scaled fp8 can."""
    if has_mark(tensors, "bitsandbytes__nf4"):
        return "NF4 (bitsandbytes)"
    if has_mark(tensors, "bitsandbytes__fp4"):
        return "FP4 (bitsandbytes)"
    if has_mark(tensors, ".SCB$"):
        return "int8 (bitsandbytes)"
    packed = {entry.dtype for name, entry in tensors.items() if name.endswith(".weight")} & {"I8", "U8", "I32", "F4"}
    names = {"I8": "int8", "U8": "uint8", "I32": "int32", "F4": "FP4"}
    return " and ".join(names[each] for each in sorted(packed)) or None


def takes_guidance(tensors: Collection[str]) -> bool:
    """Whether the UNet takes the guidance as an input, as full latent consistency models do."""
    return any(name.endswith(COND_PROJ) for name in tensors)


def context_family(tensors: dict[str, Entry]) -> str | None:
    """The family whose prompts a UNet attends to, by the width of its keys; None for another."""
    for name, entry in tensors.items():
        if "attn2" in name and "to_k" in name and name.endswith(("weight", "lora_A.weight")) and len(entry.shape) >= 2:
            found = CONTEXTS.get(entry.shape[1])
            if found and "lora_up" not in name and "lora_B" not in name:
                return found
    return None


def _checkpoint(tensors: dict[str, Entry]) -> Identity:
    """A single file with a UNet in the original layout."""
    present = {family: [mark for mark in marks if has_mark(tensors, "^" + mark)] for family, marks in TEXT.items()}
    family = next((name for name, found in present.items() if found), None)
    if has_mark(tensors, "^conditioner.embedders.0.model."):
        what = "the SDXL refiner"
        fault = f"{what}: take the base checkpoint; this is its --refiner"
        return Identity(kind="refiner", family="refiner", what=what, fault=fault)
    if family is None:
        return _unet_alone(tensors, context_family(tensors))
    channels = _channels(tensors)
    words = " inpainting" if channels == 9 else ""
    found = Identity(kind="checkpoint", family=family, channels=channels, what=f"{_article(family)}{words} checkpoint")
    return replace(found, missing=_missing(tensors, family), fault=_fault(tensors, family, channels))


def _fault(tensors: dict[str, Entry], family: str, channels: int) -> str | None:
    if channels not in RUNS:
        return OTHER_CHANNELS.get(channels, f"a model whose UNet takes {channels} channels: take the base checkpoint")
    packed = quantised(tensors)
    if packed:
        return f"{_article(family)} checkpoint in {packed}, which cannot be read: take a 16-bit or fp8 one"
    if (family == "sdxl") != has_mark(tensors, "^" + UNET + "label_emb."):
        told = "no SDXL model: its UNet takes no picture size"
        return told if family == "sdxl" else f"{UNCLIP}: take the base checkpoint"
    if has_mark(tensors, ".fuser.") or has_mark(tensors, "position_net."):
        return "a GLIGEN model (its UNet takes boxes with words): take the base checkpoint"
    missing = _missing(tensors, family)
    if missing == ("the VAE",):
        return f"{_article(family)} checkpoint without the VAE: add --vae FILE, or take the full checkpoint"
    if missing:
        return f"a UNet without {' and '.join(missing)}: give it as --unet FILE over --model CHECKPOINT"
    return None


def _missing(tensors: dict[str, Entry], family: str) -> tuple[str, ...]:
    names = ("the first text encoder", "the second text encoder") if family == "sdxl" else ("the text encoder",)
    marks = dict(zip(names, TEXT[family], strict=True)) | {"the VAE": VAE}
    return tuple(what for what, mark in marks.items() if not has_mark(tensors, "^" + mark))


def _unet_alone(tensors: dict[str, Entry], family: str | None) -> Identity:
    channels, packed = _channels(tensors), quantised(tensors)
    inpainting = "inpainting " if channels == 9 else ""
    what = f"{_article(family) if family else 'a'} {inpainting}UNet alone, without text encoders and VAE"
    if packed:
        fault = f"{what}, in {packed}, which cannot be read: take a 16-bit or fp8 one"
    elif family is None and context_width(tensors) is None:
        what = "a UNet of an unknown family"
        fault = f"{what}: take an SDXL or Stable Diffusion checkpoint"
    elif channels not in RUNS:
        fault = OTHER_CHANNELS.get(channels, f"a UNet that takes {channels} channels: take the base checkpoint")
    else:
        fault = f"{what}: give it as --unet FILE over --model CHECKPOINT, or take the full checkpoint"
    return Identity(kind="unet", family=family, channels=channels, what=what, fault=fault)


def context_width(tensors: dict[str, Entry]) -> int | None:
    """Width of the prompt that a UNet attends to; None for a network without such attention."""
    found = (each.shape[1] for name, each in tensors.items() if name.endswith("attn2.to_k.weight"))
    return next(found, None)


def _channels(tensors: dict[str, Entry]) -> int:
    """That the UNet takes; 4 where the file does not say."""
    for name in CONV_IN:
        if name in tensors and len(tensors[name].shape) == 4:
            return tensors[name].shape[1]
    return 4


def _part(tensors: dict[str, Entry]) -> Identity:
    """What is no network of its own in a file that people take for one."""
    decoder = next((entry for name, entry in tensors.items() if name.endswith("decoder.conv_in.weight")), None)
    if decoder is not None and len(decoder.shape) == 4:
        if decoder.shape[1] == 4:
            return Identity(kind="vae", what="a VAE", fault="a VAE: give it as --vae FILE beside --model CHECKPOINT")
        what = f"a VAE of {decoder.shape[1]} latent channels (Flux, SD3, Z-Image and others)"
        return Identity(kind="other-vae", what=what, fault=f"{what}: --vae takes those of 4 channels")
    if has_mark(tensors, "text_model.") or has_mark(tensors, "transformer.resblocks."):
        what = "a CLIP text encoder"
        return Identity(kind="text", what=what, fault=f"{what}: take a full checkpoint, which has its own")
    if tensors and len(tensors) <= 8 and all(_is_embedding(entry) for entry in tensors.values()):
        what = "a textual inversion"
        return Identity(kind="embedding", what=what, fault=f"{what}: give it as --embedding NAME=FILE")
    return Identity(kind="unknown", what="no image model that is known here", fault="no image model that is known here")


def _is_embedding(entry: Entry) -> bool:
    return len(entry.shape) in (1, 2) and entry.shape[-1] in (768, 1024, 1280) and entry.dtype.startswith(("F", "BF"))


def _lora(kind: str, tensors: dict[str, Entry]) -> Identity:
    family = lora_family(tensors)
    title = TITLES.get(family, family) if family else None
    what = f"a LoRA{'' if kind == 'LoRA' else f' ({kind})'}{f' for {title}' if title else ''}"
    own = family is None or family in TITLES
    fault = f"{what}: " + (
        "give it as --lora FILE beside --model CHECKPOINT" if own else "no model that runs here takes it"
    )
    return Identity(kind="lora", family=family, what=what, fault=fault)


LORA_MARKS = {  # fragments of the module names that a LoRA changes
    "Flux": ("double_blocks", "single_transformer_blocks"),
    "SD3": ("joint_blocks", "joint_transformer_blocks"),
    "Qwen-Image": ("img_mlp", "img_mod"),
    "Z-Image": ("noise_refiner", "layers.0.attention", "layers_0_attention"),
    "Wan": ("blocks.0.cross_attn", "blocks_0_cross_attn"),
}
SDXL_LORA = ("lora_te2_", "text_encoder_2.", "lora_te1_", "lora_unet_label_emb", "add_embedding")


def lora_family(tensors: dict[str, Entry]) -> str | None:
    """The family that a LoRA was made for: a key of TITLES, another's name, None where it does not show."""
    for family, marks in LORA_MARKS.items():
        if any(mark in name for name in tensors for mark in marks):
            return family
    if any(mark in name for name in tensors for mark in SDXL_LORA):
        return "sdxl"
    deep = re.compile(r"transformer_blocks[._][2-9][._]")  # only SDXL's UNet has so many in one place
    if any(deep.search(name) and "lora_te" not in name for name in tensors):
        return "sdxl"
    return context_family(tensors)


def _article(family: str) -> str:
    title = TITLES[family]
    return title if title.startswith("the") else f"{'an' if title.startswith('SDXL') else 'a'} {title}"
