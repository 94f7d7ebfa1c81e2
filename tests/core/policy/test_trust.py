from __future__ import annotations

import datetime as dt

import pytest

from lockgate.policy import trust
from lockgate.policy.trust import Identity, Key, Refusal, Revocation, Trust

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone.utc)
DAY = dt.timedelta(days=1)
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def judged(pairs):
    """Judge a signature of ana's key, which has the given limits."""

    def judge(signed, roles=("validator",), logged=None, now=NOW, **limits):
        ana = Identity((Key(pairs["pipeline"].public, **limits),))
        made = Trust({"ana": ana}, {"validator": ("ana",), "security": ("dan",)})
        return made.judge(pairs["pipeline"].keyid, signed=signed, now=now, roles=roles, logged=logged)

    return judge


def test_a_signature_of_a_key_without_limits_counts_for_its_identity(judged):
    found = judged(NOW - DAY)
    assert found.counts
    assert (found.identity, found.refusal, found.why) == ("ana", None, "")


def test_a_key_that_the_policy_does_not_know_is_nobodys(pairs):
    made = Trust({"ana": Identity((Key(pairs["pipeline"].public),))}, {"validator": ("ana",)})
    found = made.judge(pairs["stranger"].keyid, signed=NOW, now=NOW, roles=["validator"])
    assert (found.counts, found.identity, found.refusal) == (False, None, Refusal.UNKNOWN_KEY)


@pytest.mark.parametrize(
    ("limits", "signed", "logged", "refusal"),
    [
        ({"valid_from": NOW - DAY}, NOW - DAY, None, None),
        ({"valid_from": NOW - DAY}, NOW - DAY - SECOND, None, Refusal.NOT_YET_VALID),
        ({"valid_from": NOW}, NOW, None, None),
        ({"valid_from": NOW + SECOND}, NOW + SECOND, None, Refusal.NOT_YET_VALID),
        ({"valid_until": NOW - DAY}, NOW - DAY - SECOND, None, None),
        ({"valid_until": NOW - DAY}, NOW - DAY, None, Refusal.NO_LONGER_VALID),
        ({"valid_until": NOW - DAY}, NOW - 2 * DAY, NOW - DAY, Refusal.NO_LONGER_VALID),
        ({"valid_until": NOW - DAY}, NOW - 3 * DAY, NOW - 2 * DAY, None),
        ({"revoked": Revocation(NOW - DAY, "rotated")}, NOW - DAY, None, None),
        ({"revoked": Revocation(NOW - DAY, "rotated")}, NOW - DAY + SECOND, None, Refusal.ROTATED),
        ({"revoked": Revocation(NOW - DAY, "rotated")}, NOW - 2 * DAY, NOW - DAY, None),
        ({"revoked": Revocation(NOW - DAY, "rotated")}, NOW - 2 * DAY, NOW, Refusal.ROTATED),
        ({"revoked": Revocation(NOW + DAY, "rotated")}, NOW, None, None),
        ({"revoked": Revocation(NOW, "compromised")}, NOW - 300 * DAY, None, Refusal.COMPROMISED),
        ({"revoked": Revocation(NOW, "compromised")}, NOW - 300 * DAY, NOW - 300 * DAY, Refusal.COMPROMISED),
        ({"revoked": Revocation(NOW + DAY, "compromised")}, NOW - DAY, None, Refusal.COMPROMISED),
        ({}, NOW + 5 * 60 * SECOND, None, None),
        ({}, NOW + 5 * 60 * SECOND + SECOND, None, Refusal.FUTURE),
        ({}, NOW - DAY, NOW + DAY, Refusal.FUTURE),
    ],
)
def test_when_a_key_was_good_decides_whether_its_signature_counts(judged, limits, signed, logged, refusal):
    found = judged(signed, logged=logged, **limits)
    assert found.refusal is refusal
    assert found.identity == "ana"
    assert bool(found.why) is (refusal is not None)


def test_a_role_that_the_signer_does_not_have_is_refused_and_no_role_asks_for_none(judged):
    assert judged(NOW, roles=["security"]).refusal is Refusal.WRONG_ROLE
    assert judged(NOW, roles=[]).refusal is Refusal.WRONG_ROLE
    assert judged(NOW, roles=["security", "validator"]).counts
    assert judged(NOW, roles=None).counts
    assert judged(NOW, roles=iter(["validator"])).counts


def test_a_compromise_is_said_before_everything_else(judged):
    limits = {"valid_until": NOW - 9 * DAY, "revoked": Revocation(NOW, "compromised")}
    assert judged(NOW, roles=["security"], **limits).refusal is Refusal.COMPROMISED


def test_two_keys_of_one_person_are_one_identity_and_two_persons_are_two(pairs):
    both = Identity((Key(pairs["pipeline"].public), Key(pairs["pipeline2"].public)))
    made = Trust({"ana": both, "bo": Identity((Key(pairs["bo"].public),))}, {"validator": ("ana", "bo")})
    one = made.judge_all(
        [pairs["pipeline"].keyid, pairs["pipeline2"].keyid], signed=NOW, now=NOW, roles=["validator"]
    )
    two = made.judge_all(
        iter([pairs["pipeline"].keyid, pairs["bo"].keyid]), signed=NOW, now=NOW, roles=iter(["validator"])
    )
    assert [each.counts for each in (*one, *two)] == [True] * 4
    assert trust.identities(one) == {"ana"}
    assert trust.identities(two) == {"ana", "bo"}


def test_signers_are_told_whatever_their_keys_are_worth(pairs):
    lost = Key(pairs["pipeline"].public, revoked=Revocation(NOW, "compromised"))
    made = Trust({"ana": Identity((lost,))}, {})
    assert made.signers([pairs["pipeline"].keyid, pairs["stranger"].keyid]) == {"ana"}
    assert trust.identities(made.judge_all([lost.keyid], signed=NOW, now=NOW)) == frozenset()


def test_the_keys_of_a_role_are_those_of_its_holders(pairs):
    made = Trust(
        {name: Identity((Key(pairs[name].public),)) for name in ("bo", "dan")},
        {"validator": ("bo",), "security": ("dan",)},
    )
    assert [key.keyid for key in made.keys(["security"])] == [pairs["dan"].keyid]
    assert {key.keyid for key in made.keys(None)} == {pairs["bo"].keyid, pairs["dan"].keyid}
    assert made.keys(["nobody"]) == []
