"""Models that are known to be no copies: what an independent model answers, by experiment.

They come in groups, since how much two honest models agree depends on what they have in common: the same
algorithm on other rows (a linear model of the same data is nearly the same whoever trains it), each of three
other algorithms on other rows, and, when the model's own training rows are given, the same algorithm with
another seed on those.

Each is trained on a bootstrap sample of one half of the rows. Samples without replacement share most of their
rows, so their models agree with the original about equally often, and a model of other rows would stand out.
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

_GROUPS = ("same", "boosting", "extra", "linear")
_OWN = 0.9  # of the model's own training rows, so that no two models have all the same
_QUESTIONS = 1500  # that a model is stolen with
_STOLEN = ("forest", "boosting", "linear", "extra")

Answers = Callable[[Any], Any]
"""Takes rows, gives the place of each row's class."""


def references(
    predictor: Predictor, rows: Any, places: Any, own: tuple[Any, Any] | None, count: int, *, seed: int
) -> dict[str, tuple[list[Answers], list[Answers]]]:
    """Train independent models: ``same``, ``boosting``, ``extra``, ``linear`` and, with `own`, ``own``.

    Args:
        predictor: The model that a copy would be of.
        rows: Labelled rows of the same kind, a DataFrame.
        places: Places of their labels among the classes.
        own: Rows and places that the model was trained on, or None.
        count: How many models of each group.
        seed: Of the rows that each is given, and of the training.

    Returns:
        For each group the models of one half of the rows and those of the other.

    Raises:
        InputError: The rows that one is given hold one class only.
    """
    import numpy as np

    encoder = Encoder(rows)
    mixed = np.random.default_rng([seed, 5]).permutation(len(rows))
    halves = (mixed[::2], mixed[1::2])
    names = _GROUPS if own is None else (*_GROUPS, "own")
    groups: dict[str, tuple[list[Answers], list[Answers]]] = {name: ([], []) for name in names}
    jobs = [(name, number) for name in names for number in range(count)]
    for name, number in track(jobs, "training independent models"):
        rng = np.random.default_rng([seed, 2, *name.encode(), number])
        side = number % 2
        if own is not None and name == "own":
            known, right = own
            part = rng.permutation(len(known))[: max(int(len(known) * _OWN), 2)]
        else:
            known, right = rows, places
            part = rng.choice(halves[side], len(halves[side]))
        chosen, labels = known.iloc[part], right[part]
        if len(np.unique(labels)) < 2:  # noqa: PLR2004 - a classifier needs two classes
            raise InputError("some of the rows hold one class only; give more rows for a fingerprint")
        kind = "same" if name == "own" else name
        groups[name][side].append(_trained(predictor, encoder, kind, (chosen, labels), seed + number + 1))
    return groups


def thieves(predictor: Predictor, pool: Any, count: int, *, seed: int) -> list[Answers]:
    """Train models that are copies: by the model's own labels of made-up rows, some with the pool's rows.

    Args:
        predictor: The model.
        pool: Rows of its kind.
        count: How many; fewer if the model gives all rows the same label.
        seed: Of the questions and of the training.
    """
    import numpy as np

    encoder = Encoder(pool)
    rng = np.random.default_rng([seed, 4])
    place = {label: at for at, label in enumerate(predictor.classes)}
    made: list[Answers] = []
    for number in track(range(count), "training copies"):
        kind = _STOLEN[number % len(_STOLEN)]
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
            "linear": LogisticRegression(max_iter=300),
        }
        other = made[kind].fit(encoder(rows), places)
    return lambda given: other.predict(encoder(given))
