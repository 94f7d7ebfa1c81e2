"""How agreement between labels and a model grows with the model's certainty, and where it stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

MOST_BINS = 40
BOOTSTRAPS = 999
ENOUGH = 20


@dataclass(frozen=True)
class Lapse:
    """A ceiling of agreement below 1.

    Attributes:
        share: The lapse rate: disagreement where the model is surest, 0 to 1.
        statistic: Twice the logarithm of the likelihood ratio against no lapses.
        p_value: How often data without lapses shows as large a statistic.
    """

    share: float
    statistic: float
    p_value: float


def lapse(probabilities: Floats, labels: Integers, random: np.random.Generator) -> Lapse:
    """Test whether labels agree less than fully with the model where it is surest.

    Args:
        probabilities: Out-of-sample probabilities, shape (rows, classes).
        labels: Given classes, shape (rows,).
        random: Where the bootstrap's draws come from.
    """
    import numpy as np

    margin, agreed, rows = _binned(probabilities, labels)
    if len(margin) < 3:  # noqa: PLR2004 - three parameters need three points
        return Lapse(0.0, 0.0, 1.0)
    null = _fit(margin, agreed, rows, ceiling=False)
    full = _fit(margin, agreed, rows, ceiling=True, start=null[0])
    seen = 2.0 * max(null[1] - full[1], 0.0)
    honest = _agreement(null[0], margin)
    extreme = done = 0
    while done < BOOTSTRAPS and extreme < ENOUGH and seen > 1e-6:
        drawn = random.binomial(rows.astype(np.int64), honest).astype(np.float64)
        a = _fit(margin, drawn, rows, ceiling=False, start=null[0])
        b = _fit(margin, drawn, rows, ceiling=True, start=a[0])
        extreme += 2.0 * (a[1] - b[1]) >= seen
        done += 1
    p_value = (extreme + 1.0) / (done + 1.0) if done else 1.0
    return Lapse(float(1.0 / (1.0 + np.exp(-full[0][2]))), seen, p_value)


def _binned(probabilities: Floats, labels: Integers) -> tuple[Floats, Floats, Floats]:
    """Cut the rows into bins of equal size by margin; return mean margin, agreements and rows of each."""
    import numpy as np

    top = probabilities.max(axis=1)
    margin = np.round(np.log(top) - np.log(np.maximum(1.0 - top, 1e-4)), 6)
    agrees = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    order = np.argsort(margin, kind="stable")
    bins = int(min(MOST_BINS, len(order) // 15))
    if bins < 3:  # noqa: PLR2004 - too few rows to see a curve
        return margin[:0], margin[:0], margin[:0]
    parts = np.array_split(order, bins)
    return (
        np.array([margin[part].mean() for part in parts]),
        np.array([agrees[part].sum() for part in parts]),
        np.array([float(len(part)) for part in parts]),
    )


def _agreement(parameters: Floats, margin: Floats) -> Floats:
    """``(1 - lapse) / (1 + exp(-(slope * margin + shift)))``; the third parameter is the lapse's logit."""
    import numpy as np

    curve = 1.0 / (1.0 + np.exp(-np.clip(parameters[0] * margin + parameters[1], -30.0, 30.0)))
    lapse_rate = 1.0 / (1.0 + np.exp(-parameters[2])) if len(parameters) > 2 else 0.0  # noqa: PLR2004 - with a ceiling
    return np.clip((1.0 - lapse_rate) * curve, 1e-6, 1.0 - 1e-6)


def _fit(
    margin: Floats, agreed: Floats, rows: Floats, *, ceiling: bool, start: Floats | None = None
) -> tuple[Floats, float]:
    """Fit the curve by maximum likelihood; return its parameters and its negative log likelihood."""
    import numpy as np
    from scipy.optimize import minimize

    first = np.array([1.0, 0.0]) if start is None else np.asarray(start)
    bounds = [(0.05, 5.0), (-5.0, 5.0)]
    starts = [first]
    if ceiling:
        sure = margin >= np.quantile(margin, 0.5)
        rate = float(np.clip(1.0 - agreed[sure].sum() / rows[sure].sum(), 1e-3, 0.4))
        logit = float(np.log(rate / (1.0 - rate)))
        starts = [np.append(first, -7.0), np.array([min(2.0 * first[0], 5.0), first[1], logit])]
        bounds.append((-9.0, 0.0))

    def loss(parameters: Floats) -> tuple[float, Floats]:
        z = np.clip(parameters[0] * margin + parameters[1], -30.0, 30.0)
        curve = 1.0 / (1.0 + np.exp(-z))
        lapse_rate = 1.0 / (1.0 + np.exp(-parameters[2])) if ceiling else 0.0
        p = np.clip((1.0 - lapse_rate) * curve, 1e-6, 1.0 - 1e-6)
        by_p = (rows - agreed) / (1.0 - p) - agreed / p
        by_z = by_p * (1.0 - lapse_rate) * curve * (1.0 - curve)
        slope = [float((by_z * margin).sum()), float(by_z.sum())]
        if ceiling:
            slope.append(float((by_p * -curve).sum() * lapse_rate * (1.0 - lapse_rate)))
        value = -(agreed * np.log(p) + (rows - agreed) * np.log(1.0 - p)).sum()
        return float(value), np.array(slope)

    found = [minimize(loss, s, jac=True, method="L-BFGS-B", bounds=bounds) for s in starts]
    best = min(found, key=lambda f: float(f.fun))
    return np.asarray(best.x), float(best.fun)
