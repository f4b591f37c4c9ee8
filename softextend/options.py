"""The request, in groups, each option once; a default of None means: as the model's profile says."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from softextend.errors import BadRequest
from softextend.option_fields import Checked, Range, all_in, flag, option
from softextend.types import Amount, Amounts, Method, SamplerName, Size, Span, Wrap

MOST_SEED = 2**63 - 1  # what generators of random numbers take
MOST_SEEDS = 10_000  # of one picture
ANCHORS = {  # where the original lies, from left to right and from top to bottom
    "center": (0.5, 0.5),
    "top": (0.5, 0.0),
    "top-right": (1.0, 0.0),
    "right": (1.0, 0.5),
    "bottom-right": (1.0, 1.0),
    "bottom": (0.5, 1.0),
    "bottom-left": (0.0, 1.0),
    "left": (0.0, 0.5),
    "top-left": (0.0, 0.0),
}
HOW_MUCH = ("sides", "aspect", "size", "scale", "all")  # of these exactly one is given


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth(Checked):
    """How much is added, and where the photo lies."""

    sides: Amounts | None = option(
        None,
        "how much to add: pixels (256) or percent of that dimension (25%), each 0 or more; one value: all sides, two: "
        "vertical and horizontal, three: top, horizontal, bottom",
        told="none; one of --sides, --aspect, --size, --scale, --all is needed",
        metavar="TOP RIGHT BOTTOM LEFT",
        form="sides",
    )
    aspect: tuple[int, int] | None = option(
        None,
        "width to height of the result, such as 16:9 or 2.39:1; the dimension that is short grows",
        told="none",
        metavar="W:H",
        form="aspect",
        also=("--ratio",),
    )
    size: tuple[int, int] | None = option(
        None,
        "width and height of the result in px, such as 1920x1080; no smaller than the photo, unless with --fit",
        told="none",
        metavar="WxH",
        form="size",
    )
    scale: float | None = option(
        None,
        "times the photo's width and height, above 1, such as 1.5",
        low=1,
        high=1e6,
        above=True,
        told="none",
        form="scale",
        expert=True,
    )
    all: Amount | None = option(
        None, "pixels (256) or percent (20%) on each side, 0 or more", told="none", metavar="AMOUNT", form="all"
    )
    anchor: tuple[float, float] | None = option(
        None,
        "where the photo lies in the result: center, top, top-right, right, ... or X,Y from 0,0 (top left) to 1,1; "
        "with --aspect, --size, --scale and --all",
        told="center",
        metavar="PLACE",
        form="anchor",
    )
    fit: bool = option(False, "with --size: scale a larger photo down, never up", told="off, a larger photo is refused")
    trim: Literal["auto"] | int | None = option(
        None,
        "crop borders first: auto finds bars, frames, a scanner's edge, rounded or transparent corners; 1 to 4096 px: "
        "off every side",
        low=1,
        high=4096,
        told="nothing is cropped, a thin border is painted over, a wide one reported",
        metavar="auto|PX",
        form="trim",
    )
    wrap: Wrap | None = option(
        None,
        "opposite edges of the result join too: x left and right (a 360-degree panorama), y top and bottom, xy both (a "
        "texture that tiles)",
        told="none",
        expert=True,
    )
    allow_large: bool = option(False, "allow more than 4 times the picture's size on a side", told="off", expert=True)

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        given = [name for name in HOW_MUCH if getattr(self, name) is not None]
        if len(given) > 1:
            came = " and ".join(self.text(name) for name in given)
            raise BadRequest(f"{came}: each says how much to add; give exactly one of {_listed()}")
        if min(self.aspect or self.size or (1, 1)) < 1:
            raise BadRequest(f"{self}: both numbers must be 1 or more")
        if not all_in(self.anchor or (0.0, 0.0), Range(0, 1)):
            raise BadRequest(f"{self.text('anchor')}: both numbers must be from 0 to 1")
        if self.sides is not None and (self.anchor is not None or self.fit):
            extra = "--fit" if self.anchor is None else self.text("anchor")
            raise BadRequest(f"{extra}: --sides says already what is added where; leave one of them out")
        if self.fit and self.size is None:
            raise BadRequest("--fit: only --size can be smaller than a picture; leave --fit out")

    @property
    def given(self) -> str | None:
        """Which of sides, aspect, size, scale and all says how much; None where nothing does."""
        return next((name for name in HOW_MUCH if getattr(self, name) is not None), None)

    def demanded(self) -> Growth:
        """This; BadRequest where nothing says how much."""
        if self.given is None:
            raise BadRequest(f"nothing says how much to add: give one of {_listed()}, such as --sides 0 256 0 256")
        return self

    def text(self, name: str) -> str:
        """One of its options as on a command line."""
        value = getattr(self, name)
        if value is True:
            return flag(name)
        if name == "aspect":
            return f"--aspect {value[0]}:{value[1]}"
        if name == "size":
            return f"--size {value[0]}x{value[1]}"
        if name == "anchor":
            named = next((each for each, place in ANCHORS.items() if place == value), None)
            return f"--anchor {named or f'{value[0]:g},{value[1]:g}'}"
        if name == "sides":
            same = len(set(value)) == 1
            return f"--sides {' '.join(str(each) for each in (value[:1] if same else value))}"
        return f"--scale {value:g}" if name == "scale" else f"{flag(name)} {value}"

    def __str__(self) -> str:
        return self.text(self.given) if self.given else "nothing to add"


def _listed() -> str:
    return ", ".join(flag(name) for name in HOW_MUCH)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mask(Checked):
    """How the new area begins, and how it meets the picture."""

    fill: str | None = option(
        None,
        "what the empty area is painted with first; 'softextend fills' lists them",
        told="the model's",
        metavar="NAME[:KEY=VALUE,...]",
    )
    overlap: int | None = option(
        None, "how far into the original is repainted", unit="px", low=0, high=4096, told="the model's"
    )
    feather: int | None = option(
        None, "width of the blur from new to original", unit="px", low=0, high=4096, told="the model's"
    )
    change: float = option(
        1.0, "how much of the new area may change; below 1 the fill shows", low=0, high=1, above=True, expert=True
    )
    band: int | None = option(
        None,
        "how far into the original pixels are replaced at most; 0 keeps all of it",
        unit="px",
        low=0,
        high=8192,
        told="as far as overlap and feather reach",
        expert=True,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt(Checked):
    """What to paint."""

    prompt: str = option(
        "", "what to paint", told="nothing, which works well", metavar="TEXT", flags=("-p", "--prompt"), blank=True
    )
    negative: str = option(
        "",
        "what to keep out",
        told="nothing",
        metavar="TEXT",
        flags=("-n", "--negative"),
        also=("--negative-prompt", "--neg"),
        blank=True,
    )

    def __post_init__(self) -> None:
        for name in ("prompt", "negative"):
            text = getattr(self, name)
            try:
                text.encode()
            except UnicodeEncodeError as error:
                shown = text.encode("utf-8", "backslashreplace").decode()
                raise BadRequest(
                    f"--{name} {shown!r}: character {error.start + 1} is not valid UTF-8: save it as UTF-8"
                ) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling(Checked):
    """How the model paints."""

    strength: float | None = option(None, "denoising strength; 0 is the fill alone", low=0, high=1, told="the model's")
    steps: int | None = option(
        None,
        "steps of the full schedule, of which the strength says how many run",
        low=1,
        high=1000,
        told="the model's",
        expert=True,
    )
    guidance: float | None = option(
        None,
        "weight of the prompt (classifier-free guidance); 1 = none",
        low=0,
        high=50,
        told="the model's",
        also=("--cfg", "--cfg-scale"),
        expert=True,
    )
    sampler: SamplerName | None = option(None, "the sampler", told="the model's", expert=True)
    guidance_rescale: float | None = option(
        None,
        "how much of the contrast that guidance adds is taken back",
        low=0,
        high=1,
        told="the model's",
        expert=True,
    )
    guidance_steps: Span | None = option(
        None,
        "the share of the steps, from 0 to 1, that is guided, such as 0.1-0.8; at the others the model is asked once",
        low=0,
        high=1,
        told="all, 0-1",
        metavar="FROM-TO",
        form="guidance_steps",
        expert=True,
    )
    method: Method = option(
        Method.DIFFERENTIAL,
        "differential gives every pixel its own amount of change; classic is masked inpainting: half and more of it "
        "is all, less is none",
        told="differential",
        expert=True,
    )
    resample: int = option(
        0,
        "take each step N times more, with fresh noise between, so that new and old agree (RePaint); calls grow by as "
        "much",
        low=0,
        high=50,
        told="0, once",
        expert=True,
    )
    think: int = option(
        0,
        "move N times within each step towards what goes with the original (as LanPaint); calls grow by as much",
        low=0,
        high=50,
        told="0, not at all",
        expert=True,
    )
    told_size: Literal["auto"] | Size | None = option(
        None,
        "what SDXL is told of the picture's size, 1 to 99999 px a side; auto: a window is a part of its canvas, and "
        "nothing is smaller than what the model was trained at",
        told="the size as it is",
        metavar="auto|WxH",
        form="told_size",
        expert=True,
    )
    seed: int | None = option(
        None, "start of the random numbers; the same seed repeats a result", low=0, told="random, printed"
    )
    refine_strength: float | None = option(
        None,
        "strength of the windows that refine a big picture after a pass over the scene",
        low=0.01,
        high=1,
        told="the model's",
        expert=True,
    )
    passes: int | None = option(
        None,
        "in how many passes much is added, 1 to 64; auto: as few as see enough of what is known",
        low=1,
        high=64,
        told="auto",
        metavar="auto|N",
        form="passes",
        expert=True,
    )
    color_match: bool = option(
        True,
        "measure the decoder's colour error on what is kept and take it off the rest",
        flags=("--color-match/--no-color-match",),
        expert=True,
    )

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        if self.seed is not None and self.seed > MOST_SEED:
            raise BadRequest(f"--seed {self.seed}: must be at most {MOST_SEED}, 2 to the power of 63 less 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection(Checked):
    """How many, and how good they must be."""

    num: int = option(
        1, "variations per picture, with seeds N, N+1, ... in their names", low=1, high=MOST_SEEDS, metavar="K"
    )
    best_of: int = option(
        1,
        "make K seeds of each picture and keep the one with the best seam score",
        low=1,
        high=MOST_SEEDS,
        metavar="K",
    )
    keep_all: bool = option(
        False, "with --best-of or --retry: keep the others too, the seed in their names", told="off", expert=True
    )
    retry: int = option(
        0,
        "try up to N times more where the fill shows (more strength) or a seam (another seed)",
        low=0,
        high=20,
        expert=True,
    )
    min_score: float | None = option(
        None, "a result with a lower seam score is an error and not written", low=0, high=1, told="none", expert=True
    )

    @property
    def most(self) -> int:
        """How many results one picture may take."""
        return self.best_of + self.retry

    def check_seeds(self, first: int) -> None:
        """BadRequest where not all seeds from the first on are seeds."""
        count = max(self.num, self.most)
        if first + count - 1 > MOST_SEED:
            raise BadRequest(
                f"--seed {first}: {count} seeds from there on end beyond {MOST_SEED}, 2 to the power of 63 less 1; "
                "name a smaller one"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """The request: what the user asks for, in groups."""

    growth: Growth = Growth()
    mask: Mask = Mask()
    prompt: Prompt = Prompt()
    sampling: Sampling = Sampling()

    @classmethod
    def of(cls, **options: Any) -> Spec:
        """From options by name, whatever group they are in; BadRequest for an unknown one."""
        return cls().replaced(**options)

    def replaced(self, **options: Any) -> Spec:
        """With these options, by name, in place of its own; BadRequest for an unknown one."""
        unknown = [name for name in options if name not in GROUP_OF]
        if unknown:
            raise BadRequest(f"{unknown[0]}: no such option; there are {', '.join(GROUP_OF)}")
        groups: dict[str, dict[str, Any]] = {}
        for name, value in options.items():
            groups.setdefault(GROUP_OF[name], {})[name] = value
        return replace(self, **{group: replace(getattr(self, group), **own) for group, own in groups.items()})

    @property
    def seed(self) -> int:
        """The seed; BadRequest where none was drawn yet."""
        if self.sampling.seed is None:
            raise BadRequest("--seed: no seed was given or drawn")
        return self.sampling.seed

    def options(self) -> dict[str, Any]:
        """All options by name."""
        return {name: getattr(getattr(self, group), name) for name, group in GROUP_OF.items()}


GROUP_OF: Mapping[str, str] = {
    each.name: group
    for group, kind in (("growth", Growth), ("mask", Mask), ("prompt", Prompt), ("sampling", Sampling))
    for each in dataclasses.fields(kind)
}
