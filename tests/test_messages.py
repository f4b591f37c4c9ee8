"""The page on exit codes, messages and files says what the code does."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Run

import softextend
from softextend import environment, errors
from softextend.commands import completion, report, sweep
from softextend.commands.run import STEPS
from softextend.commands.signatures import COMMANDS
from softextend.commands.typer_args import flags_of
from softextend.jobs import cluster, workers
from softextend.jobs.inputs import ENDINGS
from softextend.pictures import locks

PACKAGE = Path(softextend.__file__).parent
PAGE = (PACKAGE.parent / "docs" / "messages.md").read_text(encoding="utf-8")
SETTERS = {
    "cli.py",
    "commands/completion.py",
    "commands/report.py",
    "jobs/cluster.py",
    "jobs/workers.py",
    "web/programs.py",
    "web/serve.py",
}
WRITES = re.compile(
    r"\.write_text\(|\.write_bytes\(|\.mkdir\(|open\([^)]*[\"'][wax]b?[\"']|NamedTemporaryFile|mkdtemp|\.touch\("
    r"|copy\(path|(?<!def )write_file\(|(?<!def )write_picture\(|(?<!def )whole_file\("
)
WRITERS = {  # modules that write, and words of the page on what
    "environment.py": "kernels",
    "cli.py": None,  # opens the null device
    "result.py": "NAME-extended.EXT",
    "commands/sweep.py": "NAME-sweep.png",
    "jobs/claims.py": ".softextend-….claim",
    "jobs/film.py": "--save-steps",
    "jobs/outputs.py": "--out-dir",
    "jobs/speed.py": "speed.json",
    "jobs/reading.py": "--plan-image",
    "jobs/table_parquet.py": ".NAME-….rows",
    "jobs/table_rows.py": "the table that `--report` names",
    "jobs/writing.py": "NAME-canvas.png",
    "models/conditions/caption.py": "captions.json",
    "models/weights/file_hash.py": "hashes.json",
    "pictures/files.py": ".softextend-….tmp",
    "pictures/stores.py": None,  # a store's uploads: results
    "pictures/video.py": "NAME-zoom.mp4",
    "pictures/write.py": "NAME-extended.EXT",
    "pictures/xmp_tree.py": None,  # a tree in memory
    "pictures/regions.py": None,  # the same
    "web/downloads.py": "a zip among the temporary files",
    "web/orders.py": "masks",
    "web/photos.py": "pictures, masks",
    "web/programs.py": "files given to programs",
    "web/sessions.py": "session.json",
}


def sources() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The table's cells under a heading of the page."""
    part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def every(kind: type[errors.SoftExtendError]) -> Iterator[type[errors.SoftExtendError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from every(each)


def test_every_exit_code_is_on_the_page() -> None:
    said = {int(row[0]) for row in rows("Exit codes")}
    signals = {report.SIGNALLED + number for number in (signal.SIGTERM, signal.SIGHUP)}
    assert said == {0, report.INTERRUPTED, report.PIPE_CLOSED, *signals, *(each.exit_code for each in KINDS)}


KINDS = [each for each in every(errors.SoftExtendError) if each.__module__.startswith("softextend.")]


def test_every_kind_of_error_is_on_the_page() -> None:
    said = {(row[0], int(row[1])) for row in rows("Messages")}
    assert said == {(f"`{each.__name__}`", each.exit_code) for each in KINDS}


def test_every_variable_is_on_the_page() -> None:
    said = {name for row in rows("Environment variables") for name in re.findall(r"`(\w+)`", row[0])}
    assert said == set(environment.VARIABLES)
    for name, text in sources():
        if re.search(r"environ\b|getenv", text):
            assert name in {"environment.py", *SETTERS}, (
                f"{name}: read a variable by environment.said, which says what it is"
            )
            for variable in re.findall(r"environ(?:\.setdefault\(|\.get\(|\[)\"(\w+)\"", text):
                assert f"`{variable}`" in PAGE
    assert all(
        f"`{name}`" in PAGE for name in (*report.QUIET_LIBRARIES, *cluster.QUIET, *workers.THREADS, workers.BLAS)
    )
    with pytest.raises(KeyError):
        environment.said("HOME")


def test_every_writer_is_on_the_page() -> None:
    found = {name for name, text in sources() if WRITES.search(text)}
    assert found <= set(WRITERS), "what these modules write belongs on the page, and into this table"
    assert all(words in PAGE for words in WRITERS.values() if words)


def test_every_name_is_on_the_page() -> None:
    names = {part.split("(")[0].strip("-") for part in ENDINGS.split("|")} | {each.strip("-") for each in STEPS}
    names |= {sweep.SHEET.strip("-"), f"{locks.PREFIX}….{locks.TEMPORARY[1:]}", f"{locks.PREFIX}….{locks.CLAIM[1:]}"}
    assert len(names) > 8
    for name in names:
        assert name in PAGE, name


def test_every_option_of_the_page_is_there() -> None:
    flags = {flag for kind, _ in COMMANDS for flag in flags_of(kind)} | {completion.INSTALL}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    assert named - flags == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_completion_installs_is_on_the_page(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    assert run("--install-completion", shell).code == 0
    made = [path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()]
    assert made
    assert all(f"`~/{name}`" in PAGE for name in made), made
