from __future__ import annotations

import math
import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.errors import InputError
from lockgate.table import formats, read

TABLE = pa.table({"age": [31, 42, None], "town": ["Bern", "", "Basel"]})
NAMES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12).filter(
        lambda name: bool(name.strip())
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda name: unicodedata.normalize("NFC", name).lower(),
)


def write(folder: Path, content: bytes) -> Path:
    path = folder / "table"  # artifacts of an engine have no ending
    path.write_bytes(content)
    return path


def arrow_file(table: pa.Table, path: Path, *, stream: bool) -> None:
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as sink, make(sink, table.schema) as writer:
        writer.write_table(table)


@pytest.mark.parametrize("form", ["parquet", "arrow file", "arrow stream", "jsonl"])
def test_the_same_rows_come_back_from_every_typed_format(tmp_path: Path, form: str) -> None:
    path = tmp_path / "table"
    if form == "parquet":
        pq.write_table(TABLE, path)
    elif form == "jsonl":
        path.write_text('{"age": 31, "town": "Bern"}\n{"age": 42, "town": ""}\n{"town": "Basel"}\n')
    else:
        arrow_file(TABLE, path, stream=form.endswith("stream"))

    assert formats.sniff(path) == form.split(maxsplit=1)[0]
    assert read.read_arrow(path).to_pydict() == TABLE.to_pydict()
    with read.connect() as connection:
        assert read.relation(connection, path).fetchall() == [(31, "Bern"), (42, ""), (None, "Basel")]


def test_csv_codes_with_leading_zeros_stay_text_and_plain_integers_do_not(tmp_path: Path) -> None:
    path = write(tmp_path, b"code,count,share,flag,day\n007,7,0.5,true,2024-02-01\n010,10,nan,FALSE,\n")

    table = read.read_arrow(path)

    assert table["code"].to_pylist() == ["007", "010"]
    assert table["count"].to_pylist() == [7, 10]
    assert table["share"][0].as_py() == 0.5
    assert math.isnan(table["share"][1].as_py())
    assert table["flag"].to_pylist() == [True, False]
    assert str(table["day"][0].as_py()) == "2024-02-01 00:00:00"
    assert set(read.read_arrow(path, text=True).schema.types) == {pa.string()}


