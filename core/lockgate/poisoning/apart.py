"""How well some rows are told from others: rows that somebody chose at random look like just anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

MAIN_DIRECTIONS = 8
MOST_ROWS = 1_000
"""More of them say no more."""
_FOLDS = 3
_FEWEST_OTHERS = 8


def told_apart(
    values: Floats,
    these: NDArray[np.bool_],
    those: NDArray[np.bool_],
    hidden: Integers,
    seed: int,
    *,
    aligned: bool = False,
) -> float:
    """Say how well some rows are told from others by the columns that are not hidden.

    With `aligned`, only the main directions of the others count, each with mean 0 and standard deviation 1
    on either side: what was mixed into all columns of some rows moves and narrows them, and nothing else.

    Returns:
        The area under the ROC curve of a cross-fitted forest, 0.5 for rows that look alike, 1 for rows
        that never do, or where there is nothing to tell them by.
    """
    import numpy as np
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    shown = np.setdiff1d(np.arange(values.shape[1]), hidden)
    one, other = np.flatnonzero(these), np.flatnonzero(those)
    if not len(shown) or len(one) < _FOLDS or len(other) < _FEWEST_OTHERS:
        return 1.0
    random = np.random.default_rng([seed, 79])
    if len(one) > MOST_ROWS:
        one = random.choice(one, MOST_ROWS, replace=False)
    if len(other) > max(200, 4 * len(one)):
        other = random.choice(other, max(200, 4 * len(one)), replace=False)
    sides = [values[rows][:, shown] for rows in (one, other)]
    if aligned:
        from sklearn.decomposition import PCA

        main = PCA(min(MAIN_DIRECTIONS, *sides[1].shape), random_state=seed).fit(sides[1])
        sides = [main.transform(side) for side in sides]
        spreads = [side.std(axis=0) for side in sides]
        varies = (spreads[0] > 0) & (spreads[1] > 0)
        sides = [(s - s.mean(axis=0))[:, varies] / w[varies] for s, w in zip(sides, spreads, strict=True)]
        if not varies.any():
            return 1.0
    x = np.concatenate(sides)
    z = np.repeat([1, 0], [len(one), len(other)])
    score = np.zeros(len(z))
    for fit, held in StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(x, z):
        forest = ExtraTreesClassifier(40, min_samples_leaf=2, class_weight="balanced", random_state=seed)
        score[held] = forest.fit(x[fit], z[fit]).predict_proba(x[held])[:, 1]
    return float(roc_auc_score(z, score))
