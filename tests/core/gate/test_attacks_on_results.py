"""Attacks with results: which of them counts, and when. Each changes one thing in an allowed release."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from world import DATA, FAILED, FAILING, MODEL, OTHER, changed, days, hours, key, minutes, said

from lockgate.gate import attestation, checks, question
from lockgate.ledger.reading import Entry
from lockgate.policy.times import CLOCK_SKEW

INCONCLUSIVE = {"verdict": "INCONCLUSIVE", "checks": [{"id": "rows", "verdict": "INCONCLUSIVE"}]}


def test_the_world_as_it_is_is_allowed(world):
    decision = world.decide()
    assert decision.allow
    assert decision.codes == ("LG-GATE-000",) * 4
    assert len(decision.evidence) == 4


# --- Old and new ------------------------------------------------------------------------------------


def test_an_old_pass_does_not_hide_a_newer_fail(world):
    world.fail(at=world.now - minutes(30))
    assert world.code("robust") == "FAIL"


def test_a_newer_pass_outweighs_an_old_fail(world):
    world.fail(at=world.now - hours(2))
    assert world.code("robust") == "FAIL", "it was logged after the PASS, and may be as new as that"
    world.test(at=world.now - minutes(20))
    assert world.allowed()


def test_a_fail_of_the_same_moment_as_a_pass_decides(world):
    world.only("robust")
    world.sign_policy()
    world.test(at=world.now - minutes(20))
    assert world.allowed()
    world.fail(at=world.now - minutes(20))
    world.fail(at=world.now - minutes(30))
    assert world.code("robust") == "FAIL"


def test_a_fail_and_a_later_pass_of_the_same_moment_are_no_order(world):
    world.fail(at=world.now - minutes(20))
    world.test(at=world.now - minutes(20))
    assert world.code("robust") == "FAIL"


def test_a_pass_that_claims_a_time_before_the_fail_is_not_newer_though_it_was_logged_later(world):
    world.fail(at=world.now - minutes(30))
    world.test(at=world.now - minutes(40))
    assert world.code("robust") == "FAIL"


def test_a_pass_that_claims_a_time_after_the_fail_is_not_newer_though_it_was_logged_before(world):
    world.test(at=world.now + minutes(4))
    world.fail(at=world.now + minutes(3))
    assert world.code("robust") == "FAIL"


def test_an_old_pass_in_a_new_envelope_is_as_old_as_it_was(world):
    world.test(at=world.now - minutes(20))
    name = world.fail(at=world.now - minutes(30))
    assert world.code("robust") == "FAIL"
    again = json.dumps(json.loads(world.path(name).read_bytes()), indent=1).encode()
    world.test(at=world.now - minutes(10))
    assert world.allowed()
    world.put(again, MODEL)
    assert world.allowed(), "the FAIL in a new envelope, logged last, is no newer either"


def test_a_pass_logged_early_in_one_envelope_and_late_in_another_is_early(world):
    raw = world.seal(
        world.document("test-robustness", {"model": MODEL}, finished=said(world.now - minutes(5)))
    )
    world.put(raw, MODEL)
    world.fail(at=world.now - minutes(10))
    world.put(json.dumps(json.loads(raw), indent=1).encode(), MODEL)
    assert world.code("robust") == "FAIL"


def test_a_fail_in_the_store_that_was_never_logged_still_closes(world):
    world.fail(at=world.now - minutes(30), log=False)
    assert world.code("robust") == "FAIL"


def test_a_pass_newer_than_an_unlogged_fail_opens(world):
    world.fail(at=world.now - minutes(50), log=False)
    world.test(at=world.now - minutes(40))
    assert world.allowed()


def test_a_pass_that_need_not_be_logged_is_newer_by_its_time(world):
    world.policy["ledger"]["required"] = False
    world.sign_policy()
    world.fail(at=world.now - minutes(50))
    assert world.code("robust") == "FAIL"
    world.test(at=world.now - minutes(40), log=False)
    assert world.allowed()


def test_of_two_results_at_one_place_of_the_ledger_none_is_newer(world):
    read = [_reading(world, minutes(ago)) for ago in (20, 10)]
    older, newer = (replace(each, first=Entry(3, "", (), world.now, b"", ())) for each in read)
    assert not question.is_newer(newer, older)
    assert question.is_newer(replace(newer, first=replace(newer.first, index=4)), older)
    assert not question.is_newer(replace(older, first=replace(older.first, index=4)), newer)


def _reading(world, ago):
    raw = world.seal(world.document("test-robustness", {"model": MODEL}, finished=said(world.now - ago)))
    return attestation.read("name", raw, [key("pipeline").public_key])


def test_what_cannot_be_read_is_asked_nothing():
    with pytest.raises(LookupError, match="cannot be read"):
        question.statement_of(attestation.Reading("name"))


def test_an_answer_rests_on_the_newest_result_first_and_names_no_other_subject(world):
    for ago in (40, 10, 30, 50, 20):
        world.test(at=world.now - minutes(ago))
    answer = next(each for each in world.decide().answers if each.requirement == "robust")
    times = [each.finished for each in answer.relied]
    assert len(times) == 6
    assert times == sorted(times, reverse=True)
    assert answer.subject is None


@pytest.mark.parametrize(
    ("result", "code"),
    [
        ({"verdict": "FAIL", "checks": FAILED, "findings": FAILING}, "FAIL"),
        (INCONCLUSIVE, "INCONCLUSIVE"),
        ({"verdict": "PASS", "decision": "QUARANTINE"}, "QUARANTINE"),
        ({"verdict": "INCONCLUSIVE", "decision": "QUARANTINE"}, "QUARANTINE"),
    ],
)
def test_what_the_newest_result_says_has_its_own_code(world, result, code):
    world.test(at=world.now - minutes(20), **result)
    assert world.code("robust") == code


@pytest.mark.parametrize("verdict", ["PASS", "WARN", "WAIVED"])
def test_results_that_open_open(world, verdict):
    world.test(at=world.now - minutes(20), verdict=verdict)
    assert world.allowed()


def test_an_inconclusive_opens_when_the_policy_says_so_and_a_quarantine_never(world):
    world.policy["stages"]["test-robustness"]["on_inconclusive"] = "open"
    world.sign_policy()
    world.test(at=world.now - minutes(20), **INCONCLUSIVE)
    assert world.allowed()
    world.test(at=world.now - minutes(10), **INCONCLUSIVE, decision="QUARANTINE")
    assert world.code("robust") == "QUARANTINE"


# --- Replay, and the clock --------------------------------------------------------------------------


def test_a_stale_result_is_refused_and_one_as_old_as_allowed_is_not(world):
    world.now += days(7) - hours(1)  # the result is of an hour before
    assert world.allowed()
    world.now += minutes(0.01)
    assert world.code("robust") == "STALE"


def test_a_stale_result_that_failed_is_said_to_have_failed(world):
    """To run the stage again is the remedy for both, but only the one says what to expect of it."""
    world.afresh()
    world.fail()
    world.now += days(8)
    assert world.code("robust") == "FAIL"


def test_a_result_that_claims_to_be_fresher_than_it_was_logged_is_as_old_as_it_was_logged(world):
    """Both for a result of long ago, and for one that claims the moments after it was logged."""
    world.requirement("robust")["max_age"] = "1h"
    world.sign_policy()
    start = world.now
    world.test(at=start + minutes(4))
    world.now = start + minutes(59)
    assert world.allowed()
    world.now = start + minutes(62)
    assert world.code("robust") == "STALE"


def test_replayed_from_another_release_a_result_is_about_that(world):
    world.only("robust")
    world.sign_policy()
    world.clear()
    raw = world.seal(world.document("test-robustness", {"model": OTHER}))
    world.afresh()
    world.put(raw, MODEL)
    assert world.code("robust") == "OTHER_SUBJECT"


def test_a_result_from_the_future_is_refused(world):
    world.afresh()
    world.train()
    world.validate()
    world.approve()
    world.test(at=world.now + minutes(6))
    assert world.code("robust") == "FUTURE"


def test_a_result_within_the_skew_of_two_clocks_is_not_from_the_future(world):
    world.afresh()
    world.train()
    world.validate()
    world.approve()
    world.test(at=world.now + minutes(4))
    assert world.allowed()


def test_a_result_may_be_as_far_ahead_of_the_ledger_as_two_clocks_may_be_apart(world):
    raw = world.seal(world.document("test-robustness", {"model": MODEL}))
    name = world.put(raw, MODEL)
    reading = attestation.read(name, raw, [key("pipeline").public_key])
    entry = Entry(0, name, (), reading.run.finished - CLOCK_SKEW, b"", ())
    assert checks.was_over_when_logged(replace(reading, first=entry), None) is None
    early = replace(entry, logged=entry.logged - minutes(0.001))
    problem = checks.was_over_when_logged(replace(reading, first=early), None)
    assert problem.code.name == "FUTURE"


def test_a_result_from_the_future_does_not_become_true_by_waiting(world):
    world.only("robust")
    world.sign_policy()
    world.afresh()
    world.test(at=world.now + hours(2))
    world.now += hours(3)
    assert world.code("robust") == "FUTURE"


def test_a_result_from_the_future_counts_no_more_without_a_ledger(world):
    world.only("robust")
    del world.policy["ledger"]
    world.sign_policy()
    world.afresh()
    world.test(at=world.now + minutes(6), log=False)
    assert world.code("robust") == "FUTURE"
    world.now += minutes(2)
    assert world.allowed(), "that clock was a bit ahead"


def test_a_result_without_a_zone_is_refused(world):
    world.only("robust")
    world.sign_policy()
    world.afresh()
    world.test(finished="2026-01-01T00:00:00")
    assert world.code("robust") == "NO_ZONE"


def test_a_clock_that_was_put_back_is_noticed(world):
    from lockgate import gate

    world.now += minutes(2)
    gate.remember(world.decide(), world.settings)
    world.now -= minutes(5)
    assert world.allowed()
    world.now -= minutes(0.01)
    assert world.code() == "CLOCK_BEHIND"


# --- How it ran -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["0.0.9", "0.1", "0.1.0.dev1", "", "x" * 100, "0.01.0\n"])
def test_an_older_lockgate_than_allowed_is_refused_and_so_is_what_is_no_release(world, version):
    world.only("robust")
    world.sign_policy()
    world.afresh()
    world.test(version=version or "-")
    assert world.code("robust") == "OLD_VERSION"


@pytest.mark.parametrize("version", ["0.1.0", "0.1.1", "0.10.0", "1.0.0"])
def test_that_version_and_newer_ones_are_allowed(world, version):
    world.only("robust")
    world.sign_policy()
    world.afresh()
    world.test(version=version)
    assert world.allowed()


@pytest.mark.parametrize("thresholds", [{"eps": 0.01}, {}, {"eps": "0.05"}, {"eps": True}, {"eps": None}])
def test_a_run_with_other_thresholds_than_the_policys_is_refused(world, thresholds):
    world.only("robust")
    world.sign_policy()
    world.afresh()
    world.test(policy={"digest": None, "thresholds": thresholds})
    assert world.code("robust") == "OTHER_THRESHOLDS"
    ran = repr(thresholds["eps"]) if thresholds else "none"
    assert world.decide().answers[0].message == f"it ran with eps {ran}, the policy sets 0.05"


def test_thresholds_that_the_policy_does_not_set_may_be_any(world):
    world.test(at=world.now - minutes(10), policy={"digest": None, "thresholds": {"eps": 0.05, "norm": "l2"}})
    assert world.allowed()


def test_a_list_of_a_policy_is_held_against_a_list_and_true_is_not_one():
    from lockgate.gate.checks import same

    assert same([1, "a"], (1, "a"))
    assert same({"a": [1.5]}, {"a": [1.5]})
    assert same(True, True)
    assert same(1, 1.0)
    for said_, wanted in (
        ([1], [1, 2]),
        ([1, 2], [1, 3]),
        (1, True),
        (True, 1),
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"b": 1}),
        ({"a": 1, "b": 2}, {"a": 1}),
        ("1", 1),
        (None, 1),
        ([], {}),
        ([1], 1),
        ({"a": True}, {"a": 1}),
        ({"a": 1}, 1),
        ({}, []),
        (1, [1]),
        ("ab", ["a", "b"]),
    ):
        assert not same(said_, wanted), (said_, wanted)


# --- What it is about -------------------------------------------------------------------------------


def _only_robust(world, **subjects):
    world.only("robust")
    world.sign_policy()
    world.afresh()
    raw = world.seal(world.document("test-robustness", subjects))
    world.put(raw, MODEL)


def test_an_attestation_of_another_subject_is_refused(world):
    _only_robust(world, model=OTHER, data=DATA)
    assert world.code("robust") == "OTHER_SUBJECT"


def test_a_match_by_name_only_is_none(world):
    _only_robust(world, model=OTHER)
    assert world.code("robust") == "OTHER_SUBJECT"


def test_the_artifact_as_another_input_is_refused(world):
    _only_robust(world, model=OTHER, data=MODEL)
    assert world.code("robust") == "OTHER_INPUT"


def test_several_subjects_are_told_apart(world):
    _only_robust(world, data=OTHER, model=MODEL)
    assert world.allowed()
    assert not world.decide(OTHER).allow


def test_a_subject_of_a_list_counts_as_that_input(world):
    _only_robust(world, **{"model[3]": MODEL})
    assert world.allowed()


def test_a_fail_about_the_artifact_as_another_input_does_not_close(world):
    world.attest(
        "test-robustness", {"model": OTHER, "data": MODEL}, verdict="FAIL", at=world.now - minutes(5)
    )
    assert world.allowed()


def test_a_fail_about_another_artifact_that_lies_under_this_one_does_not_close(world):
    raw = world.seal(world.document("test-robustness", {"model": OTHER}, verdict="FAIL"))
    world.put(raw, MODEL)
    assert world.allowed()


def test_a_failed_provenance_of_another_artifact_that_lies_under_this_one_does_not_close(world):
    failed = world.provenance({"data": DATA}, verdict="FAIL", finished=said(world.now - minutes(5)))
    other = changed(failed, "subject", 0, "digest", to=OTHER)
    world.put(world.sign(other, "ana"), MODEL)
    assert world.allowed()
    world.put(world.sign(failed, "ana"), MODEL)
    assert world.code("trained") == "FAIL"


def test_a_digest_that_is_right_beside_one_that_is_wrong_is_no_match(world):
    _only_robust(world, model={**MODEL, "lockgateTree1": "a" * 64})
    world.put(
        world.seal(world.document("test-robustness", {"model": {**MODEL, "lockgateTree1": "b" * 64}})), MODEL
    )
    decision = world.decide({**MODEL, "lockgateTree1": "c" * 64})
    assert decision.codes == ("LG-GATE-214",)


def test_a_downgraded_digest_is_refused(world):
    world.only("robust")
    world.sign_policy()
    world.afresh()
    made = world.document("test-robustness", {"model": {"sha1": "a" * 40}})
    world.put(world.seal(made), MODEL)
    assert world.code("robust") == "WEAK_DIGEST"


def test_to_release_something_by_a_weak_digest_is_refused(world):
    assert world.code(subject={"sha1": "a" * 40}) == "WEAK_DIGEST"
    assert world.code(subject={}) == "WEAK_DIGEST"


def test_what_nobody_has_looked_at_is_denied(world):
    decision = world.decide(OTHER)
    assert decision.codes == ("LG-GATE-201", "LG-GATE-201", "LG-GATE-401", "LG-GATE-201")


def test_an_attestation_that_was_removed_from_store_and_from_no_ledger_is_missing(world):
    del world.policy["ledger"]
    world.sign_policy()
    assert world.allowed()
    newest = world.test(at=world.now)
    world.path(newest).unlink()
    assert world.allowed()
    for path in world.path("*").parent.glob("*.json"):
        if b"dGVzdC1yb2J1c3RuZXNz" in path.read_bytes() or "test-robustness" in _payload(path):
            path.unlink()
    assert world.code("robust") == "NONE"


def _payload(path) -> str:
    import base64

    return base64.b64decode(json.loads(path.read_bytes())["payload"]).decode()


def test_a_length_is_said_in_days_or_in_hours(world):
    for age, said_ in (("2d", "2 days"), ("90m", "1.5 hours")):
        world.requirement("robust")["max_age"] = age
        world.policy["revision"] += 1
        world.sign_policy()
        world.now += days(3)
        answer = next(a for a in world.decide().answers if a.requirement == "robust")
        assert answer.message.endswith(f"longer ago than {said_}")


def test_a_fail_names_the_rules_that_close(world):
    world.fail(at=world.now - minutes(3))
    answer = next(a for a in world.decide().answers if a.requirement == "robust")
    assert answer.message.endswith("is FAIL (LG-ROBUST-002)")


def test_a_finding_without_rules_to_name_is_a_fail_all_the_same(world):
    world.fail(at=world.now - minutes(3), findings=[])
    answer = next(a for a in world.decide().answers if a.requirement == "robust")
    assert answer.message.endswith("is FAIL")
