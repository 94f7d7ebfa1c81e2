"""An accepted table answers the same whether its rows or its profile are asked."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.table.baseline import document
from lockgate.table.conform import accepted
from lockgate.table.engine.local import profile_of
from lockgate.table.profile import profile
from lockgate.table.read import connect
from lockgate.table.typed import open_table

QUIET = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CELLS = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**62), 2**62),
        st.none() | st.floats(allow_nan=True, allow_infinity=True, width=64),
        st.none() | st.sampled_from(["a", "b", "", "é", "'", "long" * 60]),
        st.none() | st.booleans(),
        st.none() | st.datetimes(),
    ),
    min_size=1,
    max_size=40,
)
TYPES = (pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.timestamp("us"))


def both(connection, folder, columns, kinds=None):
    pq.write_table(pa.table(columns), folder / "table")
    document.write(profile_of(folder / "table"), folder / "profile.json")
    of_rows = accepted(connection, folder / "table", None, kinds or {})
    of_profile = accepted(connection, None, folder / "profile.json", kinds or {})
    return of_rows, of_profile


@QUIET
@given(rows=CELLS)
def test_both_say_the_same_of_every_column(tmp_path, rows):
    columns = {f"c{k}": pa.array([r[k] for r in rows], type_) for k, type_ in enumerate(TYPES)}
    with connect() as connection:
        of_rows, of_profile = both(connection, tmp_path, columns)
        assert (of_rows.rows, of_rows.kinds) == (of_profile.rows, of_profile.kinds)
        for name in columns:
            one, other = of_rows.column(name), of_profile.column(name)
            assert (one.kind, one.rows, one.present, one.valid) == (
                other.kind,
                other.rows,
                other.present,
                other.valid,
            )
            if name in ("c0", "c1"):
                assert (one.minimum, one.maximum) == (other.minimum, other.maximum)
                span = float(one.maximum or 0) - float(one.minimum or 0)
                if one.mean is not None and math.isfinite(span):
                    assert one.mean == pytest.approx(other.mean, rel=1e-12, abs=span * 1e-12)
            if name == "c0" and one.valid:
                assert of_rows.is_key(name) == of_profile.is_key(name)


@QUIET
@given(before=CELLS, now=CELLS, bound=st.integers(1, 10))
def test_both_know_the_same_values(tmp_path, before, now, bound):
    columns = {name: pa.array([r[k] for r in before], TYPES[k]) for k, name in ((2, "text"), (3, "truth"))}
    with connect() as connection:
        of_rows, of_profile = both(connection, tmp_path, columns)
        later = {name: pa.array([r[k] for r in now], TYPES[k]) for k, name in ((2, "text"), (3, "truth"))}
        pq.write_table(pa.table(later), tmp_path / "later")
        table = open_table(connection, tmp_path / "later")
        for name in columns:
            one, other = (side.unseen(name, table.value(name), bound) for side in (of_rows, of_profile))
            assert one.is_free_text == other.is_free_text
            assert bool(one.condition) == bool(other.condition)
            assert not other.unknown
            if one.condition:
                assert table.count([one.condition]) == table.count([other.condition])


def test_a_key_of_thousands_is_told_by_the_estimate_and_numbers_with_repeats_are_none(tmp_path):
    order = np.random.default_rng(4).permutation(5_000)
    with connect() as connection:
        columns = {"key": order, "no": order // 2 * 5}
        for side in both(connection, tmp_path, columns):
            assert (side.is_key("key"), side.is_key("no")) == (True, False)


def test_more_values_than_a_profile_lists_are_unknown_rather_than_new(tmp_path):
    values = [f"v{i}" for i in range(600)] + ["long" * 60] * 2
    with connect() as connection:
        of_rows, of_profile = both(connection, tmp_path, {"x": values, "y": np.arange(602)})
        assert of_rows.unseen("x", '"x"', 900).condition
        assert "lists at most" in of_profile.unseen("x", '"x"', 900).unknown
        assert of_profile.unseen("x", '"x"', 50).is_free_text


@pytest.mark.parametrize(
    ("kind", "stored", "valid"),
    [("integer", [1.0, 2.0], 2), ("number", [1, 2], 2), ("integer", ["1", "2"], 0), ("string", [1, 2], 0)],
)
def test_the_kind_that_a_schema_declares_decides(tmp_path, kind, stored, valid):
    with connect() as connection:
        for side in both(connection, tmp_path, {"x": stored}, {"x": kind}):
            assert (side.column("x").kind, side.column("x").valid) == (kind, valid)


def test_columns_of_one_table_are_at_no_distance_from_it(tmp_path):
    draw = np.random.default_rng(6)
    columns = {"n": draw.normal(size=900), "t": np.array(["a", "b"])[draw.integers(0, 2, 900)]}
    moved = {"n": columns["n"] + 2, "t": np.array(["a"] * 900)}
    with connect() as connection:
        sides = both(connection, tmp_path, columns)
        pq.write_table(pa.table(moved), tmp_path / "moved")
        same, other = (open_table(connection, tmp_path / name) for name in ("table", "moved"))
        for side in sides:
            assert [side.skew(same, name).value for name in columns] == [0, 0]
        apart = [[side.skew(other, name).value for name in columns] for side in sides]
        assert apart[0] == pytest.approx(apart[1], abs=0.02)
        assert min(apart[0]) > 0.4
        drawn = [set(side.pictures(same, profile(same))) for side in sides]
        assert drawn == [{"n"}, {"n"}]
