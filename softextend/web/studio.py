"""What the page and programs may ask for: photos in, previews, runs, results; all by the public Python interface."""

from __future__ import annotations

import base64
import shutil
import tempfile
import threading
import time
import warnings
import zipfile
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import softextend
from softextend.errors import BadPicture, BadRequest, SoftExtendError
from softextend.result import convert
from softextend.web import words
from softextend.web.form import read_settings
from softextend.web.runs import Run, Runner, Watcher, small_jpeg
from softextend.web.sessions import SUFFIXES, Node, Session, Sessions, new_id, safe_name

MEGA = 1_000_000
MOST_PIXELS = 100 * MEGA  # of a photo and of a result; the command line takes more
MOST_VARIATIONS = 16
MOST_BATCH = 200  # photos
SKETCHES = 4  # photos kept open for previews
LISTED = 500  # photos of FOLDER that are shown
LOOK_SECONDS = 0.12  # a preview's share of 300 ms; its size follows the fill's speed
SMALLEST_LOOK, LARGEST_LOOK = 160, 640  # px
SLOWEST = LOOK_SECONDS / SMALLEST_LOOK**2  # seconds per px of a fill that was not measured yet
WARMING = (64, 48)  # px, height and width of a picture on which kernels are compiled before anybody waits for them
FORMATS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}


