"""Honest labels seldom raise an alarm however often one looks, and a drip adds up to one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.retraining.betting import ALPHA, SHARES, Account, account, stake, threshold


def after(batches, expected, times):
    found = Account()
    most = 0.0
    for _ in range(times):
        surprise = next(batches)
        found = found.and_then(account(surprise, np.full(len(surprise), expected)))
        most = max(most, found.log_evidence)
    return most


def draws(random, rate, rows):
    while True:
        yield (random.random(rows) < rate).astype(float)


def test_honest_labels_stay_below_the_bound_of_ville_while_looking_after_every_batch():
    random = np.random.default_rng(0)
    tops = [after(draws(random, 0.04, 50), 0.04, 20) for _ in range(2_000)]
    for level in (0.1, 0.02):
        # Accounts may start anew, so the bound is for each of at most twenty starts; one is far from used up.
        assert np.mean([top >= -math.log(level) for top in tops]) <= 2 * level


def test_a_drip_that_no_single_batch_shows_adds_up_to_an_alarm():
    random = np.random.default_rng(1)
    limit = threshold(0.3 / 8)
    dripping = [after(draws(random, 0.04 + 0.05, 100), 0.045, 10) for _ in range(50)]
    single = [after(draws(random, 0.04 + 0.05, 100), 0.045, 1) for _ in range(50)]
    assert np.mean([top >= limit for top in dripping]) >= 0.6
    assert np.mean([top >= limit for top in single]) <= 0.05


def test_an_account_that_has_lost_nearly_all_starts_anew():
    poor = Account(rows=100, expected=4.0, wealth=(-9.0,) * len(SHARES), batches=3, of=300)
    rich = account(np.ones(5), np.full(5, 0.05))
    assert poor.and_then(rich) == rich
    assert rich.and_then(rich).rows == 10


def test_more_weight_lowers_the_bar_and_a_smaller_chance_raises_it():
    assert threshold(0.5) < threshold(0.1) < threshold(0.1, ALPHA / 10)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 2)), min_size=1, max_size=30),
    st.randoms(use_true_random=False),
)
def test_wealth_is_finite_and_does_not_depend_on_the_order_of_the_rows(rows, random):
    shuffled = random.sample(rows, len(rows))
    one, two = (account(*map(np.array, zip(*side, strict=True))) for side in (rows, shuffled))
    assert all(map(math.isfinite, one.wealth))
    assert one.wealth == two.wealth


@pytest.mark.parametrize("expected", [0.0, 0.01, 0.05, 0.3, 0.74])
def test_no_share_wins_against_labels_that_show_just_what_is_expected(expected):
    odds = stake(np.array([1.0, 0.0]), np.full(2, expected))
    gain = expected * np.exp(odds[0]) + (1 - expected) * np.exp(odds[1])
    assert (gain <= 1 + 1e-12).all()
