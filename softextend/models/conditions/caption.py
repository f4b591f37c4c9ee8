"""Captions: a local vision-language model says in plain words what a photo shows, and what its borders cut."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from softextend.environment import at_home, cache_home
from softextend.errors import BadModel
from softextend.models.config_file import config_file
from softextend.models.find import configured_text
from softextend.models.weights.diffusers_folder import read_json

if TYPE_CHECKING:
    from softextend.types import Pixels, Sides

AUTO = "auto"  # `caption` of the config file, else:
USUAL = "Salesforce/blip-image-captioning-base"
ASKED = "Describe this photo in one plain sentence: the things in it, the place, the light. No praise."
MOST = 60  # new tokens
STRIP = 3  # a border strip is a third of the photo
PRAISE = (
    r"(?:(?:very|truly|absolutely|incredibly)\s+)?(?:stunning|beautiful|gorgeous|breathtaking|captivating|mesmerizing|"
    r"mesmerising|picturesque|magnificent|majestic|amazing|wonderful|exquisite|enchanting|vibrant|awe-inspiring|perfect|"
    r"lovely|charming)(?:ly)?\b,?\s*"
)
EMPTY_PHRASE = re.compile(rf"(?:\ban?\s+)?\b{PRAISE}(?:blend|scene|display|view|mix)\s+of\s+", re.IGNORECASE)
FLATTERY = re.compile(rf"(?:\b(?P<article>an?)\s+)?\b{PRAISE}(?P<next>\w?)", re.IGNORECASE)
OPENINGS = re.compile(
    r"^(?:(?:this|the)\s+(?:image|photo|picture|photograph)\s+(?:shows|depicts|captures|features|is of)|"
    r"there\s+(?:is|are)|(?:an?\s+)?(?:image|photo|picture|photograph)\s+of)\s+",
    re.IGNORECASE,
)


def caption_photo(photo: Pixels, sides: Sides, model: str) -> str:
    """photo (H, W, 3) -> one line: what it shows, and what lies at each side that grows. BadModel: see `load`.

    A caption that was made before is not made again.
    """
    name = configured_text(config_file(), "caption") or USUAL if model == AUTO else model
    pictures = {"": photo} | {f"at the {side}: ": strip for side, strip in strips(photo, sides).items()}
    known = _remembered()
    keys = {words: _key(name, picture) for words, picture in pictures.items()}
    if new := [words for words, key in keys.items() if key not in known]:
        describe = load(name)
        for words in new:
            known[keys[words]] = sober(describe(Image.fromarray(pictures[words])))
        _remember(known)
    whole = known[keys[""]]
    parts = [f"{words}{known[key]}" for words, key in keys.items() if words and known[key] not in ("", whole)]
    return ", ".join(filter(None, [whole, *parts]))


def strips(photo: Pixels, sides: Sides) -> dict[str, Pixels]:
    """The part of the photo beside each side that grows."""
    height, width = photo.shape[:2]
    tall, wide = max(1, height // STRIP), max(1, width // STRIP)
    cut = {
        "top": (sides.top, photo[:tall]),
        "right": (sides.right, photo[:, -wide:]),
        "bottom": (sides.bottom, photo[-tall:]),
        "left": (sides.left, photo[:, :wide]),
    }
    return {name: part for name, (grown, part) in cut.items() if grown}


def sober(text: str) -> str:
    """A model's sentence without praise and without its opening, in one line and without a full stop."""
    line = EMPTY_PHRASE.sub("", OPENINGS.sub("", " ".join(text.split())))
    return re.sub(r"\s+([,.])", r"\1", FLATTERY.sub(_without_praise, line)).strip(" .,")


def _without_praise(found: re.Match[str]) -> str:
    """What stays of an article, praise and the next letter: `an amazing b` -> `a b`."""
    if not found["article"]:
        return found["next"]
    article = "an" if found["next"].lower() in tuple("aeiou") else "a"
    return f"{article.capitalize() if found['article'][0].isupper() else article} {found['next']}"


def load(name: str) -> Any:
    """A callable from a PIL picture to a text: a folder or a hub id. BadModel where transformers cannot run it."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    local = at_home(name)
    place = str(local) if local.is_dir() else name
    try:
        processor = AutoProcessor.from_pretrained(place, trust_remote_code=False)
        model: Any = AutoModelForImageTextToText.from_pretrained(place, trust_remote_code=False).eval()
    except (OSError, ValueError, ImportError, KeyError, AttributeError, TypeError, RuntimeError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        if "trust_remote_code" in str(error) or "auto_map" in read_json(local / "config.json"):  # such as Moondream
            reason = "it brings a program of its own, which is not run"
        raise BadModel(
            f"--caption {name}: no image-to-text model that runs here ({reason}): "
            "give a folder or hub id that transformers knows, such as BLIP, Florence-2 or LLaVA"
        ) from error

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Describer(processor, model.to(device))


class Describer:
    """A loaded model; whole chat models are asked a question, task models given their task, others the picture."""

    def __init__(self, processor: Any, model: Any) -> None:
        self._processor, self._model = processor, model

    def __call__(self, picture: Image.Image) -> str:
        """What the model says of a picture."""
        given = self._inputs(picture).to(self._model.device)
        ids = self._model.generate(**given, max_new_tokens=MOST, do_sample=False)
        own = ids[:, given["input_ids"].shape[1] :] if getattr(self._processor, "chat_template", None) else ids
        text: str = self._processor.batch_decode(own, skip_special_tokens=True)[0]
        return text

    def _inputs(self, picture: Image.Image) -> Any:
        if getattr(self._processor, "chat_template", None):
            content = [{"type": "image", "image": picture}, {"type": "text", "text": ASKED}]
            return self._processor.apply_chat_template(
                [{"role": "user", "content": content}],
                add_generation_prompt=True,
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
            )
        if self._model.config.model_type == "florence2":
            return self._processor(text="<DETAILED_CAPTION>", images=picture, return_tensors="pt")
        return self._processor(images=picture, return_tensors="pt")


def _key(model: str, picture: Pixels) -> str:
    shape = f"{model} {picture.shape}".encode()
    return hashlib.sha256(shape + np.ascontiguousarray(picture).tobytes()).hexdigest()


def _cache_file() -> Path:
    return cache_home() / "softextend" / "captions.json"


def _remembered() -> dict[str, str]:
    try:
        found = json.loads(_cache_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # no cache yet, or a damaged one: captions are made again
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _remember(known: dict[str, str]) -> None:
    """A home that cannot be written is no error: the next run makes the caption again."""
    target = _cache_file()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f"{target.name}.{os.getpid()}")
        beside.write_text(json.dumps(known, indent=1), encoding="utf-8")
        beside.replace(target)
    except OSError:
        return
