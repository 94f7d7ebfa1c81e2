"""The stage `test-extraction`: a thief, and what is let out to him."""

from __future__ import annotations

import base64
import json

import pandas as pd
import pytest

from lockgate.errors import InputError
from lockgate.run import run

FEATURES = ["x0", "x1", "x2", "x3", "kind"]


def stolen(stealable, out, model="linear", **more):
    arguments = {"model": str(stealable / model), "data": str(stealable / "data"), "label": "y"}
    return run("test-extraction", arguments | {"query_budget": 100} | more, out=out).document


def test_a_linear_model_that_tells_probabilities_is_copied_by_a_hundred_queries(stealable, tmp_path):
    said = stolen(stealable, tmp_path / "out", max_fidelity=0.9)
    assert said["verdict"] == "FAIL"
    fidelity = said["metrics"]["fidelity"]
    assert fidelity["probabilities"]["100"] > 0.95
    assert fidelity["labels"]["100"] < fidelity["probabilities"]["100"]
    assert 'class="curves"' in (tmp_path / "out" / "report.html").read_text()


def test_a_model_of_another_library_is_stolen_by_its_probabilities_too(stealable, tmp_path):
    xgboost = pytest.importorskip("xgboost")
    data = pd.read_parquet(stealable / "data")
    classes = sorted(data.y.unique())
    model = xgboost.XGBClassifier(n_estimators=10, max_depth=3, n_jobs=1)
    model.fit(data[FEATURES[:4]], data.y.map(classes.index)).save_model(tmp_path / "model.json")
    (tmp_path / "lockgate.json").write_text(json.dumps({"classes": classes}))
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("model.json", "lockgate.json"):
        (tmp_path / name).rename(folder / name)
    arguments = {"model": str(folder), "data": str(stealable / "data"), "label": "y", "query_budget": 50}
    said = run("test-extraction", arguments, out=tmp_path / "out").document
    assert {"labels", "probabilities"} <= said["metrics"]["fidelity"].keys()


def test_a_threshold_that_no_copy_reaches_passes(stealable, tmp_path):
    said = stolen(
        stealable, tmp_path / "out", model="forest", output="labels", query_budget=50, max_fidelity=0.99
    )
    assert said["verdict"] == "PASS"


@pytest.mark.slow
def test_the_same_seed_gives_the_same_body_with_a_signed_fingerprint_too(stealable, tmp_path):
    first = json.loads((stealable / "result").read_text())
    arguments = {"model": str(stealable / "forest"), "data": str(stealable / "data"), "label": "y"}
    arguments |= {"query_budget": 200, "fingerprint": str(tmp_path / "again.json")}
    again = run("test-extraction", arguments, out=tmp_path / "out", key=str(stealable / "owner.key.pem"))
    assert again.body_digest == first["body_digest"]
    pair = (stealable / "print.json", tmp_path / "again.json")
    payloads = [json.loads(path.read_text())["payload"] for path in pair]
    assert payloads[0] == payloads[1]


def test_a_fingerprint_holds_no_row_of_the_data(stealable):
    envelope = json.loads((stealable / "print.json").read_text())
    said = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
    known = {tuple(row) for row in pd.read_parquet(stealable / "data")[FEATURES].itertuples(index=False)}
    assert len(said["rows"]) == len(said["labels"]) == 400
    assert not known & {tuple(row) for row in said["rows"]}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"query_budget": 1}, "query_budget"),
        ({"held_rows": 1}, "held_rows"),
        ({"references": 3}, "references"),
        ({"references": 9}, "references"),
        ({"fingerprint_rows": 101}, "fingerprint_rows"),
        ({"fingerprint_rows": 1}, "fingerprint_rows"),
        ({"output": "everything"}, "output"),
        ({"fingerprint": "print.json"}, "key"),
        ({"label": "nope"}, "'nope'"),
    ],
)
def test_wrong_usage_is_one_sentence(stealable, tmp_path, monkeypatch, more, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=said) as error:
        stolen(stealable, tmp_path / "out", **more)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out" / "result.json").exists()
