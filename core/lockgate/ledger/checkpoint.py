"""Checkpoints: the state of a ledger at one size, signed.

The form is C2SP's tlog-checkpoint (https://c2sp.org/tlog-checkpoint) inside a signed note
(https://c2sp.org/signed-note), with one extension line of our own:

    example.org/employment                                      origin
    1024                                                        size of the tree
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=                its root, base64
    lockgate-subjects mEDs5PpNmbYVDj6xzKzTR4wXaG1cj9OfiTzN+g5tGEw=      root of the index of subjects
    <empty line>
    — example.org/employment wNI9ajBEAiB...                     signature

Signatures are ECDSA P-256 over the text (type 0x02): four bytes of key hint, then the signature in
DER. The hint is the start of the SHA-256 of the public key's SubjectPublicKeyInfo, as Sigstore's
Rekor writes it. It is never believed: every signature is tried with every key that the reader trusts.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from lockgate.errors import KeyFileError
from lockgate.ledger.errors import (
    CheckpointFormError,
    LedgerError,
    LedgerUrlError,
    UnsignedCheckpointError,
    WrongSignerError,
)
from lockgate.ledger.merkle import HASH_BYTES

if TYPE_CHECKING:
    from securesystemslib.signer import Signer, SSlibKey

SUBJECTS = "lockgate-subjects"
MAX_BYTES = 64_000
_MAX_SIGNATURES = 32  # signed-note: at least 16
_LONGEST_ORIGIN = 200
_HINT_BYTES = 4
_SIZE = re.compile(r"(?:0|[1-9][0-9]{0,17})\Z")
_SIGNATURE = re.compile(r"\u2014 (\S+) (\S+)\Z")


@dataclass(frozen=True)
class Checkpoint:
    """The state of a ledger at one size.

    Attributes:
        origin: The ledger's name.
        size: How many entries it has.
        root: The root of the Merkle tree over them.
        subjects: The root of the index of subjects.
        note: The signed text that says so; empty before it is signed.
        signers: Ids of the trusted keys that signed it (`lockgate.attest.keys`).
    """

    origin: str
    size: int
    root: bytes
    subjects: bytes
    note: str = ""
    signers: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """What is signed when Lockgate signs it."""
        lines = [self.origin, str(self.size), _encoded(self.root), f"{SUBJECTS} {_encoded(self.subjects)}"]
        return "\n".join(lines) + "\n"


def check_origin(origin: str) -> str:
    """Return the name of a ledger, when it can be one.

    Raises:
        LedgerUrlError: It is empty, too long, or has a space, a plus or what no terminal shows in it.
    """
    sound = origin.isprintable() and not re.search(r"[\s+]", origin)
    if not origin or not sound or len(origin) > _LONGEST_ORIGIN:
        raise LedgerUrlError(
            f"{origin[:40]!r} is no name for a ledger; give one without spaces and plus, "
            "such as example.org/employment"
        )
    return origin


def sign(checkpoint: Checkpoint, signer: Signer) -> Checkpoint:
    """Return a checkpoint with its signed note."""
    public = _public(signer.public_key)
    try:
        raw = bytes.fromhex(signer.sign(checkpoint.text.encode()).signature)
    except Exception as error:
        raise LedgerError(
            f"the key could not sign the ledger's checkpoint ({type(error).__name__}); check the key"
        ) from error
    line = f"\u2014 {checkpoint.origin} {base64.b64encode(_hint(public) + raw).decode()}\n"
    note = f"{checkpoint.text}\n{line}"
    return Checkpoint(
        checkpoint.origin,
        checkpoint.size,
        checkpoint.root,
        checkpoint.subjects,
        note,
        frozenset({_identity(public)}),
    )


def open_note(note: str, public_keys: Iterable[Any]) -> Checkpoint:
    """Return the checkpoint of a note, when a trusted key signed it.

    Args:
        note: The signed note.
        public_keys: Keys that may sign for this ledger: `lockgate.attest.keys.load_public`, or public
            keys of the cryptography package.

    Raises:
        CheckpointFormError: It is no such note.
        UnsignedCheckpointError: It has no signature.
        WrongSignerError: No given key signed it, or it was altered since.
    """
    if len(note) > MAX_BYTES:
        _refuse(f"it is larger than {MAX_BYTES} bytes")
    text, blank, rest = note.rpartition("\n\n")
    if not blank:
        text, rest = note.removesuffix("\n"), ""
    text += "\n"
    signatures = _signatures(rest)
    if not signatures:
        raise UnsignedCheckpointError(
            "the ledger's checkpoint is not signed; have it signed with: lockgate ledger checkpoint"
        )
    signers = _signers(text.encode(), signatures, public_keys)
    if not signers:
        raise WrongSignerError(
            "no trusted key signed the ledger's checkpoint, or it was altered since; "
            "check which keys may sign for the ledger, and take it from where it was written"
        )
    origin, size, root, subjects = _fields(text)
    return Checkpoint(origin, size, root, subjects, note, frozenset(signers))


def _fields(text: str) -> tuple[str, int, bytes, bytes]:
    lines = text.split("\n")[:-1]
    if len(lines) < 3 or not all(lines):  # noqa: PLR2004 - origin, size, root
        _refuse("it has no origin, size and root")
    if not all(line.isprintable() for line in lines):
        _refuse("it has a control character")
    ours = [line.partition(" ")[2] for line in lines[3:] if line.partition(" ")[0] == SUBJECTS]
    if len(ours) != 1:
        _refuse(f"it has not one line {SUBJECTS}")
    if not _SIZE.match(lines[1]):
        _refuse("its size is no number")
    return lines[0], int(lines[1]), _decoded(lines[2]), _decoded(ours[0])


def _signatures(block: str) -> list[bytes]:
    if not block:
        return []
    lines = block.split("\n")
    if lines.pop() or len(lines) > _MAX_SIGNATURES:
        _refuse(f"its signatures are not at most {_MAX_SIGNATURES} whole lines")
    found = []
    for line in lines:
        match = _SIGNATURE.match(line)
        raw = _base64(match.group(2)) if match else b""
        if len(raw) <= _HINT_BYTES:
            _refuse("a signature line is not of the form of a signed note")
        found.append(raw[_HINT_BYTES:])
    return found


def _signers(text: bytes, signatures: list[bytes], public_keys: Iterable[Any]) -> set[str]:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    found = set()
    for key in map(_public, public_keys):
        for signature in signatures:
            try:
                key.verify(signature, text, ec.ECDSA(hashes.SHA256()))
            except InvalidSignature:
                continue
            found.add(_identity(key))
    return found


def _public(key: Any) -> Any:
    """Return a key as the cryptography package has it."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    made = key
    if hasattr(key, "keyval"):  # securesystemslib's; one of a keyless signer has no material
        material = key.keyval.get("public", "")
        made = load_pem_public_key(material.encode()) if "BEGIN PUBLIC KEY" in material else None
    if not isinstance(made, ec.EllipticCurvePublicKey) or not isinstance(made.curve, ec.SECP256R1):
        raise KeyFileError(
            "a key for the ledger is not ECDSA P-256; use one that `lockgate keygen` made, or of that kind"
        )
    return made


def _identity(key: Any) -> str:
    """Derive the id anew: the one in an object may have been chosen by whoever made it."""
    from securesystemslib.signer import SSlibKey

    return SSlibKey.from_crypto(key).keyid


def identity(key: SSlibKey) -> str:
    """Return the id of a public key that follows from the key itself."""
    return _identity(_public(key))


def _hint(key: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization

    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).digest()[:_HINT_BYTES]


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _decoded(value: str) -> bytes:
    raw = _base64(value)
    if len(raw) != HASH_BYTES:
        _refuse("a root in it is no SHA-256 in base64")
    return raw


def _base64(value: str) -> bytes:
    """Decode RFC 4648 section 4, and only the one spelling that encoding would give back."""
    try:
        raw = base64.b64decode(value.encode("ascii"), validate=True)
    except ValueError:
        return b""
    return raw if base64.b64encode(raw).decode() == value else b""


def _refuse(what: str) -> NoReturn:
    raise CheckpointFormError(
        f"the ledger's checkpoint cannot be used: {what}; take the one that Lockgate wrote"
    )
