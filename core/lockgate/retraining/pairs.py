"""A column of the reference beside the same column of the batch."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MANY_VALUES = 20
"""With more values, numbers are measurements or counts, and no codes."""

_FEWEST_OTHERS = 20


class Pair:
    """A column of the reference and of the batch.

    Attributes:
        name: Its name.
        numbers: Whether both hold numbers.
        before: The values of the reference: floats with NaN for missing ones, or texts and None.
        now: Those of the batch.
    """

    def __init__(self, name: str, before: pa.ChunkedArray, now: pa.ChunkedArray) -> None:
        self.name = name
        kinds = [_is_number(column) for column in (before, now)]
        empty = [column.null_count == len(column) for column in (before, now)]
        self.numbers = all(k or e for k, e in zip(kinds, empty, strict=True)) and any(kinds)
        self.other = not self.numbers and any(kinds)  # a number on one side: `compare` says so
        self.before = _values(before, self.numbers)
        self.now = _values(now, self.numbers)

    @functools.cached_property
    def shares(self) -> tuple[dict[str, float], dict[str, float]]:
        """How frequent each text is, in the reference and in the batch."""
        if self.numbers:
            texts = [
                [None if math.isnan(v) else repr(v) for v in side.tolist()]
                for side in (self.before, self.now)
            ]
            return shares(texts[0]), shares(texts[1])
        return shares(self.before), shares(self.now)

    @property
    def few(self) -> bool:
        """Whether it has so few numbers that they may be codes."""
        return all(len(set(present(side))) <= MANY_VALUES for side in (self.before, self.now))

    @property
    def gone(self) -> tuple[Any, Any]:
        """Which values are missing, of the reference and of the batch."""
        import numpy as np

        if self.numbers:
            return np.isnan(self.before), np.isnan(self.now)
        return tuple(np.array([v is None for v in side], dtype=bool) for side in (self.before, self.now))  # type: ignore[return-value]


def distance(one: Floats, two: Floats) -> float:
    """Return the Kolmogorov-Smirnov distance of two samples, 0 to 1."""
    import numpy as np

    one, two = np.sort(one), np.sort(two)
    # Numbers that a change of unit has moved by a rounding error are the same ones.
    largest = (max(abs(float(side[0])), abs(float(side[-1]))) for side in (one, two))
    grain = 1e-9 * max(min(largest), 1e-300)
    at = np.concatenate([one, two])
    at.sort()
    below = [np.searchsorted(side, at + grain, side="right") / len(side) for side in (one, two)]
    return float(np.abs(below[0] - below[1]).max())


def shares(values: Sequence[str | None]) -> dict[str, float]:
    """Return how frequent each value is among those that are there."""
    from collections import Counter

    counted = Counter(value for value in values if value is not None)
    total = sum(counted.values())
    return {value: count / total for value, count in counted.items()}


def _is_number(column: pa.ChunkedArray) -> bool:
    import pyarrow as pa

    kind = column.type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _values(column: pa.ChunkedArray, numbers: bool) -> Any:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if numbers:
        if not _is_number(column):
            return np.full(len(column), np.nan)
        found = np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(), dtype=np.float64)
        return np.where(np.isfinite(found) & (np.abs(found) < 1e300), found, np.nan)  # noqa: PLR2004 - its square is infinite
    return [None if v is None else str(v) for v in column.to_pylist()]


def present(values: Any) -> Any:
    """Return the values that are there."""
    import numpy as np

    if isinstance(values, list):
        return [v for v in values if v is not None]
    return values[~np.isnan(values)]


def as_numbers(pair: Pair) -> tuple[Floats, Floats]:
    """Return both sides as numbers, missing ones in the middle."""
    import numpy as np

    if pair.numbers:
        sides = [np.asarray(side) for side in (pair.before, pair.now)]
        middle = float(np.nanmedian(sides[0])) if (~np.isnan(sides[0])).any() else 0.0
        return tuple(np.where(np.isnan(side), middle, side) for side in sides)  # type: ignore[return-value]
    known = {
        v: float(i) for i, v in enumerate(sorted({v for v in [*pair.before, *pair.now] if v is not None}))
    }
    return tuple(np.array([known.get(v, -1.0) for v in side]) for side in (pair.before, pair.now))  # type: ignore[return-value]


def ranks(values: Floats) -> Floats:
    """Return mean ranks with mean 0 and variance 1."""
    import numpy as np

    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = counts.cumsum()
    ranks = (ends - (counts - 1) / 2)[inverse]
    spread: Floats = (ranks - ranks.mean()) / max(float(ranks.std()), 1e-12)
    return spread


def varies(values: Floats) -> bool:
    """Return whether enough rows have another value than the most common one, so that ranks mean much."""
    import numpy as np

    return bool(len(values) - np.unique(values, return_counts=True)[1].max(initial=0) >= _FEWEST_OTHERS)
