"""Drift against a profile gives the numbers of drift against the table; and scipy's, where exact."""

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from lockgate.errors import InputError
from lockgate.table import distances, drift
from lockgate.table.comparison import Limits
from lockgate.table.engine.kernel import binned, edges_of
from lockgate.table.engine.local import profile_of
from lockgate.table.engine.pair import pair
from lockgate.table.profile_drift import compare_profiles
from lockgate.table.season import Season

ROWS = 3_000


def write(folder, name, **columns):
    pq.write_table(pa.table(columns), folder / name)
    return folder / name


def normal(seed, shift=0.0, rows=ROWS):
    return np.random.default_rng(seed).normal(shift, size=rows)


def against_profile(before, now, **more):
    reference = profile_of(before)
    return compare_profiles(reference, profile_of(now, layout=reference), **more)


@pytest.fixture
def tables(tmp_path):
    def make(name, seed, shift):
        random = np.random.default_rng(seed)
        return write(
            tmp_path,
            name,
            x=random.normal(shift, size=ROWS),
            heavy=random.lognormal(0, 3, ROWS),
            holes=pa.array(random.normal(size=ROWS), mask=random.random(ROWS) < 0.1 + shift / 5),
            few=random.integers(0, 4, ROWS),
            many=random.integers(0, 300, ROWS),
            text=pa.array([f"v{k}" for k in random.integers(0, 12 + int(shift * 10), ROWS)]),
            flag=random.random(ROWS) < 0.3 + shift / 10,
            single=random.normal(size=ROWS).astype("float32"),
            day=[datetime(2026, 1, 1 + k, tzinfo=UTC) for k in random.integers(0, 20, ROWS)],
            id=np.arange(ROWS) + seed * ROWS,
            year=np.full(ROWS, 2000 + seed),
        )

    return make("before", 1, 0.0), make("now", 2, 0.6)


def test_a_profile_says_what_the_table_says(tables):
    exact, counted = drift.compare(*tables), against_profile(*tables)
    assert counted.ignored == exact.ignored
    assert [c.column for c in counted.columns] == [c.column for c in exact.columns]
    for one, other in zip(exact.columns, counted.columns, strict=True):
        if one.column != "text":  # the new texts are one category to a profile
            assert other.psi == one.psi
            assert other.js == one.js
        if one.test == "ks":
            assert other.statistic <= one.statistic + 1e-12 <= other.statistic + other.statistic_error + 2e-12
            assert other.statistic_error < 0.011
        assert (one.column, one.drifted) == (other.column, other.drifted)


def test_beyond_the_budget_of_memory_the_answer_is_the_same_and_its_error_is_stated(tables):
    exact, counted = drift.compare(*tables), drift.compare(*tables, budget=1_000)
    for one in exact.columns:
        (other,) = [c for c in counted.columns if c.column == one.column]
        assert other.drifted == one.drifted
        if one.test == "ks":
            assert one.statistic_error == 0 < other.statistic_error < 0.02
            assert other.statistic <= one.statistic + 1e-12 <= other.statistic + other.statistic_error + 2e-12
            assert other.psi == pytest.approx(one.psi, abs=0.05)


def test_exact_values_are_those_of_scipy(tmp_path):
    one, other = normal(1), normal(2, 0.3, 2_000)
    found = drift.compare(write(tmp_path, "a", x=one), write(tmp_path, "b", x=other)).columns[0]
    assert found.statistic == pytest.approx(stats.ks_2samp(one, other).statistic, abs=1e-12)
    assert found.wasserstein * one.std(ddof=1) == pytest.approx(
        stats.wasserstein_distance(one, other), rel=1e-9
    )
    inner = np.quantile(one, np.arange(1, 10) / 10, method="inverted_cdf")
    edges = [-np.inf, np.nextafter(one.min(), -np.inf), *inner, one.max(), np.inf]
    counts = [
        np.array([((v > a) & (v <= b)).sum() for a, b in itertools.pairwise(edges)]) for v in (one, other)
    ]
    kept = counts[0] + counts[1] > 0
    p, q = (c[kept] + 0.5 for c in counts)
    p, q = p / p.sum(), q / q.sum()
    assert found.psi == pytest.approx(((p - q) * np.log(p / q)).sum(), abs=1e-9)
    assert found.js == pytest.approx(jensenshannon(*(c[kept] for c in counts), base=2), abs=1e-9)


