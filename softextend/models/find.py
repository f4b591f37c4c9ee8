"""Which model: names to files, folders and hub ids, and what each likes best. Imports nothing heavy."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from softextend.environment import at_home, said
from softextend.errors import BadModel, BadRequest
from softextend.models.choice import Asked, Choice, choose_by_name, choose_file, choose_folder
from softextend.models.config_file import config_file, read_config
from softextend.models.engine import Engine
from softextend.models.library import find_in
from softextend.models.profiles import SDXL_PROFILE, SELF_PROFILE
from softextend.models.weights.diffusers_folder import folder_fault
from softextend.models.weights.families import identify
from softextend.models.weights.header import PICKLE_SUFFIXES, read_header, refuse_pickle
from softextend.models.weights.hub import cached_snapshot, hub_cache, snapshot_of
from softextend.types import PredictionName, Profile

Kind = Literal["self", "file", "folder", "hub"]
NOTHING = Asked()
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
CACHE_PREFIX = "models--"  # of a repository's folder in the hub's cache


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRef:
    """A model that was found; `origin` says who named it. `path` of a hub id: its snapshot, once in the cache.

    `choice`: what it is taken for; None for `self`. `asked`: what the user says of it.
    """

    kind: Kind
    name: str
    path: Path | None = None
    origin: str = "--model"
    choice: Choice | None = None
    asked: Asked = NOTHING


@dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """One line of `softextend models`; `used`: what a run without `--model` takes."""

    ref: ModelRef
    profile: Profile
    used: bool


def resolve_model(
    name: str | None,
    *,
    profile: str | None = None,
    prediction: PredictionName | None = None,
    vae: Path | None = None,
    unet: Path | None = None,
) -> ModelRef:
    """`name`, else $SOFTEXTEND_MODEL, else the config file, else `self`; profile and prediction in place of what shows.

    Raises BadModel for what is no model that runs here.
    """
    asked = Asked(profile=profile, prediction=prediction, vae=vae, unet=unet)
    found = _resolved(name, asked)
    return found if unet is None or found.kind == "self" else _with_unet(found, unet, asked)


def _with_unet(ref: ModelRef, unet: Path, asked: Asked) -> ModelRef:
    """A model that another UNet's file runs in: what it likes best is what that file says."""
    if not unet.is_file():
        what = "is a folder" if unet.is_dir() else "does not exist"
        raise BadModel(f"--unet {unet}: {what}: give a .safetensors file")
    header = read_header(unet)
    found = identify(header)
    if found.kind not in ("unet", "checkpoint"):
        raise BadModel(f"--unet {unet}: no UNet; its tensors look like {found.fault or found.what}")
    family = ref.choice.family if ref.choice else None
    if found.family is not None and family is not None and found.family != family:
        raise BadModel(f"--unet {unet}: {found.what}, which does not fit {ref.name}: give a UNet of its family")
    names = list(dict.fromkeys([unet.stem, unet.resolve().stem]))
    choice = choose_file(names, unet, header, replace(found, family=family), asked)
    return replace(ref, choice=choice)


def _resolved(name: str | None, asked: Asked) -> ModelRef:
    if name is not None:
        return _named(name, "--model", asked)
    if model := said("SOFTEXTEND_MODEL"):
        return _named(model, "$SOFTEXTEND_MODEL", asked)
    config = config_file()
    configured = configured_text(config, "model")
    if configured:
        beside = config.parent / at_home(configured)  # relative paths start at the config file
        return _named(str(beside) if beside.exists() else configured, f"config file {config}", asked)
    return _named("self", "default", asked)


def model_of(engine: Engine) -> ModelRef:
    """The model that an engine's options name. Raises BadModel, see `resolve_model`."""
    return resolve_model(
        engine.model, profile=engine.profile, prediction=engine.prediction, vae=engine.vae, unet=engine.unet
    )


def known_profile(ref: ModelRef) -> Profile:
    """What the model likes best."""
    if ref.kind == "self":
        return SELF_PROFILE
    return SDXL_PROFILE if ref.choice is None else ref.choice.profile


def installed_models() -> list[Installed]:
    """What a run would use first, then `self`, then what runs of the hub's cache."""
    used = resolve_model(None)
    found = [used] if used.kind == "self" else [used, ModelRef(kind="self", name="self", origin="built in")]
    found += [ref for ref in cached_models() if (ref.kind, ref.name) != (used.kind, used.name)]
    return [Installed(ref=ref, profile=known_profile(ref), used=ref is used) for ref in found]


def cached_models() -> list[ModelRef]:
    """What runs of the hub's cache."""
    found = []
    for folder in sorted(hub_cache().glob(f"{CACHE_PREFIX}*--*")):
        snapshot = snapshot_of(folder)
        if snapshot is None or folder_fault(snapshot) is not None:
            continue
        name = repository(folder.name)
        try:
            choice = choose_folder([name.rpartition("/")[2]], snapshot, Asked())
        except BadModel:
            continue  # a list of what runs; naming it says why it does not
        found.append(ModelRef(kind="hub", name=name, path=snapshot, origin="cache", choice=choice))
    return found


