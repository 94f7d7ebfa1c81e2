"""Attacks on the policy, on what the gate remembers, and on how it is set up."""

from __future__ import annotations

from pathlib import Path

import pytest
from world import MODEL, days, minutes, pem, said

from lockgate import gate
from lockgate.attest.predicates.policy_approval import subject_of
from lockgate.policy.memory import TrustState


def _approval(world) -> Path:
    return Path(f"{world.settings.policy}.attestation.json")


def test_an_unsigned_policy_is_refused(world):
    _approval(world).unlink()
    assert world.code() == "POLICY_UNSIGNED"


def test_a_policy_whose_signature_was_stripped_is_refused(world):
    from world import altered

    _approval(world).write_bytes(altered(_approval(world).read_bytes(), signatures=[]))
    assert world.code() == "POLICY_UNSIGNED"


@pytest.mark.parametrize("who", ["mallory", "pipeline", "ana"])
def test_a_policy_signed_by_who_is_no_root_is_refused(world, who):
    world.sign_policy(who)
    assert world.code() == "POLICY_WRONG_SIGNER"


def test_one_of_several_roots_suffices(world):
    (world.folder / "dan.pub.pem").write_text(pem("dan"))
    world.without(policy_key=f"{world.settings.policy_key},{world.folder / 'dan.pub.pem'}")
    world.sign_policy("dan")
    assert world.allowed()


def test_an_altered_policy_is_refused(world):
    world.production["require"] = world.production["require"][:1]
    world.write_policy()
    assert world.code() == "POLICY_ALTERED"


def test_the_approval_of_another_policy_is_refused(world):
    approval = _approval(world).read_bytes()
    world.policy["name"] = "mortgages"
    world.sign_policy()
    _approval(world).write_bytes(approval)
    assert world.code() == "POLICY_ALTERED"


def test_an_expired_policy_is_refused_and_a_moment_before_it_is_not(world):
    world.policy["expires"] = said(world.now + days(1))
    world.sign_policy()
    world.now += days(1) - minutes(0.01)
    assert world.allowed()
    world.now += minutes(0.01)
    assert world.code() == "POLICY_EXPIRED"


def test_a_policy_signed_in_the_future_is_refused(world):
    world.sign_policy(at=world.now + minutes(5.1))
    assert world.code() == "POLICY_FUTURE"
    world.sign_policy(at=world.now + minutes(4.9))
    assert world.allowed()


def test_a_policy_that_was_rolled_back_is_refused(world):
    gate.remember(world.decide(), world.settings)
    world.policy["revision"] = 2
    world.sign_policy()
    assert world.code() == "POLICY_ROLLED_BACK"
    world.policy["revision"] = 3
    world.sign_policy()
    assert world.allowed()
    world.policy["revision"] = 4
    world.sign_policy()
    assert world.allowed()


def test_another_policy_of_the_same_revision_is_refused(world):
    gate.remember(world.decide(), world.settings)
    world.requirement("robust")["max_age"] = "700d"
    world.sign_policy()
    assert world.code() == "POLICY_FORKED"


def test_a_rollback_that_only_the_ledger_knows_of_is_refused(world):
    world.policy["revision"] = 4
    newer = world.sign_policy()
    world.put(newer, subject_of("employment"))
    assert world.allowed()
    world.policy["revision"] = 3
    world.sign_policy()
    assert world.code() == "POLICY_ROLLED_BACK"


def test_a_fork_that_only_the_ledger_knows_of_is_refused(world):
    world.put(world.sign_policy(), subject_of("employment"))
    assert world.allowed()
    world.requirement("robust")["max_age"] = "700d"
    world.sign_policy()
    assert world.code() == "POLICY_FORKED"


def test_an_approval_that_no_root_signed_says_nothing(world):
    world.policy["revision"] = 9
    world.put(world.sign_policy("mallory"), subject_of("employment"))
    world.policy["revision"] = 3
    world.sign_policy()
    assert world.allowed()


@pytest.mark.parametrize("how", ["removed", "altered"])
def test_an_approval_that_the_ledger_names_and_the_store_lacks_is_noticed(world, how):
    world.policy["revision"] = 4
    name = world.put(world.sign_policy(), subject_of("employment"))
    path = world.path(name, subject_of("employment"))
    if how == "removed":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b"\n")
    world.policy["revision"] = 3
    world.sign_policy()
    assert world.code() == "WITHHELD"


@pytest.mark.parametrize("environment", ["staging", "", "Production", "production "])
def test_an_environment_that_the_policy_does_not_know_is_refused(world, environment):
    decision = world.decide(MODEL, environment)
    assert not decision.allow
    assert [each.code.name for each in decision.problems] == ["NO_ENVIRONMENT"]


# --- How the gate is set up -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("policy", "POLICY_UNREADABLE"),
        ("policy_key", "NO_ROOT"),
        ("evidence", "STORE_UNREADABLE"),
        ("ledger", "LEDGER_UNREACHABLE"),
        ("trust_state", "NO_MEMORY"),
    ],
)
def test_without_a_setting_nothing_is_released(world, setting, code):
    world.without(**{setting: None})
    assert world.code() == code


def test_a_root_key_that_cannot_be_read_is_refused(world):
    for text in ("", "no key", "-----BEGIN PUBLIC KEY-----\n"):
        Path(world.settings.policy_key).write_text(text)
        assert world.code() == "NO_ROOT"


def test_a_policy_that_cannot_be_read_is_refused_though_it_is_signed(world):
    Path(world.settings.policy).unlink()
    assert world.code() == "POLICY_UNREADABLE"


@pytest.mark.parametrize("text", ["", "{}", '{"format": "lockgate.trust-state/1"}', "no json", "[]", "\x00"])
def test_a_damaged_memory_is_no_new_beginning(world, text):
    Path(world.settings.trust_state).write_text(text)
    assert world.code() == "NO_MEMORY"


def test_a_memory_in_a_place_that_is_none_is_refused(world):
    Path(world.settings.trust_state).mkdir()
    assert world.code() == "NO_MEMORY"


@pytest.mark.parametrize("url", ["ftp5://x/y", "a::b"])
def test_a_store_that_cannot_be_reached_from_here_is_refused(world, url):
    world.without(evidence=url)
    decision = world.decide()
    assert not decision.allow
    assert set(decision.codes) == {"LG-GATE-215"}


# --- What is remembered -----------------------------------------------------------------------------


def test_a_decision_itself_remembers_nothing(world):
    world.decide()
    assert not Path(world.settings.trust_state).exists()


def test_allow_and_deny_are_remembered_and_a_problem_is_not(world):
    world.fail(at=world.now)
    gate.remember(world.decide(), world.settings)
    seen = TrustState(world.settings.trust_state).read()
    assert seen.policies["employment"].revision == 3
    assert seen.latest == world.now
    assert seen.checkpoints["example.org/test"].split("\n")[1] == "5"
    world.policy["revision"] = 7
    world.sign_policy("mallory")
    world.now += days(1)
    gate.remember(world.decide(), world.settings)
    assert TrustState(world.settings.trust_state).read() == seen


def test_what_another_gate_has_seen_meanwhile_ends_this_decision(world):
    from lockgate.policy.errors import PolicyRolledBackError

    decision = world.decide()
    TrustState(world.settings.trust_state).remember_policy("employment", 4, "a" * 64)
    with pytest.raises(PolicyRolledBackError):
        gate.remember(decision, world.settings)
