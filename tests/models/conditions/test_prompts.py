"""Prompts: weights in both customs equal the published ones, long ones split at commas, words that files taught."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import tinysdxl
import torch
from safetensors.torch import save_file
from tolerances import network

from softextend.errors import BadModel, BadRequest
from softextend.models.clip_tokenizer import folder_tokenizer, shipped_tokenizers
from softextend.models.conditions.laid_over import LaidOver
from softextend.models.conditions.prompt_weights import loras, notes, parse
from softextend.models.conditions.textual_inversion import read_vectors
from softextend.models.profiles import SDXL_PROFILE
from softextend.models.sdxl.checkpoint import Folder
from softextend.models.sdxl.model import SdxlModel
from softextend.options import Prompt

CPU = torch.device("cpu")
NO_PHOTO: Any = None
A1111 = [  # the examples that the web UI publishes beside its parser
    ("normal text", [("normal text", 1.0)]),
    ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
    ("(unbalanced", [("unbalanced", 1.1)]),
    (r"\(literal\]", [("(literal]", 1.0)]),
    ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
    (
        "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
        [
            ("a ", 1.0),
            ("house", 1.573),
            (" ", 1.1),
            ("on", 1.0),
            (" a ", 1.1),
            ("hill", 0.55),
            (", sun, ", 1.1),
            ("sky", 1.4641),
            (".", 1.1),
        ],
    ),
    ("a: b (c:d)", [("a: b ", 1.0), ("c:d", 1.1)]),
    ("", [("", 1.0)]),
    ("[[w]]", [("w", 1 / 1.21)]),
    ("(word:1.3)", [("word", 1.3)]),
]
COMPEL = [
    ("(large plants)++", [("large plants", 1.21)]),
    ("(closeup leaves)++, (large plants)-", [("closeup leaves", 1.21), (", ", 1.0), ("large plants", 0.9)]),
    ("a red+ ball--", [("a ", 1.0), ("red", 1.1), (" ", 1.0), ("ball", 0.81)]),
    ("a (red ball)1.5 here", [("a ", 1.0), ("red ball", 1.5), (" here", 1.0)]),
    ("close-up of a well-known (quiet harbour)+", [("close-up of a well-known ", 1.0), ("quiet harbour", 1.1)]),
    ("(a cat) and a dog++", [("a cat and a ", 1.0), ("dog", 1.21)]),
]


@pytest.mark.parametrize(("prompt", "wanted"), [*A1111, *COMPEL])
def test_fragments_are_as_published(prompt: str, wanted: list[tuple[str, float]]) -> None:
    (found,) = parse(prompt).parts
    assert [each.text for each in found] == [text for text, _ in wanted]
    assert [each.weight for each in found] == pytest.approx([weight for _, weight in wanted])


def test_the_custom_is_the_one_that_a_prompt_is_written_in() -> None:
    assert parse("(large plants)++").custom == "compel"
    assert parse("a word-- here").custom == "compel"
    for prompt in ("(word:1.3)", "((w))", "[w]", "(large plants)++ and (word:1.2)", "a BREAK b", "a photo"):
        assert parse(prompt).custom == "a1111"
    mixed = parse("(large plants)++, ((w)), [x]").parts[0]
    assert [each.weight for each in mixed] == pytest.approx([1.21, 1, 1.21, 1, 1 / 1.1])


def test_break_begins_a_row_and_files_are_taken_out() -> None:
    assert [part[0].text for part in parse("a cat BREAK a dog").parts] == ["a cat", "a dog"]
    assert parse("BREAKFAST").parts[0][0].text == "BREAKFAST"
    named = "a cat <lora:my style:0.8> here <lora:other>"
    assert parse(named).parts[0][0].text == "a cat  here "
    assert loras(named) == [("lora", "my style", 0.8), ("lora", "other", 1.0)]
    assert parse("embedding:mystyle a cat").parts[0][0].text == "mystyle a cat"
    assert "read as words" in notes("a [cat:dog:0.5]")[0]
    assert not notes("a [cat] (dog:1.2)")


def test_a_long_prompt_is_split_at_a_comma_or_a_word() -> None:
    first, _ = shipped_tokenizers()
    words = ", ".join(["large plant"] * 30)  # three tokens each
    rows = first.weighted_rows([[(words, 1.0)]])
    own = [[each.id for each in row if each.fragment is not None] for row in rows]
    assert own[0][-1] in first.commas
    assert [id for row in own for id in row] == first.ids(words)
    rows = first.weighted_rows([[("plant extraordinariness " * 30, 1.0)]])
    for row in rows:
        tokens = [each.id for each in row if each.fragment is not None]
        assert tokens[-1] not in first.within
        assert len(row) == 77


def near(wanted: torch.Tensor) -> float:
    """How far two runs of a tiny text encoder may lie apart."""
    return network("float32", float(wanted.abs().max()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinysdxl.write_folder(tmp_path_factory.mktemp("tiny") / "sdxl")


def model_of(folder: Path, **laid: Any) -> SdxlModel:
    return SdxlModel(
        Folder(folder), name="t", profile=SDXL_PROFILE, device=CPU, dtype=torch.float32, laid=LaidOver(**laid)
    )


COMPEL_PROMPTS = ["a (red ball)++ by day", "(old boat)1.4 and sky", "a (red ball)- here", "sea+ (old boat)0.5 sky-- x"]


@pytest.mark.parametrize("prompt", COMPEL_PROMPTS)
def test_weights_of_compels_custom_are_compels(folder: Path, prompt: str) -> None:
    from compel import Compel, ReturnedEmbeddingsType
    from transformers import CLIPTokenizer

    parts = tinysdxl.make_parts(514)
    names = ("tokenizer", "tokenizer_2")
    compel = Compel(
        tokenizer=[CLIPTokenizer.from_pretrained(folder / name) for name in names],
        text_encoder=[parts["text_encoder"], parts["text_encoder_2"]],
        returned_embeddings_type=ReturnedEmbeddingsType.PENULTIMATE_HIDDEN_STATES_NON_NORMALIZED,
        requires_pooled=[False, True],
        truncate_long_prompts=False,
    )
    with torch.no_grad():
        hidden, _ = compel(prompt)
    told = model_of(folder).embed(prompt, "", NO_PHOTO).prompt
    assert told is not None
    plain = model_of(folder).embed(prompt.translate(str.maketrans("", "", "()+-.0145")), "", NO_PHOTO).prompt
    torch.testing.assert_close(told.hidden, hidden, atol=near(hidden), rtol=0)
    assert plain is not None
    assert torch.equal(told.pooled, plain.pooled)  # compel pools the letters of its own signs along
    assert (told.hidden - plain.hidden).abs().max() > 1e-3


def test_weights_of_the_web_uis_custom_multiply_and_keep_the_mean(folder: Path) -> None:
    parts, tokenizer = tinysdxl.make_parts(514), folder_tokenizer(folder / "tokenizer")
    told = model_of(folder).embed("a (red:1.5) [sea]", "", NO_PHOTO).prompt
    ids, weights = [tokenizer.start], [1.0]
    for text, weight in (("a ", 1.0), ("red", 1.5), (" ", 1.0), ("sea", 1 / 1.1)):
        ids += tokenizer.ids(text)
        weights += [weight] * len(tokenizer.ids(text))
    pad = {"text_encoder": tokenizer.pad, "text_encoder_2": folder_tokenizer(folder / "tokenizer_2").pad}
    wanted = []
    for name in ("text_encoder", "text_encoder_2"):
        row = [*ids, tokenizer.end, *[pad[name]] * (76 - len(ids))]
        z = parts[name](torch.tensor([row]), output_hidden_states=True).hidden_states[-2]
        scaled = z * torch.tensor([*weights, *[1.0] * (77 - len(weights))])[None, :, None]
        wanted.append(scaled * (z.mean() / scaled.mean()))
    assert told is not None
    both = torch.cat(wanted, dim=-1)
    torch.testing.assert_close(told.hidden, both, atol=near(both), rtol=0)


@pytest.mark.parametrize(("ours", "theirs"), [(2, None), (3, 1), (1, -1)])
def test_clip_skip_is_diffusers(folder: Path, ours: int, theirs: int | None) -> None:
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline
    from transformers import CLIPTokenizer

    tokenizers = {name: CLIPTokenizer.from_pretrained(folder / name) for name in ("tokenizer", "tokenizer_2")}
    pipe = StableDiffusionXLPipeline(**tinysdxl.make_parts(514), **tokenizers, scheduler=EulerDiscreteScheduler())
    with torch.no_grad():
        wanted = pipe.encode_prompt("a red ball", negative_prompt="bad", clip_skip=theirs)
    told = model_of(folder, layer=ours).embed("a red ball", "bad", NO_PHOTO)
    assert told.prompt is not None
    torch.testing.assert_close(told.prompt.hidden, wanted[0], atol=near(wanted[0]), rtol=0)
    with pytest.raises(BadRequest, match="--clip-skip 9: the text encoder has 3 layers"):
        model_of(folder, layer=9).embed("x", "", NO_PHOTO)


def test_a_textual_inversion_is_as_diffusers_loads_it(folder: Path, tmp_path: Path) -> None:
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline
    from transformers import CLIPTokenizer

    torch.manual_seed(2)
    values = {"clip_l": torch.randn(3, 32), "clip_g": torch.randn(3, 32)}
    save_file(values, tmp_path / "e.safetensors")
    tokenizers = {name: CLIPTokenizer.from_pretrained(folder / name) for name in ("tokenizer", "tokenizer_2")}
    parts = copy.deepcopy(tinysdxl.make_parts(514))
    pipe = StableDiffusionXLPipeline(**parts, **tokenizers, scheduler=EulerDiscreteScheduler())
    for key, name in (("clip_l", ""), ("clip_g", "_2")):
        pipe.load_textual_inversion(
            values[key],
            token="mystyle",
            text_encoder=getattr(pipe, f"text_encoder{name}"),
            tokenizer=getattr(pipe, f"tokenizer{name}"),
        )
    with torch.no_grad():
        wanted = pipe.encode_prompt("a mystyle ball", negative_prompt="bad")
    vectors = read_vectors("mystyle", tmp_path / "e.safetensors", (32, 32))
    told = model_of(folder, vectors=(vectors,)).embed("a mystyle ball", "bad", NO_PHOTO)
    assert told.prompt is not None
    torch.testing.assert_close(told.prompt.hidden, wanted[0], atol=near(wanted[0]), rtol=0)
    torch.testing.assert_close(told.prompt.pooled, wanted[2], atol=near(wanted[2]), rtol=0)
    named = model_of(folder, vectors=(vectors,)).embed("a embedding:mystyle ball", "bad", NO_PHOTO)
    assert named.prompt is not None
    assert torch.equal(named.prompt.hidden, told.prompt.hidden)


def test_what_is_no_textual_inversion_of_sdxl_is_refused(tmp_path: Path) -> None:
    save_file({"emb_params": torch.zeros(2, 768)}, tmp_path / "a.safetensors")
    with pytest.raises(BadModel, match=r"--embedding x=.*Stable Diffusion 1\.5 or 2"):
        read_vectors("x", tmp_path / "a.safetensors", (768, 1280))
    save_file({"x.lora_up.weight": torch.zeros(2, 2)}, tmp_path / "b.safetensors")
    with pytest.raises(BadModel, match="a LoRA"):
        read_vectors("x", tmp_path / "b.safetensors", (768, 1280))


def test_bytes_that_are_no_text_are_named() -> None:
    with pytest.raises(BadRequest, match=r"--prompt .*character 3 is not valid UTF-8"):
        Prompt(prompt="ab\udcff")
