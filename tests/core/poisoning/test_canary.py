"""What a run would have found; windows of time; where suspects come from."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("cleanlab")

from lockgate.errors import InputError
from lockgate.outcome import Outcome, Verdict
from lockgate.poisoning import assess
from lockgate.poisoning.canary import Canary
from lockgate.poisoning.hindsight import judge_canaries
from lockgate.poisoning.label_window import windows
from lockgate.poisoning.origin import places

ROWS = 900


def orders(seed: int, noise: float = 1.0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, ROWS)
    x = {f"x{i}": noise * random.normal(size=ROWS) + (2.5 * y if i < 3 else 0.0) for i in range(5)}
    return {**x, "day": np.arange(ROWS) // 9, "shop": random.integers(0, 6, ROWS)}, y


def assessed(columns: dict[str, np.ndarray], y: np.ndarray, **more):
    return assess(pa.table({**columns, "label": y}), label="label", source="shop", timestamp="day", **more)


def test_what_would_have_been_found_is_said_for_each_detector_and_is_less_in_noisier_data():
    clear = {c.detector: c.smallest for c in assessed(*orders(1), canary=True).canaries}
    assert clear["source-labels"] is not None
    assert clear["trigger"] is not None
    assert clear["near-duplicates"] is not None
    columns, y = orders(1)
    doubtful = np.where(np.random.default_rng(2).random(ROWS) < 0.35, 1 - y, y)
    noisy = {c.detector: c.smallest for c in assessed(columns, doubtful, canary=True, alpha=0.01).canaries}
    assert (noisy["source-labels"] or 1.0) > clear["source-labels"]


def test_a_heap_is_found_in_a_table_of_many_columns():
    random = np.random.default_rng(3)
    y = random.integers(0, 2, 600)
    columns = {f"x{i}": random.normal(size=600) + (2.0 * y if i < 3 else 0.0) for i in range(16)}
    found = assess(pa.table({**columns, "label": y}), label="label", canary=True)
    smallest = {c.detector: c.smallest for c in found.canaries}
    assert smallest["cluster"] is not None
    assert smallest["near-duplicates"] is not None


def test_in_images_squares_are_planted():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    pixels = {f"pixel_{i}_{j}": x[:800, 8 * i + j] for i in range(8) for j in range(8)}
    found = assess(pa.table({**pixels, "label": y[:800]}), label="label", canary=True)
    planted = {c.detector: c for c in found.canaries}
    assert "square" in planted["trigger"].planted
    assert planted["trigger"].smallest in (0.01, 0.03)
    assert "square" in planted["clean-label-trigger"].planted


def test_a_table_that_alarms_needs_no_canary():
    columns, y = orders(1)
    lies = columns["shop"] == 2
    found = assessed(columns, np.where(lies, 1 - y, y), canary=True)
    assert found.alarmed
    assert found.canaries == []


@pytest.mark.parametrize(
    ("smallest", "must_find", "verdict"),
    [
        ((0.03, None), 1.0, Verdict.PASS),
        ((None, None), 1.0, Verdict.INCONCLUSIVE),
        ((0.03, None), 0.05, Verdict.INCONCLUSIVE),
        ((0.03, 0.1), 0.05, Verdict.INCONCLUSIVE),
        ((0.03, 0.01), 0.05, Verdict.PASS),
    ],
)
def test_a_run_that_overlooks_more_than_it_may_decides_nothing(smallest, must_find, verdict):
    outcome = Outcome()
    canaries = [Canary(f"d{i}", "something", share, 900) for i, share in enumerate(smallest)]
    judge_canaries(outcome, canaries, must_find)
    assert outcome.verdict is verdict
    assert ("This run could not have seen" in outcome.facts) == (smallest != (0.03, 0.01) or 0.03 in smallest)


def test_days_of_flipped_labels_are_named_and_another_mix_of_classes_is_no_alarm():
    columns, y = orders(4)
    assert not assessed(columns, y).alarmed
    lies = (columns["day"] >= 40) & (columns["day"] < 50)
    found = assessed(columns, np.where(lies, 1 - y, y))
    [alarm] = [a for a in found.alarms if a.alarmed]
    assert (alarm.rule, alarm.source) == ("LG-POISON-008", "window 5 of 10")
    assert found.suspects[lies].mean() > 0.9
    assert found.suspects[~lies].mean() < 0.02
    assert [place.name for place in found.origins["window-labels"]] == ["window 5 of 10"]

    by_class = np.argsort(y + np.random.default_rng(1).normal(size=ROWS), kind="stable")
    sorted_ = {name: column[by_class] for name, column in columns.items()} | {"day": columns["day"]}
    assert not assessed(sorted_, y[by_class]).alarmed


@pytest.mark.parametrize("count", [1, 49, 100, 499, 5_000])
def test_every_row_with_a_time_is_in_one_window_and_rows_of_one_time_stay_together(count):
    times = np.random.default_rng(count).integers(0, 40, count).astype(np.float64)
    times[::7] = np.nan
    number, names = windows(times)
    assert ((number == -1) == np.isnan(times)).all()
    assert number.max(initial=-1) < len(names) <= 10
    for moment in np.unique(times[~np.isnan(times)]):
        assert len(np.unique(number[times == moment])) == 1


def test_suspects_of_one_source_name_it_and_suspects_from_anywhere_name_none():
    random = np.random.default_rng(0)
    source = random.integers(0, 5, 1_000)
    [place] = places((source == 3) & (random.random(1_000) < 0.3), source, list("abcde"))
    assert (place.name, place.of_suspects) == ("d", 1.0)
    assert place.of_rows == pytest.approx(0.2, abs=0.05)
    assert places(random.random(1_000) < 0.05, source, list("abcde")) == []


def test_a_timestamp_that_is_text_or_the_label_cannot_be_used():
    columns, y = orders(1)
    with pytest.raises(InputError, match="times or numbers"):
        assessed({**columns, "day": np.array([f"d{d}" for d in columns["day"]])}, y)
    with pytest.raises(InputError, match="name another"):
        assess(pa.table({**columns, "label": y}), label="label", timestamp="label")
