"""Read the trees of a known model: exact line searches along each column, and proofs that rows hold.

The score of an ensemble along one column, all others fixed, is a step function whose steps are thresholds:
the best value of the column is found exactly, without asking the model. Column by column, until nothing
gains: a coordinate descent over the thresholds inside the threat. The model is asked only about the point at
the end. The descent starts at the row, in the worst leaf of one tree that the row can reach (of a single tree
that is the answer), and at random.

A row is proven to hold when the sum over the trees of the worst leaf that the row can reach is still on the
right side (interval bounds, as in Chen et al. 2019, arXiv:1906.03849, with one clique a tree). What is then
neither proven nor broken is split into boxes, see `lockgate.robustness.attacks.boxes`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lockgate.model.ensembles import Ensemble, tree_ensemble
from lockgate.robustness.attacks.attack import Attack
from lockgate.robustness.attacks.boxes import SURE, prove, scores
from lockgate.robustness.attacks.target import Target
from lockgate.robustness.attacks.thresholds import best_along

_TOGETHER = 100  # rows walked at once: bounds memory
_PASSES = 4
_LABELS_AGREE = 0.95  # single precision may decide otherwise at a threshold; the model confirms breaks


def search(target: Target, rng: Any) -> None:
    """Prove what can be proven, and descend from each other row."""
    import numpy as np

    trees = _trees(target)
    if trees is None:
        return
    rows = target.open
    rows = rows[~np.isnan(target.origins[rows]).any(axis=1)]
    if not _agrees(target, trees, rows):
        return
    for first in range(0, len(rows), _TOGETHER):
        part = rows[first : first + _TOGETHER]
        low, high = target.domain.bounds(target.origins[part])  # type: ignore[attr-defined]
        prove(target, trees, part, low, high, split=False)
        for start in ("origin", "leaf", "random"):
            left = np.flatnonzero(np.isin(part, target.open))
            if len(left):
                _descend(target, trees, part[left], low[left], high[left], rng, start)
        left = np.flatnonzero(np.isin(part, target.open))
        if len(left):
            prove(target, trees, part[left], low[left], high[left], split=True)
        target.searched[part] = True


def suits(target: Target) -> bool:
    """Whether the model's trees are known, and every column of them is a coordinate."""
    domain: Any = target.domain
    numbers = any(f.kind == "number" for f in domain.features)
    return numbers and hasattr(target.rows, "iloc") and _trees(target) is not None


# --- The model --------------------------------------------------------------------------------------


def _trees(target: Target) -> Ensemble | None:
    """Return the trees with their columns numbered as the coordinates of points."""
    import numpy as np

    kept = tree_ensemble(target.predictor)
    if kept is None:
        return None
    domain: Any = target.domain
    place = np.full(max(int(kept.feature.max()) + 1, target.rows.shape[1]), -1)
    for i, column in enumerate(domain.columns):
        if column.number:
            place[column.at] = i
    used = np.unique(kept.feature[kept.feature >= 0])
    if (place[used] < 0).any():
        return None
    feature = np.where(kept.feature >= 0, place[kept.feature], -1)
    return replace(kept, feature=feature)


def _agrees(target: Target, trees: Ensemble, rows: Any) -> bool:
    """Whether the trees, walked here, label the rows as the model does."""
    import numpy as np

    if not len(rows):
        return False
    said = np.concatenate(
        [scores(trees, target.origins[rows[at : at + _TOGETHER]]) for at in range(0, len(rows), _TOGETHER)]
    )
    own = np.take_along_axis(said, target.truth[rows][:, None], axis=1)[:, 0]
    return bool((own >= said.max(axis=1) - SURE).mean() >= _LABELS_AGREE)  # ties are the model's own


# --- Descent ----------------------------------------------------------------------------------------


def _descend(target: Target, trees: Ensemble, rows: Any, low: Any, high: Any, rng: Any, start: str) -> None:
    """Move column after column of each row to its best value, and ask about the point that came out."""
    import numpy as np

    domain: Any = target.domain
    origins = target.origins[rows]
    points = origins.copy()
    numbers = [f.at[0] for f in domain.features if f.kind == "number"]
    free = [c for c in numbers if (trees.feature == c).any()]
    if start == "random" and domain.threat.norm == "linf":
        ends = np.where(rng.random(points.shape) < 1 / 2, low, high)
        points = domain.project(np.where(rng.random(points.shape) < 1 / 2, ends, points), origins)
    elif start == "random":
        return
    if start == "leaf":
        points = domain.project(_in_worst_leaf(trees, rows, target, low, high, rng), origins)
    rival = _rivals(trees, points, target.truth[rows])
    asked = np.zeros(len(rows), dtype=bool)
    for _ in range(_PASSES if domain.threat.norm != "l0" else domain.changes):
        live = np.flatnonzero(~asked)
        if not len(live):
            break
        before = points.copy()
        margins = _pass(domain, trees, points, origins, live, target.truth[rows], rival, low, high, free)
        points[live] = domain.project(points[live], origins[live])
        done = live[margins <= SURE]
        still = live[(points[live] == before[live]).all(axis=1)]
        _ask(target, rows, points, done)
        asked[done] = target.broken[rows[done]]
        asked[still] = True
        if len(trees.base) > 2:  # noqa: PLR2004 - another class may be nearer by now
            rival = _rivals(trees, points, target.truth[rows])


