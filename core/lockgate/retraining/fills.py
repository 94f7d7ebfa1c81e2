"""Numbers that something filled in: a default value, the end of a cut range, the value of the row before."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lockgate.retraining.bug import Bug
from lockgate.retraining.pairs import MANY_VALUES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_DEFAULT_SHARE = 0.1
_ALONE = 2.5
"""A default comes this many times as often as the next value."""
_FAR = 5.0  # standard errors


def default(name: str, before: Floats, now: Floats) -> Bug | None:
    """Look for one value that fills a column of measurements."""
    import numpy as np

    if len(np.unique(before)) <= MANY_VALUES:
        return None
    values, counts = np.unique(now, return_counts=True)
    share = float(counts.max()) / len(now)
    was = float((before == values[int(counts.argmax())]).mean())
    both = (share * len(now) + was * len(before)) / (len(now) + len(before))
    error = math.sqrt(both * (1 - both) * (1 / len(now) + 1 / len(before)))
    if share - was < max(_DEFAULT_SHARE, _FAR * error) or share < 5 * was:
        return None
    # Where others come as often by now, the column was rounded, or its range was cut.
    second = float(np.partition(counts, -2)[-2]) / len(now) if len(counts) > 1 else 0.0
    if share < _ALONE * second:
        return None
    return Bug(
        "default", (name,), f"has one and the same value in {share:.0%} of the rows, before in {was:.1%}"
    )
