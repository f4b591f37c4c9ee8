"""Tiny vision-language models of random weights, as transformers' folders: one that chats, one that has tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

WORDS = ["<pad>", "<s>", "</s>", "<unk>", "<image>", "tree", "sea", "boat", "sky", "red"]
CHAT = (
    "{% for m in messages %}{% for c in m['content'] %}{% if c['type'] == 'image' %}<image> {% else %}{{ c['text'] }}"
    "{% endif %}{% endfor %}{% endfor %}"
)


def tokenizer() -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    inner.pre_tokenizer = Whitespace()
    special = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=inner, **special, extra_special_tokens={"image_token": "<image>"})


def write_llava(path: Path) -> None:
    """One that is asked a question about a picture."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    torch.manual_seed(0)
    small: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}
    ids = {"vocab_size": len(WORDS), "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    config = LlavaConfig(
        text_config=LlamaConfig(**small, **ids, num_hidden_layers=1, num_key_value_heads=2),
        vision_config=CLIPVisionConfig(**small, num_hidden_layers=2, image_size=28, patch_size=14),
        image_token_index=WORDS.index("<image>"),
    )
    LlavaForConditionalGeneration(config).save_pretrained(path)
    LlavaProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size=28),
        tokenizer(),
        patch_size=14,
        vision_feature_select_strategy="default",
        chat_template=CHAT,
        num_additional_image_tokens=1,
    ).save_pretrained(path)


def write_florence(path: Path) -> None:
    """One that is given the name of a task."""
    from transformers import BartConfig, Florence2Config, Florence2ForConditionalGeneration, Florence2Processor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    torch.manual_seed(0)
    vision = {"depths": (1, 1), "patch_size": (7, 3), "patch_stride": (4, 2), "patch_padding": (3, 1)}
    vision |= {"patch_prenorm": (False, True), "embed_dim": (8, 16), "num_heads": (2, 2), "num_groups": (2, 2)}
    vision |= {"window_size": 4, "projection_dim": 16, "max_temporal_embeddings": 8, "max_position_embeddings": 50}
    layers = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    ids = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "decoder_start_token_id": 2}
    text = BartConfig(vocab_size=len(WORDS), d_model=16, encoder_ffn_dim=32, decoder_ffn_dim=32, **layers, **ids)
    config = Florence2Config(text_config=text.to_dict(), vision_config=vision, image_token_id=WORDS.index("<image>"))
    Florence2ForConditionalGeneration(config).save_pretrained(path)
    size = {"height": 32, "width": 32}
    pictures = CLIPImageProcessorPil(size=size, crop_size=size)
    pictures.image_seq_length = 17  # 4 x 4 patches and their mean
    Florence2Processor(pictures, tokenizer(), num_additional_image_tokens=0).save_pretrained(path)
