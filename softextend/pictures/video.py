"""Films out: frames become an MP4, a GIF, an animated WebP or numbered PNGs, one at a time, whole or not at all."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import re
import shutil
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from PIL import GifImagePlugin, Image

from softextend.errors import BadRequest, OutputError
from softextend.pictures import xmp
from softextend.pictures.files import (
    make_folder,
    move_to_free_name,
    refuse_name,
    refused_folder,
    shortened,
    standing,
    whole_file,
    writing,
)
from softextend.pictures.formats import check_size
from softextend.pictures.locks import locked, temporary_name
from softextend.pictures.write import encode_picture

if TYPE_CHECKING:
    from softextend.types import Pixels


FORMS = {".mp4": "MP4", ".gif": "GIF", ".webp": "WEBP"}
NUMBER = re.compile(r"%0?(\d*)d")  # as ffmpeg and printf write a frame's number
ALLOWED = "NAME.mp4, .gif, .webp, a folder, or FOLDER/%04d.png"
MOST_DIGITS = 32  # that a pattern may ask for
DIGITS = 4  # of a frame's number in a folder, at least
LONGEST = {"MP4": 16_384, "GIF": 65_535, "WEBP": 16_383, "PNG": 2**31 - 1}  # px a side; x264, and the containers
FASTEST_GIF = 50  # frames a second: browsers show a delay of 1/100 s as 1/10 s
LONGEST_DELAY = 65_535  # 1/100 s; a GIF stores 16 bits
CODEC = "libx264"
X264 = {"preset": "medium", "crf": "16"}  # crf 17 and below: nobody sees the difference to the frames (x264's guide)
BT709, LIMITED, FULL = 1, 1, 2  # ITU-T H.273, tables 2 to 4; FFmpeg's colour ranges
BICUBIC, ACCURATE_ROUNDING = 0x4, 0x40000  # libswscale/swscale.h
WEBP = {"quality": 90, "method": 4}
NO_AV = "needs PyAV: pip install 'softextend[video]' (or choose a .gif, a .webp or a folder of PNGs with -o)"
ANIMATED, METADATA = 0x02, 0x04  # VP8X flags; RFC 9649, 2.7


@dataclass(frozen=True, kw_only=True, slots=True)
class Film:
    """What is to be written: `path` as the user knows it, its form, and `count` frames of width x height px."""

    path: Path
    form: str
    count: int
    fps: Fraction
    width: int
    height: int

    @property
    def numbered(self) -> bool:
        """Whether each frame is a file of its own."""
        return self.form == "PNG"

    @property
    def files(self) -> Iterator[Path]:
        """Every file that is written."""
        if not self.numbered:
            yield self.path
            return
        pattern = self.path.name if NUMBER.search(self.path.name) else f"%0{max(DIGITS, len(str(self.count)))}d.png"
        for number in range(1, self.count + 1):
            yield self.folder / NUMBER.sub(lambda match, number=number: _numbered(match, number), pattern, count=1)  # type: ignore[misc]

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self.path if self.numbered and not NUMBER.search(self.path.name) else self.path.parent


def form_of_name(text: str) -> tuple[Path, str]:
    """What `-o` says: its path and one of MP4, GIF, WEBP, PNG (numbered); BadRequest for another kind."""
    if text == "-":
        raise BadRequest(f"-o -: a film is a file; give {ALLOWED}")
    path = Path(text)
    suffix = path.suffix.lower()
    if numbers := NUMBER.findall(path.name):
        if max(len(each) for each in numbers) > 2 or any(int(each or 0) > MOST_DIGITS for each in numbers):
            raise BadRequest(f"-o {shortened(path)}: a frame's number has at most {MOST_DIGITS} digits, as in %04d.png")
        if suffix != ".png" or len(numbers) > 1:
            raise BadRequest(f"-o {text}: numbered frames are PNGs: FOLDER/%04d.png")
        return path, "PNG"
    if os.path.isdir(path) or text.endswith(("/", os.sep)) or not suffix:  # noqa: PTH112 - a name of any length
        return path, "PNG"
    if suffix not in FORMS:
        raise BadRequest(f"-o {text}: the suffix {suffix!r} names no kind of film; use {ALLOWED}")
    return path, FORMS[suffix]


def even(form: str, width: int, height: int) -> tuple[int, int]:
    """The size without the last odd column and row where the form halves the colour's resolution."""
    return (width // 2 * 2, height // 2 * 2) if form == "MP4" else (width, height)


def check(film: Film, *, overwrite: bool) -> None:
    """What can be known before the work. BadRequest: speed or size; OutputError: PyAV is missing, a file is there."""
    if film.form == "MP4" and importlib.util.find_spec("av") is None:
        raise OutputError(f"{film.path}: MP4 {NO_AV}")
    if film.form == "GIF" and film.fps > FASTEST_GIF:
        raise BadRequest(
            f"--fps {float(film.fps):g}: a GIF shows {FASTEST_GIF} frames a second at most; give less, or -o NAME.mp4"
        )
    if max(film.width, film.height) > LONGEST[film.form]:
        raise BadRequest(
            f"--size {film.width}x{film.height}: {film.form} allows {LONGEST[film.form]} px a side; choose less"
        )
    if film.form == "WEBP":
        check_size(film.form, film.width, film.height)
    for path in film.files:
        refuse_name(path)
    if not film.numbered and film.path.is_dir():
        raise OutputError(f"{film.path}: is a folder; give a file name with -o")
    existing = sum(os.path.lexists(path) for path in film.files)
    if existing and not overwrite:
        first = next(path for path in film.files if os.path.lexists(path))
        more = f" (and {existing - 1} more)" if existing > 1 else ""
        raise OutputError(f"{first}: exists already{more}; --overwrite replaces it, -o names another")
    if film.numbered:
        _refuse_longer(film)
    if refused := refused_folder(standing(film.folder)):
        raise refused


def write_film(
    film: Film, frames: Iterable[Pixels], *, palette: Pixels, recipe: dict[str, Any] | None, overwrite: bool
) -> None:
    """All frames, uint8 (height, width, 3) sRGB, into the film's file or files; no more than one is in memory.

    `palette`: a picture with the film's colours, for forms that allow 256. OutputError with the reason.
    """
    note = None if recipe is None else json.dumps(recipe, allow_nan=False)
    if film.numbered:
        _write_numbered(film, frames, recipe, overwrite=overwrite)
        return
    with whole_file(film.path, overwrite=overwrite) as temporary:
        if film.form == "MP4":
            _write_mp4(temporary, frames, film, note)
        else:
            with temporary.open("wb") as file:
                if film.form == "GIF":
                    _write_gif(file, frames, film, palette, note)
                else:
                    _write_webp(file, frames, film, note)


def delays(count: int, fps: Fraction, unit: int) -> list[int]:
    """How long each frame is shown, in 1/`unit` s, whole numbers whose sum is right."""
    ends = [round(index * unit / fps) for index in range(count + 1)]
    return [after - before for before, after in itertools.pairwise(ends)]


def _numbered(match: re.Match[str], number: int) -> str:
    return f"{number:0{int(match[1] or 1)}d}"


def _refuse_longer(film: Film) -> None:
    """OutputError where frames of a longer film would stay behind and seem to go on from the new ones."""
    folder, names = film.folder, {path.name for path in film.files}
    pattern = film.path.name if film.folder != film.path else "%d.png"
    start, end = NUMBER.split(pattern)[0], NUMBER.split(pattern)[-1]
    frame = re.compile(rf"{re.escape(start)}\d+{re.escape(end)}")
    left = sorted(path.name for path in folder.iterdir() if frame.fullmatch(path.name)) if folder.is_dir() else []
    left = [name for name in left if name not in names]
    if left:
        raise OutputError(
            f"{folder / left[0]}: is one of {len(left)} frames of another film in this folder, which would stay; "
            "remove them, or name another folder with -o"
        )


def _write_numbered(film: Film, frames: Iterable[Pixels], recipe: dict[str, Any] | None, *, overwrite: bool) -> None:
    """PNGs in a hidden folder beside their places, moved there when all are made; the recipe is in the first."""
    with writing(film.path):
        made = not film.folder.is_dir()
        make_folder(film.folder)
        hidden = temporary_name(film.folder)
        try:
            hidden.mkdir()
            targets = list(film.files)
            with locked(hidden):
                for target, pixels in zip(targets, frames, strict=True):
                    data = encode_picture(pixels, format="PNG", recipe=recipe if target is targets[0] else None)
                    (hidden / target.name).write_bytes(data)
                for target in targets:
                    if overwrite:
                        (hidden / target.name).replace(target)
                    else:
                        move_to_free_name(hidden / target.name, target)
        finally:
            shutil.rmtree(hidden, ignore_errors=True)
            if made and not any(film.folder.iterdir()):
                film.folder.rmdir()


def _write_mp4(path: Path, frames: Iterable[Pixels], film: Film, note: str | None) -> None:
    """H.264, 4:2:0, BT.709, playable from its first bytes on; OutputError for whatever the encoder refuses."""
    import av  # only here: an extra that other forms do without

    if CODEC not in av.codecs_available:
        raise OutputError(f"this PyAV has no {CODEC}: MP4 {NO_AV}")
    options = {"movflags": "+faststart", "fflags": "+bitexact"}  # no time of day in the file
    try:
        with av.open(str(path), "w", format="mp4", options=options) as container:
            if note is not None:
                container.metadata["comment"] = note
            stream: Any = container.add_stream(CODEC, rate=film.fps, options=X264)
            stream.width, stream.height, stream.pix_fmt = film.width, film.height, "yuv420p"
            stream.time_base = 1 / film.fps
            context = stream.codec_context
            context.color_primaries = context.color_trc = context.colorspace = BT709
            context.color_range = LIMITED
            for index, pixels in enumerate(frames):
                container.mux(stream.encode(_yuv(av, pixels, index, film)))
            container.mux(stream.encode())
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror) from error
        raise OutputError(
            f"{film.path}: cannot be encoded as H.264 ({error.strerror}); choose another --size"
        ) from error


