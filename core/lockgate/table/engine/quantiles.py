"""Find edges near the quantiles of a column that does not fit into memory, from counts alone.

A few rounds of counting between fixed edges, each finer where a quantile lies. Floats are cut in
the order of their bits, which is that of their values, so that a column over many orders of
magnitude is cut as evenly as one in a narrow range. Counts are whole numbers: the edges do not depend
on the order of the rows, the number of cores, or the engine.

    edges = first(low, high)
    for _ in range(ROUNDS):
        edges = finer(edges, bins_between(edges))
    edges = chosen(edges, bins_between(edges))
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence

from lockgate.table.engine.kernel import FINE

ROUNDS = 2
_CELLS = 4096
_PARTS = 32

Number = int | float


def first(low: Number, high: Number) -> list[Number]:
    """Return the edges of the first round: from just below the lowest value to the highest."""
    whole = isinstance(low, int)
    lowest, highest = _place(low) - 1, _place(high)
    count = min(_CELLS, highest - lowest)
    return sorted({_value(lowest + (highest - lowest) * k // count, whole) for k in range(count + 1)})


def finer(edges: Sequence[Number], bins: Sequence[int], fine: int = FINE) -> list[Number]:
    """Return the edges of the next round: the cells that hold a quantile are cut into parts."""
    found = set(edges)
    for cell in _cells(bins, fine):
        if 0 < cell < len(edges):
            low, high = _place(edges[cell - 1]), _place(edges[cell])
            found |= {
                _value(low + (high - low) * k // _PARTS, isinstance(edges[0], int)) for k in range(1, _PARTS)
            }
    return sorted(found)


def chosen(edges: Sequence[Number], bins: Sequence[int], fine: int = FINE) -> list[Number]:
    """Return the lowest edge, the highest, and for each quantile the first edge that reaches it."""
    kept = {edges[0], edges[-1], *(edges[min(c, len(edges) - 1)] for c in _cells(bins, fine))}
    return sorted(kept)


def _cells(bins: Sequence[int], fine: int) -> list[int]:
    """The bins in which the quantiles lie, each once."""
    total = sum(bins)
    found: list[int] = []
    target = 1
    for cell, reached in enumerate(itertools.accumulate(bins)):
        if target <= fine and reached * fine >= target * total and total:
            found.append(cell)
            target = reached * fine // total + 1
    return found


def _place(value: Number) -> int:
    """The place of a number in the order of its type: itself, or the bits of a float in their order."""
    if isinstance(value, int):
        return value
    bits = int.from_bytes(struct.pack("<d", value), "little", signed=True)
    return bits if bits >= 0 else -(bits & 0x7FFF_FFFF_FFFF_FFFF)


def _value(place: int, whole: bool) -> Number:
    if whole:
        return place
    bits = place if place >= 0 else -place | -(1 << 63)
    (value,) = struct.unpack("<d", struct.pack("<q", bits))
    return float(value)