@dataclass
class Studio:
    """One server's work; `folder`: photos to pick from."""

    sessions: Sessions
    runner: Runner = field(default_factory=Runner)
    folder: Path | None = None
    max_upload: int = 64 * 2**20  # bytes

    def __post_init__(self) -> None:
        self.decoding = threading.Semaphore(2)  # large photos at once
        self.sketches: OrderedDict[Path, softextend.Sketch] = OrderedDict()
        self.sketching = threading.Lock()
        self.pace: dict[str, float] = {}  # seconds per px that each fill took

    # --- photos in ----------------------------------------------------------------------------------------------------

    def add_photo(self, session: Session, name: str, data: bytes) -> Node:
        """A new photo of the session, its bytes untouched; BadPicture for what is none, BadRequest where it is full."""
        self.sessions.sweep(self.runner.busy() | {session})
        session.check_room(len(data))
        stem, suffix = safe_name(name)
        check_pixels(data, name=f"{stem}{suffix}")
        path = session.free_name(stem, suffix)
        path.write_bytes(data)
        try:
            with self.decoding:
                sketch = softextend.Sketch(path)
        except BaseException:
            path.unlink()
            raise
        self._remember(path, sketch)
        height, width = sketch.picture.pixels.shape[:2]
        notes = [session.told(line) for line in sketch.picture.notes]
        return session.add(Node(id=new_id(), kind="photo", file=path.name, width=width, height=height, notes=notes))

    def listing(self) -> list[str]:
        """Names of the photos in FOLDER."""
        if self.folder is None:
            return []
        found = (each.name for each in self.folder.iterdir() if each.suffix.lower() in SUFFIXES and each.is_file())
        return sorted(name for name in found if not name.startswith("."))[:LISTED]

    def listed(self, name: Any) -> Path:
        """One of them; BadRequest for any other path."""
        if self.folder is None or name not in self.listing():
            raise BadRequest("this picture is not in the folder (any more): reload the page")
        path = self.folder / str(name)
        if path.stat().st_size > self.max_upload:
            raise BadRequest(f"{name}: is larger than {self.max_upload // 2**20} MiB; start with a larger --max-upload")
        return path

    # --- looking ------------------------------------------------------------------------------------------------------

    def sketch(self, session: Session, node: Node) -> softextend.Sketch:
        """A picture opened for previews."""
        path = session.path(node)
        with self.sketching:
            found = self.sketches.get(path)
        if found is None:
            with self.decoding:
                found = softextend.Sketch(path)
            self._remember(path, found)
        return found

    def _remember(self, path: Path, sketch: softextend.Sketch) -> None:
        with self.sketching:
            self.sketches[path] = sketch
            self.sketches.move_to_end(path)
            while len(self.sketches) > SKETCHES:
                self.sketches.popitem(last=False)

    def look(self, session: Session, node: Node, given: Any, *, sharp: bool = False) -> dict[str, Any]:
        """The fill and the soft map as small pictures, and the plan; as large as its fill can be painted in time."""
        settings = {name: value for name, value in read_settings(given).items() if name not in ("num", "best_of")}
        fill = str(settings.get("fill", "")).partition(":")[0] or "default"
        pace = self.pace.get(fill, SLOWEST)
        most = int(max(SMALLEST_LOOK, min(LARGEST_LOOK, (LOOK_SECONDS / pace) ** 0.5)))
        most = min(LARGEST_LOOK, 2 * most) if sharp else most
        sketch, asked = self.sketch(session, node), {"sides": None, **settings}
        check_size(*sketch.size(**{name: value for name, value in asked.items() if name != "model"}))
        began = time.perf_counter()
        found = sketch.look(most=most, **asked)
        seconds = time.perf_counter() - began
        self.pace[fill] = seconds / most**2 if fill not in self.pace else (pace + seconds / most**2) / 2
        return {
            "plan": found.plan,
            "filled": data_url(small_jpeg(np.asarray(found.filled), LARGEST_LOOK)),
            "change": data_url(png(found.change), "image/png"),
            "seconds": round(seconds, 4),
        }

    def warm_up(self) -> None:
        """Compile what the built-in model's preview needs, so that the first one is quick too."""
        speckled = np.random.default_rng(0).integers(0, 255, (*WARMING, 3), dtype=np.uint8)
        softextend.Sketch(speckled).look((0, 8, 0, 8), most=64)

    def border(self, session: Session, node: Node) -> dict[str, Any]:
        """What trimming would take off, px a side, and why; nothing where there is no border."""
        found = self.sketch(session, node).border
        sides = {name: getattr(found.sides, name) for name in ("top", "right", "bottom", "left")}
        return {"sides": sides, "what": list(found.what)}

    def view(self, session: Session, node: Node, size: int) -> bytes:
        """A picture as a JPEG of at most `size` px a side."""
        return small_jpeg(self.sketch(session, node).picture.pixels, max(16, min(size, 4096)), quality=90)

    # --- runs ---------------------------------------------------------------------------------------------------------

    def extend(self, session: Session, key: Any, given: Any) -> Run:
        """A picture extended, `num` times, with seeds one apart."""
        node, settings, num = session.node(key), *self._settings(given)
        self._check(session, node, settings)
        session.check_room()
        work = partial(self._variations, node=node, num=num, mask=None)
        run = Run(session=session, kind="extend", work=work, pictures=num, settings=dict(given))
        return self.runner.submit(self._seeded(run, settings))

    def paint(self, session: Session, key: Any, mask: bytes, given: Any) -> Run:
        """A picture repainted where the mask, a picture of its size, is white."""
        node, (settings, num) = session.node(key), self._settings(given, painting=True)
        session.check_room(len(mask))
        check_pixels(mask, name="mask")
        path = session.free_name(f"{Path(node.file).stem}-mask", ".png")
        path.write_bytes(mask)
        work = partial(self._variations, node=node, num=num, mask=path)
        run = Run(session=session, kind="paint", work=work, pictures=num, settings=dict(given))
        return self.runner.submit(self._seeded(run, settings))

    def batch(self, session: Session, keys: Any, given: Any) -> Run:
        """Many photos extended with the same settings; what fails is told and stops no other."""
        if not isinstance(keys, list) or not 0 < len(keys) <= MOST_BATCH:
            raise BadRequest(f"a batch takes 1 to {MOST_BATCH} photos")
        nodes, (settings, _) = [session.node(key) for key in keys], self._settings(given)
        session.check_room()
        items = [{"picture": each.id, "name": each.file, "state": "waiting", "result": None} for each in nodes]
        work = partial(self._batch, nodes=nodes)
        run = Run(session=session, kind="batch", work=work, pictures=len(nodes), settings=dict(given), items=items)
        return self.runner.submit(self._seeded(run, settings))

    def _settings(self, given: Any, *, painting: bool = False) -> tuple[dict[str, Any], int]:
        settings = read_settings(given, painting=painting)
        num = settings.pop("num", 1)
        if not 1 <= num <= MOST_VARIATIONS:
            raise BadRequest(f"--num {num}: must be from 1 to {MOST_VARIATIONS} here")
        if num > 1 and (settings.get("best_of", 1) > 1 or settings.get("retry")):
            raise BadRequest("--num with --best-of or --retry: --num keeps all its variations; leave one of them out")
        return settings, num

    def _seeded(self, run: Run, settings: dict[str, Any]) -> Run:
        """With a seed drawn where none was given, so that it can be told and repeated."""
        if settings.get("seed") is None:
            settings["seed"] = int(np.random.default_rng().integers(2**32))
        run.work = partial(run.work, settings=settings)  # type: ignore[call-arg]
        return run

    def _check(self, session: Session, node: Node, settings: dict[str, Any]) -> None:
        """BadRequest, before anything waits in line, for what cannot be, and for results that are too large."""
        sketch, asked = self.sketch(session, node), {"sides": None, **settings}
        model = asked.pop("model")
        check_size(*sketch.size(**asked))
        sketch.plan(model=model, **{name: value for name, value in asked.items() if name != "seed"})

    def _variations(
        self, run: Run, watcher: Watcher, *, node: Node, num: int, mask: Path | None, settings: dict[str, Any]
    ) -> None:
        for index in range(num):
            watcher.begin(index + 1)
            made = self._made(run, watcher, node, mask, {**settings, "seed": settings["seed"] + index})
            run.results.append(made.id)

    def _batch(self, run: Run, watcher: Watcher, *, nodes: list[Node], settings: dict[str, Any]) -> None:
        for index, node in enumerate(nodes):
            item = run.items[index]
            watcher.begin(index + 1)
            item["state"] = "running"
            try:
                self._check(run.session, node, settings)
                made = self._made(run, watcher, node, None, settings)
            except SoftExtendError as error:
                item |= {"state": "failed", "error": run.session.told(str(error))}
            except BaseException:
                item["state"] = "stopped"
                raise
            else:
                item |= {"state": "done", "result": made.id, "score": made.scores["total"], "verdict": made.verdict}
                run.results.append(made.id)

    def _made(self, run: Run, watcher: Watcher, node: Node, mask: Path | None, settings: dict[str, Any]) -> Node:
        """One result, saved in the session as the command line would in a folder of its own."""
        session, source = run.session, run.session.path(node)
        if mask is None:
            result = softextend.extend(source, **{"sides": None, **settings}, listener=watcher)
        else:
            result = softextend.paint(source, mask, **settings, listener=watcher)
        watcher.check()
        path = session.free_name(f"{source.stem}-{'extended' if mask is None else 'painted'}", ".png")
        result.save(path, overwrite=True)
        height, width = result.made.pixels.shape[:2]
        made = Node(
            id=new_id(),
            kind="extended" if mask is None else "painted",
            file=path.name,
            width=width,
            height=height,
            parent=node.id,
            run=run.id,
            place=place_of(result.recipe, node),
            settings=run.settings,
            command=result.command_line(path.name, source.name, mask.name if mask else None),
            mask=mask.name if mask else "",
            scores=result.scores.as_dict(),
            verdict=words.verdict(result.scores),
            notes=[session.told(line) for line in result.notes],
            seed=result.seed,
            seconds=round(result.made.seconds, 1),
        )
        return session.add(made)

    # --- results out --------------------------------------------------------------------------------------------------

    def file(self, session: Session, node: Node, format: str) -> Path:
        """A picture as a file to download: a photo as it came, a result in the format asked for, recipe and all."""
        path = session.path(node)
        if node.kind == "photo":
            return path
        if format not in FORMATS:
            raise BadRequest(f"format {format[:20]}: must be one of {', '.join(FORMATS)}")
        if format == "png":
            return path
        target = path.parent / "formats" / path.with_suffix(FORMATS[format]).name
        if not target.exists():
            convert(path, target)
        return target

    def zip(self, session: Session, keys: list[Any]) -> Path:
        """The results in one archive, a temporary file that whoever sends it removes."""
        nodes = [session.node(key) for key in keys]
        with tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as made, zipfile.ZipFile(made, "w") as archive:
            for node in nodes:
                archive.write(session.path(node), node.file)
        return Path(made.name)

    def commands(self, session: Session, node: Node) -> list[str]:
        """The command lines that make it, from the photo on."""
        lines: list[str] = []
        current: Node | None = node
        while current is not None and current.command:
            lines.insert(0, current.command)
            current = session.nodes.get(current.parent or "")
        return lines

    def close(self) -> None:
        """Stop what runs."""
        self.runner.close()


