"""Split what a row can reach into boxes, until each is proven to hold or a point in one breaks the row.

Branch and bound over the thresholds of the trees (as Törnblom and Nadjm-Tehrani 2020, arXiv:1905.04194,
refine boxes of inputs): the sum over the trees of the worst leaf that a box can reach bounds the margin of
every point in it. A box whose bound is on the right side holds; another one is split at a threshold that its
trees disagree about, the worst box of a row first. Where every tree is down to one leaf the bound is the
answer itself, and the model is asked about one point of the box.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from lockgate.model.ensembles import Ensemble
from lockgate.robustness.attacks.target import Target

SURE = 1e-9  # a margin of the trees that is larger is no tie
_PAD = 1e-6  # of a cell and of its unit: what single precision may make of a cell
_WHOLE = 2.0**24  # smaller whole numbers are exact in single precision
_BOXES = 200  # split at once, of all rows
_MOST_VISITS = 100_000  # of nodes, for each row
_MOST_TOGETHER = 6_000_000  # of nodes, for all boxes that are measured at once: bounds memory
_MOST_TIES = 8  # questions for each row about boxes in which the trees tie


def prove(target: Target, trees: Ensemble, rows: Any, low: Any, high: Any, *, split: bool) -> None:
    """Mark the rows that hold, and ask about points that break the others.

    Args:
        target: What is attacked.
        trees: The model, its columns numbered as the coordinates of points.
        rows: Numbers of rows, all their cells known.
        low: The smallest value of each coordinate of each row, see `TableDomain.bounds`.
        high: The largest.
        split: Whether to split boxes; else a row is proven only if its bounds as a whole are.
    """
    domain: Any = target.domain
    if any(f.kind != "number" for f in domain.features) or domain.threat.norm == "l0":
        return
    with contextlib.suppress(_TooManyError):
        _prove(_Search(target, trees, rows, low, high), split=split)


def _prove(search: _Search, *, split: bool) -> None:
    import numpy as np

    target, rows = search.target, search.rows
    boxes = search.measured(search.whole())
    unsure = np.zeros(len(rows), dtype=bool)
    while split and len(boxes):
        boxes = boxes.take(search.live[boxes.row])
        if not len(boxes):
            break
        now = _worst(boxes, max(1, _BOXES // len(np.unique(boxes.row))))
        unsure |= search.try_points(boxes.take(now))
        ready = boxes.take(now & (boxes.column >= 0))
        boxes = boxes.take(~now).joined(search.measured(search.halves(ready)))
        boxes = search.within_reason(boxes, unsure)
    unsure[boxes.row] = True
    target.certified[rows[~unsure & ~target.broken[rows]]] = True


def scores(trees: Ensemble, points: Any) -> Any:
    """Return the scores of points: rows by classes."""
    import numpy as np

    node = np.tile(trees.roots, len(points))
    at = np.repeat(np.arange(len(points)), len(trees.roots))
    while len(inner := np.flatnonzero(trees.feature[node] >= 0)):
        now = node[inner]
        small = points[at[inner], trees.feature[now]] <= trees.threshold[now]
        node[inner] = np.where(small, trees.left[now], trees.right[now])
    return trees.base + trees.value[node].reshape(len(points), len(trees.roots), -1).sum(axis=1)


@dataclass(frozen=True)
class _Boxes:
    """Boxes of some rows: which row, from where to where, and what the trees say there.

    Attributes:
        row: Place in the rows of the search.
        low: Smallest cells.
        high: Largest cells.
        node: Of each tree the deepest node that the whole box goes to.
        bound: No point in the box has a smaller margin.
        column: Where to split it; -1: each tree is down to one leaf.
        cut: At which threshold.
    """

    row: Any
    low: Any
    high: Any
    node: Any
    bound: Any
    column: Any
    cut: Any

    def __len__(self) -> int:
        return len(self.row)

    def take(self, some: Any) -> _Boxes:
        return _Boxes(*(getattr(self, name)[some] for name in self.__dataclass_fields__))

    def joined(self, other: _Boxes) -> _Boxes:
        import numpy as np

        names = self.__dataclass_fields__
        return _Boxes(*(np.concatenate([getattr(self, n), getattr(other, n)]) for n in names))


def _worst(boxes: _Boxes, each: int) -> Any:
    """Whether each box is among the worst of its row."""
    import numpy as np

    order = np.lexsort((boxes.bound, boxes.row))
    mine = boxes.row[order]
    rank = np.arange(len(mine)) - np.searchsorted(mine, mine, side="left")
    chosen = np.zeros(len(mine), dtype=bool)
    chosen[order[rank < each]] = True
    return chosen


class _TooManyError(Exception):
    """More nodes at once than fit into memory."""


class _Search:
    def __init__(self, target: Target, trees: Ensemble, rows: Any, low: Any, high: Any) -> None:
        import numpy as np

        domain: Any = target.domain
        self.target, self.trees, self.rows, self.domain = target, trees, rows, domain
        self.truth, self.origins = target.truth[rows], target.origins[rows]
        # A cell that is no possible value may stay as it is.
        self.low, self.high = np.minimum(low, self.origins), np.maximum(high, self.origins)
        largest = np.maximum(np.abs(self.low), np.abs(self.high))
        grid: Any = self.domain.possible.step
        self.grid = np.where(grid > 0, grid, 1.0)
        on_grid = np.abs(self.origins / self.grid - np.rint(self.origins / self.grid)) <= SURE
        self.stepped = (grid > 0) & on_grid
        kept = self.stepped & (grid == np.rint(grid)) & (largest < _WHOLE) & trees.as_given
        self.pad = np.where(kept, 0.0, _PAD * (largest + domain.scale))
        self.visits, self.ties = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.int64)

    @property
    def live(self) -> Any:
        """Whether each row is still to be broken."""
        import numpy as np

        return np.isin(self.rows, self.target.open)

    def whole(self) -> _Boxes:
        """Return one box for each row: all that it can reach."""
        import numpy as np

        n, count = len(self.rows), len(self.trees.roots)
        node = np.tile(self.trees.roots, (n, 1)).reshape(n, count)
        nothing = np.full(n, -np.inf), np.full(n, -1), np.zeros(n)
        return _Boxes(np.arange(n), self.low - self.pad, self.high + self.pad, node, *nothing)

    def halves(self, boxes: _Boxes) -> _Boxes:
        """Return both sides of the split of each box, as far as a possible point lies there."""
        import numpy as np

        at = np.arange(len(boxes))
        upto, above = boxes.high.copy(), boxes.low.copy()
        upto[at, boxes.column] = boxes.cut
        above[at, boxes.column] = np.nextafter(boxes.cut, np.inf)
        row = np.concatenate([boxes.row, boxes.row])
        low, high = np.concatenate([boxes.low, above]), np.concatenate([upto, boxes.high])
        column = np.concatenate([boxes.column, boxes.column])
        both = np.arange(len(row))
        step, pad = self.grid[column], self.pad[row, column]
        first = np.ceil((low[both, column] - pad) / step) * step
        good = ~self.stepped[row, column] | (first <= high[both, column] + pad)
        if self.domain.threat.norm == "l2":
            nearest = np.clip(self.origins[row], low, high) - self.origins[row]
            far = np.nan_to_num(np.maximum(np.abs(nearest) - self.pad[row], 0) / self.domain.scale)
            good &= np.sqrt((far**2).sum(axis=1)) <= self.domain.threat.size * (1 + SURE)
        node = np.concatenate([boxes.node, boxes.node])
        made = _Boxes(
            row, low, high, node, np.full(len(row), -np.inf), np.full(len(row), -1), np.zeros(len(row))
        )
        return made.take(good)

    def measured(self, boxes: _Boxes) -> _Boxes:
        """Return the boxes that are not proven, with their bounds and where to split them."""
        import numpy as np

        if not len(boxes):
            return boxes
        trees, n = self.trees, len(boxes)
        count, classes = len(trees.roots), trees.value.shape[1]
        truth = self.truth[boxes.row]
        node = boxes.node.ravel()
        box, at, weight = np.repeat(np.arange(n), count), np.arange(n * count), np.ones(n * count)
        entry = node.copy()
        worst, best = np.full(n * count * classes, np.inf), np.full(n * count * classes, -np.inf)
        undecided = []
        seen = 0
        while len(node):
            seen += len(node)
            if seen > _MOST_TOGETHER:
                raise _TooManyError
            self.visits += np.bincount(boxes.row[box], minlength=len(self.visits))
            column = trees.feature[node]
            leaf = column < 0
            if leaf.any():
                value = trees.value[node[leaf]]
                own = np.take_along_axis(value, truth[box[leaf]][:, None], axis=1)
                cell = (at[leaf][:, None] * classes + np.arange(classes)).ravel()
                np.minimum.at(worst, cell, (own - value).ravel())
                np.maximum.at(best, cell, (own - value).ravel())
                box, at, node, column, weight = (a[~leaf] for a in (box, at, node, column, weight))
            cut = trees.threshold[node]
            left, right = boxes.low[box, column] <= cut, boxes.high[box, column] > cut
            torn = left & right
            undecided.append((at[torn], box[torn], column[torn], cut[torn], weight[torn]))
            whole = (weight == 1) & ~torn  # weights are halved below the first split
            entry[at[whole]] = np.where(left, trees.left[node], trees.right[node])[whole]
            weight = np.where(torn, weight / 2, weight)
            at, box, weight, node = (
                np.concatenate([at[left], at[right]]),
                np.concatenate([box[left], box[right]]),
                np.concatenate([weight[left], weight[right]]),
                np.concatenate([trees.left[node[left]], trees.right[node[right]]]),
            )
        lowest, highest = worst.reshape(n, count, classes), best.reshape(n, count, classes)
        margin = lowest.sum(axis=1) + trees.base[truth][:, None] - trees.base
        margin[np.arange(n), truth] = np.inf
        spread = (highest - lowest).max(axis=2).ravel()
        column, cut = _splits(n, boxes.low.shape[1], spread, undecided)
        bound = margin.min(axis=1)
        made = _Boxes(boxes.row, boxes.low, boxes.high, entry.reshape(n, count), bound, column, cut)
        return made.take(bound <= SURE)

    def try_points(self, boxes: _Boxes) -> Any:
        """Ask about points in the middle of boxes that the trees label wrong.

        Returns:
            Whether each row has a box that is down to one leaf a tree, and of which nothing is known.
        """
        import numpy as np

        unsure = np.zeros(len(self.rows), dtype=bool)
        if not len(boxes):
            return unsure
        origins = self.origins[boxes.row]
        low, high = self.low[boxes.row], self.high[boxes.row]
        middle = np.clip((boxes.low + boxes.high) / 2, low, high)
        points = self.domain.project(middle, origins)
        said = scores(self.trees, points)
        own = np.take_along_axis(said, self.truth[boxes.row][:, None], axis=1)[:, 0]
        said[np.arange(len(said)), self.truth[boxes.row]] = -np.inf
        last = boxes.column < 0
        wrong = (own - said.max(axis=1) <= SURE) & self.domain.allowed(points, origins)
        inside = ((points >= boxes.low) & (points <= boxes.high)).all(axis=1)
        held = np.zeros(len(boxes), dtype=bool)
        order = np.lexsort((boxes.bound, ~last))
        for i in order[wrong[order]]:
            place, row = boxes.row[i], self.rows[boxes.row[i]]
            if not self.target.broken[row] and self.ties[place] < _MOST_TIES:
                self.ties[place] += 1
                # The same leaf of every tree is the same answer everywhere in the box.
                held[i] = inside[i] and self.target.ask(np.array([row]), points[[i]])[0] >= 0
        unsure[boxes.row[last & ~held]] = True
        return unsure

    def within_reason(self, boxes: _Boxes, unsure: Any) -> _Boxes:
        """Leave out the boxes of rows that took too long, and say that nothing is known of them."""
        late = self.visits > _MOST_VISITS
        unsure[boxes.row[late[boxes.row]]] = True
        return boxes.take(~late[boxes.row])


def _splits(n: int, columns: int, spread: Any, undecided: list[tuple[Any, ...]]) -> tuple[Any, Any]:
    """Return for each box the column that its trees disagree about most, and the median of its thresholds.

    A node counts as much as its tree's leaves differ, and half as much as the one above it.
    """
    import numpy as np

    at, box, column, cut, weight = (np.concatenate(part) for part in zip(*undecided, strict=True))
    weight = weight * spread[at] + np.finfo(np.float64).tiny
    total = np.bincount(box * columns + column, weights=weight, minlength=n * columns).reshape(n, columns)
    chosen = total.argmax(axis=1)
    found = total.max(axis=1) > 0
    mine = column == chosen[box]
    box, cut, weight = box[mine], cut[mine], weight[mine]
    order = np.lexsort((cut, box))
    box, cut, weight = box[order], cut[order], weight[order]
    sums = np.cumsum(weight)
    first = np.searchsorted(box, np.arange(n))
    before = np.where(first > 0, np.append(sums, 0.0)[first - 1], 0.0)
    half = before + total[np.arange(n), chosen] / 2
    median = np.minimum(np.searchsorted(sums, half), np.searchsorted(box, np.arange(n), side="right") - 1)
    cuts = np.append(cut, 0.0)[np.where(found, np.maximum(median, first), -1)]
    return np.where(found, chosen, -1), cuts
