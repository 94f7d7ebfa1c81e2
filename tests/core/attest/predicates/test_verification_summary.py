from __future__ import annotations

import copy
import datetime as dt

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2

from lockgate.attest import statement
from lockgate.attest.predicates import verification_summary
from lockgate.attest.statement import EXTENSION
from lockgate.errors import EnvelopeError

POLICY = "d" * 64


def _result(**changes):
    return {
        "stage": "gate-release",
        "version": "0.1.0",
        "verdict": "PASS",
        "decision": None,
        "subjects": [{"name": "subject", "uri": "model.skops", "digest": {"sha256": "a" * 64}}],
        "parameters": {"environment": "production"},
        "policy": {"digest": {"sha256": POLICY}, "thresholds": {}},
        "checks": [{"id": "robust", "verdict": "PASS"}],
        "metrics": {},
        "findings": [],
        "outputs": {},
        "evidence": [
            {"name": "robust", "uri": "", "digest": {"sha256": "1" * 64}},
            {"name": "trained", "uri": "", "digest": {"sha256": "2" * 64}},
        ],
        "body_digest": "b" * 64,
        "finished": "2026-01-01T00:00:00.120Z",
    } | changes


def _statement(**changes):
    return statement.from_result(_result(**changes), "verification-summary")


def test_a_decision_becomes_a_verification_summary_that_reads_back():
    read = statement.parse(_statement())
    assert read.kind == "verification-summary"
    assert read.subjects[0].digest == {"sha256": "a" * 64}
    assert read.claim == verification_summary.VerificationSummary(
        environment="production",
        allowed=True,
        policy=POLICY,
        attestations=({"sha256": "1" * 64}, {"sha256": "2" * 64}),
        verified=dt.datetime(2026, 1, 1, 0, 0, 0, 120_000, tzinfo=dt.timezone.utc),
    )


@pytest.mark.parametrize(
    ("verdict", "result", "levels"),
    [
        ("PASS", "PASSED", ["LOCKGATE_RELEASE"]),
        ("WARN", "PASSED", ["LOCKGATE_RELEASE"]),
        ("WAIVED", "PASSED", ["LOCKGATE_RELEASE"]),
        ("FAIL", "FAILED", ["FAILED"]),
        ("INCONCLUSIVE", "FAILED", ["FAILED"]),
    ],
)
def test_every_verdict_has_its_result_and_level(verdict, result, levels):
    made = _statement(verdict=verdict)
    assert made["predicate"]["verificationResult"] == result
    assert made["predicate"]["verifiedLevels"] == levels
    assert statement.parse(made).claim.allowed is (result == "PASSED")


def test_a_decision_to_quarantine_is_no_approval():
    assert not statement.parse(_statement(decision="QUARANTINE")).claim.allowed


def test_a_refusal_without_a_policy_is_written_and_an_approval_without_one_is_not_read():
    nothing = {"digest": None, "thresholds": {}}
    assert statement.parse(_statement(verdict="FAIL", policy=nothing)).claim.policy is None
    with pytest.raises(EnvelopeError, match="without a policy"):
        statement.parse(_statement(policy=nothing))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("verificationResult", "FAILED"),
        ("verificationResult", None),
        ("verifiedLevels", ["SLSA_BUILD_LEVEL_3"]),
        ("verifiedLevels", ["LOCKGATE_RELEASE", "FAILED"]),
        ("verifiedLevels", "LOCKGATE_RELEASE"),
        ("verifier", {"id": "lockgate:gate-retraining", "version": {"lockgate": "0.1.0"}}),
        ("verifier", {"id": "lockgate:gate-release", "version": {"lockgate": "9.9.9"}}),
        ("timeVerified", "2027-01-01T00:00:00.120Z"),
        ("timeVerified", "2026-01-01T00:00:00.120"),
        ("policy", {"uri": "ni:///sha-256;AAAA", "digest": {"sha256": "e" * 64}}),
        ("policy", {"digest": {"sha256": POLICY}}),
        ("policy", None),
        ("resourceUri", "lockgate:release/"),
        ("resourceUri", "production"),
        ("resourceUri", "lockgate:release/prod%75ction"),
        ("resourceUri", "lockgate:release/a/b"),
        ("resourceUri", "lockgate:release/%FF"),
        ("inputAttestations", [{"digest": {"sha256": "1" * 64}}]),
        ("inputAttestations", [{"digest": {"sha256": "1" * 64}}, {"digest": {"sha256": "3" * 64}}]),
        ("inputAttestations", [{"digest": {"sha256": "1" * 64}}] * 2),
        ("inputAttestations", [{"digest": {"md5": "1"}}]),
        ("inputAttestations", ["1" * 64]),
        ("inputAttestations", {}),
    ],
)
def test_a_summary_that_contradicts_its_run_is_refused(field, value):
    made = _statement()
    statement.parse(copy.deepcopy(made))
    made["predicate"][field] = value
    with pytest.raises(EnvelopeError):
        statement.parse(made)


def test_a_run_whose_verdict_was_turned_round_contradicts_its_summary():
    made = _statement(verdict="FAIL")
    made["predicate"][EXTENSION]["verdict"] = "PASS"
    with pytest.raises(EnvelopeError, match="contradicts its verdict"):
        statement.parse(made)


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_any_name_of_an_environment_survives(environment):
    read = statement.parse(_statement(parameters={"environment": environment}))
    assert read.claim.environment == environment


KEYS = st.sampled_from(["id", "uri", "digest", "sha256", "version"]) | st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
)


@given(st.sampled_from(sorted(verification_summary.from_result(_result()))), JSON)
def test_no_value_of_any_field_ends_in_another_error(field, value):
    made = _statement()
    made["predicate"][field] = value
    try:
        statement.parse(made)
    except EnvelopeError:
        return
    ours = _statement()["predicate"][field]
    assert value == ours or field == "slsaVersion"  # slsaVersion is optional, and decides nothing


def test_the_reader_of_in_toto_reads_it_as_well():
    """Its schema takes one level where the specification has a list; that field is left out here."""
    said = {k: v for k, v in _statement()["predicate"].items() if k != "verifiedLevels"}
    read = json_format.ParseDict(said, vsa_pb2.VerificationSummary(), ignore_unknown_fields=True)
    assert read.verifier.id == "lockgate:gate-release"
    assert read.time_verified.ToJsonString() == "2026-01-01T00:00:00.120Z"
    assert read.resource_uri == "lockgate:release/production"
    assert read.policy.uri.startswith("ni:///sha-256;")
    assert dict(read.policy.digest) == {"sha256": POLICY}
    assert [dict(entry.digest) for entry in read.input_attestations] == [
        {"sha256": "1" * 64},
        {"sha256": "2" * 64},
    ]
    assert read.verification_result == "PASSED"
    assert read.slsa_version == "1.1"
