"""What the sorted values of two tables say of each other, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockgate.table.distances import wasserstein
from lockgate.table.engine.kernel import binned, edges_of, finite, starts

if TYPE_CHECKING:
    import numpy as np

    from lockgate.table.two_sample import Counts

_CHUNK = 1 << 13  # what a chunk needs stays in the processor's cache


@dataclass(frozen=True)
class Pair:
    """What two sorted samples of a column add up to.

    Attributes:
        gap: D of Kolmogorov-Smirnov times the rows of both, a whole number; exact.
        distinct: Different values of either.
        few: The counts of each value, when there are at most as many as were asked for, else None.
        edges: The edges of `bins`: order statistics of the reference.
        bins: Rows of both between the edges.
        wasserstein: In the unit of the values; None when a finite value is lacking on a side.
    """

    gap: int
    distinct: tuple[int, int]
    few: Counts | None
    edges: list[Any]
    bins: Counts
    wasserstein: float | None


def pair(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any], few: int) -> Pair:
    """Compare two sorted samples of one type; one of them may be empty.

    Args:
        one: Values of the reference, without NaN.
        other: Values of the current table.
        few: How many different values are counted one by one.
    """
    import numpy as np

    firsts = [np.flatnonzero(starts(values)) for values in (one, other)]
    distinct = len(firsts[0]), len(firsts[1])
    edges = edges_of(one)
    as_array = np.array(edges, dtype=one.dtype)
    bins = list(zip(binned(one, as_array), binned(other, as_array), strict=True))
    counts = None
    if max(distinct) <= few:
        values = np.union1d(one[firsts[0]], other[firsts[1]])
        if len(values) <= few:
            counts = [
                (int(a), int(b)) for a, b in zip(_tally(one, values), _tally(other, values), strict=True)
            ]
    inside = finite(one), finite(other)
    moved = wasserstein(*inside) if all(map(len, inside)) else None
    return Pair(_gap(one, other, firsts[0]), distinct, counts, edges, bins, moved)


def _gap(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any], firsts: np.ndarray[Any, Any]) -> int:
    """The largest |F(x) m n - G(x) n m|, just below and at the values of one side.

    Between two neighbouring values of one side its F is flat and the other's G rises, so the
    difference is largest at an end of that stretch.
    """
    import numpy as np

    n, m = len(one), len(other)
    if not n or not m:
        return 0
    largest = 0
    for start in range(0, len(firsts), _CHUNK):
        below = firsts[start : start + _CHUNK]
        upto = np.append(firsts[start + 1 : start + _CHUNK + 1], n)[: len(below)]
        values = one[below]
        low = int(other.searchsorted(values[0], side="left"))
        high = int(other.searchsorted(values[-1], side="right"))
        near = other[low:high]
        under = low + near.searchsorted(values, side="left")
        # Few values are in both tables: where the next value of the other is not equal, nothing is at it.
        at = under.copy()
        equal = other[np.minimum(under, m - 1)] == values
        equal &= under < m
        if equal.any():
            at[equal] = low + near.searchsorted(values[equal], side="right")
        for ours, theirs in ((below, under), (upto, at)):
            largest = max(largest, int(np.abs(ours * m - theirs * n).max()))
    return largest


def _tally(values: np.ndarray[Any, Any], wanted: np.ndarray[Any, Any]) -> Any:
    return values.searchsorted(wanted, side="right") - values.searchsorted(wanted, side="left")
