"""The share of a finite table's rows that hold, from some of them: an exact interval, and when to stop.

Rows are drawn without replacement, so how many of ``n`` hold is hypergeometric, and the interval is that
of Clopper and Pearson (1934) for it: all totals that would not make what was seen rarer than the tail at
either end. When every row was drawn nothing is left to chance, and both ends are the share itself.

It is looked at several times, and rows are added until it is narrow enough (Chow and Robbins 1965). Three
things keep the coverage at 95 %: stopping looks at the width alone, never at the side of a threshold; there
must be enough rows for the least favourable share inside the interval too, so that a lucky first look does
not stop; and each interval is one of 96 %, the rest is for the looks. The tests of this module count it.
"""

from __future__ import annotations

import math

_TAIL = 0.02  # at either end: 96 %, of which the looks use up one
_NORMAL = 2.053748910631823  # 98 % point of the normal distribution
FIRST = 128  # rows at the first look
_GROWTH = 2.0  # of the rows from one look to the next, at most
_SPARE = 1.05  # the exact interval is a little wider than the normal one


def interval(held: int, n: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of the share of all rows that hold.

    Args:
        held: How many of the drawn rows.
        n: How many were drawn without replacement, at least 1.
        total: How many rows there are.
    """
    lowest, highest = held, total - (n - held)
    return _lowest(held, n, total, lowest, highest) / total, (
        total - _lowest(n - held, n, total, total - highest, total - lowest)
    ) / total


def next_look(held: int, n: int, total: int, precision: float) -> int:
    """Return how many rows to have at the next look: about as many as `precision` takes.

    Args:
        held: How many of the rows so far hold.
        n: Rows so far.
        total: All rows.
        precision: Half of the width that is asked.
    """
    low, high = interval(held, n, total)
    wanted = _needed(low, high, total, precision)
    return int(min(total, max(n + 32, min(wanted, math.ceil(_GROWTH * n)))))


def enough(held: int, n: int, total: int, precision: float) -> bool:
    """Whether the interval is as narrow as asked, and would be if the share were at its other end."""
    low, high = interval(held, n, total)
    return high - low <= 2 * precision + 1e-12 and n >= min(total, _needed(low, high, total, precision))


def _needed(low: float, high: float, total: int, precision: float) -> int:
    """Return the rows that the least favourable share of an interval takes: the one nearest to a half."""
    share = min(max(0.5, low), high)
    endless = share * (1 - share) * (_NORMAL / max(precision, 1e-9)) ** 2
    return math.ceil(_SPARE * endless / (1 + endless / total))


def _lowest(held: int, n: int, total: int, low: int, high: int) -> int:
    """Return the fewest good rows of all that give so many drawn ones more than one time in forty."""
    while low < high:
        middle = (low + high) // 2
        if _at_least(held, n, total, middle) > _TAIL:
            high = middle
        else:
            low = middle + 1
    return low


def _at_least(held: int, n: int, total: int, good: int) -> float:
    """Return the chance to draw at least so many good rows: the hypergeometric upper tail."""
    import numpy as np
    from scipy.special import gammaln

    def choose(a: float, b: object) -> object:
        return gammaln(a + 1) - gammaln(np.asarray(b) + 1) - gammaln(a - np.asarray(b) + 1)

    drawn = np.arange(max(held, n - (total - good)), min(n, good) + 1, dtype=np.float64)
    if not len(drawn):
        return 0.0
    logs = choose(good, drawn) + choose(total - good, n - drawn) - choose(total, float(n))  # type: ignore[operator]
    return float(min(1.0, math.fsum(np.exp(logs))))


def from_to(low: float, high: float) -> str:
    """Return an interval in words, to three decimals: ``0.065 to 0.136``."""
    return " to ".join(f"{round(end, 3) + 0.0:.3f}" for end in (low, high))  # no -0.000
