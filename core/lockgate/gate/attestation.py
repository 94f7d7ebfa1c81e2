"""One attestation, as far as it can be read, and whatever a ledger knows of it.

Anybody can put anything into an evidence store. So an attestation is taken apart in the order in which
it may be believed: its bytes against its name, its signatures against the policy's keys, and only then
what it says. `Reading.problem` holds the first thing that is wrong; what an attestation without a good
signature claims (`Reading.claimed`) serves to tell a person which one it may be, and decides nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lockgate.attest import envelope, statement
from lockgate.attest.fields import DIGESTS
from lockgate.attest.predicates import OTHERS, STAGES
from lockgate.attest.store import name_of
from lockgate.documents import load_json
from lockgate.errors import EnvelopeError, InputError
from lockgate.gate.codes import Code
from lockgate.gate.decision import Problem

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

    from lockgate.attest.statement import RunSummary, Statement
    from lockgate.gate.ground import Ground
    from lockgate.ledger import Entry

UNCLEAR = ""
"""The stage of an attestation of ours that does not say which: it may be of any."""
_MAX_DEPTH = 32
_OURS = "lockgate:"


@dataclass(frozen=True)
class Reading:
    """One attestation about an artifact.

    Attributes:
        name: SHA-256 (hex) that the store or the ledger has it under.
        problem: The first thing that is wrong with it; None when it can be read.
        statement: What it says; None when that cannot be read, or nobody who is known signed it.
        signers: Ids of the policy's keys that signed it.
        payload: SHA-256 (hex) of what is signed, whatever the envelope around it; empty without a signature.
        claimed: The stage that it claims to be of, before anything is believed; None when it claims none.
        entry: Where the ledger has it; None when it does not.
        first: The earliest place at which the ledger has the same payload, in whatever envelope.
    """

    name: str
    problem: Problem | None = None
    statement: Statement | None = None
    signers: frozenset[str] = frozenset()
    payload: str = ""
    claimed: str | None = None
    entry: Entry | None = None
    first: Entry | None = None

    @property
    def run(self) -> RunSummary | None:
        """What it says of the run of a stage; None when it says nothing of one, or cannot be read."""
        return None if self.statement is None else self.statement.summary

    @property
    def logged(self) -> dt.datetime | None:
        """When the ledger first took it in."""
        return None if self.first is None else self.first.logged


@dataclass
class Evidence:
    """All that is there about one artifact.

    Attributes:
        digest: Its DigestSet.
        readings: Every attestation that the store has or the ledger names.
        withheld: SHA-256 (hex) of those that the ledger names and the store does not have.
        altered: SHA-256 (hex) of those that the store has with other bytes; where only what is logged counts,
            of those that the ledger names.
    """

    digest: Mapping[str, str]
    readings: tuple[Reading, ...] = ()
    withheld: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()


def collect(ground: Ground, digest: Mapping[str, str]) -> Evidence:
    """Return what the store has and the ledger names of an artifact: the union of both.

    Raises:
        InputError: The store cannot be read.
        LedgerError: The ledger is not what was signed.
    """
    entries = ground.logged(digest)
    stored = ground.stored(digest, entries)
    sound = {name: raw for name, raw in stored.items() if name_of(raw) == name}
    keys, must = ground.trust.keys(), ground.must_be_logged
    readings = [read(name, raw, keys, entries.get(name)) for name, raw in sorted(sound.items())]
    return Evidence(
        digest,
        _with_first(readings),
        withheld=tuple(name for name in entries if name not in stored),
        altered=tuple(name for name in sorted(stored) if name not in sound and (name in entries or not must)),
    )


def read(name: str, raw: bytes, keys: Iterable[SSlibKey], entry: Entry | None = None) -> Reading:
    """Return an attestation as far as it may be believed."""
    try:
        payload, signers = envelope.open_payload(raw, keys)
    except envelope.UnsignedError:
        said = Problem(Code.STRIPPED, "it has no signature", (name,))
        return Reading(name, said, claimed=_claimed_by(raw), entry=entry)
    except envelope.SignatureError:
        said = Problem(Code.UNKNOWN_SIGNER, "no key that the policy knows signed it as it is", (name,))
        return Reading(name, said, claimed=_claimed_by(raw), entry=entry)
    except EnvelopeError as error:
        said = Problem(Code.MALFORMED, _reason(error), (name,))
        return Reading(name, said, claimed=UNCLEAR, entry=entry)
    digest = hashlib.sha256(payload).hexdigest()
    try:
        data = load_json(
            payload, max_bytes=envelope.MAX_BYTES, max_depth=_MAX_DEPTH, name="the statement"
        ).data
    except InputError as error:
        said = Problem(Code.MALFORMED, _reason(error), (name,))
        return Reading(name, said, None, signers, digest, UNCLEAR, entry)
    try:
        opened = statement.parse(data)
    except EnvelopeError as error:
        said = Problem(_unreadable(data), _reason(error), (name,))
        return Reading(name, said, None, signers, digest, _claimed(data), entry)
    return Reading(name, None, opened, signers, digest, _claimed(data), entry)


def _with_first(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Give each the earliest entry of its payload: a new envelope around it makes nothing newer."""
    found = list(readings)
    first: dict[str, Entry] = {}
    for each in found:
        if each.entry is not None:
            known = first.setdefault(each.payload, each.entry)
            if each.entry.index < known.index:
                first[each.payload] = each.entry
    return tuple(replace(each, first=first.get(each.payload)) for each in found)


