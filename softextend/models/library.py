"""A folder of models: what each file in it is. ComfyUI's and A1111's own folders are understood as they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from softextend.errors import BadModel
from softextend.models.choice import Asked, Choice, choose_file, choose_folder
from softextend.models.weights.diffusers_folder import folder_fault
from softextend.models.weights.families import identify
from softextend.models.weights.header import PICKLE_SUFFIXES, read_header

HOMES = ("models", "embeddings")  # of a whole installation, where models lie; the rest are programs and pictures
MARKS = ("models/checkpoints", "models/Stable-diffusion", "models/diffusion_models")  # of one: ComfyUI, A1111
LISTED = {".safetensors", ".gguf"} | PICKLE_SUFFIXES


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A file, or a diffusers folder; `fault`: why it is no model to run, None where it is one."""

    path: Path
    name: str  # its way from the models folder
    what: str
    fault: str | None
    choice: Choice | None = None  # of what runs


def entries(root: Path) -> list[Entry]:
    """All models in a folder and below, by name. Raises BadModel where it is none."""
    if not root.is_dir():
        raise BadModel(f"models folder {root}: {'is no folder' if root.exists() else 'does not exist'}: correct it")
    tops = [root / name for name in HOMES] if any((root / mark).is_dir() for mark in MARKS) else [root]
    found = [entry for top in tops if top.is_dir() for entry in _below(top, root)]
    return sorted(found, key=lambda each: each.name.lower())


def find_in(root: Path, name: str) -> Path | None:
    """The file or folder that a name means in a models folder: its way, its file name, or that without suffix."""
    wanted = name.lower()
    known = [each for each in entries(root) if each.path.suffix.lower() not in PICKLE_SUFFIXES]
    known.sort(key=lambda each: each.fault is not None)  # of two of one name the one that runs
    ways = ([each.name for each in known], [each.path.name for each in known], [each.path.stem for each in known])
    for names in ways:
        for said, each in zip(names, known, strict=True):
            if said.lower() == wanted:
                return each.path
    return None


def _below(top: Path, root: Path) -> Iterator[Entry]:
    seen: set[str] = set()
    for folder, folders, files in os.walk(top, followlinks=True):
        here = os.path.realpath(folder)
        if here in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add(here)
        if "model_index.json" in files:
            folders.clear()
            yield _of_folder(Path(folder), root)
            continue
        folders[:] = [each for each in folders if not each.startswith(".")]
        for name in files:
            if Path(name).suffix.lower() in LISTED:
                yield _of_file(Path(folder) / name, root)


def _of_folder(folder: Path, root: Path) -> Entry:
    name, what = folder.relative_to(root).as_posix(), "a diffusers folder"
    try:
        fault = folder_fault(folder)
        choice = None if fault else choose_folder([folder.name], folder, Asked())
    except BadModel as error:
        return Entry(path=folder, name=name, what=what, fault=str(error))
    return Entry(path=folder, name=name, what=what, fault=fault, choice=choice)


def _of_file(path: Path, root: Path) -> Entry:
    name = path.relative_to(root).as_posix()
    if path.suffix.lower() in PICKLE_SUFFIXES:
        what = "a pickle, which can run any program when it is opened"
        return Entry(path=path, name=name, what=what, fault=f"{what}: take its .safetensors version")
    try:
        header = read_header(path)
        found = identify(header)
        choice = None if found.fault else choose_file([path.stem], path, header, found, Asked())
    except BadModel as error:
        fault = str(error).removeprefix(f"{path}: ")
        return Entry(path=path, name=name, what="a file that does not run", fault=fault)
    return Entry(path=path, name=name, what=found.what, fault=found.fault, choice=choice)
