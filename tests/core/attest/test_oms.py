"""OpenSSF Model Signing: ours in their command line, theirs in ours, and what the format leaves out."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope

from lockgate.attest import envelope, keys, oms
from lockgate.errors import ArtifactError, EnvelopeError
from lockgate.run import run

SECRET = "correct horse battery staple"


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return keys.generate("signer", tmp_path_factory.mktemp("keys"), None)


@pytest.fixture(scope="module")
def public(pair):
    return keys.load_public(pair.public)


@pytest.fixture
def model(tmp_path):
    made = tmp_path / "model"
    (made / "parts").mkdir(parents=True)
    (made / "weights.bin").write_bytes(b"\0" * 10)
    (made / "parts" / "größe 1.json").write_text("{}")
    (made / ".gitattributes").write_text("*.bin filter=lfs")
    return made


def _theirs(*words):
    """Run their command line; return whether it said yes."""
    command = [sys.executable, "-m", "model_signing", *words]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ran.returncode in (0, 1), ran.stderr
    return ran.returncode == 0


def _verified_there(model, signature, pair):
    return _theirs("verify", "key", model, "--signature", signature, "--public_key", pair.public)


def _signed_here(tmp_path, model, pair):
    made = run(
        "sign-artifact", {"artifact": model, "oms": True}, out=tmp_path / "ours", key=str(pair.private)
    )
    assert made.opens
    return tmp_path / "ours" / "attestation.json", tmp_path / "ours" / "model_sig.sig"


def _signed_there(tmp_path, model, pair, *more):
    path = tmp_path / "their.sig"
    assert _theirs("sign", "key", model, "--signature", path, "--private_key", pair.private, *more)
    return path


def _checked(tmp_path, model, pair, attestation, signature):
    given = {"artifact": model, "attestation": attestation, "key": pair.public, "model_sig": signature}
    return run("verify-artifact", given, out=tmp_path / "checked")


def _rules(result):
    return {finding["rule"] for finding in result.document["findings"]}


def test_their_command_line_verifies_ours_and_refuses_the_model_changed(tmp_path, model, pair):
    _, signature = _signed_here(tmp_path, model, pair)
    assert _verified_there(model, signature, pair)
    (model / "weights.bin").write_bytes(b"\0" * 9 + b"\1")
    assert not _verified_there(model, signature, pair)


def test_their_command_line_refuses_ours_for_another_key(tmp_path, model, pair):
    other = keys.generate("other", tmp_path / "keys", None)
    assert not _verified_there(model, _signed_here(tmp_path, model, pair)[1], other)


def test_a_single_file_signed_with_an_encrypted_key_is_verified_there(tmp_path, monkeypatch):
    pair = keys.generate("signer", tmp_path / "keys", SECRET)
    monkeypatch.setenv("LOCKGATE_KEY_PASSPHRASE", SECRET)
    file = tmp_path / "model.skops"
    file.write_bytes(b"weights")
    attestation, signature = _signed_here(tmp_path, file, pair)
    assert _verified_there(file, signature, pair)
    assert _checked(tmp_path, file, pair, attestation, signature).opens


def test_theirs_is_accepted_here_beside_our_attestation(tmp_path, model, pair):
    attestation, _ = _signed_here(tmp_path, model, pair)
    result = _checked(tmp_path, model, pair, attestation, _signed_there(tmp_path, model, pair))
    assert result.opens
    assert result.document["metrics"]["model_signature_files"] == 2


def test_what_their_signature_was_told_to_leave_out_is_left_out_and_nothing_else(
    tmp_path, model, pair, public
):
    (model / "notes.txt").write_text("x")
    words = ["--ignore-paths", model / "notes.txt", "--no-ignore-git-paths"]
    listed = oms.open_signature(_signed_there(tmp_path, model, pair, *words).read_bytes(), [public])
    assert set(listed.files) == {"weights.bin", "parts/größe 1.json", ".gitattributes"}
    assert listed.differences(model) == {}
    (model / "notes.txt").write_text("other")
    assert listed.differences(model) == {}
    (model / ".gitattributes").write_text("other")
    assert listed.differences(model) == {".gitattributes": "changed"}


def _add_hook(model):
    (model / ".git" / "hooks").mkdir(parents=True)
    (model / ".git" / "hooks" / "post-checkout").write_text("#!/bin/sh\n")


def _change(name, content):
    return lambda model: (model / name).write_bytes(content)


# What is done to the model, and which of the two signatures notice.
CHANGES = {
    "nothing": (lambda _: None, set()),
    "a file below .git": (_add_hook, {"LG-SIGN-013"}),
    "a file of git changed": (_change(".gitattributes", b"*"), {"LG-SIGN-013"}),
    "an empty folder": (lambda model: (model / "empty").mkdir(), {"LG-SIGN-013"}),
    "a mode": (lambda model: (model / "weights.bin").chmod(0o777), {"LG-SIGN-013"}),
    "a byte": (_change("weights.bin", b"\1" * 10), {"LG-SIGN-013", "LG-SIGN-016"}),
    "a file gone": (lambda model: (model / "weights.bin").unlink(), {"LG-SIGN-013", "LG-SIGN-016"}),
    "a file more": (_change("extra.bin", b""), {"LG-SIGN-013", "LG-SIGN-016"}),
    "a file renamed": (
        lambda model: (model / "weights.bin").rename(model / "Weights.bin"),
        {"LG-SIGN-013", "LG-SIGN-016"},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_the_format_leaves_out_the_sealed_digest_notices(tmp_path, model, pair, change):
    attestation, signature = _signed_here(tmp_path, model, pair)
    do, noticed = CHANGES[change]
    do(model)
    result = _checked(tmp_path, model, pair, attestation, signature)
    assert _rules(result) == noticed
    assert result.opens is not bool(noticed)
    assert _verified_there(model, signature, pair) is ("LG-SIGN-016" not in noticed)


def test_a_model_signature_of_another_key_or_altered_fails_with_its_rule(tmp_path, model, pair):
    attestation, signature = _signed_here(tmp_path, model, pair)
    other = keys.generate("other", tmp_path / "keys", None)
    theirs = _signed_there(tmp_path, model, other)
    assert _rules(_checked(tmp_path, model, pair, attestation, theirs)) == {"LG-SIGN-015"}
    data = json.loads(signature.read_bytes())
    payload = base64.b64decode(data["dsseEnvelope"]["payload"]).replace(b"weights", b"Weights")
    data["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    signature.write_text(json.dumps(data))
    assert _rules(_checked(tmp_path, model, pair, attestation, signature)) == {"LG-SIGN-015"}
    data["dsseEnvelope"]["signatures"] = []
    signature.write_text(json.dumps(data))
    assert _rules(_checked(tmp_path, model, pair, attestation, signature)) == {"LG-SIGN-015"}


def test_a_model_signature_of_another_model_fails_and_names_files(tmp_path, model, pair):
    attestation, _ = _signed_here(tmp_path, model, pair)
    shutil.copytree(model, tmp_path / "second")
    (tmp_path / "second" / "weights.bin").write_bytes(b"other")
    theirs = _signed_there(tmp_path, tmp_path / "second", pair)
    result = _checked(tmp_path, model, pair, attestation, theirs)
    assert _rules(result) == {"LG-SIGN-016"}
    assert "weights.bin (changed)" in result.document["findings"][0]["message"]


def test_an_attestation_given_as_model_signature_is_unusable_input_and_the_other_way_round(
    tmp_path, model, pair
):
    attestation, signature = _signed_here(tmp_path, model, pair)
    with pytest.raises(EnvelopeError, match="no bundle of the media type"):
        _checked(tmp_path, model, pair, attestation, attestation)
    with pytest.raises(EnvelopeError):
        _checked(tmp_path, model, pair, signature, signature)


def test_without_oms_no_model_signature_is_written_and_the_body_is_the_same_however_often_it_is(
    tmp_path, model, pair
):
    key = str(pair.private)
    run("sign-artifact", {"artifact": model}, out=tmp_path / "out", key=key)
    assert not (tmp_path / "out" / "model_sig.sig").exists()
    bodies = set()
    for out in (tmp_path / "a", tmp_path / "b"):
        bodies.add(run("sign-artifact", {"artifact": model, "oms": True}, out=out, key=key).body_digest)
        assert (out / "model_sig.sig").exists()
    assert len(bodies) == 1


def test_a_model_of_nothing_but_files_of_git_has_nothing_to_sign(tmp_path, pair):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / ".gitignore").write_text("*")
    with pytest.raises(ArtifactError, match="no file that a model signature covers"):
        _signed_here(tmp_path, tmp_path / "model", pair)
    assert not list((tmp_path / "ours").glob("*"))


# --- The reader -----------------------------------------------------------------------------------


def _bundle(pair, statement, **changes):
    """A bundle over any statement, with a signature that is good."""
    payload = statement if isinstance(statement, bytes) else json.dumps(statement).encode()
    sealed = Envelope(payload, envelope.PAYLOAD_TYPE, {})
    sealed.sign(keys.load_signer(str(pair.private)))
    made = {
        "mediaType": oms.BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": "x"}, "tlogEntries": []},
        "dsseEnvelope": sealed.to_dict(),
    }
    return json.dumps(made | changes).encode()


FILE = {"name": "a", "algorithm": "sha256", "digest": "ab" * 32}
ROOT = oms._root([FILE])
HOW = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": [".git"]}


def _statement(how=None, **changes):
    made = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "model", "digest": {"sha256": ROOT}}],
        "predicateType": oms.TYPE,
        "predicate": {"serialization": HOW | (how or {}), "resources": [FILE]},
    }
    made["predicate"] |= {k: changes.pop(k) for k in ("serialization", "resources") if k in changes}
    return made | changes


def test_the_statement_that_the_bad_ones_are_made_of_is_good(pair, public):
    assert oms.open_signature(_bundle(pair, _statement()), [public]).files == {"a": ("sha256", "ab" * 32)}


BAD = {
    "a list": [],
    "no strict JSON": b'{"a": 1, "a": 2}',
    "another statement type": _statement(_type="https://in-toto.io/Statement/v0.1"),
    "the predicate of version 0.2, which lists files as subjects": _statement(
        predicateType="https://model_signing/Digests/v0.1"
    ),
    "a result of Lockgate": _statement(predicateType="https://in-toto.io/attestation/test-result/v0.1"),
    "no predicate": _statement(predicate=None),
    "no serialization": _statement(serialization=None),
    "shards": _statement({"method": "shards"}),
    "a weak hash": _statement({"hash_type": "md5"}),
    "no files": _statement(resources=[]),
    "a file twice": _statement(
        resources=[FILE, FILE], subject=[{"digest": {"sha256": oms._root([FILE, FILE])}}]
    ),
    "a file without name": _statement(resources=[FILE | {"name": ""}]),
    "a digest of another algorithm": _statement(resources=[FILE | {"algorithm": "blake3"}]),
    "a digest in capitals": _statement(resources=[FILE | {"digest": "AB" * 32}]),
    "a digest that is a number": _statement(resources=[FILE | {"digest": 1}]),
    "two subjects": _statement(subject=[{"digest": {"sha256": ROOT}}] * 2),
    "no subject": _statement(subject=None),
    "another root": _statement(subject=[{"digest": {"sha256": "00" * 32}}]),
    "everything ignored": _statement({"ignore_paths": ["."]}),
    "everything ignored by an empty path": _statement({"ignore_paths": [""]}),
    "ignored above the model": _statement({"ignore_paths": ["../model"]}),
    "ignored by an absolute path": _statement({"ignore_paths": ["/srv"]}),
    "ignored by a number": _statement({"ignore_paths": [1]}),
    "ignored by text": _statement({"ignore_paths": ".git"}),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_list_is_refused_even_with_a_good_signature(pair, public, name):
    with pytest.raises(EnvelopeError) as caught:
        oms.open_signature(_bundle(pair, BAD[name]), [public])
    assert not isinstance(caught.value, envelope.SignatureError)
    assert "the model signature" in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1"},
        {"verificationMaterial": None},
        {"verificationMaterial": {"certificate": {"rawBytes": "AAAA"}}},
        {"verificationMaterial": {"x509CertificateChain": {"certificates": []}}},
        {"dsseEnvelope": None},
        {"dsseEnvelope": {"payload": "e30=", "payloadType": "text/plain", "signatures": []}},
    ],
)
def test_a_bundle_of_another_shape_is_refused(pair, public, change):
    with pytest.raises(EnvelopeError) as caught:
        oms.open_signature(_bundle(pair, _statement(), **change), [public])
    assert not isinstance(caught.value, envelope.SignatureError)


@pytest.fixture(scope="module")
def good(pair):
    return _bundle(pair, _statement())


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_no_change_of_any_byte_yields_another_list(good, public, data):
    position = data.draw(st.integers(0, len(good) - 1))
    changed = good[:position] + bytes([data.draw(st.integers(0, 255))]) + good[position + 1 :]
    try:
        listed = oms.open_signature(changed, [public])
    except EnvelopeError:
        return
    assert listed.files == {"a": ("sha256", "ab" * 32)}  # the change hit a hint or white space


@settings(deadline=None, max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=6),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(["_type", "subject", "predicateType", "predicate", "serialization", "resources"]),
)
def test_any_value_in_any_field_is_a_list_or_an_envelope_error(pair, public, value, field):
    try:
        oms.open_signature(_bundle(pair, _statement(**{field: value})), [public])
    except EnvelopeError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
