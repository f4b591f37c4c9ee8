"""The options of what is laid over a model and of what it is told beside the prompt, kept as they were typed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from softextend.environment import at_home
from softextend.errors import BadRequest
from softextend.models.conditions.in_models import in_models
from softextend.option_fields import Checked, option
from softextend.plan.grammar import SPAN, parse_span
from softextend.types import Span

OFF = "off"
SELF = "self"  # the photo itself
OWN, OTHER = 0.1, 0.6  # how much the photo counts as its own prompt (a published guide), and another picture
STRONGEST = 10.0  # of a weight, either way


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
class WordOptions(Checked):
    """Settings by name, what is merged into the model, and what a prompt can say."""

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

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        for text in self.lora or ():
            weighed(text, "--lora")
        names = [named(text)[0] for text in self.embedding or ()]
        if len(names) > len(set(names)):
            raise BadRequest(f"--embedding: a name stands for one file; {', '.join(sorted(names))} were given")

    @property
    def loras(self) -> list[Weighed]:
        """Each LoRA with its weight, in order."""
        return [weighed(text, "--lora") for text in self.lora or ()]

    @property
    def embeddings(self) -> dict[str, Path]:
        """Each textual inversion by its name."""
        return dict(named(text) for text in self.embedding or ())


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageOptions(WordOptions):
    """And a picture as a prompt."""

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
        "the IP-Adapter, base or plus: a file, or its name in the models folder",
        told="image_adapter of the config file",
        metavar="FILE",
        expert=True,
    )
    image_encoder: Path | None = option(
        None,
        "the CLIP image encoder that the adapter was trained with (ViT-H or bigG): a file or folder, or its name in "
        "the models folder",
        told="image_encoder of the config file",
        metavar="FILE",
        expert=True,
    )

    def __post_init__(self) -> None:
        WordOptions.__post_init__(self)
        if self.image_steps is not None:
            parse_span(self.image_steps, "--image-steps")

    @property
    def image_strength(self) -> float:
        """How much an image prompt counts."""
        return (OWN if self.image_prompt == "self" else OTHER) if self.image_weight is None else self.image_weight

    @property
    def image_span(self) -> Span:
        """The steps in which an image prompt counts."""
        return Span() if self.image_steps is None else parse_span(self.image_steps, "--image-steps")


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlOptions(ImageOptions):
    """And networks that run beside the model's own."""

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
        "the SDXL refiner, which takes the last steps: a .safetensors file, or its name in the models folder",
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
        ImageOptions.__post_init__(self)
        if not self.controls and (self.control_image or self.control_type):
            extra = "--control-type" if self.control_image is None else "--control-image"
            raise BadRequest(f"{extra}: says what a ControlNet looks at: give --control FILE with it")

    @property
    def controls(self) -> list[Controlled]:
        """Each ControlNet, in order."""
        return [controlled(text) for text in self.control or ()]


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
        raise BadRequest(f"--control {text}: the scale must be 0 or more, such as 0.8")
    return Controlled(path, scale, span)


def named(text: str) -> tuple[str, Path]:
    """`NAME=FILE`; BadRequest."""
    name, equals, path = text.partition("=")
    if not equals or not name.strip() or not path:
        raise BadRequest(f"--embedding {text!r}: give NAME=FILE, such as --embedding mystyle=mystyle.safetensors")
    return name.strip(), _path(path, "embedding")


def file_named(path: Path, kind: str) -> Path:
    """A file as it is named, else of that name in the models folder; `kind`: one of in_models.KINDS."""
    return _path(str(path), kind)


def _path(text: str, kind: str) -> Path:
    """A file as it is named, else of that name in the models folder."""
    path = at_home(text)
    if path.exists() or path.parent != Path():
        return path
    return in_models(path.name, kind) or path


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
