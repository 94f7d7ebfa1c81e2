"""Append to a ledger: entries, tree, index and signed checkpoint in one transaction.

The database is not trusted by the writer either. Whatever a new checkpoint is computed from is
first proved against the last signed one, so that an altered database cannot have a lie signed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockgate.ledger import checkpoint as notes
from lockgate.ledger import leaf as leaves
from lockgate.ledger import merkle, reading, rows, trie
from lockgate.ledger.checkpoint import Checkpoint
from lockgate.ledger.errors import IndexAlteredError, TruncatedError

if TYPE_CHECKING:
    import sqlalchemy as sa
    from securesystemslib.signer import Signer


@dataclass(frozen=True)
class Receipt:
    """Where an attestation stands.

    Attributes:
        index: Its place in the ledger, from 0.
        checkpoint: A signed state of the ledger that covers it.
    """

    index: int
    checkpoint: Checkpoint


class Draft:
    """A ledger's next state, while entries are added to it."""

    def __init__(self, connection: sa.Connection, origin: str, last: Checkpoint | None) -> None:
        self.connection = connection
        self.origin = origin
        self.start = self.size = last.size if last else 0
        self.root = last.subjects if last else trie.EMPTY
        self.top = reading.top(connection, last) if last else []
        self.known: dict[bytes, bytes] = {}  # nodes of the index, read or new
        self.new_nodes: dict[bytes, bytes] = {}
        self.leaves: list[dict[str, Any]] = []
        self.nodes: list[dict[str, Any]] = []
        self.entries: list[dict[str, Any]] = []

    def add(self, leaf: leaves.Leaf, payload: bytes) -> int:
        """Add an entry; return its index."""
        from lockgate.ledger.tables import place

        index, hashed = self.size, merkle.leaf_hash(payload)
        envelope = bytes.fromhex(leaf.envelope)
        self.leaves.append({"position": index, "envelope": envelope, "payload": payload})
        self.top, full = merkle.grow(index, self.top, hashed)
        self.nodes += [{"place": place(node), "hash": value} for node, value in full]
        for pair in leaf.subjects:
            self._count(trie.key_of(*pair), index, hashed)
        self.size += 1
        return index

    def _count(self, key: bytes, index: int, hashed: bytes) -> None:
        load = rows.subject_nodes(self.connection, self.known)
        record = reading.record_of(self.root, key, load)
        self.entries.append({"subject": key, "number": record.count, "position": index})
        self.root, new = trie.put(self.root, key, trie.chained(record, index, hashed), load)
        self.known.update(new)
        self.new_nodes.update(new)

    def checkpoint(self) -> Checkpoint:
        """Return the state, not signed yet."""
        return Checkpoint(self.origin, self.size, merkle.root(self.top), self.root)

    def store(self, signed: Checkpoint) -> None:
        """Write what was added, and the checkpoint.

        Raises:
            IndexAlteredError: The database has rows already where the new ones belong.
        """
        from sqlalchemy.exc import IntegrityError

        from lockgate.ledger.tables import CHECKPOINTS, ENTRIES, LEAVES, NODES

        try:
            rows.insert(self.connection, LEAVES, self.leaves)
            rows.insert(self.connection, NODES, self.nodes)
            rows.insert_subject_nodes(self.connection, trie.reachable(self.root, self.new_nodes))
            rows.insert(self.connection, ENTRIES, self.entries)
            rows.insert(self.connection, CHECKPOINTS, [{"size": signed.size, "note": signed.note}])
        except IntegrityError:
            raise IndexAlteredError(
                "the ledger has rows that no checkpoint covers; run: lockgate ledger verify"
            ) from None


def append(
    connection: sa.Connection,
    new: Sequence[tuple[bytes, Iterable[Any]]],
    signer: Signer,
    *,
    origin: str | None,
    default: str,
    trusted: Iterable[Any],
    seen: Checkpoint | None,
) -> list[Receipt]:
    """Append attestations; see `lockgate.ledger.Ledger.append_many`."""
    now = dt.datetime.now(dt.timezone.utc)
    asked = [leaves.of(envelope, subjects, now) for envelope, subjects in new]
    last = reading.current(connection, origin, [signer.public_key, *trusted])
    _not_behind(connection, seen, last)
    draft = Draft(connection, last.origin if last else origin or default, last)
    known = _logged(connection, asked, last)
    indices = []
    for leaf in asked:
        index = known.get((leaf.envelope, leaf.subjects))
        if index is None:
            index = known[leaf.envelope, leaf.subjects] = draft.add(leaf, leaf.payload())
        indices.append(index)
    if draft.size == draft.start:
        return [Receipt(index, last) for index in indices] if last else []
    signed = notes.sign(draft.checkpoint(), signer)
    draft.store(signed)
    return [Receipt(index, signed) for index in indices]


def _not_behind(connection: sa.Connection, seen: Checkpoint | None, last: Checkpoint | None) -> None:
    """Refuse to continue a ledger that was put back to an earlier state."""
    if seen is None:
        return
    if last is None:
        raise TruncatedError(
            f"the ledger is empty, and had {seen.size} entries when it was last seen; restore it from a copy"
        )
    reading.consistent(connection, seen, last)


def _logged(
    connection: sa.Connection, asked: Sequence[leaves.Leaf], last: Checkpoint | None
) -> dict[tuple[str, leaves.Digests], int]:
    """Return where attestations stand already, as far as the tree proves it."""
    if last is None:
        return {}
    found = rows.logged_at(connection, [bytes.fromhex(leaf.envelope) for leaf in asked])
    wanted = sorted(index for places in found.values() for index in places if 0 <= index < last.size)
    proved = reading.entries_at(connection, wanted, last)
    return {(entry.envelope, entry.subjects): entry.index for entry in reversed(proved)}
