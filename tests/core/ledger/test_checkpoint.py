from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given
from hypothesis import strategies as st

from lockgate.errors import KeyFileError, LockgateError
from lockgate.ledger import checkpoint as notes
from lockgate.ledger.checkpoint import Checkpoint
from lockgate.ledger.errors import (
    CheckpointFormError,
    LedgerUrlError,
    UnsignedCheckpointError,
    WrongSignerError,
)

STATE = Checkpoint("example.org/employment", 7, b"r" * 32, b"s" * 32)


@pytest.fixture(scope="module")
def signed(signer):
    return notes.sign(STATE, signer)


def _public(trusted):
    return load_pem_public_key(trusted[0].keyval["public"].encode())


def _signature(text, key, name="example.org/employment"):
    raw = key.sign(text.encode(), ec.ECDSA(hashes.SHA256()))
    return f"\u2014 {name} {base64.b64encode(b'hint' + raw).decode()}\n"


def test_the_note_is_of_the_published_form_to_the_byte(signed, trusted):
    text, _, last = signed.note.partition("\n\n")
    root, subjects = base64.b64encode(b"r" * 32).decode(), base64.b64encode(b"s" * 32).decode()
    assert text == f"example.org/employment\n7\n{root}\nlockgate-subjects {subjects}"
    dash, name, value = last.removesuffix("\n").split(" ")
    assert (dash, name) == ("\u2014", "example.org/employment")
    der = _public(trusted).public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    raw = base64.b64decode(value)
    assert raw[:4] == hashlib.sha256(der).digest()[:4]
    _public(trusted).verify(raw[4:], f"{text}\n".encode(), ec.ECDSA(hashes.SHA256()))


def test_a_signed_note_opens_with_a_trusted_key_of_either_library(signed, trusted):
    for key in (trusted[0], _public(trusted)):
        assert notes.open_note(signed.note, [key]) == signed
    assert signed.signers == {trusted[0].keyid}


def test_a_note_of_another_signer_is_refused(stranger, trusted, signed):
    with pytest.raises(WrongSignerError, match="no trusted key signed"):
        notes.open_note(notes.sign(STATE, stranger).note, trusted)
    with pytest.raises(WrongSignerError):
        notes.open_note(signed.note, [])


def test_the_key_hint_is_not_believed(stranger, trusted, signed):
    """A stranger's signature under the trusted key's hint counts for nothing; a wrong hint costs nothing."""
    hint = base64.b64decode(signed.note.rsplit(" ", 1)[1])[:4]
    foreign = notes.sign(STATE, stranger)
    raw = base64.b64decode(foreign.note.rsplit(" ", 1)[1])
    line = f"\u2014 {STATE.origin} {base64.b64encode(hint + raw[4:]).decode()}\n"
    with pytest.raises(WrongSignerError):
        notes.open_note(f"{STATE.text}\n{line}", trusted)
    own = base64.b64decode(signed.note.rsplit(" ", 1)[1])
    line = f"\u2014 somebody {base64.b64encode(b'0000' + own[4:]).decode()}\n"
    assert notes.open_note(f"{STATE.text}\n{line}", trusted).size == 7


def test_signatures_of_others_beside_ours_are_ignored_and_each_trusted_one_is_told(
    signed, stranger, trusted, other
):
    from lockgate.attest import keys

    beside = notes.sign(STATE, stranger).note.partition("\n\n")[2]
    witness = f"\u2014 witness.example/w {base64.b64encode(b'x' * 76).decode()}\n"
    note = signed.note + beside + witness
    assert notes.open_note(note, trusted).signers == {trusted[0].keyid}
    both = [*trusted, keys.load_public(other.public)]
    assert notes.open_note(note, both).signers == {key.keyid for key in both}


def test_one_key_given_twice_and_signing_twice_counts_once(signed, trusted):
    again = signed.note.partition("\n\n")[2]
    assert notes.open_note(signed.note + again, [*trusted, *trusted]).signers == {trusted[0].keyid}


def test_a_note_without_signature_says_so(trusted):
    for note in (STATE.text, f"{STATE.text}\n"):
        with pytest.raises(UnsignedCheckpointError, match="lockgate ledger checkpoint"):
            notes.open_note(note, trusted)


@given(st.data())
def test_no_altered_character_is_accepted(signed, trusted, data):
    at = data.draw(st.integers(0, signed.note.index("\n\n")))
    instead = data.draw(st.characters(codec="utf-8").filter(lambda c: c != signed.note[at]))
    with pytest.raises((WrongSignerError, UnsignedCheckpointError, CheckpointFormError)):
        notes.open_note(signed.note[:at] + instead + signed.note[at + 1 :], trusted)


@given(st.text(max_size=300))
def test_any_text_is_refused_with_a_sentence(trusted, text):
    with pytest.raises(LockgateError):
        notes.open_note(text, trusted)


ROOT = base64.b64encode(b"r" * 32).decode()


