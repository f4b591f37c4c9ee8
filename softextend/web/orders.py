"""What is asked to be made: checked before it waits in line, then made by the public Python interface."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import softextend
from softextend.errors import BadRequest, SoftExtendError
from softextend.result import Result
from softextend.web import words
from softextend.web.form import PICTURES, read_settings
from softextend.web.here import label_of
from softextend.web.limits import check_pixels, check_size
from softextend.web.photos import Photos
from softextend.web.runs import Run, Runner, Watcher
from softextend.web.sessions import Node, Session, new_id, root_of

MOST_VARIATIONS = 16
MOST_BATCH = 200  # photos


class Orders:
    """Extend, paint, and many at once: each becomes a run."""

    def __init__(self, photos: Photos, runner: Runner) -> None:
        self.photos, self.runner = photos, runner

    def extend(self, session: Session, key: Any, given: Any) -> Run:
        """A picture extended, `num` times, with seeds one apart."""
        node, (settings, num) = session.node(key), read_order(given, session)
        self._check(session, node, settings)
        session.check_room()
        work = partial(_variations, node=node, num=num, mask=None)
        return self._submit(
            Run(session=session, kind="extend", work=work, pictures=num, settings=dict(given)), settings
        )

    def paint(self, session: Session, key: Any, mask: bytes, given: Any) -> Run:
        """A picture repainted where the mask, a picture of its size, is white."""
        node, (settings, num) = session.node(key), read_order(given, session, painting=True)
        session.check_room(len(mask))
        check_pixels(mask, name="mask")
        path = session.free_name(f"{root_of(Path(node.file).stem)}-mask", ".png")
        path.write_bytes(mask)
        work = partial(_variations, node=node, num=num, mask=path)
        run = Run(session=session, kind="paint", work=work, pictures=num, settings=dict(given))
        return self._submit(run, settings)

    def batch(self, session: Session, keys: Any, given: Any) -> Run:
        """Many photos extended with the same settings; what fails is told and stops no other."""
        if not isinstance(keys, list) or not 0 < len(keys) <= MOST_BATCH:
            raise BadRequest(f"a batch takes 1 to {MOST_BATCH} photos")
        nodes, (settings, _) = [session.node(key) for key in keys], read_order(given, session)
        session.check_room()
        items = [{"picture": each.id, "name": each.file, "state": "waiting", "result": None} for each in nodes]
        run = Run(
            session=session,
            kind="batch",
            work=partial(self._batch, nodes=nodes),
            pictures=len(nodes),
            settings=dict(given),
            items=items,
        )
        return self._submit(run, settings)

    def _submit(self, run: Run, settings: dict[str, Any]) -> Run:
        """Into the line, with a seed drawn where none was given, so that it can be told and repeated."""
        if settings.get("seed") is None:
            settings["seed"] = int(np.random.default_rng().integers(2**32))
        run.work = partial(run.work, settings=settings)  # type: ignore[call-arg]
        return self.runner.submit(run)

    def _check(self, session: Session, node: Node, settings: dict[str, Any]) -> None:
        """BadRequest, before anything waits in line, for what cannot be, and for results that are too large."""
        sketch, asked = self.photos.sketch(session, node), {"sides": None, **settings}
        model = asked.pop("model")
        check_size(*sketch.size(**asked))
        sketch.plan(model=model, **{name: value for name, value in asked.items() if name != "seed"})

    def _batch(self, run: Run, watcher: Watcher, *, nodes: list[Node], settings: dict[str, Any]) -> None:
        for index, node in enumerate(nodes):
            item = run.items[index]
            watcher.begin(index + 1)
            item["state"] = "running"
            try:
                self._check(run.session, node, settings)
                made = make(run, watcher, node, None, settings)
            except SoftExtendError as error:
                item |= {"state": "failed", "error": run.session.told(str(error))}
            except BaseException:
                item["state"] = "stopped"
                raise
            else:
                item |= {"state": "done", "result": made.id, "score": made.scores["total"], "verdict": made.verdict}
                run.results.append(made.id)


def read_order(given: Any, session: Session, *, painting: bool = False) -> tuple[dict[str, Any], int]:
    """(settings, how many variations); BadRequest for what cannot be here."""
    settings = read_settings(given, session, painting=painting)
    num = settings.pop("num", 1)
    if not 1 <= num <= MOST_VARIATIONS:
        raise BadRequest(f"--num {num}: must be from 1 to {MOST_VARIATIONS} here")
    if num > 1 and (settings.get("best_of", 1) > 1 or settings.get("retry")):
        raise BadRequest("--num with --best-of or --retry: --num keeps all its variations; leave one of them out")
    return settings, num


def _variations(
    run: Run, watcher: Watcher, *, node: Node, num: int, mask: Path | None, settings: dict[str, Any]
) -> None:
    for index in range(num):
        watcher.begin(index + 1)
        made = make(run, watcher, node, mask, {**settings, "seed": settings["seed"] + index})
        run.results.append(made.id)


def make(run: Run, watcher: Watcher, node: Node, mask: Path | None, settings: dict[str, Any]) -> Node:
    """One result, saved in the session as the command line would in a folder of its own."""
    session, source = run.session, run.session.path(node)
    kind = "extended" if mask is None else "painted"
    watcher.using(label_of(settings["model"]))
    if mask is None:
        result = softextend.extend(source, **{"sides": None, **settings}, listener=watcher)
    else:
        result = softextend.paint(source, mask, **settings, listener=watcher)
    watcher.check()
    result, pictures = beside(result, session)
    path = session.free_name(f"{root_of(source.stem)}-{kind}", ".png")
    result.save(path, overwrite=True)
    height, width = result.made.pixels.shape[:2]
    made = Node(
        id=new_id(),
        kind=kind,
        file=path.name,
        width=width,
        height=height,
        parent=node.id,
        run=run.id,
        place=place_of(result.recipe, node),
        settings=run.settings,
        command=result.command_line(path.name, source.name, mask.name if mask else None),
        mask=mask.name if mask else "",
        pictures=pictures,
        scores=result.scores.as_dict(),
        verdict=words.verdict(result.scores),
        notes=[session.told(line) for line in result.notes],
        seed=result.seed,
        seconds=round(result.made.seconds, 1),
    )
    return session.add(made)


def beside(result: Result, session: Session) -> tuple[Result, list[str]]:
    """A result whose recipe and command line seek the session's pictures beside the photo; and their ids."""
    laid, files = result.recorded.conditions, {str(session.path(each)): each for each in session.nodes.values()}
    found = {name: files[value] for name in PICTURES if (value := str(getattr(laid, name))) in files}
    names = {name: type(getattr(laid, name))(node.file) for name, node in found.items()}
    recorded = replace(result.recorded, conditions=replace(laid, **names))
    return replace(result, recorded=recorded), [each.id for each in found.values()]


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