def downloaded(ref: ModelRef, folder: Path) -> ModelRef:
    """A hub id once its files are here. Raises BadModel for what cannot run."""
    return replace(ref, path=folder, choice=choose_folder([ref.name.rpartition("/")[2]], folder, ref.asked))


def models_folder() -> Path | None:
    """$SOFTEXTEND_MODELS, else `models_folder` of the config file, else None. Raises BadModel."""
    named = said("SOFTEXTEND_MODELS") or configured_text(config_file(), "models_folder")
    return at_home(named) if named else None


def repository(folder: str) -> str:
    """`models--owner--name` -> `owner/name`."""
    return folder.removeprefix(CACHE_PREFIX).replace("--", "/")


def _named(name: str, origin: str, asked: Asked) -> ModelRef:
    if name == "self":
        if asked.profile or asked.prediction:
            what = "--profile" if asked.profile else "--prediction"
            raise BadModel(f"{what}: the built-in model `self` has none but its own: name a checkpoint by --model")
        return ModelRef(kind="self", name=name, origin=origin)
    path = at_home(name)
    if path.exists():
        return _local(name, Path(os.path.abspath(path)), origin, asked)  # noqa: PTH100 - a link keeps its own name
    looks_local = path.is_absolute() or name.startswith((".", "~")) or path.suffix.lower() in SUFFIXES
    if HUB_ID.fullmatch(name) and not looks_local and not path.parent.is_dir():
        snapshot = cached_snapshot(name)
        whole = snapshot is not None and folder_fault(snapshot) is None
        with_name = ModelRef(kind="hub", name=name, path=snapshot, origin=origin, asked=asked)
        if snapshot is not None and whole:
            return downloaded(with_name, snapshot)
        return replace(with_name, choice=choose_by_name(name, asked))
    if "://" in name:
        raise BadModel(f"{origin} {name}: an address cannot be loaded: download the file and give its path")
    root = models_folder()
    kept = None if root is None else find_in(root, name)
    if kept is not None:
        return _local(name, kept, origin, asked)
    raise BadModel(f"{origin} {name}: does not exist; {_close_to(name, path)}")


SUFFIXES = PICKLE_SUFFIXES | {".safetensors", ".gguf"}


def _local(name: str, path: Path, origin: str, asked: Asked) -> ModelRef:
    """`path` as it was given, links and all: its name may say what its target's does not. Raises BadModel."""
    if path.is_dir():
        return _folder(name, path, origin, asked)
    refuse_pickle(path)
    header = read_header(path)
    found = identify(header)
    completed = found.missing == ("the VAE",) and asked.vae is not None
    if found.fault and not completed:
        raise BadModel(f"{origin} {name}: no checkpoint that runs here; its tensors look like {found.fault}")
    names = list(dict.fromkeys([path.stem, path.resolve().stem]))
    try:
        choice = choose_file(names, path, header, found, asked)
    except BadModel as error:
        raise BadModel(f"{origin} {name}: {error}") from error
    return ModelRef(kind="file", name=name, path=path, origin=origin, choice=choice, asked=asked)


def _folder(name: str, path: Path, origin: str, asked: Asked) -> ModelRef:
    names = [path.name, path.resolve().name]
    if path.name.startswith(CACHE_PREFIX) and (path / "snapshots").is_dir():
        names = [repository(path.name).rpartition("/")[2]]
        path = snapshot_of(path) or path
    elif path.parent.name == "snapshots":
        names = [repository(path.parent.parent.name).rpartition("/")[2]]
    fault = folder_fault(path)
    if fault:
        raise BadModel(f"{origin} {name}: {fault}")
    try:
        choice = choose_folder(names, path, asked)
    except BadModel as error:
        raise BadModel(f"{origin} {name}: {error}") from error
    return ModelRef(kind="folder", name=name, path=path, origin=origin, choice=choice, asked=asked)


def _close_to(name: str, path: Path) -> str:
    allowed = (
        "give a .safetensors file, a diffusers folder or a hub id (owner/name); without a model the built-in one paints"
    )
    if not path.parent.is_dir():
        return f"neither does the folder {path.parent}: {allowed}"
    candidates = [
        entry.name for entry in path.parent.iterdir() if entry.is_dir() or entry.suffix in (".safetensors", ".gguf")
    ]
    close = difflib.get_close_matches(path.name, candidates if path.suffix else [*candidates, "self"], n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else allowed


def configured_text(config: Path, key: str) -> str | None:
    """A text of the config file, None where it has none; BadRequest for what is no text, see also `read_config`."""
    found = read_config(config).get(key)
    if found is None:
        return None
    if not isinstance(found, str) or not found:
        example = "self" if key == "model" else "~/models"
        raise BadRequest(f'config file {config}: {key} = {found!r}: must be text, as in {key} = "{example}"')
    return found
