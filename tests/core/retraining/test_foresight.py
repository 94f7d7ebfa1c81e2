"""What a stream would have shown: clear labels show small drips, doubtful ones hide them; it is reported."""

import numpy as np

from lockgate.outcome import Outcome
from lockgate.poisoning.features import Features
from lockgate.retraining.betting import ALPHA
from lockgate.retraining.cells import look
from lockgate.retraining.foresight import SHARES, Foreseen, foresee, record
from lockgate.retraining.surprise import Watched, _judged, _ratio


def watched(clear, seed=1, rows=(2_000, 800)):
    random = np.random.default_rng(seed)
    sides, sources = [], []
    for number in rows:
        x = random.normal(0, 1, (number, 3))
        p = 1 / (1 + np.exp(-clear * x[:, 0]))
        y = (random.random(number) < p).astype(int)
        sides.append(
            (
                _judged(np.arange(number), y, np.column_stack([1 - p, p])),
                Features(x, (False,) * 3, ("a", "b", "c"), {}),
            )
        )
        sources.append(random.choice(np.array(["s", "t", "u"], dtype=object), number))
    (before, old), (now, new) = sides
    return Watched(before, now, (old, new), ("no", "yes"), _ratio(before), _ratio(now)), sources


def smallest(clear):
    seen, (theirs, mine) = watched(clear)
    found = look(seen, mine, theirs)
    return {f.planted: f.smallest for f in foresee(seen, mine, theirs, found, alpha=ALPHA, seed=0)}


def test_where_labels_are_clear_smaller_drips_are_seen_than_where_they_are_not():
    clear, doubtful = smallest(8.0), smallest(0.7)
    one = "changed labels of one source"
    assert clear[one] is not None
    assert doubtful[one] is None or doubtful[one] > clear[one]
    assert all(share is None or share in SHARES for share in (*clear.values(), *doubtful.values()))


def test_the_same_batch_and_seed_give_the_same_answer():
    assert smallest(3.0) == smallest(3.0)


def test_without_sources_no_source_is_spoken_of():
    seen, _ = watched(3.0)
    said = [f.planted for f in foresee(seen, None, None, look(seen), alpha=ALPHA, seed=0)]
    assert said
    assert not any("source" in each for each in said)


def test_the_report_names_what_is_hidden_and_is_silent_where_nothing_is():
    blind, clear = Outcome(), Outcome()
    record(blind, [Foreseen("copies of one row", 0.006), Foreseen("labels changed at random", None)])
    record(clear, [Foreseen("copies of one row", SHARES[0])])
    assert blind.facts["This stream could not have seen"] == (
        "copies of one row in less than 0.6%; labels changed at random in up to 5% of the rows"
    )
    assert [f.rule for f in blind.findings] == ["LG-RETRAIN-012"]
    assert blind.metrics["smallest_drip"] == {"copies of one row": 0.006, "labels changed at random": None}
    assert not clear.findings
    assert "This stream could not have seen" not in clear.facts