def check_pixels(data: bytes, *, name: str) -> None:
    """BadPicture for a header that says more pixels than are taken, before anything is decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data)) as opened:
                width, height = opened.size
    except Image.DecompressionBombError:
        raise BadPicture(f"{name}: has more than {MOST_PIXELS // MEGA} megapixels; scale it down") from None
    except Exception:  # what is no picture is told by the reader, which knows more kinds
        return
    if width * height > MOST_PIXELS:
        raise BadPicture(
            f"{name}: {width}x{height} px are {width * height / MEGA:.0f} megapixels: "
            f"at most {MOST_PIXELS // MEGA} are taken here; scale it down, or use the command line"
        )


def check_size(width: int, height: int) -> None:
    """BadRequest for a result that is too large, before it is planned."""
    if width * height > MOST_PIXELS:
        raise BadRequest(
            f"{width}x{height} px: more than {MOST_PIXELS // MEGA} megapixels; add less, or use the command line"
        )


def place_of(recipe: dict[str, Any], node: Node) -> dict[str, int]:
    """Where the parent lies in a result: left, top, width, height there, and what of it was taken, all px."""
    plan = recipe["plan"]
    sides, crop = plan.get("sides") or {}, plan.get("crop")
    box = crop["box"] if crop else {"left": 0, "top": 0, "right": node.width, "bottom": node.height}
    width, height = crop["size"] if crop else (node.width, node.height)
    return {
        "left": sides.get("left", 0),
        "top": sides.get("top", 0),
        "width": width,
        "height": height,
        "from_left": box["left"],
        "from_top": box["top"],
        "from_width": box["right"] - box["left"],
        "from_height": box["bottom"] - box["top"],
    }


def data_url(data: bytes, kind: str = "image/jpeg") -> str:
    """A small picture to stand in JSON."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def png(image: Image.Image) -> bytes:
    """A picture as a PNG, quickly."""
    stream = BytesIO()
    image.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def remove(path: Path) -> None:
    """A file or a folder away, if it is there."""
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
