"""Every check of `check-split`: a leak or a novelty that was planted is found, a clean split is not."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lockgate.errors import InputError
from lockgate.outcome import Outcome, Verdict
from lockgate.run import run
from lockgate.stages.develop.check_split import SplitCheck, check_split

START = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
ROLES: dict[str, Any] = {"label": "hired", "index": ["person"], "date": "seen", "max_skew": 0.1}
Columns = dict[str, list[Any]]
Tables = tuple[Columns, Columns]


def split(seed: int = 4, sizes: tuple[int, int] = (900, 300)) -> Tables:
    draw = np.random.default_rng(seed)
    tables, start = [], 0
    for rows in sizes:
        tables.append(
            {
                "person": list(range(start, start + rows)),
                "seen": [START + dt.timedelta(hours=h) for h in range(start, start + rows)],
                "score": [float(x) for x in draw.normal(50, 10, rows)],
                "town": [["Bern", "Basel", "Chur"][i] for i in draw.integers(0, 3, rows)],
                "hired": [int(x) for x in draw.integers(0, 2, rows)],
            }
        )
        start += rows
    return tables[0], tables[1]


def check(folder: Path, tables: Tables, **more: Any) -> Outcome:
    for name, columns in zip(("train", "test"), tables, strict=True):
        pq.write_table(pa.table(columns), folder / name)
    return check_split(folder / "train", folder / "test", **{**ROLES, **more})


def tell(outcome: Outcome) -> set[str]:
    return {c.id for c in outcome.checks if c.verdict is not Verdict.PASS}


def put(column: str, rows: dict[int, Any]) -> Callable[[Tables], Tables]:
    def planted(tables: Tables) -> Tables:
        cells = list(tables[1][column])
        for row, value in rows.items():
            cells[row] = value
        return tables[0], {**tables[1], column: cells}

    return planted


def _copies(tables: Tables) -> Tables:
    train, test = tables
    return train, {
        name: [*cells[:-20], *(train[name][:20] if name not in ("person", "seen") else cells[-20:])]
        for name, cells in test.items()
    }


PLANTED: dict[str, Callable[[Tables], Tables]] = {
    "size-comparison": lambda t: (t[0], {n: c[:8] for n, c in t[1].items()}),
    "new-categories": put("town", {7: "Genf"}),
    "new-labels": put("hired", {7: 2}),
    "string-mismatch": put("town", {7: "BERN "}),
    "index-leakage": put("person", {7: 3}),
    "date-duplicates": put("seen", {7: START + dt.timedelta(hours=24)}),
    "date-overlap": put("seen", {7: START + dt.timedelta(hours=24.5)}),
    "sample-leakage": _copies,
    "skew": lambda t: (t[0], {**t[1], "score": [x + 10 for x in t[1]["score"]]}),
    "columns": lambda t: (t[0], {**t[1], "more": [1] * 300}),
}
ALONG = {
    "string-mismatch": {"new-categories"},
    "date-duplicates": {"date-overlap"},
    "size-comparison": {"skew"},
}


def test_every_check_has_a_planted_defect_here() -> None:
    assert set(PLANTED) == set(get_args(SplitCheck))


def test_a_clean_split_passes_every_check(tmp_path: Path) -> None:
    outcome = check(tmp_path, split())

    assert outcome.verdict is Verdict.PASS
    assert {c.id for c in outcome.checks} == {*PLANTED, "column-types"}
    assert outcome.metrics["skew"]["town"]["measure"] == "l-infinity"


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_warns_by_its_name_and_closes_the_gate_when_enforced(
    tmp_path: Path, name: str
) -> None:
    spoilt = PLANTED[name](split())
    more = {"min_size_ratio": 0.1}

    warned = check(tmp_path, spoilt, **more)
    assert warned.verdict is Verdict.WARN
    assert name in tell(warned)
    assert tell(warned) <= {name} | ALONG.get(name, set())
    enforced = check(tmp_path, spoilt, **more, checks=[name], enforce=[name])
    assert enforced.verdict is Verdict.FAIL


@pytest.mark.parametrize(
    "name", ["new-categories", "new-labels", "string-mismatch", "index-leakage", "date-overlap"]
)
def test_the_row_of_a_defect_is_named(tmp_path: Path, name: str) -> None:
    outcome = check(tmp_path, PLANTED[name](split()), checks=[name])
    assert [f.location.rows for f in outcome.findings] == [(7,)]


def test_copies_are_found_though_the_tables_store_their_numbers_otherwise(tmp_path: Path) -> None:
    train, test = _copies(split())
    enforced = check(
        tmp_path, (train, {**test, "hired": [float(x) for x in test["hired"]]}), max_sample_leakage=0
    )
    assert tell(enforced) == {"sample-leakage"}
    assert set(enforced.findings[0].location.rows) == set(range(280, 300))


def test_rows_with_gaps_are_copies_of_rows_with_the_same_gaps(tmp_path: Path) -> None:
    train, test = _copies(split())
    train["town"][:20] = [None] * 20
    assert tell(check(tmp_path, (train, test), max_sample_leakage=0)) == set()
    test["town"][-20:] = [None] * 20
    assert tell(check(tmp_path, (train, test), max_sample_leakage=0)) == {"sample-leakage"}


def test_categories_may_be_missing_from_test(tmp_path: Path) -> None:
    train, test = split()
    outcome = check(tmp_path, (train, {**test, "town": ["Bern"] * 300}), max_skew=None)
    assert outcome.verdict is Verdict.PASS
    assert "skew" not in {c.id for c in outcome.checks}
    assert outcome.metrics["skew"]["town"]["value"] > 0.5


def test_skew_is_that_of_scipy_and_of_numpy(tmp_path: Path) -> None:
    from scipy.spatial.distance import jensenshannon

    train, test = PLANTED["skew"](split())
    outcome = check(tmp_path, (train, test), max_skew=1.0)
    cuts = np.unique(np.quantile(train["score"], np.arange(1, 10) / 10, method="lower"))
    counts = [np.bincount(np.searchsorted(cuts, t["score"]), minlength=10) for t in (train, test)]
    assert outcome.metrics["skew"]["score"]["value"] == pytest.approx(
        jensenshannon(*counts, base=2) ** 2, abs=1e-9
    )
    shares = [
        {v: t["town"].count(v) / len(t["town"]) for v in ("Bern", "Basel", "Chur")} for t in (train, test)
    ]
    largest = max(abs(shares[0][v] - shares[1][v]) for v in shares[0])
    assert outcome.metrics["skew"]["town"]["value"] == pytest.approx(largest, abs=1e-12)


@pytest.mark.parametrize("kinds", [12, 3_000])
def test_the_largest_difference_of_shares_is_that_of_plain_counting(tmp_path: Path, kinds: int) -> None:
    draw = np.random.default_rng(kinds)
    sides = [[None if k % 7 == 3 else f"v{k}" for k in draw.geometric(1 / kinds, 4_000)] for _ in range(2)]
    for name, values in zip(("train", "test"), sides, strict=True):
        pq.write_table(pa.table({"x": values, "other": np.arange(4_000)}), tmp_path / name)
    outcome = check_split(tmp_path / "train", tmp_path / "test")
    counts = [Counter(v for v in values if v is not None) for values in sides]
    shares = [{v: n / sum(c.values()) for v, n in c.items()} for c in counts]
    largest = max(abs(shares[0].get(v, 0) - shares[1].get(v, 0)) for v in {*shares[0], *shares[1]})
    assert outcome.metrics["skew"]["x"] == {
        "measure": "l-infinity",
        "value": pytest.approx(largest, abs=1e-12),
    }


def test_a_column_of_another_type_warns_and_is_not_compared(tmp_path: Path) -> None:
    train, test = split()
    outcome = check(tmp_path, (train, {**test, "score": [str(x) for x in test["score"]]}))
    assert tell(outcome) == {"column-types"}
    assert "score" not in outcome.metrics["skew"]


@pytest.mark.parametrize(
    ("columns", "verdict"),
    [
        ({"a": [[1], [2]] * 10, "b": list(range(20))}, Verdict.WARN),
        ({"a": [None] * 20, "b": list(range(20))}, Verdict.WARN),
        ({"b": [1]}, Verdict.WARN),
        ({"b": [f"c{i}" for i in range(10_000)]}, Verdict.WARN),
        ({"b": [float("inf"), float("nan")] * 10}, Verdict.WARN),
        ({"b": pa.array([1, 2], pa.timestamp("s", "Europe/Zurich"))}, Verdict.WARN),
    ],
)
def test_odd_tables_held_against_themselves_are_all_leakage_and_nothing_else(
    tmp_path: Path, columns: Any, verdict: Verdict
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "data")
    outcome = check_split(tmp_path / "data", tmp_path / "data")
    assert outcome.verdict is verdict
    assert tell(outcome) == {"sample-leakage"}
    assert outcome.findings[0].count == len(next(iter(columns.values())))


def test_bad_input_is_said_in_one_sentence(tmp_path: Path) -> None:
    train, test = split()
    with pytest.raises(InputError, match="no column in common"):
        check(tmp_path, ({"a": [1]}, {"b": [1]}), label=None, index=None, date=None)
    with pytest.raises(InputError, match=r"'score' of .* holds numbers, no time stamps"):
        check(tmp_path, (train, test), date="score")
    with pytest.raises(InputError, match="'x', which the table train does not have"):
        check(tmp_path, (train, test), label="x")
    with pytest.raises(InputError, match="give max_skew"):
        check(tmp_path, (train, test), checks=["skew"], max_skew=None)
    with pytest.raises(InputError, match="has no rows"):
        check(tmp_path, (train, {n: c[:0] for n, c in test.items()}))


def test_through_run_the_result_shows_no_value_and_a_served_table_may_lack_the_label(tmp_path: Path) -> None:
    train, test = PLANTED["new-categories"](split())
    served = {n: c for n, c in test.items() if n != "hired"}
    for name, columns in (("train", train), ("test", served)):
        pq.write_table(pa.table(columns), tmp_path / name)
    arguments = {"train": str(tmp_path / "train"), "test": str(tmp_path / "test"), "ignore": "person,seen"}
    result = run("check-split", arguments, out=tmp_path / "out")

    assert result.verdict is Verdict.WARN
    assert {f["rule"] for f in result.document["findings"]} == {"LG-SPLIT-002", "LG-SPLIT-010"}
    for name in ("result.json", "report.html"):
        assert "Genf" not in (tmp_path / "out" / name).read_text()
