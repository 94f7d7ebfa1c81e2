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
FOLDS = 4
PENALTY = 0.01
"""Of the ridge regression, times the rows that it learns from."""
OUTLIER = 3.0
"""Rows farther away than so many deviations are left out, and the regression is repeated."""
_FARTHEST = 4.0  # in standard deviations; beyond, a number predicts no more
_MOST_CATEGORIES = 20
_MAD = 1.4826  # median absolute deviations to standard deviations of a normal distribution


def residuals(features: Features, labels: Integers, seed: int) -> tuple[Floats, Integers]:
    """Predict each column of numbers from the others and the class, out of sample, and say how far off it is.

    By ridge regression, twice: the second time without the rows that the first one fits worst.

    Args:
        features: The rows.
        labels: Their classes, which predict too.
        seed: Seed of the folds.

    Returns:
        Differences in median absolute deviations that are scaled to standard deviations, shape (rows,
        columns that were predicted), and the numbers of these columns.
    """
    import numpy as np
    from sklearn.model_selection import KFold
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    blocks, predicted = _axes(features)
    blocks.append((labels[:, None] == np.unique(labels)[None, :]).astype(np.float64))
    found = np.zeros((len(labels), len(predicted)))
    folds = list(KFold(FOLDS, shuffle=True, random_state=seed).split(found))
    with threadpool_limits(1):
        for i, j in enumerate(predicted):
            goal = blocks[j][:, 0]
            others = np.hstack([block for k, block in enumerate(blocks) if k != j])
            for fit, held in folds:
                found[held, i] = goal[held] - _predicted(others[fit], goal[fit], others[held])
    found = found - np.median(found, axis=0)
    spread = _MAD * np.median(np.abs(found), axis=0)
    return found / np.where(spread > 0.0, spread, np.inf), np.array(predicted, dtype=np.int64)


def _axes(features: Features) -> tuple[list[Floats], list[int]]:
    """Return each column as numbers, and which columns can be predicted."""
    import numpy as np

    blocks: list[Floats] = []
    predicted = []
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
            predicted.append(j)
    return blocks, predicted


def _predicted(known: Floats, goal: Floats, asked: Floats) -> Floats:
    import numpy as np
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=PENALTY * len(goal)).fit(known, goal)
    away = goal - model.predict(known)
    away = np.abs(away - np.median(away))
    near = away <= max(OUTLIER * _MAD * float(np.median(away)), 1e-9)
    said: Floats = Ridge(alpha=PENALTY * len(goal)).fit(known[near], goal[near]).predict(asked)
    return said
