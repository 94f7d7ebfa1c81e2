"""Compare two tables column by column: has the current one drifted away from the reference?

`compare` reads both tables where they lie, on DuckDB. For each column the engine groups equal
values of both tables and hands over two counts a value, in order, in batches: no value leaves the
engine, memory is bounded, and every statistic follows from whole numbers. The result is therefore
the same, to the last bit, whatever the order of the rows and the number of cores.

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
from typing import TYPE_CHECKING, Any, Literal

from lockgate.errors import InputError

if TYPE_CHECKING:
    import duckdb

ALPHA = 0.05
"""Chance that any column at all is called significant when nothing has changed (Holm holds it)."""
MAX_PSI = 0.1
"""Above it a change is worth a look: the usual reading of PSI (Siddiqi, Credit Risk Scorecards, 2006)."""
MAX_JS = 0.1
"""Jensen-Shannon distance; a normal column moved by a quarter of its deviation has 0.104."""
MIN_ROWS = 500
"""A true PSI of 0.1 gives the chi-square test a noncentrality of n * PSI / 2 = 25 at 500 rows in
each table, a power of 0.95 on 10 bins at the level 0.05. With fewer rows "no drift" means little."""

BINS = 10
_SMOOTHING = 0.5
_FEW_VALUES = 20
_MOST_CATEGORIES = 1000
_LEAST_EXPECTED = 5
_MOST_POOLED = 0.5
_MOST_ROWS = 2**31
_EXACT_PATHS = 1_000_000
_BATCH_ROWS = 262_144

Counts = list[tuple[int, int]]
"""One pair a bin or category: its rows in the reference and in the current table."""
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
    from lockgate.table.read import connect, refuse_no_value, relation

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
            column = _Column(connection, name, sides, rows, (sizes[0][position], sizes[1][position]))
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


# --- Statistics from counts -------------------------------------------------------------------------


def psi(counts: Counts) -> float:
    """Return the Population Stability Index: the sum of (p - q) ln(p / q), 0 when nothing changed.

    It is the symmetric Kullback-Leibler divergence (Jeffreys 1946; as PSI in Siddiqi 2006). Half a
    row is added to every bin of both sides (the estimator of Krichevsky and Trofimov 1981), so that
    an empty bin weighs by how many rows it could have had and not infinitely.
    """
    total_p = math.fsum(p + _SMOOTHING for p, _ in counts)
    total_q = math.fsum(q + _SMOOTHING for _, q in counts)
    shares = [((p + _SMOOTHING) / total_p, (q + _SMOOTHING) / total_q) for p, q in counts]
    return max(0.0, math.fsum((p - q) * math.log(p / q) for p, q in shares))


def jensen_shannon(counts: Counts) -> float:
    """Return the Jensen-Shannon distance to base 2: 0 for the same shares, 1 for none in common.

    The square root of the divergence (Lin 1991), which makes it a metric (Endres and Schindelin
    2003). No smoothing: it is defined for empty bins.
    """
    total_p, total_q = sum(p for p, _ in counts), sum(q for _, q in counts)
    if not total_p or not total_q:
        return 0.0 if total_p == total_q else 1.0
    terms = []
    for p, q in ((p / total_p, q / total_q) for p, q in counts):
        middle = (p + q) / 2
        terms += [x / 2 * math.log2(x / middle) for x in (p, q) if x]
    return math.sqrt(min(1.0, max(0.0, math.fsum(terms))))


def chi_square(counts: Counts) -> tuple[float, float]:
    """Return chi-square and p value of the test that both sides have the same shares.

    Categories with fewer than 5 expected rows on either side are pooled into one (Cochran 1954);
    if the pool is still too small, it joins the smallest other category. With one category left
    there is nothing to tell apart: 0 and 1.
    """
    from scipy.special import chdtrc

    n, m = sum(p for p, _ in counts), sum(q for _, q in counts)
    if not n or not m:
        return 0.0, 1.0
    common = [pair for pair in counts if _is_common(pair, n, m)]
    pool = n - sum(p for p, _ in common), m - sum(q for _, q in common)
    if any(pool):
        if common and not _is_common(pool, n, m):
            smallest = min(common, key=lambda pair: (sum(pair), pair))
            common.remove(smallest)
            pool = pool[0] + smallest[0], pool[1] + smallest[1]
        common.append(pool)
    if len(common) < 2:  # noqa: PLR2004 - two categories are the fewest that can be told apart
        return 0.0, 1.0
    # For two samples, chi-square is the sum over categories of (p m - q n)^2 / (n m (p + q)).
    statistic = math.fsum((p * m - q * n) ** 2 / (n * m * (p + q)) for p, q in common)
    return statistic, float(chdtrc(len(common) - 1, statistic))


def kolmogorov_smirnov_p(gap: int, n: int, m: int) -> float:
    """Return the two-sided p value of the two-sample Kolmogorov-Smirnov test.

    Exact for up to a million pairs n * m, by counting lattice paths (Hodges 1958); beyond that from
    the limit law with Stephens' correction for finite samples (1970). With ties both err on the
    safe side: the true p value is smaller.

    Args:
        gap: D * n * m, a whole number: the largest difference of the two distribution functions.
        n: Rows of one sample, at least 1.
        m: Rows of the other.
    """
    if gap <= 0:
        return 1.0
    if n * m <= _EXACT_PATHS:
        return _exact_p(gap, n, m)
    from scipy.special import kolmogorov

    root = math.sqrt(n * m / (n + m))
    return float(kolmogorov((root + 0.12 + 0.11 / root) * gap / (n * m)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number by Holm's step-down method (1979), in the given order."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected = [1.0] * len(p_values)
    highest = 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = highest
    return corrected


def _exact_p(gap: int, n: int, m: int) -> float:
    """Walk the antidiagonals of the n x m lattice: the chance that no path reaches the gap, from 1.

    ``stay[i]`` is the chance that a random interleaving of the first s rows took i of the n and has
    stayed below the gap so far.
    """
    import numpy as np

    i = np.arange(n + 1, dtype=np.int64)
    stay = np.zeros(n + 1)
    stay[0] = 1.0
    for s in range(1, n + m + 1):
        from_n = np.zeros(n + 1)
        from_n[1:] = stay[:-1] * (n - i[:-1])
        # Of the n + m - s + 1 rows that are left, m - (s - 1 - i) are of the other sample.
        from_m = stay * np.maximum(m - (s - 1 - i), 0)
        stay = (from_n + from_m) / (n + m - s + 1)
        j = s - i
        stay[(j < 0) | (j > m) | (np.abs(i * m - j * n) >= gap)] = 0.0
    return float(min(1.0, max(0.0, 1.0 - stay[n])))


def _is_common(pair: tuple[int, int], n: int, m: int) -> bool:
    return sum(pair) * min(n, m) >= _LEAST_EXPECTED * (n + m)


# --- Judging ----------------------------------------------------------------------------------------


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


# --- Counting on the engine -------------------------------------------------------------------------


def _wanted(
    before: dict[str, str], now: dict[str, str], columns: Sequence[str] | None, ignore: set[str]
) -> list[str]:
    """All columns of the reference in its order, then the new ones; or those that were asked for."""
    from lockgate.table.read import require_columns

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
        counted = ", ".join(f"count({_value(name, types[name])})" for name in names)
        (row,) = connection.execute(f"SELECT count(*), {counted} FROM {view}").fetchall()  # noqa: S608 - quoted
        found.append(tuple(map(int, row)))
    return found[0], found[1]


def _value(name: str, type_: str, cast: str | None = None) -> str:
    """The SQL for one value: NaN is a missing value, as it is to pandas."""
    from lockgate.table.read import quote

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


@dataclass
class _Column:
    """One column of both tables, and how to count it."""

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
        return {_family(type_) for type_ in self.told}

    @property
    def retyped(self) -> bool:
        return len(self.families) > 1 or (self.families == {"other"} and len(set(self.told)) > 1)

    @property
    def is_time(self) -> bool:
        return "time" in self.families

    @property
    def empty(self) -> tuple[int, int]:
        return self.rows[0] - self.filled[0], self.rows[1] - self.filled[1]

    def measure(self) -> tuple[str, ColumnDrift]:
        """Return why the column may be left out (or an empty text), and its statistics."""
        if self.families and self.families <= {"number", "time"}:
            return self._measure_numbers()
        return self._measure_categories()

    def _measure_numbers(self) -> tuple[str, ColumnDrift]:
        ranked = _Ranked(*self.filled)
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
        least = math.ceil(_LEAST_EXPECTED * sum(self.filled) / max(1, min(self.filled)))
        kept: Counts = ask(
            f"SELECT r, c FROM lockgate_groups WHERE r + c >= {least} "  # noqa: S608 - numbers
            f"ORDER BY r + c DESC, r DESC LIMIT {_MOST_CATEGORIES}"
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
        one = _value(self.name, self.types[0], cast)
        other = _value(self.name, self.types[1], cast)
        return (
            "SELECT v, CAST(sum(r) AS BIGINT) AS r, CAST(sum(c) AS BIGINT) AS c FROM ("  # noqa: S608 - quoted
            f"SELECT {one} AS v, 1 AS r, 0 AS c FROM lockgate_reference UNION ALL "
            f"SELECT {other} AS v, 0 AS r, 1 AS c FROM lockgate_current) WHERE v IS NOT NULL GROUP BY v"
        )

    def _parts(self) -> Iterable[tuple[Any, Any]]:
        """Yield the two counts of each different value, in the order of the values, in batches."""
        import numpy as np

        # A FLOAT widened to DOUBLE equals none of the decimals it was written as: compare as FLOAT.
        cast = "FLOAT" if "FLOAT" in self.told else self.told[0] if len(self.told) == 1 else None
        query = f"SELECT r, c FROM ({self._groups(cast)}) ORDER BY v"  # noqa: S608 - names are quoted
        for batch in self.connection.sql(query).to_arrow_reader(_BATCH_ROWS):
            # Not to_numpy(), which loads pandas.
            yield np.from_dlpack(batch.column(0)), np.from_dlpack(batch.column(1))

    def _above_one(self) -> bool:
        """Whether the reference is above 1: a flag that went from 0 to 1 marks no batch."""
        query = f"SELECT min({_value(self.name, self.types[0])}) > 1 FROM lockgate_reference"  # noqa: S608
        return bool(self.connection.execute(query).fetchall()[0][0])


class _Ranked:
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
