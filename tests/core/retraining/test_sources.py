"""A source whose labels are replaced a few at a time is seen; sources that are as noisy as ever are not."""

import numpy as np
import pytest

from lockgate.poisoning.features import Features
from lockgate.retraining.betting import ALPHA, threshold
from lockgate.retraining.cells import look
from lockgate.retraining.sources import bet_on_sources
from lockgate.retraining.surprise import Watched, _judged, _ratio

SOURCES = np.array(["a", "b", "c", "d"], dtype=object)
NAMES = ("x", "z")


def rows(number, random, *, flipped=0, of="b", noise=0.0, noisy="b", near=None):
    """Rows with labels mostly beyond doubt; some of one source, or near one number, get the other one."""
    x = random.normal(0, 1, (number, 2))
    p = 1 / (1 + np.exp(-6 * x[:, 0]))
    y = (random.random(number) < p).astype(int)
    source = random.choice(SOURCES, number)
    wrong = (source == noisy) & (random.random(number) < noise)
    y[wrong] = 1 - y[wrong]
    if near is None:
        chosen = np.flatnonzero(source == of)[:flipped]
    else:
        chosen = np.argsort(np.abs(x[:, 1] - near))[:flipped]
    y[chosen] = 1 - y[chosen]
    return _judged(np.arange(number), y, np.column_stack([1 - p, p])), source, x


def stream(seed, batches=10, size=600, before=None, **batch):
    """Return the places that alarm by the end, and their accounts."""
    random = np.random.default_rng(seed)
    reference, theirs, old = rows(2_000, random, **(before or {}))
    known = {}
    for _ in range(batches):
        now, source, new = rows(size, random, **batch)
        features = Features(old, (False, False), NAMES, {}), Features(new, (False, False), NAMES, {})
        watched = Watched(reference, now, features, ("no", "yes"), _ratio(reference), _ratio(now))
        found = look(watched, source, theirs, known)
        for place, account in found.accounts.items():
            known[place] = known[place].and_then(account) if place in known else account
    return {p for p, a in known.items() if a.log_evidence >= threshold(found.weights[p[0]], ALPHA)}


@pytest.mark.parametrize("seed", range(3))
def test_a_source_that_drips_six_labels_in_a_thousand_rows_is_named_and_no_other(seed):
    assert {p for p in stream(seed, flipped=4) if p[0] == "source"} == {("source", "b")}


@pytest.mark.parametrize("seed", range(3))
def test_one_such_batch_is_no_alarm(seed):
    assert not stream(seed, batches=1, flipped=4)


@pytest.mark.parametrize("seed", range(3))
def test_honest_sources_raise_nothing(seed):
    assert not stream(seed)


def test_a_source_that_is_as_noisy_as_in_the_reference_raises_nothing():
    assert not stream(5, before={"noise": 0.02}, noise=0.02)


def test_a_world_that_became_noisy_accuses_no_source():
    random = np.random.default_rng(6)
    raised = set()
    reference, theirs, old = rows(2_000, random)
    known = {}
    for _ in range(10):
        now, source, new = rows(600, random)
        wrong = random.random(600) < 0.02
        now = _judged(now.rows, np.where(wrong, 1 - now.labels, now.labels), now.p)
        features = Features(old, (False, False), NAMES, {}), Features(new, (False, False), NAMES, {})
        watched = Watched(reference, now, features, ("no", "yes"), _ratio(reference), _ratio(now))
        for name, account in bet_on_sources(watched, source, theirs).items():
            known[name] = known[name].and_then(account) if name in known else account
        raised |= {name for name, a in known.items() if a.log_evidence > threshold(0.1)}
    assert not raised


def test_labels_that_drip_near_one_number_are_found():
    raised = stream(7, flipped=4, near=0.3)
    assert any(place[:2] == ("value", "z") for place in raised)


def test_one_source_has_nothing_to_be_held_against():
    random = np.random.default_rng(8)
    reference, theirs, x = rows(400, random)
    features = Features(x, (False, False), NAMES, {})
    watched = Watched(reference, reference, (features, features), ("no", "yes"), 1.0, 1.0)
    assert bet_on_sources(watched, np.full(400, "a", dtype=object), theirs) == {}
    assert set(bet_on_sources(watched, theirs, None)) == set(SOURCES)


def test_a_row_without_a_source_belongs_to_none():
    random = np.random.default_rng(9)
    reference, theirs, x = rows(400, random)
    features = Features(x, (False, False), NAMES, {})
    watched = Watched(reference, reference, (features, features), ("no", "yes"), 1.0, 1.0)
    some = np.where(np.arange(400) % 2 == 0, theirs, None)
    assert sum(a.rows for a in bet_on_sources(watched, some, some).values()) == 200