@pytest.mark.parametrize(
    "text",
    [
        "o\n7\n",
        f"o\n07\n{ROOT}\nlockgate-subjects {ROOT}\n",
        f"o\n+7\n{ROOT}\nlockgate-subjects {ROOT}\n",
        f"o\n7 \n{ROOT}\nlockgate-subjects {ROOT}\n",
        f"o\n\u0667\n{ROOT}\nlockgate-subjects {ROOT}\n",
        f"o\n{'9' * 30}\n{ROOT}\nlockgate-subjects {ROOT}\n",
        f"o\n7\n{ROOT[:-2]}\nlockgate-subjects {ROOT}\n",
        f"o\n7\n{ROOT[:-2]}J=\nlockgate-subjects {ROOT}\n",  # the same bytes, spelled otherwise
        f"o\n7\n{ROOT}\n",
        f"o\n7\n{ROOT}\nlockgate-subjects {ROOT}\nlockgate-subjects {ROOT}\n",
        f"o\n7\n{ROOT}\nlockgate-subjects {ROOT[:-1]}\n",
        f"o\n7\n{ROOT}\nlockgate-subjects {ROOT} x\n",
        f"o\x1b[2J\n7\n{ROOT}\nlockgate-subjects {ROOT}\n",
        f"o\r\n7\n{ROOT}\nlockgate-subjects {ROOT}\n",
        f"\n7\n{ROOT}\nlockgate-subjects {ROOT}\n",
    ],
)
def test_even_a_signed_text_of_another_form_is_refused(text):
    key = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(CheckpointFormError):
        notes.open_note(f"{text}\n{_signature(text, key)}", [key.public_key()])


@pytest.mark.parametrize(("text", "part"), [("o\n7\n", "no origin"), (f"o\n7\n{ROOT}\n", "not one line")])
def test_a_note_that_is_too_short_is_said_to_lack_what_it_lacks(text, part):
    key = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(CheckpointFormError, match=part):
        notes.open_note(f"{text}\n{_signature(text, key)}", [key.public_key()])


def test_extension_lines_of_others_are_let_through():
    key = ec.generate_private_key(ec.SECP256R1())
    text = f"o\n7\n{ROOT}\nother-thing 5\nlockgate-subjects {ROOT}\n"
    assert notes.open_note(f"{text}\n{_signature(text, key)}", [key.public_key()]).size == 7


@pytest.mark.parametrize(
    "line",
    ["\u2014 a b\n", "- a QUJDREVG\n", "\u2014 a QUJDREVG", "\u2014 a QUJD\n", "\u2014 a QUJDRA==\n", "x\n"],
)
def test_a_signature_line_of_another_form_is_refused(signed, trusted, line):
    with pytest.raises(CheckpointFormError):
        notes.open_note(signed.note + line, trusted)


def test_too_many_signatures_and_too_many_bytes_are_refused(signed, trusted):
    line = signed.note.partition("\n\n")[2]
    assert notes.open_note(signed.note + line * 31, trusted)
    with pytest.raises(CheckpointFormError, match="at most 32"):
        notes.open_note(signed.note + line * 32, trusted)
    with pytest.raises(CheckpointFormError, match="larger than"):
        notes.open_note("x" * (notes.MAX_BYTES + 1), trusted)
    with pytest.raises(UnsignedCheckpointError):  # the control
        notes.open_note("x" * notes.MAX_BYTES, trusted)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\u202eb", "x" * 201])
def test_a_ledger_cannot_have_a_name_that_no_note_can_carry(origin):
    with pytest.raises(LedgerUrlError, match="no name for a ledger"):
        notes.check_origin(origin)


def test_the_longest_name_of_a_ledger_is_one():
    assert notes.check_origin("x" * 200) == "x" * 200


def test_keys_of_other_kinds_are_refused(signed):
    for key in (ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1())):
        with pytest.raises(KeyFileError, match="not ECDSA P-256"):
            notes.open_note(signed.note, [key.public_key()])


def test_a_signer_that_fails_is_one_sentence(signer):
    class Broken:
        public_key = signer.public_key

        def sign(self, payload):  # noqa: ARG002 - the signer's signature
            raise RuntimeError("token removed: PIN 1234")

    with pytest.raises(LockgateError) as told:
        notes.sign(STATE, Broken())
    assert "1234" not in str(told.value)


def test_sigstore_reads_and_verifies_our_checkpoint(signed, trusted):
    """An independent implementation: sigstore-python's verifier of Rekor checkpoints."""
    sigstore = pytest.importorskip("sigstore._internal.rekor.checkpoint", exc_type=ImportError)
    from sigstore._internal.trust import Keyring
    from sigstore._utils import KeyID
    from sigstore.errors import VerificationError
    from sigstore_models.common.v1 import PublicKey, PublicKeyDetails

    der = _public(trusted).public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    key = PublicKey(raw_bytes=base64.b64encode(der), key_details=PublicKeyDetails.PKIX_ECDSA_P256_SHA_256)
    keyid = KeyID(hashlib.sha256(der).digest())
    read = sigstore.SignedCheckpoint.from_text(signed.note)
    assert (read.checkpoint.origin, read.checkpoint.log_size) == (STATE.origin, 7)
    assert read.checkpoint.log_hash == (b"r" * 32).hex()
    read.signed_note.verify(Keyring([key]), keyid)
    altered = sigstore.SignedCheckpoint.from_text(signed.note.replace("\n7\n", "\n8\n"))
    with pytest.raises(VerificationError):
        altered.signed_note.verify(Keyring([key]), keyid)
