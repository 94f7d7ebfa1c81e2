"""How probable a label is by all but some columns of its row, or by models that never saw the row."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

TREES = 96
"""Trees of a forest, each on half of the columns: a column is unknown to half of them."""
REFIT_TREES = 60
DONORS = 3
"""Times that hidden columns are filled with the values of other rows."""
SUREST = 0.015
"""No label is held for less probable than this, nor for more than 1 minus this."""


def plain(values: Floats) -> Floats:
    """Return values that a tree can read: a missing one lies below all others."""
    import numpy as np

    present = np.where(np.isnan(values), np.inf, values).min(axis=0)
    filled: Floats = np.where(np.isnan(values), np.where(np.isfinite(present), present, 0.0) - 1.0, values)
    return filled


def without_each_column(values: Floats, labels: Integers, classes: int, seed: int) -> Floats:
    """Return how probable each class is for each row by trees that know neither the row nor one column.

    Trees on random halves of the columns and on bootstrap samples (Ho 1998; Breiman 1996), so that one
    forest answers for every column.

    Args:
        values: Shape (rows, columns), no NaN.
        labels: Shape (rows,).
        classes: Number of classes.
        seed: Seed of samples and trees.

    Returns:
        Shape (columns, rows, classes), single precision.
    """
    import numpy as np
    from sklearn.tree import ExtraTreeClassifier

    rows, columns = values.shape
    random = np.random.default_rng([seed, 77])
    rates = np.bincount(labels, minlength=classes) / rows
    total = np.tile((rates * 0.5).astype(np.float32), (columns, rows, 1))
    weight = np.full((columns, rows), 0.5, dtype=np.float32)
    half = max(1, min((columns + 1) // 2, columns - 1))
    for tree in range(TREES):
        known = np.sort(random.choice(columns, half, replace=False))
        hidden = np.setdiff1d(np.arange(columns), known) if columns > 1 else known
        drawn = random.integers(0, rows, rows)
        out = np.setdiff1d(np.arange(rows), drawn)
        fitted = ExtraTreeClassifier(min_samples_leaf=2, max_features=0.5, random_state=seed + tree)
        fitted.fit(values[drawn][:, known], labels[drawn])
        says = np.zeros((len(out), classes), dtype=np.float32)
        says[:, fitted.classes_] = fitted.predict_proba(values[out][:, known])
        at = np.ix_(hidden, out)
        total[at] += says
        weight[at] += 1.0
    probable: Floats = total / weight[:, :, None]
    return probable


def without_rows(
    values: Floats, labels: Integers, classes: int, rows: Integers, hidden: Integers, seed: int
) -> Floats:
    """Return how probable each class is for some rows by models that saw none of them.

    What the rows hold in some columns is replaced by what other rows hold there, so that only the rest
    of each row speaks.

    Args:
        values: Shape (all rows, columns), no NaN.
        labels: Shape (all rows,).
        classes: Number of classes.
        rows: The rows, by number.
        hidden: The columns to hide, by number.
        seed: Seed of trees and draws.

    Returns:
        Shape (rows, classes).
    """
    import numpy as np
    from sklearn.ensemble import ExtraTreesClassifier

    random = np.random.default_rng([seed, 78])
    others = np.setdiff1d(np.arange(len(labels)), rows)
    forest = ExtraTreesClassifier(REFIT_TREES, min_samples_leaf=2, random_state=seed, n_jobs=1)
    forest.fit(values[others], labels[others])
    says = np.zeros((len(rows), classes))
    for _ in range(DONORS):
        filled = values[rows].copy()
        filled[:, hidden] = values[np.ix_(random.choice(others, len(rows)), hidden)]
        says[:, forest.classes_] += forest.predict_proba(filled) / DONORS
    clipped: Floats = np.clip(says, SUREST, 1.0 - SUREST)
    return clipped
