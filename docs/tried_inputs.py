"""The inputs of docs/tried.md: fifty hard ones, chosen before looking, and ten of other kinds, some drawn here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from skimage import data

Deep = npt.NDArray[np.uint16]
Maker = Callable[[Path], Image.Image]


@dataclass(frozen=True)
class Tried:
    """An input, how it is made from the folder of photos, and the options it is extended with."""

    name: str
    make: Callable[[Path], Image.Image | Deep]
    options: str
    made: bool = True  # with buildings, rooms, machines, people, animals or text; else a landscape


def photo(start: str, size: tuple[int, int] | None = None, box: tuple[int, int, int, int] | None = None) -> Maker:
    """A photo whose name begins so, a part of it, at a size."""

    def make(folder: Path) -> Image.Image:
        picture = Image.open(next(folder.glob(f"{start}*"))).convert("RGB")
        return picture.resize(size, Image.Resampling.LANCZOS, box) if size else picture

    return make


def sample(name: str, size: tuple[int, int] | None = None) -> Maker:
    """One of scikit-image's pictures, at a size."""

    def make(_: Path) -> Image.Image:
        picture = Image.fromarray(
            np.asarray(data.stereo_motorcycle()[0] if name == "motorcycle" else getattr(data, name)())
        )
        return picture.resize(size, Image.Resampling.LANCZOS) if size else picture

    return make


def deep(start: str, *, grey: bool) -> Callable[[Path], Deep]:
    """The middle of a photo, 440 px, with 16 bits a channel."""

    def make(folder: Path) -> Deep:
        pixels = np.asarray(photo(start)(folder).crop((68, 68, 508, 508)).convert("L" if grey else "RGB"))
        return cv2.GaussianBlur(pixels.astype(np.uint16) * 257, (3, 3), 0.5)

    return make


def framed(start: str, inner: tuple[int, int], pad: tuple[int, int], colour: str) -> Maker:
    """A photo in a frame of so many px left and right, above and below."""

    def make(folder: Path) -> Image.Image:
        size = (inner[0] + 2 * pad[0], inner[1] + 2 * pad[1])
        canvas = Image.new("RGB", size, colour)
        canvas.paste(photo(start, inner)(folder), pad)
        return canvas

    return make


def rounded(_: Path) -> Image.Image:
    """The astronaut with round corners that are transparent."""
    picture = sample("astronaut")(_)
    alpha = Image.new("L", picture.size, 0)
    ImageDraw.Draw(alpha).rounded_rectangle((0, 0, 511, 511), 60, fill=255)
    picture.putalpha(alpha)
    return picture


def fading(_: Path) -> Image.Image:
    """The coffee, fading to transparency on the right."""
    picture = sample("coffee", (600, 400))(_)
    ramp = np.clip((600 - np.arange(600)) / 120 * 255, 0, 255).astype(np.uint8)
    picture.putalpha(Image.fromarray(np.tile(ramp, (400, 1))))
    return picture


