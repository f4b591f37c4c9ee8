"""`softextend zoom`: one photo from its file to a film."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from softextend import __version__, images, models, video, zoom
from softextend.batch import STDIN, Job, Outcome, Target
from softextend.commands import parse_passes, strengthened
from softextend.errors import OutputError
from softextend.geometry import parse_anchor, parse_size, parse_trim
from softextend.making import Making, digest, source_of, way
from softextend.ready import Ready, make_ready
from softextend.zoom import Motion

if TYPE_CHECKING:
    from softextend import signatures
    from softextend.options import Zooming
    from softextend.report import Report
    from softextend.surroundings import Filming
    from softextend.types import Model, Pixels
    from softextend.video import Film
    from softextend.zoom import Fit, Keyframe

LARGEST = 3840  # px, longer side of a frame where no size is asked for: what a 4K screen shows
PALETTE_SIDE = 256  # px; enough of a picture to choose 256 colours by


def make_film(report: Report, given: signatures.Zoom) -> int:
    """`softextend zoom`: the exit code."""
    passes = parse_passes(given.passes)
    making = Making(
        report=report,
        spec=replace(strengthened(given.sampling), fill=given.zooming.fill, passes=passes),
        ref=models.resolve_model(given.engine.model),
        engine=given.engine,
        allow_huge=given.allow_huge,
        overwrite=given.filming.overwrite,
        drawn=given.sampling.seed is None,
    )
    making.check()
    source = None if given.image == "-" else Path(given.image)
    path, form = video.form_of_name(given.filming.output or f"{source.with_suffix('') if source else STDIN}-zoom.mp4")
    job = Job(source=source, targets=(Target(path=path, format=form, seed=making.spec.seed),))
    shoot = planned(making, job, given.zooming, given.filming)
    if given.filming.dry_run:
        report.plan(job, making.ref.name, shoot.facts(), shoot.rows())
        return 0
    for name, value in shoot.rows():
        report.detail(f"  {name}: {value}")
    report.tell(Outcome(job=job, target=job.targets[0], facts=shoot.run()))
    return 0


def planned(making: Making, job: Job, zooming: Zooming, filming: Filming) -> Shoot:
    """The photo read and everything checked that can be before a model is loaded."""
    report, (target,) = making.report, job.targets
    report.begin(job.name)
    picture = images.read_picture(source_of(job), name=job.name, allow_huge=making.allow_huge)
    trim = None if zooming.trim is None else parse_trim(zooming.trim)
    ready = make_ready(picture.pixels, picture.known, replace(making.spec, trim=trim))
    height, width = ready.known.shape
    wanted = largest(width, height) if filming.size is None else parse_size(filming.size)
    form, path = str(target.format), target.path or Path()
    size = video.even(form, *wanted)
    motion = Motion(
        width=size[0],
        height=size[1],
        factor=zooming.factor,
        seconds=zooming.seconds,
        fps=zoom.parse_rate(zooming.fps),
        anchor=parse_anchor(zooming.anchor),
        reverse=zooming.reverse,
        ease=zooming.ease,
    )
    film = video.Film(path=path, form=form, count=motion.count, fps=motion.fps, width=size[0], height=size[1])
    shoot = Shoot(
        making=making,
        job=job,
        ready=ready,
        icc=picture.metadata.icc,
        motion=motion,
        film=film,
        entry=zoom.fit(width, height, motion),
        saved=keyframe_files(filming.save_steps, job, motion, overwrite=making.overwrite),
    )
    video.check(film, overwrite=making.overwrite)
    notes = (
        *picture.notes,
        *ready.notes,
        *remarks(shoot.entry, wanted, size, width, height, chosen=filming.size is not None),
    )
    for note in notes:
        report.note(f"{job.name}: {note}")
    return shoot


@dataclass(frozen=True, kw_only=True)
class Shoot:
    """All that makes one film."""

    making: Making
    job: Job
    ready: Ready  # the photo, shaved where that is asked for
    icc: bytes | None  # its colour profile
    motion: Motion
    film: Film
    entry: Fit
    saved: tuple[Path, ...]  # where the pictures go, if anywhere

    @property
    def zooms(self) -> tuple[float, ...]:
        """Of each picture."""
        return zoom.keyframe_zooms(self.motion.factor)

    def rows(self) -> list[tuple[str, str]]:
        """(name, value) as a table shows them."""
        motion, box = self.motion, zoom.step_box(self.motion)
        height, width = self.ready.known.shape
        way_there = "in" if motion.reverse else "out"
        first = "the photo" if self.entry.crops else f"the photo, extended by {self.entry.sides}"
        return [
            ("input", f"{width}x{height}"),
            ("frames", f"{motion.count} of {motion.width}x{motion.height}"),
            ("speed", f"{float(motion.fps):g} frames a second, {float(motion.count / motion.fps):g} s"),
            ("zoom", f"{way_there}, {motion.factor:g} times, anchor {motion.anchor[0]:g},{motion.anchor[1]:g}"),
            ("pictures", ", ".join(f"{each:.2f}x" for each in self.zooms)),
            ("the first", first),
            ("each other adds", f"{zoom.around(box, motion.size)} to {box.width}x{box.height}"),
            ("form", self.film.form),
            ("seed", str(self.making.spec.seed)),
        ]

    def facts(self) -> dict[str, Any]:
        """The same as JSON values; sizes in px. `sides_px`: added to the photo for the first frame."""
        motion, (height, width) = self.motion, self.ready.known.shape
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
            "seed": self.making.spec.seed,
        }

    def run(self) -> dict[str, Any]:
        """Load the model, make the pictures, write the film; what is worth knowing of it, as JSON values."""
        model, film, report = self.making.load(), self.film, self.making.report
        made = self.keyframes(model)
        overwrite = self.making.overwrite
        for path, keyframe in zip(self.saved, made, strict=False):
            images.write_picture(path, keyframe.pixels, format="PNG", overwrite=overwrite)
        report.done = report.total - 1
        report.begin(f"{film.path}: {film.count} frames")
        frames = self.counted(zoom.frames(made, self.motion))
        video.write_film(film, frames, palette=colours(made), recipe=self.recipe(model), overwrite=overwrite)
        report.total = 1
        return {
            "frames": film.count,
            "fps": float(film.fps),
            "seconds": round(float(film.count / film.fps), 3),
            "width": film.width,
            "height": film.height,
            "seed": self.making.spec.seed,
            "model": model.name,
        }

    def keyframes(self, model: Model) -> list[Keyframe]:
        """The photo in sRGB, and the pictures around it."""
        pixels, report = self.ready.pixels, self.making.report
        if self.icc:
            pixels = images.to_srgb(pixels, self.icc)
        report.total = len(self.zooms) + 1
        return zoom.keyframes(
            pixels,
            self.ready.known,
            self.motion,
            self.making.spec,
            model,
            on_picture=self.begin,
            on_step=report.progress.step,
            on_note=report.note,
        )

    def begin(self, at: float) -> None:
        """The picture at this zoom is taken up."""
        self.making.report.done = self.zooms.index(at)
        self.making.report.begin(f"{self.job.name} at {at:.2f}x")

    def counted(self, frames: Iterable[Pixels]) -> Iterator[Pixels]:
        """The frames, each told of as a step."""
        for number, frame in enumerate(frames, 1):
            yield frame
            self.making.report.progress.step(number, self.film.count)

    def recipe(self, model: Model) -> dict[str, Any]:
        """What led to the film; JSON values."""
        spec = asdict(self.making.spec)
        del spec["sides"]
        return {
            "softextend": __version__,
            "zoom": {**asdict(self.motion), "fps": str(self.motion.fps)},
            "spec": spec,
            "model": model.facts(),
            "seed": self.making.spec.seed,
            "input": way(self.film.path.parent, self.job.source),
            "input_sha256": self.job.source and digest(self.job.source),
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
        yield f"the photo is enlarged {box.width / (right - left):.2g} times; --size {width}x{height} shows it as it is"
    if entry.crops and chosen and (right - left < width - 0.5 or bottom - top < height - 0.5):
        yield f"{width - (right - left):.1f}x{height - (bottom - top):.1f} px are cut off to fill the frame"


def keyframe_files(folder: Path | None, job: Job, motion: Motion, *, overwrite: bool) -> tuple[Path, ...]:
    """Where `--save-steps` puts the pictures; OutputError where one is there already."""
    if folder is None:
        return ()
    stem = job.source.stem if job.source else STDIN
    zooms = zoom.keyframe_zooms(motion.factor)
    files = tuple(folder / f"{stem}-{index:02d}-{at:.2f}x.png" for index, at in enumerate(zooms))
    existing = [path for path in files if path.exists()]
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
