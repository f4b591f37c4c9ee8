"""CLIP's tokenizer: prompt to rows of 77 token ids. The shipped merge table makes it without any download."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import BPE

from softextend.errors import BadModel

ROW = 77  # tokens that CLIP reads at once, start and end included
MERGES = 49152 - 256 - 2  # of the table's lines CLIP uses so many: openai/CLIP, simple_tokenizer.py
ROOM = ROW - 2  # for a prompt's own tokens
COMMA_REACH = 20  # tokens before a row's end in which a comma ends it; AUTOMATIC1111's web UI
START, END = "<|startoftext|>", "<|endoftext|>"
WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"  # openai/CLIP


class Token(NamedTuple):
    """A token of a row: how much it counts, and which of its part's fragments it comes from (None: from none)."""

    id: int
    weight: float
    fragment: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipTokenizer:
    """`ids`: the text's own tokens; `start`, `end`, `pad`: the ids around them; `within`: those that end no word.

    `added`: words that stand for ids of their own, which an encoder learned beside its vocabulary.
    """

    ids: Callable[[str], list[int]]
    start: int
    end: int
    pad: int
    commas: frozenset[int] = frozenset()
    within: frozenset[int] = frozenset()
    added: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def tokens(self, text: str) -> list[int]:
        """The text's ids, words of `added` as theirs."""
        if not self.added:
            return self.ids(text)
        names = "|".join(re.escape(name) for name in sorted(self.added, key=len, reverse=True))
        found: list[int] = []
        for part in re.split(rf"(?<![\w-])({names})(?![\w-])", text):
            found += self.added.get(part) or self.ids(part)
        return found

    def rows(self, prompt: str) -> list[list[int]]:
        """Rows of 77 ids with at most 75 of the prompt's tokens in each; at least one row."""
        return [[each.id for each in row] for row in self.weighted_rows([[(prompt, 1.0)]])]

    def weighted_rows(self, parts: Sequence[Sequence[tuple[str, float]]]) -> list[list[Token]]:
        """Rows of 77 tokens for the fragments (text, weight) of each part, which begins a row of its own."""
        rows: list[list[Token]] = []
        for part in parts:
            tokens = [Token(id, weight, index) for index, (text, weight) in enumerate(part) for id in self.tokens(text)]
            while len(tokens) > ROOM:
                cut = self._cut(tokens)
                rows.append(self._row(tokens[:cut]))
                tokens = tokens[cut:]
            rows.append(self._row(tokens))
        return rows

    def _cut(self, tokens: Sequence[Token]) -> int:
        """Where a row ends: behind the last comma near its end, else behind its last whole word."""
        near = range(ROOM, ROOM - COMMA_REACH, -1)
        comma = next((at for at in near if tokens[at - 1].id in self.commas), None)
        word = next((at for at in range(ROOM, 0, -1) if tokens[at - 1].id not in self.within), None)
        return comma or word or ROOM

    def _row(self, tokens: Sequence[Token]) -> list[Token]:
        pads = [Token(self.pad, 1.0, None)] * (ROOM - len(tokens))
        return [Token(self.start, 1.0, None), *tokens, Token(self.end, 1.0, None), *pads]


def shipped_tokenizers() -> tuple[ClipTokenizer, ClipTokenizer]:
    """SDXL's two: the same words; the first pads with the end token, the second with 0, which is `!`."""
    bpe = _shipped_bpe()
    end = bpe.get_vocab_size() - 1
    first = _tokenizer(bpe, start=end - 1, end=end, pad=end)
    return first, replace(first, pad=0)


def folder_tokenizer(folder: Path) -> ClipTokenizer:
    """From `tokenizer.json`, or `vocab.json` and `merges.txt`, as diffusers folders carry them. Raises BadModel."""
    try:
        if (folder / "tokenizer.json").is_file():
            bpe = Tokenizer.from_file(str(folder / "tokenizer.json"))
            bpe.no_padding()
            bpe.no_truncation()
        else:
            vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
            lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
            bpe = _clip_bpe(vocab, [_pair(line) for line in lines if line and not line.startswith("#version")])
        special = _special_tokens(folder)
        vocab = bpe.get_vocab()
        start, end, pad = (vocab[special[name]] for name in ("bos_token", "eos_token", "pad_token"))
    except Exception as error:  # tokenizers raises bare Exception on a malformed file
        raise BadModel(f"{folder}: no CLIP tokenizer ({error!r}): download the model folder again") from error
    return _tokenizer(bpe, start=start, end=end, pad=pad)


def _tokenizer(bpe: Tokenizer, *, start: int, end: int, pad: int) -> ClipTokenizer:
    vocab = bpe.get_vocab()
    return ClipTokenizer(
        ids=_ids_of(bpe),
        start=start,
        end=end,
        pad=pad,
        commas=frozenset(vocab[word] for word in (",</w>", ",") if word in vocab),
        within=frozenset(id for word, id in vocab.items() if not word.endswith("</w>")),
    )


@cache
def _shipped_bpe() -> Tokenizer:
    table = files("softextend") / "data" / "bpe_simple_vocab_16e6.txt.gz"
    with table.open("rb") as raw, gzip.open(raw, "rt", encoding="utf-8") as lines:
        merges = [_pair(line) for line in islice(lines, 1, MERGES + 1)]
    letters = _byte_letters()
    words = [*letters, *(letter + "</w>" for letter in letters), *("".join(pair) for pair in merges), START, END]
    return _clip_bpe({word: index for index, word in enumerate(words)}, merges)


def _clip_bpe(vocab: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    bpe = Tokenizer(BPE(vocab=vocab, merges=merges, end_of_word_suffix="</w>", unk_token=END))
    bpe.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    split = pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True)
    bpe.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return bpe


def _ids_of(bpe: Tokenizer) -> Callable[[str], list[int]]:
    return lambda text: list(bpe.encode(text, add_special_tokens=False).ids)


def _pair(line: str) -> tuple[str, str]:
    left, right = line.split()
    return left, right


def _byte_letters() -> list[str]:
    """One printable letter for each of the 256 bytes, printable bytes first: GPT-2's `bytes_to_unicode`."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(len(others))]


def _special_tokens(folder: Path) -> dict[str, str]:
    """Start, end and padding token by name; CLIP's own where the folder does not say."""
    named: dict[str, Any] = {"bos_token": START, "eos_token": END, "pad_token": END}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            found = json.loads((folder / name).read_text(encoding="utf-8"))
            named |= {key: found[key] for key in named if found.get(key)}
    return {key: value["content"] if isinstance(value, dict) else value for key, value in named.items()}
