"""Bet that a source sends labels that contradict the reference more than those of the other sources do.

What honest labels may show in a source is what the model expects of its rows, times how much more than
expected the reference and all other rows of the same batch show, or how much more this source showed in
the reference. The others change with the world and with the rows, so a source needs little margin. That
is why labels of which hardly one in a thousand is honest may count here, with all their weight
(`lockgate.retraining.surprise.SHARP`): of a few replaced labels in a hundred these say the most.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lockgate.retraining.betting import SHARP_SHARES, Account, account

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.retraining.surprise import Judged, Watched

    Floats = NDArray[np.float64]
    Texts = NDArray[np.object_]

FEWEST_ROWS = 3
"""A source with fewer rows of the batch is not looked at."""
MOST_SOURCES = 1_000
_FACTOR = 1.05
_MARGIN = 0.0001
"""How far honest labels of a source may go beyond that: times what is expected, and more in each row."""
_PRIOR = 1.0
"""So many labels that contradict as much as any count for beside what some rows show."""
_LEAST = 0.1
"""So many are expected at least of rows that plainly show more than the model believes."""


def bet_on_sources(watched: Watched, source: Texts, known: Texts | None) -> dict[str, Account]:
    """Return the account of each source, by its name; none where there are fewer than two.

    Args:
        watched: The batch beside its reference.
        source: Source of each judged row of the batch, None for a row without.
        known: The same of the reference; None where it has no such column.
    """
    import numpy as np

    batch, before = watched.batch, watched.reference
    there = np.array([value is not None for value in source], dtype=bool)
    names = np.unique(source[there].astype(str)) if there.any() else np.array([], dtype=str)
    if not 2 <= len(names) <= MOST_SOURCES:  # noqa: PLR2004 - one source has nothing to be compared with
        return {}
    code = _coded(names, source, there)
    theirs = np.full(len(before.rows), -1)
    if known is not None:
        theirs = _coded(names, known, np.array([value is not None for value in known], dtype=bool))
    shown, hoped, error = _seen(batch, code, len(names))
    shown_before, hoped_before, error_before = _seen(before, theirs, len(names))
    rest, rest_hoped = float(batch.sharp.sum()) - shown, float(batch.sharp_expected.sum()) - hoped
    all_before, all_hoped = float(before.sharp.sum()), float(before.sharp_expected.sum())
    usual = np.maximum(1.0, (rest + all_before + _PRIOR) / (rest_hoped + all_hoped + _PRIOR))
    own = _at_least(shown_before, hoped_before, error_before, usual)
    if (
        float(batch.sharp.sum() - 2.0 * math.sqrt((batch.sharp**2).sum()))
        > batch.sharp_expected.sum() * usual.max()
    ):
        # The world is another one: what the reference shows says little.
        usual = _at_least(
            rest, rest_hoped, np.sqrt(np.maximum((batch.sharp**2).sum() - error**2, 0.0)), usual
        )
    factor = _FACTOR * np.maximum(usual, own)
    share = np.full(len(names), 1.0 / len(names))
    if known is not None:
        share = np.bincount(theirs[theirs >= 0], minlength=len(names)) / max(len(theirs), 1)
    found = {}
    for i, name in enumerate(names):
        mine = code == i
        if mine.sum() >= FEWEST_ROWS:
            bound = batch.sharp_expected[mine] * factor[i] + _MARGIN
            made = account(batch.sharp[mine], bound, SHARP_SHARES)
            found[str(name)] = made.at(float(share[i]), len(batch.rows))
    return found


def _coded(names: NDArray[np.str_], source: Texts, there: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number the rows by their source; -1 for one that has no such name."""
    import numpy as np

    texts = np.where(there, source, "").astype(str)
    at = np.clip(np.searchsorted(names, texts), 0, len(names) - 1)
    return np.where(there & (names[at] == texts), at, -1)


def _seen(judged: Judged, code: NDArray[np.int64], number: int) -> tuple[Floats, Floats, Floats]:
    """Return by source what its labels show, what honest ones show, and the standard error of the first."""
    import numpy as np

    there = code >= 0
    sums = [
        np.asarray(np.bincount(code[there], values[there], number), dtype=np.float64)
        for values in (judged.sharp, judged.sharp_expected, judged.sharp**2)
    ]
    return sums[0], sums[1], np.sqrt(sums[2])


def _at_least(shown: Floats, hoped: Floats, error: Floats, usual: Floats) -> Floats:
    """By how much more than expected some rows show, drawn to the usual unless they plainly show more."""
    import numpy as np

    drawn = (shown + _PRIOR * usual) / (hoped + _PRIOR)
    plainly = shown - error > hoped * usual
    factor: Floats = np.where(plainly, np.maximum(drawn, (shown + error) / (hoped + _LEAST)), drawn)
    return factor
