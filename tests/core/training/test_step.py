"""A training step: what is recorded is what was read, whatever happens to the files meanwhile."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lockgate import artifact
from lockgate.attest import keys
from lockgate.errors import EnvelopeError, InputError
from lockgate.run import run
from lockgate.training import training_step
from lockgate.training.record import load

CLEAN, OTHER = b"a,y\n1,0\n2,1\n", b"a,y\n9,0\n9,1\n"


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    path = tmp_path / "batch.csv"
    path.write_bytes(CLEAN)
    return path


def _sha256(content: bytes) -> dict[str, str]:
    return {"sha256": hashlib.sha256(content).hexdigest()}


def _train(batch: Path, **more):
    """Train: the model is the sum of what was read."""
    out = batch.parent / "out"
    with training_step(materials={"batch": batch}, record=out / "step.json", **more) as step:
        read = step.materials["batch"].read_bytes()
        model = step.product("model", out / "model.bin")
        model.parent.mkdir(exist_ok=True)
        model.write_bytes(hashlib.sha256(read).digest())
    return load(out / "step.json")


def test_a_step_records_what_it_read_and_made(batch):
    record = _train(batch, parameters={"depth": 3, "rate": 0.12345678901234})
    assert record.materials == {"batch": _sha256(CLEAN)}
    assert record.products == {"model": _sha256(hashlib.sha256(CLEAN).digest())}
    assert record.parameters == {"depth": 3, "rate": 0.12345678901234}
    assert record.started <= record.finished
    assert record.code is None
    assert record.environment.distributions > 10


def test_the_record_is_canonical_json(batch):
    import rfc8785

    _train(batch, parameters={"b": 1, "a": [1.0, "é"]})
    raw = (batch.parent / "out/step.json").read_bytes()
    assert raw == rfc8785.dumps(json.loads(raw)) + b"\n"


def test_a_file_swapped_while_training_runs_changes_neither_what_is_read_nor_what_is_recorded(batch):
    out = batch.parent
    with training_step(materials={"batch": batch}, record=out / "step.json") as step:
        batch.write_bytes(OTHER)
        assert step.materials["batch"].read_bytes() == CLEAN
        step.product("model", out / "m").write_bytes(b"m")
    assert load(out / "step.json").materials == {"batch": _sha256(CLEAN)}


def test_a_file_swapped_before_training_is_recorded_as_the_other_one(batch):
    verified = artifact.digest(batch)
    batch.write_bytes(OTHER)
    assert _train(batch).materials == {"batch": _sha256(OTHER)} != {"batch": verified}


@pytest.mark.parametrize("form", ["hex", "set"])
def test_a_material_that_is_not_what_was_expected_is_not_trained_on(batch, form):
    digest = artifact.digest(batch)
    expected = digest["sha256"] if form == "hex" else digest
    assert _train(batch, expect={"batch": expected}).materials["batch"] == digest
    batch.write_bytes(OTHER)
    with pytest.raises(InputError, match="'batch' is not the digest that is expected"):
        _train(batch, expect={"batch": expected})
    assert not (batch.parent / "out/step.json").exists()  # nor does the record of the good step stay


@pytest.fixture
def signer(tmp_path: Path) -> keys.KeyPair:
    return keys.generate("signer", tmp_path / "keys", None)


SIGNED = {"attested_by": "sign-artifact"}


def _verified(path: Path, signer: keys.KeyPair, tmp_path: Path) -> Path:
    out = tmp_path / "verified"
    run("sign-artifact", {"artifact": path}, out=out, key=str(signer.private))
    return out / "attestation.json"


def test_a_material_is_held_against_the_attestation_of_the_run_that_verified_it(batch, signer, tmp_path):
    attestation = _verified(batch, signer, tmp_path)
    known = {"expect": {"batch": attestation}, "keys": signer.public, **SIGNED}
    assert _train(batch, **known).materials["batch"] == _sha256(CLEAN)
    batch.write_bytes(OTHER)
    with pytest.raises(InputError, match="altered or is another file"):
        _train(batch, **known)


def test_an_attestation_without_a_key_or_signed_by_another_does_not_count(batch, signer, tmp_path):
    attestation = _verified(batch, signer, tmp_path)
    with pytest.raises(InputError, match="public key"):
        _train(batch, expect={"batch": attestation})
    other = keys.generate("other", tmp_path / "keys", None)
    with pytest.raises(EnvelopeError, match="not signed with the given key"):
        _train(batch, expect={"batch": attestation}, keys=[other.public], **SIGNED)
    _train(batch, expect={"batch": attestation}, keys=[other.public, signer.public], **SIGNED)


def test_an_attestation_that_says_fail_does_not_let_training_begin(tmp_path, signer):
    empty = tmp_path / "empty"
    empty.mkdir()  # a folder without a file is a FAIL of sign-artifact
    attestation = _verified(empty, signer, tmp_path)
    with pytest.raises(InputError, match="says FAIL"):
        _train(empty, expect={"batch": attestation}, keys=signer.public, **SIGNED)


def test_an_attestation_of_another_stage_does_not_let_training_begin(batch, signer, tmp_path):
    """The pipeline signs every stage with one key, and a signature alone says nothing of the data."""
    known = {"expect": {"batch": _verified(batch, signer, tmp_path)}, "keys": signer.public}
    with pytest.raises(InputError, match="written by sign-artifact, not by validate-data"):
        _train(batch, **known, attested_by="validate-data")
    with pytest.raises(InputError, match="may be of any stage"):
        _train(batch, **known)
    assert _train(batch, **known, **SIGNED)


def test_only_the_first_subject_of_an_attestation_is_what_it_verified(batch, signer, tmp_path):
    arguments = {
        "artifact": batch,
        "attestation": _verified(batch, signer, tmp_path),
        "key": signer.public,
    }
    run("verify-artifact", arguments, out=tmp_path / "again", key=str(signer.private))
    known = {"expect": {"batch": tmp_path / "again/attestation.json"}, "keys": signer.public}
    known["attested_by"] = "verify-artifact"
    assert _train(batch, **known).materials["batch"] == _sha256(CLEAN)
    batch.write_bytes(signer.public.read_bytes())  # the second subject of that attestation
    with pytest.raises(InputError, match="altered or is another file"):
        _train(batch, **known)


def test_a_folder_is_a_material_and_a_product(tmp_path):
    data, model = tmp_path / "data", tmp_path / "model"
    data.mkdir()
    (data / "part.csv").write_bytes(CLEAN)
    with training_step(materials={"data": data}, record=tmp_path / "step.json") as step:
        step.product("model", model).mkdir()
        (model / "weights").write_bytes((step.materials["data"] / "part.csv").read_bytes())
    record = load(tmp_path / "step.json")
    assert record.materials == {"data": artifact.digest(data)}
    assert record.products == {"model": artifact.digest(model)}
    assert set(record.products["model"]) == {"lockgateTree1"}


def test_a_step_that_breaks_leaves_no_record_and_no_copy(batch):
    record, copies = batch.parent / "step.json", []
    record.write_text("of a former step")

    def train():
        with training_step(materials={"batch": batch}, record=record) as step:
            copies.append(step.materials["batch"])
            assert copies[0].exists()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train()
    assert not copies[0].exists()
    assert not record.exists()


def _with(batch: Path, **changes):
    call = {"materials": {"batch": batch}, "record": batch.parent / "step.json"} | changes
    with training_step(**call) as step:
        step.product("model", batch.parent / "model.bin").write_bytes(b"m")


def test_what_cannot_be_bound_is_refused_in_one_sentence(batch, tmp_path):
    _with(batch)
    folder = tmp_path / "folder"
    folder.mkdir()
    wrong = [
        ({"materials": {}}, "needs a material"),
        ({"materials": {"../up": batch}}, "cannot be called"),
        ({"materials": {"a\n": batch}}, "cannot be called"),
        ({"materials": {"batch": tmp_path / "gone"}}, "'batch': .*gone does not exist"),
        ({"materials": {"data": folder}, "record": folder / "step.json"}, "would alter the material"),
        ({"record": batch}, "would alter the material"),
        ({"record": folder}, "is a folder"),
        ({"record": "s3://bucket/step.json"}, "this machine only"),
        ({"expect": {"other": "a" * 64}}, "is no material"),
        ({"parameters": {"a": float("nan")}}, "no JSON"),
        ({"parameters": {"a": object()}}, "no JSON"),
        ({"parameters": {"a": 2**60}}, "no JSON"),
        ({"code": tmp_path / "gone.py"}, "does not exist"),
    ]
    for changes, said in wrong:
        with pytest.raises(InputError, match=said):
            _with(batch, **changes)


def test_products_are_declared_once_exist_and_replace_nothing(batch, tmp_path):
    def train(*products: tuple[str, Path]) -> None:
        with training_step(materials={"batch": batch}, record=tmp_path / "step.json") as step:
            for name, path in products:
                step.product(name, path)

    made = tmp_path / "model.bin"
    made.write_bytes(b"m")
    train(("model", made), ("also", made))
    wrong = [
        ([], "no product"),
        ([("model", tmp_path / "never")], r"product 'model': .* does not exist"),
        ([("model", made), ("model", made)], "two products"),
        ([("model", batch)], "would replace a material"),
        ([("model", tmp_path)], "would alter the product"),
        ([("model", tmp_path / "step.json")], "would alter the product"),
        ([("a/b", made)], "cannot be called"),
    ]
    for products, said in wrong:
        with pytest.raises(InputError, match=said):
            train(*products)
    assert not (tmp_path / "step.json").exists()
    assert batch.read_bytes() == CLEAN


def _git(folder: Path, *command: str) -> str:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    names = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(
        ["git", *names, *command], cwd=folder, env=env, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "train.py").write_text("x = 1\n")
    _git(folder, "init", "-q")
    _git(folder, "add", ".")
    _git(folder, "commit", "-q", "-m", "first")
    _git(folder, "remote", "add", "origin", "https://ana:secret@example.org/code.git?x=1")
    return folder / "train.py"


def test_the_commit_of_the_code_is_recorded_without_the_password_of_its_remote(batch, code):
    record = _train(batch, code=code)
    assert record.code is not None
    assert record.code.revision == _git(code.parent, "rev-parse", "HEAD")
    assert not record.code.dirty
    assert record.code.repository == "https://example.org/code.git"
    code.write_text("x = 2\n")
    assert _train(batch, code=code.parent).code.dirty


def test_git_runs_nothing_that_a_repository_asks_for(batch, code, tmp_path):
    trap, sprung = tmp_path / "trap.sh", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {sprung}\n")
    trap.chmod(0o755)
    _git(code.parent, "config", "core.fsmonitor", str(trap))
    assert _train(batch, code=code).code is not None
    assert not sprung.exists()
    _git(code.parent, "status")  # the trap works
    assert sprung.exists()


def test_code_outside_of_git_has_no_revision(batch, tmp_path):
    (tmp_path / "train.py").touch()
    assert _train(batch, code=tmp_path / "train.py").code is None


def test_importing_it_loads_nothing_heavy():
    heavy = ("pydantic", "cryptography", "numpy", "pandas", "sqlalchemy")
    probe = f"import sys, lockgate.training; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
