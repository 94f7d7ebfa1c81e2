"""Exact line searches in an ensemble of trees.

With one column free, the score of an ensemble is a step function of it whose steps are thresholds: each leaf
that can be reached adds its value from one threshold to another.
"""

from __future__ import annotations

from typing import Any

from lockgate.model.ensembles import Ensemble


def best_along(
    trees: Ensemble, points: Any, truth: Any, rival: Any, column: int, low: Any, high: Any, step: float
) -> tuple[Any, Any, Any]:
    """Find the value of one column that serves each row's rival class best, the others left as they are.

    Args:
        trees: The ensemble.
        points: n points.
        truth: The place of the right class of each.
        rival: That of the class that is to win.
        column: The column that moves.
        low: Its smallest value for each point.
        high: Its largest.
        step: Its grid; 0 for none.

    Returns:
        For each point the best value, the margin there (right minus rival), and the margin where it is now.
    """
    import numpy as np

    n = len(points)
    row, begin, end, gain = _pieces(trees, points, truth, rival, column, low, high)
    # Steps up at the begin of a piece and down at its end; sorted by row and place they sum to the function.
    place, change = np.concatenate([begin, end]), np.concatenate([gain, -gain])
    owner = np.concatenate([row, row])
    order = np.lexsort((place, owner))
    place, change, owner = place[order], change[order], owner[order]
    total = np.cumsum(change)
    first = np.searchsorted(owner, np.arange(n))
    before = np.where(first > 0, total[first - 1], 0.0)
    after = np.append(place[1:], np.inf)
    inside = (np.append(owner[1:], -1) == owner) & (after > place)
    middle = place + (after - place) / 2
    if step > 0:
        middle = np.floor(after / step + 1e-9) * step
        inside &= (middle > place) | (place <= low[owner])
        middle = np.maximum(middle, place)
    margin = total - before[owner] + (trees.base[truth] - trees.base[rival])[owner]
    margin = np.where(inside, margin, np.inf)
    best = np.lexsort((margin, owner))[np.searchsorted(owner, np.arange(n))]
    x = points[:, column]
    here = inside & (x[owner] > place) & (x[owner] <= after) | inside & (x[owner] == place) & (
        place <= low[owner]
    )
    now = np.full(n, np.inf)
    now[owner[here]] = margin[here]
    stuck = ~(high > low)
    value = np.where(stuck, x, middle[best])
    return value, np.where(stuck, np.inf, margin[best]), now


def _pieces(
    trees: Ensemble, points: Any, truth: Any, rival: Any, column: int, low: Any, high: Any
) -> tuple[Any, Any, Any, Any]:
    """Walk all trees with one column free: row, begin, end and gain of each leaf that it can reach."""
    import numpy as np

    n, count = len(points), len(trees.roots)
    row, node = np.repeat(np.arange(n), count), np.tile(trees.roots, n)
    begin, end = low[row], np.where(high > low, high, low + np.maximum(np.abs(low), 1.0))[row]
    found = []
    while len(node):
        at = trees.feature[node]
        leaf = at < 0
        if leaf.any():
            value, mine = trees.value[node[leaf]], row[leaf]
            picked = np.arange(len(mine))
            found.append(
                (mine, begin[leaf], end[leaf], value[picked, truth[mine]] - value[picked, rival[mine]])
            )
            keep = ~leaf
            row, node, begin, end, at = row[keep], node[keep], begin[keep], end[keep], at[keep]
        cut, free = trees.threshold[node], at == column
        small = np.where(free, begin < cut, points[row, at] <= cut)
        large = np.where(free, end > cut, ~small)
        begin, end = (
            np.concatenate([begin[small], np.where(free, np.maximum(begin, cut), begin)[large]]),
            np.concatenate([np.where(free, np.minimum(end, cut), end)[small], end[large]]),
        )
        row, node = (
            np.concatenate([row[small], row[large]]),
            np.concatenate([trees.left[node[small]], trees.right[node[large]]]),
        )
    rows, begins, ends, gains = (np.concatenate(part) for part in zip(*found, strict=True))
    return rows, begins, ends, gains
