"""Models that are known to be no copies: what an independent model answers, by experiment.

Three groups, since how much two honest models agree depends on what they have in common: the same algorithm
on other rows (a linear model of the same data is nearly the same whoever trains it), other algorithms on
other rows, and, when the model's own training rows are given, the same algorithm with another seed on those.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from lockgate.errors import InputError
from lockgate.extraction.queries import between, made_up
from lockgate.extraction.surrogate import Encoder
from lockgate.model import Predictor
from lockgate.privacy.shadows import cloning
from lockgate.progress import track

_OTHERS = ("forest", "boosting", "linear", "extra", "tree")
_SHARE = 0.9  # of the rows that there are for a model, so that no two have all the same
_QUESTIONS = 1500  # that a model is stolen with

Answers = Callable[[Any], Any]
"""Takes rows, gives the place of each row's class."""


def references(
    predictor: Predictor, rows: Any, places: Any, own: tuple[Any, Any] | None, count: int, *, seed: int
) -> dict[str, list[Answers]]:
    """Train independent models, in groups: ``same``, ``other`` and, with `own`, ``own``.

    Args:
        predictor: The model that a copy would be of.
        rows: Labelled rows of the same kind, a DataFrame.
        places: Places of their labels among the classes.
        own: Rows and places that the model was trained on, or None.
        count: How many models of each group.
        seed: Of the rows that each is given, and of the training.

    Raises:
        InputError: The rows that one is given hold one class only.
    """
    import numpy as np

    encoder = Encoder(rows)
    mixed = np.random.default_rng([seed, 5]).permutation(len(rows))
    sides = (mixed[::2], mixed[1::2])
    groups: dict[str, list[Answers]] = {
        name: [] for name in ("same", "other", "own")[: 2 + (own is not None)]
    }
    jobs = [(name, number) for name in groups for number in range(count)]
    for name, number in track(jobs, "training independent models"):
        known, right = own if own is not None and name == "own" else (rows, places)
        rng = np.random.default_rng([seed, 2, *name.encode(), number])
        # Those of odd number say what chance does, so they share no row with those that choose.
        part = np.arange(len(known)) if name == "own" else sides[number % 2]
        part = rng.permutation(part)[: max(int(len(part) * _SHARE), 2)]
        chosen, labels = known.iloc[part], right[part]
        if len(np.unique(labels)) < 2:  # noqa: PLR2004 - a classifier needs two classes
            raise InputError("some of the rows hold one class only; give more rows for a fingerprint")
        # Pairs, so that those of even and of odd number are alike.
        kind = _OTHERS[number // 2 % len(_OTHERS)] if name == "other" else "same"
        groups[name].append(_trained(predictor, encoder, kind, (chosen, labels), seed + number + 1))
    return groups


def thieves(predictor: Predictor, pool: Any, *, seed: int) -> list[Answers]:
    """Train models that are copies: by the model's own labels of rows of three kinds.

    Args:
        predictor: The model.
        pool: Rows of its kind.
        seed: Of the questions and of the training.
    """
    import numpy as np

    encoder = Encoder(pool)
    rng = np.random.default_rng([seed, 4])
    place = {label: at for at, label in enumerate(predictor.classes)}
    made: list[Answers] = []
    for number, kind in enumerate(("forest", "boosting", "linear", "extra", "forest", "boosting")):
        ask = (between, made_up, between)[number % 3]
        rows = pd_concat(pool, ask(pool, _QUESTIONS, rng)) if number % 2 else ask(pool, _QUESTIONS, rng)
        places = np.array([place[label] for label in predictor.predict(rows).tolist()])
        if len(np.unique(places)) > 1:
            made.append(_trained(predictor, encoder, kind, (rows, places), seed + number))
    return made


def pd_concat(first: Any, second: Any) -> Any:
    """Return two tables, one after the other."""
    import pandas as pd

    return pd.concat([first, second], ignore_index=True)


def _trained(
    predictor: Predictor, encoder: Encoder, kind: str, taught: tuple[Any, Any], seed: int
) -> Answers:
    import numpy as np
    from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.tree import DecisionTreeClassifier

    rows, places = taught
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence
        if kind == "same":
            labels = np.array(predictor.classes)[places]
            try:
                again = cloning(predictor.estimator)(rows.reset_index(drop=True), labels, seed % 2**32)
            except Exception:  # noqa: BLE001 - no scikit-learn model, or one that wants more rows: others will do
                return _trained(predictor, encoder, "forest", taught, seed)
            asked = Predictor(again)
            index = {label: at for at, label in enumerate(predictor.classes)}
            return lambda given: np.array([index[label] for label in asked.predict(given).tolist()])
        made: dict[str, Any] = {
            "forest": RandomForestClassifier(60, random_state=seed),
            "boosting": HistGradientBoostingClassifier(max_iter=60, random_state=seed),
            "extra": ExtraTreesClassifier(60, min_samples_leaf=2, random_state=seed),
            "tree": DecisionTreeClassifier(max_depth=6, random_state=seed),
            "linear": LogisticRegression(max_iter=300),
        }
        other = made[kind].fit(encoder(rows), places)
    return lambda given: other.predict(encoder(given))
