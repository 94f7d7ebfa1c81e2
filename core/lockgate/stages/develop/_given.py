"""What `record-provenance` was given, read and checked: nothing secret and nothing malformed gets further."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate import moment
from lockgate.attest import fields
from lockgate.errors import EnvelopeError, InputError

if TYPE_CHECKING:
    from lockgate.training.record import StepRecord

_REVISION = re.compile(r"([0-9a-f]{40}(?:[0-9a-f]{24})?)(-dirty)?\Z")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+\Z")
# A user alone is no secret where SSH asks for a key; elsewhere it may be a token.
_SECRET = re.compile(r"(?<!ssh)://[^/?#\s]*@|://[^/?#\s]*:[^/?#\s]*@", re.IGNORECASE)
_MAX_JSON = 200_000  # bytes of parameters
_MAX_DEPTH = 15  # of parameters, which an envelope carries inside of five more


def record_of(step: Path | None) -> StepRecord | None:
    """Read the record of the training step."""
    if step is None:
        return None
    from lockgate.training.record import load

    record = load(step)
    _refuse_secrets(record.parameters, "the record of the step")
    return record


def parameters_of(text: str | None, name: str = "training_parameters") -> dict[str, Any]:
    """Return a JSON object that was given as text."""
    if not text:
        return {}
    from lockgate.documents import load_json

    raw = text.encode("utf-8", "replace")
    data = load_json(raw, max_bytes=_MAX_JSON, max_depth=_MAX_DEPTH, name=name).data
    if not isinstance(data, dict):
        raise InputError(f'{name} is no JSON object; write one, such as {{"depth": 3}}')
    _refuse_secrets(data, name)
    return data


def engine_of(text: str | None) -> dict[str, str]:
    """Return what the engine says, every value a text."""
    said = parameters_of(text, "engine")
    for name, value in said.items():
        if not isinstance(value, str):
            raise InputError(f"engine holds {name[:80]!r}, which is no text; write every value as text")
    return said


def canonical_text(parameters: Mapping[str, Any]) -> str:
    """Return parameters as text, in which their numbers stay what they were: a result rounds numbers."""
    from lockgate.training.record import canonical

    return canonical(dict(parameters), "training_parameters").decode()


def revision_of(text: str | None) -> dict[str, Any] | None:
    """Return the commit that was given, and whether the code differed from it."""
    if not text:
        return None
    if not (match := _REVISION.match(text)):
        raise InputError(
            f"code_revision is {text[:80]!r}, which is no git commit; give 40 or 64 hexadecimal digits"
        )
    return {"revision": match.group(1), "dirty": match.group(2) is not None}


def builder_of(uri: str) -> str:
    """Return the builder's id, which must be a URI."""
    _refuse_secrets(uri, "builder_id")
    if not _URI.match(uri):
        raise InputError(f"builder_id is {uri[:80]!r}, which is no URI; write one, as airflow://example.org")
    return uri


def repository_of(given: str | None, record: StepRecord | None) -> str:
    """Return where the code is, without user and password; empty when that is not known."""
    from lockgate.training.surroundings import public_repository

    if given:
        _refuse_secrets(given, "code_repository")
        return public_repository(given) or ""
    return (record.code.repository if record and record.code else None) or ""


def addresses_of(uris: Sequence[str] | None, materials: Sequence[Path]) -> list[str]:
    """Return the address of each material, as it was given."""
    if uris is None:
        return [""] * len(materials)
    if len(uris) != len(materials):
        raise InputError("material_uris are not as many as the materials; give one for each, in their order")
    from lockgate import artifact

    return [artifact.display(uri) for uri in uris]


def ran_in(record: StepRecord | None, locked: bool) -> dict[str, Any]:
    """Return what the training ran in; without a record of that, what this stage runs in."""
    if record is not None:
        there = record.environment
        return {
            "installed": dict(there.digest),
            "ran_in": {"python": there.python, "platform": there.platform},
        }
    from lockgate import body
    from lockgate.training.surroundings import installed

    here = body.environment()
    return {
        "installed": None if locked else installed()["digest"],
        "ran_in": {"python": here["python"], "platform": here["platform"]},
    }


def times_of(record: StepRecord | None, started: str | None, finished: str | None) -> dict[str, str | None]:
    """Return when training started and finished; the record outweighs what was given."""
    given = {name: _time(value, name) for name, value in (("started", started), ("finished", finished))}
    if given["started"] and given["finished"] and given["finished"] < given["started"]:
        raise InputError("finished is before started; correct the two times")
    return given if record is None else {"started": record.started, "finished": record.finished}


def _time(value: str | None, name: str) -> str | None:
    """Return a time in UTC, of which texts compare as the times do."""
    if not value:
        return None
    import datetime as dt

    try:
        time = fields.time({name: value}, name).astimezone(dt.timezone.utc)
    except (EnvelopeError, OverflowError):
        raise InputError(f"{name} is no time with a zone; write it as 2026-01-01T00:00:00Z") from None
    return moment.written(time)


def _refuse_secrets(value: Any, where: str) -> None:
    if isinstance(value, str) and _SECRET.search(value):
        raise InputError(
            f"{where} holds an address with a user or password in it; name the place without them"
        )
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        _refuse_secrets(item, where)
