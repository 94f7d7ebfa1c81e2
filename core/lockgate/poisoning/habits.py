"""How often the values of a column repeat, and on what grid they lie, but for one value.

A value that was set comes again and again where its neighbours hardly come twice; and where all others are
multiples of one step, because a gauge or a form has no finer ones, it often is none. What a column does
elsewhere says what is a habit: ages that end in 0, codes, zeros of a column that is mostly zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

AROUND = 4
"""A value is held against so many other values, those nearest to it."""
FEWEST = 3
"""Other values that come as seldom as this say nothing."""
LEAST, OFF_GRID = 0.4, 0.2
"""Of the rows around and with a value, this share is taken to hold it by habit at least; one off the grid."""
FEWEST_VALUES, MOST_STEPS = 5, 10_000
"""A grid has so many values at least, and so many steps at most."""
ON_IT = 0.99
"""Share of the rows whose values lie on the grid, at least."""
TOGETHER = 0.1
"""Beyond how often neighbours do it, a value is taken to come with one partner as often as this at least."""
ASKED, MOST_ASKED = 5, 100
"""Other values that come so often say how often one comes with one partner; so many of them at most."""
_OFF = 0.02  # of a step


def comes_again(others: Floats, value: float) -> tuple[float, int]:
    """Say how often a row that holds a value, or one next to it, holds the value by the column's habit.

    Args:
        others: What the rows without the value hold, no NaN.
        value: The value.

    Returns:
        The largest share that another value has of the rows that hold it or one of the `AROUND` nearest to
        it, `LEAST` or more; and how many of `others` hold one of the nearest to `value`. `OFF_GRID` and
        none for a value off the grid.
    """
    import numpy as np

    if is_off_grid(others, value):
        return OFF_GRID, 0
    found, often = np.unique(others, return_counts=True)
    if len(found) <= AROUND:
        return 1.0, len(others)
    near = int(often[np.argsort(np.abs(found - value), kind="stable")[:AROUND]].sum())
    habit = LEAST
    for k in np.flatnonzero(often >= FEWEST):
        part = slice(max(k - AROUND, 0), k + AROUND + 1)
        nearest = np.argsort(np.abs(found[part] - found[k]), kind="stable")[: AROUND + 1]
        # One row less, as the most frequent of several is frequent by chance as well.
        habit = max(habit, (often[k] - 1) / often[part][nearest].sum())
    return float(min(habit, 1.0)), near


def is_off_grid(others: Floats, value: float) -> bool:
    """Say whether other rows hold multiples of one step (from any start), and a value is none.

    Neither is their mean, nor what lies half-way between two steps, as a median may: missing values are
    replaced by them.

    Args:
        others: What the rows without the value hold, no NaN.
        value: The value.
    """
    import numpy as np

    found, often = np.unique(others, return_counts=True)
    if len(found) < FEWEST_VALUES:
        return False
    start, step = found[often.argmax()], float(np.quantile(np.diff(found), 0.1, method="lower"))
    if not 0.0 < (found[-1] - found[0]) <= MOST_STEPS * step:
        return False
    steps, set_to = (found - start) / step, 2.0 * (value - start) / step
    on_it = often[np.abs(steps - np.round(steps)) <= _OFF].sum()
    if on_it < ON_IT * len(others) or abs(value - others.mean()) <= _OFF * step:
        return False
    return bool(abs(set_to - round(set_to)) > 2.0 * _OFF)


def come_together(values: Floats, partners: Floats, value: float, partner: float) -> tuple[float, int]:
    """Say how often rows with a value hold a partner in another column, by what the values beside it do.

    Where the values next to one hardly come with the partner, it has no reason to, unless the two columns
    repeat each other (several rows of one person): then other values come with a partner, too, more often
    than their neighbours.

    Args:
        values: A column of numbers, no NaN; shape (rows,).
        partners: Another column; shape (rows,).
        value: Of the first column.
        partner: Of the second.

    Returns:
        The share of the rows with the value that may hold the partner, and how many do not hold it.
    """
    import numpy as np

    found, of, often = np.unique(values, return_inverse=True, return_counts=True)
    kinds, held = np.unique(partners, return_inverse=True)
    if len(found) <= AROUND:
        return 1.0, int((partners != partner).sum())

    def counted(k: int) -> tuple[Floats, Floats]:
        """Count the partners of one value, and of its neighbours as shares."""
        nearest = np.argsort(np.abs(found - found[k]), kind="stable")[1 : AROUND + 1]
        own = np.bincount(held[of == k], minlength=len(kinds)).astype(np.float64)
        beside = np.bincount(held[np.isin(of, nearest)], minlength=len(kinds))
        return own, (beside + 0.5) / (beside.sum() + 1.0)

    this = int(np.searchsorted(found, value))
    asked = np.flatnonzero((often >= ASKED) & (found != value))
    excess = []
    for k in asked[np.argsort(-often[asked], kind="stable")][:MOST_ASKED]:
        own, beside = counted(int(k))
        # One row less, as the most frequent of several is frequent by chance as well.
        excess.append(float(((own - 1.0) / own.sum() - beside).max()))
    habit = max(float(np.quantile(excess, 0.75)) if excess else 0.0, TOGETHER)
    own, beside = counted(this)
    which = int(np.searchsorted(kinds, partner))
    return min(float(beside[which]) + habit, 1.0), int(own.sum() - own[which])
