"""Pictures in: any file a photographer has, upright, at its depth, with its colour profile and metadata."""

from __future__ import annotations

import json
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from softextend.errors import BadPicture, MissingFile
from softextend.pictures import metadata, other_formats, stores, xmp
from softextend.pictures.address import Address, Place
from softextend.pictures.checksums import without_damaged
from softextend.pictures.damage import Ending, ended, layout_of
from softextend.pictures.decode import as_image, decode
from softextend.pictures.files import is_device, is_socket
from softextend.pictures.icc import own_colours
from softextend.pictures.memory import check_memory, ran_out
from softextend.pictures.picture import Metadata, Picture
from softextend.pictures.planes import Planes, finite, opaque_where, top_of, white_of
from softextend.pictures.source import Source, Unusual, holds_previews_alone, open_source, webp_canvas

if TYPE_CHECKING:
    from softextend.pictures.planes import Samples
    from softextend.types import Change, Known


READABLE = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "DIB", "AVIF", "GIF")  # Pillow's names; its JPEG reader finds MPO
WRITTEN_AS = {"MPO": "JPEG", "DIB": "BMP", "GIF": "PNG", "HEIF": "PNG", "JXL": "PNG"}
ALLOWED = "PNG, JPEG, WebP, TIFF, BMP, AVIF or GIF"
CONVERT = "convert it to a PNG, or to a JPEG of 8 bits"
SAVE_ANEW = "open it in the program that made it, or another, and save it as PNG"
UNUSUAL = re.compile(r"(?i)unsupported|not supported|not implemented|unknown (compression|.*mode|data)|not available")
OWN = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
    b"GIF8": "GIF",
    b"RIFF": "WebP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}
# What other files begin with, so that the error can name them: (offset, bytes, name).
STRANGERS = (
    (0, b"%PDF", "a PDF"),
    (0, b"PK\x03\x04", "a zip archive"),
    (4, b"ftyp", "a video or another file of Apple's or MPEG's kind"),
    (0, b"\x1aE\xdf\xa3", "a video (Matroska, WebM)"),
    (0, b"gimp xcf", "a GIMP picture"),
    (0, b"v/1\x01", "an OpenEXR picture"),
    (0, b"#?RADIANCE", "a Radiance HDR picture"),
    (0, b"qoif", "a QOI picture"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"<?xml", "an XML file, perhaps an SVG drawing"),
    (0, b"II\xbc\x01", "a JPEG XR picture"),
    (0, b"II+\0", "a BigTIFF"),
    (0, b"MM\0+", "a BigTIFF"),
)
LARGEST = 500_000_000  # px; 1.5 GB of RGB: above it a small file can ask for more memory than a machine has
LONGEST_RECIPE = 2_000_000  # characters: two prompts of the longest kind, each of their letters spelled out
OPENCV_LOG = cv2.utils.logging if hasattr(cv2.utils, "logging") else cv2  # moved in OpenCV 5
logging.getLogger("PIL").addHandler(logging.NullHandler())  # else what it logs lands on stderr


