"""Flips in small data of clear classes, sources that work together, and heaps that are natural."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("cleanlab")

from lockgate.poisoning import assess
from lockgate.poisoning.resampling import permuted_together_p

WIDE, ROWS = 6, 240


def clear(seed: int, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    """Three classes that lie apart, some rows in between."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, rows)
    return random.normal(size=(rows, WIDE)) + 2.2 * np.eye(3)[y] @ random.normal(size=(3, WIDE)), y


def table(x: np.ndarray, y: np.ndarray, **more: object) -> pa.Table:
    return pa.table({**{f"x{i}": column for i, column in enumerate(x.T)}, "label": y, **more})


def alarms(found) -> set[str]:
    return {alarm.detector for alarm in found.alarms if alarm.alarmed}


def test_a_few_random_flips_in_few_rows_of_clear_classes_are_found_and_none_in_the_clean_twin():
    x, y = clear(2)
    assert not assess(table(x, y), label="label").alarmed
    flipped = np.zeros(ROWS, dtype=bool)
    flipped[np.random.default_rng(3).choice(ROWS, 24, replace=False)] = True
    found = assess(table(x, np.where(flipped, (y + 1) % 3, y)), label="label")
    assert alarms(found) & {"label-noise", "label-pair"}
    assert found.suspects[flipped].mean() > 0.6


def test_a_class_relabelled_as_one_other_is_named_in_few_rows_of_clear_classes():
    x, y = clear(5)
    flipped = np.zeros(ROWS, dtype=bool)
    flipped[np.random.default_rng(3).choice(np.flatnonzero(y == 1), 12, replace=False)] = True
    found = assess(table(x, np.where(flipped, 2, y)), label="label")
    assert {a.label_pair for a in found.alarms if a.alarmed} == {("1", "2")}


@pytest.mark.parametrize("seed", [4, 9])
def test_a_tight_class_is_no_heap(seed):
    random = np.random.default_rng(seed)
    x, y = clear(seed)
    x[y == 0] = random.normal(0, 0.25, (int((y == 0).sum()), WIDE)) + x[y == 0].mean(axis=0)
    assert not assess(table(x, y), label="label").alarmed


def test_sources_that_flip_a_little_each_are_named_together():
    x, y = clear(7, 1_500)
    random = np.random.default_rng(1)
    x += 0.5 * random.normal(size=x.shape)
    source = random.integers(0, 10, len(y))
    assert not assess(table(x, y, source=source), label="label", source="source").alarmed
    flipped = np.isin(source, [2, 5, 8]) & (random.random(len(y)) < 0.12)
    found = assess(table(x, np.where(flipped, (y + 1) % 3, y), source=source), label="label", source="source")
    [alarm] = [a for a in found.alarms if a.detector == "source-labels"]
    assert alarm.alarmed
    assert {"2", "5", "8"} <= set(alarm.source.split(", "))


def test_groups_taken_together_are_as_often_surprising_as_the_p_value_says():
    small = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        group = random.integers(0, 8, 200)
        p, _ = permuted_together_p(random.exponential(size=200), group, np.arange(8), random, 99)
        small += p <= 0.05
    assert small <= 12  # 5 expected


def heap_p(x: np.ndarray, y: np.ndarray) -> float:
    """The smallest p value of any heap."""
    from lockgate.poisoning.density import heaps
    from lockgate.poisoning.evidence import Evidence, Labelled
    from lockgate.poisoning.features import encode

    features = encode([table(x, y)], {"label"})[0]
    batch = Labelled(y, np.eye(3)[y])
    names = ("0", "1", "2")
    return float(heaps(Evidence(batch, None, names, None, (), 0, 0.02, 99, features)).p_value.min())


def test_subsamples_of_iris_hold_no_heap_and_eight_rows_heaped_beside_them_are_one():
    from sklearn.datasets import load_iris

    x, y = load_iris(return_X_y=True)
    for seed in range(20):
        random = np.random.default_rng(seed)
        some = random.choice(len(y), 120 + seed, replace=False)
        assert heap_p(x[some], y[some]) > 0.01
        made = x.mean(axis=0) + (4 + 0.05 * random.normal(size=(8, 4))) * x.std(axis=0)
        heaped = np.vstack([x[some], made]), np.append(y[some], np.full(8, random.integers(3)))
        assert heap_p(*heaped) < 1e-4
