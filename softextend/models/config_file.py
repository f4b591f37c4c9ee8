"""The user's config file: where it lies, and its tables, read with care: it may be anything."""

from __future__ import annotations

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


def read_config(path: Path, what: str = "config file") -> dict[str, Any]:
    """The file's tables, {} where there is none; BadRequest where it is no regular, small TOML file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for a writer
            raise BadRequest(f"{what} {path}: is no regular file; move it away or write it anew")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise BadRequest(f"{what} {path}: cannot be read ({error.strerror}); correct or remove it") from error
    if len(data) > LARGEST:
        raise BadRequest(f"{what} {path}: is larger than {LARGEST} bytes; it holds a few lines of TOML")
    try:
        given = tomllib.loads(data.decode("utf-8-sig"))
    except RecursionError:
        raise BadRequest(f"{what} {path}: is nested without end; it holds a few lines of TOML") from None
    except UnicodeDecodeError:
        raise BadRequest(f"{what} {path}: is no text in UTF-8; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise BadRequest(f"{what} {path}: cannot be read ({error}); write KEY = VALUE, text in quotes") from error
    except ValueError:  # thousands of digits
        raise BadRequest(f"{what} {path}: holds a number that cannot be read; correct or remove it") from None
    return given
