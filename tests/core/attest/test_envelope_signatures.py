"""Signatures that are almost right: other kinds of keys, other spellings, other sizes."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey

from lockgate.attest import envelope, keys, statement
from lockgate.errors import EnvelopeError, KeyFileError

# Order of the group of P-256 (FIPS 186-5 / SP 800-186 section 3.2.1.3).
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# Field, constant b and generator of the curve (SP 800-186 section 3.2.1.3).
FIELD = 2**256 - 2**224 + 2**192 + 2**96 - 1
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
GENERATOR = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
DOCUMENT = {
    "stage": "validate-data",
    "version": "0.1.0",
    "verdict": "PASS",
    "decision": None,
    "subjects": [{"name": "data", "uri": "x", "digest": {"sha256": "a" * 64}}],
    "policy": {"digest": None, "thresholds": {}},
    "checks": [],
    "findings": [],
    "metrics": {},
    "outputs": {},
    "evidence": [],
    "body_digest": "b" * 64,
    "finished": "2026-01-01T00:00:00.123Z",
}
OTHER_KINDS = {
    "RSA": rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    "P-384": ec.generate_private_key(ec.SECP384R1()),
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return keys.generate("signer", tmp_path_factory.mktemp("keys"), None)


@pytest.fixture(scope="module")
def public(pair):
    return keys.load_public(pair.public)


@pytest.fixture(scope="module")
def sealed(pair):
    return envelope.seal(statement.from_result(DOCUMENT), keys.load_signer(str(pair.private)))


def _signature(raw):
    return base64.b64decode(json.loads(raw)["signatures"][0]["sig"])


def _with(raw, *signatures):
    entries = [{"sig": base64.b64encode(signature).decode()} for signature in signatures]
    return json.dumps(json.loads(raw) | {"signatures": entries}).encode()


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_a_trusted_key_of_another_kind_is_refused_though_it_signed(sealed, public, kind):
    signer = CryptoSigner(OTHER_KINDS[kind])
    both = Envelope.from_dict(json.loads(sealed))
    both.sign(signer)
    raw = json.dumps(both.to_dict()).encode()
    with pytest.raises(KeyFileError):
        envelope.open_envelope(raw, [signer.public_key])
    with pytest.raises(KeyFileError):
        envelope.open_envelope(raw, [public, signer.public_key])
    assert envelope.open_envelope(raw, [public]).signers == {public.keyid}  # their signature does no harm


@pytest.mark.parametrize(
    ("keytype", "scheme"),
    [("rsa", "rsassa-pss-sha256"), ("ecdsa", "ecdsa-sha2-nistp384"), ("ed25519", "ed25519"), ("x", "none")],
)
def test_what_a_keys_object_says_of_its_kind_is_not_believed(sealed, public, keytype, scheme):
    disguised = SSlibKey("chosen", keytype, scheme, public.keyval)
    assert envelope.open_envelope(sealed, [disguised]).signers == {public.keyid}


def test_a_key_object_without_a_key_in_it_is_a_key_file_error(sealed):
    for text in ("", "AAAA", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"):
        with pytest.raises(KeyFileError):
            envelope.open_envelope(sealed, [SSlibKey("x", "ecdsa", "ecdsa-sha2-nistp256", {"public": text})])


def test_a_signature_in_another_spelling_than_der_is_refused(sealed, public):
    good = _signature(sealed)
    r, s = decode_dss_signature(good)
    length = len(good) - 2
    for other in (
        good + b"\0",  # something after it
        good[:-1],
        good[:1] + b"\x81" + good[1:],  # a length in two bytes, which BER allows
        b"\x30\x80" + good[2:] + b"\0\0",  # the indefinite length of BER
        good[:1]
        + bytes([length + 1])
        + good[2:3]
        + bytes([good[3] + 1])
        + b"\0"
        + good[4:],  # padded integer
        r.to_bytes(32, "big") + s.to_bytes(32, "big"),  # the raw form of PKCS#11 and JOSE
        encode_dss_signature(r + ORDER, s) if r + ORDER < 2**256 else b"\x30\x00",
        encode_dss_signature(r, s + ORDER) if s + ORDER < 2**256 else b"\x30\x00",
        encode_dss_signature(0, 0),
        encode_dss_signature(r, 0),
        encode_dss_signature(0, s),
        b"\0",
    ):
        with pytest.raises(envelope.SignatureError):
            envelope.open_envelope(_with(sealed, other), [public])


def test_the_twin_that_every_ecdsa_signature_has_says_the_same_of_the_same_signer(sealed, public):
    """Nothing may be told apart by the bytes of an envelope: white space could be changed as well."""
    r, s = decode_dss_signature(_signature(sealed))
    twin = _with(sealed, encode_dss_signature(r, ORDER - s))
    opened, again = (envelope.open_envelope(raw, [public]) for raw in (sealed, twin))
    assert (opened.statement.document, opened.signers) == (again.statement.document, again.signers)
    both = _with(sealed, _signature(sealed), _signature(twin))
    assert envelope.open_envelope(both, [public]).signers == {public.keyid}


def _inverse_point(a, b, x, y, slope):
    """The third point of a line through two points of P-256, mirrored."""
    third = (slope * slope - a - b) % FIELD
    return third, (slope * (x - third) - y) % FIELD


def _times(number, point):
    """A multiple of a point of P-256, by doubling and adding."""
    total = None
    for bit in f"{number:b}":
        if total is not None:
            x, y = total
            slope = (3 * x * x - 3) * pow(2 * y, -1, FIELD) % FIELD
            total = _inverse_point(x, x, x, y, slope)
        if bit == "1":
            total = point if total is None else _plus(total, point)
    return total


def _plus(first, second):
    (a, b), (x, y) = first, second
    return _inverse_point(a, x, a, b, (y - b) * pow(x - a, -1, FIELD) % FIELD)


def _keys_that_fit(signature, signed):
    """Both public keys under which a signature verifies (SEC 1, section 4.1.6); one is its maker's."""
    r, s = decode_dss_signature(signature)
    number = int.from_bytes(hashlib.sha256(signed).digest(), "big")
    y = pow((pow(r, 3, FIELD) - 3 * r + B) % FIELD, (FIELD + 1) // 4, FIELD)
    for side in (y, FIELD - y):
        inverse = pow(r, -1, ORDER)
        x_q, y_q = _plus(_times(s * inverse % ORDER, (r, side)), _times(-number * inverse % ORDER, GENERATOR))
        yield SSlibKey.from_crypto(ec.EllipticCurvePublicNumbers(x_q, y_q, ec.SECP256R1()).public_key())


def test_one_signature_is_not_two_peoples_though_a_second_key_can_be_made_to_fit_it(sealed, public):
    """Whoever sees an envelope can compute another key that verifies it, and hand that in as their own."""
    signed = Envelope.from_dict(json.loads(sealed)).pae()
    fitting = list(_keys_that_fit(_signature(sealed), signed))
    assert public.keyid in {key.keyid for key in fitting}
    for key in fitting:  # each of them alone does verify it
        assert envelope.open_envelope(sealed, [key]).signers == {key.keyid}
    together = [envelope.open_envelope(sealed, each).signers for each in (fitting, fitting[::-1])]
    assert together[0] == together[1]
    assert len(together[0]) == 1


def test_a_signature_of_another_scheme_beside_ours_is_passed_over_and_a_huge_one_refused(sealed, public):
    largest = b"\1" * 65_536
    assert envelope.open_envelope(_with(sealed, largest, _signature(sealed)), [public]).signers
    with pytest.raises(EnvelopeError, match="longer than 65536 bytes") as caught:
        envelope.open_envelope(_with(sealed, largest + b"\1", _signature(sealed)), [public])
    assert not isinstance(caught.value, envelope.SignatureError)
