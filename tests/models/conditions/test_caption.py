"""Captions: sober words, a border's own, made once; by a tiny BLIP of random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tinycaptioners import WORDS, write_florence, write_llava

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


@pytest.mark.parametrize("write", [write_llava, write_florence], ids=["LLaVA", "Florence-2"])
def test_models_that_are_asked_or_given_a_task_describe(
    home: Path, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home / "model")
    describe = caption.load(str(home / "model"))
    shown: list[dict[str, Any]] = []
    generate = describe._model.generate
    monkeypatch.setattr(describe._model, "generate", lambda **given: (shown.append(given), generate(**given))[1])
    said = describe(Image.fromarray(PHOTO))
    assert set(said.split()) <= {*WORDS}
    assert "pixel_values" in shown[0]
    assert (shown[0]["input_ids"] == WORDS.index("<image>")).any()
    assert "<image>" not in said  # only what is new is read


def test_a_model_with_a_program_of_its_own_is_not_run(home: Path) -> None:
    """As Moondream comes: nothing of it is executed, nor is a question asked at the terminal."""
    (home / "moon").mkdir()
    names = {
        "AutoConfig": "mine.Config",
        "AutoModelForImageTextToText": "mine.Model",
        "AutoProcessor": "mine.Processor",
    }
    (home / "moon" / "config.json").write_text(json.dumps({"model_type": "moondream1", "auto_map": names}))
    (home / "moon" / "mine.py").write_text("raise SystemExit('run')")
    with pytest.raises(BadModel, match="brings a program of its own, which is not run"):
        caption.load(str(home / "moon"))


def test_an_empty_description_leaves_no_comma(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caption, "load", lambda name: lambda picture: "" if picture.size == (40, 30) else "a tree")
    assert caption.caption_photo(PHOTO, Sides(right=8), "x/y") == "at the right: a tree"
