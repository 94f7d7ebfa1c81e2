"""The numeric cells of a table that can move, measured in standard deviations of their column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_SQUARABLE = 1e140  # squares of larger numbers, and their sums, are beyond a double


@dataclass(frozen=True)
class Space:
    """The columns that can move. Moves are arrays of rows by columns, in standard deviations.

    Whole-number columns stay whole: a move is cut towards the original to whole steps, so that an
    age of 41.3 is never counted as an attack.

    Attributes:
        columns: Their names.
        scale: One standard deviation (population form) of each, in its own unit.
        low: The smallest finite value of each.
        high: The largest finite value of each.
        whole: Whether each holds whole numbers by its type.
    """

    columns: tuple[str, ...]
    scale: Any
    low: Any
    high: Any
    whole: Any

    @classmethod
    def of(cls, frame: Any, only: Sequence[str] | None = None) -> Space:
        """Measure the numeric columns of a DataFrame; constant ones cannot be scaled and stay out.

        Args:
            frame: The rows to measure.
            only: Leave all other columns out; None keeps every numeric one.
        """
        import numpy as np
        from pandas.api.types import is_bool_dtype, is_integer_dtype, is_numeric_dtype

        rows = []
        for name in frame.columns:
            type_ = frame[name].dtype
            if not is_numeric_dtype(type_) or is_bool_dtype(type_) or (only is not None and name not in only):
                continue
            values = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
            values = values[np.isfinite(values)]
            spread = _deviation(values) if len(values) else 0.0
            if spread > 0 and math.isfinite(spread):
                rows.append((name, spread, values.min(), values.max(), is_integer_dtype(type_)))
        names, scale, low, high, whole = zip(*rows, strict=True) if rows else ((), (), (), (), ())
        return cls(tuple(names), np.array(scale), np.array(low), np.array(high), np.array(whole, dtype=bool))

    def values(self, frame: Any) -> Any:
        """Return the cells that can move: rows by columns, float64, NaN where missing."""
        import numpy as np

        return frame[list(self.columns)].to_numpy(dtype=np.float64, na_value=np.nan)

    def step(self, move: Any) -> Any:
        """Return what of a move takes place: all of it, or for whole numbers its whole steps."""
        import numpy as np

        # The nudge keeps a whole step whole when it comes back from a division.
        units = move * self.scale
        return np.where(self.whole, np.trunc(units + np.copysign(1e-9, units)) / self.scale, move)

    def moved(self, frame: Any, move: Any) -> Any:
        """Return a copy of the rows with their cells moved; missing cells stay missing, types stay."""
        import numpy as np

        steps = self.step(move) * self.scale
        copy = frame.copy()
        for at, name in enumerate(self.columns):
            cells = copy[name]
            if self.whole[at]:
                copy[name] = cells + np.rint(steps[:, at]).astype(np.int64)
            else:
                copy[name] = (cells + steps[:, at]).astype(cells.dtype)
        return copy


def _deviation(values: Any) -> float:
    """Population standard deviation by exact sums (`math.fsum`): the same on every processor."""
    largest = float(abs(values).max())
    if largest > _SQUARABLE:
        return largest * _deviation(values / largest)
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((values - mean) ** 2) / len(values))
