"""What commands that sign and publish share: flags, settings, and the writing itself."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.errors import InputError, StageError
from lockgate.settings import PREFIX, Settings

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

_FLAGS = {
    "key": ("KEY", "private key that signs: the path of a PEM file, or a URI"),
    "evidence": ("URL", "folder or URL of the evidence store, into which it goes"),
    "ledger": ("URL", "SQLite file or database URL of the ledger, to which it is appended"),
    "policy": ("FILE", "the policy, which says what the ledger is called and who signs for it"),
}


def add_arguments(parser: argparse.ArgumentParser, *, policy: bool = True) -> None:
    """Declare the flags; without `policy` for a command that has a policy of its own."""
    for name, (metavar, text) in _FLAGS.items():
        if name == "policy" and not policy:
            continue
        parser.add_argument(f"--{name}", metavar=metavar, help=f"{text} (default: ${PREFIX}{name.upper()})")


def settings(args: argparse.Namespace) -> Settings:
    """Return what flags and environment say, with a key.

    Raises:
        InputError: There is no key, a flag is empty, or has a password or token in it.
    """
    said = {name: getattr(args, name, None) for name in _FLAGS}
    for name, value in said.items():
        if value is not None and not value.strip():  # a variable of a script that is not set
            raise InputError(f"--{name} is empty; give a value, or leave the flag out")
    given = Settings(**said)
    given.refuse_secrets()
    around = given.or_else(Settings.from_environment())
    if not around.key:
        raise InputError(f"this needs a signing key; give --key or set {PREFIX}KEY")
    return around


def leave(target: Path, sealed: bytes, signer: Signer, settings: Settings) -> None:
    """Publish an attestation and write it to a file, which is not there when either fails.

    Raises:
        StageError: It cannot be published or written.
    """
    from lockgate import artifact
    from lockgate.attest import envelope, publish

    try:
        with artifact.written_whole(target) as temporary:
            temporary.write_bytes(sealed)
            publish.publish(sealed, envelope.unverified(sealed), signer, settings)
    except OSError as error:
        raise StageError(f"{target} cannot be written: {error.strerror}; choose another folder") from None
