from __future__ import annotations

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lockgate.attest import envelope, keys, statement
from lockgate.errors import InputError, KeyFileError
from lockgate.outcome import Verdict
from lockgate.run import run
from lockgate.stages.ingest.verify_artifact import verify_artifact


@pytest.fixture
def pair(tmp_path):
    return keys.generate("signer", tmp_path / "keys", None)


@pytest.fixture
def other(tmp_path):
    return keys.generate("other", tmp_path / "keys", None)


@pytest.fixture
def model(tmp_path):
    made = tmp_path / "model"
    (made / "parts").mkdir(parents=True)
    (made / "weights.bin").write_bytes(b"\0" * 10)
    (made / "parts" / "config.json").write_text("{}")
    return made


@pytest.fixture
def signed(tmp_path, model, pair):
    run("sign-artifact", {"artifact": model}, out=tmp_path / "signed", key=str(pair.private))
    return tmp_path / "signed" / "attestation.json"


def _rules(outcome):
    return [finding.rule for finding in outcome.findings]


def _attest(path, pair, **changes):
    """An attestation of another run, signed with a good key."""
    document = {
        "stage": "sign-artifact",
        "version": "0.1.0",
        "verdict": "PASS",
        "decision": None,
        "subjects": [{"name": "artifact", "digest": {"sha256": "a" * 64}}],
        "policy": {"digest": None, "thresholds": {}},
        "findings": [],
        "checks": [],
        "metrics": {},
        "outputs": {},
        "evidence": [],
        "body_digest": "b" * 64,
        "finished": "2026-01-01T00:00:00Z",
    } | changes
    path.write_bytes(envelope.seal(statement.from_result(document), keys.load_signer(str(pair.private))))
    return path


def test_the_artifact_that_was_signed_passes(model, signed, pair, tmp_path):
    assert verify_artifact(model, signed, pair.public).verdict is Verdict.PASS
    moved = shutil.copytree(model, tmp_path / "elsewhere")
    assert verify_artifact(moved, signed, pair.public).verdict is Verdict.PASS


def test_a_single_file_is_signed_and_verified_too(tmp_path, pair):
    file = tmp_path / "batch.parquet"
    file.write_bytes(b"rows")
    run("sign-artifact", {"artifact": file}, out=tmp_path / "out", key=str(pair.private))
    attestation = tmp_path / "out" / "attestation.json"
    assert verify_artifact(file, attestation, pair.public).verdict is Verdict.PASS
    file.write_bytes(b"r0ws")
    outcome = verify_artifact(file, attestation, pair.public)
    assert outcome.verdict is Verdict.FAIL
    assert _rules(outcome) == ["LG-SIGN-013"]


@pytest.mark.parametrize(
    "change",
    [
        lambda m: (m / "weights.bin").write_bytes(b"\1" * 10),
        lambda m: (m / "new").write_text(""),
        lambda m: (m / ".gitignore").write_text(""),
        lambda m: (m / "empty").mkdir(),
        lambda m: (m / "weights.bin").unlink(),
        lambda m: (m / "weights.bin").rename(m / "Weights.bin"),
        lambda m: (m / "weights.bin").chmod(0o755),
    ],
    ids=["content", "added", "dotfile", "empty folder", "removed", "renamed", "mode"],
)
def test_any_change_of_a_signed_folder_fails(model, signed, pair, change):
    change(model)
    outcome = verify_artifact(model, signed, pair.public)
    assert outcome.verdict is Verdict.FAIL
    assert _rules(outcome) == ["LG-SIGN-013"]


def test_an_attestation_by_another_key_fails_and_says_so(model, signed, other):
    outcome = verify_artifact(model, signed, other.public)
    assert outcome.verdict is Verdict.FAIL
    assert _rules(outcome) == ["LG-SIGN-011"]
    assert [c.id for c in outcome.checks] == ["signature"]


def test_an_attestation_whose_signature_was_stripped_fails(model, signed, pair):
    signed.write_text(json.dumps(json.loads(signed.read_text()) | {"signatures": []}))
    outcome = verify_artifact(model, signed, pair.public)
    assert outcome.verdict is Verdict.FAIL
    assert _rules(outcome) == ["LG-SIGN-010"]


