"""The Python interface: extend, paint and fill pictures in memory, with the command line's values, ranges and errors.

import softextend
softextend.extend("photo.jpg", (0, 256, 0, 256), seed=1).save("wide.png")
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
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
from softextend.jobs.best_of import check_score, choose, with_seed
from softextend.models import find, load
from softextend.models.engine import Engine
from softextend.option_fields import about, flag
from softextend.options import GROUP_OF, HOW_MUCH, Selection, Spec
from softextend.pictures.picture import Picture
from softextend.pictures.read import read_mask, read_picture
from softextend.plan.canvas import grow
from softextend.plan.grammar import FORMS
from softextend.plan.input import Input, prepare_input
from softextend.plan.plan import plan_extension, plan_repaint
from softextend.plan.sizes import resolve_sides
from softextend.result import Result
from softextend.sampling.progress import Silent
from softextend.types import Amount, Listener, Method, Model, Offload, PredictionName, Profile, SamplerName, Size, Span

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from softextend.extend import Result as Made


Picturelike: TypeAlias = "str | PathLike[str] | bytes | Image.Image | npt.NDArray[Any]"
Sideslike: TypeAlias = "str | int | Sequence[int | str]"
Watcher: TypeAlias = "Listener | Callable[[int, int], None] | None"  # a listener, or only (steps done, steps in all)
DEFAULT_SIDES = (0, 256, 0, 256)
ARRAYS = ((2, 1), (3, 3), (3, 4))  # dimensions and channels of an array that is a picture
ENUMS: Mapping[str, type[Enum]] = {
    "sampler": SamplerName,
    "offload": Offload,
    "method": Method,
    "prediction": PredictionName,
}


class Options(TypedDict, total=False):
    """What `extend` and `paint` take by name beside their own parameters: the command line's options; see its help."""

    aspect: str | tuple[int, int] | None
    size: str | tuple[int, int] | None
    scale: float | None
    all: str | int | None
    anchor: str | tuple[float, float] | None
    fit: bool
    trim: str | int | None
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


def extend(
    image: Picturelike,
    sides: Sideslike | None = DEFAULT_SIDES,
    *,
    model: str | Model = "self",
    prompt: str = "",
    negative: str = "",
    seed: int | None = None,
    listener: Watcher = None,
    **options: Unpack[Options],
) -> Result:
    """Make a picture wider by `sides` (top, right, bottom, left: px, or text such as "25%").

    image: a path, encoded bytes, a PIL image, or uint8 (H, W), (H, W, 3) or (H, W, 4). model: a name as for --model, or
    what `load_model` returned. Raises SoftExtendError: BadRequest for a wrong value, BadPicture, BadModel, ...
    """
    if sides is DEFAULT_SIDES and any(options.get(name) is not None for name in HOW_MUCH):
        sides = None
    spec, selection = read_request({"sides": sides, "prompt": prompt, "negative": negative, "seed": seed, **options})
    spec.growth.demanded()
    picture, heard = any_picture(image), _listener(listener)
    ready, profile, name = _ready(model, heard)
    input = prepare_input(picture.pixels, picture.known, spec.growth, picture.planes)
    made = choose(
        lambda each: extend_prepared(input, plan_extension(input, each, profile), ready, heard),
        spec,
        selection,
        heard,
    ).best
    check_score(made.scores, selection)
    return Result(
        made=made,
        source=picture,
        command="extend",
        model=name,
        spec=spec,
        selection=selection,
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
    **options: Unpack[Options],
) -> Result:
    """Repaint a picture by a mask of its size: white is repainted, black stays, grey lies in between.

    mask: like `image`, or float (H, W) in [0, 1], 1 = repaint. Raises as `extend`.
    """
    spec, selection = read_request({"prompt": prompt, "negative": negative, "seed": seed, **options})
    picture, change, heard = any_picture(image), _change(mask), _listener(listener)
    if change.shape != picture.known.shape:
        sizes = [f"{shape[1]}x{shape[0]}" for shape in (change.shape, picture.known.shape)]
        raise BadRequest(f"the mask is {sizes[0]}, the picture {sizes[1]}; make them one size")
    ready, profile, name = _ready(model, heard)
    once = partial(_repaint, picture, change, ready, profile, heard)
    made = choose(once, spec, selection, heard).best
    check_score(made.scores, selection)
    return Result(
        made=made,
        source=picture,
        command="paint",
        model=name,
        spec=spec,
        selection=selection,
        origin=_origin(image),
        mask_origin=_origin(mask),
    )


