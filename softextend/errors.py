"""What can go wrong, as one tree: every error a user can cause says what came, what is allowed and what to do."""

from __future__ import annotations


class SoftExtendError(Exception):
    """Base of every error this package raises on purpose; `exit_code` is what the command line returns."""

    exit_code = 1


class BadRequest(SoftExtendError):
    """The options contradict each other, are out of range or name something unknown."""

    exit_code = 2


class BadPicture(SoftExtendError):
    """A picture cannot be read, is damaged or is no picture."""


class MissingFile(BadPicture):
    """A picture was named that is not there."""


class BadModel(SoftExtendError):
    """A model cannot be found, read or trusted, or it computed something that is no picture."""


class BrokenPromise(SoftExtendError):
    """A finished picture does not keep what it must: pixels beyond the band changed, or it scores too low."""


class OutputError(SoftExtendError):
    """A result cannot be written: it exists already, the folder refuses it or the disk is full."""


class AlreadyExists(OutputError):
    """A file of this name is there, and nobody said that it may be replaced."""


class DiskFull(OutputError):
    """There is no room for a result, nor for the next one."""


class WorkerDied(SoftExtendError):
    """A process that worked on pictures ended before they were done."""


class OutOfMemory(SoftExtendError):
    """Even the leanest way of running the model does not fit."""