def _in_worst_leaf(trees: Ensemble, rows: Any, target: Target, low: Any, high: Any, rng: Any) -> Any:
    """Return for each row the nearest point in the worst leaf of one random tree within the bounds."""
    import numpy as np

    points, truth = target.origins[rows], target.truth[rows]
    row = np.arange(len(rows))
    node = np.full(len(rows), trees.roots[rng.integers(len(trees.roots))])
    begin, end = low.copy(), high.copy()
    worst, best = np.full(len(rows), np.inf), points.copy()
    while len(node):
        leaf = trees.feature[node] < 0
        value = trees.value[node[leaf]]
        own = np.take_along_axis(value, truth[row[leaf]][:, None], axis=1)[:, 0]
        others = value.copy()
        others[np.arange(len(value)), truth[row[leaf]]] = -np.inf
        margin = own - others.max(axis=1, initial=-np.inf)
        mine, first, last = row[leaf], begin[leaf], end[leaf]
        for i in np.lexsort((margin, mine)):
            if margin[i] < worst[mine[i]]:
                here = points[mine[i]]
                inside = (here > first[i]) & (here <= last[i]) | (first[i] == last[i])
                worst[mine[i]] = margin[i]
                best[mine[i]] = np.where(inside, here, (first[i] + last[i]) / 2)
        row, node, begin, end = row[~leaf], node[~leaf], begin[~leaf], end[~leaf]
        column, at = trees.feature[node], np.arange(len(node))
        cut = trees.threshold[node]
        left, right = begin[at, column] <= cut, end[at, column] > cut
        upper, lower = end[left].copy(), begin[right].copy()
        upper[np.arange(left.sum()), column[left]] = np.minimum(end[at, column], cut)[left]
        lower[np.arange(right.sum()), column[right]] = np.maximum(begin[at, column], cut)[right]
        row, node, begin, end = (
            np.concatenate([row[left], row[right]]),
            np.concatenate([trees.left[node[left]], trees.right[node[right]]]),
            np.concatenate([begin[left], lower]),
            np.concatenate([upper, end[right]]),
        )
    return best


def _ask(target: Target, rows: Any, points: Any, some: Any) -> None:
    good = target.domain.allowed(points[some], target.origins[rows[some]])
    if good.any():
        target.ask(rows[some[good]], points[some[good]])


def _rivals(trees: Ensemble, points: Any, truth: Any) -> Any:
    """Return the strongest other class of each point."""
    import numpy as np

    if len(trees.base) == 2:  # noqa: PLR2004
        return 1 - truth
    said = scores(trees, points)
    said[np.arange(len(points)), truth] = -np.inf
    return said.argmax(axis=1)


def _pass(
    domain: Any,
    trees: Ensemble,
    points: Any,
    origins: Any,
    live: Any,
    truth: Any,
    rival: Any,
    low: Any,
    high: Any,
    free: list[int],
) -> Any:
    """Move each column in turn, or in L0 the one that gains most; return the margins that came out."""
    import numpy as np

    norm = domain.threat.norm
    some = points[live]
    best_value, best_margin, best_column = (
        some[:, 0].copy(),
        np.full(len(live), np.inf),
        np.zeros(len(live), int),
    )
    margins = np.full(len(live), np.inf)
    for column in free:
        a, b = low[live, column], high[live, column]
        if norm == "l2":
            a, b = _within(domain, some, origins[live], column, a, b)
        value, lowest, now = best_along(
            trees, some, truth[live], rival[live], column, a, b, domain.possible.step[column]
        )
        if norm == "l0":
            better = lowest < best_margin
            best_value[better], best_margin[better] = value[better], lowest[better]
            best_column[better] = column
            margins = np.minimum(margins, now)
            continue
        gains = lowest < now - SURE
        some[gains, column] = value[gains]
        margins = np.where(gains, lowest, now)
    if norm == "l0":
        gains = np.flatnonzero(best_margin < margins - SURE)
        some[gains, best_column[gains]] = best_value[gains]
        margins = np.minimum(margins, best_margin)
    points[live] = some
    return margins


def _within(domain: Any, points: Any, origins: Any, column: int, low: Any, high: Any) -> tuple[Any, Any]:
    """Return the bounds of one column inside the L2 ball, given the others."""
    import numpy as np

    moves = np.nan_to_num((points - origins) / np.where(domain.scale > 0, domain.scale, 1.0))
    moves[:, column] = 0.0
    reach = np.sqrt(np.maximum(domain.threat.size**2 - (moves**2).sum(axis=1), 0.0)) * domain.scale[column]
    return np.maximum(low, origins[:, column] - reach), np.minimum(high, origins[:, column] + reach)


ATTACK = Attack(
    "trees",
    search,
    suits,
    white_box=True,
    finds="coordinate descent over the thresholds of the model's trees, and branch and bound",
)
