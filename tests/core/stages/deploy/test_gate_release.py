"""The stage around the gate: a run with settings, its verdict, report, VSA and memory."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import pytest

from lockgate import artifact
from lockgate.attest import envelope
from lockgate.attest.store import EvidenceStore
from lockgate.cli import main
from lockgate.errors import InputError
from lockgate.policy.memory import TrustState
from lockgate.run import run

sys.path.insert(0, str(Path(__file__).parents[2] / "gate"))

from world import World, days, key, minutes


@pytest.fixture(scope="module")
def _built(tmp_path_factory):
    """A world in which a real file is allowed, and the pipeline's key as a file."""
    from cryptography.hazmat.primitives import serialization as pem

    folder = tmp_path_factory.mktemp("world")
    made = World(folder)
    (folder / "model.skops").write_bytes(b"the model")  # world.MODEL is its digest
    private = key("pipeline")._private_key.private_bytes(
        pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption()
    )
    (folder / "pipeline.key.pem").write_bytes(private)
    (folder / "pipeline.key.pem").chmod(0o600)
    return made


@pytest.fixture
def world(_built, tmp_path):
    made = _built.copied(tmp_path / "world")
    made.without(key=str(made.folder / "pipeline.key.pem"))
    return made


def _run(world, out, **more):
    subject = world.folder / "model.skops"
    return run("gate-release", {"subject": subject, **more}, out=out, settings=world.settings)


def _summary(world, result):
    raw = (result.out / "attestation.json").read_bytes()
    return envelope.open_envelope(raw, [key("pipeline").public_key]).statement


def test_a_release_is_allowed_and_its_vsa_says_by_what(world, tmp_path):
    result = _run(world, tmp_path / "out")
    assert result.verdict == "PASS"
    assert [check["id"] for check in result.document["checks"]] == [
        "requirement:trained",
        "requirement:robust",
        "requirement:clean",
        "requirement:approved",
    ]
    assert result.document["findings"] == []
    claim = _summary(world, result).claim
    assert claim.allowed
    assert claim.environment == "production"
    relied = {each["sha256"] for each in claim.attestations}
    stored = {
        each.name
        for each in EvidenceStore(world.settings.evidence).of(artifact.digest(world.folder / "model.skops"))
    }
    assert len(relied) == 4
    assert len(relied & stored) == 3  # the fourth is about the dataset
    page = (result.out / "report.html").read_text()
    for word in ("ALLOW", "LG-GATE-000", "ana", "carla", "detect-poisoning"):
        assert word in page


def test_a_release_is_denied_with_a_finding_for_each_reason_and_a_vsa_of_that(world, tmp_path):
    world.fail(at=world.now - minutes(3))
    result = _run(world, tmp_path / "out")
    assert result.verdict == "FAIL"
    assert not result.opens
    (found,) = result.document["findings"]
    assert (found["rule"], found["severity"]) == ("LG-GATE-301", "HIGH")
    assert found["check"] == "requirement:robust"
    assert found["fix"]
    assert result.document["metrics"]["codes"] == ["LG-GATE-000", "LG-GATE-301", "LG-GATE-000", "LG-GATE-000"]
    assert not _summary(world, result).claim.allowed


def test_a_release_by_a_waiver_opens_and_shows_it(world, tmp_path):
    world.fail(at=world.now - minutes(30))
    world.waive(expires=world.now + days(2))
    result = _run(world, tmp_path / "out")
    assert result.verdict == "WAIVED"
    assert result.opens
    assert [f["rule"] for f in result.document["findings"]] == ["LG-GATE-001"]
    assert _summary(world, result).claim.allowed


def test_a_problem_around_the_decision_is_a_denial_with_its_code(world, tmp_path):
    result = _run(world, tmp_path / "out", environment="staging")
    assert result.verdict == "FAIL"
    assert [f["rule"] for f in result.document["findings"]] == ["LG-GATE-107"]
    assert _summary(world, result).claim.environment == "staging"


def test_the_answer_is_logged_and_remembered_and_does_not_change_the_next_one(world, tmp_path):
    size = world.decide().checkpoint.size
    first = _run(world, tmp_path / "1")
    seen = TrustState(world.settings.trust_state).read()
    assert seen.policies["employment"].revision == 3
    second = _run(world, tmp_path / "2")
    assert first.verdict == second.verdict == "PASS"
    assert second.body_digest == first.body_digest
    assert world.decide().checkpoint.size == size + 2


def test_a_memory_that_has_seen_more_ends_the_run_without_a_result(world, tmp_path, monkeypatch):
    from lockgate import gate

    decide = gate.decide

    def and_another(*args, **more):
        decision = decide(*args, **more)
        TrustState(world.settings.trust_state).remember_policy("employment", 9, "a" * 64)
        return decision

    monkeypatch.setattr(gate, "decide", and_another)
    with pytest.raises(InputError, match="revision 9 was seen"):
        _run(world, tmp_path / "out")
    assert not (tmp_path / "out" / "result.json").exists()


def test_a_denial_on_the_command_line_exits_with_one_and_an_allowance_with_zero(
    world, tmp_path, monkeypatch, capsys
):
    for name in dataclasses.fields(world.settings):
        value = getattr(world.settings, name.name)
        monkeypatch.setenv(f"LOCKGATE_{name.name.upper()}", value or "")
    words = ["gate-release", "--subject", str(world.folder / "model.skops"), "--out", str(tmp_path / "out")]
    assert main(words) == 0
    world.approve(verdict="FAIL", at=world.now)
    assert main(words) == 1
    assert "approved: the newest result of sign-artifact" in capsys.readouterr().out
    assert json.loads((tmp_path / "out" / "result.json").read_text())["verdict"] == "FAIL"


def test_a_password_of_the_ledger_is_in_no_answer(world):
    world.without(ledger="postgresql://ana:pa55w0rd@127.0.0.1:1/ledger")
    decision = world.decide()
    assert decision.codes == ("LG-GATE-501",)
    assert "pa55w0rd" not in repr(decision)
    assert "127.0.0.1" in decision.problems[0].message
