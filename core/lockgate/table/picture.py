"""Turn counts between the quantiles of a reference into bars of equal width, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lockgate.table.two_sample import Counts

_BARS = 16
_TAIL = 0.005  # share of the reference at either end that may lie outside the picture


def bars(edges: Sequence[Any], bins: Counts) -> tuple[list[float], list[float]]:
    """Return the heights of bars, as shares of the values, for both sides.

    Between two edges the rows are taken to lie evenly. What is outside the picture is in its outer
    bars; the picture holds all but the last half per cent of the reference at either end, unless the
    current table has moved out of it.

    Args:
        edges: Ascending; bins are open on the left.
        bins: Counts between them, one more than there are edges.
    """
    import numpy as np

    if len(edges) < 2 or not any(map(sum, bins)):  # noqa: PLR2004 - no width
        totals = [max(1, sum(side)) for side in zip(*bins, strict=True)]
        return [r / totals[0] for r, _ in bins], [c / totals[1] for _, c in bins]
    at = np.array(edges, dtype=np.float64) / 2
    span = at[-1] - at[0]
    if not span > 0:  # halves of the two smallest floats are one
        return [1.0], [1.0]
    at = (at - at[0]) / span
    counts = np.array(bins, dtype=np.float64)
    upto = np.cumsum(counts, axis=0)[:-1]
    totals_ = np.maximum(counts.sum(axis=0), 1)
    shares = upto / totals_
    last = len(at) - 1
    low = at[min(last, int(shares[:, 0].searchsorted(_TAIL)))]
    high = at[min(last, int(shares[:, 0].searchsorted(1 - _TAIL)))]
    if not high > low:
        low, high = 0.0, 1.0
    places = low + (high - low) * (np.arange(_BARS + 1) / _BARS)
    sides = []
    for side in (0, 1):
        # Two edges may have become one place, and a slope between neighbours may be too steep for a float.
        with np.errstate(all="ignore"):
            reached = np.nan_to_num(np.interp(places, at, shares[:, side]), posinf=1.0)
        reached[0], reached[-1] = 0.0, 1.0
        sides.append([float(x) for x in np.maximum(np.diff(reached), 0.0)])
    return sides[0], sides[1]
