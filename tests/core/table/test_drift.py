"""The judgement of drift on small real tables, each beside one that has not drifted."""

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lockgate.errors import InputError
from lockgate.table import drift

ROWS = 3_000


def write(folder: Path, file: str, /, **columns) -> Path:
    path = folder / file
    pq.write_table(pa.table(columns), path, row_group_size=1_000)
    return path


def normal(seed: int, shift: float = 0.0, rows: int = ROWS):
    return np.random.default_rng(seed).normal(shift, size=rows)


def test_a_shifted_column_has_drifted_and_its_neighbour_has_not(tmp_path):
    before = write(tmp_path, "before", moved=normal(1), same=normal(2))
    now = write(tmp_path, "now", moved=normal(3, 0.5), same=normal(4))
    found = drift.compare(before, now)
    assert [c.column for c in found.drifted] == ["moved"]
    assert found.drifted_share == 0.5
    assert all(c.test == "ks" for c in found.columns)


def test_a_significant_but_small_change_is_no_drift(tmp_path):
    before = write(tmp_path, "before", x=normal(1, rows=50_000))
    now = write(tmp_path, "now", x=normal(2, 0.06, rows=50_000))
    (column,) = drift.compare(before, now).columns
    assert column.p_corrected < 0.001
    assert column.drifted is False


def test_a_large_change_in_few_rows_is_not_decided(tmp_path):
    before, now = write(tmp_path, "before", x=normal(1)), write(tmp_path, "now", x=normal(2, 5.0, rows=100))
    (column,) = drift.compare(before, now).columns
    assert column.drifted is None
    assert "100 rows" in column.reason
    (column,) = drift.compare(before, now, limits=drift.Limits(min_rows=100)).columns
    assert column.drifted is True


def test_a_new_mix_of_categories_has_drifted_and_the_same_mix_has_not(tmp_path):
    draw = np.random.default_rng(0).choice
    before = write(tmp_path, "before", c=draw(["a", "b", "c"], ROWS, p=[0.5, 0.3, 0.2]))
    same = write(tmp_path, "same", c=draw(["a", "b", "c"], ROWS, p=[0.5, 0.3, 0.2]))
    other = write(tmp_path, "other", c=draw(["a", "b", "d"], ROWS, p=[0.5, 0.3, 0.2]))
    assert not drift.compare(before, same).drifted
    assert drift.compare(before, other).drifted


@pytest.mark.parametrize(("kind", "empty"), [("number", None), ("number", math.nan), ("text", None)])
def test_more_missing_values_are_drift(tmp_path, kind, empty):
    values = (
        normal(1) if kind == "number" else np.random.default_rng(1).choice(["a", "b"], ROWS).astype(object)
    )
    holes = [empty if i % 5 == 0 else v for i, v in enumerate(values.tolist())]
    found = drift.compare(write(tmp_path, "before", x=values), write(tmp_path, "now", x=holes))
    (column,) = found.drifted
    assert column.missing_current == 0.2
    assert column.missing_reference == 0


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_a_column_that_lost_all_its_values_is_refused_by_name_and_one_that_lost_most_has_drifted(
    tmp_path, form
):
    before = pa.table({"x": normal(1), "y": normal(2)})
    few = pa.array([1.0, *[None] * (ROWS - 1)])
    now, most = (pa.table({"x": x, "y": normal(3)}) for x in (pa.nulls(ROWS, pa.float64()), few))
    paths = [tmp_path / "before", tmp_path / "now"]
    for table, path in zip((before, now, most), [*paths, tmp_path / "most"], strict=True):
        pq.write_table(table, path) if form == "parquet" else pc.write_csv(table, path)
    for pair in (paths, paths[::-1]):
        with pytest.raises(InputError, match=r"column 'x' of .*now has no value at all"):
            drift.compare(*pair)
        assert [c.column for c in drift.compare(*pair, ignore=["x"]).columns] == ["y"]
    found = drift.compare(paths[0], tmp_path / "most")
    assert [c.column for c in found.drifted] == ["x"]
    assert not found.retyped


