"""The vocabulary. Values are frozen, keyword-only and checked at birth; nothing here computes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from softextend.errors import BadRequest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    Pixels = npt.NDArray[np.uint8]  # (H, W, 3) RGB
    Known = npt.NDArray[np.bool_]  # (H, W), True = original
    Change = npt.NDArray[np.float32]  # (H, W) in [0, 1], 1 = repaint

Predict = Callable[["Tensor", "Tensor"], "Tensor"]  # (scaled latents, timestep) -> predicted noise
OnStep = Callable[[int, int], None]  # (steps done, steps in all)
OnNote = Callable[[str], None]  # one line worth telling the user


class FillName(str, Enum):
    """What an empty border is painted with before the model sees it."""

    PERLIN = "perlin"
    TELEA = "telea"
    GRAY = "gray"
    EDGE = "edge"
    PATCH = "patch"
    MIRROR = "mirror"
    BLUR = "blur"
    NS = "ns"
    MOSAIC = "mosaic"
    SPECTRAL = "spectral"
    STRETCH = "stretch"
    NOISE = "noise"


class SolverName(str, Enum):
    """The samplers that `--sampler` offers."""

    EULER = "euler"
    EULER_A = "euler-a"
    DDIM = "ddim"
    DPMPP_2M = "dpmpp-2m"
    DPMPP_2M_SDE = "dpmpp-2m-sde"
    DEIS = "deis"
    UNIPC = "unipc"
    HEUN = "heun"
    LCM = "lcm"


class Offload(str, Enum):
    """How much of the model stays on the device while it does not compute."""

    NONE = "none"
    MODEL = "model"
    SEQUENTIAL = "sequential"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sides:
    """Pixels to add on each side; each 0 or more."""

    top: int = 0
    right: int = 0
    bottom: int = 0
    left: int = 0

    def __post_init__(self) -> None:
        if min(self.top, self.right, self.bottom, self.left) < 0:
            raise BadRequest(f"sides {self}: each side must be 0 or more")

    def __str__(self) -> str:
        return f"{self.top} {self.right} {self.bottom} {self.left}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """A part of a picture, half-open, in px: rows top to bottom - 1, columns left to right - 1."""

    top: int
    left: int
    bottom: int
    right: int

    def __post_init__(self) -> None:
        if not (0 <= self.top <= self.bottom and 0 <= self.left <= self.right):
            raise ValueError(f"{self}: top and left must be 0 or more, bottom and right no less than they")

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def area(self) -> int:
        """Pixels."""
        return self.height * self.width

    @property
    def cut(self) -> tuple[slice, slice]:
        """What cuts it out of an array (H, W, ...)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount:
    """How much to add on one side: pixels, or percent of the picture's size in that direction."""

    value: float
    percent: bool = False

    def __str__(self) -> str:
        return f"{self.value:g}%" if self.percent else f"{self.value:g}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """The result as a whole: one of aspect, size, scale and all, and where the original lies in it."""

    aspect: tuple[int, int] | None = None  # width to height; the dimension that is short grows
    size: tuple[int, int] | None = None  # width and height, px
    scale: float | None = None  # times the picture's width and height, above 1
    all: Amount | None = None  # on each of the four sides
    anchor: tuple[float, float] = (0.5, 0.5)  # of what is added, the share to the left of and above the original
    fit: bool = False  # scale a picture down that is larger than `size`

    def __post_init__(self) -> None:
        given = [name for name in ("aspect", "size", "scale", "all") if getattr(self, name) is not None]
        if len(given) != 1:
            raise BadRequest(f"{' and '.join(given) or 'no target'}: give exactly one of aspect, size, scale and all")
        if min(self.aspect or self.size or (1, 1)) < 1:
            raise BadRequest(f"{self}: both numbers must be 1 or more")
        if self.scale is not None and not 1 < self.scale < float("inf"):
            raise BadRequest(f"--scale {self.scale:g}: must be above 1, such as 1.5")
        if not all(0 <= share <= 1 for share in self.anchor):
            raise BadRequest(f"--anchor {self.anchor[0]:g},{self.anchor[1]:g}: both numbers must be from 0 to 1")
        if self.fit and self.size is None:
            raise BadRequest("--fit: only --size can be smaller than a picture; leave --fit out")

    def __str__(self) -> str:
        if self.aspect:
            return f"--aspect {self.aspect[0]}:{self.aspect[1]}"
        if self.size:
            return f"--size {self.size[0]}x{self.size[1]}"
        return f"--all {self.all}" if self.all else f"--scale {self.scale:g}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Used:
    """What is used of an input of width x height px: a box of it, scaled to `size` (width, height)."""

    width: int
    height: int
    box: Box
    size: tuple[int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One img2img pass: on the picture at `scale`, with `strength` in [0, 1] and `steps` in the full schedule."""

    scale: float = 1.0
    strength: float
    steps: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """What a model likes best: every value a user may leave out. `window`, `overlap`, `feather` in px."""

    name: str
    fill: str
    stages: tuple[Stage, ...]
    guidance: float
    solver: SolverName
    window: int
    overlap: int
    feather: int
    trailing: bool = False  # timesteps counted from the noisy end, as few-step models were distilled
    refine: float | None = 0.4  # strength of native windows after a pass over the scene; None: its stages are enough


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """What the user asks for; None means: as the model's profile says."""

    sides: tuple[Amount, Amount, Amount, Amount] = field(default=(Amount(value=0),) * 4)
    seed: int
    prompt: str = ""
    negative: str = ""
    strength: float | None = None  # [0, 1]; 0 = the fill and the finishing steps alone
    steps: int | None = None  # 1..1000
    guidance: float | None = None  # 0..50; 1 = none
    solver: SolverName | None = None
    fill: str | None = None  # "name" or "name:key=value,..."
    overlap: int | None = None  # px
    feather: int | None = None  # px
    change: float = 1.0  # (0, 1], map value of the new area
    allow_large: bool = False  # lift the limit of 4x the picture per side
    band: int | None = None  # px into the original that may change; None: all that the mask covers
    color_match: bool = True  # take the decoder's colour error off
    passes: int | None = None  # 1..64; None: as many as keep half of every window known
    refine: float | None = None  # (0, 1]: strength of native windows after a pass over the scene; None: the profile's
    target: Target | None = None  # in place of `sides`
    trim: Literal["auto"] | int | None = None  # px off every side before the picture grows; "auto": what is no picture

    def __post_init__(self) -> None:
        _within("--strength", self.strength, 0.0, 1.0)
        _within("--steps", self.steps, 1, 1000)
        _within("--guidance", self.guidance, 0.0, 50.0)
        _within("--overlap", self.overlap, 0, 4096)
        _within("--feather", self.feather, 0, 4096)
        _within("--band", self.band, 0, 8192)
        _within("--seed", self.seed, 0, 2**63 - 1)
        _within("--passes", self.passes, 1, 64)
        _within("--refine-strength", self.refine, 0.01, 1.0)
        if not 0.0 < self.change <= 1.0:
            raise BadRequest(f"--change {self.change:g}: must be above 0 and at most 1")
        if self.target and any(side.value for side in self.sides):
            raise BadRequest(f"{self.target}: says already how much; leave --sides out")
        if self.trim != "auto":
            _within("--trim", self.trim, 1, 4096)


