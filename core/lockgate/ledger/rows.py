"""What is asked of the database, and nothing of what it answers is believed here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from lockgate.ledger import merkle, trie
from lockgate.ledger.errors import CheckpointFormError, TreeAlteredError

if TYPE_CHECKING:
    import sqlalchemy as sa

_MOST = 500  # values of one statement
_PAGE = 10_000  # rows of one answer, of a table that is read in whole
_Value = TypeVar("_Value")


def latest(connection: sa.Connection) -> tuple[str | None, int]:
    """Return the newest checkpoint's note, and how many entries there are."""
    import sqlalchemy as sa

    from lockgate.ledger.tables import CHECKPOINTS, LEAVES

    newest = sa.select(CHECKPOINTS.c.note).order_by(CHECKPOINTS.c.size.desc()).limit(1)
    last = sa.select(sa.func.max(LEAVES.c.position))
    note, position = connection.execute(sa.select(newest.scalar_subquery(), last.scalar_subquery())).one()
    if note is not None and not isinstance(note, str):
        raise CheckpointFormError("the ledger's checkpoint is no text; restore the database from a copy")
    return note, position + 1 if isinstance(position, int) else 0


def checkpoints(connection: sa.Connection) -> Iterator[Any]:
    """Give every checkpoint's note, from the smallest size on."""
    import sqlalchemy as sa

    from lockgate.ledger.tables import CHECKPOINTS

    yield from connection.execute(sa.select(CHECKPOINTS.c.note).order_by(CHECKPOINTS.c.size)).scalars()


def hashes(connection: sa.Connection, nodes: Iterable[merkle.Subtree]) -> Mapping[merkle.Subtree, bytes]:
    """Return the stored hashes of complete subtrees.

    Raises:
        TreeAlteredError: One is missing.
    """
    import sqlalchemy as sa

    from lockgate.ledger.tables import NODES, place, subtree

    wanted = {place(node) for node in nodes}
    found: dict[merkle.Subtree, bytes] = {}
    for part in chunks(sorted(wanted)):
        rows = connection.execute(sa.select(NODES.c.place, NODES.c.hash).where(NODES.c.place.in_(part)))
        found.update({subtree(number): content for number, content in rows})
    if len(found) != len(wanted):
        raise TreeAlteredError(
            "the ledger's Merkle tree has hashes missing; restore the database from a copy"
        )
    return found


def subject_nodes(connection: sa.Connection, known: dict[bytes, bytes]) -> trie.Load:
    """Return what loads a node of the index by its hash: from `known`, else from the database into it."""
    import sqlalchemy as sa

    from lockgate.ledger.tables import SUBJECTS

    query = sa.select(SUBJECTS.c.content).where(SUBJECTS.c.hash == sa.bindparam("node"))

    def load(node: bytes) -> bytes | None:
        if node not in known:
            content = connection.execute(query, {"node": node}).scalar_one_or_none()
            if content is None:
                return None
            known[node] = content
        return known[node]

    return load


def positions(connection: sa.Connection, subject: bytes, size: int, most: int) -> list[int]:
    """Return where the entries of a subject stand among the first `size`, in order, at most `most`."""
    import sqlalchemy as sa

    from lockgate.ledger.tables import ENTRIES

    query = (
        sa.select(ENTRIES.c.position)
        .where(ENTRIES.c.subject == subject, ENTRIES.c.position < size)
        .order_by(ENTRIES.c.number)
        .limit(most)
    )
    return [value for value in connection.execute(query).scalars() if isinstance(value, int)]


def payloads(connection: sa.Connection, wanted: Sequence[int]) -> dict[int, bytes]:
    """Return the entries at some positions; those that are not there are left out."""
    import sqlalchemy as sa

    from lockgate.ledger.tables import LEAVES

    found: dict[int, bytes] = {}
    for part in chunks(wanted):
        query = sa.select(LEAVES.c.position, LEAVES.c.payload).where(LEAVES.c.position.in_(part))
        found.update({row.position: row.payload for row in connection.execute(query)})
    return found


def every_payload(connection: sa.Connection, after: int = -1) -> Iterator[tuple[Any, bytes]]:
    """Give the entries after a position, in order and with their positions."""
    import sqlalchemy as sa

    from lockgate.ledger.tables import LEAVES

    while True:
        query = sa.select(LEAVES.c.position, LEAVES.c.payload).where(LEAVES.c.position > after)
        rows = connection.execute(query.order_by(LEAVES.c.position).limit(_MOST)).all()
        yield from ((position, payload) for position, payload in rows)
        if len(rows) < _MOST:
            return
        after = rows[-1][0]


def every_subject_node(connection: sa.Connection) -> Iterator[tuple[bytes, bytes]]:
    """Give every stored node of the index: its hash, and its content."""
    import sqlalchemy as sa

    from lockgate.ledger.tables import SUBJECTS

    query = sa.select(SUBJECTS.c.hash, SUBJECTS.c.content).order_by(SUBJECTS.c.hash).limit(_PAGE)
    after = b""
    while True:
        found = connection.execute(query.where(SUBJECTS.c.hash > after)).all()
        yield from ((node, content) for node, content in found)
        if len(found) < _PAGE or found[-1].hash <= after:
            return
        after = found[-1].hash


def logged_at(connection: sa.Connection, envelopes: Sequence[bytes]) -> dict[bytes, list[int]]:
    """Return where envelopes are said to stand, by their SHA-256."""
    import sqlalchemy as sa

    from lockgate.ledger.tables import LEAVES

    found: dict[bytes, list[int]] = {}
    for part in chunks(envelopes):
        query = sa.select(LEAVES.c.envelope, LEAVES.c.position).where(LEAVES.c.envelope.in_(part))
        for envelope, position in connection.execute(query.order_by(LEAVES.c.position)):
            found.setdefault(envelope, []).append(position)
    return found


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows that are not there yet."""
    if connection.dialect.name == "sqlite":
        if rows:
            connection.execute(table.insert(), list(rows))
        return
    for part in chunks(rows):  # one statement for many rows: one round trip
        connection.execute(table.insert().values(list(part)))


def insert_subject_nodes(connection: sa.Connection, nodes: Mapping[bytes, bytes]) -> None:
    """Add nodes of the index; one that an earlier state had already stays."""
    from sqlalchemy.dialects import postgresql, sqlite

    from lockgate.ledger.tables import SUBJECTS

    rows = [{"hash": node, "content": content} for node, content in nodes.items()]
    if connection.dialect.name == "sqlite":
        if rows:
            connection.execute(sqlite.insert(SUBJECTS).on_conflict_do_nothing(), rows)
        return
    for part in chunks(rows):
        connection.execute(postgresql.insert(SUBJECTS).values(list(part)).on_conflict_do_nothing())


def chunks(values: Sequence[_Value]) -> Iterator[Sequence[_Value]]:
    """Give values in parts that fit into one statement."""
    for start in range(0, len(values), _MOST):
        yield values[start : start + _MOST]