def test_few_whole_numbers_are_categories_and_many_are_numbers(tmp_path):
    random = np.random.default_rng(0)
    tables = [
        write(tmp_path, name, few=random.integers(0, 3, ROWS), many=random.integers(0, 60, ROWS))
        for name in ("before", "now")
    ]
    assert [c.test for c in drift.compare(*tables).columns] == ["chi-square", "ks"]


def test_missing_new_and_retyped_columns_are_named_and_are_no_drift(tmp_path):
    before = write(tmp_path, "before", gone=normal(1), kept=normal(2), typed=normal(3))
    now = write(tmp_path, "now", kept=normal(4), typed=[str(v) for v in normal(3)], new=normal(5))
    found = drift.compare(before, now)
    assert (found.missing, found.extra) == (["gone"], ["new"])
    assert found.retyped == {"typed": ("DOUBLE", "VARCHAR")}
    assert [c.column for c in found.columns] == ["kept"]


def test_a_wider_number_is_the_same_type(tmp_path):
    values = np.round(normal(1), 1)
    found = drift.compare(
        write(tmp_path, "before", x=values.astype("float32"), y=(values * 10).astype("int32")),
        write(tmp_path, "now", x=values, y=values * 10),
    )
    assert not found.retyped
    assert [c.psi for c in found.columns] == [0, 0]


def test_keys_dates_and_batch_marks_are_left_out_unless_named(tmp_path):
    def rows(start, year):
        return {
            "id": np.arange(start, start + ROWS),
            "name": [f"row {i}" for i in range(start, start + ROWS)],
            "day": np.arange(start, start + ROWS).astype("datetime64[D]"),
            "year": np.full(ROWS, year),
            "x": normal(year),
        }

    before, now = write(tmp_path, "before", **rows(0, 2015)), write(tmp_path, "now", **rows(ROWS, 2016))
    found = drift.compare(before, now)
    assert list(found.ignored) == ["id", "name", "day", "year"]
    assert [c.column for c in found.columns] == ["x"]
    named = drift.compare(before, now, columns=["id", "year", "day"])
    assert [c.column for c in named.drifted] == ["id", "day", "year"]
    assert not named.ignored


def test_a_flag_that_went_from_0_to_1_is_drift_and_no_batch_mark(tmp_path):
    before, now = (
        write(tmp_path, "before", flag=np.zeros(ROWS, int)),
        write(tmp_path, "now", flag=np.ones(ROWS, int)),
    )
    assert [c.column for c in drift.compare(before, now).drifted] == ["flag"]


def test_values_too_rare_to_compare_are_not_decided(tmp_path):
    def texts(seed):
        return [f"v{i}" for i in np.random.default_rng(seed).integers(0, 2 * ROWS, ROWS)]

    (column,) = drift.compare(
        write(tmp_path, "before", t=texts(1)), write(tmp_path, "now", t=texts(2))
    ).columns
    assert column.drifted is None
    assert "too rare" in column.reason


def test_values_outside_the_range_of_the_reference_count(tmp_path):
    before = write(tmp_path, "before", x=np.full(ROWS, 5.5))
    low, high = (write(tmp_path, str(v), x=np.full(ROWS, v)) for v in (5.4, 5.6))
    assert drift.compare(before, low).drifted
    assert drift.compare(before, high).drifted
    assert drift.compare(before, low).columns[0].js == 1.0


def test_infinite_values_and_hostile_column_names_are_counted(tmp_path):
    name = 'a"; DROP TABLE x; --'
    values = np.where(np.arange(ROWS) % 3 == 0, np.inf, normal(1))
    path = write(tmp_path, "t", **{name: values})
    (column,) = drift.compare(path, path).columns
    assert (column.column, column.psi, column.statistic) == (name, 0, 0)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), rows=st.integers(1, 60))
