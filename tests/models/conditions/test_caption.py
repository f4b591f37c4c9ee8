"""Captions: sober words, a border's own, made once; by a tiny BLIP of random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from softextend.errors import BadModel
from softextend.models.conditions import caption
from softextend.types import Sides

PHOTO = np.arange(30 * 40 * 3, dtype=np.uint8).reshape(30, 40, 3)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("A stunning view of a harbour at dusk.", "a harbour at dusk"),
        ("This image shows a beautiful blend of trees and water.", "trees and water"),
        ("there is a  truly breathtaking, quiet lake\nwith a boat.", "a quiet lake with a boat"),
        ("a photo of a red car", "a red car"),
        ("a quiet harbour", "a quiet harbour"),
        ("An amazing boat and a vibrant orange sky", "A boat and an orange sky"),
    ],
)
def test_flattery_and_openings_go(said: str, wanted: str) -> None:
    assert caption.sober(said) == wanted


def test_borders_that_grow_are_described_and_a_caption_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[int, int]] = []

    def load(name: str) -> Any:
        def describe(picture: Any) -> str:
            shown.append(picture.size)
            return "a tree" if picture.size == (13, 30) else "a field with a tree"

        return describe

    monkeypatch.setattr(caption, "load", load)
    sides = Sides(right=8)
    assert caption.caption_photo(PHOTO, sides, "x/y") == "a field with a tree, at the right: a tree"
    assert shown == [(40, 30), (13, 30)]
    assert caption.caption_photo(PHOTO, sides, "x/y") == "a field with a tree, at the right: a tree"
    assert len(shown) == 2
    caption.caption_photo(PHOTO, sides, "x/other")
    assert len(shown) == 4


def test_what_is_no_captioner_is_named(home: Path) -> None:
    (home / "empty").mkdir()
    (home / "empty" / "config.json").write_text("{}")
    with pytest.raises(BadModel, match=r"--caption .*empty: no image-to-text model that runs here"):
        caption.load(str(home / "empty"))


def test_a_blip_of_files_describes(home: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import BertTokenizerFast, BlipConfig, BlipForConditionalGeneration, BlipProcessor
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "tree", "sea", "boat", "sky", "red"]
    inner = Tokenizer(WordLevel({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    inner.pre_tokenizer = Whitespace()
    tokenizer = BertTokenizerFast(tokenizer_object=inner)
    text = {"vocab_size": 10, "hidden_size": 16, "encoder_hidden_size": 16, "num_hidden_layers": 1}
    text |= {"num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 80, "bos_token_id": 2}
    text |= {"eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0, "is_decoder": True}
    vision = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BlipConfig(text_config=text, vision_config={**vision, "image_size": 32, "patch_size": 16})
    BlipForConditionalGeneration(config).save_pretrained(home / "blip")
    size = {"height": 32, "width": 32}
    BlipProcessor(BlipImageProcessorPil(size=size), tokenizer).save_pretrained(home / "blip")
    said = caption.caption_photo(PHOTO, Sides(), str(home / "blip"))
    assert set(said.lower().split()) <= {*words, "[unk]"} | {word.lower() for word in words}
