"""What a policy says about single stages: thresholds, and what an INCONCLUSIVE does to the gate.

    stages:
      detect-poisoning:
        alpha: 0.001              # a parameter that the stage declares as Threshold[...]
      validate-data:
        on_inconclusive: open     # closed (default) or open

The policy outweighs a stage's defaults. A pipeline's own argument cannot outweigh the policy: one
that differs from it is refused, never silently dropped or followed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lockgate import stage as stages
from lockgate.documents import suggest
from lockgate.errors import InputError
from lockgate.policy.shape import Kind, Place
from lockgate.stage import Parameter, Stage

_INCONCLUSIVE = "on_inconclusive"


@dataclass(frozen=True)
class StagePolicy:
    """What a policy says about one stage.

    Attributes:
        thresholds: Values by parameter name, of the types that the stage declares.
        on_inconclusive: Whether its gate opens on INCONCLUSIVE.
    """

    thresholds: Mapping[str, Any] = field(default_factory=dict)
    on_inconclusive: Literal["closed", "open"] = "closed"

    def apply(self, stage: Stage, given: Mapping[str, Any], source: str) -> dict[str, Any]:
        """Return the arguments of a run with these values in place of the defaults; see `Policy.apply`."""
        arguments = dict(given)
        defaults = {parameter.name: parameter.default for parameter in stage.plain}
        for name, value in self.thresholds.items():
            asked = arguments.get(name)
            if asked not in (value, defaults[name], None):
                raise InputError(
                    f"{stage.name} was given {name}={asked!r}, but the policy {source} sets {value!r}; "
                    "leave the argument out, or change the policy"
                )
            arguments[name] = value
        return arguments


class Stages(Kind):
    """The part ``stages``: a `StagePolicy` for each stage that is named."""

    def read(self, place: Place, value: Any) -> dict[str, StagePolicy]:
        """Return what is said, by stage name."""
        if not isinstance(value, dict):
            place.refuse("must be a mapping of names to values")
        return {name: _stage_policy(place / name, name, said) for name, said in value.items()}

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema, with every stage that is installed."""
        return {
            "type": "object",
            "properties": {stage.name: _stage_schema(stage) for stage in installed()},
            "additionalProperties": False,
        }


def installed() -> Iterator[Stage]:
    """Yield every stage that a policy may name: Lockgate's own, then those of other packages."""
    from importlib.metadata import entry_points

    own = set()
    for stage in stages.every():
        own.add(stage.name)
        yield stage
    for name in sorted({entry.name for entry in entry_points(group="lockgate.stages")} - own):
        with contextlib.suppress(InputError):  # it cannot be imported, so a policy cannot name it either
            yield stages.find(name)


def find(place: Place, name: str) -> Stage:
    """Return the stage that a policy names, or refuse the name."""
    # A name only: "module:function" would have the policy import whatever it names.
    try:
        return stages.find(name if ":" not in name else "")
    except InputError:
        place.refuse(f"is no stage{suggest(name, stages.names())}")


def _stage_policy(place: Place, name: str, said: Any) -> StagePolicy:
    settable = {parameter.name: parameter for parameter in find(place, name).plain if parameter.threshold}
    if not isinstance(said, dict):
        place.refuse("must be a mapping of names to values")
    thresholds: dict[str, Any] = {}
    opens: Literal["closed", "open"] = "closed"
    for key, value in said.items():
        if key == _INCONCLUSIVE:
            if value not in ("closed", "open"):
                (place / key).refuse("must be closed or open")
            opens = value
        elif key in settable:
            thresholds[key] = _value(place / key, settable[key], value)
        else:
            hint = suggest(key, (*settable, _INCONCLUSIVE))
            (place / key).refuse(f"is nothing that a policy may set for {name}{hint}")
    return StagePolicy(thresholds, opens)


def _value(place: Place, parameter: Parameter, value: Any) -> Any:
    import pydantic

    try:
        return pydantic.TypeAdapter(parameter.annotation).validate_python(value, strict=True)
    except pydantic.ValidationError as error:
        said = error.errors(include_url=False, include_input=False)[0]["msg"]
        place.refuse(f"cannot be used: {said}")


def _stage_schema(stage: Stage) -> dict[str, Any]:
    import pydantic

    properties: dict[str, Any] = {
        _INCONCLUSIVE: {
            "enum": ["closed", "open"],
            "default": "closed",
            "description": "Whether the gate opens when the stage could not decide.",
        }
    }
    for parameter in stage.plain:
        if parameter.threshold:
            about: dict[str, Any] = {"description": parameter.help}
            if parameter.default is not None:
                about["default"] = parameter.default
            properties[parameter.name] = pydantic.TypeAdapter(parameter.annotation).json_schema() | about
    return {
        "type": "object",
        "description": stage.summary,
        "properties": properties,
        "additionalProperties": False,
    }
