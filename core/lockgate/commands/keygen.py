"""`lockgate keygen`: make a key pair for signing attestations.

    lockgate keygen keys/signer         # keys/signer.key.pem and keys/signer.pub.pem

The passphrase comes from ``LOCKGATE_KEY_PASSPHRASE`` or is asked for twice; it is never an argument,
which every user of the machine could read.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path

from lockgate.attest.keys import KeyPair, generate
from lockgate.errors import InputError

PASSPHRASE = "LOCKGATE_KEY_PASSPHRASE"
_LONGEST = 1_023  # bytes; what OpenSSL takes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("name", metavar="NAME", help="name of the pair; may begin with a folder: keys/signer")
    parser.add_argument("--out", metavar="DIR", default=".", help="folder of the two files (default: here)")
    parser.add_argument(
        "--no-passphrase",
        action="store_true",
        help="leave the private key in the clear, for demos and for stores that protect it themselves",
    )


def main(args: argparse.Namespace) -> int:
    """Make the pair, say where it is, and return the exit code."""
    pair = keygen(args.name, Path(args.out), None if args.no_passphrase else _passphrase())
    sys.stdout.write(
        f"private key  {pair.private}{' (not encrypted)' if args.no_passphrase else ''}\n"
        f"public key   {pair.public}\n"
        f"key id       {pair.keyid}\n"
    )
    return 0


def keygen(name: str, directory: Path, passphrase: str | None) -> KeyPair:
    """Make a key pair; see `lockgate.attest.keys.generate`.

    Args:
        name: Name of the pair, with or without leading folders, without ``.key.pem``.
        directory: Folder that `name` starts from.
        passphrase: Encrypts the private key; None leaves it in the clear.

    Raises:
        InputError: The name is none for a file.
        KeyFileError: The files exist already, or cannot be written.
    """
    path = Path(name)
    if not name or name.endswith(("/", ".pem")) or path.name in ("", ".", "..") or not name.isprintable():
        raise InputError(f"{name!r} is no name for a key pair; give a name without ending, such as signer")
    return generate(path.name, directory / path.parent, passphrase)


def _passphrase() -> str:
    given = os.environ.get(PASSPHRASE)
    if given:
        return _usable(given)
    if not sys.stdin.isatty():
        raise InputError(
            f"there is no terminal to ask for a passphrase; set {PASSPHRASE}, or give --no-passphrase"
        )
    first = getpass.getpass("Passphrase for the private key: ")
    if not first:
        raise InputError("the passphrase is empty; type one, or give --no-passphrase")
    if getpass.getpass("The same again: ") != first:
        raise InputError("the two passphrases differ; run the command again")
    return _usable(first)


def _usable(passphrase: str) -> str:
    """Return a passphrase that can encrypt a key; say nothing of what is in it."""
    try:
        size = len(passphrase.encode())
    except UnicodeEncodeError:
        raise InputError("the passphrase is not UTF-8 text; choose another") from None
    if size > _LONGEST:
        raise InputError(f"the passphrase is longer than {_LONGEST} bytes; choose a shorter one")
    return passphrase
