"""A film's keyframes and frames, made and written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from softextend import __version__
from softextend.errors import OutputError
from softextend.jobs import zoom
from softextend.jobs.job import STDIN, Job
from softextend.jobs.making import load_model
from softextend.jobs.task import PictureTask
from softextend.jobs.writing import relative_path
from softextend.options import HOW_MUCH
from softextend.pictures import video
from softextend.pictures.files import refuse_name, refused_folder, standing
from softextend.pictures.icc import to_srgb
from softextend.pictures.write import write_picture
from softextend.plan.input import Input
from softextend.plan.motion import Motion, around, keyframe_zooms, step_box

if TYPE_CHECKING:
    from softextend.jobs.zoom import Keyframe
    from softextend.pictures.video import Film
    from softextend.plan.motion import Fit
    from softextend.types import Listener, Model, Pixels


LARGEST = 3840  # px, longer side of a frame where no size is asked for: what a 4K screen shows
PALETTE_SIDE = 256  # px; enough of a picture to choose 256 colours by


@dataclass(frozen=True, kw_only=True)
class Shoot:
    """All that makes one film."""

    task: PictureTask
    listener: Listener
    job: Job
    input: Input  # the photo, cropped where that is asked for
    icc: bytes | None  # its colour profile
    sha256: str | None  # of its file
    motion: Motion
    film: Film
    entry: Fit
    saved: tuple[Path, ...]  # where the pictures go, if anywhere

    @property
    def zooms(self) -> tuple[float, ...]:
        """Of each picture."""
        return keyframe_zooms(self.motion.factor)

    def rows(self) -> list[tuple[str, str]]:
        """(name, value) as a table shows them."""
        motion, box = self.motion, step_box(self.motion)
        height, width = self.input.known.shape
        way_there = "in" if motion.reverse else "out"
        first = "the photo" if self.entry.crops else f"the photo, extended by {self.entry.sides}"
        return [
            ("input", f"{width}x{height}"),
            ("frames", f"{motion.count} of {motion.width}x{motion.height}"),
            ("speed", f"{float(motion.fps):.3g} frames a second, {float(motion.count / motion.fps):.3g} s of film"),
            ("zoom", f"{way_there}, {motion.factor:g} times, anchor {motion.anchor[0]:g},{motion.anchor[1]:g}"),
            ("pictures", ", ".join(f"{each:.2f}x" for each in self.zooms)),
            ("the first", first),
            (
                "each other adds",
                f"{around(box, motion.size)} px (top right bottom left) around {box.width}x{box.height}",
            ),
            ("form", self.film.form),
            ("seed", str(self.task.spec.seed)),
        ]

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON values; sizes in px. `sides_px`: added to the photo for the first frame."""
        motion, (height, width) = self.motion, self.input.known.shape
        return {
            "input_size": {"width": width, "height": height},
            "frames": motion.count,
            "frame_size": {"width": motion.width, "height": motion.height},
            "fps": float(motion.fps),
            "seconds": float(motion.count / motion.fps),
            "reverse": motion.reverse,
            "factor": motion.factor,
            "anchor": list(motion.anchor),
            "zooms": list(self.zooms),
            "sides_px": asdict(self.entry.sides),
            "form": self.film.form,
            "seed": self.task.spec.seed,
        }

    def run(self) -> dict[str, Any]:
        """Load the model, make the pictures, write the film; what is worth knowing of it, as JSON values."""
        film, listener = self.film, self.listener
        model = load_model(self.task, listener)
        made = self.keyframes(model)
        overwrite = self.task.overwrite
        for path, keyframe in zip(self.saved, made, strict=False):
            write_picture(path, keyframe.pixels, format="PNG", overwrite=overwrite)
        listener.picture(f"{film.path}: {film.count} frames", self.parts, self.parts)
        frames = self.counted(zoom.frames(made, self.motion))
        video.write_film(film, frames, palette=colours(made), recipe=self.recipe(model), overwrite=overwrite)
        return {
            "frames": film.count,
            "fps": float(film.fps),
            "seconds": round(float(film.count / film.fps), 3),
            "width": film.width,
            "height": film.height,
            "seed": self.task.spec.seed,
            "model": model.name,
        }

    @property
    def parts(self) -> int:
        """The pictures, and the film."""
        return len(self.zooms) + 1

    def keyframes(self, model: Model) -> list[Keyframe]:
        """The photo in sRGB, and the pictures around it."""
        pixels, task = self.input.pixels, self.task
        if self.icc:
            pixels = to_srgb(pixels, self.icc)
        photo = replace(self.input, pixels=pixels)
        return zoom.keyframes(photo, self.motion, task.spec, model, self.listener, on_picture=self.begin)

    def begin(self, at: float) -> None:
        """The picture at this zoom is taken up."""
        self.listener.picture(f"{self.job.name} at {at:.2f}x", self.zooms.index(at) + 1, self.parts)

    def counted(self, frames: Iterable[Pixels]) -> Iterator[Pixels]:
        """The frames, each told of as a step."""
        for number, frame in enumerate(frames, 1):
            yield frame
            self.listener.step(number, self.film.count)

    def recipe(self, model: Model) -> dict[str, Any]:
        """What led to the film; JSON values."""
        spec = {name: value for name, value in self.task.spec.options().items() if name not in HOW_MUCH}
        return {
            "softextend": __version__,
            "zoom": {**asdict(self.motion), "fps": str(self.motion.fps)},
            "spec": spec,
            "model": model.as_dict(),
            "seed": self.task.spec.seed,
            "input": relative_path(self.film.path.parent, self.job.source),
            "input_sha256": self.sha256,
        }


