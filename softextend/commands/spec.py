"""From a command's options to the request: one `Spec` for all of its pictures."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from softextend.errors import BadRequest
from softextend.jobs.best_of import with_seed
from softextend.options import Growth, Mask, Prompt, Sampling, Spec

if TYPE_CHECKING:
    from softextend.commands.signatures import Extend, Paint, Prepare, Sweep, Zoom

Group = TypeVar("Group", Growth, Mask, Prompt, Sampling)


def spec_of_extend(given: Extend) -> Spec:
    """What `extend` asks for; BadRequest where nothing says how much."""
    _check_variations(given)
    return _seeded(given.prompt, given.sampling, given.growth.demanded(), given.mask)


def spec_of_paint(given: Paint) -> Spec:
    """What `paint` asks for."""
    _check_variations(given)
    return _seeded(given.prompt, _completed(Sampling, given.sampling))


def spec_of_prepare(given: Prepare) -> Spec:
    """What `prepare` asks for; BadRequest where nothing says how much."""
    mask = _completed(Mask, given.mask)
    return _seeded(Prompt(), Sampling(seed=given.canvas.seed), given.growth.demanded(), mask)


def spec_of_zoom(given: Zoom) -> Spec:
    """What each picture of `zoom` asks for, but for its sides."""
    return _seeded(given.prompt, given.sampling, Growth(trim=given.photo.trim), Mask(fill=given.photo.fill))


def spec_of_sweep(given: Sweep) -> Spec:
    """What all cells of `sweep` have in common; BadRequest where nothing says how much."""
    mask = replace(_completed(Mask, given.mask), fill=None)
    return _seeded(given.prompt, _completed(Sampling, given.sampling), given.growth.demanded(), mask)


def _seeded(prompt: Prompt, sampling: Sampling, growth: Growth | None = None, mask: Mask | None = None) -> Spec:
    """The request with a seed, random where none is given."""
    spec = Spec(growth=growth or Growth(), mask=mask or Mask(), prompt=prompt, sampling=sampling)
    return with_seed(spec)


def _completed(kind: type[Group], given: Any) -> Group:
    """A group of the request from options that a command has of it; the others are its defaults."""
    return kind(**{each.name: getattr(given, each.name) for each in fields(given)})


def _check_variations(given: Extend | Paint) -> None:
    if given.selection.num > 1 and given.sampling.seed is None and given.output.skip_existing:
        raise BadRequest("--skip-existing with --num: names carry the seed; give --seed N as in the run to resume")
