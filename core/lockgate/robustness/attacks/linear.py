"""Break a linear model exactly: the point of the threat that lowers the margin most.

With one score a class that is a weighted sum of the columns or pixels, the worst point is known without any
search, and when it holds, so does every other: in L-infinity it is a corner of the box, in L0 it changes what
lowers the margin most, in L2 it lies along the difference of the weights, cut by the range of each column
(`lockgate.robustness.attacks.worst`).
"""

from __future__ import annotations

from typing import Any

from lockgate.robustness.attacks.attack import Attack
from lockgate.robustness.attacks.target import Target
from lockgate.robustness.attacks.worst import worst


def search(target: Target, _rng: Any) -> None:
    """Ask about the worst point against every other class; rows whose worst points all hold are proven."""
    import numpy as np

    weights = _weights(target)
    if weights is None:
        return
    rows = target.open
    held = np.ones(len(rows), dtype=bool)
    for other in range(len(weights)):
        mine = np.flatnonzero((target.truth[rows] != other) & ~target.broken[rows])
        if len(mine):
            towards = weights[other] - weights[target.truth[rows[mine]]]
            held[mine] &= _holds(
                target, rows[mine], worst(target.domain, target.origins[rows[mine]], towards)
            )
    target.certified[rows] = held & ~target.broken[rows]


def suits(target: Target) -> bool:
    """Whether the model's weights are known, and what can move are numbers."""
    return _weights(target) is not None and len(getattr(target.domain, "features", "?")) > 0


def _holds(target: Target, rows: Any, points: Any) -> Any:
    """Ask about points and the nearest possible ones; return whether the points themselves hold.

    A possible row is one of the points that were searched, so where the worst of these holds, all do.
    """
    import numpy as np

    origins = target.origins[rows]
    possible = target.domain.project(points, origins)
    good = target.domain.allowed(possible, origins)
    margins = np.full(len(rows), np.nan)
    margins[good] = target.ask(rows[good], possible[good])
    axes = tuple(range(1, points.ndim))
    other = ((possible != points).any(axis=axes) | ~good) & ~target.broken[rows]
    margins[other] = np.nan
    if not _is_rounded(target):
        again = np.flatnonzero(other & np.isfinite(points).all(axis=axes))
        margins[again] = target.ask(rows[again], points[again])
    return margins > 0


def _is_rounded(target: Target) -> bool:
    """Whether the worst point is of numbers that the table cannot store, so that none can be asked about."""
    domain: Any = target.domain
    if domain.threat.norm != "l2" or domain.threat.kind == "image":
        return False
    return bool((domain.possible.step[domain.free] > 0).any())


def _weights(target: Target) -> Any:
    """Return the weights of every class by the coordinates of a point; None where they are not known."""
    import numpy as np

    domain: Any = target.domain
    found = target.predictor.weights
    if found is None or domain.threat.kind == "image":
        return found
    names = target.predictor.features
    if names is not None and found.shape[1] != len(names):
        return None
    at = [c.at for c in domain.columns]
    if any(f.kind != "number" for f in domain.features) or max(at, default=0) >= found.shape[1]:
        return None
    return np.asarray(found[:, at], dtype=np.float64)


ATTACK = Attack(
    "linear",
    search,
    suits,
    white_box=True,
    kinds=("table", "image"),
    finds="the worst point, exactly, by the weights",
)
