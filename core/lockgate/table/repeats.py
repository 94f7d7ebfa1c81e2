"""Count rows that repeat others: exact copies, and twins with another label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lockgate.table.sql import quote, select
from lockgate.table.typed import Table


@dataclass(frozen=True)
class Repeats:
    """Rows that repeat others.

    Attributes:
        count: How many rows.
        rows: The first of them, at most 20, by 0-based number.
    """

    count: int
    rows: tuple[int, ...] = ()


def duplicates(table: Table, names: Sequence[str] | None = None) -> Repeats:
    """Count the rows that a table would lose if each different row were kept once.

    Args:
        table: From `open_table`.
        names: The columns that are compared, as values of their kinds, among the rows that have
            them all; None compares whole rows as they are stored, gaps included.

    Returns:
        The count of surplus copies; its row numbers are those of all copies, the first included.
    """
    if names is None:
        return _repeats(table, [quote(name) for name in table.storage], "count(*) - 1", "count(*) > 1")
    values = [table.value(name) for name in names]
    complete = " AND ".join(f"{value} IS NOT NULL" for value in values)
    return _repeats(table, values, "count(*) - 1", "count(*) > 1", complete)


def copies(table: Table, names: Sequence[str]) -> Repeats:
    """Count surplus copies among rows of some columns only, as they are stored, gaps included.

    Args:
        table: From `open_table`.
        names: The columns that are compared.
    """
    return _repeats(table, [quote(name) for name in names], "count(*) - 1", "count(*) > 1")


def conflicts(table: Table, features: Sequence[str], label: str) -> Repeats:
    """Count the rows that equal another row in every feature and have another label.

    Args:
        table: From `open_table`.
        features: The columns that are compared.
        label: The label; rows without one are left out.
    """
    chosen = [quote(name) for name in features]
    value = table.value(label)
    return _repeats(table, chosen, f"count({value})", f"min({value}) <> max({value})")


def _repeats(table: Table, columns: list[str], counted: str, having: str, where: str = "true") -> Repeats:
    """Group rows exactly, but hold in memory only the groups that a 64-bit hash says may matter.

    A hash never tells equal rows apart, so nothing is missed; rows that merely share a hash are
    separated by the exact grouping of the second step. No alias is used in a GROUP BY or HAVING:
    the table may have a column of that name.
    """
    if not columns:
        return Repeats(0)
    hashed = f"hash({', '.join(columns)})"
    source, keys = quote(table.view), quote(table.view + "_repeats")
    likely = select(f"{hashed} AS h", source, f"WHERE {where} GROUP BY {hashed} HAVING {having}")
    table.query(f"CREATE OR REPLACE TEMP TABLE {keys} AS {likely}")
    again = f"{where} AND {hashed} IN (FROM {keys})"
    grouped = f"WHERE {again} GROUP BY {', '.join(columns)} HAVING {having}"
    groups = select(f"{counted} AS n", source, grouped)
    count = table.query(select("sum(n)", f"({groups})"))[0][0]
    rows = table.rows_where(again) if count else ()
    table.query(f"DROP TABLE {keys}")
    return Repeats(int(count or 0), rows)
