"""`lockgate publish`: put a signed attestation that is there into the evidence store and the ledger.

    lockgate publish waiver.attestation.json --key pipeline.key.pem --evidence evidence --ledger ledger.db

For what was signed by somebody who may not sign for the ledger: a waiver, the approval of a policy. The
key signs the ledger's new state, and not the attestation.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lockgate.commands import around
from lockgate.errors import EnvelopeError, InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("file", metavar="FILE", type=Path, help="the attestation")
    around.add_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Publish the attestation and return the exit code."""
    from lockgate.attest import envelope, keys, publish
    from lockgate.documents import read_bytes

    settings = around.settings(args)
    if not settings.evidence and not settings.ledger:
        raise InputError("there is nowhere to publish it; give --evidence or --ledger, or both")
    signer = keys.load_signer(str(settings.key), settings.key_passphrase)
    raw = read_bytes(args.file, envelope.MAX_BYTES, EnvelopeError)
    statement = envelope.unverified(raw)
    publish.publish(raw, statement, signer, settings)
    sys.stdout.write(f"published  {args.file}, of the kind {statement.kind}\n")
    return 0
