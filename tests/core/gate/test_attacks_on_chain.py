"""Attacks on what hangs together: training data, separation of duties, waivers."""

from __future__ import annotations

import pytest
from world import DATA, FAILED, FAILING, MODEL, OTHER, POISON, changed, days, hours, identity, minutes, said

from lockgate.attest import store

# --- From the model to its data ---------------------------------------------------------------------


def test_without_provenance_no_data_is_known(world):
    world.afresh()
    world.test()
    world.validate()
    world.approve()
    assert world.code("trained") == "NONE"
    assert world.code("clean") == "NO_PROVENANCE"


def test_provenance_by_who_may_not_is_none(world):
    world.afresh()
    world.train(by="carla")
    world.validate()
    assert world.code("clean") == "NO_PROVENANCE"


def test_provenance_that_names_no_dataset_is_refused(world):
    world.afresh()
    world.train(datasets={})
    world.validate()
    assert world.code("clean") == "NO_TRAINING_DATA"


def test_a_dataset_that_nobody_validated_is_named(world):
    world.afresh()
    world.train(datasets={"data": DATA, "more": POISON})
    world.validate()
    assert world.code("clean") == "DATASET_WITHOUT"
    answer = next(a for a in world.decide().answers if a.requirement == "clean")
    assert "'more'" in answer.message
    assert answer.subject == POISON
    world.validate(data=POISON)
    world.test()
    world.approve()
    assert world.allowed()
    assert len(world.decide().evidence) == 5


def test_validated_data_other_than_that_it_was_trained_on_does_not_count(world):
    world.afresh()
    world.train(datasets={"data": POISON})
    world.validate()
    assert world.code("clean") == "DATASET_WITHOUT"


def test_a_second_provenance_cannot_take_a_dataset_away(world):
    world.train(datasets={"data": POISON}, at=world.now - hours(3))
    world.train(at=world.now - minutes(3))
    assert world.code("clean") == "DATASET_WITHOUT"


def test_provenance_of_others_adds_no_dataset(world):
    world.train(by="carla", datasets={"data": POISON}, at=world.now - minutes(3))
    world.put(world.sign(world.provenance({"data": POISON}), "mallory"), MODEL)
    assert world.allowed()


def test_provenance_of_another_model_names_no_data_of_this_one(world):
    made = world.provenance({"data": POISON})
    made["subject"][0]["digest"] = OTHER
    world.put(world.sign(made, "ana"), MODEL)
    assert world.allowed()


def test_a_failed_dataset_closes_with_its_own_reason(world):
    world.validate(verdict="FAIL", checks=FAILED, findings=FAILING, at=world.now - minutes(3))
    assert world.code("clean") == "FAIL"


def test_a_requirement_about_training_data_says_whose_word_it_rests_on(world):
    found = {a.requirement: a for a in world.decide().answers}
    assert [r.stage for r in found["clean"].relied] == ["detect-poisoning"]
    assert found["robust"].relied[0].identities == ("pipeline",)


def test_a_test_result_of_the_recording_stage_names_no_dataset_and_does_no_harm(world):
    world.attest("record-provenance", {"products[0]": MODEL}, "ana", at=world.now - minutes(90))
    assert world.allowed()


def test_of_evidence_that_cannot_be_read_no_dataset_is_known(world, monkeypatch):
    monkeypatch.setattr(store, "MAX_OF_ONE", 1)
    world.policy["ledger"]["required"] = False
    world.sign_policy()
    found = {each.requirement: each for each in world.decide().answers}
    assert found["trained"].code.name == "STORE_UNREADABLE"
    assert found["clean"].code.name == "NO_PROVENANCE"
    assert found["clean"].message == "without provenance no data is known: there is none that could be read"


# --- Separation of duties ---------------------------------------------------------------------------


def _approved_by(world, *who: str) -> None:
    world.afresh()
    world.train()
    world.test()
    world.validate()
    for each in who:
        world.approve(by=each)


def test_an_approval_by_who_trained_is_refused(world):
    _approved_by(world, "ana")
    assert world.code("approved") == "NOT_SEPARATE"


def test_an_approval_by_somebody_else_beside_it_suffices(world):
    _approved_by(world, "ana", "carla")
    assert world.allowed()


def test_the_trainers_other_key_is_still_the_trainers(world):
    world.policy["identities"]["ana"] = identity("ana", "bo-2")
    world.sign_policy()
    _approved_by(world, "bo-2")
    assert world.code("approved") == "NOT_SEPARATE"


