"""What signed attestations say of a model: only those count that a given key signed, about these bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.errors import EnvelopeError, InputError

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

    from lockgate.attest.statement import Statement

MOST = 200  # attestations in a folder
_MOST_NUMBERS = 100  # of one attestation


@dataclass(frozen=True)
class Voucher:
    """An attestation about the model.

    Attributes:
        sha256: Of the envelope.
        statement: What it says.
    """

    sha256: str
    statement: Statement

    def numbers(self) -> Iterator[tuple[str, float]]:
        """Yield the numbers that its run measured, by name."""
        from lockgate.attest.statement import EXTENSION

        said = self.statement.document["predicate"][EXTENSION].get("metrics")
        for number, pair in enumerate(_flat("", said if isinstance(said, Mapping) else {})):
            if number == _MOST_NUMBERS:
                return
            yield pair


class NotVouchedError(Exception):
    """An attestation does not count: the rule and the sentence that say why."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


def files(given: Path | None) -> list[Path]:
    """Return the attestations that a path names: the file, or every ``.json`` in the folder."""
    if given is None:
        return []
    found = sorted(given.rglob("*.json")) if given.is_dir() else [given]
    if len(found) > MOST:
        raise InputError(f"{given} has {len(found)} attestations; give at most {MOST}")
    if not found:
        raise InputError(f"{given} has no attestation in it; give the attestation.json of a run")
    return found


def vouched(file: Path, keys: list[SSlibKey], model: Mapping[str, str]) -> Voucher:
    """Return an attestation about a model.

    Raises:
        NotVouchedError: No given key signed it, or it is about something else.
        InputError: It is no attestation of a run.
    """
    from lockgate.attest import envelope
    from lockgate.documents import read_bytes

    raw = read_bytes(file, envelope.MAX_BYTES, EnvelopeError)
    try:
        statement = envelope.open_envelope(raw, keys).statement
    except envelope.SignatureError:
        raise NotVouchedError(
            "LG-BOM-005", "An attestation was signed by no given key, or altered since it was signed."
        ) from None
    if not any(subject.is_(model) for subject in statement.subjects):
        raise NotVouchedError("LG-BOM-006", "An attestation is about another artifact than this model.")
    return Voucher(hashlib.sha256(raw).hexdigest(), statement)


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for name in sorted(value):
            yield from _flat(f"{prefix}.{name}" if prefix else str(name), value[name])
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield prefix, value