def fill(
    image: Picturelike, sides: Sideslike = DEFAULT_SIDES, name: str = "perlin", *, seed: int | None = None
) -> Image.Image:
    """The picture on its larger canvas, the new area painted by a fill ("name" or "name:key=value,..."); no model."""
    spec, _ = read_request({"sides": sides, "seed": seed, "fill": name})
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
    compile: bool = False,
    listener: Watcher = None,
) -> Model:
    """A model to hand to `extend` and `paint` as often as you like; parameters as the options of the same names."""
    given = {
        "offload": offload,
        "vae": vae and Path(vae),
        "preview_vae": preview_vae and Path(preview_vae),
        "compile": compile,
        "profile": profile,
        "prediction": prediction,
    }
    engine = Engine(model=name, device=device, dtype=dtype, **_read(Engine, {k: v for k, v in given.items() if v}))
    return load.load_model(
        find.model_of(engine),
        device=engine.device,
        dtype=engine.dtype,
        offload=engine.offload,
        vae=engine.vae,
        preview_vae=engine.preview_vae,
        compile=engine.compile,
        listener=_listener(listener),
    )


class _Progress(Silent):
    """A listener that only counts steps."""

    def __init__(self, on_step: Callable[[int, int], None]) -> None:
        self.on_step = on_step

    def step(self, done: int, total: int) -> None:
        """See `Listener`."""
        self.on_step(done, total)


_loaded: dict[find.ModelRef, Model] = {}  # the last model that was named, kept for the next call


def _ready(model: str | Model, listener: Listener) -> tuple[Model, Profile, str]:
    """The model, what it likes best, and its name; a named one is loaded once, and kept until another is named."""
    if not isinstance(model, str):
        return model, model.profile, model.name
    ref = find.resolve_model(model)
    if ref not in _loaded:
        fresh = load.load_model(ref, listener=listener)
        _loaded.clear()
        _loaded[ref] = fresh
    return _loaded[ref], find.known_profile(ref), ref.name


def read_request(given: dict[str, Any]) -> tuple[Spec, Selection]:
    """Both from options by name; BadRequest as on the command line."""
    names = {each.name for each in dataclasses.fields(Selection)}
    unknown = [name for name in given if name not in GROUP_OF and name not in names]
    if unknown:
        raise BadRequest(f"{unknown[0]}: no such option; there are {', '.join((*GROUP_OF, *sorted(names)))}")
    spec = Spec.of(**{name: _value(name, value) for name, value in given.items() if name in GROUP_OF})
    return with_seed(spec), Selection(**{name: value for name, value in given.items() if name in names})


def _value(name: str, value: Any) -> Any:
    """One option as its group holds it, from what Python users write."""
    if name == "sides" and value is not None and not isinstance(value, str):
        value = " ".join(map(str, value)) if isinstance(value, Sequence) else str(value)
    if name == "all" and isinstance(value, int):
        return Amount(value=value)
    group: Any = getattr(Spec(), GROUP_OF[name])
    return _read(type(group), {name: value})[name]


def _read(group: type[Any], given: dict[str, Any]) -> dict[str, Any]:
    """Texts as the command line reads them, other values as they are."""
    read = {}
    for field in dataclasses.fields(group):
        if field.name not in given:
            continue
        value, form = given[field.name], about(field).form
        if isinstance(value, str) and form:
            value = FORMS[form](value)
        elif isinstance(value, str) and not isinstance(value, Enum) and field.name in ENUMS:
            value = _named(field.name, value)
        read[field.name] = value
    return read


def _named(name: str, text: str) -> Enum:
    """One of an option's names; BadRequest for another."""
    kind = ENUMS[name]
    try:
        return kind(text)
    except ValueError:
        raise BadRequest(f"{flag(name)} {text}: must be one of {', '.join(each.value for each in kind)}") from None


def any_picture(image: Picturelike) -> Picture:
    """Any kind of picture, upright RGB; raises BadPicture."""
    if isinstance(image, str | PathLike):
        return read_picture(Path(image))
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


def _repaint(picture: Picture, change: Any, model: Model, profile: Profile, listener: Listener, spec: Spec) -> Made:
    plan = plan_repaint(change, spec, profile)
    input = Input(pixels=picture.pixels, planes=picture.planes, known=picture.known)
    return paint_prepared(input, change, plan, model, listener)


def _origin(image: Picturelike) -> Path | None:
    return Path(image).resolve() if isinstance(image, str | PathLike) else None


def _listener(watcher: Watcher) -> Listener:
    if watcher is None:
        return Silent()
    return watcher if hasattr(watcher, "note") else _Progress(watcher)  # type: ignore[return-value]
