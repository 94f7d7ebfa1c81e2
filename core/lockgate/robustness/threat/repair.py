"""Bring points back under linear rules: change other columns of the row as little as it takes."""

from __future__ import annotations

from typing import Any

from lockgate.robustness.threat.possible import Possible

_ROUNDS = 4  # rules that pull at the same columns
_OVER = 1e-9  # of the terms: a little more than it takes, so that rounding does not undo it


def repaired(possible: Possible, points: Any, origins: Any, low: Any, high: Any) -> Any:
    """Return points that fit the rules as far as their bounds let them.

    The columns that were not moved give way first, then those that were; each as far as its bounds and its
    steps allow. A point that cannot be repaired is returned as far as it came: `Possible.holds` judges.

    Args:
        possible: The rules and steps.
        points: Points within their bounds and on their grid.
        origins: What they started from.
        low: The smallest value of each coordinate of each point.
        high: The largest.
    """
    made = points.copy()
    for _ in range(_ROUNDS):
        if possible.rules_hold(made).all():
            break
        for rule in range(len(possible.most)):
            for pushed in (False, True):
                _give_way(possible, rule, made, points != origins, low, high, pushed=pushed)
    return made


def _give_way(
    possible: Possible, rule: int, made: Any, moved: Any, low: Any, high: Any, *, pushed: bool
) -> None:
    """Let the columns of a rule give way, one after the other: those that were moved, or the others."""
    import numpy as np

    for column in np.flatnonzero(possible.weights[rule]):
        weight, step = possible.weights[rule, column], possible.step[column]
        excess, size = possible.excess(made, rule)
        wrong = (np.abs(excess) > _OVER * size) if possible.equal[rule] else (excess > 0)
        wrong &= (moved[:, column] == pushed) & (low[:, column] < high[:, column])
        if not wrong.any():
            continue
        by = -excess[wrong] / weight
        if step > 0:
            by = (
                np.trunc(by / step + np.copysign(_OVER, by)) * step
                if possible.equal[rule]
                else np.copysign(np.ceil(np.abs(by) / step - _OVER) * step, by)
            )
        elif not possible.equal[rule]:
            by += np.copysign(_OVER * size[wrong] / abs(weight), by)
        made[wrong, column] = np.clip(made[wrong, column] + by, low[wrong, column], high[wrong, column])
