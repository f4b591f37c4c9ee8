"""The words. Values are frozen, keyword-only and checked at birth; nothing here computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, Protocol

from softextend.errors import BadRequest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    Pixels = npt.NDArray[np.uint8]  # (H, W, 3) RGB
    Known = npt.NDArray[np.bool_]  # (H, W), True = original
    Change = npt.NDArray[np.float32]  # (H, W) in [0, 1], 1 = repaint

# (scaled latents (B, C, h, w), timestep, keep (B or 1, 1, h, w) in [0, 1]: the step's share of the noised original)
# -> what the model predicts, float32 (B, C, h, w)
Predict = Callable[["Tensor", float, "Tensor"], "Tensor"]


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


class SamplerName(str, Enum):
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
    TCD = "tcd"


class Method(str, Enum):
    """How a pixel's change in (0, 1) is understood."""

    DIFFERENTIAL = "differential"  # as the share of the run in which it is free; arXiv:2306.00950
    CLASSIC = "classic"  # half and more as all, less as none: masked inpainting


class PredictionName(str, Enum):
    """What a denoiser was trained to predict, and over which noise levels; sampling/schedule.py has the formulas."""

    EPSILON = "epsilon"  # the noise
    V = "v"  # velocity, over Stable Diffusion's noise levels
    V_ZERO_SNR = "v-zero-snr"  # velocity, over noise levels that end in pure noise
    EDM = "edm"  # with EDM's preconditioning, as Playground 2.5
    EDM_V = "edm-v"  # velocity over EDM's noise levels, as CosXL
    FLOW = "flow"  # of a rectified flow


class Wrap(str, Enum):
    """Which opposite edges of a result join."""

    X = "x"  # left and right
    Y = "y"  # top and bottom
    XY = "xy"

    @property
    def axes(self) -> tuple[bool, bool]:
        """Whether it joins top and bottom, and left and right: as arrays have their axes."""
        return "y" in self.value, "x" in self.value


class Offload(str, Enum):
    """How much of the model stays on the device while it does not compute."""

    NONE = "none"
    MODEL = "model"
    SEQUENTIAL = "sequential"


# --- values ----------------------------------------------------------------------------------------------------------


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


MOST_ADDED = 10**9  # px or percent: more than any file of pictures holds


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount:
    """How much to add on one side: pixels, or percent of the picture's size in that direction."""

    value: float
    percent: bool = False

    def __str__(self) -> str:
        return f"{self.value:g}%" if self.percent else f"{self.value:g}"


Amounts = tuple[Amount, Amount, Amount, Amount]  # top, right, bottom, left


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Of the steps that run, the share from `start` to `end`, both in [0, 1]."""

    start: float = 0.0
    end: float = 1.0

    def __str__(self) -> str:
        return f"{self.start:g}-{self.end:g}"

    def holds(self, step: int, steps: int) -> bool:
        """Whether step `step` of `steps` lies wholly within, as diffusers counts."""
        return step / steps >= self.start and (step + 1) / steps <= self.end


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """Of a picture, px; each 1 or more."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Crop:
    """What is taken of an input of width x height px: a box of it, scaled to `size` (width, height)."""

    width: int
    height: int
    box: Box
    size: tuple[int, int]

    @property
    def whole(self) -> bool:
        """Whether all of it is taken, as it is."""
        return (self.box.width, self.box.height) == self.size == (self.width, self.height)


