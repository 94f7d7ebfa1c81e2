"""Keys that lie elsewhere than in a file. The token is SoftHSM's, a real PKCS#11 library.

No cloud can be reached from a test: of those the errors are tested, and what the library asks of a
key service with the AWS double `moto`, which cannot sign digests.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.signer import Signature

from lockgate.attest import keys
from lockgate.cli import main
from lockgate.errors import KeyFileError, LockgateError, StageError
from lockgate.run import run

PIN = "7391-4462"
SECRET = "hunter2-hunter2"
GCP = "gcpkms:projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"
URIS = {
    "awskms": "awskms:alias/release",
    "azurekms": "azurekms://127.0.0.1/keys/release/1",
    "gcpkms": GCP,
    "hsm": "hsm:7?label=lock+gate",
    "hv": "hv:release/1",
}
SOFTHSM = [Path("/usr/lib/softhsm/libsofthsm2.so"), Path("/usr/lib64/libsofthsm2.so")]


@pytest.fixture
def public(tmp_path):
    """A public key that belongs to nothing here."""
    return keys.generate("other", tmp_path, None).public


def _said(call):
    with pytest.raises(LockgateError) as caught:
        call()
    said = str(caught.value)
    assert "\n" not in said
    assert SECRET not in said
    assert PIN not in said
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return said


# --- A token --------------------------------------------------------------------------------------


@pytest.fixture
def token(tmp_path, monkeypatch):
    """A software token with one P-256 key, number 7, and the URI of that key without public half."""
    pkcs11 = pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed (extra hsm)")
    library = next((path for path in SOFTHSM if path.exists()), None)
    if library is None or shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM is not installed (apt-get install softhsm2)")
    from pkcs11.util.ec import encode_named_curve_parameters

    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    monkeypatch.setenv("PYKCS11LIB", str(library))
    monkeypatch.setenv("LOCKGATE_KEY_PASSPHRASE", PIN)
    words = ["--init-token", "--free", "--label", "lock gate", "--pin", PIN, "--so-pin", "4321"]
    subprocess.run(["softhsm2-util", *words], check=True, capture_output=True)
    opened = pkcs11.lib(str(library))
    opened.reinitialize()  # it was loaded with the configuration of an earlier test
    with opened.get_token(token_label="lock gate").open(rw=True, user_pin=PIN) as session:
        curve = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
        parameters = session.create_domain_parameters(pkcs11.KeyType.EC, curve, local=True)
        parameters.generate_keypair(store=True, id=b"\x07", label="release")
    return URIS["hsm"]


def test_a_key_in_a_token_signs_a_run_and_its_exported_public_half_verifies(token, tmp_path, capsys):
    assert main(["public-key", token]) == 0
    exported = tmp_path / "token.pub.pem"
    exported.write_text(capsys.readouterr().out)
    data = tmp_path / "data.bin"
    data.write_bytes(b"rows")

    made = run("sign-artifact", {"artifact": data}, out=tmp_path / "out", key=f"{token}#{exported}")
    attestation = tmp_path / "out" / "attestation.json"
    envelope = Envelope.from_dict(json.loads(attestation.read_bytes()))
    assert envelope.verify([keys.load_public(exported)], 1)
    checked = run(
        "verify-artifact",
        {"artifact": data, "attestation": attestation, "key": exported},
        out=tmp_path / "checked",
    )
    assert made.opens
    assert checked.opens
    for path in (tmp_path / "out").iterdir():
        assert PIN not in path.read_text()


def test_a_key_in_a_token_signs_a_model_folder_in_the_openssf_format(token, tmp_path, capsys):
    assert main(["public-key", token]) == 0
    exported = tmp_path / "token.pub.pem"
    exported.write_text(capsys.readouterr().out)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"weights")
    given = {"artifact": tmp_path / "model", "oms": True}
    assert run("sign-artifact", given, out=tmp_path / "out", key=f"{token}#{exported}").opens
    signature = tmp_path / "out" / "model_sig.sig"
    command = [sys.executable, "-m", "model_signing", "verify", "key", tmp_path / "model"]
    subprocess.run([*command, "--signature", signature, "--public_key", exported], check=True)


def test_a_token_with_another_pin_number_or_label_does_not_sign_and_says_what_to_look_at(token, public):
    for uri, pin in [(token, "0000"), (token.replace("7", "8"), PIN), (token.replace("lock", "rock"), PIN)]:
        said = _said(lambda uri=uri, pin=pin: keys.load_signer(f"{uri}#{public}", pin).sign(b"x"))
        assert "did not sign" in said
        assert "PYKCS11LIB" in said


def test_a_public_key_that_is_not_the_tokens_is_noticed_when_signing(token, public):
    said = _said(lambda: keys.load_signer(f"{token}#{public}", PIN).sign(b"x"))
    assert f"{public} is not the public key of hsm:7" in said


def test_a_token_without_pin_or_library_is_refused_before_anything_runs(public, monkeypatch):
    monkeypatch.setenv("PYKCS11LIB", "/nowhere.so")
    assert "set LOCKGATE_KEY_PASSPHRASE" in _said(lambda: keys.load_signer(f"hsm:#{public}", None))
    monkeypatch.delenv("PYKCS11LIB")
    assert "set PYKCS11LIB" in _said(lambda: keys.load_signer(f"hsm:#{public}", PIN))


# --- Key services ---------------------------------------------------------------------------------


@pytest.fixture
def unreachable(monkeypatch):
    """Settings of every service that lead to a port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        for name, value in {
            "AWS_ENDPOINT_URL": address,
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_MAX_ATTEMPTS": "1",
            "VAULT_ADDR": address,
            "VAULT_TOKEN": SECRET,
        }.items():
            monkeypatch.setenv(name, value)
        yield


