from __future__ import annotations

import datetime as dt

import pytest

from lockgate.attest import predicates, statement
from lockgate.attest.statement import EXTENSION, Subject
from lockgate.errors import EnvelopeError

FILE = {"sha256": "a" * 64}
TREE = {"lockgateTree1": "c" * 64}


def _result(**changes):
    return {
        "stage": "gate-retraining",
        "version": "0.1.0",
        "verdict": "PASS",
        "decision": None,
        "subjects": [
            {"name": "current", "uri": "s3://bucket/secret/place.parquet", "digest": FILE},
            {"name": "reference", "uri": "/home/me/2015", "digest": TREE},
        ],
        "policy": {"digest": {"sha256": "d" * 64}, "thresholds": {"alpha": 0.01}},
        "checks": [
            {"id": "a", "verdict": "PASS"},
            {"id": "b", "verdict": "WARN"},
            {"id": "c", "verdict": "FAIL"},
            {"id": "d", "verdict": "INCONCLUSIVE"},
            {"id": "e", "verdict": "WAIVED"},
        ],
        "metrics": {"rows": 3},
        "findings": [
            {"rule": "LG-X-001", "severity": "HIGH", "check": "c"},
            {"rule": "LG-X-001", "severity": "CRITICAL", "check": "c"},
            {"rule": "LG-X-002", "severity": "MEDIUM", "check": "b"},
        ],
        "outputs": {"suspects": {"uri": "/var/data/x", "digest": FILE}},
        "evidence": [],
        "body_digest": "b" * 64,
        "finished": "2026-01-01T00:00:00.120Z",
    } | changes


def test_a_result_becomes_a_test_result_statement_that_reads_back():
    made = statement.from_result(_result())
    assert made["predicate"]["passedTests"] == ["a"]
    assert made["predicate"]["warnedTests"] == ["b", "e"]
    assert made["predicate"]["failedTests"] == ["c", "d"]
    assert made["predicate"]["configuration"] == [{"name": "lockgate.yaml", "digest": {"sha256": "d" * 64}}]
    read = statement.parse(made)
    assert read.subjects == (Subject("current", FILE), Subject("reference", TREE))
    assert read.run.stage == "gate-retraining"
    assert read.run.finished == dt.datetime(2026, 1, 1, 0, 0, 0, 120_000, tzinfo=dt.timezone.utc)


@pytest.mark.parametrize(
    ("verdict", "decision", "result", "opens"),
    [
        ("PASS", None, "PASSED", True),
        ("PASS", "RETRAIN", "PASSED", True),
        ("WARN", "KEEP", "WARNED", True),
        ("WAIVED", None, "WARNED", True),
        ("FAIL", None, "FAILED", False),
        ("INCONCLUSIVE", None, "FAILED", False),
        ("PASS", "QUARANTINE", "FAILED", False),
        ("FAIL", "QUARANTINE", "FAILED", False),
    ],
)
def test_what_closes_a_gate_is_failed_to_every_reader_of_the_predicate(verdict, decision, result, opens):
    made = statement.from_result(_result(verdict=verdict, decision=decision))
    assert made["predicate"]["result"] == result
    read = statement.parse(made)
    assert (read.run.verdict, read.run.decision, read.run.opens) == (verdict, decision, opens)


def test_no_path_and_no_address_gets_into_a_statement():
    text = str(statement.from_result(_result()))
    for part in ("s3://", "bucket", "/home", "/var"):
        assert part not in text


def test_outputs_are_named_but_are_no_subjects():
    made = statement.from_result(_result())
    assert made["predicate"][EXTENSION]["outputs"] == {"suspects": FILE}
    assert [s["name"] for s in made["subject"]] == ["current", "reference"]


def test_a_run_without_inputs_is_about_its_own_result():
    made = statement.from_result(_result(subjects=[], policy={"digest": None, "thresholds": {}}))
    assert statement.parse(made).subjects == (Subject("result", {"sha256": "b" * 64}),)
    assert made["predicate"]["configuration"] == []


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (FILE, True),
        (FILE | {"md5": "0" * 32}, True),
        ({"sha256": "b" * 64}, False),
        (TREE, False),
        ({}, False),
        ({"md5": "a" * 32}, False),
        (FILE | TREE, True),
    ],
)
def test_a_subject_is_matched_by_digests_that_are_accepted_and_by_nothing_else(other, same):
    assert Subject("x", FILE).is_(other) is same
    assert not Subject("x", FILE | TREE).is_({"sha256": "a" * 64, "lockgateTree1": "d" * 64})


def test_a_time_keeps_its_zone_and_its_fraction():
    for text, minute in [("2026-01-01T00:30:00.5+00:30", 0), ("2026-01-01T00:00:00Z", 0)]:
        made = statement.from_result(_result(finished=text))
        assert statement.parse(made).run.finished.astimezone(dt.timezone.utc).minute == minute


def test_of_two_checks_with_one_id_the_one_that_could_not_run_is_kept():
    twice = [{"id": "a", "verdict": "FAIL"}, {"id": "a", "verdict": "INCONCLUSIVE"}]
    for checks in (twice, twice[::-1], [*twice, {"id": "a", "verdict": "PASS"}]):
        assert statement.parse(statement.from_result(_result(checks=checks))).run.checks == {
            "a": "INCONCLUSIVE"
        }


@pytest.mark.parametrize("better", ["PASS", "WARN", "WAIVED"])
def test_of_two_checks_with_one_id_the_one_that_failed_is_kept(better):
    twice = [{"id": "a", "verdict": "FAIL"}, {"id": "a", "verdict": better}]
    for checks in (twice, twice[::-1]):
        assert statement.parse(statement.from_result(_result(checks=checks))).run.checks == {"a": "FAIL"}


@pytest.mark.parametrize(
    "entry", [{"rule": "LG-X-001", "check": 5}, {"rule": "LG-X-001"}, {"rule": "", "check": "a"}, "LG-X-001"]
)
def test_a_closing_finding_says_its_rule_and_its_check(entry):
    made = statement.from_result(_result())
    assert statement.parse(made).run.closing == (statement.Closing("LG-X-001", "c"),)  # the control
    made["predicate"][EXTENSION]["closing"] = [entry]
    with pytest.raises(EnvelopeError):
        statement.parse(made)


@pytest.mark.parametrize("kind", sorted(predicates.STAGES))
def test_a_predicate_of_a_stage_without_the_run_that_wrote_it_is_refused(kind):
    made = statement.from_result(_result())["predicate"]
    with pytest.raises(EnvelopeError):
        predicates.module(kind).parse(made, None)


def test_a_time_in_digits_of_another_script_is_none():
    made = statement.from_result(_result(finished="\u0662026-01-01T00:00:00Z"))
    with pytest.raises(EnvelopeError, match="RFC 3339"):
        statement.parse(made)


@pytest.mark.parametrize(("findings", "unlisted"), [(999, False), (1_000, True)])
def test_findings_that_a_result_has_no_room_for_close_the_gate_as_one_that_nobody_can_waive(
    findings, unlisted
):
    many = [{"rule": f"LG-X-{i}", "severity": "HIGH", "check": ""} for i in range(findings)]
    closing = statement.parse(statement.from_result(_result(findings=many))).run.closing
    assert (statement.Closing(statement.UNLISTED) in closing) is unlisted
