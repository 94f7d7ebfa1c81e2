"""The tables of a ledger: everything in them is only ever added, and nothing in them is trusted.

A subtree of the Merkle tree is stored under one number, its place in an in-order walk of the tree:
leaf `i` is ``2i``, and each inner node stands between its children.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from lockgate.ledger.merkle import Subtree

METADATA = sa.MetaData()
_INTEGER = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite's rowid has only this name


class Bytes(sa.LargeBinary):
    """Bytes; anything else that an SQLite file may hold there is read as none, and so as altered."""

    cache_ok = True

    def result_processor(self, dialect: Any, coltype: Any) -> Callable[[Any], bytes]:  # noqa: ARG002 - SQLAlchemy's signature
        """Return what reads a value of the driver."""
        return lambda value: bytes(value) if isinstance(value, (bytes, memoryview)) else b""


LEAVES = sa.Table(
    "lockgate_ledger_leaves",
    METADATA,
    sa.Column("position", _INTEGER, primary_key=True, autoincrement=False),
    sa.Column("envelope", Bytes, nullable=False, index=True),
    sa.Column("payload", Bytes, nullable=False),
)
NODES = sa.Table(
    "lockgate_ledger_nodes",
    METADATA,
    sa.Column("place", _INTEGER, primary_key=True, autoincrement=False),
    sa.Column("hash", Bytes, nullable=False),
)
ENTRIES = sa.Table(  # the entries of each subject, in order
    "lockgate_ledger_entries",
    METADATA,
    sa.Column("subject", Bytes, primary_key=True),
    sa.Column("number", _INTEGER, primary_key=True, autoincrement=False),
    sa.Column("position", _INTEGER, nullable=False),
    sqlite_with_rowid=False,
)
SUBJECTS = sa.Table(  # the nodes of the map, each under its hash
    "lockgate_ledger_subjects",
    METADATA,
    sa.Column("hash", Bytes, primary_key=True),
    sa.Column("content", Bytes, nullable=False),
    sqlite_with_rowid=False,
)
CHECKPOINTS = sa.Table(
    "lockgate_ledger_checkpoints",
    METADATA,
    sa.Column("size", _INTEGER, primary_key=True, autoincrement=False),
    sa.Column("note", sa.Text, nullable=False),
)


def place(node: Subtree) -> int:
    """Return the number under which a subtree is stored."""
    level, index = node
    return (((2 * index) + 1) << level) - 1


def subtree(number: int) -> Subtree:
    """Return the subtree that is stored under a number."""
    level = ((number + 1) & -(number + 1)).bit_length() - 1
    return level, (number + 1) >> (level + 1)
