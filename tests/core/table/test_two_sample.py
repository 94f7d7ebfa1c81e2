"""The statistics of two samples against scipy, against their formulas and against hand-worked examples."""

import functools
import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance

from lockgate.table import two_sample
from lockgate.table.column_pair import Ranked

COUNTS = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)), min_size=1, max_size=30)
SMALL = st.lists(st.integers(-5, 5), min_size=1, max_size=40)


def swapped(counts):
    return [(c, r) for r, c in counts]


def normal(seed: int, shift: float = 0.0, rows: int = 3_000):
    return np.random.default_rng(seed).normal(shift, size=rows)


def ranked(before, now) -> Ranked:
    found = Ranked(len(before), len(now))
    values = np.unique(np.concatenate([before, now]))
    r = np.array([np.count_nonzero(before == v) for v in values])
    c = np.array([np.count_nonzero(now == v) for v in values])
    half = len(values) // 2  # in two batches, as the engine hands them over
    for part in (slice(0, half), slice(half, None)):
        if len(r[part]):
            found.add(r[part], c[part])
    return found


@given(COUNTS)
def test_psi_is_symmetric_and_never_negative(counts):
    assert two_sample.psi(counts) == pytest.approx(two_sample.psi(swapped(counts)), abs=1e-12)
    assert two_sample.psi(counts) >= 0


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=30))
def test_psi_and_js_of_equal_counts_are_zero(counts):
    same = [(n, n) for n in counts]
    assert two_sample.psi(same) == 0
    assert two_sample.jensen_shannon(same) == 0


def test_psi_is_the_formula_when_there_are_many_rows():
    counts = [(500_000, 400_000), (300_000, 300_000), (200_000, 300_000)]
    expected = 0.1 * math.log(5 / 4) + 0.1 * math.log(3 / 2)
    assert two_sample.psi(counts) == pytest.approx(expected, rel=1e-4)


@given(COUNTS)
def test_js_lies_between_0_and_1_and_is_that_of_scipy(counts):
    found = two_sample.jensen_shannon(counts)
    assert 0 <= found <= 1
    p, q = (np.array(side, float) for side in zip(*counts, strict=True))
    if p.sum() and q.sum():
        # The root of rounding errors near 0 is 1e-8, in scipy as here.
        assert found == pytest.approx(float(np.nan_to_num(distance.jensenshannon(p, q, 2))), abs=1e-6)


def test_js_is_1_for_nothing_in_common():
    assert two_sample.jensen_shannon([(10, 0), (0, 7)]) == 1.0


@given(SMALL, SMALL)
def test_the_ks_statistic_is_the_largest_gap_between_scipys_distribution_functions(before, now):
    found = ranked(np.array(before), np.array(now))
    cdfs = [stats.ecdf(sample).cdf.evaluate(np.arange(-6, 7)) for sample in (before, now)]
    assert found.gap / (found.n * found.m) == pytest.approx(abs(cdfs[0] - cdfs[1]).max(), abs=1e-12)


@given(st.integers(1, 15), st.integers(1, 15), st.integers(0, 225))
def test_the_exact_ks_p_value_is_the_share_of_all_orders_that_reach_the_gap(n, m, gap):
    @functools.cache
    def below(i, j):
        if abs(i * m - j * n) >= gap:
            return 0
        return 1 if i == j == 0 else (below(i - 1, j) if i else 0) + (below(i, j - 1) if j else 0)

    expected = 1 - Fraction(below(n, m), math.comb(n + m, n)) if gap else 1
    assert two_sample.kolmogorov_smirnov_p(gap, n, m) == pytest.approx(float(expected), abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.2, 0.4])
def test_exact_ks_is_that_of_scipy(shift):
    before, now = normal(1, rows=300), normal(2, shift, rows=470)
    found = ranked(before, now)
    theirs = stats.ks_2samp(before, now, method="exact")
    assert two_sample.kolmogorov_smirnov_p(found.gap, found.n, found.m) == pytest.approx(
        theirs.pvalue, rel=1e-6
    )


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.05, 0.1])
def test_large_ks_is_near_the_exact_one_of_scipy(shift):
    before, now = normal(1, rows=5_000), normal(2, shift, rows=4_000)
    found = ranked(before, now)
    theirs = stats.ks_2samp(before, now, method="exact")
    assert found.gap / (found.n * found.m) == pytest.approx(theirs.statistic, abs=1e-12)
    mine = two_sample.kolmogorov_smirnov_p(found.gap, found.n, found.m)
    assert mine == pytest.approx(theirs.pvalue, abs=0.005, rel=0.05)


@pytest.mark.parametrize(
    ("n", "m", "gap"), [(1_000, 1_000, 60_000), (900, 1_100, 70_400), (40, 25_000, 200_000)]
)
def test_the_exact_law_and_its_limit_agree_where_they_meet(n, m, gap, monkeypatch):
    exact = two_sample.kolmogorov_smirnov_p(gap, n, m)
    monkeypatch.setattr(two_sample, "_EXACT_PATHS", 0)
    assert two_sample.kolmogorov_smirnov_p(gap, n, m) == pytest.approx(exact, abs=0.01)


@given(st.lists(st.tuples(st.integers(50, 500), st.integers(50, 500)), min_size=2, max_size=12))
def test_chi_square_of_common_categories_is_that_of_scipy(counts):
    n, m = map(sum, zip(*counts, strict=True))
    if all(two_sample.is_common(pair, n, m) for pair in counts):
        theirs = stats.chi2_contingency(np.array(counts).T, correction=False)
        statistic, p_value = two_sample.chi_square(counts)
        assert statistic == pytest.approx(theirs.statistic)
        assert p_value == pytest.approx(theirs.pvalue)


def test_rare_categories_are_pooled_before_chi_square():
    common = [(1_000, 980), (500, 520)]
    assert two_sample.chi_square([*common, (3, 0), (0, 4), (4, 5)]) == two_sample.chi_square(
        [*common, (7, 9)]
    )
    # A pool that is still too small joins the smallest category, and one category tells nothing.
    assert two_sample.chi_square([*common, (1, 0)]) == two_sample.chi_square([(1_000, 980), (501, 520)])
    assert two_sample.chi_square([(1_000, 1_000), (1, 0)]) == (0.0, 1.0)


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_keeps_the_order_and_never_lowers_a_p_value(p_values):
    corrected = two_sample.holm(p_values)
    pairs = sorted(zip(p_values, corrected, strict=True))
    assert all(p <= q <= 1 for p, q in pairs)
    assert all(a[1] <= b[1] for a, b in itertools.pairwise(pairs))
    if p_values:
        assert min(corrected) == pytest.approx(min(1.0, len(p_values) * min(p_values)))


def test_holm_of_an_example_worked_by_hand():
    assert two_sample.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
