"""Read ``lockgate.yaml``: the thresholds that a team has agreed on, and what closes its gates.

    version: 1
    stages:
      detect-poisoning:
        alpha: 0.001              # a parameter that the stage declares as Threshold[...]
      validate-data:
        on_inconclusive: open     # closed (default) or open

The policy outweighs a stage's defaults. A pipeline's own argument cannot outweigh the policy: one
that differs from it is refused, never silently dropped or followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lockgate import stage as stages
from lockgate.documents import Document, load_yaml, suggest
from lockgate.errors import InputError, PolicyError
from lockgate.stage import Parameter, Stage

VERSION = 1
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


@dataclass(frozen=True)
class Policy:
    """A policy, checked against the stages that it names.

    Attributes:
        path: The file it was read from.
        digest: SHA-256 (hex) of the bytes of the file.
        stages: What it says, by stage name.
    """

    path: Path
    digest: str
    stages: Mapping[str, StagePolicy]

    def thresholds(self, stage: str | Stage) -> dict[str, Any]:
        """Return the values that the policy sets for a stage, by parameter name."""
        return dict(self._of(stage).thresholds)

    def opens_on_inconclusive(self, stage: str | Stage) -> bool:
        """Whether the gate of a stage opens when it could not decide."""
        return self._of(stage).on_inconclusive == "open"

    def apply(self, stage: Stage, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of a run with the policy's values in place of the defaults.

        Args:
            stage: The stage that will run.
            given: Its plain arguments, typed, defaults filled in (see `Stage.coerce`).

        Raises:
            InputError: An argument differs from the policy's value and from the stage's default: the
                pipeline asks for one thing and the policy for another.
        """
        arguments = dict(given)
        defaults = {parameter.name: parameter.default for parameter in stage.plain}
        for name, value in self._of(stage).thresholds.items():
            asked = arguments.get(name)
            if asked not in (value, defaults[name], None):
                raise InputError(
                    f"{stage.name} was given {name}={asked!r}, but the policy {self.path} sets {value!r}; "
                    "leave the argument out, or change the policy"
                )
            arguments[name] = value
        return arguments

    def _of(self, stage: str | Stage) -> StagePolicy:
        return self.stages.get(stage.name if isinstance(stage, Stage) else stage, StagePolicy())


def load(path: Path) -> Policy:
    """Read a policy.

    Args:
        path: ``lockgate.yaml``.

    Raises:
        PolicyError: It cannot be read, or says something that no stage knows; the sentence names
            file, line and key, and the closest known key.
    """
    try:
        document = load_yaml(path)
    except InputError as error:
        raise PolicyError(str(error)) from None
    root = _mapping(document, ())
    for key in root:
        if key not in ("version", "stages"):
            raise PolicyError(f"{document.where((key,))} is not known{suggest(key, ('version', 'stages'))}")
    if type(root.get("version")) is not int or root["version"] != VERSION:
        raise PolicyError(f"{document.where(('version',))} must be {VERSION}; write `version: {VERSION}`")
    named = _mapping(document, ("stages",)) if "stages" in root else {}
    return Policy(path, document.digest, {name: _stage_policy(document, name) for name in named})


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of ``lockgate.yaml``, with every stage that is installed."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lockgate policy",
        "type": "object",
        "properties": {
            "version": {"const": VERSION},
            "stages": {
                "type": "object",
                "properties": {stage.name: _stage_schema(stage) for stage in stages.every()},
                "additionalProperties": False,
            },
        },
        "required": ["version"],
        "additionalProperties": False,
    }


def _stage_policy(document: Document, name: str) -> StagePolicy:
    here = ("stages", name)
    settable = {parameter.name: parameter for parameter in _find(document, name).plain if parameter.threshold}
    thresholds: dict[str, Any] = {}
    opens: Literal["closed", "open"] = "closed"
    for key, value in _mapping(document, here).items():
        if key == _INCONCLUSIVE:
            if value not in ("closed", "open"):
                raise PolicyError(f"{document.where((*here, key))} must be closed or open")
            opens = value
        elif key in settable:
            thresholds[key] = _value(document, (*here, key), settable[key], value)
        else:
            raise PolicyError(
                f"{document.where((*here, key))} is nothing that a policy may set for {name}"
                f"{suggest(key, (*settable, _INCONCLUSIVE))}"
            )
    return StagePolicy(thresholds, opens)


def _find(document: Document, name: str) -> Stage:
    # A name only: "module:function" would have the policy import whatever it names.
    if ":" not in name:
        try:
            return stages.find(name)
        except InputError:
            pass
    raise PolicyError(f"{document.where(('stages', name))} is no stage{suggest(name, stages.names())}")


def _value(document: Document, key: tuple[str, ...], parameter: Parameter, value: Any) -> Any:
    import pydantic

    try:
        return pydantic.TypeAdapter(parameter.annotation).validate_python(value, strict=True)
    except pydantic.ValidationError as error:
        said = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise PolicyError(f"{document.where(key)} cannot be used: {said}") from None


def _mapping(document: Document, key: tuple[str, ...]) -> dict[str, Any]:
    value = document.data
    for part in key:
        value = value[part]
    if not isinstance(value, dict):
        raise PolicyError(f"{document.where(key)} must be a mapping of names to values")
    return value


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
