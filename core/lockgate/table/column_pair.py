"""Count one column of two tables on DuckDB, and measure how far it has moved.

The engine groups equal values of both tables and hands over two counts a value, in the order of the
values, in batches: no value leaves it, and memory is bounded. Categories, truth values and whole
numbers of at most 20 different values are counted one by one; numbers are put into the tenths of
the reference.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from lockgate.table.sql import quote, select
from lockgate.table.two_sample import (
    LEAST_EXPECTED,
    Counts,
    chi_square,
    jensen_shannon,
    kolmogorov_smirnov_p,
    psi,
)

if TYPE_CHECKING:
    import duckdb

BINS = 10
_FEW_VALUES = 20
_MOST_CATEGORIES = 1000
_MOST_POOLED = 0.5
_BATCH_ROWS = 262_144

Family = Literal["number", "truth", "text", "time", "other"]


@dataclass(frozen=True)
class ColumnDrift:
    """How far one column has moved.

    Attributes:
        column: Its name.
        test: ``ks`` or ``chi-square``.
        statistic: D of Kolmogorov-Smirnov (0 to 1), or chi-square.
        p_value: Of this column alone.
        p_holm: Corrected for all columns that were tested.
        psi: Population Stability Index, natural logarithm; see `psi`.
        js: Jensen-Shannon distance to base 2, 0 to 1; see `jensen_shannon`.
        missing_reference: Share of rows without a value in the reference.
        missing_current: The same in the current table.
        drifted: True, False, or None when it could not be decided.
        reason: Why it could not be decided, one sentence, or empty.
    """

    column: str
    test: Literal["ks", "chi-square"]
    statistic: float
    p_value: float
    psi: float
    js: float
    missing_reference: float
    missing_current: float
    p_holm: float = 1.0
    drifted: bool | None = False
    reason: str = ""


@dataclass
class ColumnPair:
    """One column of the reference and of the current table, and how to count it.

    Attributes:
        connection: DuckDB, with the views ``lockgate_reference`` and ``lockgate_current``.
        name: Its name.
        types: DuckDB's type on either side.
        rows: Rows of either table.
        filled: Rows of either table with a value in it.
    """

    connection: duckdb.DuckDBPyConnection
    name: str
    types: tuple[str, str]
    rows: tuple[int, int]
    filled: tuple[int, int]

    @property
    def told(self) -> list[str]:
        """The types of the sides that hold any value: without one, formats such as CSV say text."""
        return [type_ for type_, filled in zip(self.types, self.filled, strict=True) if filled]

    @property
    def families(self) -> set[Family]:
        """The families of those types: one, unless the type has changed."""
        return {_family(type_) for type_ in self.told}

    @property
    def retyped(self) -> bool:
        """Whether the two sides are of types that cannot be compared."""
        return len(self.families) > 1 or (self.families == {"other"} and len(set(self.told)) > 1)

    @property
    def is_time(self) -> bool:
        """Whether either side holds dates or time stamps."""
        return "time" in self.families

    @property
    def empty(self) -> tuple[int, int]:
        """Rows of either table without a value in it."""
        return self.rows[0] - self.filled[0], self.rows[1] - self.filled[1]

    def measure(self) -> tuple[str, ColumnDrift]:
        """Return why the column may be left out (or an empty text), and its statistics."""
        if self.families and self.families <= {"number", "time"}:
            return self._measure_numbers()
        return self._measure_categories()

    def _measure_numbers(self) -> tuple[str, ColumnDrift]:
        ranked = Ranked(*self.filled)
        for part in self._parts():
            ranked.add(*part)
        whole = all(map(_is_whole, self.told))
        reason = ""
        if whole and ranked.is_key:
            reason = "a key: another value in every row"
        elif whole and ranked.went_up and self._above_one():
            reason = "constant in each table, and higher now: the mark of a batch, such as a year"
        if whole and ranked.groups <= _FEW_VALUES:
            return reason, self._categories(ranked.few)
        p_values = []
        if all(self.filled):
            p_values.append(kolmogorov_smirnov_p(ranked.gap, *self.filled))
        if any(self.empty):
            p_values.append(chi_square([self.filled, self.empty])[1])
        # Two looks at one column, for its values and for its missing ones: Bonferroni.
        p_value = min(1.0, len(p_values) * min(p_values))
        distance = ranked.gap / (self.filled[0] * self.filled[1]) if all(self.filled) else 0.0
        return reason, self._drift("ks", distance, p_value, ranked.bins)

    def _measure_categories(self) -> tuple[str, ColumnDrift]:
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE lockgate_groups AS {self._groups('VARCHAR')}")
        ask = self.connection.execute
        (summary,) = ask(
            "SELECT count(*), coalesce(max(r), 0), coalesce(max(c), 0) FROM lockgate_groups"
        ).fetchall()
        # Whole numbers put into the text: bound parameters make duckdb load pandas.
        least = math.ceil(LEAST_EXPECTED * sum(self.filled) / max(1, min(self.filled)))
        kept: Counts = ask(
            select(
                "r, c",
                "lockgate_groups",
                f"WHERE r + c >= {least} ORDER BY r + c DESC, r DESC LIMIT {_MOST_CATEGORIES}",
            )
        ).fetchall()
        is_key = summary[1] == summary[2] == 1 and min(self.filled) > 1 and "text" in self.families
        reason = "a key: another value in every row" if is_key else ""
        return reason, self._categories(kept)

    def _categories(self, kept: Counts) -> ColumnDrift:
        """Statistics from the categories that were counted one by one; what they leave is pooled."""
        pool = self.filled[0] - sum(r for r, _ in kept), self.filled[1] - sum(c for _, c in kept)
        counts = [*kept, *([pool] if any(pool) else [])]
        statistic, p_value = chi_square([*counts, self.empty])
        drift = self._drift("chi-square", statistic, p_value, counts)
        if sum(pool) > _MOST_POOLED * sum(self.rows):
            return replace(drift, reason="more than half of its rows have values too rare to compare")
        return drift

    def _drift(
        self, test: Literal["ks", "chi-square"], statistic: float, p: float, counts: Counts
    ) -> ColumnDrift:
        bins = [*counts, self.empty] if any(self.empty) else counts
        return ColumnDrift(
            column=self.name,
            test=test,
            statistic=statistic,
            p_value=p,
            psi=psi(bins),
            js=jensen_shannon(bins),
            missing_reference=self.empty[0] / self.rows[0],
            missing_current=self.empty[1] / self.rows[1],
        )

    def _groups(self, cast: str | None) -> str:
        """The SQL that counts each value: v, r times in the reference, c times in the current table."""
        one, other = (value_sql(self.name, type_, cast) for type_ in self.types)
        before = select(f"{one} AS v, 1 AS r, 0 AS c", "lockgate_reference")
        now = select(f"{other} AS v, 0 AS r, 1 AS c", "lockgate_current")
        counts = "v, CAST(sum(r) AS BIGINT) AS r, CAST(sum(c) AS BIGINT) AS c"
        return select(counts, f"({before} UNION ALL {now})", "WHERE v IS NOT NULL GROUP BY v")

    def _parts(self) -> Iterable[tuple[Any, Any]]:
        """Yield the two counts of each different value, in the order of the values, in batches."""
        import numpy as np

        # A FLOAT widened to DOUBLE equals none of the decimals it was written as: compare as FLOAT.
        cast = "FLOAT" if "FLOAT" in self.told else self.told[0] if len(self.told) == 1 else None
        query = select("r, c", f"({self._groups(cast)})", "ORDER BY v")
        for batch in self.connection.sql(query).to_arrow_reader(_BATCH_ROWS):
            # Not to_numpy(), which loads pandas.
            yield np.from_dlpack(batch.column(0)), np.from_dlpack(batch.column(1))

    def _above_one(self) -> bool:
        """Whether the reference is above 1: a flag that went from 0 to 1 marks no batch."""
        query = select(f"min({value_sql(self.name, self.types[0])}) > 1", "lockgate_reference")
        return bool(self.connection.execute(query).fetchall()[0][0])


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
        if self.groups <= _FEW_VALUES:
            self.few += [
                (int(a), int(b)) for a, b in zip(r[: _FEW_VALUES + 1], c[: _FEW_VALUES + 1], strict=True)
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


def value_sql(name: str, type_: str, cast: str | None = None) -> str:
    """Return the SQL for one value: NaN is a missing value, as it is to pandas."""
    column = quote(name)
    if type_ in ("FLOAT", "DOUBLE"):
        column = f"CASE WHEN isfinite({column}) OR isinf({column}) THEN {column} END"
    return f"CAST({column} AS {cast})" if cast else column


def _family(type_: str) -> Family:
    name = type_.partition("(")[0]
    if _is_whole(name) or name in ("FLOAT", "DOUBLE", "DECIMAL"):
        return "number"
    if name == "BOOLEAN":
        return "truth"
    if name.startswith("TIMESTAMP") or name == "DATE":
        return "time"
    return "text" if name in ("VARCHAR", "ENUM", "UUID") else "other"


def _is_whole(type_: str) -> bool:
    return type_.endswith("INT") or type_ in ("INTEGER", "UINTEGER")
