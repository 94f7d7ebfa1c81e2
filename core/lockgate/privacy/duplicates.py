"""Find rows that stand in the training data more than once, and test rows that stand there too.

A row that is repeated weighs more in training and is remembered more easily (Carlini et al. 2023,
arXiv:2202.07646); a test row that was trained on is no test row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lockgate.model import Predictor
from lockgate.model.labelled import Labelled

_NEAR = 0.05  # root mean square distance, in standard deviations, below which rows are near duplicates
_MOST = 4_000  # rows of each side among which near duplicates are sought
_LIKE = 5  # rows most like a repeated one, which say what its label would be
_SURE = 0.9  # probability of the right label
_AGAINST = 0.2  # share of the like rows with the same label


@dataclass(frozen=True)
class Duplicates:
    """Which rows repeat others, their label included.

    Attributes:
        repeated: Whether a training row stands there more than once; bool array.
        shared: Whether a test row equals a training row; bool array.
        near: Whether a test row is nearly a training row without being equal; bool array over the first rows.
    """

    repeated: Any
    shared: Any
    near: Any


def find_duplicates(train: Any, train_labels: Any, test: Any, test_labels: Any) -> Duplicates:
    """Return which rows of two tables of the same columns repeat others.

    Args:
        train: The rows that the model was trained on, a DataFrame.
        train_labels: Their labels.
        test: Other rows.
        test_labels: Their labels.
    """
    import numpy as np
    import pandas as pd

    keys = [
        pd.util.hash_pandas_object(rows.assign(**{"\0label": labels.astype(str)}), index=False).to_numpy()
        for rows, labels in ((train, train_labels), (test, test_labels))
    ]
    values, counts = np.unique(keys[0], return_counts=True)
    repeated = counts[np.searchsorted(values, keys[0])] > 1
    shared = np.isin(keys[1], values)
    return Duplicates(repeated, shared, _near(train, test, shared))


def _near(train: Any, test: Any, shared: Any) -> Any:
    import numpy as np
    import pandas as pd
    from sklearn.neighbors import NearestNeighbors

    from lockgate.privacy.membership import coordinates

    left, right = train.iloc[:_MOST], test.iloc[:_MOST]
    points = coordinates(pd.concat([left, right], ignore_index=True))
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(points[: len(left)])
    distance = search.kneighbors(points[len(left) :])[0][:, 0] / np.sqrt(points.shape[1])
    return (distance < _NEAR) & ~shared[: len(right)] & (distance > 0)


def memorised(predictor: Predictor, known: Labelled, repeated: Any) -> Any:
    """Return which repeated rows the model is sure of although rows like them are labelled otherwise.

    Args:
        predictor: The model.
        known: The training rows.
        repeated: Which of them stand there more than once; bool array.
    """
    import numpy as np
    from sklearn.neighbors import NearestNeighbors

    from lockgate.privacy.membership import coordinates
    from lockgate.privacy.shadows import answers_of

    found = np.zeros(len(known), dtype=bool)
    at = np.flatnonzero(repeated)[:_MOST]
    if not len(at):
        return found
    sure = answers_of(predictor, known.rows.iloc[at], predictor.classes)[np.arange(len(at)), known.places[at]]
    points = coordinates(known.rows)
    unique, first = np.unique(points, axis=0, return_index=True)
    if len(unique) <= _LIKE:
        return found
    search = NearestNeighbors(n_neighbors=_LIKE + 1, algorithm="brute").fit(unique)
    distance, like = search.kneighbors(points[at])
    own = distance == 0
    agree = ((known.places[first[like]] == known.places[at][:, None]) & ~own).sum(axis=1)
    found[at] = (sure >= _SURE) & (agree / np.maximum((~own).sum(axis=1), 1) <= _AGAINST)
    return found
