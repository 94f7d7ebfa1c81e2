"""Find pairs of columns that say nearly the same, on a bounded sample.

Numbers against numbers: Spearman's rank correlation over the rows that have both. Categories against
categories: Cramer's V without its bias (Bergsma, J. Korean Stat. Soc. 42, 2013, 323-328). Numbers against
categories: the correlation ratio eta of the ranks (Fisher), the root of the share of their variance that
lies between the categories, less what chance puts there (omega squared, Hays 1963). All are 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockgate.table.checks.sample import Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_CODED = 100
"""Columns of categories beyond this many are not compared with each other: pairs grow with the square."""
_LEAST_ROWS = 30


@dataclass(frozen=True)
class Pair:
    """Two columns and how strongly they go together, 0 to 1."""

    first: str
    second: str
    value: float


def pairs(sample: Sample, least: float = 0.0) -> list[Pair]:
    """Return the pairs above `least`, and the strongest in any case; ties in the order of the names.

    Args:
        sample: From `lockgate.table.checks.sample`.
        least: What weaker pairs are left out below, 0 to 1.
    """
    found = [*_numbers(sample, least), *_categories(sample), *_mixed(sample, least)]
    ordered = sorted(found, key=lambda pair: (-pair.value, pair.first, pair.second))
    return [pair for i, pair in enumerate(ordered) if not i or pair.value > least]


def _numbers(sample: Sample, least: float) -> Iterator[Pair]:
    import numpy as np

    names = list(sample.numbers)
    if len(names) < 2:  # noqa: PLR2004 - a pair
        return
    there = np.column_stack([np.isfinite(sample.numbers[n]) for n in names]).astype(np.float64)
    ranks = np.column_stack([_ranks(sample.numbers[n]) for n in names])
    products, squares = ranks.T @ ranks, (ranks**2).T @ there
    spread = np.sqrt(squares * squares.T)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.abs(np.where(spread > 0, products / spread, 0.0))
    value = np.where(there.T @ there >= _LEAST_ROWS, np.minimum(value, 1.0), -1.0)
    for i, j in zip(*_worth(np.triu(value, 1) + np.tril(np.full_like(value, -1.0)), least), strict=True):
        yield Pair(names[i], names[j], round(float(value[i, j]), 9))


def _categories(sample: Sample) -> Iterator[Pair]:
    names = list(sample.codes)[:MAX_CODED]
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            value = cramers_v(sample.codes[first], sample.codes[second])
            if value is not None:
                yield Pair(first, second, round(value, 9))


def _mixed(sample: Sample, least: float) -> Iterator[Pair]:
    import numpy as np

    if not sample.numbers:
        return
    names = list(sample.numbers)
    ranks = np.column_stack([_ranks(sample.numbers[n]) for n in names])
    there = np.column_stack([np.isfinite(sample.numbers[n]) for n in names]).astype(np.float64)
    for category in list(sample.codes)[:MAX_CODED]:
        code = sample.codes[category]
        order = np.argsort(code, kind="stable")[int((code < 0).sum()) :]
        if not order.size:
            continue
        starts = np.flatnonzero(np.diff(code[order], prepend=-1))
        inside = ranks[order]
        counts = np.add.reduceat(there[order], starts, axis=0)
        sums = np.add.reduceat(inside, starts, axis=0)
        total, overall, groups = counts.sum(0), sums.sum(0), (counts > 0).sum(0)
        with np.errstate(divide="ignore", invalid="ignore"):
            between = np.where(counts > 0, sums**2 / counts, 0.0).sum(0) - overall**2 / total
            whole = (inside**2).sum(0) - overall**2 / total
            within = (whole - between) / (total - groups)
            omega = (between - (groups - 1) * within) / (whole + within)
        judged = (total >= _LEAST_ROWS) & (groups > 1) & (groups < total) & np.isfinite(omega)
        value = np.where(judged, np.sqrt(np.clip(np.where(judged, omega, 0.0), 0.0, 1.0)), -1.0)
        for (i,) in zip(*_worth(value, least), strict=True):
            yield Pair(names[i], category, round(float(value[i]), 9))


def _worth(value: NDArray[np.float64], least: float) -> Any:
    """Return where values are above `least`, and where the largest is; none that are below 0."""
    import numpy as np

    return np.nonzero((value >= 0) & ((value > least) | (value == value.max())))


def cramers_v(first: NDArray[np.int64], second: NDArray[np.int64]) -> float | None:
    """Return the bias-corrected Cramer's V of two coded columns; None for too few rows or one category."""
    import numpy as np

    kept = (first >= 0) & (second >= 0)
    rows = int(kept.sum())
    if rows < _LEAST_ROWS:
        return None
    width = int(second.max()) + 1
    table = np.bincount(first[kept] * width + second[kept], minlength=(int(first.max()) + 1) * width)
    counts = table.reshape(-1, width).astype(np.float64)
    counts = counts[counts.sum(1) > 0][:, counts.sum(0) > 0]
    r, k = counts.shape
    if min(r, k) < 2:  # noqa: PLR2004 - one category goes with everything
        return None
    expected = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / rows
    phi = float(((counts - expected) ** 2 / expected).sum()) / rows
    corrected = max(0.0, phi - (r - 1) * (k - 1) / (rows - 1))
    r_less, k_less = r - (r - 1) ** 2 / (rows - 1), k - (k - 1) ** 2 / (rows - 1)
    least = min(r_less, k_less) - 1
    return min(1.0, (corrected / least) ** 0.5) if least > 0 else None


def _ranks(values: NDArray[np.float64]) -> Any:
    """Centred mean ranks, 0 where there is no value."""
    import numpy as np

    there = np.isfinite(values)
    ranks = np.zeros(len(values))
    if there.any():
        _, inverse, counts = np.unique(values[there], return_inverse=True, return_counts=True)
        ends = np.cumsum(counts)
        mean = ends - (counts - 1) / 2
        ranks[there] = mean[inverse] - (there.sum() + 1) / 2
    return ranks
