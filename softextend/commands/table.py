"""`softextend report`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from softextend.jobs.table_reading import BINS, Summary, summarise

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.commands.signatures import Report as Given

WIDEST = 40  # letters of the longest bar


def summary(report: Report, given: Given) -> None:
    """`softextend report`: a table, or a JSON object."""
    path = given.table.file
    found = summarise(path)
    report.show({"report": str(path), **facts(found)}, rows(found), title=str(path))


def facts(found: Summary) -> dict[str, Any]:
    """JSON values; `histogram`: results by score, from 0 to 1 in equal steps."""
    return {
        "made": found.made,
        "skipped": found.skipped,
        "failed": sum(found.failed.values()),
        "failed_by_kind": dict(found.failed.most_common()),
        "histogram": found.histogram,
        "worst": found.worst,
        "minutes": round(found.minutes, 3),
        "pictures_a_minute": None if found.rate is None else round(found.rate, 2),
        "damaged_lines": found.damaged,
    }


def rows(found: Summary) -> list[tuple[str, str]]:
    """The same for people."""
    rate = "unknown" if found.rate is None else f"{found.rate:.1f}, over {found.minutes:.1f} minutes of work"
    shown = [("made", str(found.made)), ("skipped", f"{found.skipped} (made before)")]
    shown.append(("failed", str(sum(found.failed.values()))))
    shown += [(f"  {kind}", str(count)) for kind, count in found.failed.most_common()]
    shown.append(("pictures a minute", rate))
    most = max(found.histogram)
    for index, count in enumerate(found.histogram if most else ()):
        bar = "#" * -(-count * WIDEST // most)
        shown.append((f"seam score {index / BINS:.1f} to {(index + 1) / BINS:.1f}", f"{count:>7} {bar}".rstrip()))
    shown += [("worst", f"{each['score']:.3f} {each['output']} (of {each['input']})") for each in found.worst]
    if found.damaged:
        shown.append(("damaged lines", f"{found.damaged} (left out)"))
    return shown
