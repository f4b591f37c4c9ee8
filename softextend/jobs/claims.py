"""Who makes which result: what exists is left out, and several runs share a folder without making anything twice."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from softextend.errors import AlreadyExists, BadPicture, BadRequest, SoftExtendError
from softextend.jobs.job import Job, Outcome, Target
from softextend.jobs.outputs import exists
from softextend.options import Spec
from softextend.pictures.address import Address, Place
from softextend.pictures.locks import CLAIM, PREFIX, locked
from softextend.pictures.read import read_recipe
from softextend.pictures.stores import read_bytes
from softextend.plan.read_recipe import command_of, spec_of

SAME, ANY = "same", "any"  # what --skip-existing leaves out: results of this very request, or whatever exists
ANOTHER_WAY = "--overwrite replaces it, --skip-existing=any leaves out whatever exists"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a result is asked for, as its recipe tells it: `command` has the values that must be equal.

    `conditions`: what is laid over the model. `seeds`: how many seeds from the target's on may have been chosen, 0:
    any, as none was named. `retried`: the strength may have been raised.
    """

    spec: Spec
    command: dict[str, Any]
    conditions: Mapping[str, Any] = field(default_factory=dict)
    seeds: int = 1
    retried: bool = False


class Gate(Protocol):
    """What lets a picture through to the work."""

    def open(self, job: Job) -> Any:
        """A context that gives the job with the targets to be made (None: there are none) and what became of others."""


class Free:
    """The gate that lets everything through."""

    @contextmanager
    def open(self, job: Job) -> Iterator[tuple[Job | None, list[Outcome]]]:
        """See `Gate`."""
        yield job, []


@dataclass(frozen=True, kw_only=True)
class Claims:
    """The gate of `--skip-existing`: looks again right before each picture, and claims the names of its results.

    A claim is a hidden file beside the result; its maker holds a lock on it, which ends with the process, so that
    nothing waits for a run that was killed.
    """

    mode: str  # SAME or ANY
    request: Request

    @contextmanager
    def open(self, job: Job) -> Iterator[tuple[Job | None, list[Outcome]]]:
        """See `Gate`."""
        outcomes, targets = [], []
        with ExitStack() as held:
            for target in job.targets:
                outcome = self.settled(job, target)
                if outcome is None and target.path is not None:
                    if held.enter_context(claimed(target.path)):
                        outcome = self.settled(job, target)  # another run may just have finished it
                    else:
                        outcome = Outcome(job=job, target=target, skipped="another run is making it")
                if outcome is None:
                    targets.append(target)
                else:
                    outcomes.append(outcome)
            yield (replace(job, targets=tuple(targets)) if targets else None), outcomes

    def settled(self, job: Job, target: Target) -> Outcome | None:
        """What has become of a result that exists; None where there is none."""
        if target.path is None or isinstance(target.path, Address) or not exists(target.path):
            return None  # of a store it was known from its listing
        if self.mode == ANY:
            return Outcome(job=job, target=target, skipped="exists")
        try:
            said = difference(target.path, job.source, target, self.request)
        except SoftExtendError as error:
            return Outcome(job=job, target=target, error=error)
        except OSError:
            return None  # the input cannot be read, and reading it says why
        if said is None:
            return Outcome(job=job, target=target, skipped="exists")
        clash = AlreadyExists(f"{target.path}: exists already, {said}; {ANOTHER_WAY}")
        return Outcome(job=job, target=target, error=clash)


@contextmanager
def claimed(path: Place) -> Iterator[bool]:
    """Claim the name of a result; False where another run that lives has done so. A folder that refuses says True.

    Writing shows what is wrong with such a folder, and never replaces what another run wrote meanwhile.
    """
    if isinstance(path, Address):  # the store itself refuses a name that another run has taken meanwhile
        yield True
        return
    mark = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    claim = path.parent / f"{PREFIX}{mark}{CLAIM}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        claim.touch()
        lock = locked(claim)
        mine = lock.__enter__()
    except OSError:
        yield True
        return
    try:
        yield mine
    finally:
        if mine:
            claim.unlink(missing_ok=True)
        lock.__exit__(None, None, None)


def difference(result: Path, source: Place | None, target: Target, request: Request) -> str | None:
    """How an existing result differs from what is asked for now, in words; None where it is that.

    What differs between two runs of one request, such as the device or a seed that nobody named, does not count.
    """
    try:
        recipe = read_recipe(result)
        command, made = command_of(recipe), spec_of(recipe)
        digest = command["input_sha256"]
    except (BadPicture, BadRequest, KeyError):
        return "and it carries no recipe that tells what it was made of"
    if source is None or digest != digest_of(source):
        return "made of another picture"
    for name, value in request.command.items():
        if command.get(name) != value:
            return f"made with another {name.removesuffix('_sha256')} ({_short(command.get(name))}, now {value})"
    laid = command.get("conditions") or {}
    if laid := _differing(laid if isinstance(laid, dict) else {}, request.conditions):
        return f"made with other conditions ({', '.join(laid)})"
    asked = request.spec.replaced(seed=target.seed)
    if "caption" in request.conditions and made.prompt.prompt.startswith(asked.prompt.prompt):
        asked = asked.replaced(prompt=made.prompt.prompt)  # the caption's words are in it
    if request.seeds == 0 or 0 <= made.seed - target.seed < request.seeds:
        asked = asked.replaced(seed=made.seed)
    if request.retried and "tries" in recipe:
        asked = asked.replaced(strength=made.sampling.strength)
    names = _differing(made.options(), asked.options())
    return f"made with other options ({', '.join(names)})" if names else None


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [name for name in dict.fromkeys([*now, *before]) if now.get(name) != before.get(name)]


def _short(value: Any) -> str:
    """A value of a recipe, which may be anything."""
    text = "none" if value is None else str(value) if isinstance(value, str | int) else "damaged"
    return text if len(text) <= 80 else f"{text[:80]}..."


def digest_of(path: Place) -> str | None:
    """SHA-256 of a regular file, hexadecimal; None for a pipe, which can be read once only."""
    if isinstance(path, Address):
        return hashlib.sha256(read_bytes(path)).hexdigest()
    if not stat.S_ISREG(path.stat().st_mode):
        return None
    found = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            found.update(part)
    return found.hexdigest()