WIDER, ROUND, SCALED, TRIMMED = "--sides 0 25%", "--all 20%", "--scale 1.5", "--sides 0 20% --trim auto"
FIFTY = (
    Tried("beach", photo("gb82_00020"), WIDER, made=False),
    Tried("meadow, flat sky", photo("hdri_463b"), WIDER, made=False),
    Tried("road between trees", photo("hdri_b0be"), WIDER, made=False),
    Tried("street at night", photo("gb82_00014"), WIDER),
    Tried("bulb on a cable", photo("gb82_00001"), WIDER),
    Tried("glass bridge", photo("hdri_9ee2"), WIDER),
    Tried("Earth from orbit", photo("os-world-hist_d84d"), WIDER, made=False),
    Tried("Colosseum, portrait", photo("budgie_00011", (500, 900), (450, 0, 950, 900)), "--aspect 16:9"),
    Tried("astronaut", sample("astronaut"), "--aspect 16:9"),
    Tried("old cars", photo("cq100_e919"), "--aspect 16:9"),
    Tried("man with camera, grey", sample("camera"), "--aspect 16:9"),
    Tried("courtyard", photo("budgie_00003", (900, 600)), "--sides 0 30% 0 0"),
    Tried("handwriting, grey", sample("text"), "--sides 0 30% 0 0"),
    Tried("printed page, grey", sample("page"), "--sides 0 30% 0 0"),
    Tried("colour wheel on black", sample("colorwheel"), "--sides 0 30% 0 0"),
    Tried("forget-me-nots", photo("budgie_00001", (900, 600)), ROUND, made=False),
    Tried("path in the reeds", photo("gb82_00016"), ROUND, made=False),
    Tried("brick wall, grey", sample("brick"), ROUND),
    Tried("beach, 16-bit", deep("gb82_00020", grey=False), ROUND, made=False),
    Tried("grass, 16-bit grey", deep("gb82_00006", grey=True), ROUND, made=False),
    Tried("rainforest", photo("hdri_79ad"), SCALED, made=False),
    Tried("chapel", photo("hdri_c8c1"), SCALED),
    Tried("waves, tiny", photo("gb82_00024", (64, 64)), SCALED, made=False),
    Tried("cat, tiny", sample("chelsea", (64, 64)), SCALED),
    Tried(
        "sumac in a white frame",
        framed("gb82_00022", (460, 460), (20, 20), "white"),
        "--sides 0 20% --trim auto",
        made=False,
    ),
    Tried(
        "fort with black bars", framed("os-world-hist_bc5e", (448, 488), (0, 50), "black"), "--sides 0 20% --trim auto"
    ),
    Tried("astronaut, round corners", rounded, "--sides 0 20%"),
    Tried("coffee, fading to clear", fading, "--sides 0 20%"),
    Tried("logo on transparency", sample("logo"), "--sides 0 20%"),
    Tried("fort", photo("os-world-hist_bc5e"), "--size 900x640 --anchor bottom"),
    Tried("Chinese garden", photo("hdri_42fe"), "--size 900x640 --anchor bottom", made=False),
    Tried("rocket at dusk", sample("rocket"), "--size 900x640 --anchor bottom"),
    Tried("motorcycle", sample("motorcycle", (700, 472)), "--aspect 21:9 --anchor 0.3,0.5"),
    Tried("cat's face", sample("chelsea"), "--aspect 21:9 --anchor 0.3,0.5"),
    Tried("waves", photo("gb82_00024"), "--sides 15% 15% 0 0 --band 0", made=False),
    Tried("coffee", sample("coffee"), "--sides 15% 15% 0 0 --band 0"),
    Tried("rock temple", photo("os-world-hist_9471"), "--sides 15% 15% 0 0 --band 0"),
    Tried("skyline at dusk", photo("budgie_00013", (1066, 600)), "--sides 30% 0 0 0"),
    Tried("Colosseum", photo("budgie_00011", (1066, 600)), "--sides 30% 0 0 0"),
    Tried("courtyard, portrait", photo("budgie_00003", (500, 900), (425, 0, 925, 900)), "--sides 30% 0 0 0"),
    Tried("river and cliff", photo("usgs_00002", (700, 467)), "--sides 20% 0", made=False),
    Tried("pyramid", photo("os-world-hist_cddf"), "--sides 20% 0"),
    Tried("car workshop", photo("hdri_4289"), "--sides 20% 0"),
    Tried("panorama, city", photo("budgie_00013", (4000, 500), (0, 300, 1600, 500)), "--sides 120 0"),
    Tried("panorama, courtyard", photo("budgie_00003", (4000, 500), (0, 366, 1350, 534)), "--sides 0 500"),
    Tried("machine room", photo("hdri_902b"), "--sides 0 20%"),
    Tried("grass", photo("gb82_00006"), "--sides 0 20%", made=False),
    Tried("sumac", photo("gb82_00022"), "--sides 0 20%", made=False),
    Tried("Moon, grey", sample("moon"), "--scale 1.3", made=False),
    Tried("Hubble deep field", sample("hubble_deep_field", (700, 610)), "--scale 1.3", made=False),
)
