"""What a baseline adds: labels that the same models contradict more often here than there."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom

from lockgate.poisoning import assess
from lockgate.poisoning.agreeing import Agreeing
from lockgate.poisoning.beside import Beside, more_than_known, sure_beside
from lockgate.poisoning.beside_pair import pairs_beside

COUNTS = st.integers(0, 60)


def table(x: np.ndarray, y: np.ndarray) -> pa.Table:
    return pa.table({**{f"x{i}": column for i, column in enumerate(x.T)}, "label": y})


def people(rows: int, seed: int, apart: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, rows)
    return random.normal(size=(rows, 4)) + apart * y[:, None], y


def flipped(y: np.ndarray, share: float, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).choice(len(y), round(share * len(y)), replace=False)
    lies = y.copy()
    lies[rows] = 1 - lies[rows]
    return lies


def said(labels: np.ndarray, true: np.ndarray, certainty: float = 0.97) -> Agreeing:
    """What models say that know the true class with some certainty, a little more of some rows."""
    p = np.full((len(true), 2), 1.0 - certainty)
    p[np.arange(len(true)), true] = certainty
    p[:, :] += np.where(p > 0.5, 1, -1) * np.linspace(0.0, 0.02, len(true))[:, None]
    return Agreeing(np.arange(len(true)), labels, p, p)


def halves(share: float) -> Beside:
    true = np.tile([0, 1], 100)
    return Beside(said(flipped(true, share, 1), true), said(true, true), honest=0.005)


@pytest.mark.parametrize("apart", [1.2, 2.5])
def test_a_fifth_of_flipped_labels_is_plain_beside_a_baseline_and_its_clean_twin_is_silent(apart):
    (x, y), before = people(200, 1, apart), table(*people(200, 2, apart))
    assert not assess(table(x, y), label="label", baseline=before).alarmed
    found = assess(table(x, flipped(y, 0.2, 3)), label="label", baseline=before)
    noise = next(alarm for alarm in found.alarms if alarm.detector == "label-noise")
    assert noise.alarmed
    assert noise.adjusted_p < 0.005
    assert noise.share == pytest.approx(0.2, abs=0.08)


def test_five_flips_of_eighty_rows_are_found_beside_a_small_baseline_where_classes_are_clear():
    (x, y), before = people(80, 4, 3.0), table(*people(80, 5, 3.0))
    assert not assess(table(x, y), label="label", baseline=before).alarmed
    assert assess(table(x, flipped(y, 0.0625, 6)), label="label", baseline=before).alarmed


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_the_tail_is_that_of_a_beta_binomial_distribution(wrong, right, known, known_right):
    p_value = float(more_than_known(wrong, wrong + right, known, known + known_right, 0.02))
    expected = betabinom.sf(wrong - 1, wrong + right, known + 1, max(known_right, 0.5) + 50)
    assert p_value == pytest.approx(min(1.0, expected), abs=1e-9)


@given(st.integers(1, 60), COUNTS, COUNTS, st.integers(1, 60))
def test_what_the_baseline_contradicts_too_says_less(wrong, right, known, known_right):
    fewer, more = (
        float(more_than_known(wrong, wrong + right, k, k + known_right, None)) for k in (known, known + 5)
    )
    assert fewer <= more + 1e-12


def test_a_tail_far_out_is_a_small_number_and_not_zero():
    assert 0.0 < more_than_known(150.0, 200.0, 0.0, 200.0, 0.005) < 1e-60


def test_sure_contradictions_count_where_the_baseline_has_none():
    p_value, share = sure_beside(halves(0.1))
    assert p_value < 1e-4
    assert share == pytest.approx(0.1, abs=0.04)
    assert sure_beside(halves(0.0)) == (1.0, 0.0)


def test_the_class_that_was_relabelled_is_the_pair_with_the_smallest_p_value():
    true = np.tile([0, 1, 2], 60)
    labels = np.where((true == 2) & (np.arange(180) % 9 == 2), 0, true)
    p = np.eye(3)[true] * 0.94 + 0.02 + np.linspace(0, 1e-3, 180)[:, None] * (np.eye(3)[true] - 1 / 3)
    rows = np.arange(180)
    found = Beside(Agreeing(rows, labels, p, p), Agreeing(rows, true, p, p), honest=0.005)
    pairs = pairs_beside(found, np.random.default_rng(1), 999)
    best = int(pairs.p_value.argmin())
    assert (pairs.was[best], pairs.became[best]) == (2, 0)
    assert pairs.p_value[best] < 0.005
    assert pairs.share[best] == pytest.approx(1 / 3, abs=0.05)


def test_honest_doubt_that_both_tables_share_is_no_pair():
    random = np.random.default_rng(7)
    p = random.dirichlet([2.0, 2.0, 1.0], 300)
    labels = np.array([random.choice(3, p=row) for row in p])
    rows = np.arange(150)
    found = Beside(
        Agreeing(rows, labels[:150], p[:150], p[:150]), Agreeing(rows, labels[150:], p[150:], p[150:]), None
    )
    assert pairs_beside(found, random, 999).p_value.min() > 0.02
