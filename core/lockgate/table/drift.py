"""Compare two tables column by column: has the current one drifted away from the reference?

`compare` reads both tables where they lie, on DuckDB. `column_pair` counts each column there, and
every statistic of `two_sample` follows from those whole numbers. The result is therefore the same,
to the last bit, whatever the order of the rows and the number of cores.

A column has drifted only if three things hold together:

1. **Significant**: its p value, corrected by Holm for the number of columns, is below ``alpha``.
   Numbers: the two-sample Kolmogorov-Smirnov test on all rows. Categories, truth values and whole
   numbers of at most 20 different values: the chi-square test of homogeneity.
2. **Material**: PSI or Jensen-Shannon distance is above its threshold. With a million rows every
   difference is significant; few of them matter.
3. **Enough rows** in both tables; with fewer the answer is unknown, not "no".

Missing values (null and NaN) are a category of their own, so a changed rate of them is seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.errors import InputError
from lockgate.table.column_pair import ColumnDrift, ColumnPair, value_sql
from lockgate.table.read import connect, refuse_no_value, relation, require_columns
from lockgate.table.sql import select
from lockgate.table.two_sample import holm

if TYPE_CHECKING:
    import duckdb

__all__ = ["ALPHA", "MAX_JS", "MAX_PSI", "MIN_ROWS", "ColumnDrift", "Comparison", "compare"]

ALPHA = 0.05
"""Chance that any column at all is called significant when nothing has changed (Holm holds it)."""
MAX_PSI = 0.1
"""Above it a change is worth a look: the usual reading of PSI (Siddiqi, Credit Risk Scorecards, 2006)."""
MAX_JS = 0.1
"""Jensen-Shannon distance; a normal column moved by a quarter of its deviation has 0.106."""
MIN_ROWS = 500
"""A true PSI of 0.1 gives the chi-square test a noncentrality of n * PSI / 2 = 25 at 500 rows in
each table, a power of 0.96 on 10 bins at the level 0.05. With fewer rows "no drift" means little."""

_MOST_ROWS = 2**31


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    Attributes:
        rows_reference: Rows of the reference.
        rows_current: Rows of the current table.
        columns: The columns that were tested, in the order of the reference.
        ignored: Columns that were left out, with the reason.
        missing: Columns of the reference that the current table lacks.
        extra: Columns of the current table that the reference lacks.
        retyped: Columns of another type than before: name to (before, now).
    """

    rows_reference: int
    rows_current: int
    columns: list[ColumnDrift] = field(default_factory=list)
    ignored: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    retyped: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def drifted(self) -> list[ColumnDrift]:
        """The columns that have drifted."""
        return [c for c in self.columns if c.drifted]

    @property
    def undecided(self) -> list[ColumnDrift]:
        """The columns that could not be decided."""
        return [c for c in self.columns if c.drifted is None]

    @property
    def drifted_share(self) -> float | None:
        """Drifted columns over decided ones, 0 to 1; None when no column was decided."""
        decided = len(self.columns) - len(self.undecided)
        return len(self.drifted) / decided if decided else None


