"""The user's config file: where it lies, and its tables, read with care: it may be anything."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

from softextend.environment import config_home
from softextend.errors import BadRequest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LARGEST = 1 << 20  # bytes of a config file


def config_file() -> Path:
    """Where the user's defaults lie, whether or not the file exists."""
    return config_home() / "softextend" / "config.toml"


def read_config(path: Path) -> dict[str, Any]:
    """The file's tables, {} where there is none; BadRequest where it is no regular, small TOML file."""
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BadRequest(f"config file {path}: is no regular file; move it away or write it anew")
            data = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise BadRequest(f"config file {path}: cannot be read ({error.strerror}); correct or remove it") from error
    if len(data) > LARGEST:
        raise BadRequest(f"config file {path}: is larger than {LARGEST} bytes; it holds a few lines of TOML")
    try:
        given = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"config file {path}: cannot be read ({error}); correct or remove it") from error
    return given
