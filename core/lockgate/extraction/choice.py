"""Choose the rows of a fingerprint: copies answer them as the model does, independent models do not."""

from __future__ import annotations

from typing import Any

_HURRY = 0.4  # how much one more agreement of a model makes the next row one that it gets wrong
_ROWS_A_TURN = 4
_ROOM = 4  # times as many rows to choose from as are chosen


def most_copied(copied: Any, size: int) -> Any:
    """Return the places of the rows that all copies answer as the original does, or nearly all do.

    Args:
        copied: For each row, the share of copies that answer as the original does.
        size: How many rows are to be chosen from them.
    """
    import numpy as np

    best = (-copied).argsort(kind="stable")  # among equals, the order of the draw
    return np.sort(best[: max(int((copied == 1).sum()), min(size * _ROOM, len(copied)))])


def choose(agrees: Any, size: int) -> Any:
    """Return the places of rows on which no independent model agrees with the original more than others do.

    One after the other is taken on which those independent models differ from the original that have agreed
    most so far (multiplicative weights: Freund and Schapire 1999, doi:10.1006/game.1999.0738). The rows on
    which the fewest agree would all lie on one side of the original, and a model that chance has put there
    agrees on nearly all of them; rows on all sides make independent models agree about equally often.

    Args:
        agrees: Whether each independent model agrees; bool, models by rows.
        size: How many rows to choose.
    """
    import numpy as np

    told = agrees.astype(np.float32)
    weights, counts = np.full(len(told), 1 / len(told), dtype=np.float32), np.zeros(len(told))
    free = np.ones(told.shape[1], dtype=bool)
    picked: list[int] = []
    while len(picked) < size:
        harm = np.where(free, weights @ told, np.inf)
        turn = harm.argsort(kind="stable")[: min(_ROWS_A_TURN, size - len(picked))]
        picked.extend(turn.tolist())
        free[turn] = False
        counts += told[:, turn].sum(axis=1)
        weights = np.exp(_HURRY * (counts - counts.max())).astype(np.float32)
        weights /= weights.sum()
    return np.sort(picked)
