"""The suite behind its border. What needs deepchecks itself is slow: its import alone takes 20 seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lockgate.errors import InputError, MissingExtraError, StageError
from lockgate.outcome import Outcome, Severity, Verdict
from lockgate.run import run
from lockgate.suites import deepchecks
from lockgate.suites.deepchecks import CheckReply, Reply
from lockgate.table.read import connect
from lockgate.table.typed import open_table

HERE = Path(__file__).parents[3] / ".venv-deepchecks" / "bin" / "python"


def reply(*checks: CheckReply) -> Reply:
    return Reply("0.19.1", 100, 3, checks)


def recorded(*checks: CheckReply) -> Outcome:
    outcome = Outcome()
    deepchecks.record(outcome, reply(*checks))
    return outcome


def test_a_condition_that_did_not_hold_warns_and_one_that_held_passes() -> None:
    bad = recorded(
        CheckReply("Mixed Nulls", ran=True, conditions={"at most 1 null": "FAIL", "other": "PASS"})
    )
    good = recorded(CheckReply("Mixed Nulls", ran=True, conditions={"at most 1 null": "PASS"}))

    assert (bad.verdict, good.verdict) == (Verdict.WARN, Verdict.PASS)
    assert [(f.rule, f.severity, f.check) for f in bad.findings] == [
        ("LG-DATA-020", Severity.MEDIUM, "deepchecks:Mixed Nulls")
    ]


def test_a_check_that_deepchecks_could_not_run_is_shown_and_counts_neither_way() -> None:
    some = recorded(
        CheckReply("A", ran=False, conditions={}), CheckReply("B", ran=True, conditions={"c": "PASS"})
    )
    none = recorded(CheckReply("A", ran=False, conditions={}), CheckReply("B", ran=False, conditions={}))

    assert some.verdict is Verdict.PASS
    assert [c.id for c in some.checks] == ["deepchecks:B"]
    assert some.findings[0].severity is Severity.INFO
    assert none.verdict is Verdict.INCONCLUSIVE


def test_a_check_without_a_condition_passes_nothing() -> None:
    assert (
        recorded(CheckReply("Outlier Sample Detection", ran=True, conditions={})).verdict
        is Verdict.INCONCLUSIVE
    )


def test_without_deepchecks_the_install_command_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(deepchecks.PYTHON_VARIABLE, raising=False)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    if deepchecks.importlib.util.find_spec("deepchecks"):
        pytest.skip("deepchecks is installed beside the tests")

    with pytest.raises(MissingExtraError, match=r"pip install 'lockgate\[deepchecks\]' in an environment"):
        deepchecks.interpreter()


def test_the_environment_beside_this_one_is_found_without_being_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(deepchecks.PYTHON_VARIABLE, raising=False)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    beside = tmp_path / ".venv-deepchecks" / "bin" / "python"
    beside.parent.mkdir(parents=True)
    beside.touch()

    assert deepchecks.interpreter() == str(beside)


def test_a_named_interpreter_must_be_there_and_have_deepchecks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(deepchecks.PYTHON_VARIABLE, str(tmp_path / "absent"))
    with pytest.raises(InputError, match="which is no file"):
        deepchecks.interpreter()

    monkeypatch.setenv(deepchecks.PYTHON_VARIABLE, sys.executable)
    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "data")
    with connect() as connection, pytest.raises(StageError, match="No module named 'deepchecks'"):
        deepchecks.run(open_table(connection, tmp_path / "data"), tmp_path / "page", label=None)


def test_the_sample_is_bounded_drawn_by_seed_and_keeps_label_and_key(tmp_path: Path) -> None:
    rows = deepchecks.MAX_ROWS + 5_000
    columns = {f"c{n}": np.arange(rows) for n in range(60)} | {"lockgate_row": np.arange(rows) % 2}
    pq.write_table(pa.table({**columns, "id": np.arange(rows)}), tmp_path / "data")
    with connect() as connection:
        table = open_table(connection, tmp_path / "data")
        for name, seed in (("one", 1), ("again", 1), ("two", 2)):
            deepchecks._write_sample(table, tmp_path / name, "lockgate_row", ["id"], seed)
    one, again, two = (pq.read_table(tmp_path / name) for name in ("one", "again", "two"))

    assert (one.num_rows, one.num_columns) == (deepchecks.MAX_ROWS, deepchecks.MAX_COLUMNS)
    assert {"id", "lockgate_row"} <= set(one.column_names)
    assert one.equals(again)
    assert not one.equals(two)
    assert one["id"].to_pylist() == sorted(set(one["id"].to_pylist()))


def test_the_core_never_imports_deepchecks() -> None:
    code = "import sys, lockgate.suites.deepchecks, lockgate.stages.ingest.validate_data; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert not {"deepchecks", "pandas", "numpy", "duckdb", "pyarrow", "sklearn"} & set(loaded)


@pytest.mark.slow
def test_deepchecks_finds_conflicting_labels_and_copies_and_writes_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = os.environ.get(deepchecks.PYTHON_VARIABLE) or (str(HERE) if HERE.exists() else "")
    if not named:
        pytest.skip(f"{deepchecks.PYTHON_VARIABLE} names no interpreter with deepchecks")
    monkeypatch.setenv(deepchecks.PYTHON_VARIABLE, named)
    draw = np.random.default_rng(5)
    x, place = draw.normal(size=300), np.array(["Bern", "Chur"])[draw.integers(0, 2, 300)]
    clean = {"x": x, "place": place, "y": (x > 0).astype(int)}
    spoilt = {name: np.concatenate([cells, cells[:60]]) for name, cells in clean.items()}
    spoilt["y"][:30] = 1 - spoilt["y"][:30]
    results = {}
    for name, columns in (("clean", clean), ("spoilt", spoilt), ("again", spoilt)):
        pq.write_table(pa.table(columns), tmp_path / name.replace("again", "spoilt"))
        results[name] = run(
            "validate-data",
            {"data": str(tmp_path / name.replace("again", "spoilt")), "label": "y", "suite": "deepchecks"},
            out=tmp_path / "out" / name,
        )

    failed = {name: {f["check"] for f in result.document["findings"]} for name, result in results.items()}
    assert {"deepchecks:Conflicting Labels", "deepchecks:Data Duplicates"} <= failed["spoilt"]
    assert not {"deepchecks:Conflicting Labels", "deepchecks:Data Duplicates"} & failed["clean"]
    assert results["spoilt"].verdict is Verdict.WARN
    assert results["spoilt"].body_digest == results["again"].body_digest
    page = Path(results["spoilt"].outputs["deepchecks_report"])
    assert b"<html" in page.read_bytes()[:2_000].lower()
