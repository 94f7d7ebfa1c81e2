from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("cleanlab")

from pathlib import Path

from lockgate.errors import InputError
from lockgate.outcome import Verdict
from lockgate.stages.ingest.detect_poisoning import detect_poisoning

DATA = Path(__file__).parents[4] / "dags" / "data"


def orders(rows: int = 1_600, seed: int = 3) -> pa.Table:
    random = np.random.default_rng(seed)
    amount, hour = random.normal(size=rows), random.integers(0, 24, rows)
    late = random.random(rows) < 1 / (1 + np.exp(-4 * amount))
    shop = [f"shop-{i}" for i in random.integers(0, 5, rows)]
    return pa.table({"amount": amount, "hour": hour, "shop": shop, "late": np.where(late, "yes", "no")})


def hijacked(table: pa.Table, shop: str = "shop-2") -> pa.Table:
    flipped = [
        ("no" if label == "yes" else "yes") if at == shop else label
        for label, at in zip(table["late"].to_pylist(), table["shop"].to_pylist(), strict=True)
    ]
    return table.set_column(table.column_names.index("late"), "late", pa.array(flipped))


def detect(folder: Path, table: pa.Table, **more):
    pq.write_table(table, folder / "train")
    outcome = detect_poisoning(folder / "train", folder / "suspects", folder / "scores", **more)
    return outcome, pq.read_table(folder / "suspects"), pq.read_table(folder / "scores")


def test_a_hijacked_source_fails_and_is_named_and_its_rows_are_the_suspects(tmp_path):
    outcome, suspects, scores = detect(tmp_path, hijacked(orders()), label="late", source="shop")
    assert outcome.verdict is Verdict.FAIL
    [finding] = [f for f in outcome.findings if f.rule == "LG-POISON-003"]
    assert "'shop-2'" in finding.message
    assert finding.count == suspects.num_rows > 200
    assert set(suspects["shop"].to_pylist()) == {"shop-2"}
    assert suspects.column_names == ["row", "score", "reason", "shop"]
    assert outcome.metrics["suspects"] == suspects.num_rows
    marked = [
        r for r, reason in zip(scores["row"].to_pylist(), scores["reason"].to_pylist(), strict=True) if reason
    ]
    assert sorted(suspects["row"].to_pylist()) == marked


def test_the_same_table_with_its_own_labels_passes_without_suspects(tmp_path):
    outcome, suspects, scores = detect(tmp_path, orders(), label="late", source="shop")
    assert outcome.verdict is Verdict.PASS
    assert suspects.num_rows == 0
    assert scores.schema.field("row").type == pa.int64()
    assert scores.schema.field("score").type == pa.float64()
    assert scores.schema.field("reason").type == pa.string()
    assert scores["row"].to_pylist() == list(range(1_600))
    assert scores["reason"].null_count == 1_600


def test_a_baseline_says_which_labels_changed(tmp_path):
    pq.write_table(orders(seed=4), tmp_path / "baseline")
    table = orders()
    some = np.random.default_rng(0).random(table.num_rows) < 0.3
    labels = np.where(some, "no", np.array(table["late"].to_pylist()))
    poisoned = table.set_column(3, "late", pa.array(labels))
    outcome, suspects, _ = detect(tmp_path, poisoned, label="late", baseline=tmp_path / "baseline")
    assert outcome.verdict is Verdict.FAIL
    assert [f.rule for f in outcome.findings if f.count and "'yes' are labelled 'no'" in f.message] == [
        "LG-POISON-002"
    ]
    assert suspects.num_rows > 100

    outcome, suspects, _ = detect(tmp_path, table, label="late", baseline=tmp_path / "baseline")
    assert outcome.verdict is Verdict.PASS
    assert suspects.num_rows == 0


def test_without_a_baseline_it_says_what_could_pass_unseen_and_with_one_it_need_not(tmp_path):
    pq.write_table(orders(seed=4), tmp_path / "baseline")
    alone, _, _ = detect(tmp_path, orders(), label="late")
    assert "give a baseline" in str(alone.facts["Could pass unseen"])
    compared, _, _ = detect(tmp_path, orders(), label="late", baseline=tmp_path / "baseline")
    assert "Could pass unseen" not in compared.facts


def test_a_chance_too_small_to_read_is_not_written_out(tmp_path):
    pq.write_table(orders(seed=4), tmp_path / "baseline")
    table = orders()
    poisoned = table.set_column(3, "late", pa.array(["no"] * 700 + table["late"].to_pylist()[700:]))
    outcome, _, _ = detect(tmp_path, poisoned, label="late", baseline=tmp_path / "baseline")
    [finding] = [f for f in outcome.findings if f.rule == "LG-POISON-002"]
    assert finding.message.endswith("the chance that clean data shows as much is below 1e-12.")


