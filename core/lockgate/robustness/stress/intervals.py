"""How sure a change of accuracy is: score intervals of a share and of differences between two shares.

Wilson 1927 for one share; Newcombe 1998 (Statistics in Medicine 17) for two, whose limits are put
together from those of the shares: pages 873-890, method 10, for two groups of rows, and pages 2635-2650,
method 10, for the same rows before and after. Both hold what they say for few rows and for shares near 0
and 1, where the textbook's normal interval does not.
"""

from __future__ import annotations

import math
from statistics import NormalDist

MISS = 0.05
"""How often an interval may miss: 95 % intervals."""


def share(hits: int, n: int, miss: float = MISS) -> tuple[float, float]:
    """Return the score interval of a share.

    Args:
        hits: How many of the ``n``.
        n: At least 1.
        miss: How often it may miss, both tails together.
    """
    z = NormalDist().inv_cdf(1 - miss / 2)
    part, square = hits / n, z * z
    middle = (part + square / (2 * n)) / (1 + square / n)
    half = z / (1 + square / n) * math.sqrt(part * (1 - part) / n + square / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def between_groups(
    hits: int, n: int, other_hits: int, other_n: int, miss: float = MISS
) -> tuple[float, float]:
    """Return the interval of the share of one group of rows minus that of another."""
    first, second = hits / n, other_hits / other_n
    low, high = share(hits, n, miss)
    other_low, other_high = share(other_hits, other_n, miss)
    below = math.hypot(first - low, other_high - second)
    above = math.hypot(high - first, second - other_low)
    return first - second - below, first - second + above


def before_and_after(both: int, lost: int, won: int, neither: int, miss: float = MISS) -> tuple[float, float]:
    """Return the interval of the share of rows that were right before, minus that after.

    Args:
        both: Rows right before and after.
        lost: Rows right before only.
        won: Rows right after only.
        neither: Rows right neither before nor after; the four sum to at least 1.
        miss: How often it may miss, both tails together.
    """
    n = both + lost + won + neither
    before, after = (both + lost) / n, (both + won) / n
    low, high = share(both + lost, n, miss)
    low_after, high_after = share(both + won, n, miss)
    alike = _correlation(both, lost, won, neither)

    def joined(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one * one - 2 * alike * one * other + other * other))

    below = joined(before - low, high_after - after)
    above = joined(high - before, after - low_after)
    return before - after - below, before - after + above


def _correlation(both: int, lost: int, won: int, neither: int) -> float:
    """How much the answers go together, with the correction that Newcombe's method 10 asks for."""
    sides = (both + lost) * (won + neither) * (both + won) * (lost + neither)
    if not sides:
        return 0.0
    product: float = both * neither - lost * won
    if product > 0:
        product = max(product - (both + lost + won + neither) / 2, 0)
    return product / math.sqrt(sides)
