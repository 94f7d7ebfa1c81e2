"""Learn a copy of a model from what it answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_TREES = 40
_HELD = 5  # every fifth answer is kept to choose the kind of copy by
_ENOUGH = 25  # answers, below which nothing is kept


class Encoder:
    """Turns rows into numbers, by what a thief's own rows look like.

    Args:
        pool: The thief's own rows, a DataFrame.
    """

    def __init__(self, pool: Any) -> None:
        from sklearn.compose import make_column_transformer
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        from lockgate.extraction.queries import _is_number

        numbers = [name for name in pool.columns if _is_number(pool[name])]
        others = [name for name in pool.columns if name not in numbers]
        parts: list[Any] = []
        if numbers:
            scaled = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
            parts.append((scaled, numbers))
        if others:
            parts.append(
                (OneHotEncoder(handle_unknown="ignore", sparse_output=False, max_categories=30), others)
            )
        self._others = others
        self._made = make_column_transformer(*parts).fit(self._plain(pool))

    def __call__(self, rows: Any) -> Any:
        """Return rows as numbers; rows by columns."""
        return self._made.transform(self._plain(rows))

    def _plain(self, rows: Any) -> Any:
        return rows.assign(**{name: rows[name].astype(str) for name in self._others})


def learn(encoder: Encoder, rows: Any, weights: Any, *, seed: int) -> Callable[[Any], Any]:
    """Return a copy: a function that gives class weights of rows.

    Two kinds are tried, and the one that agrees more with answers it was not taught is taken: trees, and a
    linear model of log odds, which a linear model's probabilities give away entirely (Tramèr et al. 2016).

    Args:
        encoder: What turns rows into numbers.
        rows: The rows that were asked about.
        weights: What the answers let a thief know; rows by classes.
        seed: Of the trees.
    """
    import numpy as np

    inputs = encoder(rows)
    kinds = (_trees, _linear)
    best = 0
    if len(rows) >= _ENOUGH:
        held = np.arange(len(rows)) % _HELD == 0
        label = weights[held].argmax(axis=1)
        agreed = [
            int((kind(inputs[~held], weights[~held], seed)(inputs[held]).argmax(axis=1) == label).sum())
            for kind in kinds
        ]
        best = int(np.argmax(agreed))
    copy = kinds[best](inputs, weights, seed)
    return lambda asked: copy(encoder(asked))


def _trees(inputs: Any, weights: Any, seed: int) -> Callable[[Any], Any]:
    from sklearn.ensemble import ExtraTreesRegressor

    made = ExtraTreesRegressor(_TREES, max_features=0.5, random_state=seed).fit(inputs, weights)
    answer: Callable[[Any], Any] = made.predict
    return answer


def _linear(inputs: Any, weights: Any, seed: int) -> Callable[[Any], Any]:  # noqa: ARG001 - one signature for both
    import numpy as np
    from sklearn.linear_model import Ridge

    clipped = np.clip(weights, 1e-6, 1.0)
    made = Ridge(1e-2).fit(inputs, np.log(clipped) - np.log(clipped).mean(axis=1, keepdims=True))

    def answer(asked: Any) -> Any:
        odds = made.predict(asked)
        odds = np.exp(odds - odds.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    return answer
