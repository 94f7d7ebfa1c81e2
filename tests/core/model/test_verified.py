"""Only the copy that was hashed is loaded, and only when a signed attestation names its digest."""

from __future__ import annotations

import datetime as dt
import itertools
import pickle
import shutil
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from lockgate import artifact
from lockgate.attest import envelope, keys, statement
from lockgate.errors import ArtifactError, EnvelopeError, GateClosedError, InputError, KeyFileError
from lockgate.model import load_verified, save
from lockgate.run import run

FRAME = pd.DataFrame({"a": np.linspace(-1, 1, 40)})
LABELS = (FRAME.a > 0).astype(int)


class _Planted:
    """What runs code when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('code of the model ran')",))


@pytest.fixture
def pair(tmp_path):
    return keys.generate("release", tmp_path / "keys", None)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A good model and one whose labels are the other way round, as files."""
    folder = tmp_path_factory.mktemp("models")
    save(LogisticRegression().fit(FRAME, LABELS), folder / "good.skops")
    save(LogisticRegression().fit(FRAME, 1 - LABELS), folder / "evil.skops")
    return folder


@pytest.fixture
def model(tmp_path, made):
    return Path(shutil.copyfile(made / "good.skops", tmp_path / "model.skops"))


def _attest(path, pair, digest, kind="verification-summary", **changes):
    """The attestation of a run, by default of a release for production that was allowed."""
    document = {
        "stage": "gate-release",
        "version": "0.1.0",
        "verdict": "PASS",
        "decision": None,
        "subjects": [{"name": "artifact", "uri": "x", "digest": digest}],
        "parameters": {"environment": "production"},
        "policy": {"digest": {"sha256": "c" * 64}, "thresholds": {}},
        "findings": [],
        "checks": [],
        "metrics": {},
        "outputs": {},
        "evidence": [],
        "body_digest": "b" * 64,
        "finished": "2026-01-01T00:00:00Z",
    } | changes
    said = statement.from_result(document, kind)
    path.write_bytes(envelope.seal(said, keys.load_signer(str(pair.private)) if pair else None))
    return path


@pytest.fixture
def released(tmp_path, model, pair):
    return _attest(tmp_path / "vsa.json", pair, artifact.digest(model))


def _load(model, attestation, pair, environment="production", **more):
    return load_verified(
        model, attestation=attestation, keys=str(pair.public), environment=environment, **more
    )


def _is_good(predictor):
    return (predictor.predict(FRAME) == LABELS).all()


def test_a_released_model_is_loaded_from_a_path_a_uri_and_a_folder(tmp_path, model, pair, released):
    assert _is_good(_load(model, released, pair))
    assert _is_good(_load(f"file://{model}", f"file://{released}", pair))
    assert _is_good(
        load_verified(
            str(model),
            attestation=str(released),
            keys=[keys.load_public(pair.public)],
            environment="production",
        )
    )
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(model, folder)
    assert _is_good(_load(folder, _attest(tmp_path / "vsa2.json", pair, artifact.digest(folder)), pair))


def test_a_model_that_was_only_signed_is_loaded_when_that_is_asked_for(tmp_path, model, pair):
    run("sign-artifact", {"artifact": model}, out=tmp_path / "out", key=str(pair.private))
    attestation = tmp_path / "out" / "attestation.json"
    assert _is_good(_load(model, attestation, pair, environment=None, attested_by="sign-artifact"))
    with pytest.raises(GateClosedError, match="written by sign-artifact, not by gate-release"):
        _load(model, attestation, pair)


def test_another_model_is_refused_before_it_is_read(tmp_path, made, model, pair, released):
    shutil.copyfile(made / "evil.skops", model)
    with pytest.raises(GateClosedError, match="is not the model that gate-release attested") as caught:
        _load(model, released, pair)
    assert str(model) in str(caught.value)
    model.write_bytes(pickle.dumps(_Planted()))
    with pytest.raises(GateClosedError):
        _load(model, released, pair)


def test_a_released_pickle_is_refused_by_its_path(tmp_path, model, pair):
    model.write_bytes(pickle.dumps(_Planted()))
    released = _attest(tmp_path / "vsa.json", pair, artifact.digest(model))
    with pytest.raises(InputError, match="pickle") as caught:
        _load(model, released, pair)
    assert str(model) in str(caught.value)
    assert "lockgate-" not in str(caught.value)


