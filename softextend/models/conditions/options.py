"""What is laid over the model and what it is told beside the prompt: options, config file and prompt together."""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from softextend.environment import at_home
from softextend.errors import BadModel, BadRequest
from softextend.models.conditions import prompt_weights
from softextend.models.conditions.groups import OFF, SELF, ControlOptions, file_named
from softextend.models.conditions.in_models import in_models, missing
from softextend.models.config_file import config_file, read_config
from softextend.models.find import configured_text
from softextend.types import Profile

PICTURE = "image_prompt"
FILES = ("refiner", "image_adapter", "image_encoder")  # which may be named as they are called in the models folder
IMAGE_GUIDANCE = 4.0  # with an image prompt; a published guide on outpainting


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions(ControlOptions):
    """What is laid over the model."""

    @property
    def given(self) -> list[str]:
        """The options that differ from their defaults, as flags; a preset is no condition itself."""
        changed = [each for each in fields(self) if getattr(self, each.name) != each.default and each.name != "preset"]
        return [f"--{each.name.replace('_', '-')}" for each in changed]

    def as_dict(self) -> dict[str, Any]:
        """What differs from the defaults, as JSON values; jobs/recorded.py reads it."""
        return {
            name: str(value) if isinstance(value, Path) else value
            for name, value in asdict(self).items()
            if value not in (None, type(self).__dataclass_fields__[name].default)
        }

    def rows(self) -> list[tuple[str, str]]:
        """(name, value) of what is given, as a table shows it."""
        shown = {name: value for name, value in self.as_dict().items() if name not in ("lora", "embedding", "control")}
        rows = [("LoRA", f"{path} at weight {weight:g}") for path, weight in self.loras]
        rows += [("ControlNet", f"{path} at scale {scale:g}, steps {span}") for path, scale, span in self.controls]
        rows += [("embedding", f"{name} = {path}") for name, path in self.embeddings.items()]
        return rows + [(name.replace("_", " "), str(value)) for name, value in shown.items()]


def with_config(given: Conditions, prompt: str | None) -> Conditions:
    """With the adapter and encoder of the config file; BadRequest where an image prompt has none.

    With both of them an empty prompt turns the photo's own on; None: the prompt is not known yet.
    """
    config = config_file()
    found = {"image_adapter": configured_adapter(config), "image_encoder": _configured(config, "image_encoder")}
    files: dict[str, Any] = {name: getattr(given, name) or path for name, path in found.items()}
    whole = all(files.values())
    picture = given.image_prompt or (SELF if whole and prompt == "" else None)
    if picture in (None, OFF):
        return given
    if not whole:
        lacking = next(name for name, value in files.items() if value is None)
        raise BadRequest(
            f"--image-prompt {picture}: needs --{lacking.replace('_', '-')} FILE, or {lacking} in {config}"
        )
    return replace(given, image_prompt=picture, **files)


def with_files(given: Conditions) -> Conditions:
    """With files that are named alone as the models folder has them, as it is for LoRAs."""
    found: dict[str, Any] = {
        name: file_named(path, name) for name in FILES if (path := getattr(given, name)) is not None
    }
    return replace(given, **found) if found else given


def configured_adapter(config: Path) -> Path | None:
    """The IP-Adapter of the config file: `image_adapter`, or an `image_prompt` that is a .safetensors file."""
    return _configured(config, "image_adapter") or (_configured(config, PICTURE) if names_adapter(config) else None)


def names_adapter(config: Path) -> bool:
    """Whether the config file's `image_prompt` is an adapter and no picture."""
    return str(read_config(config).get(PICTURE, "")).lower().endswith(".safetensors")


def _configured(config: Path, name: str) -> Path | None:
    """A file whose way begins at the config file."""
    text = configured_text(config, name)
    return config.parent / at_home(text) if text else None


def liked(profile: Profile, given: Conditions) -> Profile:
    """What a model likes best with these conditions: with an image prompt less guidance."""
    if given.image_prompt in (None, OFF):
        return profile
    return replace(profile, guidance=min(profile.guidance, IMAGE_GUIDANCE))


class Found(NamedTuple):
    """Conditions with what a prompt names, and notes on what it names in vain."""

    conditions: Conditions
    notes: list[str]


def with_prompt(given: Conditions, prompt: str, negative: str) -> Found:
    """What `<lora:name:0.8>` and `embedding:name` of a prompt mean: files of the models folder."""
    loras, vectors, notes = list(given.lora or ()), list(given.embedding or ()), []
    for each in prompt_weights.loras(prompt):
        path = in_models(each.name, "lora") if each.kind != "hypernet" else None
        if path is None:
            what = "hypernetworks are not read" if each.kind == "hypernet" else missing(each.name)
            notes.append(f"prompt: <{each.kind}:{each.name}> left out: {what}")
        else:
            loras.append(f"{path}:{each.weight:g}")
    for text in (prompt, negative):
        notes += prompt_weights.notes(text)
        for name in prompt_weights.embeddings(text):
            if name in {known.partition("=")[0] for known in vectors}:
                continue
            path = in_models(name, "embedding")
            if path is None:
                notes.append(f"prompt: embedding:{name} is read as a word: {missing(name)}")
            else:
                vectors.append(f"{name}={path}")
    return Found(replace(given, lora=loras or None, embedding=vectors or None), notes)


def check_files(given: Conditions) -> None:
    """BadModel for a file that is not there, so that a dry run and a batch say it before any work."""
    for flag, path in files_of(given):
        if not path.exists():
            close = close_to(path)
            remedy = f"did you mean {close}?" if close else "check the path, or set $SOFTEXTEND_MODELS"
            raise BadModel(f"{flag} {path}: does not exist: {remedy}")


def close_to(path: Path) -> str | None:
    """The name in the folder that a wrong one is nearest to, most often with its suffix."""
    folder = path.parent
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    found = next((name for name in names if Path(name).stem == path.name), None)
    found = found or next(iter(difflib.get_close_matches(path.name, names, n=1, cutoff=0.7)), None)
    return found and str(folder / found)


def files_of(given: Conditions) -> list[tuple[str, Path]]:
    """(flag, file) of all that is read."""
    named: list[tuple[str, Path | None]] = [("--refiner", given.refiner)]
    if given.image_prompt not in (None, SELF, OFF):
        named.append(("--image-prompt", Path(str(given.image_prompt))))
    named += [("--control", each.path) for each in given.controls] + [("--control-image", given.control_image)]
    named += [("--image-adapter", given.image_adapter), ("--image-encoder", given.image_encoder)]
    named += [("--lora", path) for path, _ in given.loras]
    named += [("--embedding", path) for path in given.embeddings.values()]
    return [(flag, path) for flag, path in named if path is not None]
