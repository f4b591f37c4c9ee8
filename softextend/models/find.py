"""Which model: names to files, folders and hub ids, and what each likes best. Imports nothing heavy."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from softextend.errors import BadModel
from softextend.models.config_file import config_file, read_config
from softextend.models.profiles import FEW_STEP_PROFILE, LCM_PROFILE, SDXL_PROFILE, SELF_PROFILE
from softextend.models.weights.diffusers_folder import folder_fault, read_json
from softextend.models.weights.families import detect_family
from softextend.models.weights.header import PICKLE_SUFFIXES, read_header, refuse_pickle
from softextend.models.weights.hub import _snapshot, cached_snapshot, hub_cache
from softextend.types import Profile

Kind = Literal["self", "file", "folder", "hub"]
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
FEW_STEP_NAMES = re.compile(r"turbo|lightning|(?<![a-z])lcm|hyper(?:[-_ .]?(?:sd|xl|\d)|$)|dmd2", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRef:
    """A model that was found; `origin` says who named it. `path` of a hub id: its snapshot, once in the cache."""

    kind: Kind
    name: str
    path: Path | None = None
    origin: str = "--model"


@dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """One line of `softextend models`; `used`: what a run without `--model` takes."""

    ref: ModelRef
    profile: Profile
    used: bool


def resolve_model(name: str | None) -> ModelRef:
    """`name`, else $SOFTEXTEND_MODEL, else the config file, else `self`. Raises BadModel: see `_local`, `_hub`."""
    if name is not None:
        return _named(name, "--model")
    if os.environ.get("SOFTEXTEND_MODEL"):
        return _named(os.environ["SOFTEXTEND_MODEL"], "$SOFTEXTEND_MODEL")
    config = config_file()
    configured = _configured_model(config)
    if configured:
        beside = config.parent / Path(configured).expanduser()  # relative paths start at the config file
        return _named(str(beside) if beside.exists() else configured, f"config file {config}")
    return ModelRef(kind="self", name="self", origin="default")


def known_profile(ref: ModelRef) -> Profile:
    """What the model likes best, from its name and, in a folder, its scheduler."""
    if ref.kind == "self":
        return SELF_PROFILE
    scheduler = read_json(ref.path / "scheduler" / "scheduler_config.json") if ref.path and ref.kind != "file" else {}
    title = ref.path.stem if ref.path and ref.kind == "file" else ref.name.rstrip("/").replace("\\", "/").split("/")[-1]
    kind = str(scheduler.get("_class_name", ""))
    if kind.startswith("LCM") or re.search(r"(?<![a-z])lcm", title, re.IGNORECASE):
        return LCM_PROFILE
    trailing = scheduler.get("timestep_spacing") == "trailing" and scheduler.get("prediction_type") == "epsilon"
    if FEW_STEP_NAMES.search(title) or (trailing and not scheduler.get("rescale_betas_zero_snr")):
        return FEW_STEP_PROFILE
    return SDXL_PROFILE


def installed_models() -> list[Installed]:
    """What a run would use first, then `self`, then SDXL folders in the hub's cache."""
    used = resolve_model(None)
    found = [used] if used.kind == "self" else [used, ModelRef(kind="self", name="self", origin="built in")]
    cached = (
        ModelRef(
            kind="hub", name=folder.name.removeprefix("models--").replace("--", "/"), path=snapshot, origin="cache"
        )
        for folder in sorted(hub_cache().glob("models--*--*"))
        if (snapshot := _snapshot(folder)) and folder_fault(snapshot) is None
    )
    found += [ref for ref in cached if (ref.kind, ref.name) != (used.kind, used.name)]
    return [Installed(ref=ref, profile=known_profile(ref), used=ref is used) for ref in found]


def _named(name: str, origin: str) -> ModelRef:
    if name == "self":
        return ModelRef(kind="self", name=name, origin=origin)
    path = Path(name).expanduser()
    if path.exists():
        return _local(name, path.resolve(), origin)
    looks_local = path.is_absolute() or name.startswith((".", "~")) or path.suffix.lower() in SUFFIXES
    if HUB_ID.fullmatch(name) and not looks_local and not path.parent.is_dir():
        return ModelRef(kind="hub", name=name, path=cached_snapshot(name), origin=origin)
    if "://" in name:
        raise BadModel(f"{origin} {name}: an address cannot be loaded: download the file and give its path")
    raise BadModel(f"{origin} {name}: does not exist; {_close_to(name, path)}")


SUFFIXES = PICKLE_SUFFIXES | {".safetensors"}


def _local(name: str, path: Path, origin: str) -> ModelRef:
    """Raises BadModel: a pickle, a damaged file, weights or a folder of something else."""
    if path.is_dir():
        fault = folder_fault(path)
        if fault:
            raise BadModel(f"{origin} {name}: {fault}")
        return ModelRef(kind="folder", name=name, path=path, origin=origin)
    refuse_pickle(path)
    other = detect_family(read_header(path))
    if other:
        raise BadModel(f"{origin} {name}: no SDXL checkpoint; its tensors look like {other}")
    return ModelRef(kind="file", name=name, path=path, origin=origin)


def _close_to(name: str, path: Path) -> str:
    allowed = "give a .safetensors file, a diffusers folder, a hub id (owner/name) or `self`"
    if not path.parent.is_dir():
        return f"neither does the folder {path.parent}: {allowed}"
    candidates = [entry.name for entry in path.parent.iterdir() if entry.is_dir() or entry.suffix == ".safetensors"]
    close = difflib.get_close_matches(path.name, [*candidates, "self"], n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else allowed


def _configured_model(config: Path) -> str | None:
    found = read_config(config).get("model")
    if found is not None and not isinstance(found, str):
        raise BadModel(f'config file {config}: model = {found!r}: must be text, as in model = "self"')
    return found or None
