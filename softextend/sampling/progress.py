"""Listeners: one that hears nothing, one for a part of the work, one that remembers the notes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softextend.types import Listener

if TYPE_CHECKING:
    from softextend.types import Pixels


class Silent:
    """A `Listener` that nobody stands behind; others override what they want to hear."""

    def picture(self, name: str, number: int, total: int) -> None:
        """See `Listener`."""

    def step(self, done: int, total: int) -> None:
        """See `Listener`."""

    def preview(self, look: Callable[[], Pixels]) -> None:
        """See `Listener`."""

    def note(self, line: str) -> None:
        """See `Listener`."""

    def detail(self, line: str) -> None:
        """See `Listener`."""

    def hint(self, line: str) -> None:
        """See `Listener`."""


class Relay(Silent):
    """Passes all on to another listener."""

    def __init__(self, to: Listener) -> None:
        self.to = to

    def picture(self, name: str, number: int, total: int) -> None:
        """See `Listener`."""
        self.to.picture(name, number, total)

    def step(self, done: int, total: int) -> None:
        """See `Listener`."""
        self.to.step(done, total)

    def preview(self, look: Callable[[], Pixels]) -> None:
        """See `Listener`."""
        self.to.preview(look)

    def note(self, line: str) -> None:
        """See `Listener`."""
        self.to.note(line)

    def detail(self, line: str) -> None:
        """See `Listener`."""
        self.to.detail(line)

    def hint(self, line: str) -> None:
        """See `Listener`."""
        self.to.hint(line)


class PartOf(Relay):
    """Hears of a part of the work: its steps count as `share` steps after `before` others, of `total` in all."""

    def __init__(self, to: Listener, *, before: int, share: int, total: int) -> None:
        super().__init__(to)
        self.before, self.share, self.total = before, share, total

    def step(self, done: int, total: int) -> None:
        """See `Listener`; second-order samplers have more timesteps than steps, so that shares are counted."""
        self.to.step(self.before + self.share * done // total, self.total)


class Notes(Relay):
    """Remembers the notes that it passes on."""

    def __init__(self, to: Listener) -> None:
        super().__init__(to)
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        """See `Listener`."""
        self.lines.append(line)
        self.to.note(line)
