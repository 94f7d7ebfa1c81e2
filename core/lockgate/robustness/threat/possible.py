"""Which rows are possible: steps, ranges, directions, one-hot groups and linear rules, as arrays.

`Possible` is what `Constraints` come to for the columns of one table, with what is inferred from its data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lockgate.errors import InputError
from lockgate.robustness.threat.columns import Coordinate
from lockgate.robustness.threat.threat import Constraints

_SAME = 1e-9  # of what is compared: noise of double precision


@dataclass(frozen=True)
class Possible:
    """What a possible row is. Arrays have one entry for each coordinate.

    Attributes:
        step: Smallest step; 0 for a column without one.
        low: Smallest value.
        high: Largest value.
        up: Whether it can only grow.
        down: Whether it can only shrink.
        groups: One-hot groups, as coordinates.
        weights: Rules by coordinates: the factors of the left side.
        most: The right side of each rule.
        equal: Whether its sides must be equal.
        inferred: What was taken from the data, in words, for the report.
    """

    step: Any
    low: Any
    high: Any
    up: Any
    down: Any
    groups: tuple[tuple[int, ...], ...]
    weights: Any
    most: Any
    equal: Any
    inferred: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, said: Constraints, columns: Sequence[Coordinate], points: Any) -> Possible:
        """Make it from what a threat says and the data.

        Args:
            said: The constraints.
            columns: The coordinates.
            points: All rows of the data.

        Raises:
            InputError: A constraint names a column that is not there, or is no number.
        """
        import numpy as np

        place = {c.name: i for i, c in enumerate(columns)}

        def at(name: str) -> int:
            if name not in place or not columns[place[name]].number:
                raise InputError(
                    f"the threat names column {name!r}, which is no numeric column that the model reads; "
                    "name one of its columns"
                )
            return place[name]

        steps, ranges = dict(said.steps), {n: (low, high) for n, low, high in said.ranges}
        for name in (*steps, *ranges, *said.only_up, *said.only_down):
            at(name)
        groups = tuple(tuple(at(n) for n in group) for group in said.one_hot)
        told = {i for group in groups for i in group}
        guessed = _one_hot(columns, points, told) if said.infer else ()
        grid = [_step(c, steps.get(c.name), said) for c in columns]
        weights = np.zeros((len(said.rules), len(columns)))
        for r, rule in enumerate(said.rules):
            for name, weight in rule.weights:
                weights[r, at(name)] += weight
        endless = [not said.infer and c.number for c in columns]
        limits = [
            ranges.get(c.name, (-np.inf, np.inf) if free else (c.low, c.high))
            for c, free in zip(columns, endless, strict=True)
        ]
        return cls(
            step=np.array(grid, dtype=np.float64),
            low=np.array([low for low, _ in limits], dtype=np.float64),
            high=np.array([high for _, high in limits], dtype=np.float64),
            up=np.array([c.name in said.only_up for c in columns], dtype=bool),
            down=np.array([c.name in said.only_down for c in columns], dtype=bool),
            groups=groups + guessed,
            weights=weights,
            most=np.array([r.most for r in said.rules], dtype=np.float64),
            equal=np.array([r.equal for r in said.rules], dtype=bool),
            inferred=tuple(_inferred(columns, said, steps, ranges, guessed)),
        )

    def holds(self, points: Any, origins: Any) -> Any:
        """Whether each point is a possible row, if it started from its origin; bool array.

        Missing cells must still be missing, and fit every range and rule.
        """
        import numpy as np

        missing = np.isnan(origins)
        good = (np.isnan(points) == missing).all(axis=1)
        with np.errstate(invalid="ignore"):
            wrong = (points < self.low) | (points > self.high)
            wrong |= (self.up & (points < origins)) | (self.down & (points > origins))
            grid = np.where(self.step > 0, self.step, 1.0)
            off = np.abs(points / grid - np.rint(points / grid)) > _SAME * np.maximum(
                1, np.abs(points / grid)
            )
            wrong |= (self.step > 0) & off
        good &= ~(wrong & ~missing).any(axis=1)
        for group in self.groups:
            cells = points[:, list(group)]
            good &= (((cells == 0) | (cells == 1)).all(axis=1) & (cells.sum(axis=1) == 1)) | np.isnan(
                cells
            ).any(axis=1)
        return good & self.rules_hold(points)

    def rules_hold(self, points: Any) -> Any:
        """Whether each point fits every rule."""
        import numpy as np

        good = np.ones(len(points), dtype=bool)
        for r in range(len(self.most)):
            excess, size = self.excess(points, r)
            good &= (np.abs(excess) <= _SAME * size) if self.equal[r] else (excess <= 0)
        return good

    def excess(self, points: Any, rule: int) -> tuple[Any, Any]:
        """Return by how much each point is above a rule (0 where a cell is missing), and its terms' size."""
        import numpy as np

        used = np.flatnonzero(self.weights[rule])
        terms = points[:, used] * self.weights[rule, used]
        excess = np.nan_to_num(terms.sum(axis=1) - self.most[rule], nan=0.0, posinf=np.inf, neginf=-np.inf)
        return excess, np.nan_to_num(np.abs(terms).sum(axis=1)) + abs(self.most[rule]) + 1e-300


def _step(column: Coordinate, told: float | None, said: Constraints) -> float:
    if not column.number:
        return 1.0
    if column.typed:
        return max(told or 1.0, 1.0)
    if told is not None:
        return told
    return 1.0 if said.infer and column.whole else 0.0


def _one_hot(columns: Sequence[Coordinate], points: Any, told: set[int]) -> tuple[tuple[int, ...], ...]:
    """Find columns of 0 and 1 with a common start of their names of which exactly one is 1 in every row."""
    import re

    import numpy as np

    stems: dict[str, list[int]] = {}
    for i, column in enumerate(columns):
        if i in told or not column.number or not column.whole or (column.low, column.high) != (0, 1):
            continue
        stem = re.split(r"[_=:.|-](?=[^_=:.|-]*\Z)", column.name)[0]
        if stem != column.name:
            stems.setdefault(stem, []).append(i)
    return tuple(
        tuple(group)
        for group in stems.values()
        if len(group) > 1
        and np.isfinite(points[:, group]).all()
        and (points[:, group].sum(axis=1) == 1).all()
    )


def _inferred(
    columns: Sequence[Coordinate], said: Constraints, steps: Any, ranges: Any, guessed: Any
) -> list[str]:
    numbers = [c for c in columns if c.number]
    whole = [c.name for c in numbers if c.name not in steps and (c.typed or (said.infer and c.whole))]
    found = []
    if whole:
        found.append(f"whole numbers in {len(whole)} columns")
    if said.infer and any(c.name not in ranges for c in numbers):
        found.append(f"the range of {sum(c.name not in ranges for c in numbers)} columns")
    if guessed:
        found.append(f"{len(guessed)} one-hot groups of {sum(map(len, guessed))} columns")
    return found
