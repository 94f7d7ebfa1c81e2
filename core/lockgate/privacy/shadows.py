"""Train models like the one under test, each row in exactly half of them.

A row that the model has memorised is answered otherwise by models that saw it than by those that did
not. Rows differ a lot in how hard they are, so each is compared with itself: that is what the attacks of
Carlini et al. (2022, arXiv:2112.03570) and Zarifzadeh et al. (2024, arXiv:2312.03262) have in common.

The rows that are attacked, as many members as non-members, are dealt to the shadow models by halves; the
rest of the training rows is in all of them. So every shadow has as many rows as the model had.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lockgate.errors import InputError
from lockgate.model import Predictor
from lockgate.progress import track

Train = Callable[[Any, Any, int], Any]
"""Takes rows (DataFrame), labels (array) and a seed; gives a fitted model with ``predict_proba``."""
_DEEP = 500  # trees times their depth, above which exact boosting is made cheaper
_COLUMNS = 0.35  # of the columns, at each split
FEWEST = 4  # shadow models: two with a row and two without, so that each side has a spread


@dataclass(frozen=True)
class Pool:
    """The rows that the shadow models share.

    Attributes:
        rows: All rows, a DataFrame with the model's columns: attacked ones first, then the background.
        labels: The right label of each, as the model writes it.
        member: Whether the model under test was trained on an attacked row; bool array, as long as they are.
    """

    rows: Any
    labels: Any
    member: Any

    @property
    def attacked(self) -> int:
        """How many rows are attacked."""
        return len(self.member)


@dataclass(frozen=True)
class Shadows:
    """What the models said about the attacked rows.

    Attributes:
        target: Probability of each class by the model under test: rows by classes.
        answers: The same by the shadow models: models by rows by classes.
        inside: Whether a shadow model was trained on a row: models by rows; each row is in half of them.
    """

    target: Any
    answers: Any
    inside: Any


def train_shadows(predictor: Predictor, pool: Pool, train: Train, *, count: int, seed: int) -> Shadows:
    """Train shadow models and ask them, and the model under test, about the attacked rows.

    Args:
        predictor: The model under test.
        pool: The rows.
        train: How to train one.
        count: How many, an even number.
        seed: Of which rows go where, and of the training.

    Raises:
        InputError: Training failed, or gave something that cannot be asked.
    """
    import numpy as np

    n, classes = pool.attacked, predictor.classes
    inside = _halves(n, count, np.random.default_rng([seed, 1]))
    background = np.arange(n, len(pool.rows))
    attacked = pool.rows.iloc[:n]
    answers = []
    for shadow in track(range(count), "training shadow models"):
        chosen = np.concatenate([np.flatnonzero(inside[shadow]), background])
        order = np.random.default_rng([seed, 2, shadow]).permutation(chosen)
        labels = pool.labels[order]
        if len(np.unique(labels)) < 2:  # noqa: PLR2004 - a classifier needs two classes
            raise InputError(
                "half of the rows hold one class only, so no shadow model can be trained; give more rows"
            )
        model = _trained(train, pool.rows.iloc[order].reset_index(drop=True), labels, seed + 1 + shadow)
        answers.append(answers_of(Predictor(model), attacked, classes))
    return Shadows(answers_of(predictor, attacked, classes), np.stack(answers), inside)


def cloning(estimator: Any) -> Train:
    """Return training by a copy of an estimator: same settings, other rows and other random numbers.

    Exact gradient boosting of many trees looks at a third of the columns at each split only, which halves
    the time; such shadow models found as many members as those of all columns.

    Raises:
        InputError: It is no scikit-learn estimator, so nothing is known of how it was trained.
    """
    from sklearn.base import BaseEstimator, clone

    if not isinstance(estimator, BaseEstimator):
        raise InputError(
            "the model's file does not say how it was trained (skops has the whole estimator), so no "
            "models like it can be trained to compare it with; name a function that trains one, called with "
            "rows, labels and a seed: trainer=module:function"
        )

    def train(rows: Any, labels: Any, seed: int) -> Any:
        copy = clone(estimator)
        seeds = {name: seed for name in copy.get_params() if name.split("__")[-1] == "random_state"}
        copy.set_params(**seeds, **_cheaper(copy))
        named = getattr(estimator, "feature_names_in_", None) is not None
        return copy.fit(rows if named else rows.to_numpy(), labels)

    return train


def _cheaper(estimator: Any) -> dict[str, float]:
    """Return what to set, by name, so that boosting without limits, itself or inside, takes half the time."""
    from sklearn.ensemble import GradientBoostingClassifier

    inner = {"": estimator, **{f"{name}__": value for name, value in estimator.get_params().items()}}
    return {
        f"{name}max_features": _COLUMNS
        for name, one in inner.items()
        if isinstance(one, GradientBoostingClassifier)
        and one.max_features is None
        and (one.max_depth is None or one.max_depth * one.n_estimators >= _DEEP)
    }


def named_trainer(name: str) -> Train:
    """Return a training function by its name, ``package.module:function``.

    It is imported and run with the rights of this process: choose the place of the stage accordingly.

    Raises:
        InputError: It cannot be imported, or is no function.
    """
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise InputError(
            f"trainer {name!r} cannot be imported ({type(error).__name__}); give module:function of a module "
            "on Python's path"
        ) from None
    if not callable(found):
        raise InputError(f"trainer {name!r} is no function; give one that takes rows, labels and a seed")

    def train(rows: Any, labels: Any, seed: int) -> Any:
        return found(rows, labels, seed)

    return train


def answers_of(predictor: Predictor, rows: Any, classes: tuple[Any, ...]) -> Any:
    """Return the probability of each class: rows by classes. A model that gives labels only is surely right.

    Raises:
        InputError: The model cannot read the rows.
    """
    import numpy as np

    place = {label: at for at, label in enumerate(classes)}
    found = np.zeros((len(rows), len(classes)))
    if predictor.gives_probabilities:
        columns = [place[label] for label in predictor.classes]
        found[:, columns] = predictor.predict_proba(rows)
    else:
        labels = predictor.predict(rows).tolist()
        found[np.arange(len(rows)), [place[label] for label in labels]] = 1.0
    return found


def _halves(rows: int, models: int, rng: Any) -> Any:
    """Deal each row to exactly one model of every pair, and to each model half of the rows.

    Pairs, so that what is left when a pair is set aside is dealt evenly too, and knows nothing of it.
    """
    import numpy as np

    inside = np.zeros((models, rows), dtype=bool)
    for first in range(0, models, 2):
        inside[first, rng.permutation(rows)[: rows // 2]] = True
        inside[first + 1] = ~inside[first]
    return inside


def _trained(train: Train, rows: Any, labels: Any, seed: int) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of convergence: the model under test had the same
            return train(rows, labels, seed % 2**32)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"a shadow model cannot be trained on the rows, training raised {type(error).__name__}; "
            "give the rows that the model was trained on, or a trainer"
        ) from error
