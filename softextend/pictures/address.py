"""Addresses of pictures in stores, such as s3://bucket/photos/a.jpg; what is secret in one is never shown."""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias
from urllib.parse import urlsplit

from softextend.errors import BadRequest

READ_ONLY = ("http", "https")
SCHEMES = ("s3", "gs", "gcs", "az", "abfs", "abfss", "hf", "memory", *READ_ONLY)
ADDRESS = re.compile(rf"({'|'.join(SCHEMES)})://", re.IGNORECASE)
MAGIC = re.compile(r"[*\[]")  # of a glob; a question mark begins a query
SECRET = re.compile(  # of any address in a text: user and password, but not Azure's container@account; the query
    r"(?<!abfs://)(?<!abfss://)(?<!az://)(?<=://)[^/@\s'\"]*@|(?<=://)[^/@\s'\"]*:[^/@\s'\"]*@|\?[^\s'\")]*"
)


@dataclass(frozen=True, slots=True)
class Address:
    """A file or folder in a store. `text` may hold secrets: only `str` of it is for people, recipes and programs."""

    text: str

    def __str__(self) -> str:
        return without_secrets(self.text)

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"

    @property
    def scheme(self) -> str:
        """`s3`, `https`, ..."""
        return self.text.partition("://")[0].lower()

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written there."""
        return self.scheme in READ_ONLY

    @property
    def path(self) -> PurePosixPath:
        """Bucket or host, and the way in it, without what is secret."""
        return PurePosixPath(str(self).partition("://")[2].partition("?")[0])

    @property
    def name(self) -> str:
        """The last part."""
        return self.path.name

    @property
    def stem(self) -> str:
        """The last part without its suffix."""
        return self.path.stem

    @property
    def suffix(self) -> str:
        """`.jpg`."""
        return self.path.suffix

    @property
    def parent(self) -> Address:
        """The folder; of a bucket itself the bucket."""
        whole = self._bare
        head = posixpath.dirname(whole.rstrip("/"))
        return Address(head if "//" in head and not head.endswith("/") else whole)

    @property
    def parents(self) -> list[Address]:
        """All folders that it lies in, the nearest first."""
        found: list[Address] = []
        each = self.parent
        while each.text != self.text and (not found or found[-1] != each):
            found.append(each)
            each = each.parent
        return found

    def with_name(self, name: str) -> Address:
        """Another file in the same folder."""
        return self.parent / name

    def __truediv__(self, below: str | Path) -> Address:
        way = Path(below).as_posix()
        return self if way == "." else Address(f"{self._bare.rstrip('/')}/{way}")

    @property
    def _bare(self) -> str:
        return self.text.partition("?")[0] if self.read_only else self.text

    @property
    def local_like(self) -> Path:
        """As if stores were folders at the root of this machine's disk: for mirroring trees."""
        return Path(f"/{self.scheme}:", *self.path.parts)


Place: TypeAlias = Path | Address


def is_address(text: str) -> bool:
    """Whether a text is the address of a store."""
    return ADDRESS.match(text) is not None


def place(text: str) -> Place:
    """A path, or the address of a store."""
    return address(text) if is_address(text) else Path(text)


def address(text: str) -> Address:
    """The address of a store; BadRequest for one that carries a key, which no bucket needs, or names none."""
    found = Address(text)
    if not found.read_only and SECRET.search(text.partition("?")[0]):
        raise BadRequest(f"{found}: keys in an address are not taken; give them as the store's library finds them")
    if not urlsplit(found._bare).netloc:
        raise BadRequest(f"{found}: names no bucket or host; write it whole, such as s3://bucket/photo.jpg")
    return found


def as_text(where: Place) -> str:
    """What `place` makes the same of again; of an address with what is secret."""
    return where.text if isinstance(where, Address) else os.fspath(where)


def fixed_part(pattern: Address) -> Address:
    """The folder that a glob begins with, as far as it has no wildcard."""
    found = pattern.parent
    while is_pattern(found.text):
        found = found.parent
    return found


def is_pattern(text: str) -> bool:
    """Whether an address is to be searched for."""
    return MAGIC.search(text.partition("://")[2].partition("?")[0]) is not None


def without_secrets(text: str) -> str:
    """A text in which no address shows a user, a password or a query, which may be signed."""
    return SECRET.sub(_cover, text) if "://" in text else text


def _cover(match: re.Match[str]) -> str:
    return "?..." if match[0].startswith("?") else ""