REFUSED = {
    "another environment": ({"parameters": {"environment": "staging"}}, "released for 'staging', not for"),
    "a release that was refused": ({"verdict": "FAIL"}, "gate-release said FAIL"),
    "a release that could not be decided": ({"verdict": "INCONCLUSIVE"}, "said INCONCLUSIVE"),
    "another stage's summary": ({"stage": "my-gate"}, "written by my-gate"),
    "a test result in the gate's name": ({"kind": "test-result"}, "no release that was allowed"),
    "another subject beside the right one": (
        {
            "subjects": [
                {"name": "artifact", "uri": "x", "digest": {"sha256": "0" * 64}},
                {"name": "other", "uri": "x", "digest": "the model's"},
            ]
        },
        "is not the model",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_attestation_that_says_something_else_loads_nothing(tmp_path, model, pair, what):
    changes, part = REFUSED[what]
    digest = artifact.digest(model)
    changes = dict(changes)
    if "subjects" in changes:
        changes["subjects"] = [changes["subjects"][0], changes["subjects"][1] | {"digest": digest}]
    path = _attest(
        tmp_path / "other.json", pair, digest, changes.pop("kind", "verification-summary"), **changes
    )
    with pytest.raises(GateClosedError, match=part) as caught:
        _load(model, path, pair)
    assert "\n" not in str(caught.value)


def test_an_attestation_without_signature_or_of_another_key_loads_nothing(tmp_path, model, pair, released):
    other = keys.generate("other", tmp_path / "keys", None)
    with pytest.raises(envelope.SignatureError):
        _load(model, released, other)
    with pytest.raises(envelope.UnsignedError):
        _load(model, _attest(tmp_path / "unsigned.json", None, artifact.digest(model)), pair)
    with pytest.raises(envelope.SignatureError):
        load_verified(model, attestation=released, keys=[], environment="production")


def test_what_cannot_be_used_is_an_input_error_in_one_sentence(tmp_path, model, pair, released):
    for call, kind in [
        (lambda: _load(tmp_path / "none.skops", released, pair), ArtifactError),
        (lambda: _load(model, tmp_path / "none.json", pair), ArtifactError),
        (lambda: _load(model, tmp_path, pair), EnvelopeError),
        (lambda: _load(model, model, pair), EnvelopeError),
        (lambda: _load(model, released, pair, environment=None), InputError),
        (lambda: _load(model, released, pair, attested_by="sign-artifact"), InputError),
        (lambda: load_verified(model, attestation=released, keys="", environment="x"), KeyFileError),
    ]:
        with pytest.raises(kind) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_a_model_swapped_after_it_was_taken_does_not_matter(made, model, pair, released, monkeypatch):
    real = artifact.take

    def take_and_swap(uri, into, name):
        taken = real(uri, into, name)
        if name == "model":
            shutil.copyfile(made / "evil.skops", model)
        return taken

    monkeypatch.setattr(artifact, "take", take_and_swap)
    assert _is_good(_load(model, released, pair))
    with pytest.raises(GateClosedError):  # the second time, the swapped one is what is there
        _load(model, released, pair)


def test_a_model_that_is_swapped_all_the_time_is_the_good_one_or_refused(made, model, pair, released):
    stop = threading.Event()
    good, evil = ((made / name).read_bytes() for name in ("good.skops", "evil.skops"))

    def swap():
        for number, content in enumerate(itertools.cycle([good, evil])):
            if stop.is_set():
                break
            if number % 4 < 2:  # half of the time in place, half of the time by renaming
                model.write_bytes(content)
            else:
                (model.parent / "new").write_bytes(content)
                (model.parent / "new").replace(model)

    swapper = threading.Thread(target=swap)
    swapper.start()
    loaded, refused = 0, 0
    try:
        for _ in range(400):
            try:
                predictor = _load(model, released, pair)
            except (GateClosedError, ArtifactError):
                refused += 1
            else:
                assert _is_good(predictor)
                loaded += 1
            if loaded >= 3 and refused >= 3:
                break
    finally:
        stop.set()
        swapper.join()
    assert loaded
    assert refused


def test_no_copy_is_left_behind(model, pair, released, tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    _load(model, released, pair)
    model.write_bytes(b"x")
    with pytest.raises(GateClosedError):
        _load(model, released, pair)
    assert list((tmp_path / "tmp").iterdir()) == []


# --- An old release -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "loads"),
    [(dt.timedelta(hours=1), True), (dt.timedelta(days=8), False), (-dt.timedelta(hours=1), False)],
)
def test_a_release_of_long_ago_or_of_the_future_is_refused_where_its_age_is_limited(
    model, pair, tmp_path, age, loads
):
    finished = (dt.datetime.now(dt.timezone.utc) - age).isoformat().replace("+00:00", "Z")
    paper = _attest(tmp_path / "a.json", pair, artifact.digest(model), finished=finished)
    known = {"attestation": paper, "keys": str(pair.public), "environment": "production"}
    assert load_verified(model, **known)
    if loads:
        assert load_verified(model, **known, max_age=dt.timedelta(days=7))
    else:
        with pytest.raises(GateClosedError, match="longer ago than 7 days"):
            load_verified(model, **known, max_age=dt.timedelta(days=7))
