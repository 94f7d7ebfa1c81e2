"""Bet that rows were copied: that one spot of the feature space holds more rows than honest ones explain.

A row's spot is the values of all its columns together, measurements cut into parts of the reference, so
that a copy with a little noise lands there too; cut twice, shifted by half a part, since a copy near an
edge may land beside it. How many rows a spot may hold is what it holds in the reference and two standard
errors more, or `GROWN` times that where it is many. Labels are not looked at: copies can be labelled as
their original is.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lockgate.retraining.betting import SHARES, Account

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.features import Features
    from lockgate.retraining.surprise import Watched

    Spots = NDArray[np.uint64]

FEWEST_ROWS = 3
"""A spot with fewer rows of the batch is not looked at, unless it was before."""
FEWEST_COLUMNS = 3
"""Rows with fewer columns are alike too easily."""
GROWN = 2.5
"""An honest change makes a spot that holds many rows this many times as frequent, at most."""
TIMES = (1.5, 2.5, 4.0, 8.0)
"""How many times as frequent as that it is bet to be; as many as an account has room for."""
assert len(TIMES) == len(SHARES)  # noqa: S101 - one kind of account
WORTH = 1.5
"""In nats: with less there is no account, so that a state stays small."""
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
        was, is_ = _spots(watched, shift)
        spots, counts = np.unique(is_, return_counts=True)
        often = {
            f"{spot:016x}": count
            for spot, count in zip(spots.tolist(), counts.tolist(), strict=True)
            if count >= FEWEST_ROWS or f"{spot:016x}" in kept
        }
        there = was[np.isin(was, np.array([int(key, 16) for key in often], dtype=np.uint64))]
        usual = Counter(f"{spot:016x}" for spot in there.tolist())
        for key, count in often.items():
            mine = _account(count, rows, usual[key] / reference, reference)
            if key in kept or max(mine.wealth) > WORTH:
                found[key] = mine
    for key in kept.keys() - found.keys():
        found[key] = _account(0, rows, kept[key].usual, reference)
    return found


def _account(count: int, rows: int, usual: float, reference: int) -> Account:
    """Return what bets on a spot become that holds a share of the reference, and some rows of a batch."""
    known = usual * reference
    share = max(known + 1.0 + 2.0 * math.sqrt(known + 1.0), GROWN * known) / reference
    logs = [
        count * math.log(times) + (rows - count) * math.log1p(-share * (times - 1.0) / (1.0 - share))
        if share * times < 1.0
        else 0.0
        for times in TIMES
    ]
    return Account(count, float(count), share * rows, tuple(logs)).at(usual, rows)


def _spots(watched: Watched, shift: float) -> tuple[Spots, Spots]:
    """Number the spots of the rows of the reference and of the batch, alike for every batch."""
    import numpy as np

    before, now = watched.features
    numbers = [np.zeros(len(side.values), dtype=np.uint64) for side in (before, now)]
    for i, name in enumerate(before.names):
        edges = _edges(before, i)
        if edges is not None:
            edges = np.quantile(
                before.values[~np.isnan(before.values[:, i]), i], edges - shift / (len(edges) + 1)
            )
        for k, side in enumerate((before, now)):
            column = side.values[:, i]
            parts = column if edges is None else np.searchsorted(edges, column, side="right") + 0.0
            values, at = np.unique(np.where(np.isnan(column), np.nan, parts), return_inverse=True)
            texts = [watched.called(i, v) if edges is None else f"{v:g}" for v in values.tolist()]
            hashes = np.array([_hash(f"{shift:g}", name, text) for text in texts], dtype=np.uint64)
            numbers[k] = numbers[k] + hashes[at.reshape(-1)]  # modulo 2^64
    return numbers[0], numbers[1]


def _edges(before: Features, i: int) -> NDArray[np.float64] | None:
    """Return at which shares of the reference a column of measurements is cut; None for one that is not."""
    import numpy as np

    column = before.values[:, i]
    if before.categorical[i] or len(np.unique(column[~np.isnan(column)])) <= _MEASURED:
        return None
    parts = min(max(round(_ROOM / len(before.names)), _PARTS[0]), _PARTS[1])
    return np.arange(1, parts) / parts


def _hash(*texts: str) -> int:
    return int.from_bytes(hashlib.sha256("\x1f".join(texts).encode("utf-8", "replace")).digest()[:8], "big")