# --- What cannot be read ----------------------------------------------------------------------------


def _claimed_by(raw: bytes) -> str | None:
    """Return the stage that an envelope claims whose signature says nothing: for a person to read."""
    try:
        return envelope.unverified(raw).run.stage
    except EnvelopeError:
        return UNCLEAR


def _claimed(data: Any) -> str | None:
    """Return the stage that a signed statement is of.

    What bears no mark of Lockgate is some other tool's and of no stage. What does, and does not say which
    stage it is of, is `UNCLEAR`: it may be a newer FAIL.
    """
    if not isinstance(data, dict):
        return UNCLEAR
    kind, predicate = data.get("predicateType"), data.get("predicate")
    if kind in OTHERS.values():  # a waiver or the approval of a policy
        return None
    if not isinstance(kind, str) or not isinstance(predicate, dict):
        return UNCLEAR
    ours = predicate.get(statement.EXTENSION)
    if isinstance(ours, dict) and isinstance(ours.get("stage"), str):
        return str(ours["stage"])
    of_lockgate = kind in STAGES.values() or any(name.startswith(_OURS) for name in (kind, *predicate))
    return UNCLEAR if of_lockgate else None


def _unreadable(data: Any) -> Code:
    """Return why a signed statement was refused, as far as that has a code of its own."""
    if not isinstance(data, dict):
        return Code.MALFORMED
    if data.get("predicateType") not in (*STAGES.values(), *OTHERS.values()):
        return Code.WRONG_KIND
    subjects = data.get("subject")
    if isinstance(subjects, list) and any(_is_weak(subject) for subject in subjects):
        return Code.WEAK_DIGEST
    predicate = data.get("predicate")
    ours = predicate.get(statement.EXTENSION) if isinstance(predicate, dict) else None
    if isinstance(ours, dict) and _lacks_zone(ours.get("finishedOn")):
        return Code.NO_ZONE
    return Code.MALFORMED


def _is_weak(subject: Any) -> bool:
    digest = subject.get("digest") if isinstance(subject, dict) else None
    return isinstance(digest, dict) and not any(algorithm in digest for algorithm in DIGESTS)


def _lacks_zone(value: Any) -> bool:
    try:
        return dt.datetime.fromisoformat(value).tzinfo is None
    except (TypeError, ValueError):
        return False


def _reason(error: Exception) -> str:
    """Return the middle of an error of the readers, without its subject and without what to do."""
    return str(error).removeprefix("the attestation cannot be used: ").partition("; ")[0]
