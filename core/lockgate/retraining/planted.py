"""Bet that a value was planted: that its rows carry one label more often than anything honest explains.

For a value that has become frequent (or two values together) and a label k, each row i has a
probability of at most q_i to carry k: what the models of the reference say, moved in log odds by what values
of this column do to their label in honest data (`honest_shifts`); never less than `LEAST`, because labels go
wrong anyway, nor than what the rows of the reference with this value show. A gambler who stakes w on "k"
multiplies what he owns by 1 + w (1[y = k] / q_i - 1), which is at most 1 on average. Doubtful rows, whose
labels surprise nobody one by one, add up here, because all of them say the same.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING

from lockgate.retraining.betting import SHARES, WORTH, Account

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.retraining.surprise import Watched
    from lockgate.retraining.values import Column

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

GROWN = 2.0
"""A value that comes this many times as often as in the reference was put there: it is no group of people."""
SHIFT = 1.0
"""Most that a value may move its label in honest data, as `lockgate.poisoning.groups.SHIFT`."""
LEAST_SHIFT = 0.3
"""So much it may, however little the other values of its column do."""
LEAST = 0.05
"""However sure the models are, so many labels may be wrong."""
STAKES = (0.15, 0.4, 0.7, 0.9)
"""Shares staked on each row; as many as an account has room for."""
assert len(STAKES) == len(SHARES)  # noqa: S101 - one kind of account
_FEWEST_ROWS = 3
_FARTHEST, _HALVINGS = 14.0, 24  # log odds; by halving, to a millionth of them


def planted(
    watched: Watched,
    codes: tuple[Integers, Integers],
    width: int,
    kept: Collection[tuple[int, str]],
    shifts: Floats,
) -> dict[tuple[int, str], Account]:
    """Return the accounts of the values that have grown, by number of the value and name of the label.

    Args:
        watched: The batch beside its reference.
        codes: Number of the value of each judged row of the reference and of the batch, -1 for none.
        width: How many numbers there are.
        kept: Those with an account from former batches.
        shifts: By how much honest values may move each label, in log odds; shape (classes,).
    """
    import numpy as np

    was, now = codes
    before, batch = watched.reference, watched.batch
    rows = np.bincount(now[now >= 0], minlength=width)
    known = np.bincount(was[was >= 0], minlength=width)
    share = known / max(len(was), 1)
    looked = (rows >= _FEWEST_ROWS) & (rows / len(now) >= GROWN * np.maximum(share, 0.5 / max(len(was), 1)))
    looked[[code for code, _ in kept if rows[code]]] = True
    picked = np.flatnonzero((now >= 0) & looked[np.maximum(now, 0)])
    if not len(picked):
        return {}
    cells, at = np.unique(now[picked], return_inverse=True)
    labels, odds = batch.labels[picked], np.exp(shifts)
    theirs = np.flatnonzero((was >= 0) & np.isin(was, cells))
    own = np.searchsorted(cells, was[theirs])
    found: dict[tuple[int, str], Account] = {}
    for k, name in enumerate(watched.classes):
        p = batch.p[picked, k]
        factor = np.maximum(
            odds[k], _shown(before.p[theirs, k], before.labels[theirs] == k, own, len(cells))
        )[at]
        q = np.maximum(p * factor / (1.0 - p + p * factor), LEAST)
        gain = (labels == k) / q - 1.0
        wealth = np.column_stack([np.bincount(at, np.log1p(w * gain), len(cells)) for w in STAKES])
        hits = np.bincount(at[labels == k], minlength=len(cells))
        allowed = np.bincount(at, q, len(cells))
        worth = wealth.max(axis=1) > WORTH
        worth |= np.array([(int(cell), name) in kept for cell in cells], dtype=bool)
        for i in np.flatnonzero(worth):
            logs = tuple(wealth[i].tolist())
            mine = Account(int(rows[cells[i]]), float(hits[i]), float(allowed[i]), logs)
            found[int(cells[i]), name] = mine.at(float(share[cells[i]]), len(now))
    return found


def _shown(p: Floats, carry: NDArray[np.bool_], cells: Integers, number: int) -> Floats:
    """Return by which factor on the odds the reference's rows with a value carry a label; shape (number,).

    The factor at which the models expect as many such rows as there are, beside two more that look like
    the mean of the cell and of which one carries it (rule of succession); 0 for a value that the reference
    does not hold. A factor and no rate: where rows with the value carry the label because of what else
    they are, those that are otherwise need not.

    Args:
        p: Probability of the label for each row of the reference in a cell.
        carry: Whether the row carries it.
        cells: Number of its cell.
        number: How many cells there are.
    """
    import numpy as np

    rows, hits = np.bincount(cells, minlength=number), np.bincount(cells[carry], minlength=number)
    odds = p / (1.0 - np.minimum(p, 1.0 - 1e-6))
    middle = np.exp(np.bincount(cells, np.log(odds), number) / np.maximum(rows, 1))
    low, high = np.full(number, -_FARTHEST), np.full(number, _FARTHEST)
    for _ in range(_HALVINGS):
        logs = (low + high) / 2
        factor = np.exp(logs)
        each, alike = odds * factor[cells], middle * factor
        expected = np.bincount(cells, each / (1.0 + each), number) + 2.0 * alike / (1.0 + alike)
        more = expected < hits + 1.0
        low, high = np.where(more, logs, low), np.where(more, high, logs)
    found: Floats = np.where(rows > 0, np.exp(high), 0.0)
    return found


def honest_shifts(watched: Watched, column: Column) -> Floats:
    """Estimate by how much values of a column move each label beyond the models; log odds, shape (classes,).

    Two standard deviations: the variance of what values show over that of chance (DerSimonian and Laird
    1986) and one standard error, in the reference by value or in the batch by parts, whichever is more.
    So a world that changes for a column allows its values more.
    """
    import numpy as np

    found = np.zeros(len(watched.classes))
    for judged, codes in ((watched.reference, column.codes[0]), (watched.batch, column.coarse[1])):
        there = codes >= 0
        for k in range(len(found)):
            p = judged.p[there, k]
            off = np.bincount(codes[there], (judged.labels[there] == k) - p)
            room = np.bincount(codes[there], p * (1.0 - p))
            squares = max(float((room**2).sum()), 1e-9)
            variance = (float((off**2 - room).sum()) + math.sqrt(2.0 * squares)) / squares
            found[k] = max(found[k], 2.0 * math.sqrt(max(variance, 0.0)))
    shifts: Floats = np.clip(found, LEAST_SHIFT, SHIFT)
    return shifts
