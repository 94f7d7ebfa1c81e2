"""How far each number of a row lies from what the rest of the row says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.features import Features

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

FEWEST_VALUES = 8
"""A column with fewer values is not predicted."""
MOST_ROWS = 1_500
"""Of more rows, so many are drawn with the seed to learn from."""
PENALTY = 0.01
"""Of the ridge regression, times the rows that it learns from."""
KEPT = 0.75
"""Share of the rows that a regression has to fit; the others may be anything."""
STARTS = 12
"""Small samples from which a regression that fits most rows is looked for; fewer with many columns."""
OUTLIER = 3.0
"""Rows farther away than so many deviations are left out of the last regression."""
_FARTHEST = 4.0  # in standard deviations; beyond, a number predicts no more
_MOST_CATEGORIES = 20
_FIRST_STEPS, _LAST_STEPS, _BEST = 3, 15, 2
_MAD = 1.4826  # median absolute deviations to standard deviations of a normal distribution


def residuals(features: Features, labels: Integers, seed: int) -> tuple[Floats, Integers]:
    """Predict each column of numbers from the others and the class, and say how far off each row is.

    By ridge regression of the `KEPT` share of the rows that a regression can fit best (least trimmed
    squares, Rousseeuw and Van Driessen 2006): rows that somebody moved together would bend an ordinary
    one towards themselves.

    Args:
        features: The rows.
        labels: Their classes, which predict too.
        seed: Seed of the starts, and of the rows to learn from.

    Returns:
        Differences in median absolute deviations that are scaled to standard deviations, shape (rows,
        columns that were predicted), and the numbers of these columns.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    from lockgate.poisoning.evidence import some_of

    blocks, goals = _axes(features)
    blocks.append((labels[:, None] == np.unique(labels)[None, :-1]).astype(np.float64))
    blocks.append(np.ones((len(labels), 1)))
    random = np.random.default_rng([seed, 83])
    learnt = some_of(np.arange(len(labels)), MOST_ROWS, random)
    found = np.zeros((len(labels), len(goals)))
    with threadpool_limits(1):
        for i, (j, goal) in enumerate(goals.items()):
            others = np.hstack([block for k, block in enumerate(blocks) if k != j])
            weights = _trimmed(others[learnt], blocks[j][learnt, 0], random)
            found[:, i] = goal - others @ weights
    found = found - np.median(found, axis=0)
    spread = _MAD * np.median(np.abs(found), axis=0)
    return found / np.where(spread > 0.0, spread, np.inf), np.array(list(goals), dtype=np.int64)


def _axes(features: Features) -> tuple[list[Floats], dict[int, Floats]]:
    """Return each column as numbers to predict from, and what is predicted, by column number."""
    import numpy as np

    blocks: list[Floats] = []
    goals: dict[int, Floats] = {}
    for j, (column, category) in enumerate(zip(features.values.T, features.categorical, strict=True)):
        there = column[~np.isnan(column)]
        found, often = np.unique(there, return_counts=True)
        if category:
            kept = found[np.argsort(-often, kind="stable")][:_MOST_CATEGORIES]
            blocks.append((column[:, None] == kept[None, :]).astype(np.float64))
            continue
        middle = float(np.median(there)) if len(there) else 0.0
        spread = float(there.std()) if len(there) else 0.0
        scaled = (np.where(np.isnan(column), middle, column) - middle) / (spread if spread > 0.0 else 1.0)
        blocks.append(np.clip(scaled, -_FARTHEST, _FARTHEST)[:, None])
        if len(found) >= FEWEST_VALUES:
            goals[j] = scaled
    return blocks, goals


def _trimmed(known: Floats, goal: Floats, random: np.random.Generator) -> Floats:
    """Return the weights of a regression that fits most rows, whatever the others are."""
    import numpy as np

    rows, width = known.shape
    kept = max(int(KEPT * rows), 1)

    def fitted(some: Integers) -> Floats:
        learnt = known[some]
        products: Floats = learnt.T @ learnt
        products[np.diag_indices(width - 1)] += PENALTY * len(some)  # the last one is the intercept
        products[-1, -1] += 1e-9
        return np.asarray(np.linalg.solve(products, learnt.T @ goal[some]), dtype=np.float64)

    def closer(weights: Floats) -> tuple[float, Floats]:
        away = np.abs(goal - known @ weights)
        nearest = np.argpartition(away, kept - 1)[:kept]
        return float((away[nearest] ** 2).sum()), fitted(nearest)

    starts = max(2, min(STARTS, 400 // width))
    few = min(rows, max(2 * width, 20))
    samples = [random.choice(rows, few, replace=False) for _ in range(starts)]
    first = [fitted(some) for some in [np.arange(rows), *samples]]
    tried: list[tuple[float, int, Floats]] = []
    for i, start in enumerate(first):
        misfit, weights = closer(start)
        for _ in range(_FIRST_STEPS - 1):
            misfit, weights = closer(weights)
        tried.append((misfit, i, weights))
    ended: list[tuple[float, int, Floats]] = []
    for least, i, best in sorted(tried, key=lambda t: t[:2])[:_BEST]:
        misfit, weights = least, best
        for _ in range(_LAST_STEPS):
            less, better = closer(weights)
            if less >= misfit * (1.0 - 1e-6):
                break
            misfit, weights = less, better
        ended.append((misfit, i, weights))
    weights = min(ended, key=lambda t: t[:2])[2]
    away = goal - known @ weights
    away = np.abs(away - np.median(away))
    near = away <= max(OUTLIER * _MAD * float(np.median(away)), 1e-9)
    return fitted(np.flatnonzero(near))
