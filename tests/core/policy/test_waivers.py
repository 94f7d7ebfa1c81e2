from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from lockgate.attest.predicates.waiver import Waiver
from lockgate.attest.statement import Closing, RunSummary, Subject
from lockgate.outcome import Decision, Verdict
from lockgate.policy import waivers
from lockgate.policy.release import Waivers
from lockgate.policy.trust import Identity, Key, Revocation, Trust
from lockgate.policy.waivers import Asked, Offered, Refused

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone.utc)
DAY = dt.timedelta(days=1)
MODEL, OTHER = {"sha256": "a" * 64}, {"sha256": "b" * 64}
RULE = "LG-ROBUST-002"

RUN = RunSummary(
    stage="test-robustness",
    version="0.1.0",
    verdict=Verdict.FAIL,
    decision=None,
    body_digest="c" * 64,
    policy=None,
    thresholds={},
    closing=(Closing(RULE, "attack"),),
    checks={"attack": Verdict.FAIL, "rows": Verdict.PASS},
    finished=NOW - DAY,
)
WAIVER = Waiver("test-robustness", (RULE,), "production", "why", NOW - DAY, NOW + DAY)


@pytest.fixture
def asked(pairs):
    identities = {
        "dan": Identity((Key(pairs["dan"].public), Key(pairs["carla"].public))),
        "pipeline": Identity((Key(pairs["pipeline"].public),)),
        "bo": Identity((Key(pairs["bo"].public, revoked=Revocation(NOW, "compromised")),)),
    }
    roles = {"security": ("dan", "bo", "pipeline"), "validator": ("pipeline",)}
    return Asked(MODEL, "production", Waivers(("security",), 30 * DAY), Trust(identities, roles), NOW)


@pytest.fixture
def offer(pairs):
    def make(*names, about=MODEL, envelope="e" * 64, logged=None, **change):
        signers = frozenset(pairs[name].keyid for name in names or ["dan"])
        return Offered(replace(WAIVER, **change), (Subject("artifact", about),), signers, envelope, logged)

    return make


def test_a_good_waiver_excuses_the_finding_and_the_check_that_it_explains(asked, offer):
    found = waivers.weigh(RUN, [offer()], asked)
    assert found == waivers.Excused(True, {RULE: ("e" * 64,)}, (), ())


def test_a_waiver_for_every_environment_is_one_for_this(asked, offer):
    assert waivers.weigh(RUN, [offer(environment=None)], asked).wholly


BAD = {
    Refused.OTHER_DIGEST: {"about": OTHER},
    Refused.OTHER_STAGE: {"stage": "detect-poisoning"},
    Refused.OTHER_ENVIRONMENT: {"environment": "staging"},
    Refused.OTHER_RULE: {"rules": ("LG-ROBUST-001",)},
    Refused.NOT_YET_GRANTED: {"granted": NOW + dt.timedelta(minutes=5, seconds=1), "expires": NOW + DAY},
    Refused.EXPIRED: {"expires": NOW},
    Refused.TOO_LONG: {"expires": NOW + 29 * DAY + dt.timedelta(seconds=1)},
}


@pytest.mark.parametrize("reason", BAD, ids=str)
def test_each_limit_of_a_waiver_holds(asked, offer, reason):
    found = waivers.weigh(RUN, [offer(**BAD[reason])], asked)
    assert not found.wholly
    assert [(name, why) for name, why, _ in found.refused] == [("e" * 64, reason)]
    assert found.open == (RULE, "check attack (FAIL)")
    assert waivers.weigh(RUN, [offer(**BAD[reason]), offer(envelope="f" * 64)], asked).wholly  # the control


def test_a_waiver_just_within_its_limits_counts(asked, offer):
    second = dt.timedelta(seconds=1)
    assert waivers.weigh(RUN, [offer(expires=NOW + second)], asked).wholly
    assert waivers.weigh(RUN, [offer(expires=NOW + 29 * DAY)], asked).wholly
    assert waivers.weigh(RUN, [offer(granted=NOW + dt.timedelta(minutes=5))], asked).wholly


@pytest.mark.parametrize(("signer", "part"), [("stranger", "knows no key"), ("bo", "compromised")])
def test_a_waiver_by_a_signer_that_does_not_count_is_refused_with_the_reason(asked, offer, signer, part):
    ((_, why, sentence),) = waivers.weigh(RUN, [offer(signer)], asked).refused
    assert why is Refused.WRONG_SIGNER
    assert part in sentence


