"""Audit a ledger: compute everything anew from the entries, and hold it against all that was signed.

An auditor that repeats this needs no trust in who keeps the ledger: the index of subjects is a
function of the entries too, so a root of it that leaves one out is found.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lockgate.ledger import checkpoint as notes
from lockgate.ledger import leaf as leaves
from lockgate.ledger import merkle, reading, rows, trie
from lockgate.ledger.checkpoint import Checkpoint
from lockgate.ledger.errors import (
    EntryAlteredError,
    EntryMissingError,
    ForeignLedgerError,
    ForkedError,
    IndexAlteredError,
    TreeAlteredError,
)

if TYPE_CHECKING:
    import sqlalchemy as sa

_PAGE = 500
_RESTORE = "restore the database from a copy, and find out who changed it"


@dataclass(frozen=True)
class Audit:
    """What an audit that found nothing wrong looked at.

    Attributes:
        checkpoint: The newest one; None for an empty ledger.
        entries: How many entries there are.
        checkpoints: How many signed checkpoints.
        subjects: How many different digests.
    """

    checkpoint: Checkpoint | None
    entries: int
    checkpoints: int
    subjects: int


@dataclass
class _Rebuilt:
    """The tree and the index, computed from the entries alone, and what was seen to differ from them."""

    size: int = 0
    top: list[bytes] = field(default_factory=list)
    root: bytes = trie.EMPTY
    nodes: dict[bytes, bytes] = field(default_factory=dict)
    records: dict[bytes, trie.Record] = field(default_factory=dict)
    swept: int = 1_000
    altered: int | None = None  # the first entry beside which another hash is stored
    tree_differs: bool = False
    index_differs: bool = False
    forked: int | None = None  # the size of the first checkpoint that says otherwise

    def add(
        self, leaf: leaves.Leaf, payload: bytes
    ) -> tuple[list[tuple[merkle.Subtree, bytes]], list[tuple[bytes, int, int]]]:
        """Add an entry; return the subtrees that it completes, and its rows in the index."""
        index, hashed = self.size, merkle.leaf_hash(payload)
        self.top, full = merkle.grow(index, self.top, hashed)
        listed = []
        for pair in leaf.subjects:
            key = trie.key_of(*pair)
            record = self.records.get(key, trie.NOTHING)
            listed.append((key, record.count, index))
            self.records[key] = record = trie.chained(record, index, hashed)
            self.root, new = trie.put(self.root, key, record, self.nodes.get)
            self.nodes.update(new)
        self.size += 1
        return full, listed

    def hold(self, checkpoint: Checkpoint) -> None:
        """Hold a checkpoint of this size against what the entries give."""
        if self.forked is None and (checkpoint.root, checkpoint.subjects) != (self.tree_root, self.root):
            self.forked = checkpoint.size

    @property
    def tree_root(self) -> bytes:
        return merkle.root(self.top)

    def sweep(self) -> None:
        """Forget the nodes of earlier states of the index, once they are many."""
        if len(self.nodes) > 2 * self.swept:
            self.nodes = trie.reachable(self.root, self.nodes)
            self.swept = max(self.swept, len(self.nodes))


def audit(connection: sa.Connection, origin: str | None, keys: Iterable[Any]) -> Audit:
    """Check a whole ledger; see `lockgate.ledger.Ledger.verify`."""
    trusted = list(keys)
    newest = reading.current(connection, origin, trusted)
    signed = list(_checkpoints(connection, newest, trusted))
    waiting = iter(signed)
    due = next(waiting, None)
    rebuilt = _Rebuilt()
    for page in _pages(rows.every_payload(connection)):
        full: dict[merkle.Subtree, bytes] = {}
        listed: list[tuple[bytes, int, int]] = []
        for position, payload in page:
            leaf = leaves.parse(payload)
            if position != rebuilt.size:
                raise EntryMissingError(f"the ledger's entry {rebuilt.size} is missing; {_RESTORE}")
            if leaf is None:
                raise EntryAlteredError(f"the ledger's entry {position} is not what was logged; {_RESTORE}")
            complete, entries = rebuilt.add(leaf, payload)
            full.update(complete)
            listed += entries
            if due is not None and due.size == rebuilt.size:
                rebuilt.hold(due)
                due = next(waiting, None)
        _compare(connection, rebuilt, full, listed, rebuilt.size - len(page))
        rebuilt.sweep()
    _compare_rest(connection, rebuilt)
    _judge(rebuilt, newest)
    return Audit(newest, rebuilt.size, len(signed), len(rebuilt.records))


def _judge(rebuilt: _Rebuilt, newest: Checkpoint | None) -> None:
    if newest is not None and rebuilt.tree_root != newest.root:
        which = "entries do" if rebuilt.altered is None else f"entry {rebuilt.altered} does"
        raise EntryAlteredError(f"the ledger's {which} not give the root that was signed; {_RESTORE}")
    if rebuilt.forked is not None:
        raise ForkedError(
            f"the checkpoint of {rebuilt.forked} entries was signed over others than these; "
            "find out who has the ledger's key"
        )
    if rebuilt.tree_differs:
        raise TreeAlteredError(f"the ledger's Merkle tree has other hashes than its entries give; {_RESTORE}")
    if rebuilt.index_differs:
        raise IndexAlteredError(
            f"the ledger's index of subjects is not the one that its entries give; {_RESTORE}"
        )


def _checkpoints(
    connection: sa.Connection, newest: Checkpoint | None, keys: list[Any]
) -> Iterator[Checkpoint]:
    last = 0
    for note in rows.checkpoints(connection):
        found = notes.open_note(note if isinstance(note, str) else "", keys)
        if newest is not None and found.origin != newest.origin:
            raise ForeignLedgerError(f"the ledger has a checkpoint of {found.origin}; {_RESTORE}")
        if found.size <= last or newest is None or found.size > newest.size:
            raise ForkedError(f"the ledger's checkpoints are not in the order of their size; {_RESTORE}")
        last = found.size
        yield found


def _pages(entries: Iterator[tuple[Any, bytes]]) -> Iterator[list[tuple[Any, bytes]]]:
    while page := list(itertools.islice(entries, _PAGE)):
        yield page


def _compare(
    connection: sa.Connection,
    rebuilt: _Rebuilt,
    full: dict[merkle.Subtree, bytes],
    listed: list[tuple[bytes, int, int]],
    begin: int,
) -> None:
    """Hold what is stored beside a page of entries against what they give."""
    import sqlalchemy as sa

    from lockgate.ledger.tables import ENTRIES, LEAVES

    stored = rows.hashes(connection, full)
    for (level, index), value in full.items():
        if stored[level, index] != value:
            rebuilt.tree_differs = True
            if level == 0 and rebuilt.altered is None:
                rebuilt.altered = index
    query = sa.select(ENTRIES.c.subject, ENTRIES.c.number, ENTRIES.c.position)
    shown = connection.execute(query.where(ENTRIES.c.position.between(begin, rebuilt.size - 1)))
    rebuilt.index_differs |= {tuple(row) for row in shown} != set(listed)
    named = sa.select(LEAVES.c.envelope, LEAVES.c.payload)
    for envelope, payload in connection.execute(
        named.where(LEAVES.c.position.between(begin, rebuilt.size - 1))
    ):
        leaf = leaves.parse(payload)
        rebuilt.index_differs |= leaf is None or envelope.hex() != leaf.envelope


def _compare_rest(connection: sa.Connection, rebuilt: _Rebuilt) -> None:
    """Hold the stored nodes of the index, and the numbers of rows, against what the entries give."""
    import sqlalchemy as sa

    from lockgate.ledger.tables import ENTRIES, NODES

    missing = trie.reachable(rebuilt.root, rebuilt.nodes)
    for node, content in rows.every_subject_node(connection):
        rebuilt.index_differs |= trie.digest(content) != node
        missing.pop(node, None)
    listed = connection.execute(sa.select(sa.func.count()).select_from(ENTRIES)).scalar_one()
    expected = sum(record.count for record in rebuilt.records.values())
    rebuilt.index_differs |= bool(missing) or listed != expected
    complete = sum((2 << level) - 1 for level, _ in merkle.edge(rebuilt.size))
    nodes = connection.execute(sa.select(sa.func.count()).select_from(NODES)).scalar_one()
    rebuilt.tree_differs |= nodes != complete
