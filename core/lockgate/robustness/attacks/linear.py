"""Break a linear model exactly: each column to the end that lowers the margin most.

With one score a class that is a weighted sum of the columns, the worst point of a box is one of its corners,
known without any search; the same corner proves that a row holds. In L2 the worst point of the ball lies
along the difference of the weights; in L0 it is reached by the columns that lower it most.
"""

from __future__ import annotations

from typing import Any

from lockgate.robustness.attacks.attack import Attack
from lockgate.robustness.attacks.target import Target


def search(target: Target, _rng: Any) -> None:
    """Ask about the worst point against every other class; rows whose worst points all hold are proven."""
    import numpy as np

    domain: Any = target.domain
    weights = _weights(target)
    if weights is None:
        return
    rows = target.open
    low, high = domain.bounds(target.origins[rows])
    held = np.full(len(rows), _is_exact(target))
    for other in range(len(weights)):
        mine = np.flatnonzero((target.truth[rows] != other) & ~target.broken[rows])
        if not len(mine):
            continue
        towards = weights[other] - weights[target.truth[rows[mine]]]
        points = _worst(domain, target.origins[rows[mine]], towards, low[mine], high[mine])
        points = domain.project(points, target.origins[rows[mine]])
        good = domain.allowed(points, target.origins[rows[mine]])
        margins = target.ask(rows[mine[good]], points[good])
        held[mine[good]] &= margins > 0
        held[mine[~good]] = False
    target.certified[rows] = held & ~target.broken[rows]


def suits(target: Target) -> bool:
    """Whether the model's weights are known, and a table of numbers is attacked."""
    return _weights(target) is not None and bool(target.domain.features)  # type: ignore[attr-defined]


def _worst(domain: Any, origins: Any, towards: Any, low: Any, high: Any) -> Any:
    import numpy as np

    with np.errstate(invalid="ignore"):
        ends = np.where(towards > 0, high, np.where(towards < 0, low, origins))
    gains = np.nan_to_num((ends - origins) * towards)
    if domain.threat.norm == "l0":
        kept = np.argsort(np.argsort(-gains, axis=1, kind="stable"), axis=1) < domain.changes
        return np.where(kept, ends, origins)
    if domain.threat.norm == "l2":
        slope = towards * domain.scale * domain.free  # by unit
        step = domain.threat.size * slope / np.maximum(np.sqrt((slope**2).sum(axis=1, keepdims=True)), 1e-300)
        return np.clip(origins + step * domain.scale, low, high)
    return ends


def _is_exact(target: Target) -> bool:
    """Whether the worst point is found for certain: a box of numbers, nothing that ties columns together."""
    domain: Any = target.domain
    plain = all(f.kind == "number" for f in domain.features) and not len(domain.possible.most)
    if domain.threat.norm == "l2":
        return False  # a ball that a range or whole numbers cut has its worst point elsewhere
    return plain


def _weights(target: Target) -> Any:
    """Return the weights of every class by the coordinates of a point; None where they are not known."""
    import numpy as np

    from lockgate.model.gradients import linear_weights

    estimator = target.predictor.estimator
    found = None if estimator is None else linear_weights(estimator)
    names = target.predictor.features
    domain: Any = target.domain
    if found is None or (names is not None and found.shape[1] != len(names)):
        return None
    at = [c.at for c in domain.columns]
    if any(f.kind != "number" for f in domain.features) or max(at, default=0) >= found.shape[1]:
        return None
    return np.asarray(found[:, at], dtype=np.float64)


ATTACK = Attack("linear", search, suits, white_box=True, finds="the worst corner, exactly, by the weights")
