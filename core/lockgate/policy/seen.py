"""What a gate has seen, as the file of its memory says it: strict JSON, in which nothing is optional.

{"format": "lockgate.trust-state/1",
"policies": {"employment": {"revision": 3, "digest": "..."}},
"checkpoints": {"example.org/employment": "<a signed note>"},
"latestTime": "2026-11-23T12:00:00Z"}

A gate that decides on retraining adds the newest state of each stream of batches, like a policy's
revision: ``"states": {"employment": {"revision": 7, "digest": "..."}}``. A file without is one of a
machine that has never seen any.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lockgate.attest import fields
from lockgate.policy.errors import PolicyForkedError, PolicyRolledBackError, StateRefusedError

FORMAT = "lockgate.trust-state/1"
_SIZE = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z")
_CHECKPOINT_LINES = 3  # C2SP tlog-checkpoint: origin, tree size, root hash; extensions may follow


@dataclass(frozen=True)
class SeenPolicy:
    """The newest revision of a policy that was seen.

    Attributes:
        revision: The revision.
        digest: SHA-256 (hex) of its bytes.
    """

    revision: int
    digest: str


@dataclass(frozen=True)
class Seen:
    """All that was seen.

    Attributes:
        policies: Newest revisions by policy name.
        checkpoints: Newest checkpoints, as signed notes, by origin of the ledger.
        latest: The latest time of a decision; None before the first.
        states: Newest states of retraining gates by stream: their sequence, and the digest of the envelope.
    """

    policies: Mapping[str, SeenPolicy] = field(default_factory=dict)
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    latest: dt.datetime | None = None
    states: Mapping[str, SeenPolicy] = field(default_factory=dict)


def check_policy(seen: SeenPolicy | None, name: str, revision: int, digest: str) -> None:
    """Refuse a policy when a newer revision, or another policy of the same revision, was seen.

    Raises:
        PolicyRolledBackError: A newer revision was seen.
        PolicyForkedError: This revision was seen with another digest.
    """
    if seen is None or seen.revision < revision:
        return
    if seen.revision > revision:
        raise PolicyRolledBackError(
            f"the policy {name!r} is of revision {revision}, but revision {seen.revision} was seen before; "
            "take the newest, or sign what it shall say as a revision above that"
        )
    if seen.digest != digest:
        raise PolicyForkedError(
            f"the policy {name!r} was seen with the same revision {revision} and another content "
            f"(sha256 {seen.digest}); give every change a revision of its own"
        )


def check_state(seen: SeenPolicy | None, stream: str, sequence: int, digest: str) -> None:
    """Refuse a state of a stream that is older than the newest one that was seen, or a fork of it.

    Raises:
        StateRefusedError: It is.
    """
    if seen is None or seen.revision < sequence:
        return
    if seen.revision > sequence:
        raise StateRefusedError(
            f"the state of the stream {stream!r} is number {sequence}, and number {seen.revision} was seen "
            "before; give the newest one"
        )
    if seen.digest != digest:
        raise StateRefusedError(
            f"another state number {seen.revision} of the stream {stream!r} was seen before; "
            "two runs went on from the same state, so find out which one counts"
        )


def parse(data: Any) -> Seen:
    """Return what a file says that was seen; `lockgate.errors.EnvelopeError` when it is none of ours."""
    document = fields.mapping(data, "the memory")
    states = {"states"} & set(document)
    fields.exactly(document, {"format", "policies", "checkpoints", "latestTime", *states}, "the memory")
    if document["format"] != FORMAT:
        fields.refuse("its format is another")
    checkpoints = fields.mapping(document["checkpoints"], "the checkpoints")
    for origin, note in checkpoints.items():
        if not isinstance(note, str) or size_of(origin, note) is None:
            fields.refuse("a checkpoint is none")
    return Seen(
        {
            name: _policy(entry)
            for name, entry in fields.mapping(document["policies"], "the policies").items()
        },
        checkpoints,
        None if document["latestTime"] is None else fields.time(document, "latestTime"),
        {
            name: _policy(entry)
            for name, entry in fields.mapping(document.get("states", {}), "the states").items()
        },
    )


def _policy(value: Any) -> SeenPolicy:
    entry = fields.mapping(value, "a policy")
    fields.exactly(entry, {"revision", "digest"}, "a policy")
    revision = entry["revision"]
    if type(revision) is not int or revision < 1:
        fields.refuse("a revision is no positive whole number")
    return SeenPolicy(revision, fields.hex_256(entry["digest"], "digest"))


def document(seen: Seen) -> dict[str, Any]:
    """Return what the file says."""
    said: dict[str, Any] = {
        "format": FORMAT,
        "policies": _revisions(seen.policies),
        "checkpoints": dict(sorted(seen.checkpoints.items())),
        "latestTime": None if seen.latest is None else fields.written(seen.latest),
    }
    return {**said, "states": _revisions(seen.states)} if seen.states else said


def _revisions(known: Mapping[str, SeenPolicy]) -> dict[str, Any]:
    return {
        name: {"revision": entry.revision, "digest": entry.digest} for name, entry in sorted(known.items())
    }


def text_of(origin: str, note: str) -> str | None:
    """Return what is signed in a checkpoint; None when it is none of this ledger."""
    text, found, _ = note.partition("\n\n")
    lines = text.split("\n")
    if not found or len(lines) < _CHECKPOINT_LINES or lines[0] != origin or not _SIZE.match(lines[1]):
        return None
    return text


def size_of(origin: str, note: str) -> int | None:
    """Return the size of a checkpoint; None when it is none of this ledger."""
    text = text_of(origin, note)
    return None if text is None else int(text.split("\n")[1])
