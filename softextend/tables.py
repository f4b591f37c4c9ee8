"""What `models`, `fills` and `doctor` print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from softextend import device, fill
from softextend.models import Installed, installed_models, known_profile, resolve_model

if TYPE_CHECKING:
    from softextend.report import Report
    from softextend.types import Profile


def models(report: Report, name: str | None) -> None:
    """What a run would use (with `name` as --model), then what else is there."""
    ref = resolve_model(name)
    rest = [each for each in installed_models() if (each.ref.kind, each.ref.name) != (ref.kind, ref.name)]
    for each in [Installed(ref=ref, profile=known_profile(ref), used=True), *rest]:
        place = str(each.ref.path) if each.ref.path else "built in" if each.ref.kind == "self" else "not downloaded yet"
        rows = [("where", place), ("named by", each.ref.origin), *profile_rows(each.profile)]
        report.table(rows, title=f"{each.ref.name} (used)" if each.used else each.ref.name)


def profile_rows(profile: Profile) -> list[tuple[str, str]]:
    """A profile's values as a table shows them."""
    stages = "; ".join(f"{each.scale:g}x: strength {each.strength:g}, {each.steps} steps" for each in profile.stages)
    return [
        ("profile", profile.name),
        ("fill", profile.fill),
        ("stages", stages),
        ("sampler", f"{profile.solver.value}, guidance {profile.guidance:g}"),
        ("window", f"{profile.window} px"),
        ("band", f"overlap {profile.overlap} px, feather {profile.feather} px"),
    ]


def fills(report: Report) -> None:
    """Every fill, what it does and its parameters."""
    for row in fill.describe_fills():
        parameters = [(f"{each.name}={each.default}", _meaning(each)) for each in row.parameters]
        report.table(parameters, title=f"{row.name}: {row.meaning}")


def _meaning(row: fill.ParameterRow) -> str:
    limits = " ".join(part for part in (row.range, row.unit) if part)
    return f"{row.help} ({limits})" if limits else row.help


def doctor(report: Report) -> None:
    """Versions, devices, memory, and what `auto` chooses."""
    report.table(list(flat(device.facts())))


def flat(facts: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested facts as rows: `versions.torch`, ..."""
    rows: list[tuple[str, str]] = []
    for key, value in facts.items():
        if isinstance(value, dict):
            rows += flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            for index, each in enumerate(value):
                rows += flat(each, f"{prefix}{key}.{index}.")
        else:
            rows.append((f"{prefix}{key}", _readable(prefix + key, value)))
    return rows


def _readable(name: str, value: Any) -> str:
    if name.startswith("memory.") or name.endswith((".free", ".total")):
        return "unknown" if value is None else f"{value / 2**30:.1f} GiB"
    return "not installed" if value is None else str(value)