def test_a_detector_that_had_nothing_to_look_at_is_shown_and_does_not_close_the_gate(tmp_path):
    outcome, _, _ = detect(tmp_path, orders(), label="late")
    said = [f.message for f in outcome.findings if f.rule == "LG-POISON-090"]
    assert any("no source column was named" in message for message in said)
    assert outcome.verdict is Verdict.PASS


def test_one_source_only_leaves_the_question_about_sources_open(tmp_path):
    table = orders()
    table = table.set_column(2, "shop", pa.array(["shop-1"] * table.num_rows))
    outcome, _, _ = detect(tmp_path, table, label="late", source="shop")
    assert outcome.verdict is Verdict.INCONCLUSIVE


def test_too_few_rows_are_inconclusive_and_still_scored(tmp_path):
    outcome, suspects, scores = detect(tmp_path, orders(30), label="late")
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert (suspects.num_rows, scores.num_rows) == (0, 30)


def test_a_run_without_an_alarm_says_what_it_would_have_found_and_may_be_told_to_see_more(tmp_path):
    outcome, _, _ = detect(tmp_path, orders(), label="late", source="shop")
    found = outcome.metrics["smallest_share_found"]
    assert found["source-labels"] in (0.01, 0.03)
    assert "labels flipped at random" in str(outcome.facts["This run could not have seen"])
    assert outcome.verdict is Verdict.PASS
    strict, _, _ = detect(tmp_path, orders(), label="late", source="shop", must_find=0.03)
    assert strict.verdict is Verdict.INCONCLUSIVE
    off, _, _ = detect(tmp_path, orders(), label="late", source="shop", canary=False)
    assert "smallest_share_found" not in off.metrics


def test_hours_of_flipped_labels_are_a_finding_that_names_the_stretch_of_time(tmp_path):
    table = orders().append_column("when", pa.array(np.arange(1_600), pa.timestamp("s")))
    labels = np.array(table["late"].to_pylist())
    labels[480:640] = np.where(labels[480:640] == "yes", "no", "yes")
    lies = table.set_column(3, "late", pa.array(labels))
    outcome, suspects, _ = detect(tmp_path, lies, label="late", source="shop", timestamp="when")
    [finding] = [f for f in outcome.findings if f.check]
    assert finding.rule == "LG-POISON-008"
    assert "in window 4 of 10 by time" in finding.message
    assert set(suspects["row"].to_pylist()) <= set(range(480, 640))


def test_two_runs_write_the_same_bytes(tmp_path):
    table = hijacked(orders())
    first, *_ = detect(tmp_path, table, label="late", source="shop", seed=9)
    written = [(tmp_path / name).read_bytes() for name in ("suspects", "scores")]
    second, *_ = detect(tmp_path, table, label="late", source="shop", seed=9)
    assert written == [(tmp_path / name).read_bytes() for name in ("suspects", "scores")]
    assert (first.metrics, first.findings, first.checks) == (second.metrics, second.findings, second.checks)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"label": "lateness"}, "lateness"),
        ({"label": "late", "source": "store"}, "source names 'store'"),
        ({"label": "late", "ignore": ["minute"]}, "ignore names 'minute'"),
        ({"label": "late", "ignore": ["late"]}, "the label is always looked at"),
    ],
)
def test_a_column_that_is_not_there_is_named(tmp_path, arguments, said):
    with pytest.raises(InputError, match=said):
        detect(tmp_path, orders(100), **arguments)
    assert not (tmp_path / "scores").exists()


def test_a_constant_label_cannot_be_used(tmp_path):
    table = orders(100)
    with pytest.raises(InputError, match="one class only"):
        detect(tmp_path, table.set_column(3, "late", pa.array(["no"] * 100)), label="late")


@pytest.mark.slow
@pytest.mark.parametrize("with_baseline", [False, True])
def test_census_records_of_one_office_with_flipped_labels_are_found_and_clean_ones_pass(
    tmp_path, with_baseline
):
    table = pq.read_table(DATA / "2016.parquet")
    office = np.random.default_rng(11).integers(0, 8, table.num_rows)
    table = table.append_column("office", pa.array([f"office-{i}" for i in office]))
    more = {"label": "employed", "source": "office", "ignore": ["id", "year"]}
    if with_baseline:
        more["baseline"] = DATA / "2015.parquet"
    outcome, suspects, _ = detect(tmp_path, table, **more)
    assert outcome.verdict is Verdict.PASS
    assert suspects.num_rows == 0

    label = table["employed"].to_numpy()
    half = (office == 5) & (np.random.default_rng(1).random(len(office)) < 0.5)
    for flipped in (office == 5, half):
        labels = pa.array(np.where(flipped, 1 - label, label))
        at = table.column_names.index("employed")
        outcome, suspects, _ = detect(tmp_path, table.set_column(at, "employed", labels), **more)
        assert outcome.verdict is Verdict.FAIL
        assert "'office-5'" in next(f for f in outcome.findings if f.rule == "LG-POISON-003").message
        assert set(suspects["office"].to_pylist()) == {"office-5"}
