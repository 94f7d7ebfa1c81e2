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
MANY_ROWS = 50_000
"""From so many rows on, values are counted in bins, and the counts are permuted instead of the rows."""
BINS = 128
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
    return _excess(_everybody(values), *_sums(values, group, groups))


def _everybody(values: Floats) -> tuple[float, float, float]:
    return float(len(values)), float(values.sum()), float((values**2).sum())


def _sums(values: Floats, group: Integers, groups: int) -> tuple[Floats, Floats, Floats]:
    import numpy as np

    inside = group >= 0
    n = np.bincount(group[inside], minlength=groups).astype(np.float64)
    total: Floats = np.bincount(group[inside], values[inside], minlength=groups).astype(np.float64)
    squares: Floats = np.bincount(group[inside], values[inside] ** 2, minlength=groups).astype(np.float64)
    return n, total, squares


def _excess(everybody: tuple[float, float, float], n: Floats, total: Floats, squares: Floats) -> Floats:
    import numpy as np

    all_n, all_total, all_squares = everybody
    spread = max(all_squares / all_n - (all_total / all_n) ** 2, 1e-12)
    rest = np.maximum(all_n - n, 1.0)
    mean, rest_mean = total / np.maximum(n, 1.0), (all_total - total) / rest
    variance = np.maximum(squares - n * mean**2, 0.0)
    rest_variance = np.maximum(all_squares - squares - rest * rest_mean**2, 0.0)
    error = (variance + _PRIOR_ROWS * spread) / (n + _PRIOR_ROWS) / np.maximum(n, 1.0)
    rest_error = (rest_variance + _PRIOR_ROWS * spread) / (rest + _PRIOR_ROWS) / rest
    return np.where(n > 0, (mean - rest_mean) / np.sqrt(error + rest_error), 0.0)


class Permuted:
    """Values in groups, and what becomes of the groups' sums when it is permuted who is in which group.

    Of more than `MANY_ROWS` rows the values are rounded to the means of `BINS` bins of nearly equal size,
    and what is drawn is how many of each bin fall to each group: the same permutations of the rounded
    values, without moving each row.

    Args:
        values: Shape (rows,).
        group: Index of each row's group, -1 for none; shape (rows,).
        random: Where the permutations come from.
    """

    def __init__(self, values: Floats, group: Integers, random: np.random.Generator) -> None:
        import numpy as np

        self.values, self.group, self.random = values, group, random
        self.groups = int(group.max()) + 1
        self.counts: Integers | None = None
        if len(values) > MANY_ROWS:
            edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, BINS + 1)[1:-1]))
            bins = len(edges) + 1
            place = np.searchsorted(edges, values, side="right")
            size = np.bincount(place, minlength=bins)
            kept = size > 0
            self.mean: Floats = (np.bincount(place, values, minlength=bins)[kept] / size[kept]).round(12)
            counts = np.bincount((group + 1) * bins + place, minlength=(self.groups + 1) * bins)
            self.counts = counts.reshape(-1, bins)[:, kept]
        self.everybody = _everybody(values)
        if self.counts is not None:
            of_bin = self.counts.sum(axis=0)
            self.everybody = float(len(values)), float(of_bin @ self.mean), float(of_bin @ self.mean**2)

    def seen(self) -> tuple[Floats, Floats, Floats]:
        """Return number, sum and sum of squares of each group; shape (groups,) each."""
        if self.counts is None:
            return _sums(self.values, self.group, self.groups)
        return self._of(self.counts)

    def drawn(self) -> tuple[Floats, Floats, Floats]:
        """Return the same of one permutation."""
        import numpy as np

        if self.counts is None:
            return _sums(self.random.permutation(self.values), self.group, self.groups)
        left, table = self.counts.sum(axis=0), np.empty_like(self.counts)
        smallest_first = np.argsort(self.counts.sum(axis=1), kind="stable")
        for g in smallest_first[:-1]:
            rows = int(self.counts[g].sum())
            table[g] = self.random.multivariate_hypergeometric(left, rows, method="marginals")
            left = left - table[g]
        table[smallest_first[-1]] = left
        return self._of(table)

    def _of(self, table: Integers) -> tuple[Floats, Floats, Floats]:
        inside = table[1:]
        return inside.sum(axis=1).astype(float), inside @ self.mean, inside @ self.mean**2

    def excess(self, sums: tuple[Floats, Floats, Floats]) -> Floats:
        """Return how far each group's mean lies above the others', in standard errors; see `group_excess`."""
        return _excess(self.everybody, *sums)

    def worst(self, sums: tuple[Floats, Floats, Floats], of: Integers) -> tuple[float, Integers]:
        """Find the groups that together lie farthest above all other rows; see `worst_together`."""
        import numpy as np

        n, total, squares = sums
        order = np.argsort(-self.excess(sums)[of], kind="stable")[: max(1, len(of) // 2)]
        first = of[order]
        together = self.excess((n[first].cumsum(), total[first].cumsum(), squares[first].cumsum()))
        best = int(together.argmax())
        return float(together[best]), np.sort(first[: best + 1])


def worst_together(values: Floats, group: Integers, of: Integers) -> tuple[float, Integers]:
    """Find the groups that together lie farthest above all other rows.

    The groups are put in the order of their own excess, and the first two, three, ... of them, at most half,
    are taken as one group (a scan, compare Kulldorff 1997).

    Returns:
        The largest excess in standard errors, and which of the groups it belongs to.
    """
    import numpy as np

    permuted = Permuted(values, group, np.random.default_rng(0))
    return permuted.worst(permuted.seen(), of)


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
    permuted = Permuted(values, group, random)
    seen, groups = permuted.worst(permuted.seen(), of)
    extreme = done = 0
    while done < draws and extreme < ENOUGH:
        extreme += permuted.worst(permuted.drawn(), of)[0] >= seen - 1e-9
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

    permuted = Permuted(values, group, random)
    seen = permuted.excess(permuted.seen())[of]
    extreme = np.zeros(len(of))
    done = 0
    while done < draws and extreme.min() < ENOUGH:
        largest = permuted.excess(permuted.drawn())[of].max()
        extreme += largest >= seen - 1e-9
        done += 1
    return seen, (extreme + 1.0) / (done + 1.0)
