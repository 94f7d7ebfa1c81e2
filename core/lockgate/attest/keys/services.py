"""Signing with a key that lies in a token or a cloud's key service, through securesystemslib.

What its libraries raise, and the texts in it, are theirs and may hold anything; a caller hears the
kind of the error and what to look at. A signature is checked against the public key before it is
used: a URI and a file that do not belong together are told where the key is used, not where a gate
finds nobody's signature.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import securesystemslib.signer as library
from securesystemslib.exceptions import UnsupportedLibraryError, UnverifiedSignatureError
from securesystemslib.signer import Signature, Signer, SSlibKey

from lockgate import artifact
from lockgate.errors import KeyFileError, LockgateError, MissingExtraError, StageError


@dataclass(frozen=True)
class _Service:
    """What to say of a kind of key.

    Attributes:
        extra: The extra that brings its library.
        module: The library.
        form: How its URIs are written.
        pattern: What stands after the scheme.
        look: What to look at when it does not answer.
    """

    extra: str
    module: str
    form: str
    pattern: str
    look: str


_SERVICES = {
    "hsm": _Service(
        "hsm",
        "python-pkcs11",
        "hsm:NUMBER?label=TOKEN",
        r"\d*(\?label=[^&?]+)?",
        "PYKCS11LIB, the token's label, the key's number and the PIN in LOCKGATE_KEY_PASSPHRASE",
    ),
    "awskms": _Service(
        "awskms",
        "boto3",
        "awskms:KEY_ID",
        r"[\w:/.-]+",
        "the AWS region and credentials, and their right to the key",
    ),
    "gcpkms": _Service(
        "gcpkms",
        "google-cloud-kms",
        "gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V",
        r"projects/[^/?]+/locations/[^/?]+/keyRings/[^/?]+/cryptoKeys/[^/?]+/cryptoKeyVersions/\d+",
        "the Google application credentials, and their right to the key",
    ),
    "azurekms": _Service(
        "azurekms",
        "azure-keyvault-keys",
        "azurekms://VAULT.vault.azure.net/keys/NAME/VERSION",
        r"//[\w.-]+/keys/[^/?]+/[^/?]+",
        "the Azure credentials, and their right to the key",
    ),
    "hv": _Service(
        "vault",
        "hvac",
        "hv:NAME/VERSION",
        r"[^/?]+/\d+",
        "VAULT_ADDR, VAULT_TOKEN and the right to the key",
    ),
}
# Its signers log what a service said, on top of raising it.
logging.getLogger("securesystemslib.signer").setLevel(logging.CRITICAL)

_NUMBER_OF_PIV_SIGNING = 2  # NIST SP 800-73-4: slot 9C, which securesystemslib takes when none is said


def load(scheme: str, uri: str, public: SSlibKey, public_file: Path, passphrase: str | None) -> Signer:
    """Return what signs with a key elsewhere; see `lockgate.attest.keys.load_signer`."""
    if scheme == "hsm":
        _check_token(uri, passphrase)
    _check_form(scheme, uri)
    with _told(scheme, uri, "cannot be used"):
        inner = Signer.from_priv_key_uri(uri, public, lambda _: passphrase or "")
    return _ServiceSigner(inner, scheme, uri, public_file)


def public_key(scheme: str, uri: str, passphrase: str | None) -> SSlibKey:
    """Ask a key service for the public half of a key; see `lockgate.attest.keys.public_pem`."""
    if scheme == "hsm":
        _check_token(uri, passphrase)
    _check_form(scheme, uri)
    rest = urlsplit(uri)
    with _told(scheme, uri, "does not give its public key"):
        if scheme == "hsm":
            label = parse_qs(rest.query).get("label", [None])[0]
            number = int(rest.path or _NUMBER_OF_PIV_SIGNING)
            found = library.HSMSigner.import_(number, label, lambda _: passphrase or "")
        elif scheme == "awskms":
            found = library.AWSSigner.import_(rest.path)
        elif scheme == "gcpkms":
            found = library.GCPSigner.import_(rest.path)
        elif scheme == "azurekms":
            found = library.AzureSigner.import_(rest.netloc.split(".")[0], rest.path.split("/")[2])
            if found[0] != uri:
                raise KeyFileError(f"the newest version of this key is {found[0]}; name that one")
        else:
            raise KeyFileError(
                f"the public key of {uri} is not asked for here; save it with `vault read transit/keys/NAME`"
            )
    return found[1]


class _ServiceSigner(Signer):
    """A signer whose errors are one sentence, and whose signatures are known to be good."""

    def __init__(self, inner: Signer, scheme: str, uri: str, public_file: Path) -> None:
        self._inner = inner
        self._scheme = scheme
        self._uri = uri
        self._public_file = public_file

    @classmethod
    def from_priv_key_uri(cls, *_: object) -> Signer:
        raise NotImplementedError  # it wraps a signer that exists already

    @property
    def public_key(self) -> SSlibKey:
        return self._inner.public_key  # type: ignore[return-value]  # it was given as one

    def sign(self, payload: bytes) -> Signature:
        with _told(self._scheme, self._uri, "did not sign"):
            signature = self._inner.sign(payload)
        try:
            self.public_key.verify_signature(signature, payload)
        except UnverifiedSignatureError:
            raise KeyFileError(
                f"{self._public_file} is not the public key of {artifact.display(self._uri)}; "
                "save that with `lockgate public-key`"
            ) from None
        return signature


def _check_token(uri: str, passphrase: str | None) -> None:
    if not os.environ.get("PYKCS11LIB"):
        raise KeyFileError(
            f"no library is named for the token of {uri}; set PYKCS11LIB to its PKCS#11 library"
        )
    if not passphrase:
        raise KeyFileError(f"the token of {uri} wants its PIN; set LOCKGATE_KEY_PASSPHRASE")


def _check_form(scheme: str, uri: str) -> None:
    """Refuse what securesystemslib would take apart wrongly or send as it is."""
    if not re.fullmatch(_SERVICES[scheme].pattern, uri.partition(":")[2], re.ASCII):
        # Without the URI itself: what is not of the form may have a password in it.
        raise KeyFileError(
            f"the key's URI is not of the form of {scheme} keys; write it as {_SERVICES[scheme].form}"
        )


@contextmanager
def _told(scheme: str, uri: str, what: str) -> Iterator[None]:
    """Turn what a service's library raises into one sentence without its text."""
    service = _SERVICES[scheme]
    try:
        yield
    except LockgateError:
        raise
    except UnsupportedLibraryError:
        raise MissingExtraError(service.extra, service.module) from None
    except Exception as error:  # noqa: BLE001 - every service has errors of its own
        raise StageError(
            f"the key {artifact.display(uri)} {what} ({type(error).__name__}); check {service.look}"
        ) from None
