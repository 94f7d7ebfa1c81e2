"""What clean data would show: permutations of groups, and Holm's correction."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

ENOUGH = 20
"""A test stops when this many draws were as extreme as the data (Besag and Clifford 1991)."""
_PRIOR_ROWS = 30.0  # a small group's variance is drawn towards everybody's with this weight


def group_excess(values: Floats, group: Integers, groups: int) -> Floats:
    """Return how far each group's mean lies above that of all other rows, in standard errors.

    Studentised, so that a permutation test of it holds when groups differ in spread (Chung and
    Romano 2013).

    Args:
        values: Shape (rows,).
        group: Index of each row's group, -1 for none; shape (rows,).
        groups: Number of groups.

    Returns:
        Shape (groups,).
    """
    return _excess(values, *_sums(values, group, groups))


def _sums(values: Floats, group: Integers, groups: int) -> tuple[Floats, Floats, Floats]:
    import numpy as np

    inside = group >= 0
    n = np.bincount(group[inside], minlength=groups).astype(np.float64)
    total: Floats = np.bincount(group[inside], values[inside], minlength=groups).astype(np.float64)
    squares: Floats = np.bincount(group[inside], values[inside] ** 2, minlength=groups).astype(np.float64)
    return n, total, squares


def _excess(values: Floats, n: Floats, total: Floats, squares: Floats) -> Floats:
    import numpy as np

    all_n, all_total, all_squares = float(len(values)), float(values.sum()), float((values**2).sum())
    spread = max(all_squares / all_n - (all_total / all_n) ** 2, 1e-12)
    rest = np.maximum(all_n - n, 1.0)
    mean, rest_mean = total / np.maximum(n, 1.0), (all_total - total) / rest
    variance = np.maximum(squares - n * mean**2, 0.0)
    rest_variance = np.maximum(all_squares - squares - rest * rest_mean**2, 0.0)
    error = (variance + _PRIOR_ROWS * spread) / (n + _PRIOR_ROWS) / np.maximum(n, 1.0)
    rest_error = (rest_variance + _PRIOR_ROWS * spread) / (rest + _PRIOR_ROWS) / rest
    return np.where(n > 0, (mean - rest_mean) / np.sqrt(error + rest_error), 0.0)


def worst_together(values: Floats, group: Integers, of: Integers) -> tuple[float, Integers]:
    """Find the groups that together lie farthest above all other rows.

    The groups are put in the order of their own excess, and the first two, three, ... of them, at most half,
    are taken as one group (a scan, compare Kulldorff 1997).

    Returns:
        The largest excess in standard errors, and which of the groups it belongs to.
    """
    import numpy as np

    n, total, squares = _sums(values, group, int(group.max()) + 1)
    order = np.argsort(-_excess(values, n, total, squares)[of], kind="stable")[: max(1, len(of) // 2)]
    first = of[order]
    together = _excess(values, n[first].cumsum(), total[first].cumsum(), squares[first].cumsum())
    best = int(together.argmax())
    return float(together[best]), np.sort(first[: best + 1])


def permuted_together_p(
    values: Floats, group: Integers, of: Integers, random: np.random.Generator, draws: int
) -> tuple[float, Integers]:
    """Test whether some groups together lie above the others, by permuting who is in which group.

    Args:
        values: Shape (rows,).
        group: Index of each row's group, -1 for none; shape (rows,).
        of: The groups that are tested.
        random: Where the permutations come from.
        draws: Permutations at most.

    Returns:
        The p value, corrected for every choice of groups that is looked at, and the groups.
    """
    seen, groups = worst_together(values, group, of)
    extreme = done = 0
    while done < draws and extreme < ENOUGH:
        extreme += worst_together(random.permutation(values), group, of)[0] >= seen - 1e-9
        done += 1
    return (extreme + 1.0) / (done + 1.0), groups


def permuted_p(
    values: Floats, group: Integers, of: Integers, random: np.random.Generator, draws: int
) -> tuple[Floats, Floats]:
    """Test whether some groups' values are higher than the others', by permuting who is in which group.

    The largest statistic of each permutation is what every group is held against, so that the
    p values are corrected for the number of groups (Westfall and Young 1993).

    Args:
        values: Shape (rows,).
        group: Index of each row's group, -1 for none; shape (rows,).
        of: The groups that are tested; the rest is only compared with.
        random: Where the permutations come from.
        draws: Permutations at most; the smallest p value is ``1 / (draws + 1)``.

    Returns:
        The statistic and the p value of each tested group.
    """
    import numpy as np

    groups = int(group.max()) + 1
    seen = group_excess(values, group, groups)[of]
    extreme = np.zeros(len(of))
    done = 0
    while done < draws and extreme.min() < ENOUGH:
        largest = group_excess(random.permutation(values), group, groups)[of].max()
        extreme += largest >= seen - 1e-9
        done += 1
    return seen, (extreme + 1.0) / (done + 1.0)
