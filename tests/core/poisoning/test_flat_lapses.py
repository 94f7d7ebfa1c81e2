"""Labels that were flipped in a tenth to a third of the rows, and doubt that is as large by nature."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("cleanlab")

from lockgate.poisoning import assess
from lockgate.poisoning.agreeing import Agreeing
from lockgate.poisoning.features import encode
from lockgate.poisoning.flat import flat_lapse, flat_pair, told_apart

ROWS, WIDE = 260, 6


def clear(seed: int, rows: int = ROWS, apart: float = 2.2) -> tuple[np.ndarray, np.ndarray]:
    """Two classes, whose means lie twice `apart` standard deviations from each other."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, rows)
    return random.normal(size=(rows, WIDE)) + apart * 2 / np.sqrt(WIDE) * y[:, None], y


def doubtful(seed: int, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    """A label that follows a sum of columns, with as much doubt as a fifth of flips makes."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, WIDE))
    z = x.sum(axis=1) / np.sqrt(WIDE)
    return x, (random.random(rows) < 1 / (1 + np.exp(-2.2 * z))).astype(int)


def found(x: np.ndarray, y: np.ndarray):
    return assess(
        pa.table({**{f"x{i}": column for i, column in enumerate(x.T)}, "label": y}),
        label="label",
        canary=False,
    )


@pytest.mark.parametrize("share", [0.2, 0.3])
def test_many_random_flips_in_few_rows_of_clear_classes_are_found(share):
    x, y = clear(1)
    flipped = np.random.default_rng(2).permutation(ROWS) < share * ROWS
    answer = found(x, np.where(flipped, 1 - y, y))
    [alarm] = [a for a in answer.alarms if a.alarmed]
    assert alarm.detector == "label-noise"
    assert share - 0.1 < alarm.share < share + 0.1
    assert answer.suspects[flipped].mean() > 0.7
    assert answer.suspects[~flipped].mean() < 0.15


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_as_many_contradictions_by_doubt_are_no_flips(seed):
    assert not found(*doubtful(seed)).alarmed


def test_a_tenth_of_the_rows_relabelled_from_one_of_two_classes_is_named_and_nothing_in_the_clean_twin():
    x, y = clear(4, 500, 1.7)
    assert not found(x, y).alarmed
    flipped = np.zeros(500, dtype=bool)
    flipped[np.random.default_rng(3).choice(np.flatnonzero(y == 0), 50, replace=False)] = True
    answer = found(x, np.where(flipped, 1, y))
    assert {a.label_pair for a in answer.alarms if a.alarmed} == {("0", "1")}
    assert answer.suspects[flipped].mean() > 0.7


def looked(contradicted: np.ndarray, rows: int = 240) -> Agreeing:
    """A second look at rows taken for two classes by turns, the surest first."""
    predicted = np.arange(rows) % 2
    certainty = np.linspace(0.999, 0.901, rows)
    probabilities = np.where(predicted[:, None] == np.arange(2), certainty[:, None], 1 - certainty[:, None])
    labels = np.where(contradicted, 1 - predicted, predicted)
    return Agreeing(np.arange(rows), labels, probabilities, probabilities)


def test_what_lapses_in_one_class_alone_is_a_pair_and_no_noise():
    at, random = np.arange(240), np.random.default_rng(0)
    one = looked((at % 2 == 0) & (at // 2 % 6 == 0) | (at > 225))
    p, was, became, share = flat_pair(one, random, 999)
    assert (was, became) == (0, 1)
    assert p < 1e-3
    assert 0.1 < share < 0.3
    assert flat_lapse(one.probabilities, one.labels, random, 999).p_value > 0.05


def test_what_lapses_in_both_classes_is_noise_and_no_pair():
    random = np.random.default_rng(0)
    both = looked(np.random.default_rng(1).random(240) < 0.2)
    assert flat_pair(both, random, 999)[0] == 1.0
    lapse = flat_lapse(both.probabilities, both.labels, random, 999)
    assert lapse.p_value < 0.01
    assert 0.1 <= lapse.share <= 0.3


@pytest.mark.parametrize("seed", range(5))
def test_doubt_that_is_one_half_at_the_boundary_says_nothing(seed):
    doubt = 1 / (1 + np.exp(np.linspace(3.0, 0.0, 240)))
    fading = looked(np.random.default_rng(seed).random(240) < doubt)
    random = np.random.default_rng(0)
    assert flat_lapse(fading.probabilities, fading.labels, random, 999).p_value > 0.05
    assert flat_pair(fading, random, 999)[0] == 1.0


def test_a_class_that_is_hard_to_see_in_a_third_of_its_rows_is_no_pair():
    at = np.arange(240)
    hidden = (at % 2 == 0) & (at // 2 % 3 == 0)
    assert flat_pair(looked(hidden), np.random.default_rng(0), 999)[0] == 1.0


def test_rows_that_lie_together_are_told_from_the_others_and_rows_drawn_at_random_are_not():
    random = np.random.default_rng(6)
    x = random.normal(size=(400, WIDE))
    features = encode([pa.table({f"x{i}": column for i, column in enumerate(x.T)})], set())[0]
    near = np.argsort((x**2).sum(axis=1))[:90]
    together, anywhere = np.zeros((2, 400), dtype=bool)
    together[random.choice(near, 40, replace=False)] = True
    anywhere[random.choice(400, 40, replace=False)] = True
    assert told_apart(features, together, 0) < 1e-3
    assert told_apart(features, anywhere, 0) > 0.05
    assert told_apart(features, np.zeros(400, dtype=bool), 0) == 1.0


def test_a_cluster_that_has_the_other_label_is_no_relabelled_class_as_random_rows_are():
    random = np.random.default_rng(1)
    x, y = clear(4, 500, 1.7)
    there = np.flatnonzero(y == 0)
    near = there[np.argsort(np.abs(x[there, 0] + 1.5))][:70]
    named = {}
    for which, of in (("cluster", near), ("random", there)):
        labels = y.copy()
        labels[random.choice(of, 40, replace=False)] = 1
        named[which] = {a.label_pair for a in found(x, labels).alarms if a.alarmed}
    assert named == {"cluster": set(), "random": {("0", "1")}}
