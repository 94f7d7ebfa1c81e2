"""How unlikely it is that so many rows of a cell carry its label, and that they hold what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.poisoning.edges import is_cut_off
from lockgate.poisoning.habits import come_together, comes_again

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.cells import Cell

    Floats = NDArray[np.float64]


def at_least(successes: int, chances: Floats) -> float:
    """Bound how often so many of some independent events happen (Hoeffding 1956: by equal chances)."""
    from scipy.special import betainc

    if successes <= 0:
        return 1.0
    return float(betainc(successes, len(chances) - successes + 1, float(chances.mean())))


def habits_of(
    categorical: Sequence[bool], cell: Cell, values: Floats, inside: NDArray[np.bool_]
) -> list[tuple[float, int]]:
    """Say how often rows like those of a cell hold its values; see `lockgate.poisoning.habits`.

    Where a measurement is cut off, its last value repeats by nature, so nothing is asked of it.

    Args:
        categorical: Whether each column holds categories.
        cell: Rows that share values.
        values: All rows, no NaN; shape (rows, columns).
        inside: Whether each row is in the cell; shape (rows,).

    Returns:
        Shares, each with how many rows of their like do not hold the value; (1, 0) first.
    """
    of = dict(zip(cell.columns, cell.values, strict=True))
    own = [
        j for j in of if not categorical[j] and not is_cut_off(values[:, j], of[j], ~inside, len(cell.rows))
    ]
    habits = [(1.0, 0), *(comes_again(values[values[:, j] != of[j], j], of[j]) for j in own)]
    pairs = [(j, k) for j in own for k in of if j != k]
    return habits + [come_together(values[:, j], values[:, k], of[j], of[k]) for j, k in pairs]


def tail(cell: Cell, chances: Floats, habits: list[tuple[float, int]]) -> float:
    """Bound how often so many rows carry the label, and hold the value though their like hold others.

    Args:
        cell: The rows.
        chances: Of the label; shape (rows of the cell,).
        habits: From `habits_of`; the best of them counts, times their number.
    """
    import numpy as np

    chance, rows = float(chances.mean()), len(cell.rows)
    tails = [at_least(cell.with_label, np.full(rows + near, chance * habit)) for habit, near in habits]
    return min(tails) * len(tails)
