"""What is laid over the model and what it is told beside the prompt: options, kept as they were typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from softextend.errors import BadModel, BadRequest
from softextend.models.conditions import prompt_weights
from softextend.models.config_file import config_file
from softextend.models.find import configured_text, models_folder
from softextend.models.library import Entry, entries
from softextend.option_fields import Checked, option
from softextend.plan.grammar import SPAN, parse_span
from softextend.types import Span

OFF = "off"
SELF = "self"  # the photo itself
OWN, OTHER = 0.1, 0.6  # how much the photo counts as its own prompt (a published guide), and another picture
STRONGEST = 10.0  # of a weight, either way
KINDS = {"lora": "LoRA", "embedding": "textual inversion", "control": "ControlNet"}  # as the models folder calls them


class Weighed(NamedTuple):
    """A file with its weight."""

    path: Path
    weight: float


class Controlled(NamedTuple):
    """A ControlNet with its scale and the steps in which it acts."""

    path: Path
    scale: float
    span: Span


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions(Checked):
    """What is laid over the model."""

    preset: str | None = option(
        None,
        "named settings; options given beside it win; 'softextend presets' lists them",
        told="none",
        metavar="NAME",
        expert=True,
    )
    lora: list[str] | None = option(
        None,
        "a LoRA (LyCORIS, DoRA, ...), merged while loading; may be given several times",
        told="none",
        metavar="FILE[:WEIGHT]",
        expert=True,
    )
    embedding: list[str] | None = option(
        None,
        "a textual inversion (clip_l and clip_g); NAME in the prompt stands for it; may be given several times",
        told="none",
        metavar="NAME=FILE",
        expert=True,
    )
    caption: str | None = option(
        None,
        "let a vision-language model (transformers, image-to-text: a folder or hub id) describe the photo; its words "
        "are added to the prompt",
        told="off; without MODEL the config file's caption, else BLIP",
        metavar="[MODEL]",
        expert=True,
    )
    clip_skip: int | None = option(
        None,
        "which layer of the text encoders counts, from the end: 1 the last, 2 the last but one",
        low=1,
        high=12,
        told="the model's, 2 for SDXL",
        expert=True,
    )
    image_prompt: str | None = option(
        None,
        "a picture as a prompt, or self: the photo itself; needs an adapter and its encoder; off: none",
        told="self where the config file names an adapter and no prompt is given, else none",
        metavar="FILE|self|off",
        expert=True,
    )
    image_weight: float | None = option(
        None,
        "how much the picture counts",
        low=0,
        high=2,
        told="0.1 for self, 0.6 for a file",
        expert=True,
    )
    image_steps: str | None = option(
        None,
        "the share of the steps in which it counts, such as 0.2-0.8",
        told="all",
        metavar="FROM-TO",
        expert=True,
    )
    image_adapter: Path | None = option(
        None,
        "the IP-Adapter, base or plus",
        told="image_adapter of the config file",
        metavar="FILE",
        expert=True,
    )
    image_encoder: Path | None = option(
        None,
        "the CLIP image encoder that the adapter was trained with (ViT-H or bigG), a file or folder",
        told="image_encoder of the config file",
        metavar="FILE",
        expert=True,
    )
    control: list[str] | None = option(
        None,
        "a ControlNet: for inpainting (SD1.5), a union (repaint, tile), or a plain one with --control-image; its scale "
        "and the share of the steps in which it acts; may be given several times",
        told="none",
        metavar="FILE[:SCALE[:FROM-TO]]",
        expert=True,
    )
    control_type: str | None = option(
        None,
        "of a union: repaint, tile, openpose, depth, scribble, canny, normal or segment; the last six need a picture",
        told="repaint",
        metavar="NAME",
        expert=True,
    )
    control_image: Path | None = option(
        None,
        "what a ControlNet looks at, as large as the result",
        told="the filled canvas",
        metavar="FILE",
        expert=True,
    )
    refiner: Path | None = option(
        None,
        "the SDXL refiner, a .safetensors file: it takes the last steps",
        told="none",
        metavar="FILE",
        expert=True,
    )
    refiner_start: float = option(
        0.8,
        "with --refiner: the share of the noise schedule after which it takes over",
        low=0,
        high=1,
        expert=True,
    )

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        for text in self.lora or ():
            weighed(text, "--lora")
        if not self.controls and (self.control_image or self.control_type):
            extra = "--control-type" if self.control_image is None else "--control-image"
            raise BadRequest(f"{extra}: says what a ControlNet looks at: give --control FILE with it")
        if self.image_steps is not None:
            parse_span(self.image_steps, "--image-steps")
        names = [named(text)[0] for text in self.embedding or ()]
        if len(names) > len(set(names)):
            raise BadRequest(f"--embedding: a name stands for one file; {', '.join(sorted(names))} were given")

    @property
    def loras(self) -> list[Weighed]:
        """Each LoRA with its weight, in order."""
        return [weighed(text, "--lora") for text in self.lora or ()]

    @property
    def controls(self) -> list[Controlled]:
        """Each ControlNet, in order."""
        return [controlled(text) for text in self.control or ()]

    @property
    def image_strength(self) -> float:
        """How much an image prompt counts."""
        return (OWN if self.image_prompt == "self" else OTHER) if self.image_weight is None else self.image_weight

    @property
    def image_span(self) -> Span:
        """The steps in which an image prompt counts."""
        return Span() if self.image_steps is None else parse_span(self.image_steps, "--image-steps")

    @property
    def embeddings(self) -> dict[str, Path]:
        """Each textual inversion by its name."""
        return dict(named(text) for text in self.embedding or ())

    @property
    def given(self) -> list[str]:
        """The options that differ from their defaults, as flags; a preset is no condition itself."""
        changed = [each for each in fields(self) if getattr(self, each.name) != each.default and each.name != "preset"]
        return [f"--{each.name.replace('_', '-')}" for each in changed]

    def as_dict(self) -> dict[str, Any]:
        """What differs from the defaults, as JSON values; `of_dict` reads it."""
        return {
            name: str(value) if isinstance(value, Path) else value
            for name, value in asdict(self).items()
            if value not in (None, type(self).__dataclass_fields__[name].default)
        }

    @classmethod
    def of_dict(cls, given: Mapping[str, Any]) -> Conditions:
        """From a recipe; BadRequest for what it cannot hold."""
        known = {each.name: each for each in fields(cls)}
        values: dict[str, Any] = {
            name: Path(value) if "Path" in str(known[name].type) else value
            for name, value in given.items()
            if name in known
        }
        return cls(**values)

    def rows(self) -> list[tuple[str, str]]:
        """(name, value) of what is given, as a table shows it."""
        shown = {name: value for name, value in self.as_dict().items() if name not in ("lora", "embedding", "control")}
        rows = [("LoRA", f"{path} at weight {weight:g}") for path, weight in self.loras]
        rows += [("ControlNet", f"{path} at scale {scale:g}, steps {span}") for path, scale, span in self.controls]
        rows += [("embedding", f"{name} = {path}") for name, path in self.embeddings.items()]
        return rows + [(name.replace("_", " "), str(value)) for name, value in shown.items()]


def with_config(given: Conditions, prompt: str) -> Conditions:
    """With the adapter and encoder of the config file; BadRequest where an image prompt has none."""
    config = config_file()
    files: dict[str, Any] = {}
    for name, value in (("image_adapter", given.image_adapter), ("image_encoder", given.image_encoder)):
        text = configured_text(config, name)
        files[name] = value or (config.parent / Path(text).expanduser() if text else None)
    whole = all(files.values())
    picture = given.image_prompt or ("self" if whole and not prompt else None)
    if picture in (None, OFF):
        return given
    if not whole:
        missing = next(name for name, value in files.items() if value is None)
        raise BadRequest(
            f"--image-prompt {picture}: needs --{missing.replace('_', '-')} FILE, or {missing} in {config}"
        )
    return replace(given, image_prompt=picture, **files)


class Found(NamedTuple):
    """Conditions with what a prompt names, and notes on what it names in vain."""

    conditions: Conditions
    notes: list[str]


def with_prompt(given: Conditions, prompt: str, negative: str) -> Found:
    """What `<lora:name:0.8>` and `embedding:name` of a prompt mean: files of the models folder."""
    loras, vectors, notes = list(given.lora or ()), list(given.embedding or ()), []
    for each in prompt_weights.loras(prompt):
        path = _in_models(each.name, "lora") if each.kind != "hypernet" else None
        if path is None:
            what = "hypernetworks are not read" if each.kind == "hypernet" else _missing(each.name)
            notes.append(f"prompt: <{each.kind}:{each.name}> left out: {what}")
        else:
            loras.append(f"{path}:{each.weight:g}")
    for text in (prompt, negative):
        notes += prompt_weights.notes(text)
        for name in prompt_weights.embeddings(text):
            if name in {known.partition("=")[0] for known in vectors}:
                continue
            path = _in_models(name, "embedding")
            if path is None:
                notes.append(f"prompt: embedding:{name} is read as a word: {_missing(name)}")
            else:
                vectors.append(f"{name}={path}")
    return Found(replace(given, lora=loras or None, embedding=vectors or None), notes)


def _in_models(name: str, kind: str) -> Path | None:
    """NAME or NAME.safetensors in the models folder, by what its tensors say it is; None where there is none."""
    root = models_folder()
    if root is None:
        return None
    wanted = name.removesuffix(".safetensors").lower()
    found = [each for each in _listed(root) if each.path.stem.lower() == wanted]
    own = [each for each in found if KINDS[kind] in each.what]
    return next((each.path for each in own or found), None)


@cache
def _listed(root: Path) -> list[Entry]:
    return entries(root)


def _missing(name: str) -> str:
    root = models_folder()
    if root is not None:
        return f"no {name}.safetensors in {root}"
    return "set $SOFTEXTEND_MODELS to the folder with your models, or give the file by its option"


def weighed(text: str, flag: str) -> Weighed:
    """`FILE` or `FILE:WEIGHT`, a weight from -10 to 10; BadRequest. A name without a path is sought in the models."""
    path, colon, last = text.rpartition(":")
    number = _number(last) if colon else None
    if number is None:
        path, number = text, 1.0
    if not -STRONGEST <= number <= STRONGEST:
        raise BadRequest(f"{flag} {text}: the weight must be from {-STRONGEST:g} to {STRONGEST:g}")
    if not path:
        raise BadRequest(f"{flag} {text!r}: give FILE or FILE:WEIGHT, such as {flag} style.safetensors:0.8")
    return Weighed(_path(path, flag.removeprefix("--")), number)


def controlled(text: str) -> Controlled:
    """`FILE`, `FILE:SCALE` or `FILE:SCALE:FROM-TO`; BadRequest."""
    head, _, last = text.rpartition(":")
    span = Span()
    if head and SPAN.fullmatch(last):
        text, span = head, parse_span(last, "--control")
    path, scale = weighed(text, "--control")
    if scale < 0:
        raise BadRequest(f"--control {text}: the scale must be 0 or more")
    return Controlled(path, scale, span)


def named(text: str) -> tuple[str, Path]:
    """`NAME=FILE`; BadRequest."""
    name, equals, path = text.partition("=")
    if not equals or not name.strip() or not path:
        raise BadRequest(f"--embedding {text!r}: give NAME=FILE, such as --embedding mystyle=mystyle.safetensors")
    return name.strip(), _path(path, "embedding")


def _path(text: str, kind: str) -> Path:
    """A file as it is named, else of that name in the models folder."""
    path = Path(text).expanduser()
    if path.exists() or path.parent != Path():
        return path
    return _in_models(path.name, kind) or path


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def check_files(given: Conditions) -> None:
    """BadModel for a file that is not there, so that a dry run and a batch say it before any work."""
    named: list[tuple[str, Path | None]] = [("--refiner", given.refiner)]
    if given.image_prompt not in (None, SELF, OFF):
        named.append(("--image-prompt", Path(str(given.image_prompt))))
    named += [("--control", each.path) for each in given.controls] + [("--control-image", given.control_image)]
    named += [("--image-adapter", given.image_adapter), ("--image-encoder", given.image_encoder)]
    named += [("--lora", path) for path, _ in given.loras]
    named += [("--embedding", path) for path in given.embeddings.values()]
    for flag, path in named:
        if path is not None and not path.exists():
            raise BadModel(f"{flag} {path}: does not exist: check the path, or set $SOFTEXTEND_MODELS")
