"""Key files: PEM, made and read.

A pair is two files: ``NAME.key.pem`` (PKCS#8, mode 0600, encrypted when there is a passphrase) and
``NAME.pub.pem`` (SubjectPublicKeyInfo).
"""

from __future__ import annotations

import functools
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lockgate.documents import read_bytes
from lockgate.errors import KeyFileError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
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


def load_private(path: Path, passphrase: str | None) -> Signer:
    """Return what signs with the private key in a PEM file; see `lockgate.attest.keys.load_signer`."""
    from securesystemslib.signer import CryptoSigner

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
    _check_kind(key, str(path), private=True)
    return CryptoSigner(key)


def load_public(path: Path) -> SSlibKey:
    """Return a public key, with the id that follows from it.

    Raises:
        KeyFileError: It is missing, no public key, or not ECDSA P-256.
    """
    return parse_public(read_bytes(path, _MAX_BYTES, KeyFileError), str(path))


def load_publics(paths: str) -> list[SSlibKey]:
    """Return the public keys in some files.

    Args:
        paths: Their paths with a comma between. The same key in two files is returned once.

    Raises:
        KeyFileError: There is no path, one is empty, or a file is none that `load_public` reads.
    """
    names = [name.strip() for name in paths.split(",")]
    if "" in names:  # left out, a key that is missing by mistake would not be noticed
        raise KeyFileError(f"the list of public keys {paths!r} has an empty item; give paths of NAME{PUBLIC}")
    found = [load_public(Path(name)) for name in names]
    return list({key.keyid: key for key in found}.values())


def parse_public(text: str | bytes, where: str) -> SSlibKey:
    """Return the one public key in a PEM text, with the id that follows from it.

    Args:
        text: As it stands in a file or in a policy.
        where: What an error calls it, for example ``lockgate.yaml, line 12``.

    Raises:
        KeyFileError: It holds no public key, several, a private key, or one that is not ECDSA P-256.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.signer import SSlibKey

    raw = text.encode(errors="replace") if isinstance(text, str) else text
    if b"PRIVATE KEY-----" in raw:
        raise KeyFileError(
            f"{where} is a private key, which only its owner may hold; give the public key, NAME{PUBLIC}"
        )
    if raw.count(b"-----BEGIN") > 1:  # all but the first would be passed over in silence
        raise KeyFileError(f"{where} holds more than one key; give one public key a file")
    try:
        key = load_pem_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFileError(f"{where} is no public PEM key; give NAME{PUBLIC}") from None
    _check_kind(key, where, private=False)
    return SSlibKey.from_crypto(key)


def trusted(key: SSlibKey) -> SSlibKey:
    """Return a public key made anew from its key material, whatever its object says of id and scheme.

    Raises:
        KeyFileError: It is not ECDSA P-256.
    """
    return _trusted(str(key.keyval.get("public", "")))


@functools.lru_cache(maxsize=1_024)  # a gate asks the same few keys of every attestation
def _trusted(text: str) -> SSlibKey:
    return parse_public(text, "a trusted key")


def material(key: SSlibKey) -> EllipticCurvePublicKey:
    """Return a key of `trusted` as the cryptography package has it."""
    return _material(str(key.keyval["public"]))


@functools.lru_cache(maxsize=1_024)
def _material(text: str) -> EllipticCurvePublicKey:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    return cast("EllipticCurvePublicKey", load_pem_public_key(text.encode()))  # `trusted` looked at its kind


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


def _check_kind(key: Any, where: str, *, private: bool) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    wanted = ec.EllipticCurvePrivateKey if private else ec.EllipticCurvePublicKey
    if isinstance(key, wanted) and isinstance(key.curve, ec.SECP256R1):
        return
    kind = type(key).__name__.removesuffix("PrivateKey").removesuffix("PublicKey").lstrip("_")
    curve = f" on {key.curve.name}" if isinstance(key, wanted) else ""
    raise KeyFileError(
        f"{where} is a key of the wrong kind ({kind}{curve}); use {_KIND}, as `lockgate keygen` makes it"
    )


def _write_new(path: Path, content: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