def largest(width: int, height: int) -> tuple[int, int]:
    """The photo's size, or the one of its shape that a 4K screen shows."""
    scale = min(1.0, LARGEST / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def remarks(
    entry: Fit, wanted: tuple[int, int], size: tuple[int, int], width: int, height: int, *, chosen: bool
) -> Iterator[str]:
    """What a user would wonder about in the frames' size."""
    (left, top, right, bottom), box = entry.source, entry.box
    if not chosen and wanted != (width, height):
        yield f"{width}x{height} px: the frames are {wanted[0]}x{wanted[1]}; --size sets another size"
    if size != wanted:
        yield f"H.264 takes even sizes: the frames are {size[0]}x{size[1]}, not {wanted[0]}x{wanted[1]}"
    if chosen and box.width / (right - left) > 1.01:
        yield f"the photo is enlarged {box.width / (right - left):.2f} times; --size {width}x{height} shows it as it is"
    if entry.crops and chosen and (right - left < width - 0.5 or bottom - top < height - 0.5):
        off = {"width": width - (right - left), "height": height - (bottom - top)}
        cut = " and ".join(f"{px:.3g} px of the {side}" for side, px in off.items() if px >= 0.05)
        yield f"{cut} are cut off to fill the frame"


def keyframe_files(folder: Path | None, job: Job, motion: Motion, *, overwrite: bool) -> tuple[Path, ...]:
    """Where `--save-steps` puts the pictures; OutputError where one is there already."""
    if folder is None:
        return ()
    stem = job.source.stem if job.source else STDIN
    zooms = keyframe_zooms(motion.factor)
    files = tuple(folder / f"{stem}-{index:02d}-{at:.2f}x.png" for index, at in enumerate(zooms))
    for path in files:
        refuse_name(path)
    existing = [path for path in files if os.path.lexists(path)]
    if refused := refused_folder(standing(folder)):
        raise refused
    if existing and not overwrite:
        raise OutputError(f"{existing[0]}: exists already; --overwrite replaces it, --save-steps names another folder")
    return files


def colours(made: list[Keyframe]) -> Pixels:
    """The first and the last picture side by side, small: the colours that a palette should hold."""
    parts = []
    for keyframe in (made[0], made[-1]):
        image = Image.fromarray(keyframe.pixels)
        parts.append(np.asarray(image.resize((PALETTE_SIDE, PALETTE_SIDE), Image.Resampling.BICUBIC)))
    return np.concatenate(parts, axis=1)
