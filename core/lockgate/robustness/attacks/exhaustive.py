"""Try every point, where a row has few: whole numbers and categories within a small threat.

Then the answer is exact: a row that none of its points breaks is proven to hold.
"""

from __future__ import annotations

from typing import Any

from lockgate.robustness.attacks.attack import Attack
from lockgate.robustness.attacks.target import Target

_MOST = 64  # points of a row
_FEW_FEATURES = 6


def search(target: Target, _rng: Any) -> None:
    """Ask about every point of the rows that have few of them."""
    import numpy as np

    rows = target.open
    counts, most = _counts(target, rows), np.minimum(_MOST, target.left(rows))
    for row, many in zip(rows[counts <= most], counts[counts <= most], strict=True):
        points = _all(target, row, int(many))
        good = target.domain.allowed(points, np.repeat(target.origins[[row]], len(points), axis=0))
        points = points[good & (points != target.origins[row]).any(axis=1)]
        if len(points):
            target.ask(np.full(len(points), row), points)
        target.certified[row] = not target.broken[row]


def suits(target: Target) -> bool:
    """Whether some row has few points."""
    rows = target.open
    few = len(target.domain.features) <= _FEW_FEATURES  # type: ignore[attr-defined]
    return bool(few and len(rows) and (_counts(target, rows) <= _MOST).any())


def _counts(target: Target, rows: Any) -> Any:
    """Return how many points each row has at most; infinite with a column that has no steps."""
    import numpy as np

    domain: Any = target.domain
    low, high = domain.bounds(target.origins[rows])
    counts = np.ones(len(rows))
    for feature in domain.features:
        at = feature.at[0]
        if feature.kind == "group":
            counts *= len(feature.at)
            continue
        wide, step = np.nan_to_num(high[:, at] - low[:, at]), domain.possible.step[at]
        counts *= np.where(wide > 0, np.rint(wide / step) + 1 if step > 0 else np.inf, 1)
    return counts


def _all(target: Target, row: int, many: int) -> Any:
    import itertools

    import numpy as np

    domain: Any = target.domain
    low, high = domain.bounds(target.origins[[row]])
    choices: list[list[tuple[float, ...]]] = []
    for feature in domain.features:
        at = list(feature.at)
        if feature.kind == "group":
            choices.append([tuple(each) for each in np.eye(len(at)).tolist()])
        elif not high[0, at[0]] > low[0, at[0]]:
            choices.append([(float(target.origins[row, at[0]]),)])
        else:
            steps = round(float((high[0, at[0]] - low[0, at[0]]) / domain.possible.step[at[0]]))
            choices.append(
                [(float(low[0, at[0]] + n * domain.possible.step[at[0]]),) for n in range(steps + 1)]
            )
    points = np.repeat(target.origins[[row]], many, axis=0)
    for i, chosen in enumerate(itertools.product(*choices)):
        for feature, values in zip(domain.features, chosen, strict=True):
            points[i, list(feature.at)] = values
    return points


ATTACK = Attack(
    "exhaustive", search, suits, finds="every point, where whole numbers and categories leave few"
)
