"""A value that comes with one label is seen though each label is doubtful; honest values are not."""

import numpy as np
import pytest

from lockgate.poisoning.features import Features
from lockgate.retraining.betting import ALPHA, threshold
from lockgate.retraining.cells import look
from lockgate.retraining.surprise import Watched, _judged, _ratio

NAMES = ("a", "b")


def judged(rows: int, random, *, value: int = 0, planted: bool = False):
    """Rows of two measurements with labels that are hard to tell; `value` of them have one value of `a`."""
    x = np.round(random.normal(0, 1, (rows, 2)), 3)
    p = 1 / (1 + np.exp(-0.8 * x[:, 1]))
    y = (random.random(rows) < p).astype(int)
    x[:value, 0] = 0.4567
    if planted:
        y[:value] = 1
    found = _judged(np.arange(rows), y, np.column_stack([1 - p, p]))
    return found, Features(x, (False, False), NAMES, {})


def watched(seed: int, **batch) -> Watched:
    random = np.random.default_rng(seed)
    (before, known), (now, features) = judged(2_000, random), judged(800, random, **batch)
    return Watched(before, now, (known, features), ("no", "yes"), _ratio(before), _ratio(now))


def alarms(streams):
    known = {}
    for one in streams:
        found = look(one, kept=known)
        for place, account in found.accounts.items():
            known[place] = known[place].and_then(account) if place in known else account
    return {p for p, a in known.items() if a.log_evidence >= threshold(found.weights[p[0]], ALPHA)}


def test_a_value_that_drips_in_with_one_label_adds_up():
    raised = alarms(watched(seed, value=8, planted=True) for seed in range(10))
    assert ("planted", "yes", "a") in {place[:3] for place in raised}


def test_one_batch_of_it_is_no_alarm_yet():
    assert not alarms([watched(0, value=8, planted=True)])


@pytest.mark.parametrize("value", [0, 8, 90])
def test_a_value_that_becomes_frequent_with_honest_labels_raises_nothing(value):
    assert not alarms(watched(seed, value=value) for seed in range(20, 30))


def test_places_show_no_value():
    raised = alarms([watched(1, value=90, planted=True)])
    assert raised
    assert not any("0.4567" in part for place in raised for part in place)
