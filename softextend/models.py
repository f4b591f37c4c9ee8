"""Which model: names to files, folders and hub ids, and what each likes best. Imports nothing heavy."""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from softextend.errors import BadModel
from softextend.header import PICKLE_SUFFIXES, looks_like, read_header, refuse_pickle
from softextend.profiles import FEW_STEP_PROFILE, LCM_PROFILE, SDXL_PROFILE, SELF_PROFILE
from softextend.types import Model, Offload, OnNote, Profile

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Kind = Literal["self", "file", "folder", "hub"]

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
FEW_STEP_NAMES = re.compile(r"turbo|lightning|(?<![a-z])lcm|hyper(?:[-_ .]?(?:sd|xl|\d)|$)|dmd2", re.IGNORECASE)
PARTS = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")


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


def load_model(
    ref: ModelRef,
    *,
    device: str = "auto",
    dtype: str = "auto",
    offload: Offload | None = None,
    vae: Path | None = None,
    on_note: OnNote,
) -> Model:
    """The model, ready to run; a hub id that is not in the cache is downloaded. Raises BadModel, BadRequest."""
    if ref.kind == "self":
        from softextend.device import choose_device
        from softextend.selfmodel import SelfModel

        return SelfModel(device=choose_device(device))
    from softextend.sdxl import load_sdxl

    return load_sdxl(ref, device=device, dtype=dtype, offload=offload, vae=vae, on_note=on_note)


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


def config_file() -> Path:
    """Where the user's defaults lie, whether or not the file exists."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "softextend" / "config.toml"


def hub_cache() -> Path:
    """The folder that huggingface_hub keeps downloads in."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(name):
            return Path(os.environ[name]).expanduser()
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(home).expanduser() / "hub"


def cached_snapshot(hub_id: str) -> Path | None:
    """The folder of a hub id's newest download, or None."""
    return _snapshot(hub_cache() / f"models--{hub_id.replace('/', '--')}")


def folder_fault(folder: Path) -> str | None:
    """None for a diffusers folder of an SDXL model, else what is wrong with it and what to do."""
    if not (folder / "model_index.json").is_file():
        inside = sorted(path.name for path in folder.glob("*.safetensors"))[:3]
        remedy = f"name a file in it: {', '.join(inside)}" if inside else "give an SDXL .safetensors file"
        return f"no diffusers model (model_index.json is missing): {remedy}"
    index = read_json(folder / "model_index.json")
    kind = str(index.get("_class_name", "unknown"))
    if not kind.startswith("StableDiffusionXL") or "text_encoder_2" not in index:
        return f"a {kind}, not SDXL: give an SDXL model"
    if str((index.get("scheduler") or ["", ""])[1]).startswith("EDM"):
        return "trained for another noise schedule (EDM) than SDXL's: give an SDXL model"
    missing = [part for part in PARTS if part != "scheduler" and not (folder / part).is_dir()]
    if missing:
        return f"incomplete ({', '.join(missing)} missing): download it again"
    return _unet_fault(read_json(folder / "unet" / "config.json")) or _weights_fault(folder)


def weight_files(part: Path, *, half: bool = True) -> list[Path]:
    """The .safetensors files that make up one part; with `half` the 16-bit variant where there is one."""
    names = sorted(path.name for path in part.glob("*.safetensors"))
    return [part / name for name in wanted_weights(names, half=half)]


def wanted_weights(names: list[str], *, half: bool) -> list[str]:
    """Of one part's file names those of one variant: plain or `fp16`, one file or shards of it."""
    whole = [name for name in names if name.startswith(("diffusion_pytorch_model", "model")) and "non_ema" not in name]
    fp16 = [name for name in whole if ".fp16." in name or ".fp16-" in name]
    plain = [name for name in whole if re.fullmatch(r"\w+?(-\d+-of-\d+)?\.safetensors", name)]
    chosen = fp16 if fp16 and (half or not plain) else plain
    single = [name for name in chosen if "-of-" not in name]
    return single[:1] or chosen


def read_json(path: Path) -> dict[str, Any]:
    """{} where the file is missing. Raises BadModel where it is no JSON object."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadModel(f"{path}: cannot be read as JSON ({error}): download the model again") from error
    if not isinstance(found, dict):
        raise BadModel(f"{path}: is no JSON object: download the model again")
    return found


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
    other = looks_like(read_header(path))
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
    try:
        found = tomllib.loads(config.read_text(encoding="utf-8")).get("model")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadModel(f"config file {config}: cannot be read ({error}): correct or remove it") from error
    if found is not None and not isinstance(found, str):
        raise BadModel(f'config file {config}: model = {found!r}: must be text, as in model = "self"')
    return found or None


def _snapshot(folder: Path) -> Path | None:
    snapshots = folder / "snapshots"
    main = folder / "refs" / "main"
    if main.is_file() and (snapshots / main.read_text().strip()).is_dir():
        return snapshots / main.read_text().strip()
    return max(snapshots.glob("*"), key=lambda path: path.stat().st_mtime, default=None)


def _unet_fault(config: dict[str, Any]) -> str | None:
    if config.get("in_channels") != 4:
        return f"its UNet takes {config.get('in_channels')} channels, not 4 (inpainting or editing): give a base model"
    if config.get("addition_embed_type") != "text_time":
        return "its UNet takes no picture size: give an SDXL base model"
    if config.get("time_cond_proj_dim") is not None:
        return "its UNet takes the guidance as an input (distilled LCM): give a checkpoint with the LCM-LoRA merged"
    return None


def _weights_fault(folder: Path) -> str | None:
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        found = weight_files(folder / part)
        shards = re.search(r"-of-(\d+)", found[0].name) if found else None
        if shards and len(found) != int(shards[1]):
            return f"{part} has {len(found)} of its {int(shards[1])} weight files: download it again"
        if found:
            continue
        if any(path.suffix in PICKLE_SUFFIXES for path in (folder / part).iterdir()):
            return f"{part} has only pickle weights, which can run any program when opened: take .safetensors ones"
        return f"{part} has no .safetensors weights: download it again"
    return None
