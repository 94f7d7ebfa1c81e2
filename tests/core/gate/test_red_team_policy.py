"""A DAG's author may choose which policy a gate reads, but not by which team's policy a release is made."""

from __future__ import annotations

import copy
import dataclasses

import pytest
from world import MODEL

from lockgate.errors import KeyFileError
from lockgate.policy import roots


@pytest.fixture
def weaker(world):
    """The policy of another team, which asks for an approval only, signed by the same root."""
    mine = copy.deepcopy(world.policy)
    world.policy["name"] = "toys"
    world.only("approved")
    world.sign_policy()
    return mine


def _pin(world, *names: str) -> None:
    key = str(world.folder / "root.pub.pem")
    said = ",".join(f"{key}#{name}" for name in names)
    world.settings = dataclasses.replace(world.settings, policy_key=said)


def test_another_teams_policy_of_the_same_root_is_refused_where_the_root_is_for_one(world, weaker):
    assert world.allowed(), "without a name the root vouches for all that it signs"
    _pin(world, "employment")
    assert world.code() == "POLICY_WRONG_SIGNER"
    world.policy = weaker
    world.sign_policy()
    assert world.allowed()


def test_a_root_may_be_for_two_policies(world, weaker):
    _pin(world, "employment", "toys")
    assert world.allowed()
    _pin(world, "Toys", "toy")
    assert world.code() == "POLICY_WRONG_SIGNER"


@pytest.mark.parametrize("end", ["#", "# ", "#a/b", "##", "#a\n\n#", "#é"])
def test_a_name_that_no_policy_can_have_opens_nothing(world, end):
    world.settings = dataclasses.replace(world.settings, policy_key=f"{world.folder}/root.pub.pem{end}")
    assert not world.decide(MODEL).allow
    with pytest.raises(KeyFileError):
        roots.load(f"{world.folder}/root.pub.pem{end}")


def test_a_file_with_a_number_sign_in_its_name_is_a_file(world):
    odd = world.folder / "a#toys"
    odd.write_bytes((world.folder / "root.pub.pem").read_bytes())
    assert roots.load(str(odd)).pairs[0][1] is None
    assert roots.load(f"{odd}#toys").pairs[0][1] == "toys"


def test_a_token_in_the_address_of_the_root_key_comes_into_no_answer(world):
    address = "https://gate:hush-hush@example.org/root.pub.pem"
    world.settings = dataclasses.replace(world.settings, policy_key=address)
    (problem,) = world.decide().problems
    assert problem.code.name == "NO_ROOT"
    assert "hush-hush" not in problem.message
    assert "root.pub.pem" in problem.message


def test_a_ledger_at_a_path_that_no_file_can_have_is_not_reached(world):
    world.settings = dataclasses.replace(world.settings, ledger="x" * 5000)
    assert world.code() == "LEDGER_UNREACHABLE"
