"""How sure a true-positive rate at a small false-positive rate is, from the rows that there are.

Two things are uncertain: which threshold gives the wanted false-positive rate (few non-members lie above
it), and which share of the members lies above that threshold. Both are shares of independent rows, so
both have exact intervals (Clopper and Pearson 1934); half of the 5 % that may be missed goes to each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_MISS = 0.05  # both together


@dataclass(frozen=True)
class Rate:
    """A true-positive rate at a false-positive rate.

    Attributes:
        fpr: The false-positive rate that was asked for.
        tpr: Share of the members above the threshold.
        low: Lower end of the 95 % interval.
        high: Upper end.
        false_positives: Non-members above the threshold; at most ``fpr`` of them.
        settled: Whether there are enough non-members to speak of this rate at all: one of them, at least.
    """

    fpr: float
    tpr: float
    low: float
    high: float
    false_positives: int
    settled: bool


def rate_at(members: Any, others: Any, fpr: float) -> Rate:
    """Return the share of members that score above all but `fpr` of the non-members.

    Args:
        members: Scores of the members, higher means more surely a member; 1-d float array.
        others: Scores of the non-members.
        fpr: The false-positive rate to allow, above 0 and below 1.
    """
    import numpy as np

    ranked = np.sort(np.asarray(others, dtype=float))[::-1]
    allowed = int(fpr * len(ranked) + 1e-9)

    def above(count: int) -> int:
        """How many members lie above a threshold that `count` non-members exceed."""
        return len(members) if count >= len(ranked) else int((members > ranked[count]).sum())

    found, n = above(allowed), len(members)
    # Surely no more than `fpr` of all non-members lie above this threshold, and surely no less above that.
    strict = max((k for k in range(allowed + 1) if _upper(k, len(ranked), _MISS / 4) <= fpr), default=None)
    loose = next((k for k in range(allowed, len(ranked)) if _lower(k, len(ranked), _MISS / 4) >= fpr), None)
    low = 0.0 if strict is None else _lower(above(strict), n, _MISS / 4)
    high = 1.0 if loose is None else _upper(above(loose), n, _MISS / 4)
    return Rate(fpr, found / n, low, high, int((ranked > _at(ranked, allowed)).sum()), allowed >= 1)


def exact(hits: int, n: int, miss: float = _MISS) -> tuple[float, float]:
    """Return the exact interval of a share (Clopper and Pearson 1934).

    Args:
        hits: How many of the `n`.
        n: At least 1.
        miss: How often the interval may miss the true share, in both tails together.
    """
    return _lower(hits, n, miss / 2), _upper(hits, n, miss / 2)


def _at(ranked: Any, place: int) -> float:
    return float(ranked[min(place, len(ranked) - 1)])


def _lower(hits: int, n: int, miss: float) -> float:
    from scipy.special import betaincinv

    return float(betaincinv(hits, n - hits + 1, miss)) if hits else 0.0


def _upper(hits: int, n: int, miss: float) -> float:
    from scipy.special import betaincinv

    return float(betaincinv(hits + 1, n - hits, 1 - miss)) if hits < n else 1.0
