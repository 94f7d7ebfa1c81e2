"""Envelopes: DSSE v1.0 (Dead Simple Signing Envelope) around a statement, sealed and opened.

An envelope says nothing until a signature over its exact bytes was checked with a key that the
reader already trusts. So `open_envelope` decodes as little as it can before that, and reads the
statement only afterwards. What the envelope says about keys (``keyid``) is a hint that anybody can
write, and is not used: every signature is tried with every given key, and a signer is the id that
follows from the key's own material. The same key given twice, or signing twice, counts once, and so
does a signature that two keys verify.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from lockgate.attest import statement as statements
from lockgate.documents import load_json
from lockgate.errors import EnvelopeError, InputError

if TYPE_CHECKING:
    from securesystemslib.signer import Signer, SSlibKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MAX_BYTES = 16_000_000
_MAX_DEPTH = 32
_MAX_SIGNATURES = 32
_MAX_SIGNATURE_BYTES = 65_536  # room for a second one of any scheme (FIPS 205 has the longest: 49,856)
_LONGEST_P256 = 72  # DER of two integers below 2^256 (RFC 3279 section 2.2.3)


class SignatureError(EnvelopeError):
    """None of the given keys signed the envelope."""


class UnsignedError(SignatureError):
    """Nobody signed the envelope."""


@dataclass(frozen=True)
class Opened:
    """A statement whose signature was good.

    Attributes:
        statement: What was signed.
        signers: Ids of the given keys that signed it; at least one.
    """

    statement: statements.Statement
    signers: frozenset[str]


def seal(statement: Mapping[str, Any], signer: Signer | None) -> bytes:
    """Return the envelope of a statement as UTF-8 JSON.

    Args:
        statement: See `lockgate.attest.statement.from_result`.
        signer: What signs it; None leaves the list of signatures empty, and every verifier refuses it.

    Raises:
        EnvelopeError: The statement is one that `open_envelope` would refuse.
    """
    from securesystemslib.dsse import Envelope

    payload = json.dumps(statement, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    statements.parse(_json(payload, "the statement"))
    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    if signer is not None:
        envelope.sign(signer)
    raw = json.dumps(envelope.to_dict(), separators=(",", ":")).encode() + b"\n"
    if len(raw) > MAX_BYTES:
        raise EnvelopeError(f"the attestation is larger than {MAX_BYTES} bytes; look at fewer columns a run")
    return raw


def open_envelope(raw: bytes, public_keys: Iterable[SSlibKey]) -> Opened:
    """Return the statement of an envelope, when a given key signed it.

    Args:
        raw: The bytes of the envelope.
        public_keys: Keys whose signature counts; see `lockgate.attest.keys.load_public`.

    Raises:
        UnsignedError: It has no signature.
        SignatureError: No given key signed it: it was signed by others, or altered since.
        EnvelopeError: It is no envelope, or was signed over something that is no statement of a run.
        KeyFileError: A given key is not ECDSA P-256.
    """
    payload, signers = open_payload(raw, public_keys)
    return Opened(statements.parse(_json(payload, "the statement")), signers)


def open_payload(raw: bytes, public_keys: Iterable[SSlibKey]) -> tuple[bytes, frozenset[str]]:
    """Return what an envelope carries, when a given key signed it, and the ids of the keys that did.

    Raises:
        UnsignedError, SignatureError, EnvelopeError, KeyFileError: As for `open_envelope`.
    """
    payload, signatures = _decode(raw)
    if not signatures:
        raise UnsignedError("the attestation is not signed; run the stage again with --key")
    signers = _signers(payload, signatures, public_keys)
    if not signers:
        raise SignatureError(
            "the attestation was not signed with the given key, or was altered since; "
            "check the key, and take the attestation from where it was written"
        )
    return payload, frozenset(signers)


def countersign(raw: bytes, signer: Signer) -> bytes:
    """Return an envelope with a signature more over the same statement; a former one of the same key goes.

    Args:
        raw: The envelope. Its signatures are not checked, so see to what it says first (`unverified`).
        signer: What signs it.

    Raises:
        EnvelopeError: It is no envelope, or has as many signatures as it may.
    """
    from securesystemslib.dsse import Envelope

    payload, _ = _decode(raw)
    data = _json(raw, "the attestation")
    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    signature = envelope.sign(signer)
    kept = [entry for entry in data["signatures"] if entry.get("keyid") != signature.keyid]
    data["signatures"] = [*kept, *envelope.to_dict()["signatures"]]
    signed = json.dumps(data, separators=(",", ":")).encode() + b"\n"
    _decode(signed)
    return signed


def unverified(raw: bytes) -> statements.Statement:
    """Return the statement of an envelope without asking who signed it: to look at, never to believe.

    Raises:
        EnvelopeError: It is no envelope, or its statement is none that Lockgate reads.
    """
    return statements.parse(_json(_decode(raw)[0], "the statement"))


def _decode(raw: bytes) -> tuple[bytes, list[bytes]]:
    data = _json(raw, "the attestation")
    if not isinstance(data, dict) or set(data) != {"payload", "payloadType", "signatures"}:
        _refuse("it is no envelope with just payload, payloadType and signatures")
    if data["payloadType"] != PAYLOAD_TYPE:
        _refuse(f"its payloadType is not {PAYLOAD_TYPE}")
    entries = data["signatures"]
    if not isinstance(entries, list) or len(entries) > _MAX_SIGNATURES:
        _refuse(f"its signatures are no list of at most {_MAX_SIGNATURES}")
    return _base64(data["payload"], "payload"), [_signature(entry) for entry in entries]


def _signature(entry: Any) -> bytes:
    if not isinstance(entry, dict) or not {"sig"} <= set(entry) <= {"sig", "keyid"}:
        _refuse("a signature is no object with sig and keyid")
    if not isinstance(entry.get("keyid", ""), str):
        _refuse("a keyid is no text")
    signature = _base64(entry["sig"], "sig")
    if len(signature) > _MAX_SIGNATURE_BYTES:
        _refuse(f"a signature is longer than {_MAX_SIGNATURE_BYTES} bytes")
    return signature


def _signers(payload: bytes, signatures: list[bytes], public_keys: Iterable[SSlibKey]) -> set[str]:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, utils
    from cryptography.hazmat.primitives.hashes import SHA256
    from securesystemslib.dsse import Envelope

    from lockgate.attest import keys

    # Hashed once, however many signatures and keys there are: anybody can put many around a long payload.
    digest = hashlib.sha256(Envelope(payload, PAYLOAD_TYPE, {}).pae()).digest()
    how = ec.ECDSA(utils.Prehashed(SHA256()))
    # Made anew from their key material: id, type and scheme in the object may have been chosen by anybody.
    own = {key.keyid: keys.material(key) for key in (keys.trusted(given) for given in public_keys)}
    found = set()
    for signature in {each for each in signatures if len(each) <= _LONGEST_P256}:
        for keyid in sorted(own):  # always the same order: a signature is of the same key wherever it stands
            try:
                own[keyid].verify(signature, digest, how)
            except InvalidSignature:
                continue
            found.add(keyid)
            break  # a second key can be made to fit the same signature (SEC 1, section 4.1.6)
    return found


def _base64(value: Any, field: str) -> bytes:
    """Decode RFC 4648 section 4, and only the one spelling that encoding would give back."""
    try:
        decoded = base64.b64decode(value.encode("ascii"), validate=True)
    except (AttributeError, ValueError):  # no text; not ASCII; not base64 (binascii.Error is a ValueError)
        _refuse(f"its {field} is not base64")
    if not decoded or base64.b64encode(decoded).decode() != value:
        _refuse(f"its {field} is not base64")
    return decoded


def _json(raw: bytes, name: str) -> Any:
    try:
        return load_json(raw, max_bytes=MAX_BYTES, max_depth=_MAX_DEPTH, name=name).data
    except InputError as error:
        raise EnvelopeError(str(error)) from None


def _refuse(what: str) -> NoReturn:
    raise EnvelopeError(f"the attestation cannot be used: {what}; take the one that Lockgate wrote")