# --- what runs -------------------------------------------------------------------------------------------------------


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
    sampler: SamplerName
    window: int
    overlap: int
    feather: int
    trailing: bool = False  # timesteps counted from the noisy end, as few-step models were distilled
    refine_strength: float | None = 0.4  # of native windows after a pass over the scene; None: its stages are enough
    guidance_rescale: float = 0.0  # arXiv:2305.08891, Sec. 3.4
    trained_at: tuple[int, ...] = ()  # the timesteps of a distillation, falling, where they are not evenly spaced
    sized: bool = False  # it is told the picture's size
    guidable: bool = True  # it takes a prompt, which guidance weighs
    embedded: bool = False  # guidance is an input of its network: no negative prompt, one call a step


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Encoded:
    """One prompt as encoders give it: hidden (1, N, D); pooled (1, P), images (1, K, ...) where a model takes them."""

    hidden: Tensor
    pooled: Tensor | None = None
    image: Tensor | None = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Conditioning:
    """What a denoiser is told: the prompt, and what to keep away from, of one length; None: it takes no prompt."""

    prompt: Encoded | None = None
    negative: Encoded | None = None
    refined: Conditioning | None = None  # the same for a refiner that has encoders of its own


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Scene:
    """One picture as a denoiser meets it, at one stage."""

    z0: Tensor  # (B, C, h, w) clean latents of the filled canvas
    change: Tensor  # (1, 1, h, w) in [0, 1]
    known: Known  # (H, W) at the stage's pixel size, padding included
    filled: Tensor  # (1, 3, H, W) in [-1, 1]: the filled canvas itself, padding included
    conditioning: Conditioning
    guidance: float
    guidance_rescale: float = 0.0  # how much of the contrast that guidance adds is taken back, 0 to 1
    told_size: Size | Literal["auto"] | None = None  # what a model that is told the size hears; None: as it is
    guidance_steps: Span = Span()  # the steps that are guided; in the others the prompt alone is asked
    stage: int  # index into the stages that run
    seed: int
    timesteps: tuple[float, ...] = ()  # of the steps that run, in order
    box: Box | None = None  # what it shows of its canvas, px at the stage's size
    canvas: tuple[int, int] | None = None  # that canvas, height and width
    part: Box | None = None  # of z0 that the denoiser is given x of and answers for; None: all


class Schedule(Protocol):
    """The noise levels that a model was trained at; sampling/schedule.py has the kinds."""

    def sigma_at(self, t: float) -> float:
        """The noise level (noise over signal) of a timestep."""

    def time_at(self, sigma: float) -> float:
        """The timestep of a noise level."""


class Listener(Protocol):
    """Who watches pictures being made: a terminal, a page, another machine. To stop, a method raises."""

    def picture(self, name: str, number: int, total: int) -> None:
        """Picture `number` (from 1) of `total` begins."""

    def step(self, done: int, total: int) -> None:
        """A step of the current picture is done."""

    def preview(self, look: Callable[[], Pixels]) -> None:
        """After a step: `look()` makes a small (h, w, 3) picture of what is there by now; it costs only when called."""

    def note(self, line: str) -> None:
        """One line worth knowing."""

    def detail(self, line: str) -> None:
        """One line for those who asked for more."""

    def hint(self, line: str) -> None:
        """One line of advice for a person."""


class Model(Protocol):
    """Everything `extend` knows of a model; SDXL, the built-in `self` and a test's toy differ in nothing else."""

    name: str
    profile: Profile
    factor: int  # pixels per latent, 8 for SDXL, 1 for pixel-space models

    @property
    def schedule(self) -> Schedule:
        """The noise levels that it was trained at."""

    def as_dict(self) -> dict[str, Any]:
        """What a recipe records of the model: `name`, `hash`, `device`, `dtype`, ... (JSON values)."""

    def encode(self, pixels: Tensor) -> Tensor:
        """pixels (B, 3, H, W) float32 in [-1, 1], H and W multiples of `factor` -> float32 latents (B, C, h, w)."""

    def decode(self, z: Tensor, *, exact: bool = False) -> Tensor:
        """latents -> float32 pixels (B, 3, H, W), about [-1, 1]; `exact` computes in float32 whatever it costs."""

    def preview(self, z: Tensor) -> Tensor:
        """latents (1, C, h, w) -> float32 (1, 3, h', w') in about [-1, 1]: a cheap look, no larger than the picture."""

    def embed(self, prompt: str, negative: str, photo: Pixels | None = None) -> Conditioning:
        """Both prompts encoded, once per prompt, with the photo (H, W, 3) where it is a prompt itself."""

    def predict(self, scene: Scene) -> Predict:
        """The denoiser for this scene, guidance included; it answers as the model's schedule says."""

    def reduce_memory(self) -> str | None:
        """After an out-of-memory: free what can be freed, go to the next offload level and say it; None at the last."""
