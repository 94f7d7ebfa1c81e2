"""Leaves: what the ledger says of one attestation, as RFC 8785 canonical JSON.

    {"envelope": {"sha256": "..."}, "logged": "2026-01-01T00:00:00.000Z", "subjects": [{"sha256": "..."}]}

Each digest of each subject stands there on its own, sorted, so that a subject is found by any of
its digests. The envelope itself is in the evidence store, under its hash.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lockgate import moment
from lockgate.documents import load_json
from lockgate.errors import InputError
from lockgate.ledger.errors import LedgerError

MAX_BYTES = 1_000_000
_MOST_SUBJECTS = 1_000
_ALGORITHM = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_HEX = re.compile(r"(?:[0-9a-f]{2}){16,128}\Z")
_HEX_256 = re.compile(r"[0-9a-f]{64}\Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")

Digests = tuple[tuple[str, str], ...]
"""Pairs of algorithm and hexadecimal digits, sorted, each once."""


@dataclass(frozen=True)
class Leaf:
    """One attestation as it was logged.

    Attributes:
        envelope: SHA-256 of the envelope's bytes, hex.
        subjects: Every digest of every subject.
        logged: When, by the clock of who appended it.
    """

    envelope: str
    subjects: Digests
    logged: dt.datetime

    def payload(self) -> bytes:
        """Return the bytes that are hashed."""
        import rfc8785

        return rfc8785.dumps(
            {
                "envelope": {"sha256": self.envelope},
                "logged": moment.written(self.logged),
                "subjects": [{algorithm: value} for algorithm, value in self.subjects],
            }
        )


def of(envelope: bytes, subjects: Iterable[Any], now: dt.datetime | None = None) -> Leaf:
    """Return the leaf of an envelope.

    Args:
        envelope: Its bytes.
        subjects: What it is about: DigestSets, or anything with one as ``digest``.
        now: The time; the clock's when None.

    Raises:
        LedgerError: A subject has no digest of a form that can be logged, or there are too many.
    """
    found: set[tuple[str, str]] = set()
    for subject in subjects:
        found.update(pairs(getattr(subject, "digest", subject)))
    if not 0 < len(found) <= _MOST_SUBJECTS:
        raise LedgerError(
            f"an attestation about {len(found)} digests cannot be logged; give it 1 to {_MOST_SUBJECTS}"
        )
    moment = (now or dt.datetime.now(dt.timezone.utc)).astimezone(dt.timezone.utc)
    return Leaf(hashlib.sha256(envelope).hexdigest(), tuple(sorted(found)), moment)


def pairs(digest: Mapping[str, str]) -> Digests:
    """Return the entries of a DigestSet, sorted.

    Raises:
        LedgerError: It is empty, or one is no algorithm with lower-case hexadecimal digits.
    """
    if not isinstance(digest, Mapping) or not digest or not all(map(_is_digest, digest.items())):
        raise LedgerError(
            "a subject has no digest of the form {algorithm: lower-case hexadecimal digits}; "
            "give the one of its attestation"
        )
    return tuple(sorted(digest.items()))


def parse(payload: bytes) -> Leaf | None:
    """Return a leaf from its bytes, or None when they are not exactly what `Leaf.payload` writes."""
    try:
        data = load_json(payload, max_bytes=MAX_BYTES, max_depth=4, name="the entry").data
        leaf = Leaf(data["envelope"]["sha256"], _subjects(data["subjects"]), _time(data["logged"]))
    except (InputError, AttributeError, KeyError, TypeError, ValueError):
        return None
    sound = isinstance(leaf.envelope, str) and _HEX_256.match(leaf.envelope)
    return leaf if sound and leaf.payload() == payload else None


def _subjects(value: Any) -> Digests:
    found = tuple(pair for entry in value for pair in entry.items())
    if not 0 < len(found) <= _MOST_SUBJECTS or not all(map(_is_digest, found)):
        raise ValueError
    return tuple(sorted(set(found)))


def _is_digest(pair: tuple[Any, Any]) -> bool:
    algorithm, value = pair
    if not isinstance(algorithm, str) or not isinstance(value, str):
        return False
    return bool(_ALGORITHM.match(algorithm) and _HEX.match(value))


def _time(value: Any) -> dt.datetime:
    if not _TIME.match(value):
        raise ValueError
    return dt.datetime.fromisoformat(value.replace("Z", "+00:00"))
