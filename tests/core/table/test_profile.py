from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lockgate.errors import InputError
from lockgate.table import profile as counting
from lockgate.table import repeats
from lockgate.table.read import connect
from lockgate.table.typed import Table, open_table

QUIET = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CELLS = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**62), 2**62),
        st.none() | st.floats(allow_nan=True, allow_infinity=True, width=64),
        st.none() | st.sampled_from(["a", "b", "", "é", "'"]),
        st.none() | st.booleans(),
    ),
    min_size=1,
    max_size=40,
)


@pytest.fixture
def connection() -> Iterator[Any]:
    with connect() as opened:
        yield opened


def opened(connection: Any, folder: Path, columns: dict[str, Any], **kinds: Any) -> Table:
    pq.write_table(pa.table(columns), folder / "table")
    return open_table(connection, folder / "table", kinds)


@QUIET
@given(rows=CELLS)
def test_counts_ranges_and_moments_equal_those_of_plain_python(tmp_path: Path, rows: list[Any]) -> None:
    names, types = ("i", "f", "s", "b"), (pa.int64(), pa.float64(), pa.string(), pa.bool_())
    columns = {
        n: pa.array([r[k] for r in rows], t) for k, (n, t) in enumerate(zip(names, types, strict=True))
    }
    with connect() as connection:
        table = opened(connection, tmp_path, columns)
        found = counting.profile(table)
        copies = repeats.duplicates(table, ["s", "b"])
        texts = counting.categories(table, "s", 10)

    for k, name in enumerate(names):
        there = [r[k] for r in rows if r[k] is not None and r[k] == r[k]]
        valid = [v for v in there if not isinstance(v, float) or math.isfinite(v)]
        column = found[name]
        assert (column.rows, column.present, column.valid) == (len(rows), len(there), len(valid))
        if name in "if" and valid:
            assert (column.minimum, column.maximum) == (min(valid), max(valid))
            widest = max(map(abs, map(float, valid)))
            if widest < 1e290 and column.mean is not None:
                assert column.mean == pytest.approx(statistics.fmean(valid), abs=widest * 1e-12)
    both = [(r[2], r[3]) for r in rows if None not in (r[2], r[3])]
    assert copies.count == len(both) - len(set(both))
    assert texts == dict(Counter(sorted(r[2] for r in rows if r[2] is not None)))


@QUIET
@given(values=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60))
def test_the_standard_deviation_is_that_of_plain_python(tmp_path: Path, values: list[float]) -> None:
    with connect() as connection:
        column = counting.profile(opened(connection, tmp_path, {"x": values}))["x"]

    span = max(values) - min(values)
    assume(span == 0 or span > 1e-280)  # narrower ones have no spread: 2.0**1024 is no float
    assert column.std == pytest.approx(statistics.stdev(values), rel=1e-6, abs=span * 1e-9 + 1e-300)


def test_mean_and_spread_are_the_same_bits_in_any_order_and_on_any_number_of_cores(tmp_path: Path) -> None:
    values = np.random.default_rng(3).normal(size=300_000) * 10.0 ** np.random.default_rng(4).integers(
        -3, 4, 300_000
    )
    seen = set()
    for threads, order in ((1, values), (2, values), (4, values[::-1]), (4, np.sort(values))):
        with connect() as connection:
            connection.execute(f"SET threads = {threads}")
            column = counting.profile(opened(connection, tmp_path, {"x": order}))["x"]
            seen.add((column.mean, column.std))

    assert len(seen) == 1
    assert seen.pop() == pytest.approx((values.mean(), values.std(ddof=1)), rel=1e-9)


def test_nan_is_missing_and_an_infinity_is_invalid(connection: Any, tmp_path: Path) -> None:
    column = counting.profile(opened(connection, tmp_path, {"x": [1.0, math.nan, math.inf, None]}))["x"]

    assert (column.present, column.valid, column.invalid, column.completeness) == (2, 1, 1, 0.5)
    assert (column.minimum, column.maximum, column.mean, column.std) == (1.0, 1.0, 1.0, None)


