"""Compare one column of two tables on DuckDB; no value leaves this process, only counts are kept.

| column | how |
|---|---|
| whole numbers of 64 bits, floats | both sides as sorted arrays, within a budget of memory: exact |
| the same, more of them than the budget | counts between edges in batches: D with a bound of its error |
| decimals, larger whole numbers, times | DuckDB counts and orders the values: exact |
| texts, truth values, nested ones | DuckDB counts the values |
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockgate.table.baseline.profile import FEW_VALUES, MOST_CATEGORIES
from lockgate.table.baseline.sums import sums
from lockgate.table.column_drift import (
    BATCH_MARK,
    BINS,
    KEY,
    ColumnDrift,
    Numbers,
    Sizes,
    from_categories,
    from_numbers,
)
from lockgate.table.engine.columns import Family, common_number, family_of, is_whole, value_sql
from lockgate.table.engine.kernel import binned, edge_array, edges_of, finite
from lockgate.table.engine.pair import pair
from lockgate.table.picture import bars
from lockgate.table.sql import select
from lockgate.table.two_sample import LEAST_EXPECTED, Counts

if TYPE_CHECKING:
    import duckdb
    import numpy as np

_BATCH_ROWS = 262_144

Measured = tuple[str, ColumnDrift]
"""Why the column may be left out (or an empty text), and its statistics."""


@dataclass(frozen=True)
class ColumnPair:
    """One column of the reference and of the current table.

    Attributes:
        name: Its name.
        types: DuckDB's type on either side.
        sizes: Its rows and values.
    """

    name: str
    types: tuple[str, str]
    sizes: Sizes

    @property
    def told(self) -> list[str]:
        """The types of the sides that hold any value: without one, formats such as CSV say text."""
        return [type_ for type_, filled in zip(self.types, self.sizes.filled, strict=True) if filled]

    @property
    def families(self) -> set[Family]:
        """The families of those types: one, unless the type has changed."""
        return {family_of(type_) for type_ in self.told}

    @property
    def retyped(self) -> bool:
        """Whether the two sides are of types that cannot be compared."""
        return len(self.families) > 1 or (self.families == {"other"} and len(set(self.told)) > 1)

    @property
    def is_time(self) -> bool:
        """Whether either side holds dates or time stamps."""
        return "time" in self.families

    @property
    def common(self) -> str | None:
        """The type in which numpy compares the values, if it can."""
        return common_number(self.told) if self.families == {"number"} else None

    def of_arrays(self, one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> Measured:
        """Measure it from the sorted values of both sides, fetched as `common`."""
        found = pair(one, other, FEW_VALUES)
        whole = all(map(is_whole, self.told))
        n, m = self.sizes.filled
        reason = ""
        if whole and found.distinct == (n, m) and min(n, m) > 1:
            reason = KEY
        elif whole and found.distinct == (1, 1) and other[0] > one[0] > 1:
            reason = BATCH_MARK
        if whole and found.few is not None:
            return reason, from_categories(self.name, self.sizes, found.few)
        deciles = edge_array(edges_of(one, BINS), one.dtype, "")
        bins = list(zip(binned(one, deciles), binned(other, deciles), strict=True))
        moved = found.wasserstein
        if moved is not None:
            moved /= sums(finite(one)).std or 1.0
        numbers = Numbers(
            gap=found.gap,
            bins=[pair_ for pair_ in bins if any(pair_)],
            wasserstein=moved,
            picture=bars(found.edges, found.bins),
        )
        return reason, from_numbers(self.name, self.sizes, numbers)

    def of_sql(self, connection: duckdb.DuckDBPyConnection) -> Measured:
        """Measure it by counting each value in DuckDB."""
        if self.families and self.families <= {"number", "time"}:
            return self._numbers(connection)
        return self._categories(connection)

    def _numbers(self, connection: duckdb.DuckDBPyConnection) -> Measured:
        ranked = Ranked(*self.sizes.filled)
        for part in self._parts(connection):
            ranked.add(*part)
        whole = all(map(is_whole, self.told))
        reason = ""
        if whole and ranked.is_key:
            reason = KEY
        elif whole and ranked.went_up and self._above_one(connection):
            reason = BATCH_MARK
        if whole and ranked.groups <= FEW_VALUES:
            return reason, from_categories(self.name, self.sizes, ranked.few)
        shares = [[pair_[side] / max(1, self.sizes.filled[side]) for pair_ in ranked.bins] for side in (0, 1)]
        numbers = Numbers(ranked.gap, ranked.bins, picture=(shares[0], shares[1]))
        return reason, from_numbers(self.name, self.sizes, numbers)

    def _categories(self, connection: duckdb.DuckDBPyConnection) -> Measured:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE lockgate_groups AS {self._groups('VARCHAR')}")
        ask = connection.execute
        ((most_r, most_c),) = ask(
            select("coalesce(max(r), 0), coalesce(max(c), 0)", "lockgate_groups")
        ).fetchall()
        # Whole numbers put into the text: bound parameters make duckdb load pandas.
        filled = self.sizes.filled
        least = math.ceil(LEAST_EXPECTED * sum(filled) / max(1, min(filled)))
        kept: Counts = ask(
            select(
                "r, c",
                "lockgate_groups",
                f"WHERE r + c >= {least} ORDER BY r + c DESC, r DESC LIMIT {MOST_CATEGORIES}",
            )
        ).fetchall()
        is_key = most_r == most_c == 1 and min(filled) > 1 and "text" in self.families
        return KEY if is_key else "", from_categories(self.name, self.sizes, kept)

    def _groups(self, cast: str | None) -> str:
        """The SQL that counts each value: v, r times in the reference, c times in the current table."""
        one, other = (value_sql(self.name, type_, cast) for type_ in self.types)
        filled = "WHERE v IS NOT NULL GROUP BY v"
        before = select(f"{one} AS v, count(*) AS r, 0 AS c", "lockgate_reference", filled)
        now = select(f"{other} AS v, 0 AS r, count(*) AS c", "lockgate_current", filled)
        counts = "v, CAST(sum(r) AS BIGINT) AS r, CAST(sum(c) AS BIGINT) AS c"
        return select(counts, f"({before} UNION ALL {now})", "GROUP BY v")

    def _parts(self, connection: duckdb.DuckDBPyConnection) -> Iterable[tuple[Any, Any]]:
        """Yield the two counts of each different value, in the order of the values, in batches."""
        import numpy as np

        cast = "FLOAT" if "FLOAT" in self.told else self.told[0] if len(self.told) == 1 else None
        query = select("r, c", f"({self._groups(cast)})", "ORDER BY v")
        for batch in connection.sql(query).to_arrow_reader(_BATCH_ROWS):
            # Not to_numpy(), which loads pandas.
            yield np.from_dlpack(batch.column(0)), np.from_dlpack(batch.column(1))

    def _above_one(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Whether the reference is above 1: a flag that went from 0 to 1 marks no batch."""
        query = select(f"min({value_sql(self.name, self.types[0])}) > 1", "lockgate_reference")
        return bool(connection.execute(query).fetchall()[0][0])


