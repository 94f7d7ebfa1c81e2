"""Bet that rows were copied: that one spot of the feature space holds more rows than honest ones explain.

A row's spot is the values of all its columns together, measurements cut into parts of the reference, so
that a copy with a little noise lands there too; cut twice, shifted by half a part, since a copy near an
edge may land beside it. An honest change may give one column other values, all of them alike, so what a
spot may hold is what the reference holds of rows that agree with it in all columns but one, whichever
they are most of; two standard errors more, or `GROWN` times that where it is many. Labels are not looked
at: copies can be labelled as their original is.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lockgate.retraining.betting import SHARES, WORTH, Account

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.features import Features
    from lockgate.retraining.surprise import Watched

    Hashes = NDArray[np.uint64]

FEWEST_ROWS = 3
"""A spot with fewer rows of the batch is not looked at, unless it was before."""
FEWEST_COLUMNS = 3
"""Rows with fewer columns are alike too easily."""
GROWN = 2.0
"""An honest change makes a spot that holds many rows this many times as frequent, at most."""
TIMES = (1.5, 2.5, 4.0, 8.0)
"""How many times as frequent as that it is bet to be; as many as an account has room for."""
assert len(TIMES) == len(SHARES)  # noqa: S101 - one kind of account
_MEASURED = 60
"""A column with more values in the reference is cut into parts."""
_PARTS = (4, 32)
_ROOM = 100
"""Parts times columns: more columns are cut into fewer parts, so that noise moves few copies."""


def crowds(watched: Watched, kept: Mapping[str, Account]) -> dict[str, Account]:
    """Return the accounts of the spots that hold more rows than they may, by key.

    Args:
        watched: The batch beside its reference.
        kept: Accounts from former batches; what they lose now is booked as well.
    """
    import numpy as np

    rows, reference = (len(features.values) for features in reversed(watched.features))
    found: dict[str, Account] = {}
    for shift in (0.0, 0.5) if len(watched.features[0].names) >= FEWEST_COLUMNS else ():
        was, is_ = (_hashes(watched, k, shift) for k in (0, 1))
        spots, first, counts = np.unique(is_.sum(axis=1), return_index=True, return_counts=True)
        keys = [f"{spot:016x}" for spot in spots.tolist()]
        looked = [i for i, key in enumerate(keys) if counts[i] >= FEWEST_ROWS or key in kept]
        known = _nearly(was, is_[first[looked]])
        for i, usual in zip(looked, known.tolist(), strict=True):
            mine = bet_on_spot(int(counts[i]), rows, usual / reference, reference)
            if keys[i] in kept or max(mine.wealth) > WORTH:
                found[keys[i]] = mine
    for key in kept.keys() - found.keys():
        found[key] = bet_on_spot(0, rows, kept[key].usual, reference)
    return found


def spots_of(watched: Watched, rows: NDArray[np.int64]) -> list[tuple[int, float]]:
    """Return how many rows of the batch are in the spots of some, and the share that each may hold."""
    was, is_ = (_hashes(watched, k, 0.0) for k in (0, 1))
    spots = is_.sum(axis=1)
    there = [int((spots == spot).sum()) for spot in spots[rows]]
    known = _nearly(was, is_[rows]) / len(was)
    return list(zip(there, known.tolist(), strict=True))


def bet_on_spot(count: int, rows: int, usual: float, reference: int) -> Account:
    """Return what bets on a spot become.

    Args:
        count: Rows of the batch in it.
        rows: All rows of the batch.
        usual: Share of the reference that is nearly there.
        reference: Rows of the reference.
    """
    known = usual * reference
    share = max(known + 1.0 + 2.0 * math.sqrt(known + 1.0), GROWN * known) / reference
    logs = [
        count * math.log(times) + (rows - count) * math.log1p(-share * (times - 1.0) / (1.0 - share))
        if share * times < 1.0
        else 0.0
        for times in TIMES
    ]
    return Account(count, float(count), share * rows, tuple(logs)).at(usual, rows)


def _nearly(was: Hashes, spots: Hashes) -> NDArray[np.int64]:
    """Return how many rows of the reference agree with each spot in all columns but one, the most of any."""
    import numpy as np

    most = np.zeros(len(spots), dtype=np.int64)
    all_was, all_spots = was.sum(axis=1), spots.sum(axis=1)
    for i in range(was.shape[1]):
        rest, asked = all_was - was[:, i], all_spots - spots[:, i]  # modulo 2^64
        groups, at = np.unique(asked, return_inverse=True)
        rest = rest[np.isin(rest, groups)]
        counted = np.bincount(np.searchsorted(groups, rest), minlength=len(groups))
        most = np.maximum(most, counted[at.reshape(-1)])
    return most


def _hashes(watched: Watched, side: int, shift: float) -> Hashes:
    """Return a number for the value of each column of the reference (0) or the batch (1); rows times columns.

    The same value has the same number in every batch; their sum, modulo 2^64, is the number of the spot.
    """
    import numpy as np

    before, values = watched.features[0], watched.features[side].values
    numbers = np.zeros(values.shape, dtype=np.uint64)
    for i, name in enumerate(before.names):
        edges, column = _edges(before, i, shift), values[:, i]
        parts = column if edges is None else np.searchsorted(edges, column, side="right") + 0.0
        each, at = np.unique(np.where(np.isnan(column), np.nan, parts), return_inverse=True)
        texts = [watched.called(i, v) if edges is None else f"{v:g}" for v in each.tolist()]
        hashes = np.array([_hash(f"{shift:g}", name, text) for text in texts], dtype=np.uint64)
        numbers[:, i] = hashes[at.reshape(-1)]
    return numbers


def _edges(before: Features, i: int, shift: float) -> NDArray[np.float64] | None:
    """Return where a column of measurements is cut; None for one that is not."""
    import numpy as np

    there = before.values[~np.isnan(before.values[:, i]), i]
    if before.categorical[i] or len(np.unique(there)) <= _MEASURED:
        return None
    parts = min(max(round(_ROOM / len(before.names)), _PARTS[0]), _PARTS[1])
    return np.asarray(np.quantile(there, (np.arange(1, parts) - shift) / parts))


def _hash(*texts: str) -> int:
    return int.from_bytes(hashlib.sha256("\x1f".join(texts).encode("utf-8", "replace")).digest()[:8], "big")
