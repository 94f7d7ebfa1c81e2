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
