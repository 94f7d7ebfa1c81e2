"""Numbers that something filled in: a default value, the end of a cut range, the value of the row before."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lockgate.retraining.bug import Bug
from lockgate.retraining.pairs import MANY_VALUES, Pair, distance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_DEFAULT_SHARE = 0.1
_ALONE = 2.5
"""A default has gained this many times as much as any other value."""
_NEW = 5.0
"""A value that comes this many times as often as before was hardly drawn so."""
_FAR = 5.0  # standard errors
_BY_CHANCE = 1.63  # of Kolmogorov-Smirnov: exceeded by chance once in 100
_CUT = 0.05
"""So much of the reference at least lies beyond where a range was cut."""
_REPEATED = 0.3
_ORDERED = 0.1
"""Shares of the rows that have the value of the row before, beyond what their frequencies explain."""
_TURNS = 0.1
"""Where the direction changes less often between runs, the rows are sorted."""


def filled(name: str, before: Floats, now: Floats) -> Bug | None:
    """Return the value that fills a column of measurements, or the end at which its range was cut.

    A value that was frequent before has to leave all others as they were; then it is in less doubt than
    most drifts, and still a drift where the other columns foretell it.
    """
    import numpy as np

    if len(np.unique(before)) <= MANY_VALUES or len(now) == 0:
        return None
    values, counts = np.unique(now, return_counts=True)
    known, usual = np.unique(before, return_counts=True)
    at = np.clip(np.searchsorted(known, values), 0, len(known) - 1)
    was = np.where(known[at] == values, usual[at], 0) / len(before)
    gained = counts / len(now) - was
    k = int(gained.argmax())
    value, share, shared = float(values[k]), float(counts[k]) / len(now), float(was[k])
    both = (share * len(now) + shared * len(before)) / (len(now) + len(before))
    error = math.sqrt(both * (1 - both) * (1 / len(now) + 1 / len(before)))
    if gained[k] < max(_DEFAULT_SHARE, _FAR * error):
        return None
    # Where others have gained as much, the column was rounded.
    second = float(np.partition(gained, -2)[-2]) if len(gained) > 1 else 0.0
    if gained[k] < _ALONE * second:
        return None
    said = f"has one and the same value in {share:.0%} of the rows, before in {shared:.1%}"
    if share >= _NEW * shared:
        return Bug("default", (name,), said)
    if value in (values[0], values[-1]) and _is_cut(before, now, value, low=value == values[0]):
        return Bug("default", (name,), f"{said}: its range ends there")
    rest = before[before != value], now[now != value]
    if min(map(len, rest)) and distance(*rest) <= _BY_CHANCE * math.sqrt(sum(1 / len(side) for side in rest)):
        return Bug("default", (name,), said, 1)
    return None


def _is_cut(before: Floats, now: Floats, value: float, *, low: bool) -> bool:
    """Whether all rows beyond a value have it now, and the others are as they were."""
    sides = (before, now) if low else (-before, -now)
    end = value if low else -value
    was, is_ = (float((side <= end).mean()) for side in sides)
    inner = [side[side > end] for side in sides]
    noise = _BY_CHANCE * math.sqrt(1 / len(before) + 1 / len(now))
    return (
        float((sides[0] < end).mean()) >= _CUT
        and abs(was - is_) <= noise
        and min(map(len, inner)) > 0
        and distance(*inner) <= _BY_CHANCE * math.sqrt(sum(1 / len(side) for side in inner))
    )


def repeats(pair: Pair) -> Bug | None:
    """Return that many rows have the value of the row before, as of a sensor that stands still."""
    import numpy as np

    if not pair.numbers or len(np.unique(pair.before)) <= MANY_VALUES:
        return None
    share = in_a_row(pair.now)
    if share <= _REPEATED or in_a_row(pair.before) > _ORDERED:
        return None
    runs = pair.now[np.flatnonzero(np.append(True, pair.now[1:] != pair.now[:-1]))]
    turns = np.diff(np.sign(np.diff(runs))) != 0
    if len(turns) == 0 or turns.mean() < _TURNS:
        return None
    return Bug("stuck", (pair.name,), f"has the value of the row before in {share:.0%} of the rows")


def are_grouped(pair: Pair) -> bool:
    """Whether the rows of a batch come in groups that share a value, which their column tells."""
    return in_a_row(pair.now) > _ORDERED


def in_a_row(values: Floats | list[str | None]) -> float:
    """Return which share of the rows has the value of the row before, beyond what frequencies explain."""
    import numpy as np

    codes = np.unique(np.asarray([str(v) for v in values]), return_inverse=True)[1]
    if len(codes) < 2:  # noqa: PLR2004 - no row has another one before it
        return 0.0
    expected = float(((np.bincount(codes) / len(codes)) ** 2).sum())
    return (float((codes[1:] == codes[:-1]).mean()) - expected) / max(1.0 - expected, 1e-12)
