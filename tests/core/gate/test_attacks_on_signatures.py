"""Attacks with keys and roles: who may speak for a requirement, and who may not."""

from __future__ import annotations

import json

import pytest
from world import DATA, MODEL, altered, days, hours, identity, minutes, pem, said

GARBAGE = {"keyid": "", "sig": "AAAA"}


@pytest.fixture
def robust(world):
    """A world that asks for one thing, and has nothing yet."""
    world.only("robust")
    world.sign_policy()
    world.afresh()
    return world


def _with_key(world, name: str, *names: str, **more) -> None:
    world.policy["identities"][name] = identity(*(names or (name,)), **more)
    world.policy["revision"] += 1
    world.sign_policy()


# --- Stripped, unknown, altered ---------------------------------------------------------------------


def test_a_stripped_signature_is_refused(robust):
    raw = robust.seal(robust.document("test-robustness", {"model": MODEL}))
    robust.put(altered(raw, signatures=[]), MODEL)
    assert robust.code("robust") == "STRIPPED"
    robust.put(raw, MODEL)
    assert robust.allowed()


def test_an_unknown_signer_is_refused(robust):
    robust.test(by="mallory")
    assert robust.code("robust") == "UNKNOWN_SIGNER"


@pytest.mark.parametrize("signatures", [[GARBAGE], [GARBAGE] * 3])
def test_a_signature_that_is_none_is_refused(robust, signatures):
    raw = robust.seal(robust.document("test-robustness", {"model": MODEL}))
    robust.put(altered(raw, signatures=signatures), MODEL)
    assert robust.code("robust") == "UNKNOWN_SIGNER"


def test_a_payload_that_was_altered_under_its_signature_is_refused(robust):
    import base64

    raw = robust.seal(robust.document("test-robustness", {"model": MODEL}, verdict="FAIL"))
    turned = (
        base64.b64decode(json.loads(raw)["payload"]).replace(b"FAILED", b"PASSED").replace(b"FAIL", b"PASS")
    )
    robust.put(altered(raw, payload=base64.b64encode(turned).decode()), MODEL)
    assert robust.code("robust") == "UNKNOWN_SIGNER"


def test_the_key_id_in_an_envelope_is_not_believed(robust):
    from world import key

    raw = json.loads(robust.seal(robust.document("test-robustness", {"model": MODEL}), "mallory"))
    raw["signatures"][0]["keyid"] = key("pipeline").public_key.keyid
    robust.put(json.dumps(raw).encode(), MODEL)
    assert robust.code("robust") == "UNKNOWN_SIGNER"


def test_an_attestation_altered_in_the_store_is_noticed(world):
    path = world.path(world.test(at=world.now - minutes(5)))
    path.write_bytes(path.read_bytes().replace(b"}", b"} ", 1))
    assert world.code("robust") == "ALTERED"


def test_it_is_noticed_without_a_ledger_too_whatever_else_there_is(world):
    del world.policy["ledger"]
    world.sign_policy()
    path = world.path(world.fail(at=world.now - minutes(5), log=False))
    path.write_bytes(b"{}")
    assert world.code("robust") == "ALTERED"
    path.unlink()
    assert world.allowed(), "what is gone without a ledger is gone"


def test_strangers_can_neither_allow_nor_deny(world):
    """What somebody without a key of the policy writes into the store is noise."""
    fail = world.document("test-robustness", {"model": MODEL}, verdict="FAIL", finished=said(world.now))
    for raw in (
        world.seal(fail, "mallory"),
        altered(world.seal(fail), signatures=[]),
        altered(world.seal(fail), signatures=[GARBAGE]),
        world.sign(b"no json", "mallory"),
        b"{}",
        b"",
        b"\xff",
    ):
        world.put(raw, MODEL, log=False)
    assert world.allowed()


# --- Roles ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["carla", "eve", "dan", "ana"])
def test_a_signer_with_another_role_or_none_is_refused(robust, who):
    robust.test(by=who)
    assert robust.code("robust") == "WRONG_ROLE"


def test_a_signer_without_the_role_cannot_close(world):
    world.fail(by="carla", at=world.now - minutes(5))
    world.put(world.sign(b"{}", "eve"), MODEL)
    assert world.allowed()


def test_any_signer_with_the_role_can_close(world):
    world.fail(by="bo", at=world.now - minutes(5))
    assert world.code("robust") == "FAIL"


def test_one_good_signature_among_others_suffices(robust):
    robust.test(by=("mallory", "eve", "bo"))
    assert robust.allowed()


# --- Two keys, two people ---------------------------------------------------------------------------


def _two(world):
    world.requirement("robust")["identities"] = 2
    _with_key(world, "bo", "bo", "bo-2")


