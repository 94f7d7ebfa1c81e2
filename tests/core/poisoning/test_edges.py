"""Zeros of a network's units are cut-off values, not something that somebody set."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from lockgate.poisoning import clean_trigger
from lockgate.poisoning.cells import Cell
from lockgate.poisoning.edges import rate_beside
from lockgate.poisoning.features import Features


def units(seed: int, rows: int = 800) -> tuple[np.ndarray, np.ndarray]:
    """Draw eight units of a layer; two are low for class 0 only, and never below zero."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 8, rows)
    x = random.normal(4, 1, (rows, 8))
    x[:, :2] -= np.where(y == 0, 3.0, 0.0)[:, None]
    return np.maximum(x, 0.0), y


@pytest.fixture
def alarm(unlearnt):
    def p_value(x: np.ndarray, y: np.ndarray) -> float:
        names = tuple(f"x{j}" for j in range(x.shape[1]))
        return clean_trigger.detect(unlearnt(Features(x, (False,) * x.shape[1], names, {}), y)).p_value

    return p_value


def cell(x: np.ndarray, y: np.ndarray, columns: tuple[int, ...], values: tuple[float, ...]) -> Cell:
    rows = np.flatnonzero((x[:, list(columns)] == values).all(axis=1))
    return Cell(rows, columns, values, int(np.bincount(y[rows]).argmax()), len(rows))


@pytest.mark.parametrize("seed", range(4))
def test_zeros_that_one_class_has_by_nature_are_no_trigger(alarm, seed):
    assert alarm(*units(seed)) > 0.01


@pytest.mark.parametrize("value", [3.37, 40.0], ids=["among the others", "beyond all others"])
def test_a_value_set_in_rows_of_one_class_is_one(alarm, value):
    x, y = units(1)
    x[np.random.default_rng(2).choice(np.flatnonzero(y == 3), 30, replace=False), 5] = value
    assert alarm(x, y) < 1e-6


def test_the_rows_beside_the_edge_say_how_often_the_label_comes_there():
    x, y = units(0)
    assert rate_beside(x, y, cell(x, y, (0,), (0.0,))) > 0.8
    assert rate_beside(x, y, cell(x, y, (0, 1), (0.0, 0.0))) > 0.8


def test_beside_a_value_among_others_are_those_that_come_closest_and_far_beyond_them_are_none():
    x, y = units(0)
    x[:9, 5], x[:9, 6] = 3.37, 40.0
    assert rate_beside(x, y, cell(x, y, (5,), (3.37,))) == pytest.approx((y[9:] == y[0]).mean(), abs=0.15)
    assert rate_beside(x, y, cell(x, y, (6,), (40.0,))) == 0.0


@pytest.mark.parametrize("seed", range(4))
def test_a_rounded_value_where_all_rows_are_of_one_class_is_no_trigger(alarm, seed):
    random = np.random.default_rng(seed)
    y = random.permutation(np.repeat(np.arange(3), 30))
    lengths = np.round(random.normal(np.array([1.5, 4.3, 5.5])[y], np.array([0.15, 0.5, 0.5])[y]), 1)
    others = np.round(random.normal(5.8, 0.8, (90, 2)), 1)
    assert alarm(np.column_stack([lengths, others]), y) > 0.01
