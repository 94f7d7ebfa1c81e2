"""Labels of the whole batch, and of rows that look like one class and are labelled another.

Nothing of the batch stands beside these, only the reference: so its size limits what shows here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lockgate.retraining.betting import Account, account
from lockgate.retraining.places import FEWEST_ROWS, LEAST, PRIOR, Place, most_honest, usual_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.retraining.surprise import Judged, Watched

    Floats = NDArray[np.float64]

MOST_CLASSES = 30
"""With more classes the pairs are too many to look at each."""


def in_all_rows(watched: Watched) -> Iterator[tuple[Place, Account]]:
    """Yield the account of all rows together."""
    batch = watched.batch
    before = watched.reference
    squares = float((before.surprise**2).sum())
    usual = usual_of(_one(before.surprise.sum()), _one(before.expected.sum()), watched.usual, 0.0, squares)
    mine = account(batch.surprise, most_honest("all", batch.expected, usual))
    yield ("all",), mine.at(1.0, len(batch.rows))


def _one(value: Any) -> Floats:
    import numpy as np

    return np.array([float(value)])


def in_pairs_of_classes(watched: Watched) -> dict[Place, Account]:
    """Return the accounts of the pairs of classes: rows that look like one and are labelled another."""
    classes = watched.classes
    if len(classes) > MOST_CLASSES:
        return {}
    found: dict[Place, Account] = {}
    for was, became in itertools.permutations(range(len(classes)), 2):
        surprise, expected, _ = _of_pair(watched.batch, was, became)
        if len(surprise) < FEWEST_ROWS:
            continue
        before, hoped, share = _of_pair(watched.reference, was, became)
        squares = float((before**2).sum())
        usual = usual_of(_one(before.sum()), _one(hoped.sum()), watched.usual, PRIOR, squares, LEAST)
        mine = account(surprise, most_honest("labels", expected, usual))
        found["labels", classes[was], classes[became]] = mine.at(share, len(watched.batch.rows))
    return found


def _of_pair(judged: Judged, was: int, became: int) -> tuple[Floats, Floats, float]:
    """Rows that the model takes for one class: the surprise of those labelled another, and its mean."""
    import numpy as np

    rows = judged.likeliest == was
    surprise = np.where(judged.labels[rows] == became, judged.surprise[rows], 0.0)
    return surprise, judged.each[rows, became], float(rows.mean()) if len(rows) else 0.0
