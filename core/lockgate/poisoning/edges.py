"""Values at the end of a column, where measurements are cut off.

A unit of a network is never below zero, a gauge stops at its end: what lies beyond comes as one value. Rows
that share it are alike, so their label comes more often than it does elsewhere; how often, the rows say
that lie just inside. A value set far beyond all others has none near by and is held against the whole class
as before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.cells import Cell

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

FEWEST = 20
"""As many rows as a cell has are looked at beside it, but no fewer."""
NEAR, GO_ON = 0.5, 0.5
"""Within so many deviations of a value that was cut off are half as many rows as share it, or more."""


def rate_at_the_edge(values: Floats, labels: Integers, cell: Cell) -> float:
    """Return how often the rows beside a cell carry its label, where its values end their columns; else 0.

    Args:
        values: Shape (rows, columns), no NaN.
        labels: Shape (rows,).
        cell: The rows that share values.
    """
    import numpy as np

    rows = len(labels)
    outside = np.ones(rows, dtype=bool)
    outside[cell.rows] = False
    most = max(len(cell.rows), FEWEST)
    away = np.zeros(int(outside.sum()))
    for j, value in zip(cell.columns, cell.values, strict=True):
        column = values[:, j]
        if value not in (column.min(), column.max()):
            continue
        beside = np.abs(column[outside] - value)
        if (beside <= NEAR * column.std()).sum() < GO_ON * len(cell.rows):
            continue
        away = np.maximum(away, np.searchsorted(np.sort(beside), beside, side="right"))
    if not away.any():
        return 0.0
    near = np.argsort(away, kind="stable")[:most]
    return float((labels[outside][near] == cell.label).mean())
