"""Keys: ECDSA on the curve P-256 (FIPS 186-5) in PEM files, signing through securesystemslib.

A pair is two files: ``NAME.key.pem`` (PKCS#8, mode 0600, encrypted when there is a passphrase) and
``NAME.pub.pem`` (SubjectPublicKeyInfo). A key's id is derived from the key itself (securesystemslib:
SHA-256 of the canonical JSON of type, scheme and public key), never read from a file, so one key
cannot appear under two names.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.documents import read_bytes
from lockgate.errors import KeyFileError

if TYPE_CHECKING:
    from securesystemslib.signer import Signer, SSlibKey

PRIVATE, PUBLIC = ".key.pem", ".pub.pem"
_MAX_BYTES = 64_000
_KIND = "ECDSA P-256"


@dataclass(frozen=True)
class KeyPair:
    """The files of a new key pair.

    Attributes:
        private: The private key; whoever has it (and its passphrase) can sign.
        public: The public key, to be given to whoever verifies.
        keyid: The id derived from the public key, hex.
    """

    private: Path
    public: Path
    keyid: str


def generate(name: str, directory: Path, passphrase: str | None) -> KeyPair:
    """Make a key pair and write its two files.

    Args:
        name: Their name without ending: ``signer`` gives ``signer.key.pem`` and ``signer.pub.pem``.
        directory: Where to; it is made when it is missing.
        passphrase: Encrypts the private key; None leaves it in the clear.

    Raises:
        KeyFileError: One of the files exists already, or cannot be written.
    """
    from cryptography.hazmat.primitives import serialization as pem
    from cryptography.hazmat.primitives.asymmetric import ec
    from securesystemslib.signer import SSlibKey

    private, public = directory / f"{name}{PRIVATE}", directory / f"{name}{PUBLIC}"
    for path in (private, public):
        if os.path.lexists(path):
            raise KeyFileError(f"{path} exists already and is not overwritten; choose another name")
    key = ec.generate_private_key(ec.SECP256R1())
    encryption = pem.BestAvailableEncryption(passphrase.encode()) if passphrase else pem.NoEncryption()
    secret = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, encryption)
    shown = key.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _write_new(private, secret, 0o600)
        try:
            _write_new(public, shown, 0o644)
        except OSError:
            private.unlink()
            raise
    except OSError as error:
        raise KeyFileError(
            f"{error.filename or directory} cannot be written: {error.strerror}; choose another folder"
        ) from None
    return KeyPair(private, public, SSlibKey.from_crypto(key.public_key()).keyid)


def load_signer(key_uri: str, passphrase: str | None = None) -> Signer:
    """Return what signs with a private key.

    Args:
        key_uri: Path of a PEM file; ``file2:PATH`` and ``file:PATH`` name the same.
        passphrase: Decrypts the key; ignored for a key in the clear.

    Raises:
        KeyFileError: It is missing, no private key, not ECDSA P-256, encrypted with another
            passphrase or none was given, or it lies in the clear where every user can read it.
    """
    from securesystemslib.signer import CryptoSigner

    path = local_path(key_uri)
    raw = read_bytes(path, _MAX_BYTES, KeyFileError)
    if b"PRIVATE KEY-----" not in raw:
        other = "a public key" if b"-----BEGIN PUBLIC KEY-----" in raw else "no private key"
        raise KeyFileError(f"{path} is {other}; give the private key, NAME{PRIVATE}")
    encrypted = any(mark in raw for mark in (b"ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED"))
    if encrypted and not passphrase:
        raise KeyFileError(f"the key {path} is encrypted; set LOCKGATE_KEY_PASSPHRASE")
    if not encrypted and path.stat().st_mode & stat.S_IROTH:
        raise KeyFileError(
            f"the key {path} lies in the clear where every user can read it; run: chmod 600 {path}"
        )
    key = _private_key(raw, passphrase if encrypted else None, path)
    _check_kind(key, path, private=True)
    return CryptoSigner(key)


def load_public(path: Path) -> SSlibKey:
    """Return a public key, with the id that follows from it.

    Raises:
        KeyFileError: It is missing, no public key, or not ECDSA P-256.
    """
    return parse_public(read_bytes(path, _MAX_BYTES, KeyFileError), str(path))


def parse_public(raw: bytes, name: str) -> SSlibKey:
    """Return the public key of a PEM text, with the id that follows from it.

    Args:
        raw: The text.
        name: What errors call it.

    Raises:
        KeyFileError: It is no public key, or not ECDSA P-256.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.signer import SSlibKey

    if b"PRIVATE KEY-----" in raw:
        raise KeyFileError(
            f"{name} is a private key, which only its owner may hold; give the public key, NAME{PUBLIC}"
        )
    try:
        key = load_pem_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFileError(f"{name} is no public PEM key; give NAME{PUBLIC}") from None
    _check_kind(key, name, private=False)
    return SSlibKey.from_crypto(key)


def local_path(key_uri: str) -> Path:
    """Return the path of the PEM file that a key's URI names.

    Raises:
        KeyFileError: It names a key of another kind, such as one in a cloud's key service.
    """
    scheme, colon, rest = key_uri.partition(":")
    if not colon or "/" in scheme or Path(key_uri).exists():
        return Path(key_uri)
    if scheme in ("file", "file2"):
        return Path("/" + rest.lstrip("/") if rest.startswith("//") else rest)
    raise KeyFileError(
        f"keys of the kind {scheme!r} are not read by this version; give the path of a PEM file"
    )


def _private_key(raw: bytes, passphrase: str | None, path: Path) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(raw, passphrase.encode() if passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        if passphrase:
            raise KeyFileError(
                f"the key {path} does not open with this passphrase; check LOCKGATE_KEY_PASSPHRASE"
            ) from None
        raise KeyFileError(f"{path} is no private key in PEM form; make one with `lockgate keygen`") from None


def _check_kind(key: Any, name: Path | str, *, private: bool) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    wanted = ec.EllipticCurvePrivateKey if private else ec.EllipticCurvePublicKey
    if isinstance(key, wanted) and isinstance(key.curve, ec.SECP256R1):
        return
    kind = type(key).__name__.removesuffix("PrivateKey").removesuffix("PublicKey").lstrip("_")
    curve = f" on {key.curve.name}" if isinstance(key, wanted) else ""
    raise KeyFileError(
        f"{name} is a key of the wrong kind ({kind}{curve}); use {_KIND}, as `lockgate keygen` makes it"
    )


def _write_new(path: Path, content: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