@pytest.mark.parametrize("late", ["x", "1_000", "+1", "1,5", " 1", "0x10"])
def test_one_late_value_that_is_no_number_makes_the_column_text(tmp_path: Path, late: str) -> None:
    rows = "\n".join(["n", *["1"] * 30_000, f'"{late}"'])

    assert read.read_arrow(write(tmp_path, rows.encode()))["n"].type == pa.string()
    assert read.read_arrow(write(tmp_path, rows.replace(f'"{late}"', "1").encode()))["n"].type == pa.int64()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_read_from_the_header_and_a_byte_order_mark_is_skipped(
    tmp_path: Path, delimiter: str
) -> None:
    path = write(tmp_path, f'\ufeffa{delimiter}"b ""c"\r\n1{delimiter}"x\r\ny"\r\n'.encode())

    assert read.read_arrow(path).to_pydict() == {"a": [1], 'b "c': ["x\r\ny"]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is an empty file"),
        (b"a,b\n", "has no rows"),
        (b"a,b\n1,caf\xe9\n", "is not UTF-8 in line 2"),
        (b"a,b\n1\n", "Expected Number of Columns: 2 Found: 1"),
        (b"a,a\n1,2\n", "'a' more than once"),
        (b"a,A\n1,2\n", "differ only in case"),
        (b"a,\n1,2\n", "column 2 of"),
        (b"{}\n", "has no columns"),
        (b"PAR1 but no more", "cannot be read as Parquet"),
        (b"ARROW1 but no more", "cannot be read as Arrow"),
        (b'{"a": 1}\n{"a": \n', "cannot be read as JSON lines"),
        (b'{"a": 1, "a": 2}\n', "cannot be read as JSON lines"),
        (b'{"a": 1, "A": 2}\n', "differ only in case"),
        (b"\x1f\x8b\x08\x00\x00", "is packed with gzip"),
        (b"\x00\x01\x02", "neither Parquet, Arrow, CSV nor JSON lines"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence_with_its_path(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = write(tmp_path, content)

    with pytest.raises(InputError) as raised:
        read.read_arrow(path)

    assert said in str(raised.value)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_error_about_a_bad_line_does_not_quote_the_line(tmp_path: Path) -> None:
    for content in (b"a,b\nsecret\n", b'{"a": "secret", "a": "secret"}\n', b'a,b\n1,"secret\n'):
        with pytest.raises(InputError) as raised:
            read.read_arrow(write(tmp_path, content))
        assert "secret" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file or folder"):
        read.read_arrow(tmp_path / "absent")


def test_a_folder_reads_as_one_table_in_the_order_of_its_names(tmp_path: Path) -> None:
    for number, part in ((2, TABLE.slice(2)), (1, TABLE.slice(0, 2))):
        pq.write_table(part, tmp_path / f"part-{number}.parquet")
    (tmp_path / "_SUCCESS").touch()

    assert read.read_arrow(tmp_path).to_pydict() == TABLE.to_pydict()


def test_a_folder_of_parts_that_disagree_is_refused(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "part-1")
    pq.write_table(TABLE.append_column("more", [[1, 2, 3]]), tmp_path / "part-2")
    with pytest.raises(InputError, match="has other columns or types than part-1"):
        read.read_arrow(tmp_path)

    (tmp_path / "part-2").write_text("age,town\n1,x\n")
    with pytest.raises(InputError, match="mixes csv and parquet files"):
        read.read_arrow(tmp_path)


def test_a_folder_partitioned_by_names_is_read_with_those_columns(tmp_path: Path) -> None:
    for year in (2015, 2016):
        for town in ("a", "b"):
            folder = tmp_path / f"year={year}" / f"region={town}"
            folder.mkdir(parents=True)
            pq.write_table(TABLE, folder / "part")
    found = read.read_arrow(tmp_path)
    assert found.column_names == [*TABLE.column_names, "year", "region"]
    assert sorted(set(found["year"].to_pylist())) == [2015, 2016]
    assert found["region"].to_pylist().count("a") == 2 * TABLE.num_rows


def test_partitions_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    (tmp_path / "year=2015").mkdir()
    pq.write_table(TABLE, tmp_path / "year=2015" / "part")
    pq.write_table(TABLE, tmp_path / "part")
    with pytest.raises(InputError, match=r"below different columns \('year'\)"):
        read.read_arrow(tmp_path)

    (tmp_path / "part").unlink()
    pq.write_table(
        TABLE.append_column("year", pa.array([1] * TABLE.num_rows)), tmp_path / "year=2015" / "part"
    )
    with pytest.raises(InputError, match="'year' more than once"):
        read.read_arrow(tmp_path)

    (tmp_path / "year=2015" / "part").write_text("age\n1\n")
    with pytest.raises(InputError, match="read of Parquet only"):
        read.read_arrow(tmp_path)


def test_dictionary_and_large_text_come_back_as_plain_text(tmp_path: Path) -> None:
    encoded = pa.table(
        {"a": pa.array(["x", "y"]).dictionary_encode(), "b": pa.array(["x", "y"], pa.large_string())}
    )
    pq.write_table(encoded.replace_schema_metadata({"pandas": "{}"}), tmp_path / "table")

    table = read.read_arrow(tmp_path / "table")

    assert table.schema.equals(pa.schema({"a": pa.string(), "b": pa.string()}), check_metadata=True)


def test_columns_are_chosen_by_name_and_an_absent_one_lists_those_there_are(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "table")

    assert read.read_arrow(tmp_path / "table", ["town"]).column_names == ["town"]
    with pytest.raises(InputError, match=r"'twon', which .* does not have; its columns are 'age', 'town'"):
        read.read_arrow(tmp_path / "table", ["twon"])


def test_a_label_must_be_there_and_have_two_classes() -> None:
    table = pa.table({"y": [0, 1, None], "one": [1, 1, None], "none": pa.nulls(3, pa.int64())})

    read.require_label(table, "y")
    for label, said in (("z", "does not have"), ("one", "one class only"), ("none", "no value at all")):
        with pytest.raises(InputError, match=said):
            read.require_label(table, label)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=NAMES)
def test_any_column_name_reads_back_and_none_runs_as_sql(tmp_path: Path, names: list[str]) -> None:
    table = pa.table({name: [position] for position, name in enumerate(names)})
    pq.write_table(table, tmp_path / "table")

    with read.connect() as connection:
        found = read.relation(connection, tmp_path / "table")
        assert found.project(", ".join(map(read.quote, names))).fetchall() == [tuple(range(len(names)))]


@pytest.mark.parametrize(
    "name", ['"; DROP TABLE t; --', "'", '"', "a b", "naïve", "select", "row", "n", "h", "\\", "a\nb"]
)
def test_hostile_and_reserved_column_names_are_only_names(tmp_path: Path, name: str) -> None:
    header = name.replace('"', '""')
    path = write(tmp_path, f'"{header}",other\n1,2\n'.encode())

    assert read.read_arrow(path).to_pydict() == {name: [1], "other": [2]}
