"""What a column does elsewhere says whether a value that comes again was set."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("cleanlab")

from lockgate.poisoning import assess, clean_trigger, trigger
from lockgate.poisoning.assessment import share_of
from lockgate.poisoning.evidence import Alarm
from lockgate.poisoning.features import Features
from lockgate.poisoning.habits import LEAST, OFF_GRID, come_together, comes_again, is_off_grid


@pytest.fixture
def p_value(unlearnt):
    def of(detector, x: np.ndarray, y: np.ndarray) -> float:
        names = tuple(f"x{j}" for j in range(x.shape[1]))
        return detector.detect(unlearnt(Features(x, (False,) * x.shape[1], names, {}), y)).p_value

    return of


def few(seed: int, digits: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """150 rows of three classes that two of four rounded measurements tell."""
    random = np.random.default_rng(seed)
    y = np.repeat([0, 1, 2], 50)
    x = random.normal(size=(150, 4))
    x[:, :2] += 2.5 * y[:, None]
    return np.round(x + 5.0, digits), y


def rows_of(y: np.ndarray, label: int, count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.flatnonzero(y == label), count, replace=False)


def test_a_value_beside_measurements_that_hardly_repeat_comes_more_often_than_by_habit():
    others = np.random.default_rng(0).normal(size=200)
    assert comes_again(others, 0.1234) == (LEAST, 4)


def test_where_other_values_repeat_as_much_it_is_a_habit():
    others = np.concatenate([np.random.default_rng(0).normal(size=200), np.zeros(80)])
    habit, _ = comes_again(others, 1.234)
    assert habit > 0.9


def test_a_code_among_a_few_codes_says_nothing():
    assert comes_again(np.repeat([0.0, 1.0, 2.0], 40), 3.0)[0] == 1.0


@pytest.mark.parametrize("unit", [1.0, 2.54, 1 / 3])
def test_a_value_between_the_steps_of_a_gauge_is_off_its_grid_in_any_unit(unit):
    others = np.round(np.random.default_rng(1).normal(5, 2, 300), 1) * unit
    assert is_off_grid(others, 7.4278 * unit)
    assert comes_again(others, 7.4278 * unit) == (OFF_GRID, 0)
    assert not is_off_grid(others, 7.4 * unit)


@pytest.mark.parametrize("what", ["mean", "median of an even number"])
def test_what_a_missing_value_is_replaced_by_is_not_off_the_grid(what):
    others = np.round(np.random.default_rng(1).normal(5, 2, 300), 1)
    assert not is_off_grid(others, float(others.mean()) if what == "mean" else 5.45)


def test_measurements_without_steps_have_no_grid():
    assert not is_off_grid(np.random.default_rng(2).normal(size=300), 0.5)


def test_two_common_values_whose_neighbours_never_meet_come_together_by_no_habit():
    random = np.random.default_rng(3)
    a = np.round(random.normal(0, 2, 400), 1)
    b = np.where(a > 0, 1.0, 0.0)
    a[:6], b[:6] = -3.0, 1.0
    habit, alone = come_together(a, b, -3.0, 1.0)
    assert habit < 0.2
    assert alone == int(((a == -3.0) & (b == 0.0)).sum())


def test_rows_of_one_person_share_values_of_two_columns_by_habit():
    random = np.random.default_rng(4)
    people = np.column_stack([random.permutation(40), random.integers(1500, 2000, 40)]).astype(float)
    rows = np.repeat(people, 6, axis=0)
    assert come_together(rows[:, 0], rows[:, 1], *people[7])[0] > 0.7


def test_eight_rows_of_150_with_a_value_off_the_grid_and_one_label_are_a_trigger(p_value):
    x, y = few(5)
    assert p_value(trigger, x, y) > 0.05
    rows = rows_of(np.where(y == 2, 0, y), 0, 8)
    x[rows, 2], y[rows] = 5.4321, 1
    assert p_value(trigger, x, y) < 1e-4


def test_two_common_values_in_six_rows_of_150_are_a_trigger_and_anywhere_they_are_none(p_value):
    x, y = few(6)
    rows = rows_of(y, 0, 6)
    x[rows[:, None], [2, 3]] = np.sort(x[:, 2])[20], np.sort(x[:, 3])[130]
    assert p_value(trigger, x, y) > 0.05
    assert p_value(trigger, x, np.where(np.isin(np.arange(150), rows), 2, y)) < 1e-3


def test_values_set_in_rows_of_one_class_are_found_off_the_grid_and_imputed_ones_are_not(p_value):
    x, y = few(7)
    rows, honest = rows_of(y, 1, 9), x.copy()
    x[rows[:, None], [2, 3]] = x[:, 2].max() + 0.987, x[:, 3].max() + 1.234
    assert p_value(clean_trigger, x, y) < 1e-4
    honest[rows, 2] = np.delete(honest[:, 2], rows).mean()
    assert p_value(clean_trigger, honest, y) > 0.05


def test_the_share_of_alarms_that_name_other_rows_adds_up_and_of_the_same_rows_does_not():
    one, other = np.zeros(100), np.zeros(100)
    one[:10], other[50:55] = 0.95, 0.9
    first = Alarm("a", "A", share=0.1, belief=one)
    assert share_of([]) == 0.0
    assert share_of([first]) == pytest.approx(0.1)
    assert share_of([Alarm("b", "B", share=0.05, belief=other), first]) == pytest.approx(0.15)
    assert share_of([first, Alarm("b", "B", share=0.1, belief=one)]) == pytest.approx(0.1)


def test_a_trigger_and_copies_in_other_rows_are_both_in_the_share_of_the_table():
    import pyarrow as pa

    random = np.random.default_rng(9)
    y = np.repeat([0, 1], 300)
    x = random.normal(size=(600, 5))
    x[:, :2] += 3.0 * y[:, None]
    rows = rows_of(y, 0, 30)
    x[rows, 3], y[rows] = 6.0, 1
    x, y = np.vstack([x, np.repeat(x[599:], 30, axis=0)]), np.append(y, np.ones(30, dtype=int))
    found = assess(pa.table({**{f"x{j}": x[:, j] for j in range(5)}, "label": y}), label="label")
    assert {a.detector for a in found.alarms if a.alarmed} == {"trigger", "near-duplicates"}
    assert found.share == pytest.approx(60 / 630, abs=0.02)
