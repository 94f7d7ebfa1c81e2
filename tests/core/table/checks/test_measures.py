"""The measures against brute force, scipy, and tables of which the answer is known."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lockgate.table.checks import correlation, outliers, predictive, sample
from lockgate.table.checks.skew import jensen_shannon_divergence
from lockgate.table.read import connect
from lockgate.table.typed import open_table


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from("abc"), st.sampled_from("xy")), min_size=4, max_size=60
    )
)
def test_lambda_is_that_of_counting_row_by_row(rows: list[tuple[int, str, str]]) -> None:
    counted = [(h, p, c, n) for (h, p, c), n in sorted(Counter(rows).items())]
    found = predictive.cross_fitted_lambda(counted)
    if {h for h, _, _ in rows} != {0, 1}:
        assert found is None
        return

    def commonest(classes: list[str]) -> str:
        return min(set(classes), key=lambda c: (-classes.count(c), c))

    right = common = 0
    for half in (0, 1):
        other = [r for r in rows if r[0] != half]
        here = [r for r in rows if r[0] == half]
        common += max(Counter(c for _, _, c in here).values())
        for _, part, label in here:
            same = [c for _, p, c in other if p == part] or [c for _, _, c in other]
            right += commonest(same) == label
    expected = None if len(rows) == common else max(0.0, (right - common) / (len(rows) - common))
    assert found == pytest.approx(expected)


def score(folder: Path, feature: np.ndarray, label: np.ndarray) -> float | None:
    pq.write_table(pa.table({"x": feature, "y": label}), folder / "data")
    with connect() as connection:
        table = open_table(connection, folder / "data")
        drawn = sample.draw(table, ["x", "y"])
        of_class = predictive.classes(table, "y", drawn.numbers.get("y"))
        assert of_class is not None
        return predictive.score(table, "x", of_class, drawn.numbers.get("x"))


def test_a_leak_scores_one_and_chance_scores_nothing_whatever_the_classes(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    x = draw.normal(size=30_000)
    rare = (x > np.quantile(x, 0.99)).astype(int)
    assert score(tmp_path, x, rare) == pytest.approx(1, abs=0.05)
    assert score(tmp_path, x, (x > 0).astype(int)) == pytest.approx(1, abs=0.01)
    for chance in (draw.integers(0, 2, 30_000), draw.integers(0, 5, 30_000), draw.permutation(rare)):
        assert (score(tmp_path, x, chance) or 0) < 0.02
    names = np.array([f"row {i}" for i in range(30_000)])  # as many values as rows foretell nothing
    assert (score(tmp_path, names[:9_000], rare[:9_000]) or 0) < 0.02


def test_a_sorted_table_does_not_split_its_halves_by_place(tmp_path: Path) -> None:
    y = np.repeat([0, 1], 500)
    assert score(tmp_path, np.arange(1_000), y) == pytest.approx(1, abs=0.02)


def _sample(**columns: np.ndarray) -> sample.Sample:
    numbers = {n: c.astype(float) for n, c in columns.items() if c.dtype.kind == "f"}
    codes = {n: c.astype(np.int64) for n, c in columns.items() if c.dtype.kind == "i"}
    rows = len(next(iter(columns.values())))
    return sample.Sample(np.arange(rows), True, numbers, codes)


def test_ranks_of_numbers_correlate_as_in_scipy_gaps_aside() -> None:
    draw = np.random.default_rng(4)
    x = draw.normal(size=400)
    y = np.exp(x + draw.normal(size=400))
    pair = correlation.pairs(_sample(x=x, y=y))[0]
    assert pair.value == pytest.approx(abs(stats.spearmanr(x, y).statistic), abs=1e-9)
    gaps = np.where(draw.random(400) < 0.2, np.nan, y)
    kept = np.isfinite(gaps)
    assert correlation.pairs(_sample(x=x, y=gaps))[0].value == pytest.approx(
        abs(stats.spearmanr(x[kept], y[kept]).statistic), abs=0.05
    )


def test_categories_go_together_as_in_scipy_less_what_chance_gives() -> None:
    draw = np.random.default_rng(5)
    a = draw.integers(0, 4, 600)
    b = np.where(draw.random(600) < 0.7, a, draw.integers(0, 4, 600))
    found = correlation.cramers_v(a, b)
    table = np.array([[np.sum((a == i) & (b == j)) for j in range(4)] for i in range(4)])
    assert found == pytest.approx(stats.contingency.association(table, "cramer"), abs=0.02)
    assert correlation.cramers_v(a, draw.integers(0, 4, 600)) == pytest.approx(0, abs=0.08)
    assert correlation.cramers_v(a, (a + 1) % 4) == pytest.approx(1)


def test_numbers_made_from_categories_go_with_them_and_others_do_not() -> None:
    draw = np.random.default_rng(6)
    code = draw.integers(0, 5, 1_000)
    made, other = code * 10.0 + draw.normal(size=1_000) * 0.01, draw.normal(size=1_000)
    found = {
        (p.first, p.second): p.value for p in correlation.pairs(_sample(code=code, made=made, other=other))
    }
    assert found["made", "code"] > 0.97
    assert found["other", "code"] < 0.15


@pytest.mark.parametrize(
    ("draw", "most"),
    [
        (lambda r: r.normal(size=200_000), 0),
        (lambda r: r.uniform(size=200_000), 0),
        (lambda r: r.exponential(size=200_000), 20),
        (lambda r: r.lognormal(8, 1.5, 200_000), 0),
        (lambda r: r.pareto(1.0, 200_000) + 1, 20),
        (lambda r: r.poisson(0.3, 200_000).astype(float), 20),
        (lambda r: r.standard_t(3, 200_000), 200),
    ],
)
def test_a_fence_leaves_clean_columns_of_many_shapes_inside(draw: object, most: int) -> None:
    values = draw(np.random.default_rng(8))  # type: ignore[operator]
    at = outliers.fence(values)
    beyond = sum(int((values < b).sum() if side == "low" else (values > b).sum()) for side, b in _bounds(at))
    assert beyond <= most


def _bounds(at: outliers.Fence) -> list[tuple[str, float]]:
    return [(side, b) for side, b in (("low", at.low), ("high", at.high)) if b is not None]


@pytest.mark.parametrize("share", [0.0005, 0.04])
def test_a_fence_shuts_planted_values_out_up_to_a_twentieth_of_the_rows(share: float) -> None:
    values = np.random.default_rng(9).normal(100, 15, 20_000)
    values[: int(share * 20_000)] = 9_999
    at = outliers.fence(values)
    assert at.high is not None
    assert 160 < at.high < 9_999


def test_rows_whose_values_do_not_go_together_are_found_in_no_single_column(tmp_path: Path) -> None:
    draw = np.random.default_rng(10)
    size = draw.normal(170, 8, 4_000)
    columns = {
        "size": size,
        "weight": size * 0.9 - 80 + draw.normal(0, 2, 4_000),
        "age": draw.normal(40, 9, 4_000),
    }
    planted = {n: c.copy() for n, c in columns.items()}
    planted["size"][:3], planted["weight"][:3] = 150, 95
    joint = []
    for table in (columns, planted):
        pq.write_table(pa.table(table), tmp_path / "data")
        with connect() as connection:
            opened = open_table(connection, tmp_path / "data")
            found = outliers.find(opened, sample.draw(opened, list(table)))
        assert found is not None
        assert found.rows == 0
        joint.append(found.joint)
    assert len(joint[0]) <= 1
    assert set(joint[1]) >= {0, 1, 2}


def test_a_sample_is_the_same_for_the_same_seed_and_has_the_rows_that_it_says(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": np.arange(50_000), "t": ["a", "b"] * 25_000}), tmp_path / "data")
    with connect() as connection:
        table = open_table(connection, tmp_path / "data")
        one, same, other = (sample.draw(table, ["n", "t"], seed=s, most=500) for s in (1, 1, 2))
    assert (one.rows == same.rows).all()
    assert not (one.rows == other.rows).all()
    assert not one.whole
    assert (one.numbers["n"] == one.rows).all()
    assert (one.codes["t"] == one.rows % 2).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=12))
def test_the_divergence_is_that_of_scipy(counts: list[tuple[int, int]]) -> None:
    from scipy.spatial.distance import jensenshannon

    first, second = zip(*counts, strict=True)
    found = jensen_shannon_divergence(first, second)
    if not (sum(first) and sum(second)):
        assert found is None
    else:
        assert found == pytest.approx(np.nan_to_num(jensenshannon(first, second, base=2)) ** 2, abs=1e-7)
