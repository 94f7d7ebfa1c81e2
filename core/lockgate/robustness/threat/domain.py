"""The points that a threat allows around each row: what every attack moves in.

A *point* is a row as numbers, an array of any shape (a vector for a table, channels x height x width for an
image). `TableDomain` (`lockgate.robustness.threat.table`) has the movable columns of a table, an image's
domain all of its pixels. Attacks know no columns and no pixels beyond this.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

from lockgate.robustness.threat.threat import Threat


class Domain(abc.ABC):
    """Points around rows, under one threat.

    Attributes:
        threat: The threat.
        names: What each coordinate of a flattened point is called in the report; empty for images.
    """

    threat: Threat
    names: Sequence[str] = ()

    @abc.abstractmethod
    def points(self, rows: Any) -> Any:
        """Return rows as points: float64, n x the shape of a point."""

    @abc.abstractmethod
    def rows(self, origins: Any, points: Any) -> Any:
        """Return what the model is given: the rows `origins` with their movable cells set to `points`."""

    def gradient(self, of_rows: Any) -> Any:
        """Return the gradient by the coordinates of a point from that by the cells of a row."""
        return of_rows

    @abc.abstractmethod
    def project(self, points: Any, origins: Any) -> Any:
        """Return near points that are possible rows within the threat around `origins`, as far as it can.

        Args:
            points: n points, wherever they are.
            origins: The n points that they started from.
        """

    @abc.abstractmethod
    def allowed(self, points: Any, origins: Any) -> Any:
        """Whether each point is a possible row *and* within the threat around its origin; bool array.

        This judges: a point that is not allowed breaks no row, whatever the model says about it.
        """

    @abc.abstractmethod
    def distance(self, points: Any, origins: Any) -> Any:
        """Return the size of each move in the threat's norm and unit; float array."""
