"""How agreement between labels and a model grows with the model's certainty, and where it stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate.poisoning.resampling import ENOUGH

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

MOST_BINS = 30
ROWS_PER_BIN = 8
HOPELESS = 0.1
"""A p value above this needs no second look."""
_AT_ONCE = 37
_RATES = (0.0, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.4)


@dataclass(frozen=True)
class Lapse:
    """A ceiling of agreement below 1.

    Attributes:
        share: The lapse rate: disagreement where the model is surest, 0 to 0.4.
        statistic: Twice the logarithm of the likelihood ratio against no lapses.
        p_value: How often data without lapses shows as large a statistic.
    """

    share: float
    statistic: float
    p_value: float


def lapse(probabilities: Floats, labels: Integers, random: np.random.Generator, draws: int) -> Lapse:
    """Test whether labels agree less than fully with the model where it is surest.

    Agreement is fitted as a logistic curve of certainty, with and without a ceiling below 1.
    Certainty is the rank of the model's margin and not the margin itself: a model that has seen
    flipped labels lowers its margins until they fit. How honest margins are spread is not known,
    so the ranks are spread like half of a normal distribution and evenly in turn, and the answer is
    the one with less of a ceiling.

    Args:
        probabilities: Out-of-sample probabilities, shape (rows, classes).
        labels: Given classes, shape (rows,).
        random: Where the bootstrap's draws come from.
        draws: Bootstrap samples at most; the smallest p value is about ``1 / (draws + 1)``. With 0 the
            share is estimated and nothing is tested.
    """
    from scipy.special import ndtri

    rank, agreed, rows = binned(probabilities, labels)
    if len(rank) < 4:  # noqa: PLR2004 - three parameters need four points
        return Lapse(0.0, 0.0, 1.0)
    found = _test(ndtri(0.5 + 0.5 * rank), agreed, rows, random, draws)
    if found.share == 0.0 or (draws and found.p_value > HOPELESS):
        return found
    evenly = _test(3.0 * rank, agreed, rows, random, draws)
    return min(found, evenly, key=lambda f: (-f.p_value, f.share))


def _test(certainty: Floats, agreed: Floats, rows: Floats, random: np.random.Generator, draws: int) -> Lapse:
    import numpy as np

    seen, best, honest = _ratio(certainty, agreed[None, :], rows)
    extreme = done = 0
    while done < draws and extreme < ENOUGH and best[0] > 0:
        drawn = random.binomial(rows.astype(np.int64), honest[0], (_AT_ONCE, len(rows))).astype(np.float64)
        extreme += int((_ratio(certainty, drawn, rows)[0] >= seen[0] - 1e-9).sum())
        done += _AT_ONCE
    p_value = (extreme + 1.0) / (done + 1.0) if done else 1.0
    return Lapse(_RATES[int(best[0])], float(seen[0]), min(p_value, 1.0))


def binned(probabilities: Floats, labels: Integers) -> tuple[Floats, Floats, Floats]:
    """Cut the rows into bins of equal size by margin; return rank, agreements and rows of each."""
    import numpy as np

    agrees = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    order = np.argsort(np.round(probabilities.max(axis=1), 9), kind="stable")
    bins = int(min(MOST_BINS, len(order) // ROWS_PER_BIN))
    parts = np.array_split(order, bins) if bins else []
    middle = (np.arange(bins) + 0.5) / max(bins, 1)
    return (
        middle,
        np.array([agrees[part].sum() for part in parts]),
        np.array([float(len(part)) for part in parts]),
    )


def _ratio(certainty: Floats, agreed: Floats, rows: Floats) -> tuple[Floats, Integers, Floats]:
    """Fit the curve for each lapse rate of a grid to each of some draws.

    Args:
        certainty: Shape (bins,).
        agreed: Shape (draws, bins).
        rows: Shape (bins,).

    Returns:
        Twice the log likelihood ratio, the number of the best rate, both of shape (draws,), and the
        agreement that is expected without lapses, shape (draws, bins).
    """
    import numpy as np

    rate = np.array(_RATES)[None, :, None]
    k, n = agreed[:, None, :], rows[None, None, :]
    start = np.log((agreed.sum(axis=1) + 1.0) / (rows.sum() - agreed.sum(axis=1) + 1.0))
    shift = np.repeat(start[:, None], len(_RATES), axis=1) - 0.5
    slope = np.ones_like(shift)
    for _ in range(18):  # Fisher scoring with bounded steps
        curve, p = _agreement(slope, shift, rate, certainty)
        by_z = (1.0 - rate) * curve * (1.0 - curve)
        pull = (k - n * p) * by_z / (p * (1.0 - p))
        weight = n * by_z**2 / (p * (1.0 - p))
        w0 = weight.sum(axis=2) + 1e-3
        w1 = (weight * certainty).sum(axis=2)
        w2 = (weight * certainty**2).sum(axis=2) + 1e-3
        g0, g1 = pull.sum(axis=2), (pull * certainty).sum(axis=2)
        determinant = np.maximum(w0 * w2 - w1**2, 1e-9)
        shift = np.clip(shift + np.clip((w2 * g0 - w1 * g1) / determinant, -1.0, 1.0), -6.0, 6.0)
        slope = np.clip(slope + np.clip((w0 * g1 - w1 * g0) / determinant, -1.0, 1.0), 0.0, 15.0)
    _, p = _agreement(slope, shift, rate, certainty)
    likelihood = (k * np.log(p) + (n - k) * np.log(1.0 - p)).sum(axis=2)
    best = likelihood.argmax(axis=1)
    return 2.0 * (likelihood.max(axis=1) - likelihood[:, 0]), best, p[:, 0, :]


def _agreement(slope: Floats, shift: Floats, rate: Floats, certainty: Floats) -> tuple[Floats, Floats]:
    """Return the logistic curve, and the curve below its ceiling."""
    import numpy as np

    z = np.clip(slope[:, :, None] * certainty + shift[:, :, None], -30.0, 30.0)
    curve = 1.0 / (1.0 + np.exp(-z))
    return curve, np.clip((1.0 - rate) * curve, 1e-6, 1.0 - 1e-6)
