"""What the empty part of a canvas is painted with before a model sees it; the original is never altered."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from softextend.errors import BadRequest
from softextend.fills.base import Fill, check_range
from softextend.fills.mirror import Mirror, Stretch
from softextend.fills.noise import Noise, Spectral
from softextend.fills.patch import Patch
from softextend.fills.perlin import Perlin
from softextend.fills.smooth import NS, Blur, Edge, Gray, Mosaic, Telea
from softextend.option_fields import about
from softextend.types import FillName

# --- by name ---------------------------------------------------------------------------------------------------------

FILLS: dict[FillName, type[Fill]] = {
    FillName.PERLIN: Perlin,
    FillName.TELEA: Telea,
    FillName.GRAY: Gray,
    FillName.EDGE: Edge,
    FillName.PATCH: Patch,
    FillName.MIRROR: Mirror,
    FillName.BLUR: Blur,
    FillName.NS: NS,
    FillName.MOSAIC: Mosaic,
    FillName.SPECTRAL: Spectral,
    FillName.STRETCH: Stretch,
    FillName.NOISE: Noise,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ParameterRow:
    """One parameter of a fill, for a table."""

    name: str
    default: str
    unit: str
    range: str
    help: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FillRow:
    """One fill, for a table."""

    name: str
    meaning: str
    parameters: tuple[ParameterRow, ...]


def describe_fills() -> list[FillRow]:
    """Every fill with its parameters."""
    return [
        FillRow(
            name=name.value,
            meaning=(kind.__doc__ or "").splitlines()[0],
            parameters=tuple(_describe(spec) for spec in parameters(kind)),
        )
        for name, kind in FILLS.items()
    ]


def _describe(spec: dataclasses.Field[Any]) -> ParameterRow:
    said = about(spec)
    return ParameterRow(
        name=spec.name,
        default=_text(spec.default),
        unit=said.unit,
        range="" if said.range is None else f"{said.range.low:g} to {said.range.high:g}",
        help=said.help,
    )


def parameters(fill: type[Fill] | Fill) -> tuple[dataclasses.Field[Any], ...]:
    """The fields of a fill."""
    return dataclasses.fields(fill)  # type: ignore[arg-type]


def parse_fill(text: str) -> Fill:
    """Read "name" or "name:key=value,..."; raise BadRequest that lists what is valid."""
    name, options = (part.strip() for part in text.partition(":")[::2])
    valid, typed = [fill.value for fill in FILLS], name
    name = typed.lower()
    if name not in valid:
        raise BadRequest(f"--fill {typed}: no such fill; there are {', '.join(valid)}")
    kind: Callable[..., Fill] = FILLS[FillName(name)]
    specs = {spec.name: spec for spec in parameters(FILLS[FillName(name)])}
    values: dict[str, Any] = {}
    for option in filter(None, (part.strip() for part in options.split(","))):
        key, equals, value = (part.strip() for part in option.partition("="))
        if key not in specs:
            listed = f"it takes {', '.join(specs)}" if specs else "it takes none"
            raise BadRequest(f"--fill {name}:{option}: {name} has no parameter {key!r}; {listed}")
        if key in values or not equals:
            raise BadRequest(f"--fill {name}:{option}: write each parameter once, as key=value")
        values[key] = _read(f"--fill {name}:{option}", specs[key], value)
    fill = kind(**values)
    for spec in specs.values():
        check_range(fill, spec)
    return fill


def _read(option: str, spec: dataclasses.Field[Any], value: str) -> Any:
    """Turn a value's text into the type of its field's default."""
    read: Callable[[str], Any] = type(spec.default)
    try:
        return read(value)
    except ValueError:
        kind = "a whole number" if isinstance(spec.default, int) else "a number"
        row = _describe(spec)
        raise BadRequest(f"{option}: must be {kind} from {row.range} {row.unit}".rstrip()) from None


def other_layouts(text: str) -> str | None:
    """The fill `text` with what lets another seed lead to another layout; None where it has no such, or it is set."""
    fill = parse_fill(text)
    if not isinstance(fill, Patch) or fill.spread > 0:
        return None
    return format_fill(dataclasses.replace(fill, spread=1.0))


def format_fill(fill: Fill) -> str:
    """Write a fill with all its parameters, as `parse_fill` reads it; raise BadRequest for one not in `FILLS`."""
    for name, kind in FILLS.items():
        if type(fill) is kind:
            options = ",".join(f"{spec.name}={_text(getattr(fill, spec.name))}" for spec in parameters(fill))
            return f"{name.value}:{options}" if options else name.value
    raise BadRequest(f"{fill!r}: no such fill; there are {', '.join(name.value for name in FILLS)}")


def _text(value: Any) -> str:
    """The shortest text that reads back as the same value."""
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
