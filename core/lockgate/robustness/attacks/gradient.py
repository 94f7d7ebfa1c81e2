"""FGSM and PGD by the model's own gradient, with the projection onto possible rows in every step.

Goodfellow et al. 2015 (arXiv:1412.6572): one step of the whole size along the gradient. Madry et al. 2018
(arXiv:1706.06083): many smaller ones, projected back, from the row itself and from a random point. The
Adversarial Robustness Toolbox has both for boxes and balls; whole numbers, rules and L0 have to be met in
every step, not after the last one, so they are here.
"""

from __future__ import annotations

from typing import Any

from lockgate.robustness.attacks.attack import Attack
from lockgate.robustness.attacks.target import Target

_STEPS = 10
_STRIDE = 0.25  # of the size: the box is crossed in eight steps


def search(target: Target, rng: Any) -> None:
    """One step of the whole size, ten small ones, ten more from a random start."""
    rows = target.open
    _walk(target, rows, target.origins[rows], [1.0])
    rows = target.open
    _walk(target, rows, target.origins[rows], [_STRIDE] * _STEPS)
    rows = target.open
    if len(rows):
        _walk(target, rows, _random(target, rows, rng), [_STRIDE] * _STEPS)


def suits(target: Target) -> bool:
    """Whether the model has a gradient by every column that can change."""
    domain: Any = target.domain
    if not target.predictor.has_gradient or any(f.kind != "number" for f in domain.features):
        return False
    import numpy as np

    width = target.rows.shape[1]
    return bool(domain.features) and len(domain.columns) == width and not np.isnan(target.origins).any()


def _walk(target: Target, rows: Any, points: Any, strides: list[float]) -> None:
    import numpy as np

    domain: Any = target.domain
    for stride in strides:
        left = np.isin(rows, target.open)
        rows, points = rows[left], points[left]
        if not len(rows):
            return
        origins = target.origins[rows]
        slope = target.gradient(rows, points) * domain.free
        points = domain.project(points + _step(domain, slope, points, origins, stride), origins)
        good = domain.allowed(points, origins) & (points != origins).any(axis=1)
        if good.any():
            target.ask(rows[good], points[good])


def _step(domain: Any, slope: Any, points: Any, origins: Any, stride: float) -> Any:
    """Return the steepest step of a share of the size, in the threat's norm."""
    import numpy as np

    size = domain.threat.size
    by_unit = slope * domain.scale
    if domain.threat.norm == "linf":
        return np.sign(by_unit) * stride * size * domain.scale
    if domain.threat.norm == "l2":
        length = np.sqrt((by_unit**2).sum(axis=1, keepdims=True))
        return by_unit / np.maximum(length, 1e-300) * stride * size * domain.scale
    low, high = domain.bounds(origins)
    ends = np.where(slope > 0, high, low) - points
    gains = np.nan_to_num(ends * slope)
    kept = np.argsort(np.argsort(-gains, axis=1, kind="stable"), axis=1) < domain.changes
    return np.where(kept & (gains > 0), ends * stride, 0.0)


def _random(target: Target, rows: Any, rng: Any) -> Any:
    import numpy as np

    domain: Any = target.domain
    low, high = domain.bounds(target.origins[rows])
    points = low + (high - low) * rng.random(low.shape)
    return domain.project(np.where(np.isfinite(points), points, target.origins[rows]), target.origins[rows])


ATTACK = Attack("gradient", search, suits, white_box=True, finds="FGSM and PGD, by the model's gradient")
