"""Exact copies among all rows of a table that is too large for each row to be held against each.

`lockgate.poisoning.density` looks at a sample, in which five copies of one row among a million are one row
or none. So rows are hashed, all of them; the rows that come most often are then held against how the table
thins out around them, by the same test, corrected for every row. Rows made of common values alone (all zeros
of a sparse table) repeat by nature; those count that hold seldom values in two columns of numbers or more,
and are measured by their numbers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.evidence import Evidence
    from lockgate.poisoning.features import Features

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

FEWEST = 5
"""A row that comes less often is not looked at."""
MOST = 40
"""Of more rows with copies, those with the most are looked at."""
SELDOM = 0.01
"""Share of the other rows that hold a seldom value, at most."""
COLUMNS = 2
"""Fewest columns of numbers in which a copied row holds a seldom value."""


def copies(evidence: Evidence) -> tuple[float, NDArray[np.bool_]]:
    """Find rows that come so often, exactly, as the table around them does not explain.

    Returns:
        The p value, and which rows are such copies, shape (rows,).
    """
    import numpy as np
    from scipy.special import betainc

    from lockgate.poisoning.density import within
    from lockgate.poisoning.space import DIMENSIONS, EDGE, FACTORS, Space, outer_radii

    values = evidence.features.values
    code = _hashed(values)
    found, first, count = np.unique(code, return_index=True, return_counts=True)
    often = np.flatnonzero(count >= FEWEST)
    often = often[np.lexsort((first[often], -count[often]))][: 4 * MOST]
    seldom = [_holds_seldom_values(evidence, int(first[k]), int(count[k])) for k in often]
    often = often[np.array(seldom, dtype=bool)][:MOST]
    inside = np.zeros(len(values), dtype=bool)
    if not len(often):
        return 1.0, inside
    numeric = ~np.array(evidence.features.categorical)
    if numeric.sum() < COLUMNS:
        return 1.0, inside
    space = Space(_only(evidence.features, numeric))
    measured = values[:, numeric]
    radii = outer_radii(np.zeros(1), space)[:, 0]
    lowest = 1.0
    for k in often:
        near = within(space, measured, int(first[k]), float(radii.max()))[1]
        p_value, others = 1.0, int(count[k]) - 1
        for f, radius in enumerate(radii):
            chance = min((2 * space.step / radius) ** DIMENSIONS, 1.0)  # what lies between two steps is one
            around = int((near <= radius * (1 + 1e-9)).sum()) - 1
            tail = float(betainc(others, max(around - others + 1, 1), chance)) if chance > 0.0 else 0.0
            if f == 0 and tail > max(EDGE, 1.01 * chance**others):
                break
            p_value = min(p_value, tail * len(values) * len(FACTORS))
        if p_value <= 1e-3:  # noqa: PLR2004 - as clear as heaps have to be
            inside |= code == found[k]
        lowest = min(lowest, p_value)
    return lowest, inside


def _only(features: Features, columns: NDArray[np.bool_]) -> Features:
    import numpy as np

    kept = np.flatnonzero(columns)
    names = tuple(features.names[j] for j in kept)
    return replace(features, values=features.values[:, kept], categorical=(False,) * len(kept), names=names)


def _holds_seldom_values(evidence: Evidence, row: int, copied: int) -> bool:
    values, categorical = evidence.features.values, evidence.features.categorical
    seldom = 0
    for column, category in zip(values.T, categorical, strict=True):
        if not category and (column == column[row]).sum() - copied <= SELDOM * len(column):
            seldom += 1
            if seldom == COLUMNS:
                return True
    return False


def _hashed(values: Floats) -> NDArray[np.uint64]:
    """Give each row a number that equal rows share (multiply-shift over its columns' bits, 64 bits)."""
    import numpy as np

    code = np.zeros(len(values), dtype=np.uint64)
    drawn = np.random.default_rng(82).integers(0, 2**64 - 1, values.shape[1], dtype=np.uint64)
    factors: NDArray[np.uint64] = np.bitwise_or(drawn, np.uint64(1))
    for column, factor in zip(values.T, factors, strict=True):
        plain = np.where(np.isnan(column), np.nan, column + 0.0)  # one NaN, and no zero below zero
        bits = np.ascontiguousarray(plain).view(np.uint64)
        code = (code ^ (bits ^ (bits >> np.uint64(29))) * factor) * np.uint64(0x9E3779B97F4A7C15)
        code ^= code >> np.uint64(32)
    return code
