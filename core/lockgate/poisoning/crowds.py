"""Rows that were moved together: a crowd apart in what the rest of each row says of a number.

Moved rows lie as far off as they were moved, all alike, and nothing lies between them and the others. Tails
of honest residuals thin out: of the rows between half the distance of a crowd and its farther end, a share
of at most (1 - lo / hi) / (2 - lo / hi) would lie in it even if they were as long as Cauchy's, whatever the
scale (binomial tail, times everything looked at).

Honest subgroups make crowds, too. So the rows are put back: the columns in which they lie elsewhere than
others with their labels, `MOST_MOVED` at most, are shifted by one number each to where the other columns
want them. Rows that somebody moved are then rows like any other (AUROC at most `ALIKE`); a subgroup still
differs in its spread, or in something else. A crowd of common values, or of one value, is a code or a
rounding and not looked at.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.features import Features

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Bools = NDArray[np.bool_]

NEAREST = 3.0
"""A crowd begins at so many standard deviations from where its rows should lie, at least."""
WIDTHS = (1.15, 1.3, 1.5, 2.0)
"""How many times as far its farther end lies."""
FEWEST = 5
LARGEST = 0.25
"""Share of the rows that a crowd may have at most."""
BETWEEN = 0.35
"""Rows between a crowd and the others, at most, as a share of the crowd."""
ATOM = 0.02
"""A value that this share of the other rows holds is common."""
SHARED = 0.5
"""Share of a crowd that may hold common values, or one value."""
MOVED, MOST_MOVED = 1.0, 3
"""Standard deviations by which a column that was moved differs from rows with the same labels."""
ALIKE = 0.7
ASKED = 1e-3
"""A crowd with a larger p value is not looked at further."""
MOST_CROWDS = 4
SAME = 0.7
"""Crowds in several columns with this overlap (Jaccard) are one."""
_REACH = 0.6
_PENALTY = 0.01
_TRIM = 0.2  # of the smallest and of the largest numbers that a mean leaves out


@dataclass(frozen=True)
class Crowd:
    """Rows that lie off together.

    Attributes:
        p_value: How often tails of residuals show as much, corrected for everything looked at.
        rows: Which rows; shape (rows,).
        columns: The columns that were moved.
        apart: How well the rows are told from others once they are put back (AUROC).
    """

    p_value: float
    rows: Bools
    columns: Integers
    apart: float


def crowds(features: Features, labels: Integers, away: Floats, columns: Integers, seed: int) -> Crowd | None:
    """Find the crowd of rows that was moved, if any.

    Args:
        features: The rows.
        labels: Their labels; shape (rows,).
        away: From `lockgate.poisoning.residuals`.
        columns: The same.
        seed: Seed of the forests that tell rows apart.

    Returns:
        The most significant of the crowds that become like the others when they are put back, or None.
    """
    import numpy as np

    from lockgate.poisoning.content import plain

    values = plain(features.values)
    seen: list[Bools] = []
    for p_value, i, side, low, high in _scanned(away):
        if p_value > ASKED or len(seen) >= MOST_CROWDS:
            break
        off = side * away[:, i]
        inside = (off >= low) & (off <= high)
        between = int(((off >= low / 2) & (off < low)).sum())
        known = any((inside & other).sum() > SAME * (inside | other).sum() for other in seen)
        if known or between > BETWEEN * inside.sum() or _is_of_atoms(values[:, columns[i]], inside):
            continue
        seen.append(inside)
        apart, moved = put_back(features, labels, inside, ~inside, seed)
        if apart <= ALIKE:
            middle = float(np.median(off[inside]))
            return Crowd(p_value, (off >= _REACH * middle) & (off <= middle / _REACH), moved, apart)
    return None


def _scanned(away: Floats) -> list[tuple[float, int, int, float, float]]:
    """Return the best crowd of each column and side: p value, column, side, and the two ends."""
    import numpy as np
    from scipy.special import betainc

    found, looked_at = [], 0
    for i, side in itertools.product(range(away.shape[1]), (1, -1)):
        off = np.sort(side * away[:, i])
        first = int(np.searchsorted(off, NEAREST))
        low, at = off[first:], np.arange(first, len(off))
        if len(low) < FEWEST:
            continue
        best = (2.0, i, side, 0.0, 0.0)
        for width in WIDTHS:
            inside = np.searchsorted(off, low * width, side="right") - at
            between = at - np.searchsorted(off, low / 2)
            share = (1.0 - 1.0 / width) / (2.0 - 1.0 / width)
            counts = (inside >= FEWEST) & (inside <= LARGEST * len(off))
            tail = np.where(counts, betainc(inside, between + 1, share), 1.0)
            k = int(tail.argmin())
            best = min(best, (float(tail[k]), i, side, float(low[k]), float(low[k] * width)))
            looked_at += len(low)
        found.append(best)
    return sorted((min(1.0, p * looked_at), i, side, low, high) for p, i, side, low, high in found)


def _is_of_atoms(column: Floats, inside: Bools) -> bool:
    """Whether half of some rows hold one value, or values that are common among the others."""
    import numpy as np

    found, often = np.unique(column[~inside], return_counts=True)
    common = np.isin(column[inside], found[often >= max(ATOM * len(column), 2)]).mean()
    most = np.unique(column[inside], return_counts=True)[1].max() / inside.sum()
    return bool(max(common, most) > SHARED)


def put_back(
    features: Features, labels: Integers, inside: Bools, others: Bools, seed: int
) -> tuple[float, Integers]:
    """Shift rows back in some columns, and say how well they can still be told from others with their labels.

    Args:
        features: The rows.
        labels: Their labels; shape (rows,).
        inside: The rows that may have been moved; shape (rows,).
        others: Rows that were not; shape (rows,).
        seed: Seed of the forests that tell rows apart.

    Returns:
        The smallest AUROC over sets of the columns that may have been moved, and the set.
    """
    import numpy as np
    from scipy.stats import trim_mean

    from lockgate.poisoning.apart import told_apart
    from lockgate.poisoning.content import plain

    values = plain(features.values)
    if others.sum() < FEWEST:
        return 1.0, np.zeros(0, dtype=np.int64)
    numbers = np.flatnonzero(~np.array(features.categorical))
    differs = np.zeros(len(numbers))
    for k in np.unique(labels[inside]):
        mine, theirs = inside & (labels == k), others & (labels == k)
        if theirs.any():
            by = trim_mean(values[mine][:, numbers], _TRIM) - trim_mean(values[theirs][:, numbers], _TRIM)
            differs += by * mine.sum() / inside.sum()
    differs = np.abs(differs) / np.maximum(values[:, numbers].std(axis=0), 1e-12)
    farthest = np.argsort(-differs, kind="stable")[:MOST_MOVED]
    candidates = numbers[farthest[differs[farthest] >= MOVED]]
    like = _with_labels_of(labels, inside, others, seed)
    best, moved = 1.0, candidates[:0]
    for size in range(1, len(candidates) + 1):
        for some in itertools.combinations(candidates, size):
            chosen = np.sort(np.array(some))
            back = _shifted(values, labels, inside, others, chosen)
            apart = told_apart(back, inside, like, chosen[:0], seed)
            if apart < best:
                best, moved = apart, chosen
    return best, moved


def _with_labels_of(labels: Integers, inside: Bools, others: Bools, seed: int) -> Bools:
    """Draw other rows so that each label is as frequent among them as inside."""
    import numpy as np

    kinds, mine = np.unique(labels[inside], return_counts=True)
    pools = [np.flatnonzero(others & (labels == k)) for k in kinds]
    times = min(len(pool) / count for pool, count in zip(pools, mine, strict=True))
    random = np.random.default_rng([seed, 84])
    chosen = np.zeros(len(labels), dtype=bool)
    for pool, count in zip(pools, mine, strict=True):
        chosen[random.choice(pool, int(times * count), replace=False)] = True
    return chosen


def _shifted(values: Floats, labels: Integers, inside: Bools, others: Bools, moved: Integers) -> Floats:
    """Shift some columns of some rows by one number each to where the other columns and labels want them.

    What is put back is rounded to the nearest value of other rows, or trees would know it by its last digits.
    """
    import numpy as np
    from scipy.stats import trim_mean
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    rest = np.setdiff1d(np.arange(values.shape[1]), moved)
    known = (labels[:, None] == np.unique(labels)[None, :]).astype(np.float64)
    if len(rest):
        known = np.hstack([StandardScaler().fit_transform(values[:, rest]).clip(-4.0, 4.0), known])
    back = values.copy()
    with threadpool_limits(1):
        for j in moved:
            model = Ridge(alpha=_PENALTY * len(values)).fit(known[others], values[others, j])
            by = trim_mean(values[inside, j] - model.predict(known[inside]), _TRIM)
            back[inside, j] = _nearest(values[inside, j] - by, np.unique(values[others, j]))
    return back


def _nearest(column: Floats, values: Floats) -> Floats:
    """Return for each number the nearest one of some values in order."""
    import numpy as np

    above = np.searchsorted(values, column).clip(1, max(len(values) - 1, 1))
    low, high = values[above - 1], values[above.clip(max=len(values) - 1)]
    nearest: Floats = np.where(column - low <= high - column, low, high)
    return nearest
