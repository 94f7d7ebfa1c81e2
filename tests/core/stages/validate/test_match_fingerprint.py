"""The stage `match-fingerprint`: copies, and models that are none."""

from __future__ import annotations

import base64
import copy
import json

import pytest
from securesystemslib.dsse import Envelope
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from lockgate.attest import keys
from lockgate.errors import InputError
from lockgate.model import save
from lockgate.run import run

FEATURES = ["x0", "x1", "x2", "x3", "kind"]


def fit(model, rows):
    return model.fit(rows[FEATURES], rows.y)


def matched(stealable, out, model, key="owner", file="print.json"):
    save(model, out / "suspect")
    arguments = {
        "model": str(out / "suspect"),
        "fingerprint": str(stealable / file),
        "key": str(stealable / f"{key}.pub.pem"),
    }
    return run("match-fingerprint", arguments, out=out / "out")


def test_copies_are_known(stealable, rows_like, tmp_path):
    """The same model, a pruned one, one with more trees of other rows, one taught by its answers."""
    original = fit(RandomForestClassifier(40, random_state=0), rows_like(700, 0))
    pruned = copy.deepcopy(original)
    pruned.estimators_, pruned.n_estimators = pruned.estimators_[:30], 30
    tuned = RandomForestClassifier(40, random_state=0, warm_start=True)
    fit(tuned, rows_like(700, 0))
    fit(tuned.set_params(n_estimators=50), rows_like(700, 5))
    asked = rows_like(4000, 6)
    taught = HistGradientBoostingClassifier().fit(asked[FEATURES], original.predict(asked[FEATURES]))
    wanted = {
        "same": ("FAIL",),
        "pruned": ("WARN", "FAIL"),
        "tuned": ("WARN", "FAIL"),
        "taught": ("WARN", "FAIL"),
    }
    for (name, verdicts), model in zip(wanted.items(), (original, pruned, tuned, taught), strict=True):
        (tmp_path / name).mkdir()
        assert matched(stealable, tmp_path / name, model).verdict in verdicts, name


def test_independent_models_are_not_accused(stealable, rows_like, tmp_path):
    for number, model in enumerate(
        (
            RandomForestClassifier(40, random_state=9),
            RandomForestClassifier(60, max_depth=6, random_state=4),
            HistGradientBoostingClassifier(random_state=1),
            LogisticRegression(),
        )
    ):
        (tmp_path / str(number)).mkdir()
        result = matched(stealable, tmp_path / str(number), fit(model, rows_like(700, 20 + number)))
        assert result.verdict == "PASS", (model, result.document["metrics"])


def test_a_fingerprint_of_another_key_or_an_altered_one_is_refused(stealable, rows_like, tmp_path):
    model = fit(LogisticRegression(), rows_like(300, 3))
    (tmp_path / "a").mkdir()
    other = matched(stealable, tmp_path / "a", model, key="other")
    assert (other.verdict, other.document["findings"][0]["rule"]) == ("FAIL", "LG-FINGERPRINT-002")
    envelope = json.loads((stealable / "print.json").read_text())
    payload = json.loads(base64.b64decode(envelope["payload"]))
    payload["predicate"]["labels"] = payload["predicate"]["labels"][::-1]
    envelope["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()
    (stealable / "altered.json").write_text(json.dumps(envelope))
    (tmp_path / "b").mkdir()
    assert matched(stealable, tmp_path / "b", model, file="altered.json").verdict == "FAIL"


def changed(stealable, name, change):
    """Sign a fingerprint again with some of it changed."""
    envelope = json.loads((stealable / "print.json").read_text())
    statement = json.loads(base64.b64decode(envelope["payload"]))
    change(statement)
    sealed = Envelope(json.dumps(statement).encode(), envelope["payloadType"], {})
    sealed.sign(keys.load_signer(str(stealable / "owner.key.pem"), None))
    (stealable / name).write_text(json.dumps(sealed.to_dict()))
    return name


def alike(statement):
    said = statement["predicate"]
    said["agreements"] = {name: [said["asked"]] * len(group) for name, group in said["agreements"].items()}


def test_where_every_model_answers_like_the_original_nothing_can_be_said(stealable, rows_like, tmp_path):
    file = changed(stealable, "alike.json", alike)
    result = matched(stealable, tmp_path, fit(LogisticRegression(), rows_like(300, 3)), file=file)
    assert result.verdict == "INCONCLUSIVE"
    assert result.document["findings"] == []


def test_the_same_file_is_a_copy_even_then(stealable, tmp_path):
    arguments = {
        "model": str(stealable / "forest"),
        "fingerprint": str(stealable / changed(stealable, "alike.json", alike)),
        "key": str(stealable / "owner.pub.pem"),
    }
    result = run("match-fingerprint", arguments, out=tmp_path / "out")
    assert result.verdict == "FAIL"
    assert "the same file" in result.document["findings"][0]["message"]


def test_a_fingerprint_of_an_older_kind_is_refused(stealable, rows_like, tmp_path):
    def older(statement):
        statement["predicateType"] = "lockgate:model-fingerprint/v1"

    file = changed(stealable, "older.json", older)
    with pytest.raises(InputError, match="no fingerprint"):
        matched(stealable, tmp_path, fit(LogisticRegression(), rows_like(300, 3)), file=file)


def test_an_attestation_is_no_fingerprint(stealable, rows_like, tmp_path):
    with pytest.raises(InputError, match="no fingerprint"):
        matched(
            stealable, tmp_path, fit(LogisticRegression(), rows_like(300, 3)), file="out/attestation.json"
        )
