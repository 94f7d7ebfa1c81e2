"""What looks broken in a column, and other rows explain: the other columns of the batch say so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lockgate.retraining.pairs import Pair, as_numbers, distance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def is_drift(pair: Pair, others: Sequence[Pair], doubt: int) -> bool:
    """Whether a column that looks broken has only drifted: the other columns of the batch foretell it.

    A regression of the column's ranks on those of the others, fitted on the reference, says where the
    column should be in a batch with such others. Whoever draws other rows moves all columns that go
    together; a change of unit moves one. Where the others know too little about the column to tell,
    it is a drift if a drift can look like that.

    Args:
        pair: The column.
        others: The sound ones.
        doubt: `Bug.doubt` of it.
    """
    import numpy as np

    there = [~np.isnan(side) for side in (pair.before, pair.now)]
    known = np.sort(pair.before[there[0]])
    target, seen = (
        np.searchsorted(known, side[rows], side="right") / len(known) - 0.5
        for side, rows in zip((pair.before, pair.now), there, strict=True)
    )
    columns = [_foretelling(other, there, target) for other in others if not other.other]
    if not columns:
        return doubt > 1
    x, new = (np.column_stack([column[side] for column in columns]) for side in (0, 1))
    middle = x.mean(axis=0)
    x, new = x - middle, new - middle
    weights = np.linalg.solve(x.T @ x + 1e-3 * len(x) * np.eye(x.shape[1]), x.T @ (target - target.mean()))
    told, foretold = x @ weights, float((new @ weights).mean())
    known_share = 1.0 - float((target - target.mean() - told).var() / max(target.var(), 1e-12))
    known_share -= x.shape[1] / len(x)
    moved = float(seen.mean() - target.mean())
    error = float(told.std()) * (1 / len(x) + 1 / len(new)) ** 0.5
    if known_share * abs(moved) < 3.0 * error:
        return doubt > 1
    return bool(foretold * np.sign(moved) > known_share * abs(moved) / 2)


def _foretelling(other: Pair, there: Sequence[NDArray[np.bool_]], target: Floats) -> tuple[Floats, Floats]:
    """Return a column as numbers that a linear model can use: ranks, or the mean target of a category."""
    import numpy as np

    was, is_ = (side[rows] for side, rows in zip(as_numbers(other), there, strict=True))
    if other.numbers:
        known = np.sort(was)
        return tuple(np.searchsorted(known, side, side="right") / len(known) for side in (was, is_))  # type: ignore[return-value]
    codes, inverse = np.unique(was, return_inverse=True)
    sums, counts = np.bincount(inverse, target), np.bincount(inverse)
    means = sums / (counts + 5.0)  # few rows say little
    at = np.clip(np.searchsorted(codes, is_), 0, len(codes) - 1)
    return means[inverse], np.where(codes[at] == is_, means[at], 0.0)


def filtered(pair: Pair, others: Sequence[Pair]) -> bool:
    """Whether a column is constant because the batch holds only such rows.

    The other columns then are like those rows of the reference, and unlike all of its rows.
    """
    import numpy as np

    (value,) = {v for v in pair.now if v is not None and v == v}  # noqa: PLR0124 - not NaN
    rows = np.array([v == value for v in pair.before])
    if rows.sum() < 30:  # noqa: PLR2004 - too few rows to be like
        return False
    nearer = farther = 0
    for other in others:
        if other.other:
            continue
        was, is_ = as_numbers(other)
        like, unlike = distance(was[rows], is_), distance(was, is_)
        noise = 1.36 * (1 / rows.sum() + 1 / len(is_)) ** 0.5  # of Kolmogorov-Smirnov: by chance once in 20
        nearer += unlike > noise and like < unlike / 2
        farther += like > noise and unlike < like
    return nearer > farther