def _within(name: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not low <= value <= high:
        shown, least, most = (f"{each:g}" if isinstance(each, float) else str(each) for each in (value, low, high))
        raise BadRequest(f"{name} {shown}: must be from {least} to {most}")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Scene:
    """One picture as a denoiser meets it, at one stage."""

    z0: Tensor  # (B, C, h, w) clean latents of the filled canvas
    change: Tensor  # (1, 1, h, w) in [0, 1]
    known: Known  # (H, W) at the stage's pixel size, padding included
    embedding: Any  # what the model's `embed` returned
    guidance: float
    stage: int  # index into the stages that run
    seed: int


class Model(Protocol):
    """Everything `extend` knows of a model; SDXL, the built-in `self` and a test's toy differ in nothing else."""

    name: str
    profile: Profile
    factor: int  # pixels per latent, 8 for SDXL, 1 for pixel-space models

    def facts(self) -> dict[str, Any]:
        """What a recipe records of the model: `name`, `hash`, `device`, `dtype`, ... (JSON values)."""

    def encode(self, pixels: Tensor) -> Tensor:
        """pixels (B, 3, H, W) float32 in [-1, 1], H and W multiples of `factor` -> float32 latents (B, C, h, w)."""

    def decode(self, z: Tensor, *, exact: bool = False) -> Tensor:
        """latents -> float32 pixels (B, 3, H, W), about [-1, 1]; `exact` computes in float32 whatever it costs."""

    def embed(self, prompt: str, negative: str) -> Any:
        """Whatever `predict` needs of the prompt; encoded once per prompt."""

    def predict(self, scene: Scene) -> Predict:
        """The denoiser for this scene, guidance included: (scaled x, t) -> noise, float32, for SDXL's schedule."""

    def lighten(self) -> str | None:
        """After an out-of-memory: free what can be freed, go to the next offload level and say it; None at the last."""


def param(default: float | str, unit: str, low: float | None, high: float | None, help: str) -> Any:
    """Make a dataclass field that users may set; `low` and `high` are inclusive, None for a text."""
    return field(default=default, metadata={"unit": unit, "low": low, "high": high, "help": help})


class Ranged:
    """Base of the fills: refuses a parameter outside the range that its field names; paints whatever is known."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for spec in dataclasses.fields(self):  # type: ignore[arg-type]
            check_range(self, spec)

    def shortfall(self, known: Known) -> str | None:
        """See `Fill`: most fills need one pixel and no more."""
        return None


def check_range(fill: object, spec: dataclasses.Field[Any]) -> None:
    """Raise BadRequest where the value of the field `spec` of `fill` is out of its range (NaN included)."""
    value, low, high = getattr(fill, spec.name), spec.metadata.get("low"), spec.metadata.get("high")
    if low is not None and not low <= value <= high:
        name, unit = type(fill).__name__.lower(), spec.metadata.get("unit", "")
        raise BadRequest(f"--fill {name}:{spec.name}={value:g}: must be from {low:g} to {high:g} {unit}".rstrip())


class Range(NamedTuple):
    """What a number may be, both ends included; `high` None: no limit. It says so; who uses the number holds it."""

    low: float
    high: float | None = None
    above: bool = False  # the low end itself is out

    def __str__(self) -> str:
        if self.high is None:
            return f"of {self.low:g} or more"
        return f"above {self.low:g} and at most {self.high:g}" if self.above else f"from {self.low:g} to {self.high:g}"
