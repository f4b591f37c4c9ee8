"""The command line: it only translates. Options become values, errors become one line and an exit code."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import Annotated, Any

import typer

from softextend import __version__
from softextend.commands import signatures
from softextend.commands.argv import join_sides
from softextend.commands.report import INTERRUPTED, PIPE_CLOSED, SIGNALLED, abandon_stdout, reporting
from softextend.commands.typer_args import command
from softextend.errors import BadRequest, OutputError
from softextend.text import printable

app = typer.Typer(
    help="Make photos wider. The original pixels stay as they are.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
UsageError: Any = typer.BadParameter.__mro__[1]  # click's, which newer versions of Typer carry inside


def _show_version(given: bool) -> None:
    if given:
        print(f"softextend {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", is_eager=True, callback=_show_version, metavar="", help="Print the version and exit."),
]


@app.callback()
def softextend(version: Version = False) -> None:
    """Make photos wider. The original pixels stay as they are."""


@app.command()
@command
def extend(asked: signatures.Extend) -> None:
    """Extend pictures: softextend extend photo.jpg --sides 0 256 0 256"""
    with reporting(asked.talk) as report:
        from softextend.commands import extend

        raise typer.Exit(extend.extend(report, asked))


@app.command()
@command
def paint(asked: signatures.Paint) -> None:
    """Repaint a picture by a mask: softextend paint canvas.png mask.png -o out.png"""
    with reporting(asked.talk) as report:
        from softextend.commands import extend

        raise typer.Exit(extend.paint(report, asked))


@app.command()
@command
def prepare(asked: signatures.Prepare) -> None:
    """Write the filled canvas and the mask of each picture, to paint on by hand; needs no model."""
    with reporting(asked.talk) as report:
        from softextend.commands import prepare

        raise typer.Exit(prepare.prepare(report, asked))


@app.command()
@command
def redo(asked: signatures.Redo) -> None:
    """Run the recipe of a result again."""
    with reporting(asked.talk) as report:
        from softextend.commands import redo

        raise typer.Exit(redo.redo(report, asked))


@app.command()
@command
def zoom(asked: signatures.Zoom) -> None:
    """Zoom out of a photo, as a film: softextend zoom photo.jpg --factor 8 -o zoom.mp4"""
    with reporting(asked.talk) as report:
        from softextend.commands.zoom import make_film

        raise typer.Exit(make_film(report, asked))


@app.command()
@command
def verify(asked: signatures.Verify) -> None:
    """Check that a result has every original pixel beyond its band: exit code 0, or 1 and what differs."""
    with reporting(asked.telling) as report:
        from softextend.commands import check

        raise typer.Exit(check.verify(report, asked))


@app.command()
@command
def score(asked: signatures.Score) -> None:
    """Score an extended picture against its original: seam, texture, flat areas."""
    with reporting(asked.telling) as report:
        from softextend.commands import check

        check.score(report, asked)


@app.command()
@command
def sweep(asked: signatures.Sweep) -> None:
    """Try strengths and fills on a photo, on one sheet with scores: softextend sweep photo.jpg --fill perlin,telea"""
    with reporting(asked.talk) as report:
        from softextend.commands import sweep

        sweep.sweep(report, asked)


@app.command()
@command
def models(asked: signatures.Models) -> None:
    """Say which model a run would use, its defaults, and which others are there."""
    with reporting(asked.telling) as report:
        from softextend.commands import info

        info.models(report, asked.model)


@app.command()
@command
def fills(asked: signatures.Tell) -> None:
    """List the fills with their parameters."""
    with reporting(asked.telling) as report:
        from softextend.commands import info

        info.fills(report)


@app.command()
@command
def doctor(asked: signatures.Tell) -> None:
    """Show versions, devices, memory, and what 'auto' chooses here."""
    with reporting(asked.telling) as report:
        from softextend.commands import info

        info.doctor(report)


def main() -> None:
    """The console script."""
    _settle_process()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """One command line -> its exit code."""
    try:
        code = app(join_sides(arguments) or ["--help"], prog_name="softextend", standalone_mode=False)
    except BadRequest as error:
        print(printable(f"softextend: {error}", sys.stderr), file=sys.stderr)
        return error.exit_code
    except UsageError as error:
        return _wrong_usage(error, arguments)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        abandon_stdout()
        return PIPE_CLOSED
    except OSError as error:  # of the help or the version: no command has begun
        abandon_stdout()
        print(f"softextend: stdout: cannot be written ({error.strerror})", file=sys.stderr)
        return OutputError.exit_code
    if not arguments:
        return BadRequest.exit_code
    return code if isinstance(code, int) else 0


def _settle_process() -> None:
    """Threads that sleep while they wait, a terminate signal that cleans up, streams that take any file name."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
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
    raise SystemExit(SIGNALLED + number)


def _wrong_usage(error: Any, arguments: list[str]) -> int:
    """Typer's own errors as one line."""
    path = error.ctx.command_path if error.ctx else f"softextend {arguments[0]}"
    line = " ".join(str(error.format_message()).split()).rstrip(".")
    print(printable(f"softextend: {line} (see {path} --help)", sys.stderr), file=sys.stderr)
    return BadRequest.exit_code
