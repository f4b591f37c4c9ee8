"""`softextend models`, `fills` and `doctor`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from softextend.fill import FILLS, FillRow, ParameterRow, describe_fills, parameters
from softextend.models import device, find
from softextend.options import about
from softextend.types import FillName

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.commands.signatures import Doctor, Fills, Models
    from softextend.types import Profile


KEYS = {"MemTotal": "total_bytes", "MemAvailable": "available_bytes", "free": "free_bytes", "total": "total_bytes"}


def models(report: Report, given: Models) -> None:
    """What a run would use (with this --model), then what else is there."""
    ref = find.resolve_model(given.which.model)
    rest = [each for each in find.installed_models() if (each.ref.kind, each.ref.name) != (ref.kind, ref.name)]
    for each in [find.Installed(ref=ref, profile=find.known_profile(ref), used=True), *rest]:
        place = str(each.ref.path) if each.ref.path else "built in" if each.ref.kind == "self" else "not downloaded yet"
        rows = [("where", place), ("named by", each.ref.origin), *profile_rows(each.profile)]
        title = f"{each.ref.name} (used)" if each.used else each.ref.name
        report.show(model_as_dict(each), rows, title=title)


def model_as_dict(found: find.Installed) -> dict[str, Any]:
    """One model as JSON values; `path` is None for what is built in or not downloaded yet."""
    ref = found.ref
    return {
        "name": ref.name,
        "used": found.used,
        "kind": ref.kind,
        "path": ref.path and str(ref.path),
        "named_by": ref.origin,
        "profile": profile_as_dict(found.profile),
    }


def profile_rows(profile: Profile) -> list[tuple[str, str]]:
    """A profile's values as a table shows them."""
    stages = "; ".join(f"{each.scale:g}x: strength {each.strength:g}, {each.steps} steps" for each in profile.stages)
    return [
        ("profile", profile.name),
        ("fill", profile.fill),
        ("stages", stages),
        ("sampler", f"{profile.sampler.value}, guidance {profile.guidance:g}"),
        ("window", f"{profile.window} px"),
        ("band", f"overlap {profile.overlap} px, feather {profile.feather} px"),
    ]


def profile_as_dict(profile: Profile) -> dict[str, Any]:
    """A profile as JSON values."""
    return {
        "name": profile.name,
        "fill": profile.fill,
        "stages": [asdict(each) for each in profile.stages],
        "sampler": profile.sampler.value,
        "guidance": profile.guidance,
        "window_px": profile.window,
        "overlap_px": profile.overlap,
        "feather_px": profile.feather,
        "refine_strength": profile.refine_strength,
    }


def fills(report: Report, given: Fills) -> None:
    """Every fill, what it does and its parameters."""
    for row in describe_fills():
        rows = [(f"{each.name}={each.default}", _meaning(each)) for each in row.parameters]
        report.show(fill_as_dict(row), rows, title=f"{row.name}: {row.meaning}")


def fill_as_dict(row: FillRow) -> dict[str, Any]:
    """One fill as JSON values; `minimum` and `maximum` are None for a text."""
    found = {
        spec.name: {
            "default": spec.default,
            "minimum": said.range and said.range.low,
            "maximum": said.range and said.range.high,
            "unit": said.unit or None,
            "meaning": said.help,
        }
        for spec in parameters(FILLS[FillName(row.name)])
        if (said := about(spec))
    }
    return {"name": row.name, "meaning": row.meaning, "parameters": found}


def _meaning(row: ParameterRow) -> str:
    limits = " ".join(part for part in (row.range, row.unit) if part)
    return f"{row.help} ({limits})" if limits else row.help


def doctor(report: Report, given: Doctor) -> None:
    """Versions, devices, memory, and what `auto` chooses."""
    facts = device.facts()
    report.show(named(facts), list(flat(facts)))


def named(facts: Any) -> Any:
    """Nested facts under names that a program can rely on."""
    if isinstance(facts, dict):
        return {KEYS.get(key, key.replace("-", "_")): named(value) for key, value in facts.items()}
    return [named(each) for each in facts] if isinstance(facts, list) else facts


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
