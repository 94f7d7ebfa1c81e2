"""A profile is written, signed like any artifact, and stands for the table in check-drift."""

import base64
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from lockgate.errors import InputError
from lockgate.outcome import Verdict
from lockgate.run import run
from lockgate.table.baseline import document

DATA = Path(__file__).parents[4] / "dags" / "data"
BEFORE, NOW = DATA / "2015.parquet", DATA / "2016.parquet"


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    out = tmp_path_factory.mktemp("baseline")
    return run("profile-data", {"data": BEFORE}, out=out)


def baseline_folder(result):
    return Path(result.document["outputs"]["profile"]["uri"]).parent


@pytest.fixture
def older(tmp_path):
    table = pq.read_table(NOW)
    place = table.column_names.index("AGEP")
    pq.write_table(table.set_column(place, "AGEP", pc.add(table["AGEP"], 5)), tmp_path / "older")
    return tmp_path / "older"


def test_the_profile_is_an_output_with_a_digest_in_the_attestation(baseline):
    entry = baseline.document["outputs"]["profile"]
    assert baseline.verdict is Verdict.PASS
    envelope = json.loads((Path(baseline.out) / "attestation.json").read_text())
    assert entry["digest"]["sha256"] in base64.b64decode(envelope["payload"]).decode()
    assert document.read(Path(entry["uri"])).rows == pq.read_metadata(BEFORE).num_rows


def test_a_year_passes_against_the_profile_of_the_year_before_and_an_older_one_fails(
    tmp_path, baseline, older
):
    profile = baseline.document["outputs"]["profile"]["uri"]
    same = run("check-drift", {"current": NOW, "baseline_profile": profile}, out=tmp_path / "same")
    assert same.verdict is Verdict.PASS
    moved = run("check-drift", {"current": older, "baseline_profile": profile}, out=tmp_path / "moved")
    assert moved.verdict is Verdict.FAIL
    drifted = [f for f in moved.document["findings"] if f["rule"] == "LG-DRIFT-001"]
    assert [f["location"]["column"] for f in drifted] == ["AGEP"]


def test_slow_drift_shows_against_the_anchored_baseline_and_not_against_last_time(tmp_path):
    rows = np.random.default_rng(0).normal(size=(5, 4_000))
    for step in range(5):
        pq.write_table(pa.table({"x": rows[step] + 0.12 * step}), tmp_path / f"{step}")
    golden = run("profile-data", {"data": tmp_path / "0"}, out=tmp_path / "golden")
    profile = golden.document["outputs"]["profile"]["uri"]
    given = {"reference": tmp_path / "3", "current": tmp_path / "4"}
    assert run("check-drift", given, out=tmp_path / "last").verdict is Verdict.PASS
    both = run("check-drift", {**given, "baseline_profile": profile}, out=tmp_path / "both")
    assert both.verdict is Verdict.FAIL
    verdicts = {c["id"]: c["verdict"] for c in both.document["checks"]}
    assert verdicts["drift:x"] == "PASS"
    assert verdicts["anchored:drift:x"] == "WARN"
    assert verdicts["anchored:drifted-share"] == "FAIL"


def test_days_merge_and_the_result_names_no_value(tmp_path):
    table = pq.read_table(NOW)
    half = table.num_rows // 2
    for name, part in (("one", table.slice(0, half)), ("two", table.slice(half))):
        pq.write_table(part, tmp_path / name)
    one = run("profile-data", {"data": tmp_path / "one"}, out=tmp_path / "1").document["outputs"]["profile"][
        "uri"
    ]
    both = run("profile-data", {"data": tmp_path / "two", "merge": [one]}, out=tmp_path / "2")
    whole = run("profile-data", {"data": NOW, "layout": one}, out=tmp_path / "3")
    merged, counted = (document.read(Path(r.document["outputs"]["profile"]["uri"])) for r in (both, whole))
    assert merged == counted
    assert both.document["metrics"] == whole.document["metrics"]
    assert set(json.dumps(both.document["metrics"]["columns"]["AGEP"])) <= set(
        '{}":, _.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-'
    )


def test_the_same_table_gives_the_same_profile_to_the_byte(tmp_path):
    files = [
        Path(run("profile-data", {"data": NOW}, out=tmp_path / name).document["outputs"]["profile"]["uri"])
        for name in ("a", "b")
    ]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_what_is_no_profile_is_refused_with_its_name(tmp_path):
    (tmp_path / "no.json").write_text("{}")
    with pytest.raises(InputError, match=r"no\.json is no profile"):
        run("check-drift", {"current": NOW, "baseline_profile": tmp_path / "no.json"}, out=tmp_path / "out")
    with pytest.raises(InputError, match="nothing to compare with"):
        run("check-drift", {"current": NOW}, out=tmp_path / "out")


def test_whole_numbers_of_more_than_63_bits_are_counted_rounded_and_said_to_be(tmp_path):
    data = tmp_path / "data"
    ids = np.arange(300, dtype=np.uint64) + np.uint64(2**63)
    few = np.arange(300, dtype=np.uint64) % np.uint64(3)
    pq.write_table(pa.table({"id": ids, "few": few}), data)
    result = run("profile-data", {"data": data}, out=tmp_path / "out")

    (finding,) = result.document["findings"]
    assert (finding["rule"], finding["location"]["column"]) == ("LG-PROFILE-002", "id")
    counted = result.document["metrics"]["columns"]
    assert (counted["id"]["distinct_exact"], counted["few"]["distinct_exact"]) == (False, True)
    profile = document.read(tmp_path / "out" / "profile.json")
    assert profile.columns["id"].categories is None
    assert (profile.columns["few"].categories, profile.columns["few"].counts) == (("0", "1", "2"), (100,) * 3)
    later = {"data": data, "baseline_profile": tmp_path / "out" / "profile.json"}
    assert run("validate-data", later, out=tmp_path / "held").verdict is Verdict.PASS
