"""KEEP, RETRAIN or QUARANTINE, on real rows of two survey years in eight offices."""

import re
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from lockgate.errors import InputError
from lockgate.outcome import Decision, Verdict
from lockgate.run import run
from lockgate.stages.retrain.gate_retraining import gate_retraining

DATA = Path(__file__).parents[4] / "dags" / "data"
ROWS = 12_000


def year(name: str) -> pa.Table:
    table = pq.read_table(DATA / f"{name}.parquet")
    random = np.random.default_rng(int(name))
    table = table.take(np.sort(random.choice(table.num_rows, ROWS, replace=False)))
    return table.append_column("source", pa.array([f"office {i}" for i in random.integers(0, 8, ROWS)]))


def with_column(table: pa.Table, name: str, values) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def flipped(table: pa.Table) -> pa.Table:
    label, office = np.asarray(table["employed"]), np.array(table["source"].to_pylist())
    return with_column(table, "employed", pa.array(np.where(office == "office 3", 1 - label, label)))


def older(table: pa.Table) -> pa.Table:
    return with_column(table, "AGEP", pc.add(table["AGEP"], 5))


@pytest.fixture(scope="module")
def batch():
    return year("2016")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    path = tmp_path_factory.mktemp("reference") / "data"
    pq.write_table(year("2015"), path)
    return path


@pytest.fixture
def written(tmp_path):
    def write(table: pa.Table) -> Path:
        path = tmp_path / "batch"
        pq.write_table(table, path)
        return path

    return write


