"""Probabilities of labels from models that never saw the row.

Below `FEW_ROWS` rows: the mean of a logistic regression and a forest of extremely randomised trees
(Geurts et al. 2006); above: gradient-boosted trees on histograms. Probabilities are then scaled with
one temperature (Guo et al. 2017), fitted on the rows themselves, out of sample. Models of some rows
(`of_some`) have a logistic regression on a Gaussian kernel (Williams and Seeger 2001) beside them: a class
that lies in several places is then as clear to them as it is. Rows of more than `directions.MANY` columns are
told by their main directions, with the trees and the kernel, however many rows there are.

Every fit runs on one thread: sums over several would differ in the last digit, and a verdict must
not depend on the number of cores.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from lockgate.poisoning.directions import MANY, Directions
from lockgate.poisoning.evidence import some_of
from lockgate.poisoning.image_windows import image_shape
from lockgate.progress import track

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.features import Features

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

FOLDS = 4
FEW_ROWS = 4_000
MOST_ROWS = 60_000
"""A model is fitted on at most this many rows, drawn with the seed; it then scores all rows."""
MOST_ROWS_OF_MANY_COLUMNS = 20_000
"""The same for rows of many columns."""
KERNELS, KERNELS_OF_MANY_COLUMNS = 300, 600
"""Rows that a Gaussian kernel is placed on, at most; half of the rows, if that is fewer."""


def out_of_sample(
    features: Features, labels: Integers, classes: int, seed: int, other: Features | None = None
) -> tuple[Floats, Floats | None]:
    """Return the probability of each class for each row, from models fitted without that row.

    Args:
        features: The rows.
        labels: Their classes; each class needs at least `FOLDS` rows.
        classes: Number of classes.
        seed: Seed of folds, samples and models.
        other: Rows of another table to score with the same models: row i by the model of fold
            i modulo `FOLDS`, so that both tables are scored by models of the same kind.

    Returns:
        Shape (rows, classes) for the rows, and the same for the other table's.
    """
    import numpy as np
    from sklearn.model_selection import StratifiedKFold
    from threadpoolctl import threadpool_limits

    mine = np.zeros((len(labels), classes))
    theirs = None if other is None else np.zeros((len(other.values), classes))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    most = MOST_ROWS_OF_MANY_COLUMNS if _has_many_columns(features) else MOST_ROWS
    with threadpool_limits(1):
        for fold, (fit, held) in enumerate(
            track(list(folds.split(mine, labels)), "comparing labels with models that never saw the row")
        ):
            learnt = some_of(fit, most, np.random.default_rng([seed, fold]))
            model = _Model(features, seed + fold, len(labels)).fit(features.values[learnt], labels[learnt])
            mine[held] = model.probabilities(features.values[held], classes)
            if other is not None and theirs is not None:
                turn = np.arange(fold, len(theirs), FOLDS)
                theirs[turn] = model.probabilities(other.values[turn], classes)
    temperature = _temperature(mine, labels)
    return _scaled(mine, temperature), None if theirs is None else _scaled(theirs, temperature)


def of_some(features: Features, labels: Integers, classes: int, seed: int, some: NDArray[np.bool_]) -> Floats:
    """Return the probability of each class for every row, from models of some rows, never of the row itself.

    Args:
        features: The rows.
        labels: Their classes.
        classes: Number of classes.
        seed: Seed of folds and models.
        some: The rows to learn from; the probabilities are scaled to fit them. Shape (rows,).
    """
    import numpy as np
    from sklearn.model_selection import StratifiedKFold
    from threadpoolctl import threadpool_limits

    found = np.zeros((len(labels), classes))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed + 1)
    with threadpool_limits(1):
        for fold, (fit, held) in enumerate(folds.split(found, labels)):
            learnt = fit[some[fit]]
            model = _Model(features, seed + fold, len(labels), curved=True)
            model.fit(features.values[learnt], labels[learnt])
            found[held] = model.probabilities(features.values[held], classes)
    return _scaled(found, _temperature(found[some], labels[some]))


def _has_many_columns(features: Features) -> bool:
    return len(features.names) > MANY


class _Model:
    """The mean of a few classifiers behind one preparation of the features."""

    def __init__(self, features: Features, seed: int, rows: int, *, curved: bool = False) -> None:
        self.curved, self.seed = curved, seed
        self.many = _has_many_columns(features)
        self.few = rows <= FEW_ROWS and not self.many
        self.categorical, self.is_image = features.categorical, image_shape(features.names) is not None
        self.members = [] if self.few or self.many else _for_many(features, seed)

    def fit(self, values: Floats, labels: Integers) -> _Model:
        from sklearn.exceptions import ConvergenceWarning

        if self.many:
            self.directions = Directions(values, self.categorical, self.seed, one_unit=self.is_image)
            self.members = _for_many_columns(self.seed, len(values))
        elif self.few:
            self._learn_columns(values)
        with warnings.catch_warnings():
            # Probabilities of a regression that stopped early rank rows nearly as well, and are scaled after.
            warnings.simplefilter("ignore", ConvergenceWarning)
            prepared = self._prepared(values)
            for member in self.members:
                member.fit(prepared, labels)
        return self

    def _learn_columns(self, values: Floats) -> None:
        import numpy as np

        present = [column[~np.isnan(column)] for column in values.T]
        self.middle = [float(np.median(column)) if len(column) else 0.0 for column in present]
        self.widths = [
            int(column.max(initial=0)) + 1 if category else 0
            for column, category in zip(present, self.categorical, strict=True)
        ]
        plain = self._plain(values)
        self.mean, self.spread = plain.mean(axis=0), plain.std(axis=0)
        self.spread[self.spread < 1e-12] = 1.0  # noqa: PLR2004 - a constant column, up to rounding
        self.members = _for_few(self.seed, *plain.shape, curved=self.curved)

    def probabilities(self, values: Floats, classes: int) -> Floats:
        import numpy as np

        total = np.zeros((len(values), classes))
        prepared = self._prepared(values)
        for member in self.members:
            total[:, member.classes_] += member.predict_proba(prepared)
        mean: Floats = total / len(self.members)
        return mean

    def _prepared(self, values: Floats) -> Floats:
        if self.many:
            return self.directions(values)
        if not self.few:
            return values
        scaled: Floats = (self._plain(values) - self.mean) / self.spread
        return scaled

    def _plain(self, values: Floats) -> Floats:
        """Replace categories by one column each, missing numbers by the median and a mark."""
        import numpy as np

        blocks = []
        for column, middle, width in zip(values.T, self.middle, self.widths, strict=True):
            if width:
                blocks.append((column[:, None] == np.arange(width)[None, :]).astype(np.float64))
            else:
                gone = np.isnan(column)
                blocks.append(np.column_stack([np.where(gone, middle, column), gone.astype(np.float64)]))
        return np.hstack(blocks)


def _for_few(seed: int, rows: int, columns: int, *, curved: bool) -> list[Any]:
    from sklearn.linear_model import LogisticRegression

    straight = LogisticRegression(C=0.3, max_iter=2_000)
    if not curved:
        return [_trees(seed), straight]
    return [_trees(seed), straight, _kernel(seed, 0.5 / columns, min(KERNELS, rows // 2))]


def _for_many_columns(seed: int, rows: int) -> list[Any]:
    return [_trees(seed), _kernel(seed, 1.0, min(KERNELS_OF_MANY_COLUMNS, rows // 2))]


def _trees(seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(150, min_samples_leaf=3, random_state=seed, n_jobs=1)


def _kernel(seed: int, gamma: float, places: int) -> Any:
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    kernel = Nystroem(gamma=gamma, n_components=places, random_state=seed)
    return make_pipeline(kernel, LogisticRegression(C=10.0, max_iter=2_000))


def _for_many(features: Features, seed: int) -> list[Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return [
        HistGradientBoostingClassifier(
            max_iter=80,
            learning_rate=0.1,
            max_leaf_nodes=15,
            min_samples_leaf=30,
            l2_regularization=1.0,
            categorical_features=list(features.categorical),
            early_stopping=False,
            random_state=seed,
        )
    ]


def _temperature(probabilities: Floats, labels: Integers) -> float:
    """Find the exponent that makes the labels most probable, between 1/3 and 3."""
    import numpy as np
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(labels))

    def loss(log_exponent: float) -> float:
        scaled = _scaled(probabilities, float(np.exp(log_exponent)))
        return float(-np.log(scaled[rows, labels]).mean())

    found = minimize_scalar(loss, bounds=(-np.log(3), np.log(3)), method="bounded", options={"xatol": 1e-3})
    return round(float(np.exp(found.x)), 4)


def _scaled(probabilities: Floats, exponent: float) -> Floats:
    import numpy as np

    raised = np.clip(probabilities, 1e-4, 1.0) ** exponent
    scaled: Floats = raised / raised.sum(axis=1, keepdims=True)
    return scaled
