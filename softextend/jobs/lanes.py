"""Stages of several pictures at once: a thread a stage, queues between them, and room counted in pixels."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")
Given = TypeVar("Given")

POLL = 0.1  # s between two looks at whether the work was stopped, by who waits for something else


class Stopped(Exception):
    """The work ends before its end."""


class Room:
    """Pixels of the pictures that are under way, `limit` at most; a picture that is larger goes alone."""

    def __init__(self, limit: int, stop: threading.Event) -> None:
        self.limit, self.stop = limit, stop
        self.used = 0
        self.changed = threading.Condition()

    def take(self, pixels: int, own: int = 0) -> None:
        """Wait until they fit beside what is under way; `own`: pixels there for which nobody will make room."""
        with self.changed:
            while self.used > own and self.used + pixels > self.limit:
                if self.stop.is_set():
                    raise Stopped
                self.changed.wait(POLL)
            self.used += pixels

    def give(self, pixels: int) -> None:
        """A picture is done."""
        with self.changed:
            self.used -= pixels
            self.changed.notify_all()


class Belt(Generic[Item]):
    """A queue of `size` items from one lane to the next; both ends raise Stopped once the work is stopped."""

    def __init__(self, size: int, stop: threading.Event) -> None:
        self.queue: queue.Queue[Item] = queue.Queue(size)
        self.stop = stop

    def put(self, item: Item) -> None:
        """Wait for a place."""
        while not self.stop.is_set():
            try:
                return self.queue.put(item, timeout=POLL)
            except queue.Full:
                pass
        raise Stopped

    def get(self, meanwhile: Callable[[], None] | None = None) -> Item:
        """Wait for an item; `meanwhile` is called every now and then."""
        while not self.stop.is_set():
            try:
                return self.queue.get(timeout=POLL)
            except queue.Empty:
                if meanwhile is not None:
                    meanwhile()
        raise Stopped


class Lane(threading.Thread, Generic[Item]):
    """Runs an iterator ahead of who takes its items, at most `size` of them, and does something else `meanwhile`."""

    def __init__(
        self,
        items: Iterable[Item],
        size: int,
        stop: threading.Event,
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(daemon=True, name="softextend-lane")
        self.items, self.stop, self.meanwhile = items, stop, meanwhile
        self.belt: Belt[tuple[bool, Item | BaseException | None]] = Belt(size, stop)
        self.start()

    def run(self) -> None:
        """See Thread."""
        try:
            for item in self.items:
                self.belt.put((True, item))
            self.belt.put((False, None))
        except Stopped:
            pass
        except BaseException as error:  # told to who takes the items
            if not self.stop.is_set():
                self.belt.put((False, error))

    def __iter__(self) -> Iterator[Item]:
        while True:
            more, item = self.belt.get(self.meanwhile)
            if not more:
                if isinstance(item, BaseException):
                    raise item
                return
            yield item  # type: ignore[misc]


class Finisher(threading.Thread, Generic[Given, Item]):
    """Does the last stage of what it is given, in order; `done` is what came of it."""

    def __init__(self, work: Callable[[Given], Item], size: int, stop: threading.Event) -> None:
        super().__init__(daemon=True, name="softextend-finisher")
        self.work = work
        self.stop = stop
        self.failed: BaseException | None = None  # why it stopped everything
        self.belt: Belt[Given | None] = Belt(size, stop)
        self.done: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self.start()

    def run(self) -> None:
        """See Thread."""
        try:
            while (given := self.belt.get()) is not None:
                self.done.put(self.work(given))
        except Stopped:
            pass
        except BaseException as error:  # told to who gives
            self.failed = error
            self.stop.set()

    def put(self, given: Given) -> None:
        """The next one; waits where enough others wait."""
        self.belt.put(given)

    def taken(self) -> Iterator[Item]:
        """What is done by now."""
        while True:
            try:
                yield self.done.get_nowait()
            except queue.Empty:
                return

    def rest(self) -> Iterator[Item]:
        """All that is left, as it gets done."""
        self.belt.put(None)
        while self.is_alive():
            self.join(POLL)
            yield from self.taken()
        yield from self.taken()
        if self.failed is not None:
            raise Stopped


class AtOnce(Generic[Given, Item]):
    """As `Finisher`, in the thread of who gives."""

    def __init__(self, work: Callable[[Given], Item]) -> None:
        self.work = work
        self.failed: BaseException | None = None
        self.done: list[Item] = []

    def put(self, given: Given) -> None:
        """See `Finisher`."""
        self.done.append(self.work(given))

    def taken(self) -> Iterator[Item]:
        """See `Finisher`."""
        while self.done:
            yield self.done.pop(0)

    rest = taken
