"""Writes the tables of options from the fields that declare them: docs/options.md whole, README.md the common ones.

python docs/make_options.py           # writes both
python docs/make_options.py --check   # exit code 1 where one of them is not up to date
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from softextend.commands import signatures
from softextend.commands.typer_args import help_text, option_names, value_metavar, value_type
from softextend.option_fields import about

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = (
    "Extend",
    "Paint",
    "Prepare",
    "Redo",
    "Zoom",
    "Verify",
    "Score",
    "Sweep",
    "Report",
    "Models",
    "Fills",
    "Presets",
    "Doctor",
    "Ui",
)
COMMON = (  # what README shows of `extend`
    *("sides", "aspect", "size", "anchor", "trim", "output", "out_dir", "model", "prompt", "strength", "seed", "num"),
    *("fill", "overlap", "feather", "best_of", "dry_run"),
)
BEGIN, END = "<!-- options: made by docs/make_options.py -->", "<!-- options end -->"


def rows(kind: type[Any], group: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Group, name, option as it is written, help: one row a field of a command's dataclass."""
    hints = get_type_hints(kind)
    for field in fields(kind):
        hint = hints[field.name]
        if is_dataclass(hint):
            yield from rows(hint, (hint.__doc__ or "").split("\n")[0].rstrip("."))  # type: ignore[arg-type]
            continue
        said, (value, _) = about(field), value_type(hint)
        written = said.metavar if said.argument else ", ".join(option_names(field))
        if not said.argument and value is not bool:
            written += f" {value_metavar(said, value)}"
        yield said.panel or group, field.name, written, help_text(field, value)


def table(found: list[tuple[str, str, str, str]]) -> str:
    """Rows as Markdown."""
    lines = ["| option | meaning |", "|---|---|"]
    cells = [(written.replace("|", "\\|"), words.replace("|", "\\|")) for _, _, written, words in found]
    return "\n".join([*lines, *(f"| `{written}` | {words} |" for written, words in cells)])


def page() -> str:
    """docs/options.md."""
    parts = ["# Every option of every command", "Made by `docs/make_options.py` from the fields that declare them."]
    for name in COMMANDS:
        kind = getattr(signatures, name)
        parts.append(f"## softextend {name.lower()}\n\n{kind.__doc__}")
        found = list(rows(kind))
        for group in dict.fromkeys(each[0] for each in found):
            parts.append(f"### {group}\n\n{table([each for each in found if each[0] == group])}")
    return "\n\n".join(parts) + "\n"


def readme(text: str) -> str:
    """README.md with its table made anew."""
    found = {each[1]: each for each in rows(signatures.Extend)}
    made = f"{BEGIN}\n\n{table([found[name] for name in COMMON])}\n\n{END}"
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: made, text, flags=re.DOTALL)


def main() -> int:
    """Both files; with --check only whether they are as they should be."""
    before = {path: path.read_text(encoding="utf-8") if path.exists() else "" for path in (OPTIONS, README)}
    after = {OPTIONS: page(), README: readme(before[README])}
    if "--check" in sys.argv:
        stale = [path.name for path in after if after[path] != before[path]]
        print(f"not up to date: {', '.join(stale)}; run docs/make_options.py" if stale else "up to date")
        return 1 if stale else 0
    for path, text in after.items():
        path.write_text(text, encoding="utf-8")
    return 0


OPTIONS, README = ROOT / "docs" / "options.md", ROOT / "README.md"

if __name__ == "__main__":
    sys.exit(main())
