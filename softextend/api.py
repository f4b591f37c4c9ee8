"""The Python interface: extend, paint and fill pictures in memory, with the command line's values, ranges and errors.

import softextend
softextend.extend("photo.jpg", (0, 256, 0, 256), seed=1).save("wide.png")
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

import numpy as np
import numpy.typing as npt
from PIL import Image

from softextend.errors import BadPicture, BadRequest
from softextend.extend import extend as extend_prepared
from softextend.extend import paint as paint_prepared
from softextend.fill import parse_fill
from softextend.jobs.best_of import check_score, choose
from softextend.jobs.ready import Ready, load_own, ready_model
from softextend.jobs.request import Asked, preset_options, read_request
from softextend.options import HOW_MUCH, Spec
from softextend.pictures.picture import Picture
from softextend.pictures.read import read_mask, read_picture
from softextend.plan.canvas import grow
from softextend.plan.input import Input, prepare_input
from softextend.plan.limits import with_limits
from softextend.plan.plan import Plan, plan_extension, plan_repaint
from softextend.plan.sizes import resolve_sides
from softextend.result import Result
from softextend.sampling.progress import Silent
from softextend.types import Listener, Method, Model, Offload, PredictionName, SamplerName, Size, Span, Wrap

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from softextend.extend import Result as Made


Picturelike: TypeAlias = "str | PathLike[str] | bytes | Image.Image | npt.NDArray[Any]"
Sideslike: TypeAlias = "str | int | Sequence[int | str]"
Textlike: TypeAlias = str | PathLike[str]
Watcher: TypeAlias = "Listener | Callable[[int, int], None] | None"  # a listener, or only (steps done, steps in all)
BUILT_IN = "self"  # the model whose limits are said before the work
DEFAULT_SIDES = (0, 256, 0, 256)
ARRAYS = ((2, 1), (3, 3), (3, 4))  # dimensions and channels of an array that is a picture


class Options(TypedDict, total=False):
    """What `extend` and `paint` take by name beside their own parameters: the command line's options; see its help."""

    aspect: str | tuple[int, int] | None
    size: str | tuple[int, int] | None
    scale: float | None
    all: str | int | None
    anchor: str | tuple[float, float] | None
    fit: bool
    trim: str | int | None
    wrap: str | Wrap | None
    allow_large: bool
    fill: str | None
    overlap: int | None
    feather: int | None
    change: float
    band: int | None
    strength: float | None
    steps: int | None
    guidance: float | None
    sampler: str | SamplerName | None
    guidance_rescale: float | None
    guidance_steps: str | Span | None
    method: str | Method
    resample: int
    think: int
    told_size: str | Size | None
    refine_strength: float | None
    passes: int | str | None
    color_match: bool
    best_of: int
    retry: int
    min_score: float | None


class Laid(TypedDict, total=False):
    """What is laid over a model while it loads: the command line's options; see its help."""

    lora: Textlike | Sequence[Textlike] | None
    embedding: str | Sequence[str] | None
    clip_skip: int | None
    image_prompt: Textlike | None
    image_weight: float | None
    image_steps: str | None
    image_adapter: Textlike | None
    image_encoder: Textlike | None
    control: Textlike | Sequence[Textlike] | None
    control_type: str | None
    control_image: Textlike | None
    refiner: Textlike | None
    refiner_start: float


class Conditioned(Options, Laid, total=False):
    """And what a picture's prompt is made of, and the model's own options, where `model` is a name."""

    preset: str | None
    caption: str | bool | None
    profile: str | None
    prediction: str | PredictionName | None
    device: str
    dtype: str
    offload: str | Offload | None
    compile: bool
    vae: Textlike | None
    preview_vae: Textlike | None
    unet: Textlike | None


