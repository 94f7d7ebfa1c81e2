"""Values of two columns that come together, and hardly ever alone.

Where measurements are rounded, values repeat, and that nine rows share one says little. That nine rows share
two, and hardly any other row holds either, is what setting them does; unless the columns repeat each other
anyway, which their other values show.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.cells import Cell

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

LOCKED = 0.5
"""Two columns whose other values come together more often than this repeat each other."""
ALONE = 0.25
"""Other rows that hold one of the values, at most, as a share of the rows that hold both."""
FEWEST = 5
"""Rows of another value that says how often values come together, at least."""
FEWEST_VALUES = 4
"""Fewer such values say nothing."""
LEAST = 0.2
"""Values are taken to come together as often as this at least."""


def is_locked(values: Floats, cell: Cell, categorical: Sequence[bool]) -> bool:
    """Whether a cell is of two columns of numbers, and hardly any other row holds either of its values."""
    if len(cell.columns) == 1 or any(categorical[j] for j in cell.columns):
        return False
    most = (1.0 + ALONE) * len(cell.rows)
    return all((values[:, j] == v).sum() <= most for j, v in zip(cell.columns, cell.values, strict=True))


def together_elsewhere(values: Floats, inside: NDArray[np.bool_], columns: Integers) -> float:
    """Say how often other values of two columns come together, where some rows share two locked values.

    Args:
        values: Shape (rows, columns), no NaN.
        inside: The rows that share values.
        columns: The columns in which they do.

    Returns:
        The upper quartile, over other values, of the share of a value's rows that hold its most frequent
        partner; the least over all locked pairs of columns. 1 without such a pair.
    """
    import numpy as np

    lowest = 1.0
    locked = [
        int(j)
        for j in columns
        if (values[~inside, j] == np.median(values[inside, j])).sum() <= ALONE * inside.sum()
    ]
    for one, two in itertools.combinations(locked, 2):
        both = max(_partners(values[~inside][:, [one, two]]), _partners(values[~inside][:, [two, one]]))
        lowest = min(lowest, max(both, LEAST))
    return lowest


def _partners(values: Floats) -> float:
    import numpy as np

    _, at, often = np.unique(values[:, 0], return_inverse=True, return_counts=True)
    shares = [
        np.unique(values[at == k, 1], return_counts=True)[1].max() / often[k]
        for k in np.flatnonzero(often >= FEWEST)
    ]
    return float(np.quantile(shares, 0.75)) if len(shares) >= FEWEST_VALUES else 1.0
