"""Read a ledger against a checkpoint whose signature was verified: everything else is proved to it.

What a reader gets for a subject is all that was ever logged of it, or an error. The signed root of
the index says how many entries there are and what their hashes chain to, so that none can be left
out, added, exchanged or put into another order; each is then proved to stand in the signed tree.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockgate.ledger import checkpoint as notes
from lockgate.ledger import leaf as leaves
from lockgate.ledger import merkle, rows, trie
from lockgate.ledger.checkpoint import Checkpoint
from lockgate.ledger.errors import (
    EntryAlteredError,
    EntryMissingError,
    ForeignLedgerError,
    ForkedError,
    IndexAlteredError,
    TreeAlteredError,
    TruncatedError,
    UnsignedCheckpointError,
)

if TYPE_CHECKING:
    import sqlalchemy as sa

_RESTORE = "restore the database from a copy, and find out who changed it"


@dataclass(frozen=True)
class Entry:
    """One logged attestation, proved to be in the ledger.

    Attributes:
        index: Its place in the ledger, from 0; a larger one was logged later.
        envelope: SHA-256 of the envelope's bytes, hex.
        subjects: Every digest of every subject, as pairs of algorithm and digits.
        logged: When, by the clock of who appended it.
        leaf: The bytes that were hashed.
        proof: Its proof of inclusion (RFC 9162).
    """

    index: int
    envelope: str
    subjects: leaves.Digests
    logged: dt.datetime
    leaf: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True)
class Entries:
    """All that was logged of one subject.

    Attributes:
        digest: The subject's DigestSet that was asked for.
        checkpoint: The state of the ledger that this is complete for.
        entries: In the order of logging; empty when it is proved that there are none.
    """

    digest: Mapping[str, str]
    checkpoint: Checkpoint
    entries: tuple[Entry, ...]

    @property
    def envelopes(self) -> tuple[str, ...]:
        """SHA-256 of each envelope, in the order of logging."""
        return tuple(entry.envelope for entry in self.entries)


def current(connection: sa.Connection, origin: str | None, keys: Iterable[Any]) -> Checkpoint | None:
    """Return the newest checkpoint, when a trusted key signed it and it covers every entry.

    Raises:
        UnsignedCheckpointError: There are entries that it does not cover, or it is not signed.
        TruncatedError: There are fewer entries than it says.
        ForeignLedgerError: Its origin is another one.
        WrongSignerError, CheckpointFormError: See `lockgate.ledger.checkpoint.open_note`.
    """
    note, count = rows.latest(connection)
    if note is None:
        if count:
            raise UnsignedCheckpointError(
                f"the ledger has {count} entries and no signed checkpoint; look at them, and run: "
                "lockgate ledger checkpoint"
            )
        return None
    found = notes.open_note(note, keys)
    if origin is not None and found.origin != origin:
        raise ForeignLedgerError(
            f"the ledger is {found.origin}, not {origin}; check which one is meant, and the policy's origin"
        )
    if count > found.size:
        raise UnsignedCheckpointError(
            f"the ledger has {count} entries, and its newest signed checkpoint covers {found.size}; "
            "look at the others, and run: lockgate ledger checkpoint"
        )
    if count < found.size:
        raise TruncatedError(f"the ledger has {count} entries of {found.size} that were signed; {_RESTORE}")
    return found


def top(connection: sa.Connection, checkpoint: Checkpoint) -> list[bytes]:
    """Return the hashes of the tree's edge, when they lead to the signed root.

    Raises:
        TreeAlteredError: They do not.
    """
    edge = merkle.edge(checkpoint.size)
    known = rows.hashes(connection, edge)
    found = [known[node] for node in edge]
    if merkle.root(found) != checkpoint.root:
        raise TreeAlteredError(f"the ledger's Merkle tree does not have the signed root; {_RESTORE}")
    return found


def record_of(root: bytes, key: bytes, load: trie.Load) -> trie.Record:
    """Return what the index proves of a subject.

    Raises:
        IndexAlteredError: It is not the index whose root was signed.
    """
    try:
        return trie.find(root, key, load) or trie.NOTHING
    except trie.BrokenNodeError:
        raise IndexAlteredError(
            f"the ledger's index of subjects is not the one that was signed; {_RESTORE}"
        ) from None


def entries_of(connection: sa.Connection, digest: Mapping[str, str], checkpoint: Checkpoint) -> Entries:
    """Return all entries of a subject; see `lockgate.ledger.Ledger.entries_of`."""
    load = rows.subject_nodes(connection, {})
    found: dict[int, Entry] = {}
    for pair in leaves.pairs(digest):
        key = trie.key_of(*pair)
        record = record_of(checkpoint.subjects, key, load)
        for entry in _entries(connection, pair, key, record, checkpoint):
            found[entry.index] = entry
    return Entries(digest, checkpoint, tuple(found[index] for index in sorted(found)))


def entries_at(connection: sa.Connection, wanted: Sequence[int], checkpoint: Checkpoint) -> list[Entry]:
    """Return entries by their place, each proved to be in the signed tree.

    Raises:
        EntryMissingError: One is not there.
        EntryAlteredError: One is not what was logged.
        TreeAlteredError: A hash that the proof needs is missing.
    """
    raw = _payloads(connection, wanted)
    proofs = _proofs(connection, wanted, checkpoint.size)
    return [_entry(index, raw[index], proofs[index], checkpoint) for index in wanted]


def _entries(
    connection: sa.Connection,
    pair: tuple[str, str],
    key: bytes,
    record: trie.Record,
    checkpoint: Checkpoint,
) -> list[Entry]:
    wanted = rows.positions(connection, key, checkpoint.size, record.count + 1)
    about = f"{pair[0]}:{pair[1][:16]}…"
    if len(wanted) < record.count:
        raise EntryMissingError(
            f"the ledger shows {len(wanted)} entries of {about}, and signed {record.count}; {_RESTORE}"
        )
    if len(wanted) > record.count or any(not 0 <= index < checkpoint.size for index in wanted):
        raise IndexAlteredError(
            f"the ledger shows more entries of {about} than were signed, or strange ones; {_RESTORE}"
        )
    raw = _payloads(connection, wanted)
    proofs = _proofs(connection, wanted, checkpoint.size)
    chain = trie.NOTHING
    for index in wanted:
        chain = trie.chained(chain, index, merkle.leaf_hash(raw[index]))
    chained = chain == record
    try:
        found = [_entry(index, raw[index], proofs[index], checkpoint) for index in wanted]
    except EntryAlteredError:
        if chained:  # the entries are right, so the hashes beside them are not
            raise TreeAlteredError(
                f"the ledger's Merkle tree does not lead to the signed root; {_RESTORE}"
            ) from None
        raise
    if not chained or not all(pair in entry.subjects for entry in found):
        raise IndexAlteredError(
            f"the ledger shows other entries of {about} than were signed, or in another order; {_RESTORE}"
        )
    return found


def _payloads(connection: sa.Connection, wanted: Sequence[int]) -> dict[int, bytes]:
    raw = rows.payloads(connection, wanted)
    for index in wanted:
        if index not in raw:
            raise EntryMissingError(f"the ledger's entry {index} is missing; {_RESTORE}")
    return raw


def _proofs(connection: sa.Connection, wanted: Sequence[int], size: int) -> dict[int, tuple[bytes, ...]]:
    needed = {node for index in wanted for node in merkle.inclusion_nodes(index, size)}
    known = rows.hashes(connection, needed)
    return {index: tuple(merkle.inclusion_proof(index, size, known.__getitem__)) for index in wanted}


def _entry(index: int, payload: bytes, proof: tuple[bytes, ...], checkpoint: Checkpoint) -> Entry:
    leaf = leaves.parse(payload)
    inside = merkle.includes(merkle.leaf_hash(payload), index, checkpoint.size, proof, checkpoint.root)
    if leaf is None or not inside:
        raise EntryAlteredError(f"the ledger's entry {index} is not what was logged; {_RESTORE}")
    return Entry(index, leaf.envelope, leaf.subjects, leaf.logged, payload, proof)


def consistent(connection: sa.Connection, old: Checkpoint, new: Checkpoint) -> None:
    """Check that one checkpoint continues another; see `lockgate.ledger.Ledger.consistent`."""
    if old.origin != new.origin:
        raise ForeignLedgerError(
            f"the checkpoints are of two ledgers, {old.origin} and {new.origin}; check which one is meant"
        )
    if new.size < old.size:
        raise TruncatedError(
            f"the ledger now has {new.size} entries, and had {old.size} when it was last seen; {_RESTORE}"
        )
    if new.size == old.size:
        if (new.root, new.subjects) != (old.root, old.subjects):
            raise _forked(new.size)
        return
    known = rows.hashes(connection, merkle.consistency_nodes(old.size, new.size))
    proof = merkle.consistency_proof(old.size, new.size, known.__getitem__)
    if merkle.continues(old.size, old.root, new.size, new.root, proof):
        return
    top(connection, new)  # hashes that do not even lead to the new root prove no fork
    raise _forked(old.size)


def _forked(size: int) -> ForkedError:
    return ForkedError(
        f"the ledger was rewritten: its first {size} entries are not those that were signed before; "
        "trust neither, and find out who has its key"
    )
