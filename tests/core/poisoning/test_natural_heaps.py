"""Tables that are crowded by nature hold no heap; rows heaped or copied among them are one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.poisoning import cluster, duplicates
from lockgate.poisoning.evidence import Evidence, Labelled
from lockgate.poisoning.features import encode
from lockgate.poisoning.repeated import usual_copies
from lockgate.poisoning.space import scale_of

ROWS = 700


def amounts(random: np.random.Generator) -> np.ndarray:
    """Incomes and prices: lognormal."""
    return np.exp(random.normal(0.0, 1.5, (ROWS, 6)))


def sales(random: np.random.Generator) -> np.ndarray:
    """Mostly nothing, and amounts."""
    return random.gamma(0.5, 2.0, (ROWS, 8)) * (random.random((ROWS, 8)) < random.uniform(0.1, 0.6, 8))


def visits(random: np.random.Generator) -> np.ndarray:
    """Small counts that rise and fall together."""
    return random.poisson(random.gamma(1.0, 1.0, (ROWS, 1)) * random.gamma(1.0, 3.0, 7)).astype(float)


def redrawn(random: np.random.Generator) -> np.ndarray:
    """Drawn with replacement, as a bootstrap does."""
    return random.normal(size=(ROWS, 6))[random.integers(0, ROWS, ROWS)]


def long_tails(random: np.random.Generator) -> np.ndarray:
    """Student's t with two degrees of freedom."""
    return random.standard_t(2, (ROWS, 5))


def along_a_line(random: np.random.Generator) -> np.ndarray:
    """Two columns that follow a curve."""
    angle = random.uniform(0, np.pi, ROWS)
    curve = np.column_stack([np.cos(angle), np.sin(angle)])
    return curve + 0.05 * random.normal(size=(ROWS, 2))


TABLES = (amounts, sales, visits, redrawn, long_tails, along_a_line)


def heaps_of(x: np.ndarray, seed: int) -> list[str]:
    """Which detectors of heaps find something that one table in two hundred would show."""
    y = (x[:, 0] + 0.3 * x[:, 1] > np.median(x[:, 0] + 0.3 * x[:, 1])).astype(int)
    features = encode([pa.table({f"x{i}": column for i, column in enumerate(x.T)})], ())[0]
    evidence = Evidence(Labelled(y, np.eye(2)[y]), None, ("0", "1"), None, (), seed, 0.02, 99, features)
    found = [detector.detect(evidence) for detector in (duplicates, cluster)]
    return [a.detector for a in found if a.large_enough and (a.p_value or 0.0) <= 0.005]


@pytest.mark.parametrize("made", TABLES)
def test_a_crowd_that_is_natural_is_no_heap(made):
    for seed in range(3):
        assert not heaps_of(made(np.random.default_rng([seed, 41])), seed)


@pytest.mark.parametrize("made", TABLES)
def test_thirty_copies_of_one_row_among_them_are_found(made):
    for seed in range(3):
        random = np.random.default_rng([seed, 42])
        x = made(random)
        most = x[np.argsort(-(np.abs(x - np.median(x, axis=0)) > 0).sum(axis=1))]
        assert heaps_of(np.vstack([x, np.repeat(most[:1], 30, axis=0)]), seed)


@pytest.mark.parametrize("made", [amounts, sales, redrawn, long_tails])
def test_a_heap_of_made_up_rows_among_them_is_found(made):
    for seed in range(3):
        random = np.random.default_rng([seed, 43])
        x = made(random)
        middle = np.quantile(x, 0.8, axis=0) + x.std(axis=0)
        heap = middle + 0.02 * x.std(axis=0) * random.normal(size=(40, x.shape[1]))
        assert heaps_of(np.vstack([x, heap]), seed)