def test_a_waiver_that_nobody_signed_is_refused_and_says_so(asked, offer):
    ((_, why, sentence),) = waivers.weigh(RUN, [replace(offer(), signers=frozenset())], asked).refused
    assert why is Refused.WRONG_SIGNER
    assert sentence == "the waiver does not count: nobody signed it"


def test_a_waiver_by_somebody_without_the_role_is_refused(asked, offer):
    narrow = replace(asked, policy=Waivers(("validator",)))
    ((_, why, sentence),) = waivers.weigh(RUN, [offer()], narrow).refused
    assert why is Refused.WRONG_SIGNER
    assert "dan has none of the roles validator" in sentence
    assert waivers.weigh(RUN, [offer("pipeline")], narrow).wholly


def test_a_waiver_that_reached_the_ledger_after_its_key_was_replaced_is_refused(asked, offer, pairs):
    rotated = Identity((Key(pairs["dan"].public, revoked=Revocation(NOW - DAY, "rotated")),))
    late = replace(asked, trust=Trust({"dan": rotated}, {"security": ("dan",)}))
    assert waivers.weigh(RUN, [offer(logged=NOW - DAY)], late).wholly
    ((_, why, _),) = waivers.weigh(RUN, [offer(logged=NOW)], late).refused
    assert why is Refused.WRONG_SIGNER


def test_nobody_excuses_what_they_signed_themselves_with_whichever_key(asked, offer):
    involved = replace(asked, involved=frozenset({"dan"}))
    for key in ("dan", "carla"):  # both are dan's
        ((_, why, sentence),) = waivers.weigh(RUN, [offer(key)], involved).refused
        assert why is Refused.SELF_GRANTED
        assert "granted by dan" in sentence
    assert waivers.weigh(RUN, [offer("pipeline")], involved).wholly
    assert waivers.weigh(RUN, [offer("dan", "pipeline")], involved).wholly


def test_where_the_policy_names_nobody_no_waiver_counts(asked, offer):
    ((_, why, _),) = waivers.weigh(RUN, [offer()], replace(asked, policy=None)).refused
    assert why is Refused.NOT_ALLOWED


def test_a_waiver_of_two_artifacts_is_for_neither(asked, offer):
    both = replace(offer(), subjects=(Subject("artifact", MODEL), Subject("second", OTHER)))
    ((_, why, _),) = waivers.weigh(RUN, [both], asked).refused
    assert why is Refused.OTHER_DIGEST


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"closing": (*RUN.closing, Closing("LG-ROBUST-003", "other"))}, ("LG-ROBUST-003",)),
        ({"checks": {**RUN.checks, "second": Verdict.FAIL}}, ("check second (FAIL)",)),
        ({"checks": {**RUN.checks, "second": Verdict.INCONCLUSIVE}}, ("check second (INCONCLUSIVE)",)),
        ({"checks": {"attack": Verdict.INCONCLUSIVE}}, ("check attack (INCONCLUSIVE)",)),
        ({"verdict": Verdict.INCONCLUSIVE}, ("the verdict INCONCLUSIVE",)),
        (
            {"verdict": Verdict.INCONCLUSIVE, "checks": {"attack": Verdict.INCONCLUSIVE}},
            ("check attack (INCONCLUSIVE)",),
        ),
        ({"decision": Decision.QUARANTINE}, ("the decision QUARANTINE",)),
        ({"closing": (Closing(RULE),)}, ("check attack (FAIL)",)),
        ({"closing": (Closing(RULE),), "checks": {"": Verdict.FAIL}}, ("check  (FAIL)",)),
    ],
    ids=str,
)
def test_what_no_waiver_excuses_stays_open(asked, offer, change, left):
    found = waivers.weigh(replace(RUN, **change), [offer()], asked)
    assert not found.wholly
    assert found.open == left


def test_two_waivers_excuse_two_findings_together(asked, offer):
    run = replace(
        RUN,
        closing=(*RUN.closing, Closing("LG-ROBUST-003", "other")),
        checks={"attack": Verdict.FAIL, "other": Verdict.FAIL},
    )
    second = offer(rules=("LG-ROBUST-003",), envelope="f" * 64)
    assert not waivers.weigh(run, [offer()], asked).wholly
    found = waivers.weigh(run, [second, offer()], asked)
    assert found.wholly
    assert found.by == {RULE: ("e" * 64,), "LG-ROBUST-003": ("f" * 64,)}


def test_a_result_without_a_closing_finding_has_nothing_to_excuse(asked, offer):
    assert not waivers.weigh(replace(RUN, closing=(), checks={}), [offer()], asked).wholly
    failed = replace(RUN, closing=(), checks={"attack": Verdict.FAIL})
    assert not waivers.weigh(failed, [offer()], asked).wholly
