"""The command line: it only translates. Options become values, errors become one line and an exit code."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import platform
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from softextend import __version__
from softextend.commands.argv import EXTENTS, HELP_ALL, ONE_SIDE, SIDES, as_typed, understood
from softextend.commands.blame import TYPED, blamed
from softextend.commands.completion import asked_for_completion, complete_shell, words_to_complete
from softextend.commands.defaults import configured
from softextend.commands.help_page import overview, page
from softextend.commands.presets import OPTION as PRESET
from softextend.commands.presets import expanded, preset_name
from softextend.commands.report import INTERRUPTED, PIPE_CLOSED, SIGNALLED, Terminated, one_line, reporting, stopped_by
from softextend.commands.signatures import COMMANDS, Config, Extend, Paint, Sweep, Zoom
from softextend.commands.stdout import abandon_stdout
from softextend.commands.suggestions import command_meant, option_meant
from softextend.commands.typer_args import command, flags_of
from softextend.commands.usage import plain
from softextend.errors import BadRequest, OutputError
from softextend.text import printable

PURPOSE = "Make photos wider. The original pixels stay as they are."


class Commands(TyperGroup):
    """All commands; the first page of the help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """One line a command."""
        typer.echo(overview(PURPOSE, {kind.__name__.lower(): kind for kind, _ in COMMANDS}))


# click's own; newer versions of Typer carry click inside, so that it is found by its name among BadParameter's bases
UsageError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")


def _show_version(given: bool) -> None:
    if given:
        print(f"softextend {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("-V", "--version", is_eager=True, callback=_show_version, help="Print the version and exit."),
]


def softextend(version: Version = False) -> None:
    """See PURPOSE."""


def commands_for(words: Sequence[str]) -> tuple[tuple[type[Any], str], ...]:
    """The command that the words begin with, or all: an option of a command takes a tenth of a millisecond to make."""
    return tuple(each for each in COMMANDS if [each[0].__name__.lower()] == [*words[:1]]) or tuple(COMMANDS)