def test_who_took_part_in_training_with_a_key_that_counts_no_more_still_took_part(world):
    world.policy["roles"]["trainer"] = ["ana", "bo"]
    world.sign_policy()
    _approved_by(world, "ana")
    world.train(by="bo")
    assert world.code("approved") == "NOT_SEPARATE"


def test_who_trained_another_model_took_no_part_in_this_one_wherever_that_is_kept(world):
    world.policy["roles"]["trainer"] = ["ana", "carla"]
    world.sign_policy()
    recorded = world.provenance({"data": DATA}, finished=said(world.now - hours(2)))
    world.put(world.sign(changed(recorded, "subject", 0, "digest", to=OTHER), "carla"), MODEL)
    assert world.allowed()
    world.put(world.sign(recorded, "carla"), MODEL)
    assert world.code("approved") == "NOT_SEPARATE"


def test_without_separation_in_the_policy_the_trainer_may_approve(world):
    del world.production["separate"]
    world.sign_policy()
    _approved_by(world, "ana")
    assert world.allowed()


def test_of_two_approvers_neither_may_have_trained(world):
    world.requirement("approved")["identities"] = 2
    world.policy["roles"]["approver"] = ["carla", "ana", "dan"]
    world.sign_policy()
    _approved_by(world, "ana", "carla")
    assert world.code("approved") == "NOT_SEPARATE"
    world.approve(by="dan")
    assert world.allowed()


def test_separation_holds_for_each_dataset(world):
    world.production["separate"] = [["trained", "clean"]]
    world.policy["roles"]["validator"] = ["pipeline", "ana"]
    world.sign_policy()
    world.afresh()
    world.train(datasets={"a": DATA, "b": POISON})
    world.test()
    world.approve()
    world.validate(by="pipeline")
    world.validate(by="ana", data=POISON)
    assert world.code("clean") == "NOT_SEPARATE"
    world.validate(by="pipeline", data=POISON)
    assert world.allowed()


def test_in_a_group_of_three_the_third_is_kept_apart_from_both(world):
    world.production["separate"] = [["trained", "robust", "approved"]]
    world.policy["roles"]["approver"] = ["carla", "pipeline"]
    world.sign_policy()
    _approved_by(world, "pipeline")
    assert world.code("approved") == "NOT_SEPARATE"
    world.approve(by="carla")
    assert world.allowed()


def test_who_signed_for_all_three_is_told_of_the_first(world):
    world.production["separate"] = [["trained", "robust", "approved"]]
    world.policy["roles"] |= {"validator": ["ana", "pipeline"], "approver": ["ana"]}
    world.sign_policy()
    world.test("ana", at=world.now - minutes(5))
    world.approve("ana", at=world.now - minutes(4))
    answers = {each.requirement: each.message for each in world.decide().answers}
    assert answers["approved"] == "ana signed for approved and for trained"


def test_a_group_with_a_requirement_that_does_not_hold_tells_that_one_alone(world):
    world.afresh()
    world.approve(by="ana")
    decision = world.decide()
    assert decision.codes == ("LG-GATE-201", "LG-GATE-201", "LG-GATE-401", "LG-GATE-000")


# --- Waivers ----------------------------------------------------------------------------------------


@pytest.fixture
def failed(world):
    """A world whose newest test of robustness failed, by the pipeline."""
    world.name = world.fail(at=world.now - minutes(40))
    assert world.code("robust") == "FAIL"
    return world


def test_a_waiver_opens_with_a_code_of_its_own(failed):
    waiver = failed.waive()
    decision = failed.decide()
    assert decision.allow
    assert decision.codes == ("LG-GATE-000", "LG-GATE-001", "LG-GATE-000", "LG-GATE-000")
    assert waiver in decision.evidence
    assert failed.name in decision.evidence
    found = next(a for a in decision.answers if a.requirement == "robust")
    assert found.waivers == (waiver,)


def test_a_waiver_that_is_not_needed_is_not_relied_on(world):
    waiver = world.waive()
    decision = world.decide()
    assert decision.codes == ("LG-GATE-000",) * 4
    assert waiver not in decision.evidence


def test_an_expired_waiver_is_refused_and_a_moment_before_it_is_not(failed):
    failed.waive(expires=failed.now + days(1))
    failed.now += days(1) - minutes(0.01)
    assert failed.allowed()
    failed.now += minutes(0.01)
    assert failed.code("robust") == "WAIVER_EXPIRED"