@pytest.mark.parametrize(
    ("kind", "stored", "valid"),
    [
        ("integer", [1.0, 2.5, 1e300, None], 1),
        ("integer", [True, False], 0),
        ("integer", ["1", "2"], 0),
        ("number", [1, 2], 2),
        ("number", ["1.5"], 0),
        ("string", ["x", ""], 2),
        ("string", [1, 2], 0),
        ("boolean", [True, None], 1),
        ("boolean", [0, 1], 0),
        ("datetime", [np.datetime64("2024-01-01", "us")], 1),
        ("datetime", ["2024-01-01"], 0),
        ("any", ["x", None], 1),
    ],
)
def test_stored_values_are_held_to_their_kind(
    connection: Any, tmp_path: Path, kind: Any, stored: list[Any], valid: int
) -> None:
    assert counting.profile(opened(connection, tmp_path, {"x": stored}, x=kind))["x"].valid == valid


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("integer", ["0", "-12", "9223372036854775808"], ["007", "1.0", "+1", "1e3", "x", " 1"]),
        ("number", ["0.5", "-1e-3", ".5", "7"], ["1,5", "inf", "1e999", "007", "0x1"]),
        ("boolean", ["true", "FALSE"], ["0", "yes"]),
        (
            "datetime",
            ["2024-02-29", "2024-02-29T12:00:00Z", "2024-02-29 12:00"],
            ["2023-02-29", "29.2.2024", "20240229"],
        ),
        ("string", ["007", "nan", "x"], []),
    ],
)
def test_csv_text_is_held_to_its_kind(tmp_path: Path, kind: Any, good: list[str], bad: list[str]) -> None:
    path = tmp_path / "table"
    path.write_text("\n".join(["x,y", *(f'"{v}",1' for v in good + bad), ",1"]) + "\n")
    with connect() as connection:
        column = counting.profile(open_table(connection, path, {"x": kind}))["x"]

    assert (column.valid, column.invalid) == (len(good), len(bad))


def test_copies_and_conflicts_are_counted_exactly_and_located(connection: Any, tmp_path: Path) -> None:
    table = opened(
        connection, tmp_path, {"h": [1, 1, 2, 3, 1], "n": ["a", "a", None, "c", "a"], "y": [0, 0, 0, 1, 1]}
    )

    assert repeats.duplicates(table) == repeats.Repeats(1, (0, 1))
    assert repeats.conflicts(table, ["h", "n"], "y") == repeats.Repeats(3, (0, 1, 4))
    assert repeats.conflicts(table, ["h", "y"], "n") == repeats.Repeats(0)


def test_rows_are_numbered_in_the_order_of_the_file(connection: Any, tmp_path: Path) -> None:
    size = 400_000  # several row groups, so that several cores scan
    table = opened(connection, tmp_path, {"row": np.arange(size)})

    assert table.rows_where('"row" % 100000 = 99999') == (99_999, 199_999, 299_999, 399_999)
    assert len(table.rows_where("true")) == 20


def test_categories_beyond_the_bound_are_not_listed(connection: Any, tmp_path: Path) -> None:
    table = opened(connection, tmp_path, {"s": ["a", "b", "b", None]})

    assert counting.categories(table, "s", 2) == {"a": 1, "b": 2}
    assert counting.categories(table, "s", 1) is None
    assert counting.distinct(table, ["s"]) == 2


def test_a_parquet_file_with_damaged_pages_is_bad_input_and_not_a_crash(
    connection: Any, tmp_path: Path
) -> None:
    pq.write_table(pa.table({"s": ["x", "yy"] * 5_000}), tmp_path / "whole", compression="none")
    raw = bytearray((tmp_path / "whole").read_bytes())
    body = raw.index(b"yy") + 2
    raw[body : body + 40] = b"\xff" * 40
    (tmp_path / "damaged").write_bytes(raw)

    assert counting.profile(open_table(connection, tmp_path / "whole"))["s"].valid == 10_000
    with pytest.raises(InputError, match="damaged cannot be read as Parquet"):
        counting.profile(open_table(connection, tmp_path / "damaged"))


def test_false_statistics_in_a_parquet_footer_hide_no_value(connection: Any, tmp_path: Path) -> None:
    far = 10**15 + 7
    pq.write_table(
        pa.table({"x": [*range(60), far]}), tmp_path / "lie", use_dictionary=False, compression="none"
    )
    raw = (tmp_path / "lie").read_bytes()
    footer = len(raw) - 8 - int.from_bytes(raw[-8:-4], "little")
    false = raw[footer:].replace(far.to_bytes(8, "little"), (59).to_bytes(8, "little"))
    (tmp_path / "lie").write_bytes(raw[:footer] + false)
    assert pq.read_metadata(tmp_path / "lie").row_group(0).column(0).statistics.max == 59

    table = open_table(connection, tmp_path / "lie")

    assert counting.profile(table)["x"].maximum == far
    assert table.count(['"x" > 59']) == [1]
    assert table.rows_where('"x" > 59') == (60,)
    assert table.ask("count(*)", 'WHERE "x" > 59') == [(1,)]


def test_nan_is_counted_beside_plain_numbers_in_parquet(connection: Any, tmp_path: Path) -> None:
    column = counting.profile(opened(connection, tmp_path, {"x": [1.0, 2.0, math.nan, 3.0]}))["x"]

    assert (column.present, column.valid, column.maximum) == (3, 3, 3.0)
