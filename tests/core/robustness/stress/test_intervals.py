"""Intervals of a share and of differences, against the literature and against what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.robustness.stress import intervals


def test_a_share_has_the_interval_of_the_literature():
    # Newcombe 1998, Statistics in Medicine 17:857-872, table I: 81 of 263.
    low, high = intervals.share(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


def test_two_groups_have_the_interval_of_the_literature():
    # Newcombe 1998, Statistics in Medicine 17:873-890, table II, method 10: 56 of 70 and 48 of 80.
    low, high = intervals.between_groups(56, 70, 48, 80)
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


def test_before_and_after_have_the_interval_of_the_literature():
    # Newcombe 1998, Statistics in Medicine 17:2635-2650, table II, method 10: 36, 12, 2 and 0 pairs.
    low, high = intervals.before_and_after(36, 12, 2, 0)
    assert (round(low, 4), round(high, 4)) == (0.0569, 0.3404)


@given(*(st.integers(0, 400) for _ in range(4)))
def test_an_interval_of_a_drop_holds_the_drop_and_turns_its_sign_when_before_and_after_are_exchanged(
    both, lost, won, neither
):
    n = both + lost + won + neither
    if not n:
        return
    low, high = intervals.before_and_after(both, lost, won, neither)
    assert -1 - 1e-12 <= low <= (lost - won) / n + 1e-12
    assert (lost - won) / n - 1e-12 <= high <= 1 + 1e-12
    turned = intervals.before_and_after(both, won, lost, neither)
    assert np.allclose(turned, (-high, -low))


@given(st.integers(1, 300), st.data())
def test_a_surer_interval_is_wider(n, data):
    hits = data.draw(st.integers(0, n))
    low, high = intervals.between_groups(hits, n, n - hits, n, 0.05)
    lower, higher = intervals.between_groups(hits, n, n - hits, n, 0.001)
    assert lower <= low + 1e-12
    assert high <= higher + 1e-12


@pytest.mark.parametrize(
    ("keeps", "loses", "gains"), [(0.8, 0.1, 0.02), (0.9, 0.05, 0.0), (0.5, 0.2, 0.2), (0.6, 0.0, 0.0)]
)
def test_an_interval_of_a_drop_covers_the_true_one_at_least_93_times_in_100(keeps, loses, gains):
    rng = np.random.default_rng(5)
    shares = [keeps, loses, gains, 1 - keeps - loses - gains]
    drawn = rng.multinomial(120, shares, size=1000)
    ends = [intervals.before_and_after(*map(int, counts)) for counts in drawn]
    covered = np.mean([low <= loses - gains <= high for low, high in ends])
    assert covered >= 0.93
