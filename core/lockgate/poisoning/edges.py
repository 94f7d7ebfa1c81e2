"""What rows beside a cell are like: in the midst of a column, and at its end, where measurements are cut off.

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
    Bools = NDArray[np.bool_]

FEWEST = 20
"""As many rows as a cell has are looked at beside it, but no fewer."""
NEAR, GO_ON = 0.5, 0.5
"""Within so many deviations of a value that was cut off are half as many rows as share it, or more."""


def rate_beside(values: Floats, labels: Integers, cell: Cell) -> float:
    """Return how often the rows beside a cell carry its label, if there are any; else 0.

    Beside it are those whose values come closest, in columns where others lie on both sides of the value
    or it is cut off: where a column nearly is the class, any value in it says the class.

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
        others = values[outside, j]
        if not others.min() < value < others.max() and not is_cut_off(
            values[:, j], value, outside, len(cell.rows)
        ):
            continue
        beside = np.abs(others - value)
        away = np.maximum(away, np.searchsorted(np.sort(beside), beside, side="right"))
    if not away.any():
        return 0.0
    near = np.argsort(away, kind="stable")[:most]
    return float((labels[outside][near] == cell.label).mean())


def is_cut_off(column: Floats, value: float, outside: Bools, rows: int) -> bool:
    """Say whether a value ends its column, and others come close to it.

    Args:
        column: Shape (all rows,), no NaN.
        value: The value.
        outside: The rows that do not share it; shape (all rows,).
        rows: How many share it.
    """
    import numpy as np

    if value not in (column.min(), column.max()):
        return False
    return bool((np.abs(column[outside] - value) <= NEAR * column.std()).sum() >= GO_ON * rows)
