"""Files that are no Stable Diffusion checkpoint: each kind by fragments of its tensors' names, as plain data."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

LORA_KINDS = {  # how each kind of low-rank or direct change names its tensors; kohya-ss, LyCORIS, PEFT
    "DoRA": (".dora_scale", ".lora_magnitude_vector", ".lora_magnitude_vector.weight"),
    "LoHa": (".hada_w1_a", ".hada_w2_a"),
    "LoKr": (".lokr_w1", ".lokr_w1_a", ".lokr_w2"),
    "GLoRA": (".a1.weight", ".b1.weight"),
    "OFT": (".oft_blocks", ".oft_diag", ".oft_R.weight"),
    "IA3": (".on_input", ".ia3_l"),
    "LoRA": (
        ".lora_up.weight",
        ".lora_down.weight",
        ".lora_A.weight",
        ".lora_B.weight",
        ".lora_A.default.weight",
        ".lora.up.weight",
        ".lora.down.weight",
        "_lora.up.weight",
        "_lora.down.weight",
    ),
    "full difference": (".diff", ".diff_b"),
}
NOT_HERE = "take an SDXL or Stable Diffusion 1.x or 2.x checkpoint"


@dataclass(frozen=True, kw_only=True, slots=True)
class Other:
    """A kind of file: all of `marks` are in its names; see `has_mark`."""

    kind: str
    what: str
    marks: tuple[str, ...]
    without: tuple[str, ...] = ()
    remedy: str = NOT_HERE

    def fits(self, names: Collection[str]) -> bool:
        """Whether a file with these tensors is one."""
        return all(has_mark(names, mark) for mark in self.marks) and not any(has_mark(names, m) for m in self.without)


def has_mark(names: Collection[str], mark: str) -> bool:
    """Whether one of the names has the fragment: `^` before it, it begins with it; `$` behind, it ends with it."""
    if mark.startswith("^"):
        return any(name.startswith(mark[1:]) for name in names)
    if mark.endswith("$"):
        return any(name.endswith(mark[:-1]) for name in names)
    return any(mark in name for name in names)


UNUSED = "no option takes it"
NO_MODEL = "no model that runs here takes it"
CONTROL = "give it as --control FILE beside --model CHECKPOINT"
INSTEAD = "take a ControlNet, as --control"
IMAGE_PROMPT = "it goes with --image-prompt, beside --model CHECKPOINT"
ENCODER = "it goes with an IP-Adapter, which --image-prompt uses"
EMBEDDING = "give it as --embedding NAME=FILE"
ONLY_FOUR = "--vae takes those of Stable Diffusion and SDXL"
TAESD, ESRGAN = "a TAESD preview decoder", "an upscaler (ESRGAN)"
PREVIEW = "give it as --preview-vae FILE beside --model CHECKPOINT"


def _one(kind: str, what: str, *marks: str, remedy: str = NOT_HERE, without: tuple[str, ...] = ()) -> Other:
    return Other(kind=kind, what=what, marks=marks, without=without, remedy=remedy)


def _control(what: str, *marks: str, remedy: str = CONTROL) -> Other:
    return _one("control", what, *marks, remedy=remedy)


def _model(what: str, *marks: str, without: tuple[str, ...] = ()) -> Other:
    return _one("other-model", what, *marks, without=without)


OTHERS = (  # the first that fits
    # --- conditions laid over a checkpoint
    _one("image-prompt", "an IP-Adapter", "to_k_ip", remedy=IMAGE_PROMPT),
    _one("image-prompt", "an IP-Adapter", "^ip_adapter.", remedy=IMAGE_PROMPT),
    _control("a ControlNet-LLLite", "^lllite_", remedy=UNUSED),
    _control("a Control-LoRA", "^lora_controlnet", remedy="take the full ControlNet"),
    _control("a ControlNet for Flux, SD3 or Qwen-Image", "controlnet_blocks.", remedy=NO_MODEL),
    _control("a union ControlNet", "control_add_embedding."),
    _control("a union ControlNet", "task_embedding", "controlnet_cond_embedding."),
    _control("a ControlNet", "controlnet_cond_embedding."),
    _control("a ControlNet", "^control_model."),
    _control("a ControlNet", "^controlnet_"),
    _control("a ControlNet", "input_hint_block."),
    _one("adapter", "a T2I-Adapter", "^adapter.body.", remedy=INSTEAD),
    _one("adapter", "a T2I-Adapter", "^body.0.", ".block1.weight$", remedy=INSTEAD),
    _one("embedding", "a textual inversion", "^emb_params", remedy=EMBEDDING),
    _one("embedding", "a textual inversion", "^string_to_param", remedy=EMBEDDING),
    _one("motion", "an AnimateDiff motion module", "motion_modules.", remedy=UNUSED),
    _one("id", "an InstantID or PhotoMaker adapter", "^id_encoder.", remedy=UNUSED),
    # --- models of other families, with and without the prefix of single files
    _model("a Stable Video Diffusion model", "time_stack."),
    _model("a Chroma model", "distilled_guidance_layer."),
    _model("a HunyuanVideo model", "txt_in.individual_token_refiner."),
    _model("a Flux model", "double_blocks."),
    _model("a Flux model", "single_transformer_blocks."),
    _model("a Flux.2 model", "double_stream_modulation_img"),
    _model("an SD3 model", "joint_blocks."),
    _model("a HiDream model", "double_stream_blocks."),
    _model("an AuraFlow model", "double_layers."),
    _model("a Qwen-Image model", "transformer_blocks.", ".img_mlp."),
    _model("an LTX-Video model", "transformer_blocks.", "scale_shift_table", "patchify_proj."),
    _model("an SD3 model", "transformer_blocks.", "add_q_proj."),
    _model("a Z-Image model", "noise_refiner.", "x_pad_token"),
    _model("a Z-Image model", "noise_refiner.", "all_final_layer"),
    _model("a Lumina model", "noise_refiner."),
    _model("a PixArt or Sana model", "adaln_single."),
    _model("a PixArt model", "t_block.1."),
    _model("a Wan model", "blocks.0.self_attn.", "blocks.0.cross_attn.", without=("llm_adapter.", "adaln_modulation")),
    _model("a Cosmos or Anima model", "adaln_modulation_self_attn"),
    _model("a Stable Cascade model", "clip_txt_mapper."),
    _model("a Stable Cascade model", "effnet_mapper."),
    _model("a Kolors model", "encoder_hid_proj.", "attn2.to_k."),
    _model("a Kandinsky model", "encoder_hid_proj.image_embeds"),
    # --- parts
    _one("vision", "a CLIP vision encoder", "vision_model.", remedy=ENCODER, without=("^model.diffusion_model.",)),
    _one("vision", "a CLIP vision encoder", "^visual.", "conv1.weight$", remedy=ENCODER),
    _one("text", "a T5 text encoder", ".SelfAttention.q.", remedy=NO_MODEL),
    _one(
        "text",
        "a language model (Qwen, Gemma, Llama and others)",
        "layers.0.self_attn.q_proj.",
        "layers.0.mlp.gate_proj.",
        remedy=NO_MODEL,
    ),
    _one("taesd", TAESD, "^decoder.layers.", remedy=PREVIEW),
    _one("taesd", TAESD, "^taesd_", remedy=PREVIEW),
    _one("taesd", TAESD, "^1.weight", "conv.0.weight$", "conv.4.weight$", remedy=PREVIEW, without=("^0.weight",)),
    _one("taesd", "a TAESD encoder", "^0.weight", "conv.0.weight$", "conv.4.weight$", remedy="take its decoder"),
    _one("taesd", "a TAESD encoder", "^encoder.layers.", remedy="take its decoder", without=("^decoder.layers.",)),
    _one("other-vae", "a Wan or Qwen-Image VAE", "^decoder.conv1.", "residual.", remedy=ONLY_FOUR),
    _one("other-vae", "a VAE for video", "decoder.conv_in.conv.", remedy=ONLY_FOUR),
    _one("upscaler", ESRGAN, "^model.1.sub.0.", remedy=UNUSED),
    _one("upscaler", ESRGAN, "^conv_first.", "rdb1.", remedy=UNUSED),
    _one("upscaler", ESRGAN, "^params_ema.", remedy=UNUSED),
    _one("upscaler", "an upscaler (SwinIR, HAT or DAT)", "^conv_first.", "^layers.0.", remedy=UNUSED),
    _one("upscaler", "an upscaler (compact ESRGAN)", "^body.0.weight", "^body.1.weight", remedy=UNUSED),
)
