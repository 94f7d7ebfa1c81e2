"""`lockgate sign-policy`: approve a policy, so that a release gate takes it.

    lockgate sign-policy lockgate.yaml --key root.key.pem       # lockgate.yaml.attestation.json

The policy is checked first. Whoever signs after the first adds a signature to the same file. With an
evidence store and a ledger, the approval goes there too, so that a gate anywhere knows the newest
revision. The key's passphrase comes from ``LOCKGATE_KEY_PASSPHRASE``.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

from lockgate.commands import around


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("file", metavar="POLICY", type=Path, help="the policy: lockgate.yaml")
    around.add_arguments(parser, policy=False)


def main(args: argparse.Namespace) -> int:
    """Sign the policy, say what was signed, and return the exit code."""
    from lockgate.attest import keys
    from lockgate.policy import signing, times

    # What the ledger is called, and who signs for it, is in the very policy that is being signed.
    settings = dataclasses.replace(around.settings(args), policy=str(args.file))
    signer = keys.load_signer(str(settings.key), settings.key_passphrase)
    policy, approval = signing.approve(args.file, signer, now=times.now())
    target = Path(signing.attestation_of(args.file))
    around.leave(target, approval, signer, settings)
    sys.stdout.write(
        f"policy    {policy.name}, revision {policy.revision}, until {policy.expires:%Y-%m-%d %H:%M} UTC\n"
        f"sha256    {policy.digest}\n"
        f"signed    {target}\n"
        f"key id    {signer.public_key.keyid}\n"
    )
    return 0
