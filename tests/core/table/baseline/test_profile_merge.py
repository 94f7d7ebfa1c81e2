"""Profiles of the parts of a table add up to that of the whole, exactly; and they read back as written."""

import json
import math
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.errors import InputError
from lockgate.table.baseline import document
from lockgate.table.baseline.sketch import KEPT, Distinct, of_numbers, of_texts
from lockgate.table.baseline.sums import sums
from lockgate.table.engine.local import profile_of

ROWS = 4_000
START = datetime(2026, 1, 1, tzinfo=UTC)


def table(seed: int, rows: int = ROWS) -> pa.Table:
    random = np.random.default_rng(seed)
    return pa.table(
        {
            "x": pa.array(random.lognormal(0, 3, rows), mask=random.random(rows) < 0.1),
            "narrow": random.normal(1e9, 1e-3, rows).astype("float32"),
            "whole": random.integers(-(2**62), 2**62, rows),
            "few": random.integers(0, 5, rows),
            "text": pa.array([f"v{k}" for k in random.geometric(0.05, rows)]),
            "key": [f"{seed}-{i}" for i in range(rows)],
            "flag": random.random(rows) < 0.3,
            "when": [START + timedelta(minutes=int(m)) for m in random.integers(0, 10**6, rows)],
            "nested": [[1, 2]] * rows,
        }
    )


def write(folder, name, rows):
    path = folder / name
    pq.write_table(rows, path)
    return path


def test_days_counted_in_one_layout_merge_to_the_profile_of_the_whole(tmp_path):
    days = [table(seed) for seed in range(3)]
    first = profile_of(write(tmp_path, "day0", days[0]))
    parts = [profile_of(write(tmp_path, f"day{i}", day), layout=first) for i, day in enumerate(days[1:], 1)]
    whole = profile_of(write(tmp_path, "all", pa.concat_tables(days)), layout=first)
    assert first + parts[0] + parts[1] == whole
    assert parts[1] + (parts[0] + first) == whole
    assert whole.columns["key"].different.exact is False
    assert whole.columns["key"].different.count == pytest.approx(3 * ROWS, rel=0.15)


def test_one_core_and_two_and_batches_give_the_same_profile(tmp_path):
    path = write(tmp_path, "t", table(1))
    layout = profile_of(path, threads=1)
    assert profile_of(path, threads=2) == layout


def test_profiles_of_two_layouts_do_not_merge_and_say_how_they_could(tmp_path):
    one, other = (profile_of(write(tmp_path, f"{i}", table(i))) for i in (1, 2))
    with pytest.raises(InputError, match=r"--layout"):
        one + other
    fewer = profile_of(write(tmp_path, "2", table(2)), columns=["x"])
    with pytest.raises(InputError, match="one of two profiles only"):
        one + fewer


def test_a_day_without_a_value_merges_whatever_its_format_calls_the_type(tmp_path):
    full = profile_of(write(tmp_path, "full", pa.table({"x": [1.5, 2.5], "y": [1, 2]})))
    hollow = write(tmp_path, "none", pa.table({"x": pa.array([None, None], pa.string()), "y": [1, 2]}))
    for profile in (profile_of(hollow), profile_of(hollow, layout=full)):
        merged = full.columns["x"].merged(profile.columns["x"], "x")
        assert (merged.rows, merged.missing, merged.mean) == (4, 2, 2.0)


FLOATS = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=60)


@given(FLOATS, st.integers(0, 60))
def test_sums_are_exact_and_merge_however_the_values_are_cut(values, cut):
    array = np.sort(np.array(values))
    found = sums(array)
    assert sums(np.sort(array[:cut])) + sums(np.sort(array[cut:])) == found
    exact = [Fraction(v) for v in values]
    mean = sum(exact) / len(exact)
    assert Fraction(found.total, 2**1074) == sum(exact)
    assert Fraction(found.squares, 2**2148) == sum(v * v for v in exact)
    assert found.mean is None or found.mean == float(mean)
    variance = sum((v - mean) ** 2 for v in exact) / (len(exact) - 1)
    if found.std:
        assert abs(Fraction(found.std) ** 2 / variance - 1) < Fraction(1, 10**9) or found.std < 1e-300


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=60))
def test_sums_of_whole_numbers_are_exact(values):
    found = sums(np.array(values, dtype=np.int64))
    assert Fraction(found.total, 2**1074) == sum(values)
    assert Fraction(found.squares, 2**2148) == sum(v * v for v in values)


