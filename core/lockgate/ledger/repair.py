"""Sign what no checkpoint covers: entries that another program, or an older version, left without one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lockgate.ledger import checkpoint as notes
from lockgate.ledger import leaf as leaves
from lockgate.ledger import rows
from lockgate.ledger.checkpoint import Checkpoint
from lockgate.ledger.errors import EntryAlteredError, EntryMissingError, ForeignLedgerError, TruncatedError
from lockgate.ledger.writing import Draft

if TYPE_CHECKING:
    import sqlalchemy as sa
    from securesystemslib.signer import Signer


def cover(
    connection: sa.Connection,
    signer: Signer,
    *,
    origin: str | None,
    default: str,
    trusted: Iterable[Any],
) -> Checkpoint | None:
    """Sign a checkpoint over every entry; see `lockgate.ledger.Ledger.cover`."""
    note, count = rows.latest(connection)
    last = notes.open_note(note, [signer.public_key, *trusted]) if note is not None else None
    start = last.size if last else 0
    if last and origin is not None and last.origin != origin:
        raise ForeignLedgerError(f"the ledger is {last.origin}, not {origin}; check which ledger is meant")
    if count < start:
        raise TruncatedError(
            f"the ledger has {count} entries of {start} that were signed; restore the database from a copy"
        )
    if count == start:
        return last
    draft = Draft(connection, last.origin if last else origin or default, last)
    for position, payload in rows.every_payload(connection, after=start - 1):
        leaf = leaves.parse(payload)
        if position != draft.size:
            raise EntryMissingError(f"the ledger's entry {draft.size} is missing; restore it from a copy")
        if leaf is None:
            raise EntryAlteredError(
                f"the ledger's entry {position} is none that Lockgate writes; restore it from a copy"
            )
        draft.add(leaf, payload)
    _forget(connection, draft)
    signed = notes.sign(draft.checkpoint(), signer)
    draft.store(signed)
    return signed


def _forget(connection: sa.Connection, draft: Draft) -> None:
    """Remove the rows of entries that nothing signed covers; the draft writes them anew."""
    from lockgate.ledger.tables import ENTRIES, LEAVES, NODES

    connection.execute(LEAVES.delete().where(LEAVES.c.position >= draft.start))
    connection.execute(ENTRIES.delete().where(ENTRIES.c.position >= draft.start))
    for part in rows.chunks([row["place"] for row in draft.nodes]):
        connection.execute(NODES.delete().where(NODES.c.place.in_(part)))
