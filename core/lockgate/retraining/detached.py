"""Columns that no longer go with the others, as after a join that is one row off.

A column's profile is its rank correlations with the others (Spearman 1904). A sound column keeps it,
one that was turned has the negative of it, and one whose values were given to other rows has none: the
part of the former profile that is left is near 0, while its distribution is as ever.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lockgate.retraining.bug import Bug
from lockgate.retraining.pairs import Pair, as_numbers, distance, ranks, varies

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_LEFT = 0.3
"""Part of the profile that may be left."""
_CERTAIN = 5.0
"""Standard errors by which the rest of it must be missing."""
_STRONG = 0.15
"""Length of a profile that is worth looking at."""
_BY_CHANCE = 1.63  # of Kolmogorov-Smirnov: once in 100
_FEWEST_COLUMNS = 3
_MOST_COLUMNS = 200


def detached(pairs: Sequence[Pair]) -> list[Bug]:
    """Return the columns whose relations to the others are gone; at most half of them can be."""
    import numpy as np

    named = [(pair.name, *as_numbers(pair)) for pair in pairs if not pair.other][:_MOST_COLUMNS]
    named = [each for each in named if varies(each[1]) and varies(each[2])]
    if len(named) < _FEWEST_COLUMNS:  # of two columns nobody knows which
        return []
    before = np.array([ranks(was) for _, was, _ in named])
    now = np.array([ranks(is_) for _, _, is_ in named])
    as_ever = [_is_as_ever(was, is_) for _, was, is_ in named]
    was, is_ = before @ before.T / before.shape[1], now @ now.T / now.shape[1]
    noise = 1 / before.shape[1] + 1 / now.shape[1]
    found: list[int] = []
    while len(found) < max(1, len(named) // 2):
        rest = [k for k in range(len(named)) if k not in found]
        gone = [(length, i) for i in rest if as_ever[i] and (length := _lost(was, is_, i, rest, noise)) > 0]
        if not gone:
            break
        found.append(max(gone)[1])
    said = "no longer goes with the other columns: its values are in other rows"
    return [Bug("detached", (named[i][0],), said) for i in sorted(found)]


def _lost(was: Floats, is_: Floats, i: int, among: Sequence[int], noise: float) -> float:
    """Return the length of a profile that is gone; 0 where it is not, or where nobody could tell."""
    others = [k for k in among if k != i]
    profile = was[i, others]
    square = float(profile @ profile)
    if square < _STRONG**2:
        return 0.0
    left = float(is_[i, others] @ profile) / square
    # Errors of correlations with two columns are as correlated as these columns are.
    error = math.sqrt(float(profile @ was[others][:, others] @ profile) * noise) / square
    lost = abs(left) <= _LEFT and error <= _LEFT / 2 and 1.0 - left >= _CERTAIN * error
    return math.sqrt(square) if lost else 0.0


def _is_as_ever(was: Floats, is_: Floats) -> bool:
    return distance(was, is_) <= _BY_CHANCE * math.sqrt(1 / len(was) + 1 / len(is_))