def test_a_heap_beyond_the_crowded_end_of_amounts_is_found():
    """Where logarithms are steepest they would tear it apart."""
    for seed in range(3):
        random = np.random.default_rng([seed, 44])
        x = np.exp(random.normal(0.0, 0.6, (ROWS, 6)))
        heap = x.min(axis=0) - x.std(axis=0) + 0.05 * x.std(axis=0) * random.normal(size=(30, 6))
        assert heaps_of(np.vstack([x, heap]), seed)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1e12, 1e12) | st.just(float("nan")), min_size=1, max_size=120),
    st.floats(-1e12, 1e12),
    st.floats(0.0, 1e12),
)
def test_a_scale_keeps_the_order_of_numbers_and_is_finite(column, low, more):
    placed = scale_of(np.array(column))(np.array([low, low + more, np.nan]))
    assert np.isfinite(placed).all()
    assert placed[0] <= placed[1] or np.isclose(placed[0], placed[1])


@pytest.mark.parametrize(("draw", "log"), [("lognormal", True), ("exponential", True), ("normal", False)])
def test_only_a_skewed_column_counts_in_logarithms(draw, log):
    column = getattr(np.random.default_rng(5), draw)(size=500)
    for turned in (column, -column):
        assert (scale_of(turned).log is not None) == log


def test_two_crowds_are_not_taken_for_one_that_is_skewed():
    random = np.random.default_rng(6)
    column = np.append(random.normal(0, 0.2, 150), random.normal(5, 1, 300))
    assert scale_of(column).log is None


@pytest.mark.parametrize("rate", [0.3, 1.0, 4.0])
def test_how_often_rows_repeat_is_read_from_those_that_are_there(rate):
    copied = np.random.default_rng(7).poisson(rate, 4_000)
    assert usual_copies(copied[copied > 0]) == pytest.approx(rate, rel=0.35, abs=0.1)


def drawn_together(seed: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows as a network sees them that has learnt the classes: half of each class in its middle."""
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, ROWS)
    spread = np.where(random.random(ROWS) < 0.5, 0.35, random.uniform(1.5, 2.5, ROWS))
    middle = random.normal(0.0, 3.0, (classes, 12))
    return middle[y] + spread[:, None] * random.normal(size=(ROWS, 12)), y


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("seed", range(3))
def test_classes_that_are_drawn_together_alike_are_no_heaps(unlearnt, seed, classes):
    x, y = drawn_together(seed, classes)
    seen = unlearnt(encode([pa.table({f"e{i}": c for i, c in enumerate(x.T)})], ())[0], y)
    assert cluster.detect(seen).p_value > 0.01
    assert duplicates.detect(seen).p_value > 0.01


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_a_heap_beside_classes_that_are_drawn_together_is_one(unlearnt, classes):
    x, y = drawn_together(0, classes)
    random = np.random.default_rng(9)
    rows = random.choice(ROWS, 35, replace=False)
    x[rows], y[rows] = random.normal(0.0, 3.0, 12) + 0.1 * random.normal(size=(35, 12)), 1
    alarm = cluster.detect(unlearnt(encode([pa.table({f"e{i}": c for i, c in enumerate(x.T)})], ())[0], y))
    assert alarm.p_value < 1e-6
    assert alarm.within is not None
    assert alarm.within[rows].all()
    assert np.delete(alarm.within, rows).sum() < 3


@pytest.mark.parametrize("share", [0.03, 0.1, 0.25, 0.45])
def test_copies_of_one_row_are_found_however_much_of_the_table_they_are(unlearnt, share):
    random = np.random.default_rng(5)
    x, y = random.normal(size=(ROWS, 6)), random.integers(0, 2, ROWS)
    copies = random.choice(ROWS, int(share * ROWS), replace=False)
    x[copies], y[copies] = x[copies[0]], 1
    alarm = duplicates.detect(unlearnt(encode([pa.table({f"x{i}": c for i, c in enumerate(x.T)})], ())[0], y))
    assert alarm.p_value < 1e-6
    assert alarm.within is not None
    assert alarm.within[copies].all()


def test_a_value_that_many_different_rows_hold_is_shared_by_chance_and_one_of_copies_is_not():
    random = np.random.default_rng(6)
    x = random.normal(size=(ROWS, 3))
    x[:100, 0], x[100:200] = 7.0, x[100]
    assert scale_of(x[:, 0], rows=x).atoms.tolist() == [7.0]
    assert len(scale_of(x[:, 1], rows=x).atoms) == 0
