"""Greedy search over the columns of a table, by answers alone: two queries a column and a few more.

1. Scouts: for a few rows of each class every single move (each column to either end of its range within the
   threat, each category to another value) is tried. What they gain tells which columns matter, and which way.
2. One move of all columns the way that helped the scouts of that class: it breaks most rows that break.
3. Column by column, those that matter first: the other end, or back, and what lowers the margin stays.
4. While questions are left, inner values and random groups of columns, in turn (as Andriushchenko et al.
   2020, arXiv:1912.00049, do with squares of an image): inside the threat a tree's answer is not monotone.

Margins lead the way where the model gives probabilities; where it gives labels alone, points 3 and 4 are
tried blindly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lockgate.robustness.attacks.attack import Attack
from lockgate.robustness.attacks.target import Target

_SCOUTS = 8  # rows of each class
_VALUES = 6  # categories of a column that are tried
_MORE = 10  # questions beyond three a feature


def search(target: Target, rng: Any) -> None:
    """See above."""
    found = _Greedy(target, rng)
    found.scout()
    found.all_at_once()
    found.column_by_column()
    found.inside()


@dataclass(frozen=True)
class _Move:
    """One change of one feature: to an end of its bounds (-1, 1), or to a category or member."""

    feature: int
    to: int


class _Greedy:
    """The state of the search: for every row its best point so far, and that point's margin."""

    def __init__(self, target: Target, rng: Any) -> None:
        import numpy as np

        self.target, self.rng = target, rng
        domain: Any = target.domain
        self.domain, self.features = domain, domain.features
        self.low, self.high = domain.bounds(target.origins)
        self.points, self.margins = target.origins.copy(), target.margins.copy()
        self.limit = 3 * len(self.features) + _MORE
        self.asked = np.zeros(len(self.points), dtype=np.int64)
        self.moves = [move for number, f in enumerate(self.features) for move in _moves(number, f, self)]
        self.gain = np.zeros((len(target.predictor.classes), len(self.moves)))
        self._known: set[tuple[int, bytes]] = set()

    @property
    def open(self) -> Any:
        rows = self.target.open
        return rows[self.asked[rows] < self.limit]

    # --- The four steps -----------------------------------------------------------------------------

    def scout(self) -> None:
        import numpy as np

        rows, truth = self.target.open, self.target.truth
        for place in np.unique(truth[rows]):
            some = rows[truth[rows] == place][:_SCOUTS]
            gains = np.zeros((len(some), len(self.moves)))
            for number, move in enumerate(self.moves):
                origins = self.target.origins[some]
                margins = self.propose(some, self.domain.project(self.moved(some, move, origins), origins))
                gains[:, number] = np.nan_to_num(self.target.margins[some] - margins, nan=0.0)
            self.gain[place] = gains.mean(axis=0)

    def all_at_once(self) -> None:
        import numpy as np

        rows = self.open
        if not len(rows):
            return
        points = self.target.origins[rows].copy()
        for place in np.unique(self.target.truth[rows]):
            mine = self.target.truth[rows] == place
            points[mine] = self.together(rows[mine], place)
        self.propose(rows, self.domain.project(points, self.target.origins[rows]))

    def column_by_column(self) -> None:
        import numpy as np

        for turn in range(len(self.moves)):
            rows = self.open
            if not len(rows):
                return
            order = self._orders()[self.target.truth[rows], turn]
            points = self.points[rows].copy()
            for number in np.unique(order):
                mine = order == number
                points[mine] = self.moved(rows[mine], self.moves[number], self.points[rows[mine]])
            self.propose(rows, self.domain.project(points, self.target.origins[rows]))

    def inside(self) -> None:
        idle, turn = 0, 0
        while len(rows := self.open) and idle < 2 * len(self.features) + 4:
            points = self.random_groups(rows) if turn % 2 else self.inner_values(rows)
            before = self.asked.sum()
            self.propose(rows, self.domain.project(points, self.target.origins[rows]))
            idle, turn = (idle + 1 if self.asked.sum() == before else 0), turn + 1

    # --- Points -------------------------------------------------------------------------------------

    def moved(self, rows: Any, move: _Move, points: Any) -> Any:
        """Return points with one move made."""
        import numpy as np

        feature, made = self.features[move.feature], points.copy()
        at = list(feature.at)
        if feature.kind == "number":
            made[:, at[0]] = (self.low if move.to < 0 else self.high)[rows, at[0]]
        elif feature.kind == "category":
            made[:, at[0]] = move.to
        else:
            made[:, at] = np.eye(len(at))[move.to]
        return made

    def together(self, rows: Any, place: int) -> Any:
        """Return points with the best move of every feature made that gained; in L2 by how much it gained."""
        import numpy as np

        best: dict[int, int] = {}
        for number in np.argsort(-self.gain[place], kind="stable"):
            if self.gain[place, number] > 0:
                best.setdefault(self.moves[number].feature, int(number))
        if self.domain.threat.norm == "l0":
            best = dict(list(best.items())[: self.domain.changes])
        points = self.target.origins[rows].copy()
        top = max((self.gain[place, number] for number in best.values()), default=0.0)
        others = 0
        for number in best.values():
            move = self.moves[number]
            if self.features[move.feature].kind != "number":
                others += 1
                if others > self.domain.changes:
                    continue
            full = self.moved(rows, move, points)
            if self.domain.threat.norm == "l2" and self.features[move.feature].kind == "number":
                full = points + (full - points) * (self.gain[place, number] / top)
            points = full
        return points

    def inner_values(self, rows: Any) -> Any:
        """Return points with one random feature at a random value."""
        import numpy as np

        points = self.points[rows].copy()
        chosen = self.rng.integers(len(self.features), size=len(rows))
        share = self.rng.random(len(rows))
        for number in np.unique(chosen):
            mine, feature = chosen == number, self.features[number]
            at = feature.at[0]
            if feature.kind == "number":
                low, high = self.low[rows[mine], at], self.high[rows[mine], at]
                points[mine, at] = low + (high - low) * share[mine]
            else:
                tos = [m for m in self.moves if m.feature == number]
                for place in np.unique((share[mine] * len(tos)).astype(int)):
                    some = np.flatnonzero(mine)[(share[mine] * len(tos)).astype(int) == place]
                    points[some] = self.moved(rows[some], tos[place], points[some])
        return points

    def random_groups(self, rows: Any) -> Any:
        """Return points with a third of the numbers at random ends."""
        import numpy as np

        points = self.points[rows].copy()
        at = [f.at[0] for f in self.features if f.kind == "number"]
        if not at:
            return self.inner_values(rows)
        hit = self.rng.random((len(rows), len(at))) < 1 / 3
        up = self.rng.random((len(rows), len(at))) < 1 / 2
        ends = np.where(up, self.high[np.ix_(rows, at)], self.low[np.ix_(rows, at)])
        points[:, at] = np.where(hit, ends, points[:, at])
        return points

    # --- Questions ----------------------------------------------------------------------------------

    def propose(self, rows: Any, points: Any) -> Any:
        """Ask about one point for each row, and keep those that do not raise the margin.

        Returns:
            The margins; NaN where a point was not asked: it is not allowed, or was asked before.
        """
        import numpy as np

        margins = np.full(len(rows), np.nan)
        new = self.domain.allowed(points, self.target.origins[rows])
        new &= np.array([self._is_new(int(r), p) for r, p in zip(rows, points, strict=True)], dtype=bool)
        if not new.any():
            return margins
        mine = rows[new]
        margins[new] = self.target.ask(mine, points[new])
        self.asked[mine] += 1
        better = new & (margins <= self.margins[rows])
        self.points[rows[better]], self.margins[rows[better]] = points[better], margins[better]
        return margins

    def _is_new(self, row: int, point: Any) -> bool:
        key = (row, (point + 0.0).tobytes())
        if key in self._known or (point == self.target.origins[row]).all():
            return False
        self._known.add(key)
        return True

    def _orders(self) -> Any:
        """Return for every class the moves, those of features that matter most first."""
        import numpy as np

        size = np.abs(self.gain)
        of = np.array([m.feature for m in self.moves])
        most = np.stack([[size[c][of == f].max() for f in of] for c in range(len(size))])
        return np.stack(
            [np.lexsort((np.arange(len(of)), self.gain[c], of, -most[c])) for c in range(len(size))]
        )


def _moves(number: int, feature: Any, state: _Greedy) -> list[_Move]:
    if feature.kind == "number":
        return [_Move(number, -1), _Move(number, 1)]
    if feature.kind == "category":
        known = len(state.domain.columns[feature.at[0]].seen)
        return [_Move(number, to) for to in range(min(known, _VALUES))]
    return [_Move(number, to) for to in range(len(feature.at))]


def suits(target: Target) -> bool:
    """Whether a table has a feature that can change."""
    return bool(target.domain.features)  # type: ignore[attr-defined]


ATTACK = Attack("greedy", search, suits, finds="greedy search over the columns, by answers alone")