def test_identical_tables_never_drift_in_any_order_of_their_rows(tmp_path, data, rows):
    kinds = [
        st.integers(-3, 30),
        st.floats(),
        st.booleans(),
        st.text(st.characters(codec="utf-8"), max_size=3),
    ]
    columns = {
        f"c{i}": data.draw(st.lists(st.one_of(st.none(), kind), min_size=rows, max_size=rows))
        for i, kind in enumerate(kinds)
    }
    for cells in columns.values():
        assume(any(cell == cell and cell is not None for cell in cells))  # noqa: PLR0124 - not NaN
    order = data.draw(st.permutations(range(rows)))
    before = write(tmp_path, "before", **columns)
    now = write(tmp_path, "now", **{name: [cells[i] for i in order] for name, cells in columns.items()})
    found = drift.compare(before, now, columns=list(columns), limits=drift.Limits(min_rows=1))
    assert not found.drifted
    assert all(c.psi == 0 and c.js == 0 and c.p_value == 1 for c in found.columns)


def test_the_result_depends_neither_on_the_order_of_rows_nor_on_threads(tmp_path):
    random = np.random.default_rng(0)
    columns = {"x": normal(1, rows=200_000), "c": random.choice([f"k{i}" for i in range(1_500)], 200_000)}
    order = random.permutation(200_000)
    before = write(tmp_path, "before", x=normal(2), c=random.choice([f"k{i}" for i in range(900)], ROWS))
    now = write(tmp_path, "now", **columns)
    mixed = write(tmp_path, "mixed", **{name: values[order] for name, values in columns.items()})
    expected = drift.compare(before, now, threads=1)
    assert drift.compare(before, now, threads=4) == expected
    assert drift.compare(before, mixed, threads=3) == expected


def test_csv_and_parquet_give_the_same_answer(tmp_path):
    tables = [
        pa.table({"x": normal(i), "n": np.arange(ROWS) % (30 + i), "c": ["ab"[j % 2] for j in range(ROWS)]})
        for i in (1, 2)
    ]
    for i, table in enumerate(tables):
        pq.write_table(table, tmp_path / f"p{i}")
        pc.write_csv(table, tmp_path / f"c{i}")
    parquet = drift.compare(tmp_path / "p0", tmp_path / "p1")
    assert drift.compare(tmp_path / "c0", tmp_path / "c1") == parquet
    assert drift.compare(tmp_path / "c0", tmp_path / "p1") == parquet


# --- Bad input --------------------------------------------------------------------------------------


def test_an_unknown_column_is_an_error_that_lists_those_there_are(tmp_path):
    path = write(tmp_path, "t", x=normal(1))
    with pytest.raises(InputError, match=r"columns names 'y'.*'x'"):
        drift.compare(path, path, columns=["y"])
    with pytest.raises(InputError, match=r"ignore names 'y'"):
        drift.compare(path, path, ignore=["y"])


def test_empty_tables_and_tables_without_a_common_column_are_errors(tmp_path):
    path = write(tmp_path, "t", x=normal(1))
    empty = write(tmp_path, "empty", x=pa.array([], pa.float64()))
    other = write(tmp_path, "other", y=normal(1))
    with pytest.raises(InputError, match="has no rows"):
        drift.compare(path, empty)
    with pytest.raises(InputError, match="no column to compare"):
        drift.compare(path, other)
    with pytest.raises(InputError, match="no column to compare"):
        drift.compare(path, path, ignore=["x"])


@pytest.mark.parametrize(
    "bad",
    [
        {"alpha": 0.0},
        {"alpha": 1.0},
        {"alpha": math.nan},
        {"max_psi": -0.1},
        {"max_psi": math.nan},
        {"max_psi": math.inf},
        {"max_js": math.nan},
        {"max_js": 1.1},
        {"min_rows": 0},
    ],
)
def test_a_threshold_that_would_silence_the_test_is_an_error(tmp_path, bad):
    path = write(tmp_path, "t", x=normal(1))
    with pytest.raises(InputError, match=next(iter(bad))):
        drift.compare(path, path, limits=drift.Limits(**bad))
