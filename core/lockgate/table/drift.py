"""Compare two tables column by column: has the current one drifted away from the reference?

`compare` reads both tables where they lie, on DuckDB; `column_pair` counts each column, and every
statistic follows from whole numbers. The result is therefore the same, to the last bit, whatever the order of
the rows and the number of cores. `lockgate.table.profile_drift` does the same from two profiles.

A column has drifted only if three things hold together:

1. **Significant**: its p value, corrected for the number of columns, is below ``alpha``.
   Numbers: the two-sample Kolmogorov-Smirnov test on all rows. Categories, truth values and whole
   numbers of at most 20 different values: the chi-square test of homogeneity.
2. **Material**: PSI, Jensen-Shannon distance, or another distance that was asked for is above its
   limit. With a million rows every difference is significant; few of them matter.
3. **Enough rows** in both tables; with fewer the answer is unknown, not "no".

Missing values (null and NaN) are a category of their own, so a changed rate of them is seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.errors import InputError
from lockgate.progress import working
from lockgate.table import season
from lockgate.table.baseline.profile import ColumnProfile
from lockgate.table.column_drift import TIME, ColumnDrift, Sizes
from lockgate.table.column_pair import ColumnPair, Measured
from lockgate.table.comparison import (
    ALPHA,
    MAX_JS,
    MAX_PSI,
    MIN_ROWS,
    Comparison,
    Correction,
    Limits,
    require_rows,
    wanted,
)
from lockgate.table.engine import duck
from lockgate.table.engine.arrays import BUDGET, columns_a_query, sorted_columns
from lockgate.table.engine.columns import number_sql, value_sql
from lockgate.table.formats import file_format
from lockgate.table.profile_drift import column_drift
from lockgate.table.read import connect, refuse_no_value, relation
from lockgate.table.season import Season
from lockgate.table.sql import COLUMNS_A_QUERY, select

if TYPE_CHECKING:
    import duckdb

__all__ = [
    "ALPHA",
    "MAX_JS",
    "MAX_PSI",
    "MIN_ROWS",
    "ColumnDrift",
    "Comparison",
    "Correction",
    "Limits",
    "compare",
]

_VIEWS = ("lockgate_reference", "lockgate_current")
_MEMORY = "384MB"  # of DuckDB beside the arrays; it spills what is larger
_NUMBER = 8  # bytes


def compare(
    reference: Path,
    current: Path,
    *,
    columns: Sequence[str] | None = None,
    ignore: Iterable[str] = (),
    always: Iterable[str] = (),
    limits: Limits | None = None,
    same: Season | None = None,
    threads: int | None = None,
    budget: int = BUDGET,
) -> Comparison:
    """Compare two tables column by column.

    Without ``columns``, these are left out and named in `Comparison.ignored`, because they differ
    between any two batches: keys (whole numbers or text, another value in every row of both
    tables), dates and time stamps, and whole numbers that are constant in each table and went up,
    such as a year or a batch number.

    Args:
        reference: The table to compare with.
        current: The table that may have drifted.
        columns: The columns to test, however they look; None tests all but the above.
        ignore: Columns to leave out.
        always: Columns to test however they look, beside the others.
        limits: When a column has drifted.
        same: Compare with the rows of the reference of the same season only.
        threads: Columns that are compared at a time, and threads of DuckDB; None is one a core.
            Changes no result.
        budget: Bytes of numbers that may be held. What does not fit is compared by counts between
            edges, and `ColumnDrift.statistic_error` says how exact that is.

    Raises:
        InputError: A table is unreadable or empty, a named column is in neither table, a column has
            no value at all in one of them, nothing is left to compare, or a threshold is out of range.
    """
    limits = limits or Limits()
    with connect(_MEMORY) as connection, working("comparing columns"):
        if threads is not None:
            connection.execute(f"SET threads = {int(threads)}")
        types = [_open(connection, *pair) for pair in zip((reference, current), _VIEWS, strict=True)]
        if same is not None:
            season.keep(connection, same, _VIEWS, types, (reference, current))
        looked_at = wanted(types[0], types[1], columns, set(ignore))
        shared = [name for name in looked_at if all(name in side for side in types)]
        if not shared:
            raise InputError(f"{reference} and {current} share no column to compare; check the two inputs")
        rows, pairs = _pairs(connection, shared, types, (reference, current))
        found = Comparison(
            *rows,
            missing=[name for name in looked_at if name not in types[1]],
            extra=[name for name in looked_at if name not in types[0]],
        )
        named = set(shared) if columns is not None else set(always)
        for pair in pairs:
            if pair.retyped:
                found.retyped[pair.name] = pair.types
            elif pair.name not in named and pair.is_time:
                found.ignored[pair.name] = TIME
        kept = [p for p in pairs if p.name not in found.retyped and p.name not in found.ignored]
        at_a_time = _threads(connection) if _can_share(reference, current) else 1
        measured = _Measuring(connection, rows, budget, at_a_time).all(kept)
    for pair in kept:
        reason, drift = measured[pair.name]
        if pair.name not in named and reason:
            found.ignored[pair.name] = reason
        else:
            found.columns.append(drift)
    order = {name: place for place, name in enumerate(shared)}
    ignored = dict(sorted(found.ignored.items(), key=lambda item: order[item[0]]))
    found.ignored.clear()
    found.ignored.update(ignored)
    return found.judged(limits)


def _open(connection: duckdb.DuckDBPyConnection, path: Path, view: str) -> dict[str, str]:
    table = relation(connection, path)
    table.create_view(view)
    return dict(zip(table.columns, map(str, table.types), strict=True))


def _can_share(*paths: Path) -> bool:
    """Whether other cursors see the tables: what was parsed from text is a temporary table of one."""
    return all(file_format(path) == "parquet" for path in paths)


def _threads(connection: duckdb.DuckDBPyConnection) -> int:
    return int(connection.execute("SELECT current_setting('threads')").fetchall()[0][0])


def _pairs(
    connection: duckdb.DuckDBPyConnection,
    names: Sequence[str],
    types: Sequence[dict[str, str]],
    paths: tuple[Path, Path],
) -> tuple[tuple[int, int], list[ColumnPair]]:
    """Count the rows of each table, and the values of each column."""
    counted = []
    for view, sides, path in zip(_VIEWS, types, paths, strict=True):
        ((count,),) = connection.execute(select("count(*)", view)).fetchall()
        require_rows(count, path)
        row = [count]
        step = columns_a_query(count, COLUMNS_A_QUERY)
        for start in range(0, len(names), step):
            values = (f"count({value_sql(name, sides[name])})" for name in names[start : start + step])
            row += connection.execute(select(", ".join(values), view)).fetchall()[0]
        for name, filled in zip(names, row[1:], strict=True):
            if not filled:
                refuse_no_value(name, path)
        counted.append(row)
    rows = counted[0][0], counted[1][0]
    pairs = [
        ColumnPair(
            name,
            (types[0][name], types[1][name]),
            Sizes(rows, (counted[0][position], counted[1][position])),
        )
        for position, name in enumerate(names, 1)
    ]
    return rows, pairs


@dataclass(frozen=True)
class _Measuring:
    """Chooses the way in which each column is measured, and goes it."""

    connection: duckdb.DuckDBPyConnection
    rows: tuple[int, int]
    budget: int
    threads: int

    def all(self, pairs: Sequence[ColumnPair]) -> dict[str, Measured]:
        numeric = [pair for pair in pairs if pair.common is not None]
        bytes_a_pair = sum(self.rows) * _NUMBER
        threads = max(1, min(self.threads, self.budget // bytes_a_pair))
        found = {p.name: p.of_sql(self.connection) for p in pairs if p.common is None}
        if bytes_a_pair > self.budget:
            return found | {pair.name: ("", self._from_counts(pair)) for pair in numeric}
        size = max(1, min(columns_a_query(max(self.rows)), self.budget // (bytes_a_pair * threads)))
        groups = [numeric[start : start + size] for start in range(0, len(numeric), size)]
        scan = duck.Scan(self.connection, _VIEWS[0], {}, 0, threads)
        for part in duck.cursors(scan, groups, self._group):
            found |= part
        return found

    def _group(self, cursor: Any, group: Sequence[ColumnPair]) -> dict[str, Measured]:
        sides = [
            sorted_columns(
                cursor,
                view,
                self.rows[side],
                {p.name: number_sql(p.name, p.types[side], str(p.common)) for p in group},
            )
            for side, view in enumerate(_VIEWS)
        ]
        return {p.name: p.of_arrays(sides[0].pop(p.name), sides[1].pop(p.name)) for p in group}

    def _from_counts(self, pair: ColumnPair) -> ColumnDrift:
        sides: list[ColumnProfile] = []
        layout = None
        for view, type_, rows in zip(_VIEWS, pair.types, self.rows, strict=True):
            scan = duck.Scan(self.connection, view, {pair.name: type_}, rows)
            layout = duck.profile(scan, layout=layout, budget=0)
            sides.append(layout.columns[pair.name])
        return column_drift(pair.name, *sides)
