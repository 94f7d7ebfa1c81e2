"""The point of a threat at which a weighted sum is largest.

In L2 it is the largest of a linear function over a ball cut by a box. By the conditions of Karush, Kuhn and
Tucker (Boyd and Vandenberghe 2004, 5.5.3) every coordinate goes as far as its slope times one common factor,
or to the end of its range; the factor is the largest that stays in the ball, found by halving.
"""

from __future__ import annotations

from typing import Any

_HALVINGS = 80  # on a scale of factors: the last two differ by less than double precision


def worst(domain: Any, origins: Any, towards: Any) -> Any:
    """Return for each origin the point around it, within the threat, that moves furthest along a slope.

    Args:
        domain: Points around the rows of a table or around images, with `bounds`.
        origins: n points.
        towards: n slopes, of the shape of points.

    Returns:
        n points; what ties coordinates together (rules, whole numbers in L2) is left out of account.
    """
    import numpy as np

    low, high = domain.bounds(origins)
    with np.errstate(invalid="ignore"):
        ends = np.where(towards > 0, high, np.where(towards < 0, low, origins))
        gains = np.nan_to_num((ends - origins) * towards)
    if domain.threat.norm == "l0":
        return np.where(_largest(gains, int(domain.changes)), ends, origins)
    if domain.threat.norm == "l2":
        scale = np.where(domain.scale > 0, domain.scale, 1.0)  # where it is 0, nothing can move
        slope, room = towards * scale, np.abs(ends - origins) / scale
        return np.clip(origins + _in_ball(slope, room, domain.threat.size) * scale, low, high)
    return ends


def _largest(gains: Any, count: int) -> Any:
    """Say where the largest gains of each point are; the channels of a pixel count together."""
    import numpy as np

    each = gains.sum(axis=1, keepdims=True) if gains.ndim > 2 else gains  # noqa: PLR2004 - images
    flat = each.reshape(len(each), -1)
    rank = np.argsort(np.argsort(-flat, axis=1, kind="stable"), axis=1)
    return (rank < count).reshape(each.shape) & (gains > 0)


def _in_ball(slope: Any, room: Any, size: float) -> Any:
    """Return the moves that go furthest along slopes, of at most a length in all and `room` a coordinate."""
    import numpy as np

    axes = tuple(range(1, slope.ndim))
    steep = np.abs(slope)

    def moves(factor: Any) -> Any:
        return np.minimum(steep * factor, room)

    def length(factor: Any) -> Any:
        return np.sqrt((moves(factor) ** 2).sum(axis=axes, keepdims=True))

    smallest = np.where(steep > 0, steep, np.inf).min(axis=axes, keepdims=True)
    low = size / np.maximum(np.sqrt((steep**2).sum(axis=axes, keepdims=True)), 1e-300)
    high = np.where(np.isfinite(smallest), size / np.maximum(smallest, 1e-300), low)
    low = np.where(length(high) <= size, high, low)
    for _ in range(_HALVINGS):
        middle = np.sqrt(low) * np.sqrt(high)
        short = length(middle) <= size
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.sign(slope) * moves(low)