def compare(
    reference: Path,
    current: Path,
    *,
    columns: Sequence[str] | None = None,
    ignore: Iterable[str] = (),
    alpha: float = ALPHA,
    max_psi: float = MAX_PSI,
    max_js: float = MAX_JS,
    min_rows: int = MIN_ROWS,
    threads: int | None = None,
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
        alpha: Level of significance over all columns together, above 0 and below 1.
        max_psi: Largest PSI without drift, 0 or more.
        max_js: Largest Jensen-Shannon distance without drift, 0 to 1.
        min_rows: Fewest rows of each table for an answer, 1 or more.
        threads: Threads of DuckDB; None leaves its default, one a core. Changes no result.

    Raises:
        InputError: A table is unreadable or empty, a named column is in neither table, a column has
            no value at all in one of them, nothing is left to compare, or a threshold is out of range.
    """
    _check_thresholds(alpha, max_psi, max_js, min_rows)
    with connect() as connection:
        if threads is not None:
            connection.execute(f"SET threads = {int(threads)}")
        before, now = relation(connection, reference), relation(connection, current)
        before.create_view("lockgate_reference")
        now.create_view("lockgate_current")
        types_before = dict(zip(before.columns, map(str, before.types), strict=True))
        types_now = dict(zip(now.columns, map(str, now.types), strict=True))
        wanted = _wanted(types_before, types_now, columns, set(ignore))
        shared = [name for name in wanted if name in types_before and name in types_now]
        if not shared:
            raise InputError(f"{reference} and {current} share no column to compare; check the two inputs")
        sizes = _sizes(connection, shared, types_before, types_now)
        rows = sizes[0][0], sizes[1][0]
        for path, (count, *filled) in zip((reference, current), sizes, strict=True):
            _check_rows(path, count)
            for name, values in zip(shared, filled, strict=True):
                if not values:
                    refuse_no_value(name, path)
        found = Comparison(
            *rows,
            missing=[name for name in wanted if name not in types_now],
            extra=[name for name in wanted if name not in types_before],
        )
        for position, name in enumerate(shared, 1):
            sides = (types_before[name], types_now[name])
            column = ColumnPair(connection, name, sides, rows, (sizes[0][position], sizes[1][position]))
            if column.retyped:
                found.retyped[name] = sides
            elif columns is None and column.is_time:
                found.ignored[name] = "a date or time stamp, which moves by itself"
            else:
                reason, drift = column.measure()
                if columns is None and reason:
                    found.ignored[name] = reason
                else:
                    found.columns.append(drift)
    judged = _judged(found.columns, rows, alpha, max_psi, max_js, min_rows)
    return replace(found, columns=judged)


def _wanted(
    before: dict[str, str], now: dict[str, str], columns: Sequence[str] | None, ignore: set[str]
) -> list[str]:
    """All columns of the reference in its order, then the new ones; or those that were asked for."""
    there = [*before, *(name for name in now if name not in before)]
    require_columns(there, ignore, "ignore", where="the pair of tables")
    if columns is None:
        return [name for name in there if name not in ignore]
    require_columns(there, columns, "columns", where="the pair of tables")
    return [name for name in there if name in columns and name not in ignore]


def _sizes(
    connection: duckdb.DuckDBPyConnection, names: list[str], before: dict[str, str], now: dict[str, str]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """For each table: its rows, then the rows with a value of each column."""
    found = []
    for view, types in (("lockgate_reference", before), ("lockgate_current", now)):
        counted = ", ".join(f"count({value_sql(name, types[name])})" for name in names)
        (row,) = connection.execute(select(f"count(*), {counted}", view)).fetchall()
        found.append(tuple(map(int, row)))
    return found[0], found[1]


def _judged(
    columns: list[ColumnDrift],
    rows: tuple[int, int],
    alpha: float,
    max_psi: float,
    max_js: float,
    min_rows: int,
) -> list[ColumnDrift]:
    corrected = holm([c.p_value for c in columns])
    judged = []
    for column, p in zip(columns, corrected, strict=True):
        drifted: bool | None = p < alpha and (column.psi > max_psi or column.js > max_js)
        reason = column.reason
        if min(rows) < min_rows:
            reason = f"{min(rows)} rows are fewer than the {min_rows} that an answer needs"
        if reason:
            drifted = None
        judged.append(replace(column, p_holm=p, drifted=drifted, reason=reason))
    return judged


def _check_thresholds(alpha: float, max_psi: float, max_js: float, min_rows: int) -> None:
    if not 0 < alpha < 1:
        raise InputError(f"alpha is {alpha}, and must be above 0 and below 1; the usual value is {ALPHA}")
    if not 0 <= max_psi < math.inf:
        raise InputError(
            f"max_psi is {max_psi}, and must be a number of 0 or more; the usual value is {MAX_PSI}"
        )
    if not 0 <= max_js <= 1:
        raise InputError(f"max_js is {max_js}, and must be from 0 to 1; the usual value is {MAX_JS}")
    if min_rows < 1:
        raise InputError(f"min_rows is {min_rows}, and must be at least 1; the usual value is {MIN_ROWS}")


def _check_rows(path: Path, rows: int) -> None:
    if rows == 0:
        raise InputError(f"{path} has no rows; give a table with rows")
    if rows >= _MOST_ROWS:
        raise InputError(
            f"{path} has {rows} rows, more than the {_MOST_ROWS - 1} that are compared; split it"
        )
