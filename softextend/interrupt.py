"""How long work is stopped from outside: whoever asked for it gives a check that raises, and long loops call it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from threading import Thread
from typing import TypeVar

Found = TypeVar("Found")
PATIENCE = 0.05  # seconds between two checks
_check: ContextVar[Callable[[], None] | None] = ContextVar("check", default=None)


@contextmanager
def stopped_by(check: Callable[[], None]) -> Iterator[None]:
    """Within it, `check` is called now and then; what it raises ends the work."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def check() -> None:
    """Raises where the work shall end; costs nothing where nobody gave a check."""
    asked = _check.get()
    if asked is not None:
        asked()


def waited(work: Callable[[], Found]) -> Found:
    """What `work` returns, or raises; under a check it has a thread of its own, which is left alone once that raises.

    For calls that know no check themselves, such as those into OpenCV: what is left alone ends by itself, unheard.
    """
    if _check.get() is None:
        return work()
    future: Future[Found] = Future()
    Thread(target=copy_context().run, args=(_into, future, work), name="softextend-waited", daemon=True).start()
    while not wait([future], timeout=PATIENCE).done:
        check()
    return future.result()


def _into(future: Future[Found], work: Callable[[], Found]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