class Ranked:
    """Counts of a column of numbers, fed in the order of the values.

    The bins are those between the reference's exact deciles, one below its lowest and one above its
    highest value. A value's bin follows from its rank: the tenth of the reference that lies below it.
    """

    def __init__(self, n: int, m: int) -> None:
        self.n, self.m = n, m
        self.gap = 0
        self.groups = 0
        self.few: Counts = []
        self._most = [0, 0]
        self._seen = [0, 0]
        self._distinct = [0, 0]
        self._bins = [[0] * (BINS + 2), [0] * (BINS + 2)]

    def add(self, r: Any, c: Any) -> None:
        """Take the next values, as two arrays of int64 counts."""
        import numpy as np

        up_r, up_c = self._seen[0] + np.cumsum(r), self._seen[1] + np.cumsum(c)
        self.gap = max(self.gap, int(np.abs(up_r * self.m - up_c * self.n).max()))
        below = up_r - r
        bins = below * BINS // max(1, self.n) + 1
        bins[below == self.n] = BINS + 1
        bins[up_r == 0] = 0
        for side, counts in enumerate((r, c)):
            # bincount's weights are floats: exact for counts below 2**53.
            for bin_, rows in enumerate(np.bincount(bins, weights=counts, minlength=BINS + 2)):
                self._bins[side][bin_] += int(rows)
            self._most[side] = max(self._most[side], int(counts.max()))
            self._distinct[side] += int(np.count_nonzero(counts))
            self._seen[side] += int(counts.sum())
        if self.groups <= FEW_VALUES:
            self.few += [
                (int(a), int(b)) for a, b in zip(r[: FEW_VALUES + 1], c[: FEW_VALUES + 1], strict=True)
            ]
        self.groups += len(r)

    @property
    def bins(self) -> Counts:
        """The counts of the bins that hold any row."""
        return [(a, b) for a, b in zip(*self._bins, strict=True) if a or b]

    @property
    def is_key(self) -> bool:
        """Whether no value stands twice in the same table."""
        return self._most == [1, 1] and min(self.n, self.m) > 1

    @property
    def went_up(self) -> bool:
        """Whether each table has one value only, and the current one's is higher."""
        return self._distinct == [1, 1] and self.few[:1] == [(self.n, 0)]
