"""A value that comes with one label is seen though each label is doubtful; honest values are not."""

import numpy as np
import pytest

from lockgate.poisoning.features import Features
from lockgate.retraining.betting import ALPHA, threshold
from lockgate.retraining.cells import look
from lockgate.retraining.planted import SHIFT, honest_shifts
from lockgate.retraining.surprise import Watched, _judged, _ratio
from lockgate.retraining.values import Column, key_of

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


def grid(rows: int, random, *, planted: int = 0, moved: float = 0.0):
    """Rows of counts up to 99 and four kinds, with labels that are hard to tell; a joint of two is planted.

    `moved`: by how much, in log odds, each count moves the label beyond what the models say.
    """
    x = np.column_stack([random.integers(0, 100, rows), random.integers(0, 4, rows)]).astype(float)
    p = np.full(rows, 0.3)
    own = moved * np.where(x[:, 0] % 2, 1.0, -1.0)
    y = (random.random(rows) < p * np.exp(own) / (1 - p + p * np.exp(own))).astype(int)
    x[:planted], y[:planted] = (42.0, 3.0), 1
    found = _judged(np.arange(rows), y, np.column_stack([1 - p, p]))
    return found, Features(x, (False, False), ("count", "kind"), {})


def grids(seeds, *, moved: float = 0.0, **batch):
    for seed in seeds:
        random = np.random.default_rng(seed)
        (before, known), (now, features) = grid(3_000, random, moved=moved), grid(1_000, random, **batch)
        yield Watched(before, now, (known, features), ("no", "yes"), _ratio(before), _ratio(now))


def test_a_common_number_and_a_common_kind_that_seldom_come_together_are_a_place():
    raised = alarms(grids(range(10), planted=6))
    assert ("planted", "yes", "count", "kind") in {place[:4] for place in raised}


def test_the_same_without_planting_raises_nothing():
    assert not alarms(grids(range(10)))


def test_what_values_do_to_labels_is_measured():
    shifts = [honest_shifts(w, Column(w, 0)) for move in (0.0, 0.4, 3.0) for w in grids([7], moved=move)]
    assert (shifts[0] < 0.5).all()
    assert (shifts[0] < shifts[1]).all()
    assert (shifts[2] == SHIFT).all()


def test_a_world_that_changes_for_a_column_allows_its_values_more():
    random = np.random.default_rng(3)
    (before, known), (now, features) = grid(3_000, random), grid(1_000, random)
    halves = np.where(features.values[:, 0] < 50, now.labels, 1 - now.labels)
    same, other = (
        Watched(before, side, (known, features), ("no", "yes"), 1.0, 1.0)
        for side in (now, now.labelled(halves))
    )
    assert (honest_shifts(other, Column(other, 0)) == SHIFT).all()
    assert (honest_shifts(same, Column(same, 0)) < SHIFT).all()


def test_numbers_that_become_frequent_side_by_side_are_no_places_of_their_own():
    """A column that is measured otherwise fills many numbers next to each other; a trigger fills one."""
    random = np.random.default_rng(5)
    (before, known), (now, features) = grid(3_000, random), grid(1_000, random)

    def with_kind(numbers) -> Watched:
        values, labels = features.values.copy(), now.labels.copy()
        for number in numbers:
            rows = np.flatnonzero(values[:, 0] == number)
            values[rows, 1], labels[rows] = 9.0, 1
        there = Features(values, (False, False), features.names, {})
        return Watched(before, now.labelled(labels), (known, there), ("no", "yes"), 1.0, 1.0)

    counts = np.bincount(features.values[:, 0].astype(int), minlength=100)
    middle = next(n for n in range(40, 60) if counts[n - 1 : n + 2].min() > 4)
    numbers = repeated(known, features)
    exact = [
        {p for p in look(with_kind(n)).accounts if p[0] == "planted" and p[-1] in numbers}
        for n in ([middle], [middle - 1, middle, middle + 1])
    ]
    assert exact[0]
    assert not exact[1]


def repeated(known, features) -> set[str]:
    """Keys of repeated numbers of the first column together with the kind 9."""
    column = Column(Watched(None, None, (known, features), (), 1.0, 1.0), 0)
    return {f"{key}+{key_of('kind', 'value', '9.0')}" for key in column.keys[: column.repeated]}


def told_by_another(rows: int, random, *, value: int, planted: bool = False):
    """Rows of which half have the label "yes" for another reason; those with one value of `a` are planted."""
    x = np.round(random.normal(0, 1, (rows, 2)), 3)
    p = np.where(x[:, 1] > 0, 0.95, 0.03)
    y = (random.random(rows) < p).astype(int)
    chosen = np.flatnonzero(x[:, 1] <= 0)[:value] if planted else np.arange(value)
    x[chosen, 0] = 0.4567
    if planted:
        y[chosen] = 1
    return _judged(np.arange(rows), y, np.column_stack([1 - p, p])), Features(x, (False, False), NAMES, {})


@pytest.mark.parametrize("planted", [True, False])
def test_a_value_whose_rows_have_the_label_for_another_reason_hides_no_planted_rows(planted):
    random = np.random.default_rng(3)
    before, known = told_by_another(2_000, random, value=20)
    now, features = told_by_another(800, random, value=20, planted=planted)
    raised = alarms([Watched(before, now, (known, features), ("no", "yes"), _ratio(before), _ratio(now))])
    assert (("planted", "yes", "a") in {place[:3] for place in raised}) is planted
