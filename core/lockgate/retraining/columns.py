"""What can break in one column, each undone in turn: see `lockgate.retraining.bugs`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lockgate.retraining.bug import FEWEST_ROWS, Bug
from lockgate.retraining.categories import of_categories
from lockgate.retraining.fills import filled, repeats
from lockgate.retraining.pairs import Pair, distance, present
from lockgate.retraining.units import ALIKE, outside, unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MORE_MISSING = 0.05
"""A share of missing values that has grown by this much is a defect."""


def defect(pair: Pair, groups: Sequence[tuple[str, NDArray[np.bool_]]] = ()) -> Bug | None:
    """Return the defect of one column, or None.

    Args:
        pair: The column of both tables.
        groups: Rows of each source of the batch, by name.
    """
    if (bug := _missing(pair)) is not None or len(set(present(pair.before))) < 2:  # noqa: PLR2004 - the mark of a batch, such as a year
        return bug
    found = _constant(pair) or (_of_numbers(pair, groups) if pair.numbers else None) or repeats(pair)
    return found or (of_categories(pair) if pair.few or not pair.numbers else None)


def _missing(pair: Pair) -> Bug | None:
    was, is_ = pair.gone
    more = float(is_.mean()) - float(was.mean())
    error = math.sqrt(max(was.mean() * (1 - was.mean()), 1 / len(was)) / len(was) + 0.25 / len(is_))
    if more <= max(MORE_MISSING, 3.0 * error if is_.mean() < 1 else 0.0):
        return None
    return Bug(
        "missing", (pair.name,), f"has no value in {is_.mean():.0%} of the rows, before in {was.mean():.0%}"
    )


def _constant(pair: Pair) -> Bug | None:
    was, is_ = (set(present(side)) for side in (pair.before, pair.now))
    if len(is_) != 1 or len(was) < 2:  # noqa: PLR2004 - it was constant before
        return None
    (value,) = is_
    share = sum(v == value for v in present(pair.before)) / max(len(present(pair.before)), 1)
    # That so many rows have the same value must be far from chance.
    if len(present(pair.now)) * math.log(max(share, 1e-9)) > math.log(1e-6):
        return None
    return Bug("constant", (pair.name,), "has the same value in every row")


def _of_numbers(pair: Pair, groups: Sequence[tuple[str, NDArray[np.bool_]]]) -> Bug | None:
    import numpy as np

    before, everything = present(pair.before), pair.now
    now = present(everything)
    if min(len(before), len(now)) < FEWEST_ROWS:
        return None
    if changed := unit(before, now):
        return Bug(changed[0], (pair.name,), changed[1], changed[2])
    for name, rows in groups:
        part = everything[rows & ~np.isnan(everything)]
        rest = everything[~rows & ~np.isnan(everything)]
        moved = not len(rest) or distance(before, rest) > ALIKE
        if len(part) >= FEWEST_ROWS and (changed := unit(before, part, factors_only=True, only_large=moved)):
            return Bug(changed[0], (pair.name,), f"{changed[1]}, in the rows of source {name!r}")
    if said := outside(before, now):
        return Bug(said[0], (pair.name,), said[1])
    return filled(pair.name, before, now)