def extend(
    image: Picturelike,
    sides: Sideslike | None = DEFAULT_SIDES,
    *,
    model: str | Model = "self",
    prompt: str = "",
    negative: str = "",
    seed: int | None = None,
    listener: Watcher = None,
    **options: Unpack[Conditioned],
) -> Result:
    """Make a picture wider by `sides` (top, right, bottom, left: px, or text such as "25%").

    image: a path, encoded bytes, a PIL image, or uint8 (H, W), (H, W, 3) or (H, W, 4). model: a name as for --model, or
    what `load_model` returned. Raises SoftExtendError: BadRequest for a wrong value, BadPicture, BadModel, ...
    """
    if sides is DEFAULT_SIDES and any(
        options.get(name) is not None or name in preset_options(options) for name in HOW_MUCH
    ):
        sides = None
    asked = read_request({"sides": sides, "prompt": prompt, "negative": negative, "seed": seed, **options})
    asked.spec.growth.demanded()
    picture, heard = any_picture(image), _listener(listener)
    ready = ready_model(model, asked, heard)
    input = prepare_input(picture.pixels, picture.known, asked.spec.growth, picture.planes)
    plan = partial(_extension, input, ready)
    spec = ready.captioned(asked.spec, input, plan(asked.spec), asked.conditions.caption, heard)
    first = with_limits(plan(spec), input) if ready.recorded.name == BUILT_IN else plan(spec)
    again = partial(_again, first, plan)
    made = _chosen(lambda each: extend_prepared(input, again(each), ready.model, heard), spec, asked, ready, heard)
    return Result(
        made=made,
        source=picture,
        command="extend",
        recorded=ready.recorded,
        said=ready.notes,
        spec=spec,
        selection=asked.selection,
        origin=_origin(image),
    )


def paint(
    image: Picturelike,
    mask: Picturelike,
    *,
    model: str | Model = "self",
    prompt: str = "",
    negative: str = "",
    seed: int | None = None,
    listener: Watcher = None,
    **options: Unpack[Conditioned],
) -> Result:
    """Repaint a picture by a mask of its size: white is repainted, black stays, grey lies in between.

    mask: like `image`, or float (H, W) in [0, 1], 1 = repaint. Raises as `extend`.
    """
    asked = read_request({"prompt": prompt, "negative": negative, "seed": seed, **options})
    picture, change, heard = any_picture(image), _change(mask), _listener(listener)
    if change.shape != picture.known.shape:
        sizes = [f"{shape[1]}x{shape[0]}" for shape in (change.shape, picture.known.shape)]
        raise BadRequest(f"the mask is {sizes[0]}, the picture {sizes[1]}; make them one size")
    ready = ready_model(model, asked, heard)
    input = Input(pixels=picture.pixels, planes=picture.planes, known=picture.known)
    plan = partial(_repainting, change, ready)
    spec = ready.captioned(asked.spec, input, plan(asked.spec), asked.conditions.caption, heard)
    made = _chosen(
        lambda each: paint_prepared(input, change, plan(each), ready.model, heard), spec, asked, ready, heard
    )
    return Result(
        made=made,
        source=picture,
        command="paint",
        recorded=ready.recorded,
        said=ready.notes,
        spec=spec,
        selection=asked.selection,
        origin=_origin(image),
        mask_origin=_origin(mask),
    )


def fill(
    image: Picturelike, sides: Sideslike = DEFAULT_SIDES, name: str = "perlin", *, seed: int | None = None
) -> Image.Image:
    """The picture on its larger canvas, the new area painted by a fill ("name" or "name:key=value,..."); no model."""
    spec = read_request({"sides": sides, "seed": seed, "fill": name}).spec
    picture = any_picture(image)
    height, width = picture.known.shape
    added = resolve_sides(spec.growth.demanded(), width=width, height=height)
    canvas, known = grow(picture.pixels, picture.known, added)
    return Image.fromarray(parse_fill(name).paint(canvas, known, np.random.default_rng(spec.seed)))


def load_model(
    name: str = "self",
    *,
    device: str = "auto",
    dtype: str = "auto",
    profile: str | None = None,
    prediction: str | None = None,
    offload: str | None = None,
    vae: str | PathLike[str] | None = None,
    preview_vae: str | PathLike[str] | None = None,
    unet: str | PathLike[str] | None = None,
    compile: bool = False,
    listener: Watcher = None,
    **laid: Unpack[Laid],
) -> Model:
    """A model to hand to `extend` and `paint` as often as you like; parameters as the options of the same names."""
    given = {
        "model": name,
        "device": device,
        "dtype": dtype,
        "profile": profile,
        "prediction": prediction,
        "offload": offload,
        "vae": vae,
        "preview_vae": preview_vae,
        "unet": unet,
        "compile": compile,
    }
    asked = read_request({**given, **laid})
    return load_own(asked.engine, asked.conditions, _listener(listener))


