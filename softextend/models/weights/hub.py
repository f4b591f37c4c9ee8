"""Diffusers folders from the Hugging Face hub: the cache first, then a download of only what is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from softextend.environment import at_home, cache_home, said
from softextend.errors import BadModel
from softextend.models.weights.diffusers_folder import PARTS, folder_fault, wanted_weights
from softextend.types import Listener

SMALL = re.compile(r"(model_index\.json|[\w.-]+/[\w.-]+\.(json|txt))")
TIMEOUT = 20.0  # s, for the hub's first answer


def fetch(hub_id: str, *, half: bool, listener: Listener) -> Path:
    """The folder of `hub_id`. Raises BadModel: offline, unknown, gated, or no SDXL diffusers folder."""
    cached = cached_snapshot(hub_id)
    if cached is None or folder_fault(cached) is not None:
        cached = _download(hub_id, half, listener)
    fault = folder_fault(cached)
    if fault:
        raise BadModel(f"{hub_id}: {fault}")
    return cached


def wanted_files(names: list[str], *, half: bool) -> list[str]:
    """Of a repository's files those that the model needs: configs, tokenizers and one variant of the weights."""
    small = [name for name in names if SMALL.fullmatch(name) and name.split("/")[0] in (*PARTS, "model_index.json")]
    weights = []
    for part in PARTS:
        own = [name.removeprefix(f"{part}/") for name in names if name.startswith(f"{part}/")]
        weights += [
            f"{part}/{name}" for name in wanted_weights([n for n in own if n.endswith(".safetensors")], half=half)
        ]
    return sorted({*small, *weights})


def check_hub(hub_id: str, *, half: bool, listener: Listener) -> None:
    """What `fetch` would refuse, and how much it would download, asked of the hub; nothing is. Raises BadModel."""
    cached = cached_snapshot(hub_id)
    if cached is not None and folder_fault(cached) is None:
        return
    with _errors_of(hub_id):
        sizes = _on_the_hub(hub_id)
        size = sum(sizes[name] for name in wanted_files([*sizes], half=half))
    listener.note(f"{hub_id}: not in {hub_cache()}: a run downloads {size / 1e9:.1f} GB from the hub, once")


def _download(hub_id: str, half: bool, listener: Listener) -> Path:
    from huggingface_hub import snapshot_download

    with _errors_of(hub_id):
        wanted = wanted_files([*_on_the_hub(hub_id)], half=half)
        listener.note(f"downloading {hub_id} from the Hugging Face hub to {hub_cache()}: several gigabytes, once")
        return Path(snapshot_download(hub_id, allow_patterns=wanted))


def _on_the_hub(hub_id: str) -> dict[str, int]:
    """The files of a model on the hub with their sizes in bytes. Raises BadModel, and the hub's own errors."""
    from huggingface_hub import HfApi

    info = HfApi().model_info(hub_id, timeout=TIMEOUT, files_metadata=True)
    if info.gated:
        HfApi().auth_check(hub_id)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
    if "model_index.json" not in sizes:
        single = [name for name in sizes if name.endswith(".safetensors") and "/" not in name][:3]
        remedy = f"download {' or '.join(single)} and give its path" if single else "give another hub id"
        raise BadModel(f"{hub_id}: no diffusers model on the hub: {remedy}")
    return sizes


@contextmanager
def _errors_of(hub_id: str) -> Iterator[None]:
    """The hub's errors as BadModel, each with what to do."""
    from huggingface_hub import errors as hub
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # of the hub's HTTP library

    try:
        yield
    except hub.GatedRepoError as error:
        raise BadModel(f"{hub_id}: needs its licence accepted on its page and `hf auth login`") from error
    except hub.RepositoryNotFoundError as error:
        raise BadModel(f"{hub_id}: neither a file or folder here nor a model on the hub: check the spelling") from error
    except hub.OfflineModeIsEnabled as error:
        raise BadModel(f"{hub_id}: not in {hub_cache()}, and HF_HUB_OFFLINE is set: unset it to download") from error
    except (HTTPError, OSError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BadModel(
            f"{hub_id}: not in {hub_cache()}, and the hub cannot be reached ({reason}): "
            "go online once, or give a .safetensors file or folder"
        ) from error


def hub_cache() -> Path:
    """The folder that huggingface_hub keeps downloads in."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if folder := said(name):
            return at_home(folder)
    return at_home(said("HF_HOME") or cache_home() / "huggingface") / "hub"


def cached_snapshot(hub_id: str) -> Path | None:
    """The folder of a hub id's newest download, or None."""
    return snapshot_of(hub_cache() / f"models--{hub_id.replace('/', '--')}")


def snapshot_of(folder: Path) -> Path | None:
    """The newest download in a repository's folder of the cache, or None."""
    snapshots = folder / "snapshots"
    main = folder / "refs" / "main"
    if main.is_file() and (snapshots / main.read_text().strip()).is_dir():
        return snapshots / main.read_text().strip()
    return max(snapshots.glob("*"), key=lambda path: path.stat().st_mtime, default=None)
