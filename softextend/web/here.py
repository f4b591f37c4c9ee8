"""What of this machine may be chosen on the page: models, and files that are laid over them. Nobody types a path."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from softextend.errors import BadModel
from softextend.models import find, library
from softextend.models.conditions.in_models import KINDS, is_kind, place_of
from softextend.types import Profile

KEPT_SECONDS = 5  # that a list of files stands; a folder of many takes a while to read


@dataclass(frozen=True, kw_only=True, slots=True)
class Choosable:
    """A model by the name that a run takes."""

    name: str
    label: str
    profile: Profile
    used: bool  # by a run that names none
    takes_prompt: bool

    def as_dict(self) -> dict[str, Any]:
        """What the page and programs are told, JSON values."""
        names = ("name", "label", "used", "takes_prompt")
        liked = {name: getattr(self.profile, name) for name in ("fill", "overlap", "feather")}
        return {**{name: getattr(self, name) for name in names}, **liked}


def models() -> tuple[Choosable, ...]:
    """The one that a run would use first, then `self`, the models folder's, and the hub cache's."""
    return _models(time.monotonic() // KEPT_SECONDS)


def label_of(name: str) -> str:
    """How a model is called on the page."""
    return next((each.label for each in models() if each.name == name), name)


def files(kind: str) -> tuple[str, ...]:
    """Names in the models folder of one kind of in_models.KINDS."""
    return _files(kind, time.monotonic() // KEPT_SECONDS)


@lru_cache(maxsize=1)
def _models(_: float) -> tuple[Choosable, ...]:
    installed = find.installed_models()
    paths = {each.ref.path for each in installed}
    folder = [
        Choosable(name=each.name, label=each.name, profile=each.choice.profile, used=False, takes_prompt=True)
        for each in _entries()
        if each.choice is not None and each.fault is None and each.path not in paths
    ]
    first = [each for each in installed if each.used or each.ref.kind == "self"]
    return (*map(_of, first), *folder, *map(_of, installed[len(first) :]))


@lru_cache(maxsize=len(KINDS))
def _files(kind: str, _: float) -> tuple[str, ...]:
    return tuple(place_of(each).stem for each in _entries() if is_kind(each, kind))


def _of(found: find.Installed) -> Choosable:
    ref = found.ref
    label = "self (built in)" if ref.kind == "self" else Path(ref.name).stem if ref.kind == "file" else ref.name
    return Choosable(
        name=ref.name, label=label, profile=found.profile, used=found.used, takes_prompt=ref.kind != "self"
    )


def _entries() -> list[library.Entry]:
    """The models folder's; none where there is no such folder: the command line says what is wrong with it."""
    root = find.models_folder()
    try:
        return library.entries(root) if root is not None else []
    except BadModel:
        return []
