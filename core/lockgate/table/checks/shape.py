"""Draw small distributions of columns for a report: counts in bins over every row, no values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lockgate.table.sql import COLUMNS_A_QUERY, quote, select

if TYPE_CHECKING:
    from lockgate.table.profile import Column
    from lockgate.table.typed import Table

BINS = 20


def shapes(
    table: Table, columns: Mapping[str, Column], edges_of: Mapping[str, Column] | None = None
) -> dict[str, list[int]]:
    """Count numbers and time stamps in bins of equal width; other columns are left out.

    Args:
        table: From `open_table`.
        columns: The columns to count, as they were profiled.
        edges_of: A profile whose ranges give the bins, so that two tables share them; values outside
            fall into the outermost bins. By default the table's own.
    """
    asked: dict[str, str] = {}
    for name, column in columns.items():
        edge = (edges_of or columns).get(name)
        if edge is None or edge.kind != column.kind or column.kind not in ("integer", "number", "datetime"):
            continue
        if not column.valid or edge.minimum is None or edge.minimum == edge.maximum:
            continue
        asked[name] = _binned(table, name, edge)
    found: dict[str, list[int]] = {}
    names = list(asked)
    for start in range(0, len(names), COLUMNS_A_QUERY):
        batch = names[start : start + COLUMNS_A_QUERY]
        answers = table.query(select(", ".join(f"histogram({asked[n]})" for n in batch), quote(table.view)))[
            0
        ]
        for name, counted in zip(batch, answers, strict=True):
            found[name] = [int((counted or {}).get(i, 0)) for i in range(BINS)]
    return found


def outline(counts: Sequence[int]) -> list[float]:
    """Return counts as shares, so that tables of different sizes can lie over each other."""
    total = sum(counts)
    return [round(n / total, 4) for n in counts] if total else [0.0]


def _binned(table: Table, name: str, edge: Column) -> str:
    value = table.value(name)
    if edge.kind == "datetime":
        low, high = (_seconds(bound) for bound in (edge.minimum, edge.maximum))
        number = f"epoch({value})"
    else:
        low, high = float(edge.minimum), float(edge.maximum)
        number = f"CAST({value} AS DOUBLE)"
    # Halved before it is subtracted: the range of a column may be wider than the largest float.
    share = f"({number} / 2 - {low / 2!r}::DOUBLE) / {(high / 2 - low / 2) or 1.0!r}::DOUBLE"
    return f"CAST(least(greatest(floor({share} * {BINS}), 0), {BINS - 1}) AS INTEGER)"


def _seconds(moment: object) -> float:
    import datetime as dt

    if isinstance(moment, dt.datetime):
        return moment.replace(tzinfo=dt.timezone.utc).timestamp()
    return 0.0