class _Progress(Silent):
    """A listener that only counts steps."""

    def __init__(self, on_step: Callable[[int, int], None]) -> None:
        self.on_step = on_step

    def step(self, done: int, total: int) -> None:
        """See `Listener`."""
        self.on_step(done, total)


def _extension(input: Input, ready: Ready, spec: Spec) -> Plan:
    return ready.check(plan_extension(input, spec, ready.profile))


def _again(first: Plan, plan: Callable[[Spec], Plan], spec: Spec) -> Plan:
    """The plan of a request; one that differs from the first in its seed alone needs no new one."""
    return first.seeded(spec.seed) if spec == first.spec.replaced(seed=spec.seed) else plan(spec)


def _repainting(change: Any, ready: Ready, spec: Spec) -> Plan:
    return ready.check(plan_repaint(change, spec, ready.profile))


def _painted(
    input: Input, change: Any, plan: Callable[[Spec], Plan], model: Model, listener: Listener, spec: Spec
) -> Made:
    return paint_prepared(input, change, plan(spec), model, listener)


def _chosen(once: Callable[[Spec], Made], spec: Spec, asked: Asked, ready: Ready, listener: Listener) -> Made:
    """The best of the results that were asked for; what has no effect is said first."""
    for line in ready.notes:
        listener.note(line)
    made = choose(once, spec, asked.selection, listener).best
    check_score(made.scores, asked.selection)
    return made


def any_picture(image: Picturelike) -> Picture:
    """Any kind of picture, upright RGB; raises BadPicture."""
    if isinstance(image, str | PathLike):
        return read_picture(Path(image))
    if not isinstance(image, bytes | np.ndarray | Image.Image):
        raise BadPicture(f"image {type(image).__name__}: must be a path, bytes, a PIL image or a NumPy array")
    return read_picture(image if isinstance(image, bytes) else _encoded(image), name="image")


def _encoded(image: Image.Image | npt.NDArray[Any]) -> bytes:
    """A picture in memory as a lossless file, with the profile and EXIF that PIL knows of it."""
    if isinstance(image, np.ndarray):
        image = _from_array(image)
    extra = {name: image.info[name] for name in ("icc_profile", "exif", "dpi") if image.info.get(name)}
    if image.mode not in ("1", "L", "LA", "I;16", "P", "RGB", "RGBA"):
        image = image.convert("RGB")
    stream = BytesIO()
    image.save(stream, "PNG", compress_level=1, **extra)
    return stream.getvalue()


def _from_array(array: npt.NDArray[Any]) -> Image.Image:
    """uint8 (H, W), (H, W, 3) or (H, W, 4); BadPicture for another array."""
    kind = (array.ndim, 1 if array.ndim == 2 else array.shape[-1])
    if array.dtype != np.uint8 or kind not in ARRAYS or not array.size:
        raise BadPicture(f"array {array.shape} of {array.dtype}: must be uint8 (H, W), (H, W, 3) or (H, W, 4)")
    return Image.fromarray(np.ascontiguousarray(array))


def _change(mask: Picturelike) -> npt.NDArray[np.float32]:
    """A mask as a map, float32 (H, W) in [0, 1]."""
    if isinstance(mask, str | PathLike):
        return read_mask(Path(mask))
    if isinstance(mask, np.ndarray) and mask.dtype.kind == "f":
        if mask.ndim != 2 or not np.isfinite(mask).all() or mask.min() < 0 or mask.max() > 1:
            raise BadPicture(f"mask {mask.shape} of {mask.dtype}: must be (H, W) in [0, 1], 1 = repaint")
        return mask.astype(np.float32)
    image = Image.open(BytesIO(mask)) if isinstance(mask, bytes) else mask
    image = _from_array(image) if isinstance(image, np.ndarray) else image
    return np.asarray(image.convert("L"), np.float32) / np.float32(255)


def _origin(image: Picturelike) -> Path | None:
    return Path(image).resolve() if isinstance(image, str | PathLike) else None


def _listener(watcher: Watcher) -> Listener:
    if watcher is None:
        return Silent()
    return watcher if hasattr(watcher, "note") else _Progress(watcher)  # type: ignore[return-value]
