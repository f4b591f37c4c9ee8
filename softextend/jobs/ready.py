"""A model with all that is laid over it: loaded once for calls that ask for the same, and what a recipe says of it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any
from weakref import WeakKeyDictionary

from softextend.errors import BadRequest
from softextend.jobs.conditions import (
    check_control_image,
    configured,
    left_out_by_self,
    resolved,
    with_caption,
    without_effect,
)
from softextend.jobs.request import Asked
from softextend.models import find, load
from softextend.models.conditions import prompt_weights
from softextend.models.conditions.options import Conditions, check_files, liked, with_config, with_files
from softextend.models.engine import Engine
from softextend.option_fields import flag
from softextend.options import Prompt, Spec
from softextend.plan.input import Input
from softextend.plan.plan import Plan
from softextend.types import Listener, Model, Profile

OF_A_PICTURE = ("preset", "caption")  # what is no model's own


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """What a recipe says of a model beside its own facts."""

    name: str
    engine: Engine = field(default_factory=Engine)
    conditions: Conditions = field(default_factory=Conditions)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Ready:
    """A loaded model; `notes`: what of the request has no effect."""

    model: Model
    profile: Profile
    recorded: Recorded
    notes: tuple[str, ...] = ()

    def check(self, plan: Plan) -> Plan:
        """The plan; BadRequest where what is laid over the model does not go with it."""
        check_control_image(self.recorded.conditions, plan)
        return plan

    def captioned(self, spec: Spec, input: Input, plan: Plan, model: str | None, listener: Listener) -> Spec:
        """The request with what `model` says of the photo added to the prompt; None: as it is."""
        if model is None or self.recorded.name == "self":
            return spec
        captioned, said = with_caption(spec, input.pixels, plan.canvas.sides, model)
        listener.note(f"caption: {said}")
        return captioned


_last: list[tuple[Any, Model]] = []  # the last model that was named, kept for the next call
_known: WeakKeyDictionary[Any, Recorded] = WeakKeyDictionary()  # of models that `load_own` made


def ready_model(model: str | Model, asked: Asked, listener: Listener) -> Ready:
    """A model by its name, or one that was loaded before, for a request. Raises BadModel, BadRequest."""
    if not isinstance(model, str):
        return _loaded_before(model, asked)
    engine, prompt = replace(asked.engine, model=model), asked.spec.prompt
    ref = find.model_of(engine)
    found = resolved(asked.conditions, prompt, ref)
    check_files(found.conditions)
    laid = replace(found.conditions, preset=None, caption=None)
    key = (ref, engine, laid)
    if not _last or _last[0][0] != key:
        _last.clear()  # before the next one takes memory
        _last.append((key, load.load_for(ref, engine, laid, listener)))
    profile = liked(find.known_profile(ref), laid)
    if ref.kind == "self":
        notes = left_out_by_self(prompt, engine, asked.conditions)
    else:
        notes = [*found.notes, *without_effect(prompt, asked.spec.sampling.guidance, profile)]
    recorded = Recorded(name=ref.name, engine=engine, conditions=configured(asked.conditions, prompt, ref))
    return Ready(model=_last[0][1], profile=profile, recorded=recorded, notes=tuple(notes))


def load_own(engine: Engine, conditions: Conditions, listener: Listener) -> Model:
    """A model for its caller to keep. Raises BadModel, BadRequest for what describes a picture."""
    for name in OF_A_PICTURE:
        if getattr(conditions, name) is not None:
            raise BadRequest(f"{flag(name)}: belongs to a picture: give it to extend or paint")
    ref = find.model_of(engine)
    laid = conditions if ref.kind == "self" else with_config(conditions, None)
    check_files(with_files(laid))
    if ref.kind == "self":
        for line in left_out_by_self(Prompt(), engine, conditions):
            listener.note(line)
    model = load.load_for(ref, engine, with_files(laid), listener)
    _known[model] = Recorded(name=ref.name, engine=engine, conditions=laid)
    return model


def _loaded_before(model: Model, asked: Asked) -> Ready:
    """A model that its caller keeps; BadRequest for what only its loading can honour."""
    late = [*_changed(asked.engine), *(name for name in _changed(asked.conditions) if name not in OF_A_PICTURE)]
    if late:
        raise BadRequest(f"{flag(late[0])}: belongs to a model's loading: give it to load_model, or name the model")
    prompt = asked.spec.prompt
    named = [f"<{each.kind}:{each.name}>" for each in prompt_weights.loras(prompt.prompt)]
    notes = [f"prompt: {each} left out: the model is loaded already; give lora to load_model" for each in named]
    recorded = next((said for known, said in _known.items() if known is model), Recorded(name=model.name))
    notes += [] if recorded.name == "self" else without_effect(prompt, asked.spec.sampling.guidance, model.profile)
    return Ready(model=model, profile=model.profile, recorded=recorded, notes=tuple(notes))


def _changed(group: Any) -> list[str]:
    return [each.name for each in fields(group) if getattr(group, each.name) != each.default]
