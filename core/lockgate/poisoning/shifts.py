"""How far honest values move a label, in log odds, beyond what the other columns of their rows say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.cells import Cell

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

NEIGHBOURS = 30
"""Fewest rows with values next to the shared one that say how far honest values move the label there."""
OTHERS = 10
"""Fewest rows with another category that say how far one moves the label."""
OF_ALL = 5
"""What the categories of all columns do counts as so many categories of the cell's own column."""
SPREADS = 3.5
"""A category may move its label by so many standard deviations of what the other categories do."""
MOST_SHIFT = 5.0
_PRIOR = 6.0


def moved(chances: Floats, by: Floats | float) -> Floats:
    """Add some log odds to probabilities."""
    from scipy.special import expit, logit

    shifted: Floats = expit(logit(chances) + by)
    return shifted


def honest_shift(
    categorical: Sequence[bool], cell: Cell, values: Floats, labels: Integers, says: Floats
) -> float:
    """Estimate how far the values of a cell might have its label moved if they were honest, in log odds.

    Where all people below 18 are without work, age 12 is no trigger: ages 11 and 13 say the same. A
    category has no neighbours; but where trades differ widely in who is employed, one more that differs
    is no surprise (`SPREADS`). Of a pair, one value is kept while the other varies, and what two
    categories do adds up.

    Args:
        categorical: Whether each column holds categories.
        cell: The rows that share values.
        values: Shape (rows, columns), no NaN.
        labels: Shape (rows,).
        says: Probability of each class by models that do not see a column; shape (columns, rows, classes).
    """
    together, largest = 0.0, 0.0
    for varied in cell.columns:
        fixed = [j for j in cell.columns if j != varied]
        if not categorical[varied]:
            largest = max(largest, _beside(cell, varied, fixed, values, labels, says))
        elif fixed:
            together += _of_fixed(cell, varied, fixed, values, labels, says)
    spread = _spread_of_categories(categorical, cell, values, labels, says)
    return min(MOST_SHIFT, max(together + spread, largest, SPREADS * spread))


def _of_fixed(
    cell: Cell, varied: int, fixed: list[int], values: Floats, labels: Integers, says: Floats
) -> float:
    """Return what the fixed values do without the varied one."""
    import numpy as np

    rows = np.flatnonzero(_near(cell, varied, fixed, values))
    return _shift(says[fixed[0]][rows, cell.label], labels[rows] == cell.label)


def _beside(
    cell: Cell, varied: int, fixed: list[int], values: Floats, labels: Integers, says: Floats
) -> float:
    """Return what numbers next to the varied one do; the side counts that says more, as steps have one."""
    import numpy as np

    rows = np.flatnonzero(_near(cell, varied, fixed, values))
    column = says[fixed[0] if fixed else varied][:, cell.label]
    most = max(NEIGHBOURS, len(cell.rows))
    away = values[rows, varied] - cell.values[cell.columns.index(varied)]
    sides = [rows[away < 0][np.argsort(-away[away < 0], kind="stable")[:most]]]
    sides.append(rows[away > 0][np.argsort(away[away > 0], kind="stable")[:most]])
    return max(_shift(column[side], labels[side] == cell.label) for side in sides)


def _near(cell: Cell, varied: int, fixed: list[int], values: Floats) -> NDArray[np.bool_]:
    near: NDArray[np.bool_] = values[:, varied] != cell.values[cell.columns.index(varied)]
    for j in fixed:
        near &= values[:, j] == cell.values[cell.columns.index(j)]
    return near


def _spread_of_categories(
    categorical: Sequence[bool], cell: Cell, values: Floats, labels: Integers, says: Floats
) -> float:
    """Return the standard deviation of what the other categories do to the label (method of moments).

    One step of Newton's method from what the other columns say: score over information; the variance of
    that estimate, one over the information, is taken off.
    """
    import numpy as np

    from lockgate.poisoning.content import SUREST

    if not any(categorical[j] for j in cell.columns):
        return 0.0
    moments: list[float] = []
    own: list[float] = []
    for j in np.flatnonzero(categorical):
        p = np.clip(says[j][:, cell.label], SUREST, 1 - SUREST).astype(np.float64)
        _, at = np.unique(values[:, j], return_inverse=True)
        rows = np.bincount(at)
        score = np.bincount(at, (labels == cell.label) - p)
        information = np.bincount(at, p * (1.0 - p))
        if j in cell.columns:
            rows[at[cell.rows[0]]] = 0
        kept = (rows >= OTHERS) & (information >= 1.0)
        found = (score[kept] ** 2 / information[kept] - 1.0) / information[kept]
        moments += list(found)
        if cell.columns == (j,):
            own = list(found)
    usual = float(np.mean(moments)) if moments else 0.0
    in_column = (sum(own) + OF_ALL * usual) / (len(own) + OF_ALL)
    return float(np.sqrt(max(usual, in_column, 0.0)))


def _shift(chances: Floats, mine: NDArray[np.bool_]) -> float:
    """Return the maximum a posteriori of the log odds added, under a normal prior."""
    import numpy as np

    from lockgate.poisoning.content import SUREST

    p = np.clip(chances, SUREST, 1 - SUREST).astype(np.float64)
    steps = np.linspace(0.0, 10.0, 41)
    chance = moved(p[None, :], steps[:, None])
    likelihood = np.where(mine, np.log(chance), np.log1p(-chance)).sum(axis=1) - 0.5 * (steps / _PRIOR) ** 2
    return float(steps[likelihood.argmax()])
