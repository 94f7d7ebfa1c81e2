"""`lockgate public-key`: print the public half of a private key, for whoever verifies.

    lockgate public-key awskms:alias/release > release.pub.pem
    lockgate validate-data ... --key awskms:alias/release#release.pub.pem

The PIN of a token, or the passphrase of a key file, comes from ``LOCKGATE_KEY_PASSPHRASE``.
"""

from __future__ import annotations

import argparse
import os
import sys

from lockgate.attest import keys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("key", metavar="KEY", help="private key: the path of a PEM file, or a URI")


def main(args: argparse.Namespace) -> int:
    """Print the PEM text and return the exit code."""
    sys.stdout.write(keys.public_pem(args.key, os.environ.get("LOCKGATE_KEY_PASSPHRASE")))
    return 0
