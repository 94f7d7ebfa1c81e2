"""Guess a hidden column of a row from the model's answers, and subtract what anybody could guess.

The attacker knows the other columns and the right label, puts every value of the hidden column in, and
looks how sure the model is of the right label, beside how usual that value is
(Fredrikson, Jha and Ristenpart 2015; Yeom et al. 2018,
section 5). Columns are related, so a guess is often right without any leak. Two things are taken off:
what a guess without the model gets right (a baseline on the same rows), and what the attack gets right
on rows that the model has never seen. What is left is what training gave away about its own rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from lockgate.model import Predictor

_MOST_VALUES = 12  # values that a hidden column is guessed among; the rest is left out
_FEWEST = 30  # rows of each kind
_Z = 1.959963984540054  # 97.5 % point of the normal distribution


@dataclass(frozen=True)
class Guessed:
    """How well a column was guessed.

    Attributes:
        column: Its name.
        values: How many values it was guessed among.
        members: Share of the training rows that were guessed right.
        others: Share of the other rows.
        base_members: The same without the model.
        base_others: The same without the model.
        gap: What is left: (members - base_members) - (others - base_others).
        low: Lower end of its 95 % interval.
        high: Upper end.
        rows: Training rows that were guessed.
    """

    column: str
    values: int
    members: float
    others: float
    base_members: float
    base_others: float
    gap: float
    low: float
    high: float
    rows: int


def guess(
    predictor: Predictor, members: Any, others: Any, column: str, labels: tuple[Any, Any], *, seed: int
) -> Guessed | str:
    """Guess a column of training rows and of other rows, with the model and without.

    Args:
        predictor: The model.
        members: Rows that it was trained on, a DataFrame.
        others: Rows that it was not trained on; half of them teach the attacker, half are guessed.
        column: The hidden column.
        labels: Places of the right labels among the classes, of members and of others.
        seed: Of the split and of the trees.

    Returns:
        The result, or one sentence that says why there is none.
    """
    import numpy as np
    import pandas as pd

    known = pd.concat([members, others], ignore_index=True)
    text = known[column].astype(str)
    common = text.value_counts()
    values = sorted(common.index[:_MOST_VALUES])
    if len(values) < 2 or len(common) > len(known) / 5:  # noqa: PLR2004 - one value is no secret
        return (
            f"column {column!r} has {len(common)} values in {len(known)} rows: too few or too many to guess"
        )
    truth = pd.Categorical(text, categories=values).codes
    right = np.concatenate(labels)
    usable = truth >= 0
    member = np.arange(len(known)) < len(members)
    teach = ~member & (np.random.default_rng([seed, 3]).permutation(len(known)) % 2 == 0)
    if min((usable & teach).sum(), (usable & member).sum(), (usable & ~member & ~teach).sum()) < _FEWEST:
        return f"column {column!r} has fewer than {_FEWEST} rows of each kind to guess"
    plain = _plain(known.drop(columns=column), right)
    answers = _asked(predictor, known, column, text, values, right)
    trees = _trees(seed).fit(plain[teach & usable], truth[teach & usable])
    usual = np.full((len(known), len(values)), 1e-3)
    usual[:, trees.classes_] += trees.predict_proba(plain)
    without = usual.argmax(axis=1) == truth
    with_model = (np.log(usual) + answers).argmax(axis=1) == truth
    mine, theirs = usable & member, usable & ~member & ~teach
    lift = with_model.astype(float) - without.astype(float)
    gap = float(lift[mine].mean() - lift[theirs].mean())
    half = _Z * math.sqrt(lift[mine].var() / mine.sum() + lift[theirs].var() / theirs.sum())
    return Guessed(
        column,
        values=len(values),
        members=float(with_model[mine].mean()),
        others=float(with_model[theirs].mean()),
        base_members=float(without[mine].mean()),
        base_others=float(without[theirs].mean()),
        gap=gap,
        low=gap - half,
        high=gap + half,
        rows=int(mine.sum()),
    )


def _asked(predictor: Predictor, rows: Any, column: str, text: Any, values: list[str], right: Any) -> Any:
    """Return how sure the model is of the right label with each value put in; rows by values."""
    import numpy as np

    from lockgate.privacy.shadows import answers_of

    found = []
    for value in values:
        sample = rows[column][text == value].iloc[0]
        tried = rows.copy()
        tried[column] = np.full(len(rows), sample, dtype=rows[column].to_numpy().dtype)
        sure = answers_of(predictor, tried, predictor.classes)[np.arange(len(rows)), right]
        found.append(np.log(np.clip(sure, 1e-3, 1.0)))
    asked = np.column_stack(found)
    return asked - asked.mean(axis=1, keepdims=True)


def _plain(rows: Any, right: Any) -> Any:
    """Return the known columns as numbers, with the right label; rows by columns."""
    import numpy as np
    import pandas as pd

    columns = [right.astype(float)]
    for name in rows.columns:
        values = rows[name]
        numeric = pd.api.types.is_numeric_dtype(values)
        codes = (
            values.to_numpy(dtype=float, na_value=np.nan)
            if numeric
            else pd.factorize(values.astype(str), sort=True)[0]
        )
        columns.append(codes.astype(float))
    return np.column_stack(columns)


def _trees(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=40, max_leaf_nodes=8, min_samples_leaf=10, early_stopping=False, random_state=seed
    )
