"""The stages `test-extraction` and `match-fingerprint`: a thief, copies, and models that are none."""

from __future__ import annotations

import base64
import copy
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from lockgate.attest import keys
from lockgate.errors import InputError
from lockgate.model import save
from lockgate.run import run

FEATURES = ["x0", "x1", "x2", "x3", "kind"]


def table(rows, seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 4)).round(3), columns=FEATURES[:4])
    frame["kind"] = rng.integers(0, 4, rows)
    score = frame.x0 + frame.x1 * frame.x2 + 0.5 * frame.kind - 0.7 + rng.normal(0, 0.4, rows)
    return frame.assign(y=np.where(score > 0, "yes", "no"))


def fit(model, rows):
    return model.fit(rows[FEATURES], rows.y)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A forest and a linear model, rows that neither saw, and the fingerprint of the forest."""
    path = tmp_path_factory.mktemp("extraction")
    rows = table(700, 0)
    table(900, 1).to_parquet(path / "data")
    save(fit(RandomForestClassifier(40, random_state=0), rows), path / "forest")
    save(fit(LogisticRegression(), rows), path / "linear")
    keys.generate("owner", path, passphrase=None)
    keys.generate("other", path, passphrase=None)
    arguments = {"model": str(path / "forest"), "data": str(path / "data"), "label": "y", "query_budget": 200}
    arguments["fingerprint"] = str(path / "print.json")
    made = run("test-extraction", arguments, out=path / "out", key=str(path / "owner.key.pem"))
    (path / "result").write_text(json.dumps(made.document))
    return path


def stolen(folder, out, model="linear", **more):
    arguments = {"model": str(folder / model), "data": str(folder / "data"), "label": "y"}
    return run("test-extraction", arguments | {"query_budget": 100} | more, out=out).document


def matched(folder, out, model, key="owner", file="print.json"):
    save(model, out / "suspect")
    arguments = {
        "model": str(out / "suspect"),
        "fingerprint": str(folder / file),
        "key": str(folder / f"{key}.pub.pem"),
    }
    return run("match-fingerprint", arguments, out=out / "out")


def test_a_linear_model_that_tells_probabilities_is_copied_by_a_hundred_queries(folder, tmp_path):
    said = stolen(folder, tmp_path / "out", max_fidelity=0.9)
    assert said["verdict"] == "FAIL"
    fidelity = said["metrics"]["fidelity"]
    assert fidelity["probabilities"]["100"] > 0.95
    assert fidelity["labels"]["100"] < fidelity["probabilities"]["100"]
    assert 'class="curves"' in (tmp_path / "out" / "report.html").read_text()


def test_a_threshold_that_no_copy_reaches_passes(folder, tmp_path):
    said = stolen(
        folder, tmp_path / "out", model="forest", output="labels", query_budget=50, max_fidelity=0.99
    )
    assert said["verdict"] == "PASS"


@pytest.mark.slow
def test_the_same_seed_gives_the_same_body_with_a_signed_fingerprint_too(folder, tmp_path):
    first = json.loads((folder / "result").read_text())
    arguments = {"model": str(folder / "forest"), "data": str(folder / "data"), "label": "y"}
    arguments |= {"query_budget": 200, "fingerprint": str(tmp_path / "again.json")}
    again = run("test-extraction", arguments, out=tmp_path / "out", key=str(folder / "owner.key.pem"))
    assert again.body_digest == first["body_digest"]
    payloads = [
        json.loads(path.read_text())["payload"] for path in (folder / "print.json", tmp_path / "again.json")
    ]
    assert payloads[0] == payloads[1]


def test_a_fingerprint_holds_no_row_of_the_data(folder):
    envelope = json.loads((folder / "print.json").read_text())
    said = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
    known = {tuple(row) for row in pd.read_parquet(folder / "data")[FEATURES].itertuples(index=False)}
    assert len(said["rows"]) == len(said["labels"]) == 200
    assert not known & {tuple(row) for row in said["rows"]}


def test_copies_are_known(folder, tmp_path):
    """The same model, a pruned one, one with more trees of other rows, one that was taught by its answers."""
    original = fit(RandomForestClassifier(40, random_state=0), table(700, 0))
    pruned = copy.deepcopy(original)
    pruned.estimators_, pruned.n_estimators = pruned.estimators_[:30], 30
    tuned = RandomForestClassifier(40, random_state=0, warm_start=True)
    fit(tuned, table(700, 0))
    fit(tuned.set_params(n_estimators=50), table(700, 5))
    asked = table(4000, 6)
    taught = HistGradientBoostingClassifier().fit(asked[FEATURES], original.predict(asked[FEATURES]))
    wanted = {"same": ("FAIL",), "pruned": ("FAIL",), "tuned": ("WARN", "FAIL"), "taught": ("WARN", "FAIL")}
    for (name, verdicts), model in zip(wanted.items(), (original, pruned, tuned, taught), strict=True):
        (tmp_path / name).mkdir()
        assert matched(folder, tmp_path / name, model).verdict in verdicts, name


def test_independent_models_are_not_accused(folder, tmp_path):
    for number, model in enumerate(
        (
            RandomForestClassifier(40, random_state=9),
            RandomForestClassifier(60, max_depth=6, random_state=4),
            HistGradientBoostingClassifier(random_state=1),
            LogisticRegression(),
        )
    ):
        (tmp_path / str(number)).mkdir()
        result = matched(folder, tmp_path / str(number), fit(model, table(700, 20 + number)))
        assert result.verdict == "PASS", (model, result.document["metrics"])


def test_a_fingerprint_of_another_key_or_an_altered_one_is_refused(folder, tmp_path):
    model = fit(LogisticRegression(), table(300, 3))
    (tmp_path / "a").mkdir()
    other = matched(folder, tmp_path / "a", model, key="other")
    assert (other.verdict, other.document["findings"][0]["rule"]) == ("FAIL", "LG-FINGERPRINT-002")
    envelope = json.loads((folder / "print.json").read_text())
    payload = json.loads(base64.b64decode(envelope["payload"]))
    payload["predicate"]["labels"] = payload["predicate"]["labels"][::-1]
    envelope["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()
    (folder / "altered.json").write_text(json.dumps(envelope))
    (tmp_path / "b").mkdir()
    assert matched(folder, tmp_path / "b", model, file="altered.json").verdict == "FAIL"


def test_an_attestation_is_no_fingerprint(folder, tmp_path):
    with pytest.raises(InputError, match="no fingerprint"):
        matched(folder, tmp_path, fit(LogisticRegression(), table(300, 3)), file="out/attestation.json")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"query_budget": 1}, "query_budget"),
        ({"held_rows": 1}, "held_rows"),
        ({"references": 3}, "references"),
        ({"fingerprint_rows": 1}, "fingerprint_rows"),
        ({"output": "everything"}, "output"),
        ({"fingerprint": "print.json"}, "key"),
        ({"label": "nope"}, "'nope'"),
    ],
)
def test_wrong_usage_is_one_sentence(folder, tmp_path, monkeypatch, more, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=said) as error:
        stolen(folder, tmp_path / "out", **more)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out" / "result.json").exists()