def test_two_identities_are_asked_for_and_two_have_signed(robust):
    _two(robust)
    robust.test(by="pipeline")
    assert robust.code("robust") == "TOO_FEW_IDENTITIES"
    robust.test(by="bo")
    assert robust.allowed()


def test_two_signatures_on_one_attestation_are_two_identities(robust):
    _two(robust)
    robust.test(by=("pipeline", "bo"))
    assert robust.allowed()


@pytest.mark.parametrize("by", [("bo", "bo-2"), ("bo", "bo"), ("bo", "mallory"), ("bo", "eve")])
def test_one_person_with_two_keys_is_one(robust, by):
    _two(robust)
    robust.test(by=by)
    robust.test(by=by[0], at=robust.now - minutes(9))
    robust.test(by=by[1], at=robust.now - minutes(8))
    assert robust.code("robust") == "TOO_FEW_IDENTITIES"


def test_one_key_under_two_ids_is_one(robust):
    _two(robust)
    raw = json.loads(robust.seal(robust.document("test-robustness", {"model": MODEL}), "bo"))
    robust.put(
        altered(
            json.dumps(raw),
            signatures=[raw["signatures"][0], {"sig": raw["signatures"][0]["sig"], "keyid": "x"}],
        ),
        MODEL,
    )
    assert robust.code("robust") == "TOO_FEW_IDENTITIES"


def test_a_policy_with_one_key_under_two_identities_is_not_opened(world):
    world.policy["identities"]["bo"] = identity("pipeline")
    world.write_policy()
    assert world.code() in ("POLICY_ALTERED", "POLICY_UNREADABLE")


def test_each_of_two_must_be_newer_than_a_fail(robust):
    _two(robust)
    robust.test(by="pipeline", at=robust.now - minutes(30))
    robust.fail(by="bo", at=robust.now - minutes(20))
    robust.test(by="bo", at=robust.now - minutes(10))
    assert robust.code("robust") == "TOO_FEW_IDENTITIES"
    robust.test(by="pipeline", at=robust.now - minutes(5))
    assert robust.allowed()


# --- Keys that are no longer good -------------------------------------------------------------------


def test_a_compromised_key_voids_every_signature_also_old_ones(robust):
    robust.test(by="bo", at=robust.now - days(3))
    assert robust.allowed()
    _with_key(robust, "bo", revoked={"at": said(robust.now), "reason": "compromised"})
    assert robust.code("robust") == "KEY_COMPROMISED"


def test_a_fail_by_a_key_that_is_no_longer_good_still_closes(robust):
    """Whoever revokes a key must not thereby open a gate; a newer PASS by another key does."""
    robust.test(by="pipeline", at=robust.now - minutes(30))
    robust.fail(by="bo", at=robust.now - minutes(20))
    _with_key(robust, "bo", revoked={"at": said(robust.now - hours(5)), "reason": "compromised"})
    assert robust.code("robust") == "FAIL"
    robust.test(by="pipeline", at=robust.now - minutes(10))
    assert robust.allowed()


def test_a_rotated_key_keeps_its_earlier_signatures(robust):
    robust.test(by="bo")
    robust.now += hours(2)
    _with_key(robust, "bo", revoked={"at": said(robust.now - hours(1)), "reason": "rotated"})
    assert robust.allowed()


def test_a_rotated_key_makes_no_later_ones(robust):
    robust.test(by="bo", at=robust.now - minutes(5))
    _with_key(robust, "bo", revoked={"at": said(robust.now - hours(1)), "reason": "rotated"})
    assert robust.code("robust") == "KEY_ROTATED"


def test_a_signature_that_claims_to_be_older_than_the_rotation_but_was_logged_later_is_refused(robust):
    robust.test(by="bo", at=robust.now - days(1))
    _with_key(robust, "bo", revoked={"at": said(robust.now - hours(1)), "reason": "rotated"})
    assert robust.code("robust") == "KEY_ROTATED"


def test_a_key_that_is_not_yet_valid_is_refused_and_then_it_is_not(robust):
    robust.test(by="bo", at=robust.now - hours(3))
    _with_key(robust, "bo", valid_from=said(robust.now - hours(1)))
    assert robust.code("robust") == "KEY_NOT_VALID"
    _with_key(robust, "bo", valid_from=said(robust.now - hours(4)))
    assert robust.allowed()


def test_a_key_that_was_no_longer_valid_is_refused(robust):
    robust.test(by="bo", at=robust.now - hours(3))
    _with_key(robust, "bo", valid_until=said(robust.now - hours(4)))
    assert robust.code("robust") == "KEY_NOT_VALID"


