"""Rows that repeat exactly: what is a habit of the table, and what is more than that.

Drawing with replacement, oversampling a rare class, and coarse columns repeat rows by nature. How often the
rows of a class come follows a Poisson distribution then (of those that come at all); a copied row is beyond
it, and beyond what lies a step around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.poisoning.space import DIMENSIONS, EDGE, outer_radii

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.space import Space

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

FEWEST = 5
"""A row that comes less often is no alarm."""
REPEATED = 0.05
"""Rows of a class that repeat at a higher rate (Poisson) were drawn with replacement."""


def distinct(values: Floats) -> tuple[Integers, Integers, Integers]:
    """Return the first row of each distinct one, which of them each row is, and how often each comes.

    Args:
        values: Shape (rows, columns), NaN for what is missing.
    """
    import numpy as np

    _, first, of, count = np.unique(
        np.nan_to_num(values, nan=np.inf), axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    return first, of.reshape(-1), count


def is_resampled(labels: Integers, copied: Integers) -> bool:
    """Say whether the rows of some class repeat by habit, as drawing with replacement makes them."""
    import numpy as np

    return any(usual_copies(copied[labels == k]) > REPEATED for k in np.unique(labels))


def usual_copies(copied: Integers) -> float:
    """Return the rate (Poisson) at which rows repeat; the tenth that repeats most counts as the next."""
    import numpy as np

    mean, rate = float(np.minimum(copied, np.quantile(copied, 0.9, method="higher")).mean()), 0.0
    for _ in range(60):  # the mean of what is there at least once is rate / (1 - exp(-rate))
        rate = mean * -np.expm1(-rate) if rate > 0.0 else 2.0 * (mean - 1.0)
    return max(rate, 0.0)


def copied_more(points: Floats, labels: Integers, copied: Integers, free: Floats, space: Space) -> Floats:
    """Ask of each distinct row whether it comes more often than others of its class, and than those around.

    Args:
        points: Where the distinct rows lie; shape (rows, axes).
        labels: Shape (rows,).
        copied: How often each of them comes; shape (rows,).
        free: In how many dimensions each could differ from others; shape (rows,).
        space: What the points lie in.

    Returns:
        A p value for each, corrected for their number; 1 for fewer than five copies.
    """
    import numpy as np
    from scipy.special import betainc, gammainc

    p_value = np.ones(len(points))
    for k in np.unique(labels):
        mine = labels == k
        rate = max(usual_copies(copied[mine]), 1.0 / len(points))
        p_value[mine] = gammainc(copied[mine], rate) / -np.expm1(-rate)
    outer = outer_radii(np.zeros(1), space)[0, 0] * (1 + 1e-9)
    for i in np.flatnonzero((copied >= FEWEST) & (p_value * len(points) <= EDGE)):
        near = np.sqrt(((points - points[i]) ** 2).sum(axis=1)) <= outer
        chance = max(2.0 ** -float(free[i]), 2.0**-DIMENSIONS)
        others, around = int(copied[i]) - 1, int(copied[near].sum()) - 1
        tail = float(betainc(others, max(around - others + 1, 1), min(chance, 1.0)))
        p_value[i] = max(p_value[i], tail if around > others or chance >= 1.0 else 0.0)
    p_value[copied < FEWEST] = 1.0
    return np.minimum(p_value * len(points), 1.0)