@cache
def program(commands: tuple[tuple[type[Any], str], ...]) -> Any:
    """The program with these commands, each (dataclass of its options, "module:function"), as Click's command."""
    app = typer.Typer(
        cls=Commands,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(help=PURPOSE)(softextend)
    for kind, target in commands:
        _add(app, kind, target)
    return typer.main.get_command(app)


def _add(app: typer.Typer, kind: type[Any], target: str) -> None:
    """One command, which returns its exit code or None."""
    module, _, function = target.partition(":")
    name = kind.__name__.lower()

    class Paged(TyperCommand):
        """A command with a help page of our own."""

        def format_help(self, ctx: Any, formatter: Any) -> None:
            typer.echo(page(name, kind, everything=False))

    def run_it(given: Any) -> None:
        with reporting(given.report) as report:
            run_command = getattr(importlib.import_module(f"softextend.commands.{module}"), function)
            raise typer.Exit(run_command(report, given) or 0)

    settings = {"ignore_unknown_options": kind is Config}  # it is asked about other commands' options
    app.command(name, cls=Paged, context_settings=settings)(command(kind, run_it))


def known_flags() -> dict[str, set[str]]:
    """The flags of every command that takes a preset."""
    kinds = (Extend, Paint, Zoom, Sweep)
    return {kind.__name__.lower(): flags_of(kind) for kind in kinds}


def main() -> None:
    """The console script."""
    _settle_process()
    code = run(sys.argv[1:])
    gc.freeze()  # a process that ends looks through all its objects once more, a quarter of a second with torch's
    if threads_at_work(stopped=code > SIGNALLED):
        _leave(code)
    sys.exit(code)


def threads_at_work(*, stopped: bool) -> bool:
    """Whether threads of ours have not ended; where work was `stopped`, whether any thread has not."""
    others = [each for each in threading.enumerate() if each is not threading.current_thread()]
    return any(stopped or (each.daemon and each.name.startswith("softextend-")) for each in others)


def _leave(code: int) -> None:
    """Ends a process while its threads are at work: to take libraries down under them aborts it, exit functions too."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or none
            stream.flush()
    os._exit(code)


def run(arguments: list[str]) -> int:
    """One command line -> its exit code."""
    TYPED.set(tuple(arguments))
    try:
        if asked_for_completion(arguments):
            print(complete_shell(arguments))
            return 0
        words = understood(arguments)
        words = expanded(words, known_flags()) if preset_name(words) else words
        if HELP_ALL in words:
            return _help_all(words)
        defaults = configured(words)
        called = program(commands_for(words or words_to_complete()))
        code = called(words or ["--help"], prog_name="softextend", standalone_mode=False, default_map=defaults)
    except BadRequest as error:
        print(printable(f"softextend: {error}{blamed(str(error))}", sys.stderr), file=sys.stderr)
        return error.exit_code
    except UsageError as error:
        return _wrong_usage(error, arguments)
    except (Terminated, KeyboardInterrupt, typer.Abort) as error:
        print(f"softextend: {stopped_by(error)}", file=sys.stderr)
        return SIGNALLED + error.number if isinstance(error, Terminated) else INTERRUPTED
    except BrokenPipeError:
        abandon_stdout()
        return PIPE_CLOSED
    except OSError as error:  # of a path among the options, of the help or the version: no command has begun
        if error.filename is not None:
            print(printable(f"softextend: {one_line(error)}", sys.stderr), file=sys.stderr)
            return BadRequest.exit_code
        abandon_stdout()
        print(f"softextend: stdout: cannot be written ({error.strerror})", file=sys.stderr)
        return OutputError.exit_code
    if not arguments:
        return BadRequest.exit_code
    return code if isinstance(code, int) else 0


def _help_all(words: list[str]) -> int:
    """The whole help of a command, or of all."""
    wanted = [kind for kind, _ in COMMANDS if kind.__name__.lower() in words] or [kind for kind, _ in COMMANDS]
    print("\n\n\n".join(page(kind.__name__.lower(), kind, everything=True) for kind in wanted))
    return 0


def _settle_process() -> None:
    """Threads that sleep while they wait, a terminate signal that cleans up, streams that take any file name."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if platform.machine().lower() in ("x86_64", "amd64"):  # elsewhere torch may multiply by the same library
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's: its small products wait longer than they take
    logging.getLogger().addHandler(logging.NullHandler())
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - for the life of the process
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="surrogateescape" if os.name == "posix" else "backslashreplace")
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:  # nohup's choice stays
            signal.signal(number, _terminated)


def _terminated(number: int, frame: Any) -> None:
    raise Terminated(number)


def understood_flags(kind: type[Any]) -> list[str]:
    """All that may be typed for a command's options, with what stands for several."""
    flags = flags_of(kind, hidden=True)
    return sorted(flags | {*ONE_SIDE, *EXTENTS, PRESET} if SIDES in flags else flags)


def _wrong_usage(error: Any, arguments: list[str]) -> int:
    """Typer's own errors as one line, with what was meant."""
    path = error.ctx.command_path if error.ctx else f"softextend {arguments[0]}"
    line = plain(error, path, next((kind for kind, _ in COMMANDS if path.endswith(f" {kind.__name__.lower()}")), None))
    flags = {kind.__name__.lower(): understood_flags(kind) for kind, _ in COMMANDS}
    option, command = getattr(error, "option_name", None), path.removeprefix("softextend").strip()
    if option and type(error).__name__ == "NoSuchOption" and command in flags:
        own, option = flags.pop(command), as_typed(option, arguments)
        line = "; ".join(filter(None, (f"no such option: {option}", option_meant(option, own, flags))))
    elif not command and (first := next((each for each in arguments if each != "help"), "")) not in flags:
        is_picture = Path(first).suffix != "" or os.path.lexists(first)
        line = "; ".join(
            filter(None, (f"no such command: {first}", command_meant(first, list(flags), is_picture=is_picture)))
        )
    print(printable(f"softextend: {line} (see {path} --help)", sys.stderr), file=sys.stderr)
    return BadRequest.exit_code