def _yuv(av: Any, pixels: Pixels, index: int, film: Film) -> Any:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(
        format="yuv420p",
        dst_colorspace=BT709,
        src_color_range=FULL,
        dst_color_range=LIMITED,
        interpolation=BICUBIC | ACCURATE_ROUNDING,
    )
    frame.pts, frame.time_base = index, 1 / film.fps
    return frame


def _write_gif(file: BinaryIO, frames: Iterable[Pixels], film: Film, palette: Pixels, note: str | None) -> None:
    """One palette for all frames, so that nothing flickers; GIF89a, played for ever (Netscape's extension)."""
    chosen = Image.fromarray(palette).quantize(256, method=Image.Quantize.MEDIANCUT)
    table = bytes(chosen.getpalette() or ())[:768].ljust(768, b"\0")
    file.write(b"GIF89a" + struct.pack("<HHBBB", film.width, film.height, 0xF7, 0, 0) + table)
    file.write(b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0")
    if note is not None:
        file.write(b"!\xfe" + b"".join(bytes([len(part)]) + part for part in _blocks(note.encode())) + b"\0")
    for pixels, delay in zip(frames, delays(film.count, film.fps, 100), strict=True):
        picture = Image.fromarray(pixels).quantize(palette=chosen, dither=Image.Dither.FLOYDSTEINBERG)
        parts = GifImagePlugin.getdata(picture, duration=min(delay, LONGEST_DELAY) * 10)
        file.writelines(parts)
        parts.clear()  # Pillow keeps them in a class of the call, which lives until garbage is collected
    file.write(b";")


def _blocks(data: bytes) -> Sequence[bytes]:
    return [data[start : start + 255] for start in range(0, len(data), 255)]


def _write_webp(file: BinaryIO, frames: Iterable[Pixels], film: Film, note: str | None) -> None:
    """Pillow's still pictures in an animation's chunks, played for ever; RFC 9649, 2.7."""
    packet = xmp.with_properties(None, {"recipe": note}) if note is not None else b""
    file.write(b"RIFF\0\0\0\0WEBP")
    flags = ANIMATED | (METADATA if packet else 0)
    file.write(_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + _three(film.width - 1) + _three(film.height - 1)))
    file.write(_chunk(b"ANIM", b"\xff\xff\xff\xff\0\0"))
    for pixels, delay in zip(frames, delays(film.count, film.fps, 1000), strict=True):
        still = BytesIO()
        Image.fromarray(pixels).save(still, "WEBP", **WEBP)
        place = bytes(6) + _three(film.width - 1) + _three(film.height - 1)
        file.write(
            _chunk(b"ANMF", place + _three(delay) + b"\x02" + still.getvalue()[12:])
        )  # 2: nothing shines through
    if packet:
        file.write(_chunk(b"XMP ", packet))
    length = file.tell() - 8
    file.seek(4)
    file.write(struct.pack("<I", length))


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _three(value: int) -> bytes:
    return value.to_bytes(3, "little")
