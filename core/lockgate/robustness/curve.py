"""Accuracy against the size of the threat: the same attacks at smaller and larger sizes, on some rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from lockgate.model import Predictor
from lockgate.robustness.attacks import Target, attacks_on
from lockgate.robustness.interval import interval
from lockgate.robustness.threat import Threat, domain_of

ROWS = 256  # at each size
IMAGES = 64  # the same for images that only their answers break, which takes hundreds of questions each
_TIMES = (0.25, 0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Point:
    """The accuracy under attack of one size, with its 95 % interval."""

    size: float
    share: float
    low: float
    high: float
    rows: int


def curve(
    predictor: Predictor, threat: Threat, rows: Any, truth: Any, *, queries: int, seed: int
) -> list[Point]:
    """Attack the first rows at several sizes.

    A move that breaks a row at one size breaks it at every larger one too, so the curve never rises. The slow
    attacks are left out.

    Args:
        predictor: The model.
        threat: Its own size is one of those tried.
        rows: All rows of the data in random order.
        truth: The place of each right label in ``predictor.classes``.
        queries: Most questions for each row and size.
        seed: Of every random choice.
    """
    import numpy as np

    few = threat.kind == "image" and not predictor.has_gradient
    n, total = min(IMAGES if few else ROWS, len(rows)), len(rows)
    some, labels = (rows.iloc[:n] if hasattr(rows, "iloc") else rows[:n]), truth[:n]
    points, broken, right = [], np.zeros(n, dtype=bool), None
    for number, size in enumerate(sizes(threat)):
        domain = domain_of(replace(threat, size=size), rows)
        target = Target(predictor, domain, some, labels, max_queries=queries)
        if right is None:
            right = target.right
            points.append(_point(0.0, int(right.sum()), n, total))
        target.certified |= broken  # nothing is left to find there
        for attack in attacks_on(target):
            slow = attack.last or (attack.backup and predictor.has_gradient)
            if not slow and len(target.open):
                target.attack = attack.name
                attack.search(target, np.random.default_rng([seed, 7, number]))
        target.confirm()
        broken |= target.broken
        points.append(_point(size, int((right & ~broken).sum()), n, total))
    return points


def sizes(threat: Threat) -> list[float]:
    """Return the sizes to try: a quarter to twice the own one; of L0 up to twice as many features."""
    if threat.norm == "l0":
        own = int(threat.size)
        return sorted({1.0, max(1.0, own // 2), float(own), own * 2.0})
    return [threat.size * times for times in _TIMES]


def _point(size: float, held: int, n: int, total: int) -> Point:
    low, high = interval(held, n, total)
    return Point(size, held / n, low, high, n)
