"""The environment: every variable that the program itself reads, and the user's own folders."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

VARIABLES = {
    "SOFTEXTEND_MODEL": "the model where no --model is given",
    "SOFTEXTEND_MODELS": "the folder with models, LoRAs, embeddings and ControlNets",
    "XDG_CONFIG_HOME": "where the config file's folder lies; ~/.config where it is not set",
    "XDG_CACHE_HOME": "where the program keeps hashes and captions; ~/.cache where it is not set",
    "HF_HUB_CACHE": "the hub's downloads",
    "HUGGINGFACE_HUB_CACHE": "its older name",
    "HF_HOME": "the folder of the hub's cache, where neither of these is set",
    "CUDA_VISIBLE_DEVICES": "which GPUs the workers share",
    "NUMBA_CACHE_DIR": "where compiled kernels are kept, in place of the folders beside the program's files",
    "TORCHINDUCTOR_CACHE_DIR": "where torch keeps what it compiles; set where the temporary folder cannot be written",
}
SHARED_MEMORY: str | None = "/dev/shm"  # Linux's; asked where no temporary folder can be written


def said(name: str) -> str | None:
    """What a variable says; None where it is not set or empty."""
    if name not in VARIABLES:
        raise KeyError(name)
    return os.environ.get(name) or None


def at_home(text: str | Path) -> Path:
    """A path with ~ as the home folder; as it is where that home is not known."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser raises


def has_home() -> bool:
    """Whether the user's home folder is known."""
    return not str(at_home("~")).startswith("~")


def config_home() -> Path:
    """Where programs keep their settings; of a user without a home a folder that cannot be."""
    return _folder(said("XDG_CONFIG_HOME") or "~/.config")


def cache_home() -> Path:
    """Where programs keep what can be made again; of a user without a home a folder that cannot be."""
    return _folder(said("XDG_CACHE_HOME") or "~/.cache")


def _folder(text: str) -> Path:
    found = at_home(text)
    return Path(os.devnull) / "no-home" if str(found).startswith("~") else found


def own_folder(name: str) -> Path | None:
    """A folder of this user alone for what can be made again, below the cache, else among the temporary files.

    None where none can be made. Others could put programs into a folder of a known name: it must be this user's own.
    """
    mark = f"softextend-{os.getuid()}" if hasattr(os, "getuid") else "softextend"
    places = [cache_home() / "softextend", *(Path(each) / mark for each in (_temporary(), SHARED_MEMORY) if each)]
    for place in places:
        if not place.is_absolute():
            continue
        folder = place / name
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError:
            continue
        if all(_is_own(each) for each in (place, folder)) and os.access(folder, os.W_OK | os.X_OK):
            return folder
    return None


def _temporary() -> str | None:
    """The folder for temporary files; None where none can be written, for which Python takes the working folder."""
    try:
        found = tempfile.gettempdir()
    except OSError:
        return None
    return None if Path(found) == Path.cwd() else found


def _is_own(folder: Path) -> bool:
    """Whether a folder, no link, is this user's and nobody else may write there."""
    if not hasattr(os, "getuid"):
        return True
    said = folder.lstat()
    return stat.S_ISDIR(said.st_mode) and said.st_uid == os.getuid() and not said.st_mode & 0o022


def keeps_kernels() -> bool:
    """Whether compiled kernels outlive the process: beside the program's files, or in a folder of the user's own."""
    beside = Path(__file__).parent / "fills"
    cached = beside / "__pycache__"
    if said("NUMBA_CACHE_DIR") or os.access(cached if cached.is_dir() else beside, os.W_OK):
        return True
    return own_folder("kernels") is not None


def settle_torch() -> None:
    """Keep torch from making its folder of compiled code in the working folder, where no other can be written."""
    if said("TORCHINDUCTOR_CACHE_DIR") is None and _temporary() is None:
        folder = own_folder("inductor")
        if folder is not None:
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder)
