"""Count numbers between fixed edges: the one definition of a column's statistics.

Every engine hands batches of numbers to `count`, and adds up what comes back: DuckDB in this
process, Spark in its workers. The parts are whole numbers, so their sum does not depend on where
the batches were cut.

Bins are open on the left and closed on the right: with the edges e_1 < ... < e_k there are k + 1
bins, at most e_1, above e_1 and at most e_2, ..., above e_k. A bin's edges are values of the
reference: order statistics at the multiples of a two-hundredth of its rows, so its deciles, on
which PSI is computed, are among them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lockgate.table.baseline.sketch import Distinct, of_numbers
from lockgate.table.baseline.sums import Sums, sums

if TYPE_CHECKING:
    import numpy as np

FINE = 200
"""Bins of a reference without ties. The distribution functions of two tables are known exactly at
every edge, so the statistic of Kolmogorov-Smirnov is known to about 1 / FINE = 0.005."""


_LOWEST = -(2**63)


@dataclass(frozen=True)
class Counted:
    """What a batch of numbers adds up to; ``+`` merges two of them.

    Attributes:
        bins: Rows between the edges, one more than there are edges; infinities are in the outer ones.
        infinite: Rows that are an infinity; they are in no sum and in neither extreme.
        minimum: Smallest finite value, None without one.
        maximum: Largest finite value, likewise.
        sums: Of the finite values.
        distinct: Of all values.
    """

    bins: tuple[int, ...]
    infinite: int = 0
    minimum: float | int | None = None
    maximum: float | int | None = None
    sums: Sums = field(default_factory=Sums)
    distinct: Distinct = field(default_factory=Distinct)

    def __add__(self, other: Counted) -> Counted:
        extremes = [v for v in (self.minimum, self.maximum, other.minimum, other.maximum) if v is not None]
        return Counted(
            tuple(a + b for a, b in zip(self.bins, other.bins, strict=True)),
            self.infinite + other.infinite,
            min(extremes, default=None),
            max(extremes, default=None),
            self.sums + other.sums,
            self.distinct + other.distinct,
        )


def edges_of(values: np.ndarray[Any, Any], bins: int = FINE) -> list[Any]:
    """Return the edges of a reference: below its lowest value, its quantiles, its highest value.

    Args:
        values: Sorted, int64 or float64; infinities are left out.
        bins: How many bins, if no two values are equal.
    """
    inside = finite(values)
    n = len(inside)
    if not n:
        return []
    lowest, is_whole = inside[0].item(), values.dtype.kind == "i"
    below = max(lowest - 1, _LOWEST) if is_whole else math.nextafter(lowest, -math.inf)
    tops = {inside[-(-k * n // bins) - 1].item() + 0 for k in range(1, bins + 1)}
    return sorted({*tops, *([below] if math.isfinite(below) else [])})


def count(values: np.ndarray[Any, Any], edges: np.ndarray[Any, Any], *, bare: bool = False) -> Counted:
    """Count a batch.

    Args:
        values: Sorted, int64 or float64, without NaN.
        edges: Sorted, of the same type.
        bare: Leave out sums, and the different values of floats: a comparison needs neither of the
            current table.
    """
    inside = finite(values)
    return Counted(
        bins=tuple(binned(values, edges)),
        infinite=len(values) - len(inside),
        minimum=inside[0].item() if len(inside) else None,
        maximum=inside[-1].item() if len(inside) else None,
        sums=Sums() if bare else sums(inside),
        distinct=Distinct() if bare and values.dtype.kind == "f" else of_numbers(values[starts(values)]),
    )


def edge_array(edges: Sequence[Any], dtype: Any, common: str) -> np.ndarray[Any, Any]:
    """Return edges in the type in which values are counted; see `common_number` of `columns`."""
    import numpy as np

    if common == "FLOAT":
        single = np.array(edges, dtype=np.float32)
        if len(single) and float(single[0]) > edges[0]:  # it has to stay below the lowest value
            single[0] = np.nextafter(single[0], np.float32(-np.inf))
        return single.astype(np.float64)
    return np.array(edges, dtype=dtype)


def binned(values: np.ndarray[Any, Any], edges: np.ndarray[Any, Any]) -> list[int]:
    """Return how many of the sorted values are in each bin."""
    import numpy as np

    upto = np.searchsorted(values, edges, side="right")
    return [int(x) for x in np.diff(upto, prepend=0, append=len(values))]


def starts(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a mask of the sorted values that differ from the one before."""
    import numpy as np

    mask = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=mask[1:])
    return mask


def finite(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the sorted values without infinities, as a view."""
    if values.dtype.kind != "f":
        return values
    first = int(values.searchsorted(-math.inf, side="right"))
    return values[first : int(values.searchsorted(math.inf, side="left"))]
