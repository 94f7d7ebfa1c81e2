"""Find rows that lie far out, in one column or in how columns go together.

**One column**, counted over every row. Quantiles of a sample (5 %, 50 %, 95 %) give a fence on either side,
five times as far from the outer quantile as that is from the median: 9.9 standard deviations of a normal
distribution, and beyond one row in a million of an exponential one. A column that is positive and skewed to
the right is fenced in logarithms above, so that incomes and prices do not call their rich rows outliers. Up
to a twentieth of the rows may be outliers on either side before they hide each other. Where the outer
quantile equals the median (a column of nearly one value) there is no scale, and that side is not judged.

**Several columns**, in the sample only. Columns are put on that scale, cut at 10, and the Mahalanobis
distance is taken with the correlations of the bulk (scores cut at 3) plus a twentieth of the identity, so
that columns which say the same do not make every small difference large. The fence is the median of the
distances plus what lies between it and their 95 % quantile, four times over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate.table.checks.sample import Sample
from lockgate.table.typed import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LOW, _HIGH = 0.05, 0.95
_FAR = 5.0
_JOINT_FAR = 4.0
_NORMAL_95 = 1.6448536269514722
_CUT, _BULK, _RIDGE = 10.0, 3.0, 0.05
_LEAST_ROWS = 50
_SKEWED = 2.0
_LARGEST_LOG = 700.0


@dataclass(frozen=True)
class Fence:
    """Where a column's values are called far out; None leaves that side open."""

    low: float | None
    high: float | None


@dataclass(frozen=True)
class Outliers:
    """Rows that lie far out.

    Attributes:
        columns: Rows beyond the fence of each column that has any, counted over every row.
        rows: Rows with at least one such value, over every row.
        joint: Row numbers in the sample that are odd only in how their columns go together, oddest first.
        sampled: Rows of the sample.
    """

    columns: dict[str, int]
    rows: int
    joint: tuple[int, ...]
    sampled: int


def find(table: Table, sample: Sample) -> Outliers | None:
    """Look for rows that lie far out among the sampled columns of numbers; None with too few rows."""
    if table.rows < _LEAST_ROWS:
        return None
    names = [n for n in sample.numbers if table.kinds[n] in ("integer", "number")]
    fences = {name: fence(sample.numbers[name]) for name in names}
    conditions = {
        n: beyond(table, n, f) for n, f in fences.items() if f.low is not None or f.high is not None
    }
    counts = dict(zip(conditions, table.count(list(conditions.values())), strict=True)) if conditions else {}
    hit = [conditions[n] for n, count in counts.items() if count]
    rows = table.count([" OR ".join(f"coalesce({c}, false)" for c in hit)])[0] if hit else 0
    return Outliers({n: c for n, c in counts.items() if c}, rows, _joint(sample, fences), len(sample.rows))


def any_beyond(table: Table, sample: Sample, names: list[str]) -> str:
    """Return the SQL condition that a row is beyond the fence of one of some columns."""
    return " OR ".join(f"coalesce({beyond(table, n, fence(sample.numbers[n]))}, false)" for n in names)


def beyond(table: Table, name: str, at: Fence) -> str:
    """Return the SQL condition that a value is beyond a fence."""
    value = f"CAST({table.value(name)} AS DOUBLE)"
    parts = [
        f"{value} {sign} {bound!r}::DOUBLE"
        for sign, bound in (("<", at.low), (">", at.high))
        if bound is not None
    ]
    return f"({' OR '.join(parts)})"


def fence(values: NDArray[np.float64]) -> Fence:
    """Return the fence of a column from a sample of it; see the module docstring."""
    import numpy as np

    there = values[np.isfinite(values)]
    if there.size < _LEAST_ROWS:
        return Fence(None, None)
    low, middle, high = (float(q) for q in np.quantile(there, (_LOW, 0.5, _HIGH), method="nearest"))
    mirrored = _upper(-high, -middle, -low)
    return Fence(None if mirrored is None else -mirrored, _upper(low, middle, high))


def _upper(low: float, middle: float, high: float) -> float | None:
    if not high > middle:
        return None
    bound = high + _FAR * (high - middle)
    if low > 0 and high - middle > _SKEWED * (middle - low):
        steps = math.log(high) + _FAR * (math.log(high) - math.log(middle))
        bound = max(bound, math.exp(min(steps, _LARGEST_LOG)))
    return bound if math.isfinite(bound) else None


def _joint(sample: Sample, fences: dict[str, Fence]) -> tuple[int, ...]:
    import numpy as np

    columns, inside = [], np.ones(len(sample.rows), dtype=bool)
    for name, at in fences.items():
        values = sample.numbers[name]
        scored = _scores(values)
        if scored is None:
            continue
        columns.append(scored)
        for bound, beyond_it in ((at.low, np.less), (at.high, np.greater)):
            if bound is not None:
                inside &= ~beyond_it(np.nan_to_num(values, nan=bound), bound)
    if len(columns) < 2 or len(sample.rows) < _LEAST_ROWS * len(columns) / 5:  # noqa: PLR2004 - several columns
        return ()
    scores = np.column_stack(columns)
    bulk = np.clip(scores, -_BULK, _BULK)
    spread = bulk.std(0)
    together = np.corrcoef(bulk / np.where(spread > 0, spread, 1.0), rowvar=False)
    together = np.nan_to_num(together, nan=0.0)
    np.fill_diagonal(together, 1.0)
    mixed = (1 - _RIDGE) * together + _RIDGE * np.eye(len(columns))
    distance = np.sqrt(np.maximum((scores * np.linalg.solve(mixed, scores.T).T).sum(1), 0.0))
    middle, high = np.quantile(distance, (0.5, _HIGH))
    far = (distance > middle + _JOINT_FAR * (high - middle)) & inside
    order = sorted(np.flatnonzero(far), key=lambda i: (-round(float(distance[i]), 6), int(sample.rows[i])))
    return tuple(int(sample.rows[i]) for i in order)


def _scores(values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Robust scores of a column: 0 at the median, about 1.6 at the 95 % quantile; 0 where missing."""
    import numpy as np

    there = values[np.isfinite(values)]
    if there.size < _LEAST_ROWS:
        return None
    low, middle, high = (float(q) for q in np.quantile(there, (_LOW, 0.5, _HIGH)))
    if low > 0 and high - middle > _SKEWED * (middle - low):
        with np.errstate(invalid="ignore", divide="ignore"):
            values = np.where(
                values > 0, np.log(values), np.where(np.isfinite(values), math.log(low), np.nan)
            )
        low, middle, high = (math.log(q) for q in (low, middle, high))
    scale = (high - low) / (2 * _NORMAL_95)
    if not scale > 0 or not math.isfinite(scale):
        return None
    return np.nan_to_num(np.clip((values - middle) / scale, -_CUT, _CUT), nan=0.0)