def test_of_two_bad_signatures_the_gravest_reason_is_told(robust):
    robust.policy["identities"]["bo"] = {
        "keys": [
            {"public": pem("bo")},
            {"public": pem("bo-2"), "revoked": {"at": said(robust.now), "reason": "compromised"}},
        ]
    }
    robust.policy["roles"]["validator"] = ["pipeline"]
    robust.sign_policy()
    robust.test(by=("bo", "bo-2"))
    assert robust.code("robust") == "KEY_COMPROMISED"


# --- Predicates -------------------------------------------------------------------------------------


def test_a_predicate_of_another_kind_is_refused(world):
    world.only("trained")
    world.sign_policy()
    world.afresh()
    world.attest("record-provenance", {"products[0]": MODEL}, "ana")
    assert world.code("trained") == "WRONG_KIND"
    world.train()
    assert world.allowed()


def test_a_result_of_another_kind_closes_all_the_same(world):
    world.attest(
        "record-provenance", {"products[0]": MODEL}, "ana", verdict="FAIL", at=world.now - minutes(5)
    )
    assert world.code("trained") == "FAIL"


@pytest.mark.parametrize("kind", ["https://example.org/other/v1", "lockgate:result/v2", "", None, 7])
def test_a_predicate_type_that_is_not_known_is_refused_and_closes(world, kind):
    """It may be the FAIL of a newer Lockgate."""
    made = world.document("test-robustness", {"model": MODEL})
    from lockgate.attest import statement

    world.put(world.sign({**statement.from_result(made), "predicateType": kind}), MODEL)
    assert world.code("robust") == "WRONG_KIND"


def _other(kind, predicate) -> dict:
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "x", "digest": MODEL}],
        "predicateType": kind,
        "predicate": predicate,
    }


@pytest.mark.parametrize("predicate", [{"spdxVersion": "SPDX-2.3"}, {}])
def test_a_predicate_of_another_tool_says_nothing_here(world, predicate):
    world.put(world.sign(_other("https://spdx.dev/Document", predicate)), MODEL)
    assert world.allowed()


@pytest.mark.parametrize(
    ("kind", "predicate"),
    [
        ("lockgate:result/v9", {}),
        ("https://example.org/x", {"lockgate:result/v9": {}}),
        ("https://example.org/x", {"lockgate:result/v1": []}),
        ("https://example.org/x", {"lockgate:result/v1": {"stage": 7}}),
        ("https://in-toto.io/attestation/test-result/v0.1", {"result": "FAILED"}),
        (7, {"spdxVersion": "SPDX-2.3"}),
        ("https://spdx.dev/Document", []),
        ("https://spdx.dev/Document", None),
    ],
)
def test_what_has_a_mark_of_lockgate_or_is_no_statement_may_be_a_fail_and_closes(world, kind, predicate):
    world.put(world.sign(_other(kind, predicate)), MODEL)
    assert world.code("robust") in ("MALFORMED", "WRONG_KIND")


def test_subjects_that_are_none_are_refused_without_a_crash(world):
    from lockgate.attest import statement

    made = statement.from_result(world.document("test-robustness", {"model": MODEL}))
    for subjects in (7, [7], [{}], [{"digest": 7}], [{"digest": []}], {"digest": {}}, None):
        world.put(world.sign({**made, "subject": subjects}), MODEL)
        assert world.code("robust") == "MALFORMED"
        world.afresh()
        world.put(world.sign(made), MODEL)


def test_an_unreadable_statement_of_another_stage_says_nothing_of_this_one(world):
    from lockgate.attest import statement

    made = statement.from_result(world.document("validate-data", {"data": MODEL}))
    made["predicate"]["result"] = "NONSENSE"
    world.put(world.sign(made), MODEL)
    assert world.allowed()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"predicate": {}}, "MALFORMED"),
        ({"predicate": None}, "MALFORMED"),
        ({"_type": "https://in-toto.io/Statement/v0.1"}, "MALFORMED"),
        ({"subject": []}, "MALFORMED"),
        ({"subject": [{"name": "model", "digest": {"md5": "a" * 32}}]}, "WEAK_DIGEST"),
        ({"subject": [{"name": "model", "digest": {}}]}, "WEAK_DIGEST"),
        ({"predicateType": "https://in-toto.io/attestation/test-result/v0.2"}, "WRONG_KIND"),
    ],
)
def test_a_statement_that_cannot_be_read_closes_with_its_reason(world, change, code):
    from lockgate.attest import statement

    made = statement.from_result(world.document("test-robustness", {"model": MODEL})) | change
    world.put(world.sign(made), MODEL)
    assert world.code("robust") == code


@pytest.mark.parametrize("payload", [b"[]", b"null", b"not json", b'{"a": 1, "a": 2}', b"{}"])
def test_a_signed_payload_that_is_no_statement_closes(world, payload):
    world.put(world.sign(payload), MODEL)
    assert world.code("robust") in ("MALFORMED", "WRONG_KIND")
    assert world.decide(DATA).allow is False
