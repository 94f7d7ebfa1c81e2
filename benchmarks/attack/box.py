"""The points that an attack can reach from a row, and a model behind a counter: the same for every attack.

A row is moved by at most `eps` of its range in each column. A point is a possible row:
whole-number columns in whole steps, every column within the range that the data has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_ROUNDING = 1e-9  # float noise that is not a step out of the box


@dataclass(frozen=True)
class Box:
    """The scale, range and whole columns of a table.

    Attributes:
        unit: Largest less smallest value of each column; 1 where it is constant.
        low: Smallest value of each.
        high: Largest value.
        whole: Whether it has whole numbers only.
        eps: Largest move, as a share of the range.
    """

    unit: np.ndarray
    low: np.ndarray
    high: np.ndarray
    whole: np.ndarray
    eps: float

    @classmethod
    def of(cls, x: np.ndarray, eps: float) -> Box:
        """Take them from all rows of a table."""
        unit = x.max(axis=0) - x.min(axis=0)
        return cls(
            np.where(unit > 0, unit, 1), x.min(axis=0), x.max(axis=0), (x == np.round(x)).all(axis=0), eps
        )

    @classmethod
    def of_images(cls, x: np.ndarray, eps: float) -> Box:
        """Take pixels from 0 to 1 that need not be whole."""
        one = np.ones(x.shape[1])
        return cls(one, 0 * one, one, np.zeros(x.shape[1], dtype=bool), eps)

    def possible(self, x: np.ndarray) -> np.ndarray:
        """Return the possible rows that are nearest to points."""
        kept = np.clip(x, self.low, self.high)
        return np.where(self.whole, np.round(kept), kept)

    def inside(self, x: np.ndarray, origin: np.ndarray) -> np.ndarray:
        """Whether points are possible rows within reach of a row."""
        near = (np.abs(x - origin) <= self.eps * self.unit + _ROUNDING).all(axis=-1)
        return near & (self.possible(x) == x).all(axis=-1)

    def reach(self, x: np.ndarray, origin: np.ndarray) -> np.ndarray:
        """Return points drawn into reach of a row; whole numbers are cut towards it."""
        moved = np.clip(x - origin, -self.eps * self.unit, self.eps * self.unit)
        moved = np.where(self.whole, np.trunc(moved + np.sign(moved) * _ROUNDING), moved)
        return np.clip(origin + moved, self.low, self.high)


class SpentError(Exception):
    """The row broke, or its questions are used up."""


class Asked:
    """A model that is asked about one row's surroundings: it counts, and keeps the first point that breaks.

    Args:
        answers: Probability of each class: rows by classes.
        box: Where a point breaks the row.
        origin: The row.
        label: The place of its right label.
        most: Questions that may be asked.
    """

    def __init__(
        self,
        answers: Callable[[np.ndarray], np.ndarray],
        box: Box,
        origin: np.ndarray,
        label: int,
        most: int,
    ) -> None:
        self._answers, self._box, self.origin, self._label, self._most = answers, box, origin, label, most
        self.queries = 0
        self.broken: np.ndarray | None = None

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Return the answers about the possible rows nearest to points.

        Raises:
            SpentError: A point broke the row, or no question is left.
        """
        points = self._box.possible(np.asarray(points, dtype=np.float64).reshape(-1, len(self.origin)))
        allowed = points[: self._most - self.queries]
        if not len(allowed):
            raise SpentError
        found = self._answers(allowed)
        self.queries += len(allowed)
        hits = np.flatnonzero((found.argmax(axis=1) != self._label) & self._box.inside(allowed, self.origin))
        if len(hits):
            self.broken = allowed[hits[0]]
        if len(hits) or len(allowed) < len(points):
            raise SpentError
        return found

    @property
    def changed(self) -> int:
        """How many columns differ where it broke."""
        return 0 if self.broken is None else int((self.broken != self.origin).sum())
