"""Every check of `check-integrity`: a planted defect is found, the clean table beside it is not."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lockgate.errors import InputError
from lockgate.outcome import Outcome, Severity, Verdict
from lockgate.run import run
from lockgate.stages.ingest.check_integrity import IntegrityCheck, check_integrity
from lockgate.table.checks.integrity import FAMILIES

ROWS = 1_000
ROLES: dict[str, Any] = {"label": "hired", "primary_key": ["id"]}
Columns = dict[str, Any]


def people(rows: int = ROWS, seed: int = 3) -> Columns:
    draw = np.random.default_rng(seed)
    score = draw.normal(50, 10, rows)
    towns = ["Bern", "Basel", "Chur", "St. Gallen", "A+", "A-"]
    words = ["red", "blue", "long", "short", "old", "new", "fast", "slow"]
    return {
        "id": draw.permutation(rows),
        "age": draw.integers(18, 80, rows),
        "score": score,
        "income": draw.lognormal(10, 0.8, rows),
        "town": [towns[i] for i in draw.integers(0, len(towns), rows)],
        "remark": [" ".join(words[i] for i in draw.integers(0, 8, draw.integers(2, 7))) for _ in range(rows)],
        "hired": (score + draw.normal(0, 12, rows) > 50).astype(int),
    }


def check(folder: Path, columns: Columns, **more: Any) -> Outcome:
    pq.write_table(pa.table(columns), folder / "data")
    return check_integrity(folder / "data", **{**ROLES, **more})


def tell(outcome: Outcome) -> set[str]:
    return {found.check for found in outcome.findings if found.severity is not Severity.INFO}


def some(column: str, value: Any, rows: range) -> Callable[[Columns], Columns]:
    def planted(table: Columns) -> Columns:
        cells = list(table[column])
        for row in rows:
            cells[row] = value
        return {**table, column: cells}

    return planted


def _numbers_with_words(table: Columns) -> Columns:
    return {**table, "age": [str(a) if i % 50 else "unknown" for i, a in enumerate(table["age"])]}


def _numbers_with_null_words(table: Columns) -> Columns:
    return {**table, "age": [str(a) if i % 50 else "NA" for i, a in enumerate(table["age"])]}


def _conflicting(table: Columns) -> Columns:
    doubled = {n: np.concatenate([np.asarray(c), np.asarray(c)[:100]]) for n, c in table.items()}
    doubled["id"] = np.arange(ROWS + 100)
    doubled["hired"][ROWS:] = 1 - doubled["hired"][:100]
    doubled["score"][ROWS:] = doubled["score"][:100]
    return doubled


def _copied(table: Columns) -> Columns:
    copied = {n: np.concatenate([np.asarray(c), np.asarray(c)[:100]]) for n, c in table.items()}
    return {**copied, "id": np.random.default_rng(1).permutation(ROWS + 100)}


PLANTED: dict[str, Callable[[Columns], Columns]] = {
    "single-value": lambda t: {**t, "country": ["CH"] * ROWS},
    "percent-of-nulls": some("income", None, range(600)),
    "mixed-nulls": lambda t: some("town", None, range(5))(some("town", "null", range(5, 9))(t)),
    "mixed-types": _numbers_with_words,
    "special-characters": some("remark", "!?*", range(7)),
    "string-mismatch": some("town", "st gallen", range(3)),
    "string-length": some("remark", "x" * 2_000, range(2)),
    "duplicates": _copied,
    "conflicting-labels": _conflicting,
    "class-imbalance": lambda t: {**t, "hired": np.repeat([0, 1], [ROWS - 5, 5])},
    "feature-label-correlation": lambda t: {**t, "fired": 1 - t["hired"]},
    "feature-feature-correlation": lambda t: {**t, "months": t["age"] * 12},
    "identifier-label-correlation": lambda t: {**t, "id": np.argsort(np.argsort(t["hired"], kind="stable"))},
    "outliers": some("score", -99_999.0, range(20)),
}


def test_every_check_has_a_planted_defect_here_and_a_name_in_the_stage() -> None:
    assert set(PLANTED) == set(get_args(IntegrityCheck)) == {listed.family.name for listed in FAMILIES}


def test_a_clean_table_passes_every_check(tmp_path: Path) -> None:
    outcome = check(tmp_path, people())

    assert outcome.verdict is Verdict.PASS
    assert {c.id for c in outcome.checks} == set(PLANTED)
    assert not outcome.findings


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_warns_by_its_name_and_closes_the_gate_when_enforced(
    tmp_path: Path, name: str
) -> None:
    spoilt = PLANTED[name](people())

    warned = check(tmp_path, spoilt)
    assert name in tell(warned)
    assert warned.verdict is Verdict.WARN
    assert tell(warned) <= {name, "percent-of-nulls", "class-imbalance"} | (
        {"conflicting-labels"} if name == "duplicates" else set()
    )
    enforced = check(tmp_path, spoilt, checks=[name], enforce=[name])
    assert enforced.verdict is Verdict.FAIL
    assert [c.id for c in enforced.checks] == [name]
    assert {f.severity for f in enforced.findings} == {Severity.HIGH}


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("mixed-nulls", range(5, 9)),
        ("special-characters", range(7)),
        ("string-length", range(2)),
        ("outliers", range(20)),
    ],
)
def test_the_rows_of_a_defect_are_named(tmp_path: Path, name: str, rows: range) -> None:
    outcome = check(tmp_path, PLANTED[name](people()), checks=[name])

    assert [set(f.location.rows) for f in outcome.findings] == [set(rows)]


def test_words_for_missing_among_numbers_are_found_without_a_single_gap(tmp_path: Path) -> None:
    assert tell(check(tmp_path, _numbers_with_null_words(people()))) == {"mixed-nulls"}


def test_one_text_among_many_numbers_of_a_csv_is_found(tmp_path: Path) -> None:
    lines = ["n,m", *(f"{i},{i % 7}" for i in range(2_000))]
    (tmp_path / "clean.csv").write_text("\n".join(lines) + "\n")
    lines[1_500] = "12 kg,3"
    (tmp_path / "data.csv").write_text("\n".join(lines) + "\n")

    assert "mixed-types" not in tell(check_integrity(tmp_path / "clean.csv"))
    outcome = check_integrity(tmp_path / "data.csv", checks=["mixed-types"])
    assert outcome.findings[0].location.rows == (1_499,)


def test_thresholds_are_held_as_given(tmp_path: Path) -> None:
    half = some("income", None, range(400))(people())
    assert tell(check(tmp_path, half)) == set()
    assert tell(check(tmp_path, half, max_null_share=0.3)) == {"percent-of-nulls"}


def test_a_check_that_was_asked_for_and_does_not_apply_is_inconclusive(tmp_path: Path) -> None:
    table = people()
    asked = check(tmp_path, table, label=None, checks=["conflicting-labels"])
    silent = check(tmp_path, table, label=None)

    assert asked.verdict is Verdict.INCONCLUSIVE
    assert silent.verdict is Verdict.PASS
    assert "conflicting-labels" in silent.metrics["not_applicable"]


def test_a_quantity_as_label_is_foretold_by_a_copy_of_it_and_by_nothing_else(tmp_path: Path) -> None:
    table = people()
    clean = check(tmp_path, table, label="score")
    leaked = check(tmp_path, {**table, "points": table["score"] * 3 + 1}, label="score")

    assert "feature-label-correlation" not in tell(clean)
    assert "feature-label-correlation" in tell(leaked)


def test_columns_of_a_copy_are_compared_without_the_key(tmp_path: Path) -> None:
    copied = _copied(people())
    assert tell(check(tmp_path, copied, checks=["duplicates"])) == {"duplicates"}
    assert not tell(check(tmp_path, copied, checks=["duplicates"], primary_key=None))


# --- Odd input --------------------------------------------------------------------------------------

ODD: dict[str, Columns] = {
    "one row": {"a": [1], "b": ["x"], "c": [dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)]},
    "all null": {"a": pa.nulls(60, pa.float64()), "b": pa.nulls(60, pa.string()), "c": np.arange(60)},
    "constant": {"a": np.ones(60), "b": ["x"] * 60},
    "infinite": {"a": [np.inf, -np.inf, np.nan] * 20, "b": np.linspace(-8e307, 8e307, 60) * 2},
    "many categories": {"a": [f"c{i}" for i in range(10_000)], "b": np.arange(10_000) % 3},
    "time zones": {
        "a": pa.array([1_700_000_000 + i for i in range(60)], pa.timestamp("s", "Europe/Zurich")),
        "b": pa.array(range(60), pa.date32()),
    },
    "decimals": {"a": [decimal.Decimal(i) / 7 for i in range(60)], "b": [decimal.Decimal(3)] * 60},
    "nested": {"a": [[i, i + 1] for i in range(60)], "b": [{"x": i % 2} for i in range(60)]},
    "hostile names": {
        '"; DROP TABLE x; --': np.arange(60),
        "v": ["n"] * 60,
        "n": ["x", "y"] * 30,
        "c": [1] * 60,
    },
}


@pytest.mark.parametrize("name", ODD)
def test_odd_tables_are_checked_without_a_crash_and_never_fail(tmp_path: Path, name: str) -> None:
    pq.write_table(pa.table(ODD[name]), tmp_path / "data")
    outcome = check_integrity(tmp_path / "data")

    assert outcome.verdict in (Verdict.PASS, Verdict.WARN)
    singles = {f.location.column for f in outcome.findings if f.check == "single-value"}
    assert singles == {
        "all null": {"a", "b"},
        "constant": {"a", "b"},
        "decimals": {"b"},
        "hostile names": {"v", "c"},
    }.get(name, set())


def test_an_empty_table_an_absent_column_and_an_unknown_check_are_bad_input(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "empty")
    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "data")
    with pytest.raises(InputError, match="has no rows"):
        check_integrity(tmp_path / "empty")
    with pytest.raises(InputError, match="label names 'y'"):
        check_integrity(tmp_path / "data", label="y")
    with pytest.raises(InputError, match="parameter 'checks' of check-integrity"):
        run("check-integrity", {"data": str(tmp_path / "data"), "checks": "outlier"}, out=tmp_path / "out")


# --- Through run ------------------------------------------------------------------------------------


def test_one_core_and_many_give_the_same_body_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    pq.write_table(pa.table(people(30_000)), tmp_path / "data")
    connect = duckdb.connect
    digests = set()
    for threads in (1, 3):
        monkeypatch.setattr(
            duckdb, "connect", lambda *a, config, n=threads: connect(*a, config={**config, "threads": str(n)})
        )
        arguments = {"data": str(tmp_path / "data"), "label": "hired", "primary_key": "id"}
        digests.add(run("check-integrity", arguments, out=tmp_path / f"out{threads}").body_digest)

    assert len(digests) == 1


def test_a_policy_enforces_checks_and_no_value_of_the_table_is_shown(tmp_path: Path) -> None:
    spoilt = some("town", "Quarry-town!", range(3))(some("town", "quarry town", range(3, 6))(people()))
    pq.write_table(pa.table(spoilt), tmp_path / "data")
    (tmp_path / "lockgate.yaml").write_text(
        "version: 1\nstages:\n  check-integrity:\n    enforce: [string-mismatch]\n"
    )
    result = run(
        "check-integrity",
        {"data": str(tmp_path / "data"), "label": "hired", "primary_key": "id"},
        out=tmp_path / "out",
        policy=tmp_path / "lockgate.yaml",
    )

    assert result.verdict is Verdict.FAIL
    assert (
        json.loads((tmp_path / "out" / "result.json").read_text())["findings"][0]["rule"]
        == "LG-INTEGRITY-006"
    )
    for name in ("result.json", "report.html"):
        assert "uarry" not in (tmp_path / "out" / name).read_text()


def test_a_report_of_500_columns_stays_below_500_kilobytes(tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    wide = {f"column_{i:03d}": draw.normal(size=200) for i in range(400)}
    wide |= {f"text_{i:03d}": [f"v{k}" for k in draw.integers(0, 5, 200)] for i in range(100)}
    pq.write_table(pa.table(wide), tmp_path / "data")
    run("check-integrity", {"data": str(tmp_path / "data")}, out=tmp_path / "out")

    assert (tmp_path / "out" / "report.html").stat().st_size < 500_000