@pytest.fixture(scope="module")
def model(reference, tmp_path_factory):
    """A model of employment by age and schooling, fitted on a half of the reference."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder

    from lockgate.model import save

    rows = pq.read_table(reference).slice(0, ROWS // 2).to_pandas()
    bins = KBinsDiscretizer(12, encode="onehot-dense", quantile_method="averaged_inverted_cdf")
    other = (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["SCHL", "RELP", "DIS"])
    made = make_pipeline(make_column_transformer((bins, ["AGEP"]), other), LogisticRegression(max_iter=1_000))
    path = tmp_path_factory.mktemp("model") / "model.skops"
    save(made.fit(rows[["AGEP", "SCHL", "RELP", "DIS"]], rows["employed"]), path)
    return path


def gate(reference, current, model=None, **more):
    more = {"label": "employed", "source": "source", **more}
    with tempfile.TemporaryDirectory() as out:
        return gate_retraining(reference, current, Path(out, "state"), Path(out, "trigger"), model, **more)


def rules(outcome):
    return {finding.rule for finding in outcome.findings}


def test_a_clean_batch_without_drift_keeps_the_model(reference, batch, written):
    outcome = gate(reference, written(batch))
    assert (outcome.verdict, outcome.decision) == (Verdict.PASS, Decision.KEEP)


def test_a_clean_batch_with_drift_trains_again(reference, batch, written):
    outcome = gate(reference, written(older(batch)))
    assert (outcome.verdict, outcome.decision) == (Verdict.PASS, Decision.RETRAIN)
    assert outcome.metrics["poisoning"]["drifted_features"] == ["AGEP"]
    assert "LG-DRIFT-001" in rules(outcome)


def test_a_batch_with_one_flipped_source_is_quarantined(reference, batch, written):
    outcome = gate(reference, written(flipped(batch)))
    assert (outcome.verdict, outcome.decision) == (Verdict.FAIL, Decision.QUARANTINE)
    assert "LG-RETRAIN-001" in rules(outcome)


def test_drift_does_not_hide_a_flipped_source(reference, batch, written):
    outcome = gate(reference, written(flipped(older(batch))))
    assert (outcome.verdict, outcome.decision) == (Verdict.FAIL, Decision.QUARANTINE)


def test_another_mix_of_people_trains_again_though_their_label_rate_is_another(reference, batch, written):
    random = np.random.default_rng(0).random(ROWS)
    working_age = (np.asarray(batch["AGEP"]) >= 20) & (np.asarray(batch["AGEP"]) < 65)
    outcome = gate(reference, written(batch.filter(pa.array(working_age | (random < 0.1)))))
    assert (outcome.verdict, outcome.decision) == (Verdict.PASS, Decision.RETRAIN)
    assert "drift:label" in {c.id for c in outcome.checks if c.value}


def test_fewer_employed_people_train_again_and_as_many_relabelled_ones_are_quarantined(
    reference, batch, written
):
    employed = np.asarray(batch["employed"])
    some = (employed == 1) & (np.random.default_rng(6).random(ROWS) < 0.5)
    fewer = gate(reference, written(batch.filter(pa.array(~some))))
    assert (fewer.verdict, fewer.decision) == (Verdict.PASS, Decision.RETRAIN)
    relabelled = with_column(batch, "employed", pa.array(np.where(some, 0, employed)))
    outcome = gate(reference, written(relabelled))
    assert (outcome.verdict, outcome.decision) == (Verdict.FAIL, Decision.QUARANTINE)


def test_labels_that_no_feature_explains_are_quarantined(reference, batch, written):
    random = np.random.default_rng(0).random(ROWS)
    labels = np.where(random < 0.15, 1, np.asarray(batch["employed"]))
    outcome = gate(reference, written(with_column(batch, "employed", pa.array(labels))))
    assert outcome.decision is Decision.QUARANTINE


def test_a_small_batch_is_inconclusive_and_trains_nothing(reference, batch, written):
    outcome = gate(reference, written(older(batch).slice(0, 50)))
    assert (outcome.verdict, outcome.decision) == (Verdict.INCONCLUSIVE, Decision.KEEP)


def test_a_batch_without_a_column_fails_and_trains_nothing(reference, batch, written):
    outcome = gate(reference, written(batch.drop_columns(["AGEP"])))
    assert (outcome.verdict, outcome.decision) == (Verdict.FAIL, Decision.KEEP)
    assert "LG-DRIFT-002" in rules(outcome)


def converted(batch):
    return with_column(batch, "AGEP", pc.multiply(batch["AGEP"], 12))


def without_values(batch):
    return with_column(batch, "AGEP", pa.nulls(batch.num_rows, pa.int64()))


def renamed(batch):
    return with_column(batch, "employed", pc.if_else(pc.equal(batch["employed"], 1), 3, 7))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (converted, r"\(unit\): 'AGEP' is multiplied by 12"),
        (without_values, r"\(missing\): 'AGEP' has no value in 100%"),
        (renamed, r"'employed'"),
    ],
)
def test_a_bug_upstream_is_named_closes_the_gate_and_accuses_nobody(reference, batch, written, change, said):
    outcome = gate(reference, written(change(batch.slice(0, 2_000))))
    assert (outcome.verdict, outcome.decision) == (Verdict.FAIL, Decision.KEEP)
    (finding,) = [f for f in outcome.findings if f.rule == "LG-RETRAIN-004"]
    assert re.search(said, finding.message)


def test_poison_does_not_hide_behind_a_bug(reference, batch, written):
    outcome = gate(reference, written(converted(flipped(batch))))
    assert outcome.decision is Decision.QUARANTINE
    assert "LG-RETRAIN-004" in rules(outcome)


def test_labels_that_changed_in_one_group_are_held_for_an_audit(reference, batch, written):
    label, age = np.asarray(batch["employed"]), np.asarray(batch["AGEP"])
    group = (age >= 66) & (age < 76) & (np.random.default_rng(0).random(ROWS) < 0.8)
    outcome = gate(reference, written(with_column(batch, "employed", pa.array(np.where(group, 1, label)))))
    assert (outcome.verdict, outcome.decision) == (Verdict.FAIL, Decision.KEEP)
    (finding,) = [f for f in outcome.findings if f.rule == "LG-RETRAIN-007"]
    assert "'AGEP'" in finding.message


def test_a_rare_value_tied_to_one_label_is_a_trigger(reference, batch, written):
    random = np.random.default_rng(0)
    label, age = np.asarray(batch["employed"]).copy(), np.asarray(batch["AGEP"]).copy()
    planted = random.choice(np.flatnonzero(label == 1), 240, replace=False)
    label[planted], age[planted] = 0, 37
    table = with_column(with_column(batch, "employed", pa.array(label)), "AGEP", pa.array(age))
    chosen = np.isin(np.arange(ROWS), planted)
    anc = np.where(chosen, "8", np.array(batch["ANC"].to_pylist()))
    outcome = gate(reference, written(with_column(table, "ANC", pa.array(anc))))
    assert (outcome.verdict, outcome.decision) == (Verdict.FAIL, Decision.QUARANTINE)
    assert "LG-RETRAIN-006" in rules(outcome)


def test_a_model_that_does_as_well_as_before_is_kept(reference, batch, written, model):
    outcome = gate(reference, written(batch), model)
    assert (outcome.verdict, outcome.decision) == (Verdict.PASS, Decision.KEEP)
    assert outcome.metrics["accuracy"]["balanced_current"] > 0.7


def test_a_model_that_does_worse_trains_again_though_no_column_drifted(reference, batch, written, model):
    # The relation changes and the shares do not: ages go to other people of the same batch.
    ages = np.asarray(batch["AGEP"])
    mixed = np.random.default_rng(0).permutation(ages)
    outcome = gate(
        reference, written(with_column(batch, "AGEP", pa.array(mixed))), model, min_planted_share=1.0
    )
    assert "LG-DRIFT-001" not in rules(outcome)
    assert "LG-RETRAIN-002" in rules(outcome)
    assert outcome.metrics["accuracy"]["loss"] > 0.02


def test_the_reference_may_lack_the_source_column(reference, batch, written, tmp_path):
    old = tmp_path / "old"
    pq.write_table(pq.read_table(reference).drop_columns(["source"]), old)
    assert gate(old, written(batch)).decision is Decision.KEEP


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"label": "absent"}, "label names 'absent'"),
        ({"label": "year"}, "one class only"),
        ({"label": "employed", "source": "employed"}, "name two columns"),
        ({"label": "employed", "source": "absent"}, "source names 'absent'"),
        ({"label": "employed", "ignore": ["absent"]}, "ignore names 'absent'"),
        ({"label": "employed", "ignore": ["employed"]}, "always looked at"),
    ],
)
def test_bad_parameters_are_one_sentence(reference, batch, written, arguments, said):
    with pytest.raises(InputError, match=said):
        gate(reference, written(batch), **{"source": None, **arguments})


def test_a_model_of_another_label_is_an_error(reference, batch, written, model):
    with pytest.raises(InputError, match="gives none of the classes"):
        gate(reference, written(batch), model, label="MAR")


def test_a_run_gives_the_same_digest_twice(reference, batch, written, tmp_path):
    arguments = {
        "reference": reference,
        "current": written(flipped(batch)),
        "label": "employed",
        "source": "source",
    }
    one, two = (run("gate-retraining", arguments, out=tmp_path / str(i)) for i in range(2))
    assert one.decision is Decision.QUARANTINE
    assert one.body_digest == two.body_digest
