"""Flips in small data of clear classes, sources that work together, and heaps that are natural."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("cleanlab")

from lockgate.poisoning import assess
from lockgate.poisoning.agreeing import Agreeing
from lockgate.poisoning.contradictions import sure_contradictions
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


@pytest.mark.parametrize("split", range(3))
def test_a_twentieth_of_flips_beside_a_small_baseline_is_found_and_none_in_the_clean_twin(split):
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(split).permutation(len(y))
    known, here = order[:284], order[284:]
    baseline = table(x[known], y[known])
    assert not assess(table(x[here], y[here]), label="label", baseline=baseline).alarmed
    flipped = np.random.default_rng([split, 3]).permutation(len(here)) < 14
    found = assess(table(x[here], np.where(flipped, 1 - y[here], y[here])), label="label", baseline=baseline)
    assert alarms(found) & {"label-noise", "label-pair"}


def test_a_class_relabelled_as_one_other_is_named_in_few_rows_of_clear_classes():
    x, y = clear(5)
    flipped = np.zeros(ROWS, dtype=bool)
    flipped[np.random.default_rng(3).choice(np.flatnonzero(y == 1), 12, replace=False)] = True
    found = assess(table(x, np.where(flipped, 2, y)), label="label")
    assert {a.label_pair for a in found.alarms if a.alarmed} == {("1", "2")}


@pytest.mark.parametrize("seed", [13, 17])
def test_three_per_cent_of_random_flips_are_found_in_few_rows_of_very_clear_classes(seed):
    x, y = clear(seed, 160)
    x = x + 3 * np.eye(WIDE)[y]
    assert not assess(table(x, y), label="label").alarmed
    flipped = np.zeros(len(y), dtype=bool)
    flipped[np.random.default_rng(3).choice(len(y), 5, replace=False)] = True
    found = assess(table(x, np.where(flipped, (y + 1 + flipped.cumsum() % 2) % 3, y)), label="label")
    assert "label-noise" in alarms(found)
    assert found.suspects[flipped].mean() > 0.6
    assert found.suspects[~flipped].mean() < 0.02


def seen(at: tuple[int, ...], unsurest: int = 0, *, one_label: bool = False, **more: bool) -> Agreeing:
    """A second look at 160 rows, the surest first, contradicted at some of them and at the last ones."""
    rows = 160
    predicted = np.zeros(rows, dtype=np.int64) if one_label else np.arange(rows) % 2
    certainty = np.linspace(0.999, 0.901, rows)
    wrong = np.isin(np.arange(rows), at) | (np.arange(rows) >= rows - unsurest)
    probabilities = np.where(predicted[:, None] == np.arange(2), certainty[:, None], 1 - certainty[:, None])
    labels = np.where(wrong, 1 - predicted, predicted)
    return Agreeing(np.arange(rows), labels, probabilities, probabilities, **more)


def test_as_many_contradictions_say_less_where_the_classes_meet_in_more_rows():
    at = (3, 20, 41)
    very, fairly, meets = (sure_contradictions(seen(at, unsurest))[0] for unsurest in (0, 4, 6))
    assert very < 1e-4 < fairly < meets
    assert sure_contradictions(seen((), 6)) == (1.0, 0.0)


def test_contradictions_that_lie_where_sure_models_are_least_sure_say_nothing():
    assert sure_contradictions(seen((3, 18, 41, 60, 72, 95)))[0] < 1e-6
    assert sure_contradictions(seen((60, 81, 90, 93, 96, 99))) == (1.0, 0.0)


def test_where_classes_are_fairly_clear_contradictions_that_fade_or_carry_one_label_say_nothing():
    at = tuple(range(0, 60, 6))
    p, share = sure_contradictions(seen(tuple(i + i // 6 % 2 for i in at), clear=False, fades=False))
    assert p < 1e-3
    assert share > 0.05
    assert sure_contradictions(seen(at, clear=False, fades=True)) == (1.0, 0.0)
    assert sure_contradictions(seen(at, one_label=True, clear=False, fades=False)) == (1.0, 0.0)


@pytest.mark.parametrize("seed", [1, 5])
def test_a_cluster_of_one_class_that_lies_within_another_is_no_noise(seed):
    x, y = two(seed, 900, 1.2)
    inside = (y == 1) & (np.random.default_rng(seed).random(len(y)) < 0.08)
    x[inside] -= 2 * 1.2 / np.sqrt(WIDE)
    assert "label-noise" not in alarms(assess(table(x, y), label="label"))


def test_a_class_that_no_model_can_tell_from_the_next_one_is_no_relabelled_class():
    from sklearn.datasets import make_gaussian_quantiles

    x, y = make_gaussian_quantiles(n_samples=800, n_features=5, n_classes=3, random_state=943499)
    assert not alarms(assess(table(x, y), label="label", seed=101))


def two(seed: int, rows: int = ROWS, apart: float = 2.5) -> tuple[np.ndarray, np.ndarray]:
    """Two classes, whose means lie twice `apart` standard deviations from each other."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, rows)
    return random.normal(size=(rows, WIDE)) + apart * 2 / np.sqrt(WIDE) * y[:, None], y