@pytest.mark.parametrize(("kind", "library"), [("awskms", "boto3"), ("hv", "hvac")])
def test_a_key_service_that_cannot_be_reached_is_a_stage_error_without_secrets(
    kind, library, unreachable, public, capfd, tmp_path
):
    pytest.importorskip(library, reason=f"{library} is not installed")
    uri = f"{URIS[kind]}#{public}"
    assert f"the key {URIS[kind]} did not sign" in _said(lambda: keys.load_signer(uri).sign(b"x"))
    data = tmp_path / "data.bin"
    data.write_bytes(b"rows")
    with pytest.raises(StageError, match="did not sign"):
        run("sign-artifact", {"artifact": data}, out=tmp_path / "out", key=uri)
    assert not list((tmp_path / "out").glob("*.json"))
    assert SECRET not in "".join(capfd.readouterr())


def test_a_service_that_signs_something_else_is_noticed_and_its_public_key_is_read(monkeypatch, tmp_path):
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed (extra awskms)")
    server = pytest.importorskip("moto.server", reason="moto[kms,server] is not installed")
    double = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    double.start()
    try:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*double.get_host_and_port()))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, SECRET)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        client = boto3.client("kms")
        made = client.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
        client.create_alias(AliasName="alias/release", TargetKeyId=made)
        exported = tmp_path / "aws.pub.pem"
        exported.write_text(keys.public_pem("awskms:alias/release"))
        assert keys.load_public(exported)
        # moto takes the digest for the message (its documentation: MessageType DIGEST is not there)
        said = _said(lambda: keys.load_signer(f"awskms:alias/release#{exported}").sign(b"x"))
        assert "is not the public key of awskms:alias/release" in said
    finally:
        double.stop()


