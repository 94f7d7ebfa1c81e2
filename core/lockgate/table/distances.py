"""Distances of two samples beside those of `two_sample`, by the names of Evidently and TFDV.

`MEASURES` maps each name that a user may write to the attribute of `ColumnDrift` that holds the
distance, so that a policy written for Evidently's stattests or TFDV's comparators reads the same:

| attribute | also called | from |
|---|---|---|
| psi | psi | see `two_sample` |
| js | jensenshannon (Evidently), jensen_shannon | see `two_sample` |
| js_divergence | jensen_shannon_divergence (TFDV) | Lin 1991: the square of the above |
| hellinger | hellinger | Hellinger, J. Reine Angew. Math. 136, 1909 |
| total_variation | TVD (Evidently) | Levin, Peres, Markov Chains and Mixing Times, 2009, chapter 4 |
| infinity_norm | infinity_norm, linf (TFDV) | TFDV's comparator of categories |
| wasserstein | wasserstein (Evidently, in deviations) | Vallender, Theory Probab. Appl. 18, 1974 |
| ks | ks | the statistic D, see `two_sample` |
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lockgate.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from lockgate.table.two_sample import Counts

MEASURES: Mapping[str, str] = {
    "psi": "psi",
    "js": "js",
    "jensenshannon": "js",
    "jensen_shannon": "js",
    "jensen_shannon_divergence": "js_divergence",
    "hellinger": "hellinger",
    "tvd": "total_variation",
    "total_variation": "total_variation",
    "infinity_norm": "infinity_norm",
    "linf": "infinity_norm",
    "wasserstein": "wasserstein",
    "ks": "ks",
}

_CHUNK = 1 << 16


def hellinger(counts: Counts) -> float:
    """Return the Hellinger distance, 0 for the same shares to 1 for none in common."""
    p, q = _shares(counts)
    if not p or not q:
        return 0.0
    return min(
        1.0, math.sqrt(math.fsum((math.sqrt(a) - math.sqrt(b)) ** 2 for a, b in zip(p, q, strict=True)) / 2)
    )


def total_variation(counts: Counts) -> float:
    """Return the total variation distance: the largest difference in the share of any set of bins."""
    p, q = _shares(counts)
    return min(1.0, math.fsum(abs(a - b) for a, b in zip(p, q, strict=True)) / 2)


def infinity_norm(counts: Counts) -> float:
    """Return the largest difference in the share of any one bin or category, 0 to 1."""
    p, q = _shares(counts)
    return max((abs(a - b) for a, b in zip(p, q, strict=True)), default=0.0)


def wasserstein(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """Return the first Wasserstein distance of two samples, in their own unit; exact but for rounding.

    It is the mean distance of the two quantile functions. Both are steps, at multiples of 1/n and
    1/m, so the integral is a finite sum; the steps are merged a chunk at a time.

    Args:
        one: Its finite values, sorted; at least one.
        other: The same of the other sample.
    """
    import numpy as np

    n, m = len(one), len(other)
    parts = []
    if n == m:
        for start in range(0, n, _CHUNK):
            # Halves first: the difference of two large floats may be larger than the largest one.
            piece = one[start : start + _CHUNK] / 2 - other[start : start + _CHUNK] / 2
            parts.append(float(np.abs(piece).sum()) * 2)
        return math.fsum(parts) / n
    for start in range(0, n, _CHUNK):
        end = min(n, start + _CHUNK)
        # Positions in units of 1 / (n m): whole numbers, below 2**62 for fewer than 2**31 rows each.
        first, last = start * m, end * m
        ours = np.arange(start, end, dtype=np.int64) * m
        theirs = np.arange(first // n + 1, (last - 1) // n + 1, dtype=np.int64) * n
        steps = np.sort(np.concatenate([ours, theirs]))
        widths = np.diff(steps, append=last)
        piece = one[steps // m] / 2 - other[steps // n] / 2
        parts.append(float((np.abs(piece) * (widths / n)).sum()) * 2)
    return math.fsum(parts) / m


def named(pairs: Iterable[str], what: str = "measures") -> dict[str, float]:
    """Read ``name=number`` pairs into a mapping of measure to its largest value without drift.

    Raises:
        InputError: A pair is not of that form, its number is not 0 or more, or there is no such measure.
    """
    found = {}
    for name, number in weighted(pairs, what).items():
        attribute = MEASURES.get(name.strip().lower())
        if attribute is None:
            raise InputError(
                f"{what} names {name!r}, which is no measure of drift; take one of {', '.join(MEASURES)}"
            )
        found[attribute] = number
    return found


def weighted(pairs: Iterable[str], what: str) -> dict[str, float]:
    """Read ``name=number`` pairs into a mapping; numbers are finite and 0 or more.

    Raises:
        InputError: A pair is not of that form, or a name is there twice.
    """
    found: dict[str, float] = {}
    for pair in pairs:
        name, sign, text = pair.rpartition("=")
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not sign or not 0 <= number < math.inf:
            raise InputError(f"{what} holds {pair[:80]!r}; write NAME=NUMBER with a number of 0 or more")
        if name in found:
            raise InputError(f"{what} names {name!r} twice; name it once")
        found[name] = number
    return found


def _shares(counts: Counts) -> tuple[list[float], list[float]]:
    totals = sum(p for p, _ in counts), sum(q for _, q in counts)
    if not all(totals):
        return [], []
    return [p / totals[0] for p, _ in counts], [q / totals[1] for _, q in counts]
