"""Recipes come from files that anybody may have written: what they say is read back exactly, or refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softextend.errors import BadPicture
from softextend.models.profiles import SDXL_PROFILE, SELF_PROFILE
from softextend.options import GROUP_OF, Spec
from softextend.plan.plan import resolve
from softextend.plan.read_recipe import spec_of
from softextend.plan.recipe import make_recipe
from softextend.types import Amount, SamplerName

SIDES = (Amount(value=5), Amount(value=25.5, percent=True), Amount(value=0), Amount(value=0))
SPECS = [
    Spec.of(seed=1, sides=SIDES),
    Spec.of(seed=2**63 - 1, aspect=(16, 9), anchor=(0.2, 1.0), trim=3, strength=0.5, fill="edge"),
    Spec.of(seed=0, size=(300, 200), fit=True, trim="auto", prompt="a, b", negative="c", band=0, change=0.5),
    Spec.of(seed=3, scale=1.5, sampler=SamplerName.DPMPP_2M, steps=7, guidance=3.5, passes=2, color_match=False),
    Spec.of(seed=4, all=Amount(value=10, percent=True), overlap=3, feather=9, refine_strength=0.4),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True, allow_infinity=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def recipe_of(spec: Spec) -> dict[str, Any]:
    profile = SDXL_PROFILE if spec.sampling.refine_strength else SELF_PROFILE
    plan = resolve(spec, profile, width=100, height=80)
    return dict(json.loads(json.dumps(make_recipe(plan, {"name": "x", "hash": None}))))


@pytest.mark.parametrize("spec", SPECS)
def test_what_was_written_is_read_back(spec: Spec) -> None:
    assert spec_of(recipe_of(spec)) == spec


def test_recipes_of_earlier_versions_are_read() -> None:
    before = recipe_of(SPECS[0])["spec"]
    aspect = {"aspect": [2, 1], "size": None, "scale": None, "all": None, "anchor": [0.5, 0.5], "fit": False}
    for name in aspect:
        before.pop(name)
    before |= {"solver": before.pop("sampler"), "refine": before.pop("refine_strength")}
    nothing = {"value": 0, "percent": False}
    sides = [{"value": 8, "percent": False}, *[nothing] * 3]
    assert spec_of({"spec": {**before, "sides": sides, "target": None}}).growth.sides == (
        Amount(value=8),
        *(Amount(value=0),) * 3,
    )
    grown = spec_of({"spec": {**before, "sides": [nothing] * 4, "target": aspect}}).growth
    assert (grown.aspect, grown.sides, grown.anchor) == ((2, 1), None, (0.5, 0.5))


@given(name=st.sampled_from(sorted(GROUP_OF)), value=JSON)
@settings(max_examples=200, deadline=None)
def test_any_value_is_read_or_refused_in_one_line(name: str, value: Any) -> None:
    recipe = recipe_of(SPECS[0])
    recipe["spec"][name] = value
    assert read_or_refused(recipe)


@given(spec=JSON)
@settings(max_examples=100, deadline=None)
def test_any_spec_is_read_or_refused(spec: Any) -> None:
    assert read_or_refused({"spec": spec})


def read_or_refused(recipe: dict[str, Any]) -> bool:
    """Whether a recipe is a request, or is refused in a short line."""
    try:
        return isinstance(spec_of(recipe), Spec)
    except BadPicture as error:
        line = str(error)
    return line.startswith("its recipe is damaged: ") and len(line.splitlines()) == 1 and len(line) < 400


def test_a_recipe_lifts_no_limit() -> None:
    recipe = recipe_of(SPECS[0])
    recipe["spec"]["allow_large"] = True
    assert spec_of(recipe).growth.allow_large is False


@pytest.mark.parametrize("count", [10_000])
def test_a_text_too_long_is_shown_in_short(count: int) -> None:
    recipe = recipe_of(SPECS[0])
    recipe["spec"]["steps"] = "x" * count
    with pytest.raises(BadPicture) as caught:
        spec_of(recipe)
    assert len(str(caught.value)) < 150
