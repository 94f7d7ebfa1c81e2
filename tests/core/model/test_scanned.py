"""A scan lets a model pass only if it counts: right digest, right signer, newest, passing."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pytest

from lockgate import artifact
from lockgate.attest import envelope, keys, statement
from lockgate.attest.store import EvidenceStore
from lockgate.errors import InputError
from lockgate.model import ScanEvidence
from lockgate.run import run
from lockgate.settings import Settings, in_a_run


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return keys.generate("mine", tmp_path_factory.mktemp("keys"), None)


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return keys.generate("theirs", tmp_path_factory.mktemp("keys"), None)


@pytest.fixture
def model(tmp_path):
    np.save(tmp_path / "model.npy", np.zeros(3))
    return tmp_path / "model.npy"


@pytest.fixture
def put(model, tmp_path):
    """Put a scan of the model into the store, altered and signed as asked."""
    document = run("scan-model", {"model": model}, out=tmp_path / "out").document

    def write(pair, *, stage="scan-model", verdict="PASS", hours=0):
        when = dt.datetime.now(dt.timezone.utc) - dt.timedelta(hours=hours)
        text = when.strftime("%Y-%m-%dT%H:%M:%SZ")
        made = {**document, "stage": stage, "verdict": verdict, "started": text, "finished": text}
        if verdict != "PASS":
            made["checks"] = [{**check, "verdict": verdict} for check in document["checks"]]
        said = statement.from_result(made)
        sealed = envelope.seal(said, keys.load_signer(str(pair.private)))
        EvidenceStore(str(tmp_path / "store")).put(sealed, statement.parse(said).subjects)
        (tmp_path / "given.json").write_bytes(sealed)
        return tmp_path / "given.json"

    return write


def lacking(model, tmp_path, pair, **more):
    settings = Settings(evidence=str(tmp_path / "store"), key=str(pair.private), **more)
    with in_a_run(settings):
        return ScanEvidence().lacking(artifact.digest(model))


def test_a_scan_of_the_runs_own_key_in_the_store_counts(model, put, pair, tmp_path):
    assert "there is no scan" in lacking(model, tmp_path, pair)
    put(pair)
    assert lacking(model, tmp_path, pair) == ""


def test_a_scan_that_somebody_else_signed_does_not_count(model, put, pair, other, tmp_path):
    put(other)
    assert "there is no scan" in lacking(model, tmp_path, pair)


def test_another_stage_is_no_scan(model, put, pair, tmp_path):
    put(pair, stage="verify-artifact")
    assert "there is no scan" in lacking(model, tmp_path, pair)


def test_a_scan_of_another_file_does_not_count(model, put, pair, tmp_path):
    put(pair)
    np.save(model, np.ones(3))
    assert "there is no scan" in lacking(model, tmp_path, pair)


@pytest.mark.parametrize(("old", "new", "counts"), [("PASS", "FAIL", False), ("FAIL", "PASS", True)])
def test_the_newest_scan_decides(model, put, pair, tmp_path, old, new, counts):
    put(pair, verdict=new, hours=1)
    put(pair, verdict=old, hours=5)
    assert (lacking(model, tmp_path, pair) == "") is counts


def test_without_any_key_nothing_in_the_store_is_believed(model, put, pair, tmp_path):
    put(pair)
    settings = Settings(evidence=str(tmp_path / "store"))
    with pytest.raises(InputError, match="no key is known"):
        ScanEvidence(settings=settings).lacking(artifact.digest(model))


def test_by_a_policy_only_the_roles_count_that_it_asks_scans_of(model, put, pair, other, tmp_path):
    policy = tmp_path / "lockgate.yaml"
    policy.write_text(
        json.dumps(
            {
                "version": 1,
                "name": "p",
                "revision": 1,
                "expires": "2099-01-01T00:00:00Z",
                "identities": {
                    "scanner": {"keys": [{"public": pair.public.read_text()}]},
                    "trainer": {"keys": [{"public": other.public.read_text()}]},
                },
                "roles": {"scanning": ["scanner"], "training": ["trainer"]},
                "release": {
                    "production": {"require": [{"id": "scan", "stage": "scan-model", "roles": ["scanning"]}]}
                },
            }
        )
    )
    put(other)
    assert "there is no scan" in lacking(model, tmp_path, other, policy=str(policy))
    put(pair)
    assert lacking(model, tmp_path, other, policy=str(policy)) == ""


def test_an_attestation_needs_its_key_and_must_be_signed_with_it(model, put, pair, other, tmp_path):
    given, digest = put(pair), artifact.digest(model)
    assert ScanEvidence(given, pair.public).lacking(digest) == ""
    assert "does not count" in ScanEvidence(given, other.public).lacking(digest)
    with pytest.raises(InputError, match="without its public key"):
        ScanEvidence(given).lacking(digest)
    failed = put(pair, verdict="FAIL")
    assert "said FAIL" in ScanEvidence(failed, pair.public).lacking(digest)
    wrong = put(pair, stage="verify-artifact")
    assert "is of verify-artifact" in ScanEvidence(wrong, pair.public).lacking(digest)
