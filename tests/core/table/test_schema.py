from __future__ import annotations

import json
import math
import unicodedata
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lockgate.documents import load_yaml
from lockgate.errors import InputError
from lockgate.outcome import Verdict
from lockgate.stages.ingest.validate_data import validate_data
from lockgate.table import infer, schema

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
NAME = TEXT.filter(lambda name: bool(name.strip()))


@st.composite
def tables(draw: Any) -> pa.Table:
    names = draw(
        st.lists(NAME, min_size=1, max_size=5, unique_by=lambda n: unicodedata.normalize("NFC", n).lower())
    )
    rows = draw(st.integers(1, 45))
    cells = {
        pa.int64(): st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3),
        pa.uint64(): st.integers(0, 2**64 - 1),
        pa.float64(): st.floats() | st.floats(-1, 1),
        pa.string(): TEXT | st.sampled_from(["no", "1", "true", "null", "~", "a: b", "# c"]),
        pa.bool_(): st.booleans(),
        pa.timestamp("us"): st.datetimes(),
    }
    columns = {}
    for name in names:
        kind = draw(st.sampled_from(list(cells)))
        columns[name] = pa.array(draw(st.lists(st.none() | cells[kind], min_size=rows, max_size=rows)), kind)
    return pa.table(columns)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(table=tables())
def test_a_schema_inferred_from_a_table_passes_that_table(tmp_path: Path, table: pa.Table) -> None:
    assume(
        all(any(v is not None and str(v) != "nan" for v in column.to_pylist()) for column in table.columns)
    )
    data, found = tmp_path / "data", tmp_path / "schema.yaml"
    pq.write_table(table, data)

    inferring = validate_data(data, tmp_path / "page", tmp_path / "registered", infer_schema=found)
    outcome = validate_data(data, tmp_path / "page", tmp_path / "registered", schema=found)

    assert inferring.verdict is Verdict.WARN
    assert outcome.verdict is Verdict.PASS, [c for c in outcome.checks if c.verdict is not Verdict.PASS]
    assert list(schema.load(found).columns) == table.column_names
    jsonschema.validate(load_yaml(found).data, schema.json_schema())


@given(
    low=st.floats(allow_nan=False, allow_infinity=False),
    high=st.floats(allow_nan=False, allow_infinity=False),
)
def test_slack_never_narrows_a_range_and_never_makes_a_share_negative(low: float, high: float) -> None:
    low, high = min(low, high), max(low, high)
    below, above = infer.slack(low, high, whole=False)

    assert below <= low <= high <= above
    assert math.isfinite(below)
    assert math.isfinite(above)
    assert below >= 0 or low < 0


@given(low=st.integers(-(2**70), 2**70), span=st.integers(0, 2**70))
def test_slack_of_whole_numbers_is_whole(low: int, span: int) -> None:
    below, above = infer.slack(low, low + span, whole=True)

    assert isinstance(below, int)
    assert isinstance(above, int)
    assert below <= low
    assert above >= low + span
    assert below >= 0 or low < 0


def test_ranges_get_a_tenth_of_their_span_and_stay_readable() -> None:
    assert infer.slack(17, 95, whole=True) == (9, 103)
    assert infer.slack(0, 95, whole=True) == (0, 105)
    assert infer.slack(0.25, 0.75, whole=False) == pytest.approx((0.2, 0.8))
    assert infer.slack(5, 5, whole=True) == (4, 6)


def load(folder: Path, text: str) -> schema.DataSchema:
    (folder / "schema.yaml").write_text(text)
    return schema.load(folder / "schema.yaml")


def test_a_written_schema_reads_as_it_says(tmp_path: Path) -> None:
    read = load(
        tmp_path,
        """
version: 1
label: employed
columns:
  age: {type: integer, min: 0, max: 99}
  day: {type: datetime, min: "2024-01-01", max: "2024-12-31T23:59:59Z"}
  sex: {type: string, categories: ["1", "2"]}
  note: {nullable: true, required: false}
  share: {type: number, min_completeness: 0.9}
  employed: {type: boolean}
""",
    )

    assert read.columns["age"].completeness == 1.0
    assert read.columns["note"].completeness == 0.0
    assert read.columns["share"].completeness == 0.9
    assert read.columns["note"].type == "any"
    assert not read.columns["note"].required


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a: {type: integre}", "line 3, key 'columns.a.type'"),
        ("a: {typ: integer}", "did you mean 'type'"),
        ("a: {type: integer, min: 3, max: 2}", "min is above max"),
        ("a: {type: string, min: 3}", "min and max go with"),
        ("a: {type: integer, min: x}", "must be of the column's type"),
        ("a: {type: string, categories: [1, 2]}", "write text in quotes"),
        ("a: {type: datetime, max: tomorrow}", "must be of the column's type"),
        ("a: {nullable: true, min_completeness: 0.5}", "not both"),
        ("a: {min_completeness: 1.5}", "less than or equal to 1"),
        ("a: {type: integer, unique: 1}", "valid boolean"),
        ("a: {type: string, categories: []}", "at least 1 item"),
    ],
)
def test_a_mistake_in_a_schema_names_file_line_and_key(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        load(tmp_path, f"version: 1\ncolumns:\n  {line}\n")

    assert said in str(raised.value)
    assert "schema.yaml, line 3" in str(raised.value)


@pytest.mark.parametrize(
    "head", ["label: b", "primary_key: [b]", "ignore: [b]", "version: 2", "rows: {min: 0}"]
)
def test_a_schema_whose_head_does_not_fit_is_refused(tmp_path: Path, head: str) -> None:
    first = "" if head.startswith("version") else "version: 1\n"
    with pytest.raises(InputError):
        load(tmp_path, f"{first}{head}\ncolumns: {{a: {{}}}}\n")
    if first and "rows" not in head:
        load(tmp_path, f"{first}{head}\ncolumns: {{a: {{}}, b: {{}}}}\n")


def test_the_json_schema_for_editors_is_the_one_of_the_code() -> None:
    shipped = json.loads((Path(schema.__file__).parent / "data-schema-1.json").read_text())
    made = schema.json_schema()

    assert shipped["properties"].keys() == made["properties"].keys()
    assert (
        shipped["$defs"]["ColumnRule"]["properties"].keys()
        == made["$defs"]["ColumnRule"]["properties"].keys()
    )
