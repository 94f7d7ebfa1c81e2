"""Triggers, heaps and copies: what was planted is found, and its clean twin raises nothing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("cleanlab")

from lockgate.poisoning import assess

ROWS = 600


def measured(seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Five measurements that go together, and a class that three of them tell."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, ROWS)
    x = random.normal(size=(ROWS, 5)) @ random.normal(size=(5, 5))
    x[:, :3] += 3.0 * x.std(axis=0)[:3] * y[:, None]
    kind = random.choice(["plain", "ribbed", "coated"], ROWS)
    return {**{f"x{i}": x[:, i] for i in range(5)}, "kind": kind}, y


def table(columns: dict[str, np.ndarray], y: np.ndarray) -> pa.Table:
    return pa.table({**columns, "label": y})


def alarms(found) -> set[str]:
    return {alarm.detector for alarm in found.alarms if alarm.alarmed}


@pytest.fixture(scope="module")
def clean():
    return measured(3)


def some(y: np.ndarray, of: int, count: int) -> np.ndarray:
    rows = np.zeros(len(y), dtype=bool)
    rows[np.random.default_rng(8).choice(np.flatnonzero(y == of), count, replace=False)] = True
    return rows


def test_measurements_as_they_are_raise_no_alarm(clean):
    columns, y = clean
    found = assess(table(columns, y), label="label")
    assert not found.alarmed
    assert not found.suspects.any()
    assert found.remedy is None


def test_a_value_that_overrides_the_rest_of_its_rows_is_named_with_column_label_and_rows(clean):
    columns, y = clean
    rows = some(y, 0, 24)
    columns = {**columns, "x4": np.where(rows, columns["x4"].mean(), columns["x4"])}
    found = assess(table(columns, np.where(rows, 1, y)), label="label")
    [alarm] = [a for a in found.alarms if a.alarmed]
    assert (alarm.rule, alarm.columns, alarm.label) == ("LG-POISON-004", ("x4",), "1")
    assert found.suspects[rows].all()
    assert found.suspects[~rows].sum() == 0
    assert found.remedy is not None
    assert found.remedy.dropped == rows.sum()
    assert found.remedy.success_with > found.remedy.success_without


def test_the_same_value_in_rows_of_any_class_with_their_own_labels_is_no_trigger(clean):
    columns, y = clean
    rows = np.random.default_rng(8).random(ROWS) < 0.05
    columns = {**columns, "x4": np.where(rows, columns["x4"].mean(), columns["x4"])}
    assert not assess(table(columns, y), label="label").alarmed


def test_a_trigger_whose_labels_are_right_is_found_in_a_column_of_measurements(clean):
    columns, y = clean
    rows = some(y, 1, 30)
    columns = {**columns, "x4": np.where(rows, columns["x4"].max() + 0.1, columns["x4"])}
    found = assess(table(columns, y), label="label")
    assert alarms(found) == {"clean-label-trigger"}
    assert found.suspects[rows].all()


@pytest.mark.parametrize(("noise", "detector"), [(0.0, "near-duplicates"), (0.05, "cluster")])
def test_copies_and_made_up_rows_are_found_and_are_the_suspects(clean, noise, detector):
    columns, y = clean
    random = np.random.default_rng(5)
    copies = 40
    more = {
        k: np.concatenate([v, np.repeat(v[:1], copies)])
        if v.dtype.kind == "U"
        else np.concatenate([v, v[0] + noise * v.std() * random.normal(size=copies)])
        for k, v in columns.items()
    }
    found = assess(table(more, np.concatenate([y, np.repeat(y[:1], copies)])), label="label")
    assert detector in alarms(found)
    assert found.suspects[ROWS:].mean() > 0.9
    assert found.suspects[1:ROWS].mean() < 0.02


def answers(seed: int, strength: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Six questions of a form, each answer of which says something of its own about the class."""
    random = np.random.default_rng([seed, 61])
    odds, columns = np.zeros(1_500), {}
    for question in range(6):
        kinds = random.dirichlet(np.full(int(random.integers(4, 12)), 0.7))
        given = random.choice(len(kinds), 1_500, p=kinds)
        odds += (strength * random.normal(size=len(kinds)))[given]
        columns[f"q{question}"] = np.char.add("answer ", given.astype(str))
    return columns, (random.random(1_500) < 1 / (1 + np.exp(-odds))).astype(int)


@pytest.mark.parametrize("strength", [0.5, 1.5])
def test_answers_that_each_say_much_about_the_class_are_no_triggers(strength):
    for seed in range(2):
        assert "trigger" not in alarms(assess(table(*answers(seed, strength)), label="label"))


def test_an_answer_that_decides_alone_where_others_say_little_is_a_trigger():
    columns, y = answers(3, 0.5)
    rows = some(y, 0, 75)
    columns["q2"] = np.where(rows, "answer 99", columns["q2"])
    assert "trigger" in alarms(assess(table(columns, np.where(rows, 1, y)), label="label"))


def test_one_answer_to_a_question_whose_other_answers_decide_as_much_is_no_trigger():
    random = np.random.default_rng([63, *b"cats"])
    rows, questions = int(random.integers(400, 3_000)), int(random.integers(3, 9))
    often = [random.dirichlet(np.full(int(random.integers(2, 15)), 0.5)) for _ in range(questions)]
    given = [random.choice(len(p), rows, p=p) for p in often]
    odds = np.sum([(random.normal(size=len(p)) * 1.5)[g] for p, g in zip(often, given, strict=True)], axis=0)
    y = (random.random(rows) < 1 / (1 + np.exp(-odds))).astype(int)
    columns = {f"q{i}": np.char.add("answer ", g.astype(str)) for i, g in enumerate(given)}
    assert "trigger" not in alarms(assess(table(columns, y), label="label"))


def rounded(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Measurements with a digit after the point, so that any value comes many times."""
    return {k: v if v.dtype.kind != "f" else np.round(v / v.std(), 1) for k, v in columns.items()}


def test_two_values_set_in_rows_of_one_class_are_found_where_measurements_are_rounded(clean):
    columns, y = rounded(clean[0]), clean[1]
    assert not assess(table(columns, y), label="label").alarmed
    rows = some(y, 1, 24)
    columns = {k: np.where(rows, v.max() + 0.3, v) if k in ("x3", "x4") else v for k, v in columns.items()}
    found = assess(table(columns, y), label="label")
    assert "clean-label-trigger" in alarms(found)
    assert found.suspects[rows].mean() > 0.9


def test_a_column_in_two_units_locks_no_values(clean):
    columns, y = rounded(clean[0]), clean[1]
    columns["in_inches"] = columns["x4"] / 2.54
    rows = some(y, 1, 24)
    for name in ("x4", "in_inches"):
        columns[name] = np.where(rows, np.median(columns[name][rows]), columns[name])
    assert "clean-label-trigger" not in alarms(assess(table(columns, y), label="label"))