def test_a_waiver_for_another_artifact_is_refused(failed):
    failed.waive(digest=OTHER, under=MODEL)
    assert failed.code("robust") == "WAIVER_OTHER"


@pytest.mark.parametrize("change", [{"rules": ("LG-ROBUST-001",)}, {"environment": "staging"}])
def test_a_waiver_for_another_rule_or_environment_is_refused(failed, change):
    failed.waive(**change)
    assert failed.code("robust") == "WAIVER_OTHER"


def test_a_waiver_for_another_stage_says_nothing_of_this_one(failed):
    failed.waive(stage="validate-data")
    assert failed.code("robust") == "FAIL"


def test_a_waiver_for_every_environment_counts(failed):
    failed.waive(environment=None)
    assert failed.allowed()


def test_a_waiver_by_who_signed_the_result_is_refused(failed):
    failed.waive(by="pipeline")
    assert failed.code("robust") == "WAIVER_SELF"


def test_a_waiver_by_who_trained_the_model_is_refused(failed):
    failed.waive(by="ana")
    assert failed.code("robust") == "WAIVER_SELF"


def test_a_waiver_of_a_datasets_finding_by_who_trained_on_it_is_refused(world):
    world.validate(verdict="FAIL", checks=FAILED, findings=FAILING, at=world.now - minutes(40))
    world.waive(by="ana", digest=DATA, stage="detect-poisoning")
    assert world.code("clean") == "WAIVER_SELF"
    world.waive(digest=DATA, stage="detect-poisoning")
    assert world.allowed()
    assert world.decide().codes[2] == "LG-GATE-001"


@pytest.mark.parametrize("who", ["bo", "carla", "eve"])
def test_a_waiver_by_who_may_not_waive_is_refused(failed, who):
    failed.waive(by=who)
    assert failed.code("robust") == "WAIVER_ROLE"


def test_a_waiver_by_a_stranger_is_noise(failed):
    failed.waive(by="mallory")
    assert failed.code("robust") == "FAIL"


def test_a_waiver_that_holds_too_long_is_refused_and_one_as_long_as_allowed_is_not(failed):
    granted = failed.now - minutes(30)
    failed.waive(granted=granted, expires=granted + days(30) + minutes(1))
    assert failed.code("robust") == "WAIVER_TOO_LONG"
    failed.waive(granted=granted, expires=granted + days(30))
    assert failed.allowed()


def test_a_waiver_that_is_not_yet_valid_is_refused(failed):
    failed.waive(granted=failed.now + minutes(6))
    assert failed.code("robust") == "WAIVER_FUTURE"


def test_where_the_policy_accepts_no_waivers_none_counts(failed):
    failed.waive()
    assert failed.allowed()
    del failed.production["waivers"]
    failed.sign_policy()
    assert failed.code("robust") == "WAIVER_NOT_ALLOWED"


def test_a_waiver_that_leaves_a_finding_is_refused(world):
    findings = [*FAILING, {"rule": "LG-ROBUST-003", "severity": "HIGH", "check": "accuracy"}]
    world.fail(at=world.now - minutes(40), findings=findings)
    world.waive()
    assert world.code("robust") == "WAIVER_PARTIAL"
    world.waive(rules=("LG-ROBUST-003",))
    assert world.allowed()


def test_what_could_not_be_decided_cannot_be_waived(world):
    checks = [*FAILED, {"id": "rows", "verdict": "INCONCLUSIVE"}]
    world.fail(at=world.now - minutes(40), checks=checks)
    world.waive()
    assert world.code("robust") == "WAIVER_PARTIAL"


def test_a_waiver_that_is_not_in_the_ledger_does_not_count(failed):
    failed.waive(log=False)
    assert failed.code("robust") == "FAIL"
    failed.policy["ledger"]["required"] = False
    failed.sign_policy()
    assert failed.allowed()


def test_a_waiver_does_not_hide_a_newer_fail_of_another_kind(failed):
    failed.waive()
    assert failed.allowed()
    failed.fail(
        at=failed.now - minutes(5),
        findings=[{"rule": "LG-ROBUST-009", "severity": "HIGH", "check": "accuracy"}],
    )
    assert failed.code("robust") == "WAIVER_OTHER"


def test_of_several_waivers_the_one_that_got_furthest_is_told(failed):
    failed.waive(environment="staging")
    failed.waive(by="pipeline")
    failed.waive(granted=failed.now - days(3), expires=failed.now - days(2))
    assert failed.code("robust") == "WAIVER_SELF"