SAMPLES = st.lists(st.integers(-4, 4) | st.floats(-1e6, 1e6), min_size=1, max_size=40)


@given(SAMPLES, SAMPLES)
def test_gap_and_wasserstein_are_those_of_scipy_with_any_ties(one, other):
    one, other = np.sort(np.array(one, dtype=float)), np.sort(np.array(other, dtype=float))
    found = pair(one, other, 20)
    places = np.concatenate([one, other])
    d = abs(stats.ecdf(one).cdf.evaluate(places) - stats.ecdf(other).cdf.evaluate(places)).max()
    assert found.gap / (len(one) * len(other)) == pytest.approx(d, abs=1e-12)
    assert found.wasserstein == pytest.approx(stats.wasserstein_distance(one, other), rel=1e-9, abs=1e-9)


@given(SAMPLES)
def test_the_bins_of_a_reference_hold_its_rows_and_none_is_outside(values):
    values = np.sort(np.array(values, dtype=float))
    bins = binned(values, np.array(edges_of(values)))
    assert sum(bins) == len(values)
    assert bins[0] == bins[-1] == 0


COUNTS = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=2, max_size=9).filter(
    lambda c: all(map(sum, zip(*c, strict=True)))
)


@given(COUNTS)
def test_distances_of_shares_are_those_of_numpy(counts):
    p, q = (np.array(side) / sum(side) for side in zip(*counts, strict=True))
    assert distances.total_variation(counts) == pytest.approx(abs(p - q).sum() / 2, abs=1e-12)
    assert distances.infinity_norm(counts) == pytest.approx(abs(p - q).max(), abs=1e-12)
    expected = np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2)
    assert distances.hellinger(counts) == pytest.approx(expected, abs=1e-12)


def test_a_measure_that_was_asked_for_makes_a_small_change_drift(tmp_path):
    before, now = write(tmp_path, "a", x=normal(1, 0, 50_000)), write(tmp_path, "b", x=normal(2, 0.1, 50_000))
    assert not drift.compare(before, now).drifted
    for measures in (["wasserstein=0.05"], ["TVD=0.02"], ["ks=0.02"], ["jensen_shannon_divergence=0.0001"]):
        assert drift.compare(before, now, limits=Limits(measures=distances.named(measures))).drifted
    for wrong, said in (("nope=1", "no measure"), ("psi", "NAME=NUMBER"), ("psi=-1", "0 or more")):
        with pytest.raises(InputError, match=said):
            distances.named([wrong])


def test_benjamini_hochberg_calls_at_least_as_many_columns_as_holm(tmp_path):
    before = write(tmp_path, "a", **{f"x{i}": normal(i) for i in range(8)})
    now = write(tmp_path, "b", **{f"x{i}": normal(50 + i, 0.06 * (i > 1)) for i in range(8)})
    holm, other = (
        drift.compare(before, now, limits=Limits(correction=name)) for name in ("holm", "benjamini-hochberg")
    )
    pairs = list(zip(holm.columns, other.columns, strict=True))
    assert all(b.p_corrected <= a.p_corrected for a, b in pairs)
    assert any(b.p_corrected < a.p_corrected for a, b in pairs)


def test_a_season_compares_mondays_with_mondays(tmp_path):
    start = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
    days = [start + timedelta(days=k % 28) for k in range(7 * ROWS)]
    weekday = np.array([day.weekday() for day in days])
    before = write(tmp_path, "before", when=days, x=normal(1, 0.0, 7 * ROWS) + weekday)
    now = write(tmp_path, "now", when=[start + timedelta(days=28)] * ROWS, x=normal(2))
    assert drift.compare(before, now, columns=["x"]).drifted
    same = drift.compare(before, now, columns=["x"], same=Season("when", "weekday"))
    assert not same.drifted
    assert same.rows_reference == ROWS
    with pytest.raises(InputError, match="no row of the months"):
        drift.compare(
            before,
            write(tmp_path, "june", when=[datetime(2026, 6, 1, tzinfo=UTC)] * ROWS, x=normal(2)),
            same=Season("when", "month"),
        )
    with pytest.raises(InputError, match="no dates or time stamps"):
        drift.compare(before, now, same=Season("x", "month"))