def test_an_attestation_of_another_stage_fails_unless_that_stage_was_asked_for(tmp_path, pair):
    file = tmp_path / "data"
    file.write_bytes(b"")
    subject = {
        "name": "data",
        "digest": {"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    }
    path = _attest(tmp_path / "a.json", pair, stage="validate-data", subjects=[subject])
    assert _rules(verify_artifact(file, path, pair.public)) == ["LG-SIGN-012"]
    assert verify_artifact(file, path, pair.public, attested_by="validate-data").verdict is Verdict.PASS


def test_the_artifact_must_have_been_the_first_input_or_the_one_that_is_named(tmp_path, pair):
    file = tmp_path / "schema.yaml"
    file.write_bytes(b"")
    empty = {"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
    subjects = [{"name": "data", "digest": {"sha256": "a" * 64}}, {"name": "schema", "digest": empty}]
    path = _attest(tmp_path / "a.json", pair, stage="validate-data", subjects=subjects)
    asked = {"attested_by": "validate-data"}
    assert _rules(verify_artifact(file, path, pair.public, **asked)) == ["LG-SIGN-013"]
    assert _rules(verify_artifact(file, path, pair.public, subject="model", **asked)) == ["LG-SIGN-013"]
    assert verify_artifact(file, path, pair.public, subject="schema", **asked).verdict is Verdict.PASS


def test_what_a_run_wrote_is_verified_by_its_own_attestation(pair, tmp_path):
    table = tmp_path / "table.parquet"
    pq.write_table(pa.table({"x": [1, 2, 3]}), table)
    made = run("profile-data", {"data": table}, out=tmp_path / "out", key=str(pair.private))
    assert made.verdict is Verdict.PASS
    written, attestation = tmp_path / "out" / "profile.json", tmp_path / "out" / "attestation.json"
    asked = {"attested_by": "profile-data", "subject": "profile"}
    assert verify_artifact(written, attestation, pair.public, **asked).verdict is Verdict.PASS
    written.write_text(written.read_text().replace('"rows": 3', '"rows": 4'))
    assert _rules(verify_artifact(written, attestation, pair.public, **asked)) == ["LG-SIGN-013"]


@pytest.mark.parametrize(
    ("verdict", "decision"), [("FAIL", None), ("INCONCLUSIVE", None), ("PASS", "QUARANTINE")]
)
def test_a_signed_statement_that_closes_the_gate_does_not_pass(tmp_path, pair, verdict, decision):
    file = tmp_path / "data"
    file.write_bytes(b"")
    empty = {"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
    subjects = [{"name": "artifact", "digest": empty}]
    path = _attest(tmp_path / "a.json", pair, subjects=subjects, verdict=verdict, decision=decision)
    outcome = verify_artifact(file, path, pair.public)
    assert outcome.verdict is Verdict.FAIL
    assert _rules(outcome) == ["LG-SIGN-014"]


def test_what_is_no_envelope_or_no_public_key_is_an_input_error(model, signed, pair, tmp_path):
    with pytest.raises(KeyFileError, match="is a private key"):
        verify_artifact(model, signed, pair.private)
    (tmp_path / "x").write_text("{}")
    with pytest.raises(InputError, match="no envelope"):
        verify_artifact(model, tmp_path / "x", pair.public)
    with pytest.raises(InputError, match="not a regular file"):
        verify_artifact(model, model, pair.public)


def test_the_whole_run_verifies_and_closes_the_gate_on_a_change(model, signed, pair, tmp_path):
    asked = {"artifact": model, "attestation": signed, "key": pair.public}
    result = run("verify-artifact", asked, out=tmp_path / "verified")
    assert result.opens
    assert result.document["findings"] == []
    (model / "weights.bin").write_bytes(b"\1" * 10)
    assert not run("verify-artifact", asked, out=tmp_path / "verified").opens
    with pytest.raises(InputError) as caught:
        run("verify-artifact", asked | {"attestation": pair.public}, out=tmp_path / "verified")
    assert not (tmp_path / "verified" / "result.json").exists()
    assert "\n" not in str(caught.value)
