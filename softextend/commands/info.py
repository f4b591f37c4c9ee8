"""`softextend models`, `fills` and `doctor`."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from softextend.errors import BadRequest
from softextend.fill import FILLS, FillRow, ParameterRow, describe_fills, parameters
from softextend.jobs import cluster
from softextend.jobs.conditions import left_out_by_self
from softextend.jobs.presets import preset_in, preset_paths, presets_folder
from softextend.jobs.speed import NEVER_MEASURED, known_speed, save_speed
from softextend.models import device, find, library, load
from softextend.models.choice import Choice
from softextend.models.conditions.options import Conditions
from softextend.models.engine import Engine
from softextend.models.weights.families import TITLES
from softextend.option_fields import about
from softextend.options import Prompt
from softextend.types import FillName

if TYPE_CHECKING:
    from softextend.commands.report import Report
    from softextend.commands.signatures import Doctor, Fills, Models, Presets
    from softextend.types import Profile


INPAINTING = 9  # channels that the UNet of an inpainting model takes
KEYS = {"MemTotal": "total_bytes", "MemAvailable": "available_bytes", "free": "free_bytes", "total": "total_bytes"}


def models(report: Report, given: Models) -> None:
    """What a run would use (with this --model), then what else is there: the hub's cache, and the models folder."""
    which = given.which
    ref = find.resolve_model(
        which.model, profile=which.profile, prediction=which.prediction, vae=which.vae, unet=which.unet
    )
    if ref.kind == "self":
        for line in left_out_by_self(Prompt(), Engine(vae=which.vae, unet=which.unet), Conditions()):
            report.note(line)
    if which.model or which.explain:
        load.check_model(ref, which.vae)
    others = [each.ref for each in find.installed_models() if (each.ref.kind, each.ref.name) != (ref.kind, ref.name)]
    rest = [find.Installed(ref=other, profile=find.known_profile(other), used=False) for other in others]
    for each in [find.Installed(ref=ref, profile=find.known_profile(ref), used=True), *rest]:
        place = str(each.ref.path) if each.ref.path else "built in" if each.ref.kind == "self" else "not downloaded yet"
        rows = [("where", place), ("named by", each.ref.origin), *family_rows(each.ref), *profile_rows(each.profile)]
        title = f"{each.ref.name} (used)" if each.used else each.ref.name
        if which.explain and each.used:
            rows += [("because", line) for line in reasons(each.ref)]
        report.show(model_as_dict(each), rows, title=title)
    root = find.models_folder()
    for entry in library.entries(root) if root else ():
        report.show(entry_as_dict(entry), entry_rows(entry), title=entry.name)


def reasons(ref: find.ModelRef) -> tuple[str, ...]:
    """Why a model is taken for what it is, one line each."""
    return ("built in",) if ref.choice is None else ref.choice.because


def family_rows(ref: find.ModelRef) -> list[tuple[str, str]]:
    """What a model of files is."""
    if ref.choice is None:
        return []
    words = [TITLES[ref.choice.family], f"predicts {ref.choice.prediction.value}"]
    if ref.choice.channels == INPAINTING:
        words.insert(1, f"inpainting ({INPAINTING} channels)")
    return [("family", ", ".join(words))]


def entry_as_dict(entry: library.Entry) -> dict[str, Any]:
    """A file of the models folder as JSON values; `fault` is None for what runs."""
    return {
        "name": entry.name,
        "used": False,
        "path": str(entry.path),
        "is": entry.what,
        "fault": entry.fault,
        **choice_as_dict(entry.choice),
    }


def entry_rows(entry: library.Entry) -> list[tuple[str, str]]:
    """A file of the models folder, as a table shows it."""
    if entry.choice is None:
        return [("is", entry.fault or entry.what)]
    profile = entry.choice.profile
    steps = ", ".join(f"{each.steps} steps" for each in profile.stages)
    return [("is", entry.what), ("profile", f"{profile.name}, {steps}, {sampler_words(profile)}")]


def choice_as_dict(choice: Choice | None) -> dict[str, Any]:
    """What a model is taken for, as JSON values; None each for what is no model."""
    return {
        "family": choice and choice.family,
        "channels": choice and choice.channels,
        "prediction": choice and choice.prediction.value,
        "profile": choice and profile_as_dict(choice.profile),
        "because": list(choice.because) if choice else [],
    }


def model_as_dict(found: find.Installed) -> dict[str, Any]:
    """One model as JSON values; `path` is None for what is built in or not downloaded yet."""
    ref = found.ref
    return {
        "name": ref.name,
        "used": found.used,
        "kind": ref.kind,
        "path": ref.path and str(ref.path),
        "named_by": ref.origin,
        **choice_as_dict(ref.choice),
        "profile": profile_as_dict(found.profile),
    }


def profile_rows(profile: Profile) -> list[tuple[str, str]]:
    """A profile's values as a table shows them."""
    stages = "; ".join(f"{each.scale:g}x: strength {each.strength:g}, {each.steps} steps" for each in profile.stages)
    return [
        ("profile", profile.name),
        ("fill", profile.fill),
        ("stages", stages),
        ("sampler", sampler_words(profile)),
        ("window", f"{profile.window} px"),
        ("band", f"overlap {profile.overlap} px, feather {profile.feather} px"),
    ]


def sampler_words(profile: Profile) -> str:
    """Sampler, guidance and timesteps in words."""
    words = [profile.sampler.value, f"guidance {profile.guidance:g}"]
    if profile.guidance_rescale:
        words.append(f"its contrast taken back by {profile.guidance_rescale:g}")
    if profile.trained_at:
        words.append(f"trained at t = {', '.join(map(str, profile.trained_at))}")
    return ", ".join([*words, *(["trailing timesteps"] if profile.trailing else [])])


def profile_as_dict(profile: Profile) -> dict[str, Any]:
    """A profile as JSON values."""
    return {
        "name": profile.name,
        "fill": profile.fill,
        "stages": [asdict(each) for each in profile.stages],
        "sampler": profile.sampler.value,
        "guidance": profile.guidance,
        "guidance_rescale": profile.guidance_rescale,
        "trailing": profile.trailing,
        "trained_at": list(profile.trained_at),
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


def presets(report: Report, given: Presets) -> int:
    """Every preset, what it reproduces and its options; a damaged one costs a line and the exit code."""
    code = 0
    for path in preset_paths(presets_folder()).values():
        try:
            each = preset_in(path)
        except BadRequest as error:
            report.failed(error)
            code = error.exit_code
            continue
        others = [(f"{name} (with an image prompt)", value) for name, value in each.with_image_prompt.items()]
        facts = {"name": each.name, "about": each.said, "path": str(each.path), "options": each.options}
        facts["with_image_prompt"] = each.with_image_prompt
        report.show(facts, [*each.options.items(), *others], title=f"{each.name}: {each.said}")
    return code


def doctor(report: Report, given: Doctor) -> None:
    """Versions, devices, memory, and what `auto` chooses."""
    if given.machines.ray:
        cluster.facts_of(given.machines.ray, partial(_shown, report, given.machines.ray))
        return
    speed = known_speed()
    if given.machines.measure:
        from softextend.jobs.measuring import measure

        speed = measure()
        report.note(f"measured: {save_speed(speed)}")
    facts = device.facts()
    facts["measured"] = asdict(speed) if speed else None
    report.show(named(facts), list(flat(facts | ({} if speed else {"measured": NEVER_MEASURED}))))


def _shown(report: Report, address: str, facts: dict[str, Any]) -> None:
    report.show({"address": address, **facts}, list(flat(facts)), title=f"Ray cluster {address}")


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
