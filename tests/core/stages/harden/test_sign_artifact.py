from __future__ import annotations

import json

import pytest

from lockgate.artifact import digest
from lockgate.attest import envelope, keys
from lockgate.errors import InputError, KeyFileError
from lockgate.outcome import Verdict
from lockgate.run import run
from lockgate.settings import Settings
from lockgate.stages.harden.sign_artifact import sign_artifact


@pytest.fixture
def pair(tmp_path):
    return keys.generate("signer", tmp_path / "keys", "s3cret-passphrase")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "model"
    (made / "parts").mkdir(parents=True)
    (made / "weights.bin").write_bytes(b"\0" * 10)
    (made / "parts" / "config.json").write_text("{}")
    return made


def _sign(artifact, pair, out, monkeypatch, **more):
    monkeypatch.setenv("LOCKGATE_KEY_PASSPHRASE", "s3cret-passphrase")
    return run("sign-artifact", {"artifact": artifact}, out=out, key=str(pair.private), **more)


def test_a_folder_with_files_passes_and_an_empty_one_fails(tmp_path, folder):
    outcome = sign_artifact(folder, Settings(), tmp_path / "model.sig")
    assert outcome.verdict is Verdict.PASS
    assert outcome.metrics == {"files": 2, "bytes": 12}
    (tmp_path / "empty").mkdir()
    outcome = sign_artifact(tmp_path / "empty", Settings(), tmp_path / "model.sig")
    assert outcome.verdict is Verdict.FAIL
    assert [f.rule for f in outcome.findings] == ["LG-SIGN-001"]


def test_the_attestation_of_the_run_is_signed_and_names_the_digest(tmp_path, folder, pair, monkeypatch):
    file = folder / "weights.bin"
    for artifact in (folder, file):
        result = _sign(artifact, pair, tmp_path / "out", monkeypatch)
        raw = (result.out / "attestation.json").read_bytes()
        opened = envelope.open_envelope(raw, [keys.load_public(pair.public)])
        assert opened.statement.run.stage == "sign-artifact"
        assert [dict(s.digest) for s in opened.statement.subjects] == [digest(artifact)]


def test_without_a_key_or_with_a_bad_one_nothing_is_signed_and_nothing_is_left(tmp_path, folder, pair):
    for key, error in [
        (None, InputError),
        (str(pair.public), KeyFileError),
        (str(pair.private), KeyFileError),
    ]:
        with pytest.raises(error):
            run("sign-artifact", {"artifact": folder}, out=tmp_path / "out", key=key)
        assert not list(tmp_path.glob("out/*"))


def test_a_folder_with_a_symbolic_link_is_refused(tmp_path, folder, pair, monkeypatch):
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="symbolic link"):
        _sign(folder, pair, tmp_path / "out", monkeypatch)


def test_neither_passphrase_nor_private_key_is_in_anything_that_is_written(
    tmp_path, folder, pair, monkeypatch
):
    result = _sign(folder, pair, tmp_path / "out", monkeypatch)
    body = pair.private.read_text().splitlines()[1]
    for path in result.out.rglob("*"):
        text = path.read_text()
        assert "s3cret-passphrase" not in text
        assert body not in text
    assert "s3cret-passphrase" not in json.dumps(result.document)