def read_picture(
    source: Place | bytes,
    *,
    name: str | None = None,
    allow_huge: bool = False,
    allow_damaged: bool = False,
    keep_alpha: bool = False,
) -> Picture:
    """A file (or its bytes), upright, at its depth; BadPicture where it is none, damaged or above 500 megapixels.

    `allow_damaged`: a JPEG that ends early is taken; what is missing of it is not known. `keep_alpha`: its transparency
    stays with it, to be written again.
    """
    data, name = _bytes_of(source, name)
    notes: list[str] = []
    with _decoder_errors(name, data):
        stored = _stored(data, name, notes, allow_huge=allow_huge, allow_damaged=allow_damaged)
    planes = Planes(colour=_upright(stored.colour, stored.turn), white=stored.white)
    known, alpha = _known(planes, None if stored.alpha is None else _upright(stored.alpha, stored.turn), stored.format)
    if stored.held is not None:
        known = known & _upright(stored.held, stored.turn)
    if not known.any():
        raise BadPicture(f"{name}: every pixel is transparent; there is nothing to continue from; name another")
    notes += _on_alpha(alpha, known, keep=keep_alpha)
    planes = replace(planes, alpha=alpha) if keep_alpha else planes
    return Picture(
        pixels=planes.view(),
        planes=planes,
        known=known,
        format=WRITTEN_AS.get(stored.format, stored.format),
        metadata=stored.metadata,
        notes=tuple(notes),
        sha256=sha256(data).hexdigest(),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A file's first picture as it is stored, before it is turned upright; samples (H, W) or (H, W, 3)."""

    colour: Samples
    alpha: Samples | None
    white: float
    held: Known | None  # bool (H, W): what a JPEG that ends early holds; None: all
    turn: int  # Exif's orientation that is still to be undone
    format: str  # Pillow's name
    metadata: Metadata


def _stored(data: bytes, name: str, notes: list[str], *, allow_huge: bool, allow_damaged: bool) -> Stored:
    """Decode the first picture of a file with its colours and metadata; what a user should know goes to `notes`."""
    data, dropped = without_damaged(data)
    data, ending = _mended(data, name, allow_huge, allow_damaged)
    notes += [*([ending.said] if ending else ()), *dropped]
    opened = _opened(data, name, allow_huge, notes)
    notes += _notes_on(opened)
    decoded = decode(opened, notes)
    white = white_of(decoded.colour, notes)
    size = opened.size if decoded.turned else decoded.colour.shape[1::-1]
    kept, orientation = metadata.read(opened, size, notes)
    colour, icc = own_colours(decoded.colour, opened.info.get("icc_profile") or None, notes, cmyk=decoded.cmyk)
    stated = metadata.colour(opened, icc, grey=colour.ndim == 2, bits=8 * colour.dtype.itemsize)
    notes += stated.notes
    held = ending.known if ending is not None else None
    return Stored(
        colour=colour,
        alpha=decoded.alpha,
        white=white,
        held=held if held is not None and held.shape == colour.shape[:2] else None,
        turn=1 if decoded.turned else orientation,
        format=opened.format,
        metadata=metadata.with_colour(kept, opened, icc, stated),
    )


def _known(planes: Planes, alpha: Samples | None, format: str) -> tuple[Known, Samples | None]:
    """Where the original is, and its alpha where that is one; many 32-bit BMPs leave it at 0."""
    known = None if alpha is None else opaque_where(alpha)
    if known is not None and format == "BMP" and not known.any():
        known = alpha = None
    numbers = finite(planes.colour)
    if known is None:
        known = np.ones(planes.size, np.bool_) if numbers is None else numbers
    elif numbers is not None:
        known = known & numbers
    return known, alpha


def _on_alpha(alpha: Samples | None, known: Known, *, keep: bool) -> Iterator[str]:
    """What becomes of pixels that are neither clear nor opaque."""
    if alpha is None or keep:
        return
    half = int(((alpha > 0) & (alpha < top_of(alpha.dtype))).sum())
    if half:
        yield (
            f"{half} pixels are half-clear: from half opaque on they keep their colour and become opaque, "
            "the others are painted; --alpha keep keeps the transparency"
        )


def read_mask(source: Path | bytes, *, name: str | None = None, allow_huge: bool = False) -> Change:
    """A picture of any mode -> change (H, W) in [0, 1], white = 1 = repaint; alpha and colour profiles do not count."""
    data, name = _bytes_of(source, name)
    with _decoder_errors(name, data):
        opened = _opened(data, name, allow_huge, [])
        decoded = decode(opened, [])
        _, orientation = metadata.read(opened, decoded.colour.shape[1::-1], [])
        if decoded.colour.dtype == np.uint8:
            grey = np.asarray(as_image(decoded.colour, cmyk=decoded.cmyk).convert("L")).astype(np.float32) / 255
        else:
            samples = decoded.colour.astype(np.float32) / np.float32(top_of(decoded.colour.dtype))
            grey = np.asarray(samples if samples.ndim == 2 else cv2.cvtColor(samples, cv2.COLOR_RGB2GRAY))
    if not np.isfinite(grey).all() or grey.min() < 0 or grey.max() > 1:
        raise BadPicture(f"{name}: a mask of floating-point samples must lie from 0 (keep) to 1 (repaint)")
    change: Change = _upright(np.asarray(grey, np.float32), 1 if decoded.turned else orientation)
    return change


def read_recipe(source: Place) -> dict[str, Any]:
    """The recipe that a result carries; BadPicture where it carries none."""
    data, name = _bytes_of(source, None)
    with _decoder_errors(name, data):
        opened = _opened(data, name, allow_huge=True, notes=[])
        text = next((each.text for each in opened.texts if each.key == "softextend"), None)
        if text is None:
            packet, _ = metadata.packet_of(opened, [])
            text = xmp.properties(packet or b"").get("recipe")
    if text is None:
        raise BadPicture(f"{name}: carries no recipe; name a result that softextend wrote, in any format but BMP")
    if len(text) > LONGEST_RECIPE:
        raise BadPicture(f"{name}: its recipe is damaged: it has {len(text):,} characters; name another result")
    try:
        recipe = json.loads(text)
    except (ValueError, RecursionError):
        recipe = None
    if not isinstance(recipe, dict):
        raise BadPicture(f"{name}: its recipe is damaged: it cannot be read; name another result")
    return recipe


def file_bytes(path: Path) -> bytes:
    """What a file or a pipe holds, read once; BadPicture where that cannot be or is nothing."""
    return _bytes_of(path, None)[0]


def _bytes_of(source: Place | bytes, name: str | None) -> tuple[bytes, str]:
    """The file's bytes and the name that errors give it."""
    name = name or ("standard input" if isinstance(source, bytes) else str(source))
    if isinstance(source, bytes):
        data = source
    elif isinstance(source, Address):
        data = stores.read_bytes(source)
    else:
        if is_device(source):
            raise BadPicture(f"{name}: is a device, not a picture; name a file, or pipe a picture into -")
        if is_socket(source):
            raise BadPicture(f"{name}: is a socket, not a picture; name a file, or pipe a picture into -")
        try:
            data = source.read_bytes()
        except FileNotFoundError:
            raise MissingFile(f"{name}: no such file; check the name and the folder") from None
        except IsADirectoryError:
            raise BadPicture(f"{name}: is a folder, not a picture; name a file") from None
        except PermissionError:
            raise BadPicture(f"{name}: may not be read; check its permissions") from None
        except OSError as error:
            raise BadPicture(
                f"{name}: cannot be read ({error.strerror or error}); check the disk it lies on"
            ) from error
    if not data:
        raise BadPicture(f"{name}: is empty (0 bytes); a {ALLOWED} picture is needed")
    return data, name


@contextmanager
def _decoder_errors(name: str, data: bytes) -> Iterator[None]:
    """Decoders of damaged data raise anything and warn of anything: one line for the user, and nothing on stderr."""
    level = OPENCV_LOG.getLogLevel()
    OPENCV_LOG.setLogLevel(0)  # silent
    try:
        with large_allowed():
            yield
    except BadPicture:
        raise
    except Unusual as error:
        raise BadPicture(f"{name}: {error}") from error
    except Exception as error:
        if ran_out(error):
            raise BadPicture(f"{name}: does not fit into memory; make it smaller first") from None
        raise BadPicture(f"{name}: {_complaint(error, data)}") from error
    finally:
        OPENCV_LOG.setLogLevel(level)


@contextmanager
def large_allowed() -> Iterator[None]:
    """Pillow opens what is large, and warns of nothing: the size is checked against a limit of our own."""
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _complaint(error: Exception, data: bytes) -> str:
    """What a decoder's error means for the user: the format, the reason, the remedy."""
    kind = next((name for magic, name in OWN.items() if data.startswith(magic)), None)
    said = "" if isinstance(error, AssertionError | KeyError | IndexError | TypeError) else str(error)
    reason = " ".join(said.split())[:120] or "its numbers make no sense"
    if isinstance(error, NotImplementedError) or UNUSUAL.search(reason):
        return f"is a {kind or 'picture'} of an unusual kind ({reason}); {SAVE_ANEW}"
    what = f"the {kind} is" if kind else "is"
    return f"{what} damaged or incomplete ({reason}); fetch or export it again"


def _opened(data: bytes, name: str, allow_huge: bool, notes: list[str]) -> Source:
    """The first picture in the data, its size checked, not decoded yet."""
    if raw := other_formats.raw_name(data):
        raise BadPicture(f"{name}: is a camera raw file ({raw}); {other_formats.RAW.remedy}")
    if canvas := webp_canvas(data):
        refuse_huge(name, *canvas, allow_huge)
    formats = (*READABLE, *other_formats.plugins_for(data))
    try:
        opened = open_source(data, formats, notes)
    except UnidentifiedImageError:
        raise BadPicture(f"{name}: {_refusal(data)}") from None
    refuse_huge(name, *opened.size, allow_huge)
    if opened.tiff.get(254, 0) & 1:  # NewSubfileType: a reduced-resolution version of another picture
        raise BadPicture(f"{name}: begins with a preview, as camera raw files do; develop it to TIFF, JPEG or PNG")
    return opened


def refuse_huge(name: str, width: int, height: int, allow_huge: bool) -> None:
    """BadPicture for more px than are read, or than memory is free for."""
    if width * height > LARGEST and not allow_huge:
        size = f"{width} x {height} px, {width * height / 1e6:.0f} megapixels"
        raise BadPicture(f"{name}: {size}; at most {LARGEST // 10**6} are read; --allow-huge lifts the limit")
    check_memory(name, width, height, allow_huge=allow_huge)


def _mended(data: bytes, name: str, allow_huge: bool, allow_damaged: bool) -> tuple[bytes, Ending | None]:
    """A JPEG with its end marker, and how it ends; BadPicture where a part is missing and nobody said that it may."""
    layout = layout_of(data)
    if layout is None:
        return data, None
    if layout.precision != 8:
        raise BadPicture(f"{name}: is a JPEG of {layout.precision} bits a sample, which few programs read; {CONVERT}")
    refuse_huge(name, *layout.size, allow_huge)
    data, ending = ended(data)
    if ending is None or not ending.missing:
        return data, ending
    if not allow_damaged:
        raise BadPicture(f"{name}: {ending.said}; fetch it again, or take what is there with --allow-damaged")
    return data, replace(ending, said=f"{ending.said}; what is there is taken (--allow-damaged)")


def _refusal(data: bytes) -> str:
    """What a file is that cannot be opened, and what to do."""
    other = other_formats.what_it_is(data)
    if other:
        return "; ".join(other)
    kind = next((name for magic, name in OWN.items() if data.startswith(magic)), None)
    if kind:
        return f"is a {kind} of an unusual kind, or its header is damaged; {SAVE_ANEW}, or fetch it again"
    return f"{_what_it_is(data)}; a {ALLOWED} picture is needed"


def _what_it_is(data: bytes) -> str:
    for offset, magic, name in STRANGERS:
        if data[offset : offset + len(magic)] == magic:
            return f"is {name}"
    if not re.search(rb"[^\t\n\r\x20-\x7e\x80-\xff]", data[:512]) and re.search(rb"[\n\x20-\x7e]", data[:512]):
        return f"is text, not a picture (it begins {data[:20].decode('ascii', 'replace')!r})"
    return "is no picture this program knows"


def _notes_on(opened: Source) -> Iterator[str]:
    """What a user should know where the first picture of several is taken."""
    frames = getattr(opened.image, "n_frames", 1)
    if opened.format == "MPO":
        if holds_previews_alone(opened):
            return
        yield f"the file holds {frames} pictures (depth, gain map or second view); only the first is used"
    elif frames > 1:
        yield f"the file has {frames} {'pages' if opened.format == 'TIFF' else 'frames'}; only the first is used"
    if opened.format == "GIF":
        yield "GIF is only read: the result is a PNG unless the output's name says otherwise"
    elif opened.format in ("HEIF", "JXL"):
        name = {"HEIF": "HEIC", "JXL": "JPEG XL"}[opened.format]
        yield f"{name} is only read: the result is a PNG unless the output's name says otherwise"


def _upright(stored: Any, orientation: int) -> Any:
    """An array (H, W, ...) as stored -> as seen; the eight values of Exif 2.32, 4.6.4 A."""
    if orientation in (5, 6, 7, 8):
        stored = stored.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        stored = stored[:, ::-1]
    if orientation in (3, 4, 7, 8):
        stored = stored[::-1]
    return np.ascontiguousarray(stored)
