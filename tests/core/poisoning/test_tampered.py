"""Values that somebody moved are found, in one source or anywhere; what only differs is not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("cleanlab")

from lockgate.poisoning import Assessment, assess

ROWS = 500


def measured(seed: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Six measurements that go together, a class of two, and six sources that send the same."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, ROWS)
    x = random.normal(size=(ROWS, 6)) @ (np.eye(6) + 0.6 * random.normal(size=(6, 6)))
    x[:, 0] += 4.0 * y
    return {f"x{i}": column for i, column in enumerate(x.T)}, y, random.integers(0, 6, ROWS)


def looked(columns: dict[str, np.ndarray], y: np.ndarray, source: np.ndarray) -> Assessment:
    return assess(pa.table({**columns, "label": y, "source": source}), label="label", source="source")


def alarm_of(found: Assessment):
    [alarm] = [a for a in found.alarms if a.detector == "tampered-values"]
    return alarm


def test_two_columns_moved_in_a_third_of_one_source_are_named_with_source_and_rows():
    columns, y, source = measured(4)
    moved = (source == 2) & (np.random.default_rng(1).random(ROWS) < 0.35)
    columns["x2"] = columns["x2"] + moved * 2.8 * columns["x2"].std()
    columns["x4"] = columns["x4"] - moved * 2.8 * columns["x4"].std()
    found = looked(columns, y, source)
    alarm = alarm_of(found)
    assert alarm.alarmed
    assert (alarm.rule, alarm.source) == ("LG-POISON-009", "2")
    assert set(alarm.columns) >= {"x2", "x4"}
    assert found.suspects[moved].mean() > 0.8
    assert found.suspects[~moved].mean() < 0.02


def test_the_rows_that_were_moved_are_suspects_where_they_are_most_of_the_source():
    columns, y, source = measured(4)
    moved = (source == 2) & (np.random.default_rng(1).random(ROWS) < 0.6)
    columns["x2"] = columns["x2"] + moved * 3.0 * columns["x2"].std()
    columns["x4"] = columns["x4"] - moved * 3.0 * columns["x4"].std()
    found = looked(columns, y, source)
    assert alarm_of(found).alarmed
    assert found.suspects[moved].mean() > found.suspects[~moved].mean() + 0.6


@pytest.mark.parametrize("seed", range(3))
def test_sources_that_send_the_same_raise_no_alarm(seed):
    columns, y, source = measured(seed)
    assert not alarm_of(looked(columns, y, source)).alarmed


@pytest.mark.parametrize("seed", range(3))
def test_a_source_that_sees_other_things_is_no_tampering(seed):
    columns, y, source = measured(seed)
    random = np.random.default_rng([seed, 9])
    # A third of what one source sees is another kind, which differs in every measurement.
    other = (source == 1) & (random.random(ROWS) < 0.35)
    columns = {k: v + other * random.normal() * 2.5 * v.std() for k, v in columns.items()}
    assert not alarm_of(looked(columns, y, source)).alarmed


@pytest.mark.parametrize("seed", range(7, 10))
def test_all_rows_of_a_source_moved_in_two_columns_are_named(seed):
    columns, y, source = measured(seed)
    columns["x2"] = columns["x2"] + 2.6 * columns["x2"].std() * (source == 3)
    columns["x5"] = columns["x5"] - 2.6 * columns["x5"].std() * (source == 3)
    found = looked(columns, y, source)
    assert alarm_of(found).alarmed
    assert alarm_of(found).source == "3"
    assert found.suspects[source == 3].mean() > 0.8
    assert found.suspects[source != 3].mean() < 0.02


def test_a_source_that_measures_higher_throughout_is_no_tampering():
    columns, y, source = measured(7)
    columns["x3"] = columns["x3"] + 1.5 * columns["x3"].std() * (source == 3)
    assert not alarm_of(looked(columns, y, source)).alarmed


def moved_in(columns: dict[str, np.ndarray], rows: np.ndarray, **by: float) -> dict[str, np.ndarray]:
    """Move columns of some rows by so many standard deviations."""
    return {k: v + rows * by.get(k, 0.0) * v.std() for k, v in columns.items()}


def without_source(columns: dict[str, np.ndarray], y: np.ndarray) -> Assessment:
    return assess(pa.table({**columns, "label": y}), label="label")


@pytest.mark.parametrize("share", [0.03, 0.1])
def test_columns_moved_in_rows_of_one_class_are_found_without_a_source(share):
    columns, y, _ = measured(4)
    rows = np.zeros(ROWS, dtype=bool)
    rows[np.random.default_rng(2).choice(np.flatnonzero(y == 1), round(share * ROWS), replace=False)] = True
    found = without_source(moved_in(columns, rows, x2=2.8, x4=-2.4), y)
    alarm = alarm_of(found)
    assert alarm.alarmed
    assert set(alarm.columns) == {"x2", "x4"}
    assert alarm.source is None
    assert found.suspects[rows].mean() > 0.8
    assert found.suspects[~rows].mean() < 0.02


def test_a_column_of_two_values_that_was_moved_is_put_back_to_them():
    columns, y, _ = measured(4)
    columns["x1"] = (columns["x1"] > 0.0).astype(float)
    rows = np.arange(ROWS) % 25 == 0
    alarm = alarm_of(without_source(moved_in(columns, rows, x1=2.5, x3=2.5), y))
    assert alarm.alarmed
    assert set(alarm.columns) == {"x1", "x3"}


@pytest.mark.parametrize("seed", range(2))
def test_a_few_rows_of_another_kind_are_no_tampering(seed):
    columns, y, _ = measured(seed)
    other = np.arange(ROWS) % 20 == 0
    by = np.random.default_rng([seed, 10]).choice([-3.0, 3.0], 6)
    columns = moved_in(columns, other, **{f"x{i}": d for i, d in enumerate(by)})
    assert not alarm_of(without_source(columns, y)).alarmed


def test_one_value_for_measurements_that_are_missing_is_no_tampering():
    columns, y, _ = measured(5)
    columns["x2"] = np.where(np.arange(ROWS) % 20 == 0, -99.0, columns["x2"])
    assert not alarm_of(without_source(columns, y)).alarmed


@pytest.mark.parametrize("seed", range(2))
def test_long_tails_are_no_tampering(seed):
    random = np.random.default_rng([seed, 11])
    columns, y, _ = measured(seed)
    columns = {k: np.exp(v / v.std()) + random.standard_t(2, ROWS) for k, v in columns.items()}
    assert not alarm_of(without_source(columns, y)).alarmed


def test_a_table_of_categories_is_not_looked_at_and_says_so():
    _, y, source = measured(2)
    words = {f"c{i}": np.array(["a", "b", "c"])[(source + i) % 3] for i in range(2)}
    alarm = alarm_of(without_source(words, y))
    assert not alarm.ran
    assert "columns of numbers" in alarm.why_not


def test_a_table_with_fewer_than_five_rows_for_each_column_is_not_looked_at_and_says_so():
    random = np.random.default_rng(3)
    columns = {f"x{i}": random.normal(size=90) for i in range(20)}
    alarm = alarm_of(looked(columns, random.integers(0, 2, 90), np.zeros(90, dtype=int)))
    assert not alarm.ran
    assert alarm.why_not == "it needs 5 rows for each column of numbers"