# --- Bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize("compare", [drift.compare, against_profile])
def test_one_row_and_constants_are_never_drift_by_accident(tmp_path, compare):
    one = write(tmp_path, "one", x=[1.0], c=["a"])
    found = compare(one, one)
    assert all(c.drifted is None and "1 rows" in c.reason for c in found.columns)
    constant = write(tmp_path, "constant", x=np.ones(ROWS), c=["a"] * ROWS)
    assert not compare(constant, constant).drifted
    moved = write(tmp_path, "moved", x=np.ones(ROWS) + 1, c=["b"] * ROWS)
    assert {c.column for c in compare(constant, moved).drifted} == {"x", "c"}


@pytest.mark.parametrize("compare", [drift.compare, against_profile])
def test_infinities_are_counted_and_nan_is_missing(tmp_path, compare):
    wild = np.where(np.arange(ROWS) % 3 == 0, np.inf, normal(3))
    holes = np.where(np.arange(ROWS) % 3 == 0, np.nan, normal(4))
    before = write(tmp_path, "before", x=normal(1), y=normal(2))
    found = compare(before, write(tmp_path, "now", x=wild, y=holes))
    assert {c.column for c in found.drifted} == {"x", "y"}
    assert [c.missing_current for c in found.columns] == [0, pytest.approx(1 / 3, abs=0.01)]
    assert not compare(before, write(tmp_path, "same", x=normal(5), y=normal(6))).drifted


@pytest.mark.parametrize("compare", [drift.compare, against_profile])
def test_a_column_without_a_value_and_tables_without_a_common_column_are_refused(tmp_path, compare):
    before = write(tmp_path, "before", x=normal(1))
    with pytest.raises(InputError, match="no value at all"):
        compare(before, write(tmp_path, "none", x=pa.nulls(ROWS, pa.float64())))
    with pytest.raises(InputError, match="share no column"):
        compare(before, write(tmp_path, "other", y=normal(2)))
    with pytest.raises(InputError, match="no rows"):
        compare(before, write(tmp_path, "empty", x=pa.array([], pa.float64())))


@pytest.mark.parametrize("compare", [drift.compare, against_profile])
def test_ten_thousand_categories_are_undecided_or_equal_and_never_drift_alone(tmp_path, compare):
    def texts(seed):
        return [f"c{k}" for k in np.random.default_rng(seed).integers(0, 10_000, 20_000)]

    found = compare(write(tmp_path, "before", c=texts(1)), write(tmp_path, "now", c=texts(2)))
    assert not found.drifted


@pytest.mark.parametrize("compare", [drift.compare, against_profile])
def test_time_zones_are_one_time_and_decimals_are_numbers(tmp_path, compare):
    utc = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=k) for k in range(ROWS)]
    money = [Decimal(k % 500) / 100 for k in range(ROWS)]
    before = write(tmp_path, "before", when=pa.array(utc, pa.timestamp("us", tz="UTC")), money=money)
    same = write(tmp_path, "same", when=pa.array(utc, pa.timestamp("us", tz="Asia/Tokyo")), money=money)
    found = compare(before, same, columns=["when", "money"])
    assert not found.retyped
    assert [c.psi for c in found.columns] == [0, 0]
    dearer = write(tmp_path, "dearer", when=same_times(utc), money=[m + 2 for m in money])
    assert {c.column for c in compare(before, dearer, columns=["when", "money"]).drifted} == {"when", "money"}


def same_times(times):
    return pa.array([t + timedelta(days=1) for t in times], pa.timestamp("us", tz="UTC"))


def test_nested_values_are_compared_as_a_whole_or_named_as_left_out(tmp_path):
    before = write(tmp_path, "before", x=normal(1), tags=[["a"], ["b"]] * (ROWS // 2))
    now = write(tmp_path, "now", x=normal(2), tags=[["a"], ["c"]] * (ROWS // 2))
    assert [c.column for c in drift.compare(before, now).drifted] == ["tags"]
    assert "nested" in against_profile(before, now).ignored["tags"]


def test_a_renamed_and_a_retyped_column_are_named(tmp_path):
    before = write(tmp_path, "before", x=normal(1), y=normal(2), z=normal(3))
    now = write(tmp_path, "now", x=normal(4), new=normal(5), z=[f"{v}" for v in normal(6)])
    found = against_profile(before, now)
    assert (found.missing, found.extra, list(found.retyped)) == (["y"], ["new"], ["z"])
