from __future__ import annotations

import stat

import pytest
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from lockgate.attest import keys
from lockgate.errors import KeyFileError

SECRET = "correct horse battery staple"


def _private_pem(key):
    return key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())


def _public_pem(key):
    return key.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)


OTHER_KINDS = {
    "RSA": rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    "secp384r1": ec.generate_private_key(ec.SECP384R1()),
    "secp256k1": ec.generate_private_key(ec.SECP256K1()),
}


def _refused(path, passphrase=None):
    with pytest.raises(KeyFileError) as caught:
        keys.load_signer(str(path), passphrase)
    said = str(caught.value)
    assert str(path) in said
    assert "\n" not in said
    assert not passphrase or passphrase not in said
    assert caught.value.__cause__ is None
    return said


def _secret_file(path, content):
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def test_a_new_pair_is_encrypted_private_and_signs(tmp_path):
    pair = keys.generate("signer", tmp_path / "keys", SECRET)
    assert stat.S_IMODE(pair.private.stat().st_mode) == 0o600
    assert pair.private.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert pair.public.read_bytes().startswith(b"-----BEGIN PUBLIC KEY-----")
    public = keys.load_public(pair.public)
    public.verify_signature(keys.load_signer(str(pair.private), SECRET).sign(b"x"), b"x")
    assert public.keyid == pair.keyid


def test_the_passphrase_is_in_neither_file(tmp_path):
    pair = keys.generate("signer", tmp_path, SECRET)
    for path in (pair.private, pair.public):
        assert SECRET.encode() not in path.read_bytes()


def test_a_pair_without_passphrase_is_in_the_clear_and_a_passphrase_given_anyway_does_no_harm(tmp_path):
    pair = keys.generate("signer", tmp_path, None)
    assert pair.private.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert keys.load_signer(str(pair.private), None).public_key.keyid == pair.keyid
    assert keys.load_signer(f"file2:{pair.private}", SECRET).public_key.keyid == pair.keyid
    assert keys.load_signer(f"file://{pair.private}", SECRET).public_key.keyid == pair.keyid


@pytest.mark.parametrize("ending", [keys.PRIVATE, keys.PUBLIC])
def test_an_existing_file_is_never_overwritten_and_nothing_else_is_left(tmp_path, ending):
    there = tmp_path / f"signer{ending}"
    there.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFileError, match="exists already"):
        keys.generate("signer", tmp_path, None)
    assert list(tmp_path.iterdir()) == [there]


def test_a_folder_that_cannot_be_written_is_a_key_file_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyFileError, match="cannot be written"):
        keys.generate("signer", tmp_path / "file", None)


def test_an_encrypted_key_needs_its_own_passphrase(tmp_path):
    pair = keys.generate("signer", tmp_path, SECRET)
    assert "set LOCKGATE_KEY_PASSPHRASE" in _refused(pair.private)
    assert "set LOCKGATE_KEY_PASSPHRASE" in _refused(pair.private, "")
    assert "does not open with this passphrase" in _refused(pair.private, "wrong horse")


def test_a_key_in_the_clear_that_every_user_can_read_is_refused_and_a_private_one_is_not(tmp_path):
    pair = keys.generate("signer", tmp_path, None)
    pair.private.chmod(0o644)
    assert "chmod 600" in _refused(pair.private)
    pair.private.chmod(0o640)
    assert keys.load_signer(str(pair.private))
    locked = keys.generate("locked", tmp_path, SECRET)
    locked.private.chmod(0o644)
    assert keys.load_signer(str(locked.private), SECRET)


def test_what_is_no_private_key_is_refused_as_signer(tmp_path):
    pair = keys.generate("signer", tmp_path, None)
    assert "is a public key" in _refused(pair.public)
    assert "there is no file" in _refused(tmp_path / "missing.pem")
    assert "not a regular file" in _refused(tmp_path)
    assert "no private key" in _refused(_secret_file(tmp_path / "a", b"hello"))
    broken = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    assert "no private key" in _refused(_secret_file(tmp_path / "b", broken))
    assert "larger than" in _refused(_secret_file(tmp_path / "c", b"x" * 70_000))


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_a_key_of_another_kind_is_refused_by_its_name(tmp_path, kind):
    path = _secret_file(tmp_path / "key.pem", _private_pem(OTHER_KINDS[kind]))
    assert kind in _refused(path)
    path.write_bytes(_public_pem(OTHER_KINDS[kind]))
    with pytest.raises(KeyFileError, match=kind):
        keys.load_public(path)


def test_what_is_no_public_key_is_refused_as_verifier(tmp_path):
    pair = keys.generate("signer", tmp_path, None)
    for path, part in [(pair.private, "is a private key"), (tmp_path / "missing", "no file")]:
        with pytest.raises(KeyFileError, match=part):
            keys.load_public(path)
    pair.public.write_bytes(pair.public.read_bytes()[:60])
    with pytest.raises(KeyFileError, match="no public PEM key"):
        keys.load_public(pair.public)


def test_a_list_of_public_keys_is_read_and_the_same_key_counts_once(tmp_path):
    ana, bo = (keys.generate(name, tmp_path, None) for name in ("ana", "bo"))
    assert [k.keyid for k in keys.load_publics(f"{ana.public}, {bo.public}")] == [ana.keyid, bo.keyid]
    (tmp_path / "copy.pem").write_bytes(ana.public.read_bytes())
    assert len(keys.load_publics(f"{ana.public},{tmp_path / 'copy.pem'}")) == 1


@pytest.mark.parametrize("paths", ["", ",", "{0},", "{0},,{0}"])
def test_a_list_of_public_keys_with_a_gap_is_refused(tmp_path, paths):
    pair = keys.generate("signer", tmp_path, None)
    with pytest.raises(KeyFileError, match="has an empty item"):
        keys.load_publics(paths.format(pair.public))


def test_a_public_key_is_read_from_text_and_an_error_names_the_place(tmp_path):
    pair = keys.generate("signer", tmp_path, None)
    text = pair.public.read_text()
    assert keys.parse_public(text, "lockgate.yaml").keyid == pair.keyid
    for bad, part in [
        (text + text, "more than one key"),
        (pair.private.read_text() + text, "is a private key"),
        (text.replace("M", "N", 1), "no public PEM key"),
        ("\ud800", "no public PEM key"),
        ("", "no public PEM key"),
    ]:
        with pytest.raises(KeyFileError, match=f"^lockgate.yaml, line 3.*{part}"):
            keys.parse_public(bad, "lockgate.yaml, line 3")


def test_the_key_id_follows_from_the_key_and_not_from_how_the_file_is_written(tmp_path):
    pair = keys.generate("signer", tmp_path, None)
    other = tmp_path / "other.pem"
    other.write_bytes(b"a comment before\r\n" + pair.public.read_bytes().replace(b"\n", b"\r\n"))
    assert keys.load_public(other).keyid == pair.keyid
    assert keys.generate("b", tmp_path, None).keyid != pair.keyid
