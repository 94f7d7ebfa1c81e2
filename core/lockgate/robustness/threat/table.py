"""The points that a threat allows around the rows of a table.

A point has one number for each numeric column and for each column that the threat calls a category (the place
of its value); all other columns of a row stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lockgate.errors import InputError
from lockgate.robustness.threat import columns as reading
from lockgate.robustness.threat.domain import Domain
from lockgate.robustness.threat.possible import Possible
from lockgate.robustness.threat.repair import repaired
from lockgate.robustness.threat.threat import Threat

_ROUNDING = 1e-9  # of a unit: float noise that is not a step out of the ball


@dataclass(frozen=True)
class Feature:
    """What can change in a row, and counts as one in L0.

    Attributes:
        name: Of the column, or of all columns of a one-hot group.
        at: Its coordinates.
        kind: A number, a category, or a one-hot group.
    """

    name: str
    at: tuple[int, ...]
    kind: Literal["number", "category", "group"]


def domain(threat: Threat, rows: Any) -> TableDomain:
    """Return the points around the rows of a table; see `lockgate.robustness.threat.domain_of`."""
    return TableDomain(threat, rows)


class TableDomain(Domain):
    """Points around the rows of a table.

    Args:
        threat: What is allowed.
        frame: All rows of the data.

    Attributes:
        columns: The coordinates.
        possible: What a possible row is.
        features: What can change.
        scale: The unit of each coordinate.
        free: Whether each coordinate can change.
        changes: Most categories and groups that can change in one row.

    Raises:
        InputError: The threat names a column that is not there.
    """

    def __init__(self, threat: Threat, frame: Any) -> None:
        import numpy as np

        said = threat.constraints
        present = [str(name) for name in frame.columns]
        for name in (*(said.move or ()), *said.immutable, *said.categories):
            if name not in present:
                raise InputError(
                    f"the threat names column {name!r}, which the model does not read; name its columns"
                )
        self.threat = threat
        self.columns = reading.coordinates(frame, said.categories)
        self._like = frame.iloc[:1]
        points = self.points(frame)
        self.possible = Possible.of(said, self.columns, points)
        self.names = tuple(c.name for c in self.columns)
        self.scale = np.array([self._unit(i) for i in range(len(self.columns))], dtype=np.float64)
        self.changes = self._most_changes()
        self.features = tuple(self._features())
        self.free = np.zeros(len(self.columns), dtype=bool)
        for feature in self.features:
            self.free[list(feature.at)] = True
        self._numbers = np.array([f.at[0] for f in self.features if f.kind == "number"], dtype=np.int64)
        self._others = [f for f in self.features if f.kind != "number"]

    def _unit(self, i: int) -> float:
        column, low, high = self.columns[i], self.possible.low[i], self.possible.high[i]
        if not column.number:
            return 1.0
        wide = high - low if abs(high - low) < float("inf") else column.high - column.low
        return {"std": column.deviation, "range": wide, "raw": 1.0}[self.threat.unit] or (
            wide if self.threat.norm == "l0" else 0.0
        )

    def _most_changes(self) -> int:
        said = self.threat.constraints
        if self.threat.norm == "l0":
            return int(self.threat.size)
        return said.category_changes if said.category_changes is not None else int(bool(said.categories))

    def _features(self) -> list[Feature]:
        said, norm = self.threat.constraints, self.threat.norm
        can = [
            (said.move is None or c.name in said.move or not c.number) and c.name not in said.immutable
            for c in self.columns
        ]
        grouped = {i for group in self.possible.groups for i in group}
        found = []
        for i, c in enumerate(self.columns):
            if not can[i] or i in grouped or self.possible.high[i] <= self.possible.low[i]:
                continue
            if c.number and not c.boolean and self.scale[i] > 0:
                found.append(Feature(c.name, (i,), "number"))
            elif not c.number and self.changes:
                found.append(Feature(c.name, (i,), "category"))
        if norm == "l0" or said.category_changes:
            for group in self.possible.groups:
                if all(can[i] for i in group) and self.changes:
                    names = ", ".join(self.columns[i].name for i in group[:3]) + (", ..." * (len(group) > 3))  # noqa: PLR2004
                    found.append(Feature(names, group, "group"))
        return found

    # --- Rows and points ----------------------------------------------------------------------------

    def points(self, rows: Any) -> Any:
        """See `Domain`."""
        return reading.encode(rows, self.columns)

    def rows(self, origins: Any, points: Any) -> Any:
        """See `Domain`."""
        return reading.decode(origins, points, self.columns, self.free)

    def stored(self, points: Any) -> Any:
        """Return points as the table stores them."""
        return reading.stored(points, self._like, self.columns)

    def gradient(self, of_rows: Any) -> Any:
        """See `Domain`."""
        return of_rows[:, [c.at for c in self.columns]]

    # --- What is allowed ----------------------------------------------------------------------------

    def bounds(self, origins: Any) -> tuple[Any, Any]:
        """Return the smallest and the largest value of each coordinate around each origin, on its grid.

        L2 is narrower still in its corners. Coordinates that cannot change have their own value twice.
        """
        import numpy as np

        p, threat = self.possible, self.threat
        far = threat.reach if threat.norm == "l0" else threat.size
        with np.errstate(invalid="ignore"):
            reach = np.inf if far is None else far * self.scale
            numbers = np.array([c.number for c in self.columns], dtype=bool)
            low = np.where(numbers, np.maximum(p.low, origins - reach), p.low)
            high = np.where(numbers, np.minimum(p.high, origins + reach), p.high)
            low = np.where(p.up, np.maximum(low, origins), low)
            high = np.where(p.down, np.minimum(high, origins), high)
            grid = np.where(p.step > 0, p.step, 1.0)
            low = np.where(p.step > 0, np.ceil(low / grid - _ROUNDING) * grid, low)
            high = np.where(p.step > 0, np.floor(high / grid + _ROUNDING) * grid, high)
            stuck = ~self.free | np.isnan(origins) | ~(low <= high)
        return np.where(stuck, origins, low), np.where(stuck, origins, high)

    def columns_range(self) -> tuple[Any, Any]:
        """Return the smallest and the largest value of every number that can change, as seen in the data."""
        import numpy as np

        some = [self.columns[i] for i in self._numbers]
        return np.array([c.low for c in some]), np.array([c.high for c in some])

    def project(self, points: Any, origins: Any) -> Any:
        """See `Domain`."""
        import numpy as np

        low, high = self.bounds(origins)
        made = np.where(np.isfinite(points), points, origins)
        made = self._chosen(np.clip(made, low, high), origins)
        made = self._in_ball(made, origins)
        made = self._on_grid(made, origins, low, high)
        if len(self.possible.most):
            made = repaired(self.possible, made, origins, low, high)
        return self._inward(made, low, high)

    def allowed(self, points: Any, origins: Any) -> Any:
        """See `Domain`."""
        import numpy as np

        at = self.stored(points)
        same = (at == origins) | (np.isnan(at) & np.isnan(origins))
        good = (same | self.free).all(axis=1) & self.possible.holds(at, origins)
        changed = np.zeros(len(at), dtype=np.int64)
        for feature in self._others:
            changed += ~same[:, list(feature.at)].all(axis=1)
        if self.threat.norm == "l0":
            changed += (~same[:, self._numbers]).sum(axis=1)
        good &= changed <= self.changes
        far = self._moves(at, origins)
        size = self.threat.reach if self.threat.norm == "l0" else self.threat.size
        if size is not None:
            norm = np.sqrt((far**2).sum(axis=1)) if self.threat.norm == "l2" else far.max(axis=1, initial=0.0)
            good &= norm <= size + _ROUNDING
        return good

    def distance(self, points: Any, origins: Any) -> Any:
        """See `Domain`; categories and one-hot groups count in L0 only."""
        import numpy as np

        far = self._moves(self.stored(points), origins)
        if self.threat.norm == "linf":
            return far.max(axis=1, initial=0.0)
        if self.threat.norm == "l2":
            return np.sqrt((far**2).sum(axis=1))
        return (far > 0).sum(axis=1) + sum(
            (points[:, list(f.at)] != origins[:, list(f.at)]).any(axis=1) for f in self._others
        )

    def changed(self, points: Any, origins: Any) -> Any:
        """Return which features differ: points by `features`, bool."""
        import numpy as np

        with np.errstate(invalid="ignore"):
            other = (points != origins) & ~np.isnan(origins)
        return np.stack([other[:, list(f.at)].any(axis=1) for f in self.features], axis=1)

    # --- Parts of project ---------------------------------------------------------------------------

    def _moves(self, points: Any, origins: Any) -> Any:
        import numpy as np

        at = self._numbers
        return np.nan_to_num(np.abs(points[:, at] - origins[:, at]) / self.scale[at], posinf=np.inf)

    def _chosen(self, points: Any, origins: Any) -> Any:
        """Make categories whole and groups one-hot, and undo changes that are too many."""
        import numpy as np

        made = points.copy()
        for feature in self._others:
            at = list(feature.at)
            if feature.kind == "group":
                made[:, at] = np.eye(len(at))[points[:, at].argmax(axis=1)]
            else:
                made[:, at] = np.rint(points[:, at])
        if self.threat.norm != "l0" and self._others:
            left = np.full(len(made), self.changes)
            for feature in self._others:
                at = list(feature.at)
                other = (made[:, at] != origins[:, at]).any(axis=1)
                undo = other & (left <= 0)
                made[np.ix_(undo, at)] = origins[np.ix_(undo, at)]
                left -= other
        return made

    def _in_ball(self, points: Any, origins: Any) -> Any:
        import numpy as np

        at, made = self._numbers, points.copy()
        if self.threat.norm == "l2":
            far = np.sqrt((self._moves(points, origins) ** 2).sum(axis=1))
            shrink = np.minimum(1.0, self.threat.size * (1 - _ROUNDING) / np.maximum(far, 1e-300))
            made[:, at] = origins[:, at] + (points[:, at] - origins[:, at]) * shrink[:, None]
        elif self.threat.norm == "l0":
            wide = np.maximum(self.possible.high - self.possible.low, 1e-300)
            moves = np.nan_to_num(np.abs(points - origins) / np.where(np.isfinite(wide), wide, self.scale))
            weight = np.stack([moves[:, list(f.at)].max(axis=1) for f in self.features], axis=1)
            order = np.argsort(-weight, axis=1, kind="stable")
            for place, feature in enumerate(self.features):
                undo = (order[:, self.changes :] == place).any(axis=1)
                made[np.ix_(undo, list(feature.at))] = origins[np.ix_(undo, list(feature.at))]
        return made

    def _on_grid(self, points: Any, origins: Any, low: Any, high: Any) -> Any:
        """Cut numbers to their grid: the nearest value, in L2 the one towards the origin."""
        import numpy as np

        p = self.possible
        grid = np.where(p.step > 0, p.step, 1.0)
        steps = points / grid
        with np.errstate(invalid="ignore"):
            if self.threat.norm == "l2":
                nearest = np.where(points >= origins, np.floor(steps + _ROUNDING), np.ceil(steps - _ROUNDING))
            else:
                nearest = np.rint(steps)
            made = np.where((p.step > 0) & (points != origins), nearest * grid, points)
        return np.clip(made, low, high)

    def _inward(self, points: Any, low: Any, high: Any) -> Any:
        """Cut to the precision of the table without leaving the bounds."""
        import numpy as np

        made = self.stored(points)
        for i, column in enumerate(self.columns):
            narrow = reading.narrow_type(self._like[column.name].dtype) if column.number else None
            if narrow is None:
                continue
            cells = made[:, i].astype(narrow)
            cells = np.where(cells > high[:, i], np.nextafter(cells, narrow.type(-np.inf)), cells)
            cells = np.where(cells < low[:, i], np.nextafter(cells, narrow.type(np.inf)), cells)
            made[:, i] = cells
        return made
