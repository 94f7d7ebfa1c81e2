"""The verdict follows from the facts by one rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.outcome import Check, Outcome, Severity, Verdict, worst


def test_an_outcome_that_checked_nothing_is_inconclusive():
    assert Outcome().verdict is Verdict.INCONCLUSIVE


def test_a_finding_alone_never_makes_an_unchecked_outcome_pass():
    outcome = Outcome()
    outcome.find("X-1", Severity.INFO, "something")
    assert outcome.verdict is Verdict.INCONCLUSIVE


def test_a_check_that_holds_passes_and_one_that_does_not_fails():
    outcome = Outcome()
    assert outcome.check("rows", value=10, comparator=">=", threshold=10)
    assert outcome.verdict is Verdict.PASS
    assert not outcome.check("rows", value=9, comparator=">=", threshold=10)
    assert outcome.verdict is Verdict.FAIL


@pytest.mark.parametrize("value", [None, float("nan")])
def test_what_could_not_be_measured_is_inconclusive_with_a_reason(value):
    outcome = Outcome()
    assert not outcome.check("share", value=value, comparator="<=", threshold=0.1)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert outcome.checks[0].reason


def test_a_failure_outweighs_a_check_that_could_not_run():
    outcome = Outcome()
    outcome.cannot("drift", "there is no baseline")
    outcome.check("rows", value=1, comparator=">", threshold=2)
    assert outcome.verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("severity", "verdict"),
    [("INFO", "PASS"), ("LOW", "PASS"), ("MEDIUM", "WARN"), ("HIGH", "FAIL"), ("CRITICAL", "FAIL")],
)
def test_a_findings_severity_weighs_on_the_verdict(severity, verdict):
    outcome = Outcome(checks=[Check("ran", Verdict.PASS)])
    outcome.find("X-1", Severity(severity), "something")
    assert outcome.verdict == verdict


@given(st.lists(st.sampled_from(list(Verdict)), min_size=1))
def test_one_closed_check_closes_the_gate_whatever_stands_beside_it(verdicts):
    assert worst(verdicts).opens == all(v.opens for v in verdicts)
