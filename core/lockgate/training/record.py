"""The record of a training step, ``step.json``: what it read and wrote, as digests.

It is RFC 8785 canonical JSON. It carries no signature: `record-provenance` reads it, holds it against
the files that it is given, and signs.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from lockgate.documents import load_json
from lockgate.errors import InputError

SCHEMA = "lockgate.step/1"
MAX_BYTES = 1_000_000
NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$"
"""How materials and products may be called: a name that is a file name everywhere."""

_Name = Annotated[str, StringConstraints(pattern=NAME)]
_Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Digest = Annotated[dict[Literal["sha256", "lockgateTree1"], _Hex], Field(min_length=1, max_length=1)]
_Time = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$")
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Code(_Strict):
    """The code that trained.

    Attributes:
        revision: Its git commit.
        dirty: Whether a tracked file differed from that commit.
        repository: Where the repository is, or None.
    """

    revision: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
    dirty: bool
    repository: Annotated[str, StringConstraints(max_length=2_000)] | None


class Environment(_Strict):
    """What the code ran in.

    Attributes:
        python: Version of the interpreter.
        platform: Operating system and processor.
        distributions: How many distributions were installed.
        digest: Their digest; see `lockgate.training.surroundings.installed`.
    """

    python: str
    platform: str
    distributions: Annotated[int, Field(ge=0)]
    digest: _Digest


class StepRecord(_Strict):
    """What a training step read, wrote and ran with.

    Attributes:
        format: Always `SCHEMA`; ``schema`` in the file.
        version: Lockgate's version.
        materials: DigestSet of everything that it read, by name.
        products: DigestSet of everything that it made, by name.
        parameters: What it was called with.
        code: The revision of its code, when that is known.
        environment: What it ran in.
        started: When it started, in UTC.
        finished: When it ended, in UTC.
    """

    format: Literal["lockgate.step/1"] = Field(alias="schema")
    version: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    materials: Annotated[dict[_Name, _Digest], Field(min_length=1)]
    products: Annotated[dict[_Name, _Digest], Field(min_length=1)]
    parameters: dict[str, Any]
    code: Code | None
    environment: Environment
    started: _Time
    finished: _Time

    @model_validator(mode="after")
    def _in_order(self) -> StepRecord:
        for time in (self.started, self.finished):
            dt.datetime.fromisoformat(time.removesuffix("Z"))
        if self.finished < self.started:
            raise ValueError("it ended before it started")
        return self


def dump(said: Mapping[str, Any]) -> bytes:
    """Return the bytes of a record's file, which `load` reads back.

    Args:
        said: Its fields but ``schema``.

    Raises:
        InputError: A parameter is nothing that JSON has, or the record is too large.
    """
    raw = canonical({"schema": SCHEMA, **said}, "the record of the step") + b"\n"
    load(raw)
    return raw


def load(source: Path | bytes) -> StepRecord:
    """Read the record of a training step.

    Raises:
        InputError: It is none that `training_step` wrote.
    """
    data = load_json(source, max_bytes=MAX_BYTES, name="the record of the step").data
    try:
        return StepRecord.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise InputError(
            f"the record of the step cannot be used: {where}: {first['msg']}; take what training_step wrote"
        ) from None


def canonical(value: Any, what: str) -> bytes:
    """Return a JSON value in its RFC 8785 form.

    Raises:
        InputError: It holds something that JSON has not, or not exactly.
    """
    import rfc8785

    try:
        text = rfc8785.dumps(value)
        json.loads(text)
    except (rfc8785.CanonicalizationError, RecursionError, ValueError, TypeError) as error:
        said = " ".join(str(error).split())[:200]
        raise InputError(f"{what} is no JSON: {said}; use text, numbers, lists and objects only") from None
    return text
