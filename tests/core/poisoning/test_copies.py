"""Copies of rows in a large table: found among all rows, and not made of what is common."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from lockgate.poisoning import duplicates
from lockgate.poisoning.copies import copies
from lockgate.poisoning.density import MOST_ROWS
from lockgate.poisoning.evidence import Evidence, Labelled
from lockgate.poisoning.features import Features

ROWS = 3 * MOST_ROWS


def evidence(values: np.ndarray, categorical: tuple[bool, ...]) -> Evidence:
    names = tuple(f"x{i}" for i in range(values.shape[1]))
    labelled = Labelled(np.zeros(len(values), dtype=np.int64), np.ones((len(values), 1)))
    features = Features(values, categorical, names, {})
    return Evidence(labelled, None, ("0",), None, (), 0, 0.02, 999, features)


def numbers(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.column_stack([random.normal(size=(ROWS, 4)).round(3), random.integers(0, 6, ROWS)])


KINDS = (False, False, False, False, True)


def test_few_copies_of_many_rows_are_found_among_all_rows():
    values = numbers(1)
    values[0, 2] = np.nan
    random = np.random.default_rng(2)
    rows = random.choice(ROWS, 120, replace=False)
    for start in range(0, 120, 8):
        values[rows[start : start + 8]] = values[start // 8]
    found = duplicates.detect(evidence(values, KINDS))
    assert found.p_value < 1e-6
    assert found.large_enough
    assert (found.belief > 0.5)[rows].all()
    assert (found.belief > 0.5).sum() <= 120 + 15


def test_numbers_that_never_repeat_have_no_copies():
    p_value, rows = copies(evidence(numbers(1), KINDS))
    assert p_value == 1.0
    assert not rows.any()


@pytest.mark.parametrize("columns", [2, 3])
def test_rows_of_few_whole_numbers_repeat_by_nature(columns):
    values = np.random.default_rng(3).poisson(4.0, (ROWS, columns)).astype(float)
    p_value, rows = copies(evidence(values, (False,) * columns))
    assert p_value == 1.0
    assert not rows.any()


def test_rows_of_categories_repeat_by_nature():
    values = np.random.default_rng(3).integers(0, 7, (ROWS, 4)).astype(float)
    assert not copies(evidence(values, (True,) * 4))[1].any()
