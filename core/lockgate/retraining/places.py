"""Places where labels are watched, and how far honest labels of each kind may go.

Every place has an allowance, what honest labels there may show: the expectation of the rows, times how
much more than that the place shows in the reference, times how much more the whole batch shows, plus a
margin. The last factor lets the world change: when all labels of a year follow slightly other rules, no
value stands out. Nothing stands beside the whole batch and the pairs of classes, so they are allowed a
larger factor.

The reference shows a place in so many rows only, and a stream goes on for longer: so what is usual there
is taken `_UNSURE` standard errors higher.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate.retraining.betting import Account

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.retraining.surprise import Watched

    Floats = NDArray[np.float64]

Place = tuple[str, ...]
"""``("all",)``, ``("source", NAME)``, ``("labels", WAS, BECAME)``, ``("value", COLUMN, KEY)``,
``("values", COLUMN, COLUMN, KEY)``, ``("crowd", KEY)``, or ``("planted", LABEL, COLUMN, [COLUMN,] KEY)``; a
key stands for a value that nothing shows."""

FEWEST_ROWS = 3
"""A place with fewer rows of the batch is not looked at."""
LEAST = 1.0
"""So much surprise is expected of a place of the reference at least, whose own share of surprise counts."""
_UNSURE = 2.0
"""Standard errors of what the reference shows."""
PRIOR = 5.0
"""How much expected surprise the whole reference counts for beside its rows in a place."""
_PRIOR_OF_ALL = 30.0
"""The same for the whole batch."""


@dataclass(frozen=True)
class Allowance:
    """How far honest labels of a kind of place may go beyond what the reference and the rest show.

    Attributes:
        factor: Times the expectation.
        margin: Plus this much of the surprise of each row.
        weight: The kind's part of the whole stake.
    """

    factor: float
    margin: float
    weight: float


ALLOWED = {
    "all": Allowance(1.35, 0.004, 0.05),
    "labels": Allowance(1.7, 0.003, 0.1),
    "source": Allowance(1.0, 0.0, 0.35),  # as those of `sources`, `crowds` and
    "crowd": Allowance(1.0, 0.0, 0.1),
    "value": Allowance(1.5, 0.02, 0.15),
    "values": Allowance(1.6, 0.03, 0.1),
    "planted": Allowance(1.0, 0.0, 0.15),  # `planted` are there
}


@dataclass(frozen=True)
class Found:
    """What a batch shows in its places.

    Attributes:
        accounts: By place.
        weights: Part of the whole stake of one place of each kind.
    """

    accounts: dict[Place, Account]
    weights: dict[str, float]


def most_honest(kind: str, expected: Floats, usual: Floats | float) -> Floats:
    """Return the most that honest labels of a kind of place may show on average."""
    allowance = ALLOWED[kind]
    bound: Floats = expected * usual * allowance.factor + allowance.margin
    return bound


def usual_of(
    surprise: Floats,
    expected: Floats,
    usual: float,
    prior: float = PRIOR,
    squares: Floats | float = 0.0,
    least: float = math.inf,
) -> Floats:
    """By how much a place of the reference surprises more than expected, drawn to the whole's figure.

    `squares` is the sum of the squared surprises, the variance of their sum. A model that is plainly
    wrong about a place is believed to be that wrong, however small the place; `least` is what is expected
    there at least.
    """
    import numpy as np

    unsure = _UNSURE * np.sqrt(squares)
    drawn = (surprise + unsure + prior * usual) / (expected + prior)
    ratio: Floats = np.maximum(np.maximum(drawn, (surprise + unsure) / (expected + least)), 1.0)
    return ratio


def changed(watched: Watched) -> float:
    """By how much the rows of the batch surprise more than the reference does, 1 or more."""
    batch = watched.batch
    shown, hoped = float(batch.surprise.sum()), float(batch.expected.sum()) * watched.usual
    return max(1.0, (shown + _PRIOR_OF_ALL) / (hoped + _PRIOR_OF_ALL))
