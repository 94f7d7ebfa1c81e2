"""What a decision stands on, step by step, and what is remembered of it: never more than what held."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from world import MODEL

from lockgate import gate
from lockgate.errors import InputError, PolicyError
from lockgate.gate import ground
from lockgate.policy import load


@pytest.fixture
def bare(world):
    """A ground on which nothing was laid."""
    return ground.Ground(world.settings, "production", world.now)


@pytest.fixture
def laid(bare):
    assert ground.lay(bare) is None
    return bare


def test_a_ground_without_a_policy_says_so_and_has_no_identity(bare, laid):
    assert laid.identity == ("employment", 3, laid.the_policy.digest)
    empty = ground.Ground(bare.settings, bare.name, bare.now)
    assert empty.identity is None
    with pytest.raises(InputError, match="the policy was not opened"):
        _ = empty.the_policy


def test_a_policy_of_thresholds_alone_is_none_to_release_by(tmp_path):
    path = tmp_path / "lockgate.yaml"
    path.write_text("version: 1\nstages:\n  test-robustness: {eps: 0.05}\n")
    with pytest.raises(PolicyError, match="has no name and revision"):
        _ = load(path).identity


def test_without_a_store_nothing_is_stored_and_without_a_ledger_nothing_is_logged(laid):
    logged = laid.logged(MODEL)
    assert logged
    assert laid.stored(MODEL, logged)
    laid.store = None
    assert laid.stored(MODEL, logged) == {}
    for name in ("ledger", "checkpoint"):
        assert dataclasses.replace(laid, **{name: None}).logged(MODEL) == {}


def test_a_policy_that_was_read_without_its_approval_is_of_no_root(laid):
    assert ground.policy_is_of_the_roots_name(laid) is None
    laid.policy = load(laid.settings.policy)
    assert laid.policy.approval is None
    assert ground.policy_is_of_the_roots_name(laid).code.name == "POLICY_WRONG_SIGNER"


def test_a_ledger_that_grew_is_held_against_what_was_remembered_only_when_there_is_both(laid, world):
    assert ground.ledger_only_grew(laid) is None
    laid.seen.checkpoints[laid.ledger_rule.origin] = laid.checkpoint.note
    assert ground.ledger_only_grew(laid) is None
    laid.checkpoint = None
    assert ground.ledger_only_grew(laid).code.name == "TRUNCATED"
    laid.ledger = None
    assert ground.ledger_only_grew(laid) is None
    laid.seen = None
    assert ground.ledger_only_grew(laid) is None


# --- What is remembered -----------------------------------------------------------------------------


def test_only_a_decision_that_stood_on_its_ground_is_remembered(world):
    memory = Path(world.settings.trust_state)
    gate.remember(world.decide(environment="nowhere"), world.settings)
    gate.remember(gate.Decision(MODEL, "production", world.now), world.settings)
    assert not memory.exists()
    gate.remember(world.decide(), world.settings)
    assert '"employment"' in memory.read_text()


def test_a_gate_without_a_memory_says_so_before_it_forgets(world):
    with pytest.raises(InputError, match="LOCKGATE_TRUST_STATE"):
        gate.remember(world.decide(), dataclasses.replace(world.settings, trust_state=None))
