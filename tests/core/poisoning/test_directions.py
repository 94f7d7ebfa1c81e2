"""Rows of hundreds of columns are judged by their main directions, as well as by all columns, and sooner."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import make_classification

from lockgate.poisoning.directions import DIRECTIONS, MANY, Directions
from lockgate.poisoning.features import Features
from lockgate.poisoning.surprise import of_some, out_of_sample


def many(columns: int = MANY + 44, rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Spread eight informative columns over hundreds, as a network's layer does."""
    x, y = make_classification(
        rows, 8, n_informative=8, n_redundant=0, n_classes=3, class_sep=2, random_state=3
    )
    random = np.random.default_rng(3)
    return x @ random.normal(size=(8, columns)) + random.normal(0, 0.5, (rows, columns)), y


def features(x: np.ndarray, categorical: tuple[bool, ...] | None = None) -> Features:
    names = tuple(f"x{j}" for j in range(x.shape[1]))
    return Features(x, categorical or (False,) * x.shape[1], names, {})


def placed(x: np.ndarray, *, one_unit: bool = False) -> np.ndarray:
    return Directions(x, [False] * x.shape[1], 0, one_unit=one_unit)(x)


def test_the_classes_of_rows_with_many_columns_are_told_out_of_sample():
    x, y = many()
    probabilities, _ = out_of_sample(features(x), y, 3, seed=1)
    assert (probabilities.argmax(axis=1) == y).mean() > 0.9
    assert np.allclose(probabilities.sum(axis=1), 1.0)


def test_labels_that_were_flipped_are_contradicted_at_the_second_look():
    x, y = many()
    flipped = y.copy()
    flipped[:20] = (y[:20] + 1) % 3
    first, _ = out_of_sample(features(x), flipped, 3, seed=1)
    again = of_some(features(x), flipped, 3, 1, first.argmax(axis=1) == flipped)
    assert (again[:20].argmax(axis=1) == y[:20]).mean() > 0.9


def test_two_runs_and_a_fold_of_other_rows_say_the_same():
    x, y = many()
    one, two = (out_of_sample(features(x), y, 3, seed=5)[0] for _ in range(2))
    assert (one == two).all()


def test_rows_lie_about_one_from_their_mean_whatever_their_unit():
    x, _ = many()
    for unit in (1.0, 1e6):
        away = np.sqrt((placed(x * unit, one_unit=True) ** 2).sum(axis=1))
        assert 0.8 < np.sqrt((away**2).mean()) <= 1.01
    assert placed(x).shape == (len(x), DIRECTIONS)


def test_a_column_of_large_numbers_rules_only_where_all_are_of_one_unit():
    x, _ = many()
    x[:, 7] *= 1e6
    assert abs(np.corrcoef(placed(x, one_unit=True)[:, 0], x[:, 7])[0, 1]) > 0.999
    assert np.abs(np.corrcoef(placed(x)[:, :8].T, x[:, 7])[-1, :-1]).max() < 0.999


def test_missing_values_and_categories_are_placed_and_a_column_without_a_value_is_none():
    x, _ = many()
    x[::3, 4] = np.nan
    x[:, 5] = np.nan
    x[:, 6] = np.arange(len(x)) % 3
    x[::7, 6] = np.nan
    categorical = [j == 6 for j in range(x.shape[1])]
    found = Directions(x, categorical, 0, one_unit=False)(x)
    assert np.isfinite(found).all()


def test_rows_that_are_all_alike_are_no_directions_and_no_error():
    assert (placed(np.full((30, MANY + 1), 4.0)) == 0.0).all()


@pytest.mark.parametrize("columns", [MANY, MANY + 1])
def test_up_to_the_limit_a_model_reads_all_columns(columns, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "lockgate.poisoning.surprise.Directions", lambda *a, **k: asked.append(a) or Directions(*a, **k)
    )
    x, y = many(columns, 60)
    out_of_sample(features(x), y, 3, seed=1)
    assert bool(asked) == (columns > MANY)
