"""Stable Diffusion 1.x and 2.x from files: what differs from SDXL is one text encoder, and how it is kept and read."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from softextend.models.clip_tokenizer import ClipTokenizer, shipped_tokenizers
from softextend.models.sdxl.checkpoint import TEXT_ENCODERS, Layout
from softextend.models.sdxl.state_dict_keys import open_clip_targets
from softextend.models.weights.tensors import Piece

CONFIGS = Path(str(files("softextend"))) / "data"  # v1-5 and v2-1, as their authors published them
SD1_TEXT = "cond_stage_model.transformer."
SD2_TEXT = "cond_stage_model.model."


def sd1_text_pieces(names: list[str]) -> dict[str, Piece]:
    """Of a single file's names: the text encoder, in transformers' layout, with and without `text_model.`."""
    own = [name for name in names if name.startswith(SD1_TEXT)]
    return {name.removeprefix(SD1_TEXT).removeprefix("text_model."): Piece(name) for name in own}


def sd2_text_pieces(names: list[str]) -> dict[str, Piece]:
    """Of a single file's names: the text encoder, in open_clip's layout; its last block is not used."""
    own = [name for name in names if name.startswith(SD2_TEXT)]
    return {
        target: replace(piece, name=SD2_TEXT + piece.name)
        for name in own
        for target, piece in open_clip_targets(name.removeprefix(SD2_TEXT)).items()
    }


def _first_tokenizer() -> tuple[ClipTokenizer, ...]:
    return shipped_tokenizers()[:1]


def _second_tokenizer() -> tuple[ClipTokenizer, ...]:
    return shipped_tokenizers()[1:]


SD1 = Layout(
    configs=CONFIGS / "sd1",
    encoders={"text_encoder": TEXT_ENCODERS["text_encoder"]},
    pieces=(sd1_text_pieces,),
    tokenizers=_first_tokenizer,
    penultimate=False,
    pooled=False,
    empty_is_zero=False,
)
SD2 = replace(SD1, configs=CONFIGS / "sd2", pieces=(sd2_text_pieces,), tokenizers=_second_tokenizer)
