"""What the URI of a private key names, and what signs with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.attest.keys import pem
from lockgate.errors import KeyFileError

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

_FILES = ("file", "file2")
_SERVICES = ("hsm", "awskms", "gcpkms", "azurekms", "hv")


def load_signer(key_uri: str, passphrase: str | None = None) -> Signer:
    """Return what signs with a private key.

    Args:
        key_uri: Path of a PEM file, or a URI; `lockgate.attest.keys` lists the kinds.
        passphrase: Decrypts a key file, or is the PIN of a token; ignored for a key in the clear.

    Raises:
        KeyFileError: It is missing, no private key, not ECDSA P-256, encrypted with another
            passphrase or none was given, it lies in the clear where every user can read it, or the
            URI is none that is known here.
        MissingExtraError: The library of its key service is not installed.
        StageError: The service could not be asked.
    """
    scheme, rest = _parts(key_uri)
    if scheme in _SERVICES:
        from lockgate.attest.keys import services

        public = local_path(key_uri)
        return services.load(scheme, key_uri.partition("#")[0], pem.load_public(public), public, passphrase)
    return pem.load_private(_file(scheme, rest, key_uri), passphrase)


def public_pem(key_uri: str, passphrase: str | None = None) -> str:
    """Return the public half of a private key as PEM text.

    Args:
        key_uri: As for `load_signer`; a public key named after ``#`` is not looked at.
        passphrase: As for `load_signer`.

    Raises:
        KeyFileError: As for `load_signer`, or the key service's library does not give public keys.
        MissingExtraError: The library of its key service is not installed.
        StageError: The service could not be asked.
    """
    scheme, rest = _parts(key_uri)
    if scheme in _SERVICES:
        from lockgate.attest.keys import services

        key = services.public_key(scheme, key_uri.partition("#")[0], passphrase)
        return str(pem.parse_public(key.keyval["public"], key_uri).keyval["public"])
    return str(pem.load_private(_file(scheme, rest, key_uri), passphrase).public_key.keyval["public"])


def local_path(key_uri: str) -> Path:
    """Return the path of the file that a key's URI names: the private key, or the public one after ``#``.

    Raises:
        KeyFileError: The URI is of a kind that is not known, or names no public key where it must.
    """
    scheme, rest = _parts(key_uri)
    if scheme not in _SERVICES:
        return _file(scheme, rest, key_uri)
    shown, _, path = key_uri.partition("#")
    if not path:
        raise KeyFileError(
            f"the key {shown} comes without its public key; save that with `lockgate public-key`, "
            f"and write {shown}#FILE"
        )
    return Path(path)


def _parts(key_uri: str) -> tuple[str, str]:
    """Split a URI after its scheme; the scheme of a path is empty."""
    scheme, colon, rest = key_uri.partition(":")
    if not colon or "/" in scheme or Path(key_uri).exists():
        return "", key_uri
    return scheme, rest


def _file(scheme: str, rest: str, key_uri: str) -> Path:
    if not scheme:
        return Path(key_uri)
    if scheme in _FILES:
        return Path("/" + rest.lstrip("/") if rest.startswith("//") else rest)
    if scheme == "sigstore":
        raise KeyFileError(
            "a sigstore identity has no key that a gate could trust without the network; "
            "give a PEM file, or a key of a key service"
        )
    raise KeyFileError(
        f"keys of the kind {scheme!r} are not known; give the path of a PEM file, "
        f"or a URI of {', '.join(_SERVICES)}"
    )