def test_mean_and_deviation_are_those_of_numpy():
    values = np.random.default_rng(0).normal(3, 2, 100_000)
    found = sums(np.sort(values))
    assert found.mean == pytest.approx(values.mean(), rel=1e-12)
    assert found.std == pytest.approx(values.std(ddof=1), rel=1e-12)


@given(st.sets(st.integers(-(10**6), 10**6), max_size=40), st.sets(st.integers(-(10**6), 10**6), max_size=40))
def test_the_sketch_of_a_union_is_the_union_of_sketches_and_floats_hash_as_integers(one, other):
    def sketch(values, dtype):
        return of_numbers(np.array(sorted(values), dtype=dtype))

    assert sketch(one, np.int64) + sketch(other, np.float64) == sketch(one | other, np.int64)
    assert sketch(one | other, np.float64).count == len(one | other)


@pytest.mark.parametrize("different", [KEPT, 5_000, 200_000])
def test_many_different_values_are_estimated_and_marked(different):
    for found in (of_numbers(np.arange(different)), of_texts(map(str, range(min(different, 20_000))))):
        assert not found.exact
    assert of_numbers(np.arange(different)).count == pytest.approx(different, rel=0.2)


# --- The file ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("profile")
    rows = table(5, 600).append_column("inf", pa.array([math.inf, 1.0] * 300))
    profile = profile_of(write(folder, "t", rows))
    document.write(profile, folder / "profile.json")
    return profile, (folder / "profile.json").read_bytes()


def test_a_profile_reads_back_as_it_was_written(written):
    profile, raw = written
    assert document.read(raw) == profile
    assert len(raw) < 150_000


FORGERIES = {
    "more rows": lambda d: d.update(rows=d["rows"] + 1),
    "another schema": lambda d: d.update(schema="lockgate.profile/9"),
    "an unknown key": lambda d: d.update(more=1),
    "twice a column": lambda d: d["columns"].append(d["columns"][0]),
    "another mean": lambda d: d["columns"][0]["summary"].update(mean=1.0),
    "descending edges": lambda d: d["columns"][0]["numbers"]["edges"].reverse(),
    "a bin more": lambda d: d["columns"][0]["numbers"]["bins"].append(0),
    "negative rows": lambda d: d["columns"][0]["numbers"]["bins"].__setitem__(0, -1),
    "squares below the sum": lambda d: d["columns"][0]["numbers"].update(squares="1@-2148"),
    "a huge power": lambda d: d["columns"][0]["numbers"].update(total="1@99999"),
    "a family without numbers": lambda d: d["columns"][0].update(family="text"),
    "categories out of order": lambda d: d["columns"][4]["categories"]["values"].reverse(),
    "hashes that are none": lambda d: d["columns"][0].update(hashes="!!!!"),
    "a truth for a number": lambda d: d["columns"][0].update(missing=True),
    "a maximum below the minimum": lambda d: d["columns"][0]["numbers"].update(maximum=-5.0),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_file_that_no_table_has_is_refused_in_one_sentence(written, forgery):
    data = json.loads(written[1])
    FORGERIES[forgery](data)
    with pytest.raises(InputError, match=r"^the document"):
        document.read(json.dumps(data).encode())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_a_file_with_anything_in_it_is_read_or_refused_and_never_crashes(written, data):
    raw = bytearray(written[1])
    start = data.draw(st.integers(0, len(raw) - 1))
    raw[start : start + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    try:
        found = document.read(bytes(raw))
    except InputError:
        return
    for column in found.columns.values():
        assert column.other >= 0
        assert column.mean is None or math.isfinite(column.mean)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 2**62) | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    )
)
def test_any_json_is_refused(value):
    with pytest.raises(InputError):
        document.read(json.dumps({"schema": document.SCHEMA, "rows": 3, "columns": [value]}).encode())


def test_an_empty_sketch_is_exact():
    assert (Distinct().count, Distinct().exact) == (0, True)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([datetime(2256, 1, 1, 0, 0, 0, 1, tzinfo=UTC)]),
        pa.array([2**62 + 1] * 3),
        pa.array([-(2**63), -(2**63) + 1]),
        pa.array([1.7e308, 1.7e308]),
        pa.array([5e-324]),
    ],
)
def test_what_was_written_is_read_whatever_a_mean_is_rounded_to(tmp_path, values):
    pq.write_table(pa.table({"x": values}), tmp_path / "table")
    found = profile_of(tmp_path / "table")
    document.write(found, tmp_path / "profile.json")
    assert document.read(tmp_path / "profile.json") == found
