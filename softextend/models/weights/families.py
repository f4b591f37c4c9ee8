"""What a safetensors file is, by the names of its tensors."""

from __future__ import annotations

from softextend.models.weights.header import Entry, Header


def detect_family(header: Header) -> str | None:
    """None for a complete SDXL checkpoint in its original layout, else what the tensors' names say it is."""
    tensors = header.tensors
    has = {mark: any(mark in name for name in tensors) for mark in MARKS}
    if any(name.endswith(LORA_ENDS) for name in tensors):
        return "a LoRA: merge it into an SDXL checkpoint first"
    if has["control_model."] or has["controlnet_"] or has["input_hint_block"]:
        return "a ControlNet"
    if has["double_blocks."] or has["joint_blocks."]:
        return "a Flux or SD3 model"
    if has["cond_stage_model.transformer."]:
        return "a Stable Diffusion 1.x checkpoint"
    if has["cond_stage_model.model."]:
        return "a Stable Diffusion 2.x checkpoint"
    if has["model.diffusion_model."] and has["conditioner.embedders.0.model."]:
        return "the SDXL refiner: take the base checkpoint"
    if has["model.diffusion_model."] or has["add_embedding.linear_1"] or has["input_blocks.0.0"]:
        return _unet_family(tensors, has)
    if has["decoder.conv_in.weight"]:
        return "a VAE: give it as --vae"
    if has["text_model."]:
        return "a text encoder"
    return "no image model that is known here"


MARKS = (
    "model.diffusion_model.",
    "label_emb.",
    "input_blocks.0.0",
    "add_embedding.linear_1",
    "conditioner.embedders.0.model.",
    "conditioner.embedders.0.transformer.",
    "conditioner.embedders.1.model.",
    "cond_stage_model.transformer.",
    "cond_stage_model.model.",
    "first_stage_model.",
    "control_model.",
    "controlnet_",
    "input_hint_block",
    "double_blocks.",
    "joint_blocks.",
    "decoder.conv_in.weight",
    "text_model.",
)
LORA_ENDS = (".lora_up.weight", ".lora_down.weight", ".lora_A.weight", ".lora_B.weight", ".hada_w1_a", ".lokr_w1")


def _unet_family(tensors: dict[str, Entry], has: dict[str, bool]) -> str | None:
    needed = {
        "the first text encoder": "conditioner.embedders.0.transformer.",
        "the second text encoder": "conditioner.embedders.1.model.",
        "the VAE": "first_stage_model.",
    }
    missing = [what for what, mark in needed.items() if not has[mark]]
    if missing:
        return f"a UNet without {' and '.join(missing)}: take the full checkpoint"
    if not has["label_emb."]:
        return "no SDXL model: its UNet takes no picture size"
    conv_in = tensors.get("model.diffusion_model.input_blocks.0.0.weight")
    if conv_in is None or len(conv_in.shape) != 4 or conv_in.shape[1] != 4:
        return "an inpainting or editing checkpoint (its UNet takes more than 4 channels): take the base checkpoint"
    return None