@pytest.mark.parametrize("seed", [1, 6])
def test_one_of_two_clear_classes_relabelled_in_part_is_named_and_nothing_in_the_clean_twin(seed):
    x, y = two(seed)
    assert not assess(table(x, y), label="label").alarmed
    flipped = np.zeros(ROWS, dtype=bool)
    flipped[np.random.default_rng(3).choice(np.flatnonzero(y == 0), 14, replace=False)] = True
    found = assess(table(x, np.where(flipped, 1, y)), label="label")
    assert {a.label_pair for a in found.alarms if a.alarmed} == {("0", "1")}
    assert found.suspects[flipped].mean() > 0.8
    assert found.suspects[~flipped].mean() < 0.02


def test_a_rare_class_of_which_a_third_looks_like_the_other_one_is_no_relabelled_class():
    random = np.random.default_rng(8)
    x, y = two(8, 800, 3.0)
    kept = (y == 0) | (random.random(800) < 0.2)
    x, y = x[kept], y[kept]
    hidden = (y == 1) & (random.random(len(y)) < 0.33)
    x[hidden] = x[random.choice(np.flatnonzero(y == 0), int(hidden.sum()))]
    x[hidden] += 0.3 * random.normal(size=x[hidden].shape)
    assert "label-pair" not in alarms(assess(table(x, y), label="label"))


def states(seed: int, rows: int = 2_000) -> tuple[np.ndarray, np.ndarray]:
    """Three states of a machine: most are sound, some worn, and a few of the worn ones fail."""
    random = np.random.default_rng(seed)
    hours, load, hall = random.gamma(2.0, 0.5, rows), random.beta(4, 2, rows), random.random(rows) < 0.2
    wear = hours + 1.2 * load + 0.3 * hall
    heat, shake = 40 + 9 * wear + random.normal(0, 3, rows), 0.5 * wear + random.normal(0, 0.25, rows)
    y = np.digitize(wear + random.normal(0, 0.2, rows), [2.1, 3.2])
    return np.column_stack([hours, load, hall, heat, np.exp(shake), random.normal(60, 6, rows)]), y


@pytest.mark.parametrize("seed", [1, 3, 5])
def test_the_rarest_of_three_states_that_is_hard_to_see_is_no_relabelled_class(seed):
    assert not assess(table(*states(seed)), label="label", seed=seed).alarmed


@pytest.mark.parametrize("seed", [2, 6])
def test_one_of_three_states_relabelled_in_part_is_named(seed):
    x, y = states(seed)
    flipped = np.zeros(len(y), dtype=bool)
    flipped[np.random.default_rng(3).choice(np.flatnonzero(y == 0), 140, replace=False)] = True
    found = assess(table(x, np.where(flipped, 1, y)), label="label", seed=seed)
    assert ("0", "1") in {a.label_pair for a in found.alarms if a.alarmed}


@pytest.mark.parametrize("seed", range(4))
def test_flips_all_over_clear_classes_accuse_no_source(seed):
    x, y = clear(20 + seed, 400)
    random = np.random.default_rng(seed)
    source = random.integers(0, 8, len(y))
    flipped = random.random(len(y)) < 0.06
    found = assess(table(x, np.where(flipped, (y + 1) % 3, y), source=source), label="label", source="source")
    assert found.alarmed
    assert "source-labels" not in alarms(found)


def test_classes_that_overlap_get_no_second_look():
    from lockgate.poisoning.agreeing import second_look
    from lockgate.poisoning.evidence import Evidence, Labelled
    from lockgate.poisoning.features import encode
    from lockgate.poisoning.surprise import out_of_sample

    looked = {}
    for apart in (0.6, 2.5):
        x, y = two(3, 400, apart)
        features = encode([table(x, y)], {"label"})[0]
        batch = Labelled(y, out_of_sample(features, y, 2, 0)[0])
        again = second_look(Evidence(batch, None, ("0", "1"), None, (), 0, 0.02, 99, features))
        looked[apart] = again is not None and again.clear
    assert looked == {0.6: False, 2.5: True}


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


def test_a_heap_that_the_baseline_has_too_is_natural_and_a_new_one_is_not():
    x, y = clear(7)
    earlier, z = clear(8)
    random = np.random.default_rng(9)
    place = x.mean(axis=0) + 4 * x.std(axis=0)

    def heaped(x: np.ndarray, y: np.ndarray, rows: int) -> pa.Table:
        made = place + 0.05 * random.normal(size=(rows, WIDE))
        return table(np.vstack([x, made]), np.append(y, np.zeros(rows, dtype=int)))

    now = heaped(x, y, 20)
    same = assess(now, label="label", baseline=heaped(earlier, z, 16))
    new = assess(now, label="label", baseline=heaped(earlier, z, 0))
    assert not alarms(same) & {"cluster", "near-duplicates"}
    assert alarms(new) & {"cluster", "near-duplicates"}
    assert new.suspects[-20:].all()
