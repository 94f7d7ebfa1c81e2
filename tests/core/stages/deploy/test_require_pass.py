from __future__ import annotations

import json

import pytest

from lockgate.attest import envelope, keys, statement
from lockgate.errors import InputError
from lockgate.outcome import Verdict
from lockgate.run import run
from lockgate.stages.deploy.require_pass import require_pass


@pytest.fixture
def pair(tmp_path):
    return keys.generate("signer", tmp_path / "keys", None)


def _attest(path, pair, verdict, decision=None):
    document = {
        "stage": "gate-retraining",
        "version": "0.1.0",
        "verdict": verdict,
        "decision": decision,
        "subjects": [],
        "policy": {"digest": None, "thresholds": {}},
        "findings": [],
        "checks": [],
        "metrics": {},
        "outputs": {},
        "evidence": [],
        "body_digest": "b" * 64,
        "finished": "2026-01-01T00:00:00Z",
    }
    signer = keys.load_signer(str(pair.private)) if pair else None
    path.write_bytes(envelope.seal(statement.from_result(document), signer))
    return path


def _rules(outcome):
    return [finding.rule for finding in outcome.findings]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["PASS"], "PASS"),
        (["PASS", "PASS"], "PASS"),
        (["PASS", "WARN"], "WARN"),
        (["WAIVED"], "WARN"),
        (["PASS", "INCONCLUSIVE"], "INCONCLUSIVE"),
        (["PASS", "FAIL"], "FAIL"),
        (["INCONCLUSIVE", "FAIL", "PASS"], "FAIL"),
    ],
)
def test_the_worst_verdict_decides(verdicts, expected):
    outcome = require_pass(verdicts=verdicts)
    assert outcome.verdict == expected
    assert len(outcome.checks) == len(verdicts)


def test_allow_narrows_and_widens_what_opens_the_gate():
    assert require_pass(verdicts=["WARN"], allow=["PASS"]).verdict is Verdict.FAIL
    outcome = require_pass(verdicts=["INCONCLUSIVE", "PASS"], allow=["PASS", "INCONCLUSIVE"])
    assert outcome.verdict is Verdict.WARN
    assert _rules(outcome) == ["LG-PASS-004"]


def test_nothing_given_is_an_input_error():
    for nothing in ({}, {"verdicts": []}, {"attestations": [], "verdicts": []}):
        with pytest.raises(InputError, match="nothing to require"):
            require_pass(**nothing)


@pytest.mark.parametrize("word", ["", "pass", "OK", "PASSED", "RETRAIN", "PASS\n"])
def test_a_word_that_is_no_verdict_is_an_input_error(word):
    with pytest.raises(InputError, match="is no verdict"):
        require_pass(verdicts=["PASS", word])


def test_attestations_without_a_key_are_refused_signed_or_not(tmp_path, pair):
    for signer in (pair, None):
        path = _attest(tmp_path / "a.json", signer, "PASS")
        with pytest.raises(InputError, match="good signature"):
            require_pass([path])


@pytest.mark.parametrize(
    ("verdict", "decision", "expected", "rules"),
    [
        ("PASS", "RETRAIN", "PASS", []),
        ("WARN", "KEEP", "WARN", ["LG-PASS-004"]),
        ("INCONCLUSIVE", None, "INCONCLUSIVE", ["LG-PASS-001"]),
        ("FAIL", None, "FAIL", ["LG-PASS-001"]),
        ("FAIL", "QUARANTINE", "FAIL", ["LG-PASS-001"]),
        ("PASS", "QUARANTINE", "FAIL", ["LG-PASS-003"]),
    ],
)
def test_a_signed_attestation_counts_as_what_it_says(tmp_path, pair, verdict, decision, expected, rules):
    path = _attest(tmp_path / "a.json", pair, verdict, decision)
    outcome = require_pass([path], pair.public)
    assert outcome.verdict == expected
    assert _rules(outcome) == rules


def test_an_attestation_that_is_unsigned_or_signed_by_another_closes_the_gate(tmp_path, pair):
    other = keys.generate("other", tmp_path / "keys", None)
    good = _attest(tmp_path / "good.json", pair, "PASS")
    for signer in (None, other):
        outcome = require_pass([good, _attest(tmp_path / "a.json", signer, "PASS")], pair.public)
        assert outcome.verdict is Verdict.FAIL
        assert _rules(outcome) == ["LG-PASS-002"]


def test_the_whole_run_takes_lists_as_pipelines_deliver_them(tmp_path, pair):
    paths = [str(_attest(tmp_path / f"{i}.json", pair, "PASS")) for i in range(2)]
    asked = {"attestations": json.dumps(paths), "key": str(pair.public), "verdicts": '["PASS"]'}
    result = run("require-pass", asked, out=tmp_path / "out")
    assert result.opens
    assert result.document["metrics"]["required"] == 3
    assert not run("require-pass", {"verdicts": "PASS,FAIL"}, out=tmp_path / "out").opens
    with pytest.raises(InputError):
        run("require-pass", {"verdicts": "PASS", "allow": "GOOD"}, out=tmp_path / "out")
