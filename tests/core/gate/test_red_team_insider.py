"""Somebody with one role, and what that role alone must not be enough for."""

from __future__ import annotations

import base64
import datetime as dt
import json
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import utils
from world import DATA, MODEL, key, minutes, said

from lockgate import stage
from lockgate.errors import InputError
from lockgate.run import run

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256 (SEC 2, 2.4.2)
JUNK = b'{"of": "a later version"}'


def _other_form(raw: bytes) -> bytes:
    """The same envelope, with the other signature that anybody can make of one of ECDSA."""
    made = json.loads(raw)
    for entry in made["signatures"]:
        r, s = utils.decode_dss_signature(base64.b64decode(entry["sig"]))
        entry["sig"] = base64.b64encode(utils.encode_dss_signature(r, _ORDER - s)).decode()
    return json.dumps(made).encode()


def _passed(world, **more) -> bytes:
    return world.seal(world.document("test-robustness", {"model": MODEL, "data": DATA}, **more))


def test_the_other_form_of_a_signature_makes_no_result_newer(world):
    raw = _passed(world, finished=said(world.now - minutes(20)))
    world.put(raw, MODEL, DATA)
    assert world.allowed()
    world.fail(at=world.now - minutes(25))
    assert world.code("robust") == "FAIL", "it was logged later"
    world.put(_other_form(raw), MODEL, DATA)
    assert world.code("robust") == "FAIL"
    world.test(at=world.now - minutes(10))
    assert world.allowed()


def test_both_forms_of_one_signature_are_one_identity(world):
    world.requirement("robust")["identities"] = 2
    world.sign_policy()
    raw = _passed(world, finished=said(world.now - minutes(20)))
    made = json.loads(raw)
    made["signatures"] += json.loads(_other_form(raw))["signatures"]
    world.put(json.dumps(made).encode(), MODEL, DATA)
    assert world.code("robust") == "TOO_FEW_IDENTITIES"
    world.test("bo", at=world.now - minutes(19))
    assert world.allowed()


# --- What cannot be read closes until the stage has run again, and not for ever -----------------------


def test_a_result_that_ran_after_an_unreadable_one_was_logged_is_newer(world):
    world.now = dt.datetime.now(dt.timezone.utc)
    world.put(world.sign(JUNK), MODEL)
    assert world.code("robust") == "WRONG_KIND"
    world.test(at=world.now + minutes(1))
    assert world.allowed()


def test_one_that_ran_before_is_not_though_it_was_logged_after_it(world):
    world.now = dt.datetime.now(dt.timezone.utc)
    world.put(world.sign(JUNK), MODEL)
    world.test(at=world.now - minutes(1))
    assert world.code("robust") == "WRONG_KIND"


def test_one_that_was_logged_before_is_not_whatever_time_it_claims(world):
    world.now = dt.datetime.now(dt.timezone.utc)
    world.test(at=world.now + minutes(4))
    world.put(world.sign(JUNK), MODEL)
    assert world.code("robust") == "WRONG_KIND"


def test_beside_one_that_was_never_logged_nothing_is_known_to_be_newer(world):
    world.now = dt.datetime.now(dt.timezone.utc)
    world.put(world.sign(JUNK), MODEL, log=False)
    world.test(at=world.now + minutes(1))
    assert world.code("robust") == "WRONG_KIND"


def test_an_unreadable_provenance_stays_for_it_may_name_a_dataset(world):
    world.now = dt.datetime.now(dt.timezone.utc)
    world.put(world.sign(JUNK, "ana"), MODEL)
    world.train(at=world.now + minutes(1))
    assert world.code("trained") == "WRONG_KIND"
    assert world.code("clean") == "NO_PROVENANCE"


# --- The summary says by which policy it was decided ----------------------------------------------------


def _release(world, tmp_path: Path):
    subject = tmp_path / "model"
    subject.write_bytes(b"the model")
    (tmp_path / "p.key.pem").write_bytes(key("pipeline").private_bytes)
    (tmp_path / "p.key.pem").chmod(0o600)
    settings = {"out": tmp_path / "out", "key": str(tmp_path / "p.key.pem"), "settings": world.settings}
    return run("gate-release", {"subject": subject}, **settings)


def test_a_policy_that_is_exchanged_while_the_gate_runs_is_not_the_one_in_its_summary(
    world, tmp_path, monkeypatch
):
    """The run reads the policy for its thresholds, the gate reads it with its signature."""
    assert _release(world, tmp_path).document["metrics"]["allow"]
    signed = world.folder / "signed"
    signed.mkdir()
    for path in world.folder.glob("lockgate.yaml*"):
        shutil.copy(path, signed)
    spec = stage.find("gate-release")
    ran = spec.function

    def exchanged(*args, **more):
        for path in signed.iterdir():
            shutil.copy(path, world.folder)
        return ran(*args, **more)

    monkeypatch.setitem(spec.__dict__, "function", exchanged)
    Path(world.settings.policy).write_text(Path(world.settings.policy).read_text() + "# another\n")
    with pytest.raises(InputError, match="exchanged while the gate ran"):
        _release(world, tmp_path)
    assert not (tmp_path / "out" / "result.json").exists()
    assert not (tmp_path / "out" / "attestation.json").exists()
