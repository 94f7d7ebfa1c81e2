"""Copies of a row add up over batches; an honest change of a column makes no copies."""

import numpy as np
import pytest

from lockgate.poisoning.features import Features
from lockgate.retraining.betting import threshold
from lockgate.retraining.crowds import bet_on_spot, crowds
from lockgate.retraining.surprise import Watched, _judged

NAMES = ("a", "b", "c", "kind")
LIMIT = threshold(0.1 / 4_000)


def rows(number, random, *, copies=0, noise=0.0, moved=0.0):
    x = np.column_stack([random.normal(0, 1, (number, 3)), random.integers(0, 4, number)])
    x[:copies] = np.array([0.4, -0.7, 1.1, 2.0]) + noise * random.normal(0, 1, (copies, 4)) * [1, 1, 1, 0]
    x[:, 0] += moved
    p = np.full((number, 2), 0.5)
    return _judged(np.arange(number), random.integers(0, 2, number), p), Features(
        x, (False, False, False, True), NAMES, {}
    )


def strongest(seed, batches=10, before=2_000, **changed):
    random = np.random.default_rng(seed)
    known, theirs = rows(before, random)
    accounts = {}
    for _ in range(batches):
        now, features = rows(1_000, random, **changed)
        watched = Watched(known, now, (theirs, features), ("no", "yes"), 1.0, 1.0)
        for key, account in crowds(watched, accounts).items():
            accounts[key] = accounts[key].and_then(account) if key in accounts else account
    return max((a.log_evidence for a in accounts.values()), default=0.0)


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_one_copy_in_a_hundred_rows_is_seen_after_ten_batches_and_not_after_one(noise):
    assert strongest(1, copies=10, noise=noise) > LIMIT > strongest(1, batches=1, copies=10, noise=noise)


@pytest.mark.parametrize("changed", [{}, {"moved": 0.5}, {"moved": 40.0}])
def test_rows_that_are_only_moved_are_no_copies(changed):
    assert strongest(2, **changed) < LIMIT / 2


def test_a_spot_that_is_empty_again_loses_what_it_had():
    full, empty = (bet_on_spot(count, 1_000, 0.0, 2_000) for count in (8, 0))
    assert full.and_then(empty).log_evidence < full.log_evidence


def test_the_names_of_categories_and_not_their_numbers_make_a_spot():
    random = np.random.default_rng(3)
    known, theirs = rows(500, random)
    now, features = rows(500, random, copies=20)
    move = np.array([0.0, 0.0, 0.0, 1.0])  # as a new category does that comes before the others
    keys = []
    for by in (0.0, 1.0):
        sides = [Features(f.values + by * move, f.categorical, NAMES, {}) for f in (theirs, features)]
        called = {i + by: f"k{i}" for i in range(4)}
        watched = Watched(known, now, tuple(sides), ("no", "yes"), 1.0, 1.0, categories={"kind": called})
        keys.append(set(crowds(watched, {})))
    assert keys[0]
    assert keys[0] == keys[1]