def test_a_library_that_is_missing_is_told_with_the_command_that_brings_it(public):
    code = """
import os, sys
for name in ("boto3", "azure", "azure.identity", "google", "google.cloud", "pkcs11", "hvac"):
    sys.modules[name] = None
from lockgate.attest import keys
from lockgate.errors import MissingExtraError
os.environ["PYKCS11LIB"] = "/nowhere.so"
for uri in sys.argv[2:]:
    try:
        keys.load_signer(f"{uri}#{sys.argv[1]}", "1234")
    except MissingExtraError as error:
        print(error)
"""
    words = [sys.executable, "-c", code, str(public), *URIS.values()]
    said = subprocess.run(words, capture_output=True, text=True, check=True, env=os.environ | {"GRPC": ""})
    wanted = ["awskms", "azurekms", "gcpkms", "hsm", "vault"]
    found = [line.split("pip install 'lockgate[")[1].rstrip("]'") for line in said.stdout.splitlines()]
    assert found == wanted, said.stderr


# --- What a URI names -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", URIS)
def test_a_key_elsewhere_needs_its_public_half_named(kind, monkeypatch):
    monkeypatch.setenv("PYKCS11LIB", "/nowhere.so")
    for uri in (URIS[kind], URIS[kind] + "#"):
        assert f"{URIS[kind]} comes without its public key" in _said(lambda uri=uri: keys.load_signer(uri))
    assert keys.local_path(f"{URIS[kind]}#keys/a.pub.pem") == Path("keys/a.pub.pem")


@pytest.mark.parametrize(
    "uri",
    [
        "awskms:",
        "awskms:a b",
        "gcpkms:projects/p",
        "gcpkms:projects/p/locations/l/keyRings/r/cryptoKeys/k",
        "azurekms:vault/keys/n/1",
        "azurekms://vault/keys/n",
        f"azurekms://me:{SECRET}@vault/keys/n/1",
        "azurekms://[vault/keys/n/1",
        "hv:name",
        "hv:name/latest",
        "hv:a/b/1",
        "hv:/1",
        "hsm:nine",
        "hsm:-1",
        "hsm:²",
    ],
)
def test_a_uri_of_another_form_is_refused_with_the_right_one(uri, public, monkeypatch):
    monkeypatch.setenv("PYKCS11LIB", "/nowhere.so")
    assert f"write it as {uri.partition(':')[0]}:" in _said(lambda: keys.load_signer(f"{uri}#{public}", PIN))
    _said(lambda: keys.public_pem(uri, PIN))


def test_a_kind_of_key_that_is_not_known_is_a_key_file_error():
    for uri in ("gpg:ABCD", "AWSKMS:alias/x", "tkey:", "c:key.pem"):
        with pytest.raises(KeyFileError, match="are not known"):
            keys.load_signer(uri)
    assert "without the network" in _said(lambda: keys.load_signer("sigstore:?ambient=false"))


def test_an_online_identitys_signature_would_not_even_fit_into_the_librarys_own_envelope():
    """Why ``sigstore:`` is refused, see ADR 7: base64 where the envelope of the same library reads hex."""
    signature = Signature("identity", "MEUCIQDx", {"bundle": {}})  # as SigstoreSigner.sign returns it
    with pytest.raises(ValueError, match="hex"):
        Envelope(b"{}", "application/vnd.in-toto+json", {"identity": signature}).to_dict()


def test_a_file_whose_name_looks_like_a_uri_is_that_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pair = keys.generate("hv:signer", tmp_path, None)
    assert keys.load_signer(pair.private.name).public_key.keyid == pair.keyid


def test_the_public_half_of_a_key_file_is_printed(tmp_path, capsys, monkeypatch):
    pair = keys.generate("signer", tmp_path, SECRET)
    monkeypatch.setenv("LOCKGATE_KEY_PASSPHRASE", SECRET)
    assert main(["public-key", str(pair.private)]) == 0
    assert capsys.readouterr().out == pair.public.read_text()
    monkeypatch.setenv("LOCKGATE_KEY_PASSPHRASE", "another")
    assert main(["public-key", str(pair.private)]) == 2
    assert "does not open" in capsys.readouterr().err
