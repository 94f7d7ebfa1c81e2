"""Attacks on the ledger, and on the evidence store beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from world import DATA, MODEL, ORIGIN, days, identity, key, minutes, said

from lockgate import gate
from lockgate.ledger import Ledger


def _files(world) -> list[Path]:
    return sorted(world.folder.glob("ledger.db*"))


def _copy(world) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in _files(world)}


def _restore(world, copy: dict[Path, bytes]) -> None:
    for path in _files(world):
        path.unlink()
    for path, content in copy.items():
        path.write_bytes(content)


def test_a_ledger_that_is_not_there_is_refused(world):
    for path in _files(world):
        path.unlink()
    assert world.code() == "LEDGER_UNREACHABLE"


@pytest.mark.parametrize("url", ["", "mysql://x/y", "sqlite:///:memory:", "/", "postgresql+nosuch://x/y"])
def test_a_ledger_that_cannot_be_reached_is_refused(world, url):
    world.without(ledger=url or None)
    assert world.code() == "LEDGER_UNREACHABLE"


def test_a_file_that_is_no_ledger_is_refused(world):
    for path in _files(world):
        path.unlink()
    Path(world.settings.ledger).write_bytes(b"x" * 5_000)
    assert world.code() == "LEDGER_UNREACHABLE"


def test_without_a_ledger_in_the_policy_none_is_asked(world):
    del world.policy["ledger"]
    world.sign_policy()
    world.without(ledger=None)
    assert world.allowed()


def test_a_ledger_that_is_not_required_need_not_be_there_but_one_that_is_named_must_answer(world):
    world.policy["ledger"]["required"] = False
    world.sign_policy()
    assert world.allowed()
    ledger = world.settings.ledger
    world.without(ledger=None)
    assert world.allowed()
    world.without(ledger=ledger + ".gone")
    assert world.code() == "LEDGER_UNREACHABLE"


def test_an_attestation_that_is_not_in_the_ledger_is_refused_where_the_policy_asks_for_it(world):
    world.only("robust")
    world.sign_policy()
    world.afresh()
    name = world.test(log=False)
    assert world.code() == "LEDGER_UNREACHABLE"
    world.validate()
    assert world.code("robust") == "NOT_LOGGED"
    world.policy["ledger"]["required"] = False
    world.sign_policy()
    assert world.allowed()
    world.policy["ledger"]["required"] = True
    world.sign_policy()
    world.log(world.path(name).read_bytes(), MODEL)
    assert world.allowed()


def test_a_fail_that_was_withheld_is_noticed(world):
    name = world.fail(at=world.now)
    world.path(name).unlink()
    assert world.code("robust") == "WITHHELD"
    assert "an attestation of it" in world.decide().answers[1].message
    world.path(world.test(at=world.now)).unlink()
    assert "2 attestations of it" in world.decide().answers[1].message


def test_a_fail_about_a_dataset_that_was_withheld_is_noticed(world):
    name = world.validate(verdict="FAIL", at=world.now)
    world.path(name, DATA).unlink()
    assert world.code("clean") == "WITHHELD"


def test_a_fail_that_is_withheld_in_a_ledger_that_is_not_required_is_noticed(world):
    world.policy["ledger"]["required"] = False
    world.sign_policy()
    world.path(world.fail(at=world.now)).unlink()
    assert world.code("robust") == "WITHHELD"


# --- Signatures of the ledger -----------------------------------------------------------------------


@pytest.mark.parametrize("who", ["mallory", "eve", "bo"])
def test_a_ledger_signed_by_who_may_not_is_refused(world, who):
    world.afresh()
    Ledger(world.settings.ledger, ORIGIN).append(b"{}", [MODEL], key(who))
    assert world.code() == "CHECKPOINT_UNTRUSTED"


def test_a_ledger_of_another_name_is_refused(world):
    world.afresh()
    Ledger(world.settings.ledger, "example.org/other").append(b"{}", [MODEL], key("pipeline"))
    assert world.code() == "CHECKPOINT_UNTRUSTED"


def test_a_checkpoint_without_its_signature_is_refused(world):
    world.sql(
        "UPDATE lockgate_ledger_checkpoints SET note = substr(note, 1, instr(note, char(10)||char(10)))"
    )
    assert world.code() == "CHECKPOINT_UNTRUSTED"


def test_entries_that_no_checkpoint_covers_are_refused(world):
    world.sql("INSERT INTO lockgate_ledger_leaves VALUES (4, x'00', x'00')")
    assert world.code() == "CHECKPOINT_UNTRUSTED"


@pytest.mark.parametrize(
    "key_state",
    [
        {"revoked": {"at": "2020-01-01T00:00:00Z", "reason": "compromised"}},
        {"revoked": {"at": "2020-01-01T00:00:00Z", "reason": "rotated"}},
        {"valid_until": "2020-01-01T00:00:00Z"},
        {"valid_from": "2090-01-01T00:00:00Z"},
    ],
)
def test_a_ledger_signed_with_a_key_that_is_not_good_now_is_refused(world, key_state):
    world.policy["identities"]["log"] = identity("pipeline-2", **key_state)
    world.policy["roles"]["ledger"] = ["log", "pipeline"]
    world.sign_policy()
    assert world.allowed()
    world.log(b"{}", {"sha256": "a" * 64}, by="pipeline-2")
    assert world.code() == "CHECKPOINT_UNTRUSTED"
    world.log(b"[]", {"sha256": "a" * 64}, by="pipeline")
    assert world.allowed()


# --- What a ledger was, and is no longer ------------------------------------------------------------


def test_a_ledger_put_back_to_an_earlier_copy_is_noticed(world):
    before = _copy(world)
    path = world.path(world.fail(at=world.now))
    gate.remember(world.decide(), world.settings)
    path.unlink()
    _restore(world, before)
    assert world.code() == "TRUNCATED"
    Path(world.settings.trust_state).unlink()
    assert world.allowed(), "only who has seen more notices it"


def test_a_ledger_that_is_empty_again_is_noticed(world):
    gate.remember(world.decide(), world.settings)
    world.sql(
        "DELETE FROM lockgate_ledger_leaves",
        "DELETE FROM lockgate_ledger_nodes",
        "DELETE FROM lockgate_ledger_entries",
        "DELETE FROM lockgate_ledger_subjects",
        "DELETE FROM lockgate_ledger_checkpoints",
    )
    assert world.code() == "TRUNCATED"


def test_a_ledger_that_lost_its_last_entry_is_noticed(world):
    world.sql("DELETE FROM lockgate_ledger_leaves WHERE position = 3")
    assert world.code() == "TRUNCATED"


def test_a_ledger_that_was_written_anew_is_noticed(world):
    gate.remember(world.decide(), world.settings)
    stored = Path(world.settings.evidence)
    kept = world.folder / "kept"
    shutil.copytree(stored, kept)
    world.afresh()
    for name in ("approve", "test", "validate", "train"):
        getattr(world, name)()
    assert world.code() == "FORKED"
    world.test()
    assert world.code() == "FORKED", "also when it has grown since"
    Path(world.settings.trust_state).unlink()
    assert world.allowed()


def test_an_entry_that_is_missing_is_noticed(world):
    world.sql("DELETE FROM lockgate_ledger_entries WHERE position = 1 AND number = 1")
    assert world.code("robust") == "ENTRY_MISSING"


def test_an_entry_that_was_altered_is_noticed(world):
    world.sql("UPDATE lockgate_ledger_leaves SET payload = x'7b7d' WHERE position = 1")
    assert world.code("robust") == "LEDGER_ALTERED"


def test_an_index_that_was_altered_is_noticed(world):
    world.sql("DELETE FROM lockgate_ledger_subjects")
    assert world.decide().codes[0] == "LG-GATE-507"


def test_a_tree_that_was_altered_is_noticed(world):
    gate.remember(world.decide(), world.settings)
    world.test(at=world.now - minutes(9))
    world.sql("UPDATE lockgate_ledger_nodes SET hash = zeroblob(32)")
    assert world.decide().codes[0] == "LG-GATE-507"


def test_an_error_where_none_belongs_denies(world, monkeypatch):
    from lockgate.gate import attestation, ground

    def broken(*_):
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(attestation, "collect", broken)
        assert {world.code(name) for name in ("trained", "robust", "clean", "approved")} == {"ERROR"}
        assert not Path(world.settings.trust_state).exists()
        gate.remember(world.decide(), world.settings)
        assert not Path(world.settings.trust_state).exists(), "nothing is remembered of it"
    with monkeypatch.context() as patch:
        patch.setattr(ground, "STEPS", (*ground.STEPS, broken))
        assert world.code() == "ERROR"
    assert world.allowed()


def test_a_growing_ledger_is_allowed(world):
    for _ in range(3):
        gate.remember(world.decide(), world.settings)
        world.test(at=world.now)
        world.now += minutes(1)
        assert world.allowed()


def test_a_checkpoint_that_was_remembered_holds_when_its_signer_has_left(world):
    gate.remember(world.decide(), world.settings)
    world.policy["identities"]["log"] = identity("pipeline-2")
    world.policy["roles"]["ledger"] = ["log"]
    world.policy["revision"] = 4
    world.sign_policy()
    world.log(b"{}", {"sha256": "a" * 64}, by="pipeline-2")
    assert world.allowed()


def test_the_expiry_of_the_ledgers_key_is_by_now(world):
    world.policy["identities"]["log"] = identity("pipeline-2", valid_until=said(world.now + days(1)))
    world.policy["roles"]["ledger"] = ["log", "pipeline"]
    world.sign_policy()
    world.log(b"{}", {"sha256": "a" * 64}, by="pipeline-2")
    assert world.allowed()
    world.now += days(2)
    assert world.code() == "CHECKPOINT_UNTRUSTED"
