"""Spark counts what DuckDB counts, to the last bit. Needs pyspark and Java; skipped without."""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lockgate.errors import InputError
from lockgate.table.engine.local import profile_of
from lockgate.table.engine.partition import Part, Task, counted, decoded, encoded
from lockgate.table.profile_drift import compare_profiles


def rows(seed, count=20_000, shift=0.0):
    random = np.random.default_rng(seed)
    times = random.integers(0, 10**15, count)
    return pa.table(
        {
            "x": random.normal(shift, size=count),
            "heavy": pa.array(random.lognormal(0, 3, count), mask=random.random(count) < 0.1),
            "whole": random.integers(-(2**60), 2**60, count),
            "few": random.integers(0, 5, count),
            "text": [f"v{k}" for k in random.integers(0, 30, count)],
            "flag": random.random(count) < 0.3,
            "single": random.normal(size=count).astype("float32"),
            "when": pa.array(times).cast(pa.timestamp("us", tz="UTC")),
            "key": [f"k{k}" for k in range(count)],
        }
    )


def test_what_a_worker_sends_back_reads_as_it_was():
    batch = rows(1, 500)
    parts = [
        counted(batch["x"].combine_chunks(), Task(True, (-1.0, 0.0, 1.0))),
        counted(batch["text"].combine_chunks(), Task(False, categories=("v1", "v2"))),
        counted(batch["few"].combine_chunks(), Task(True, (0, 1), ("0", "1"), whole=True)),
    ]
    assert decoded(encoded(parts)) == parts
    assert [part.filled for part in parts] == [500] * 3
    assert isinstance(parts[0], Part)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spark")
    for name, seed, shift in (("before", 1, 0.0), ("now", 2, 0.5)):
        pq.write_table(rows(seed, shift=shift), folder / name, row_group_size=3_000)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(600)
class TestOnSpark:
    @pytest.fixture(autouse=True)
    def spark(self, monkeypatch):
        pytest.importorskip("pyspark")
        if not shutil.which("java"):
            pytest.skip("Spark needs Java")
        monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")

    def test_both_engines_give_the_same_profiles_and_the_same_drift(self, tables):
        on_spark = profile_of(tables / "before", engine="spark")
        assert profile_of(tables / "before", layout=on_spark) == on_spark
        layout = profile_of(tables / "before")
        assert profile_of(tables / "before", layout=layout, engine="spark") == layout
        now = [profile_of(tables / "now", layout=layout, engine=engine) for engine in ("duckdb", "spark")]
        assert now[0] == now[1]
        assert [c.column for c in compare_profiles(layout, now[1]).drifted] == ["x"]

    def test_edges_that_spark_finds_cut_the_column_evenly(self, tables):
        found = profile_of(tables / "before", engine="spark", columns=["x", "heavy"])
        for column in found.columns.values():
            assert len(column.edges) > 190
            assert max(column.numbers.bins) < 0.01 * column.filled

    def test_a_format_without_types_is_refused(self, tmp_path):
        (tmp_path / "t.csv").write_text("x\n1\n")
        with pytest.raises(InputError, match="reads Parquet"):
            profile_of(tmp_path / "t.csv", engine="spark")
