"""Label, prediction, weights, seasons and a domain classifier, each with a batch that passes."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lockgate.errors import InputError
from lockgate.outcome import Verdict
from lockgate.run import run
from lockgate.stages.retrain.check_drift import check_drift

ROWS = 3_000


@pytest.fixture
def make(tmp_path):
    def make(name, seed, *, x=0.0, label=0.5, score=0.0, tied=False):
        random = np.random.default_rng(seed)
        first = random.normal(size=ROWS)
        second = (
            first + random.normal(scale=0.1, size=ROWS) if tied else random.normal(scale=1.005, size=ROWS)
        )
        columns = {
            "x": random.normal(x, size=ROWS),
            "first": first,
            "second": second,
            "y": (random.random(ROWS) < label).astype(int),
            "score": random.normal(score, size=ROWS),
        }
        pq.write_table(pa.table(columns), tmp_path / name)
        return tmp_path / name

    return make


@pytest.fixture
def report(tmp_path):
    return tmp_path / "report"


def rules(outcome):
    return {finding.rule for finding in outcome.findings}


ROLES = {"label": "y", "prediction": "score"}


@pytest.mark.parametrize(
    ("moved", "rule"), [({"label": 0.8}, "LG-DRIFT-007"), ({"score": 1.0}, "LG-DRIFT-008"), ({}, None)]
)
def test_label_and_prediction_are_judged_on_their_own(make, report, moved, rule):
    outcome = check_drift(make("b", 2, **moved), report, make("a", 1), **ROLES, max_drifted_share=1.0)
    assert outcome.verdict is (Verdict.FAIL if rule else Verdict.PASS)
    assert rules(outcome) == ({rule} if rule else set())
    (share,) = [check for check in outcome.checks if check.id == "drifted-share"]
    assert share.value == 0


def test_weights_say_which_columns_matter(make, report):
    tables = make("b", 2, x=1.0), report, make("a", 1)
    asked = {**ROLES, "max_drifted_share": 0.2}
    assert check_drift(*tables, **asked).verdict is Verdict.FAIL
    light = check_drift(*tables, **asked, weights=["x=0.1"])
    assert light.verdict is Verdict.WARN
    assert "LG-DRIFT-001" in rules(light)
    with pytest.raises(InputError, match="'nope' is not among"):
        check_drift(*tables, weights=["nope=2"])


def test_a_classifier_sees_columns_that_only_moved_together(make, report):
    before = make("a", 1)
    same = check_drift(make("b", 2), report, before, multivariate=True)
    assert same.verdict is Verdict.PASS
    assert 0.4 < same.metrics["multivariate"]["auc"] < 0.55
    tied = make("c", 3, tied=True)
    assert check_drift(tied, report, before).verdict is Verdict.PASS
    seen = check_drift(tied, report, before, multivariate=True)
    assert seen.verdict is Verdict.FAIL
    assert "LG-DRIFT-009" in rules(seen)
    again = check_drift(tied, report, before, multivariate=True)
    assert again.metrics == seen.metrics


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"season": "month"}, "go together"),
        ({"time": "x", "season": "month"}, "no dates"),
        ({"measures": ["nope=1"]}, "no measure"),
        ({"label": "nope"}, "'nope' is not among"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused_in_one_sentence(make, report, options, said):
    with pytest.raises(InputError, match=said):
        check_drift(make("b", 2), report, make("a", 1), **options)


@pytest.fixture
def bucket(object_store):
    object_store.mkdir("tables")
    return object_store


def test_tables_in_a_bucket_give_the_digest_of_the_same_tables_on_disk(tmp_path, make, bucket):
    parts = tmp_path / "parts"
    for day in (1, 2):
        (parts / f"day={day}").mkdir(parents=True)
        make("b", day, x=1.0).rename(parts / f"day={day}" / "part.parquet")
    bucket.put(str(parts), "tables/now", recursive=True)
    bucket.put(str(make("a", 9)), "tables/before")
    here = run("check-drift", {"reference": make("a", 9), "current": parts}, out=tmp_path / "1")
    there = run(
        "check-drift", {"reference": "s3://tables/before", "current": "s3://tables/now"}, out=tmp_path / "2"
    )
    assert here.verdict is there.verdict is Verdict.FAIL
    assert there.document["metrics"] == here.document["metrics"]
    assert {f["location"]["column"] for f in there.document["findings"]} == {"x", "day"}
