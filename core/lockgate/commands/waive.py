r"""`lockgate waive`: excuse findings of a stage about one artifact, for a time and with a reason.

    lockgate waive --artifact model.skops --stage test-robustness --rule LG-ROBUST-002 \
        --reason "Inputs are limited upstream, see ticket 114" --expires 14d --key dan.key.pem

Whether the waiver counts is for the policy to say: who may grant one, for how long, and that nobody
excuses what they signed themselves.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path

from lockgate.commands import around
from lockgate.errors import InputError

OUT = "waiver.attestation.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--artifact", metavar="PATH", required=True, help="the model or data that it is for")
    parser.add_argument("--stage", metavar="STAGE", required=True, help="the stage whose findings it excuses")
    parser.add_argument(
        "--rule", metavar="RULE", required=True, action="append", help="id of a rule; may be given again"
    )
    parser.add_argument("--environment", metavar="NAME", help="the environment that it is for (default: all)")
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why, for whoever reads it later")
    parser.add_argument(
        "--expires",
        metavar="WHEN",
        required=True,
        help="a time such as 2026-12-24T00:00:00Z, or 14d from now",
    )
    parser.add_argument("--out", metavar="FILE", default=OUT, help=f"where the waiver goes (default: {OUT})")
    around.add_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Write the waiver, say what it excuses, and return the exit code."""
    from lockgate import artifact
    from lockgate import stage as stages
    from lockgate.attest import envelope, keys
    from lockgate.attest.predicates import waiver
    from lockgate.policy import times

    settings = around.settings(args)
    now = times.now().replace(microsecond=0)
    said = waiver.Waiver(
        stage=stages.find(args.stage).name,
        rules=tuple(_rules(args.rule)),
        environment=_environment(args.environment),
        reason=_reason(args.reason),
        granted=now,
        expires=_expiry(args.expires, now),
    )
    with artifact.private_folder() as private:
        digest = artifact.take(args.artifact, private, "artifact").digest
    signer = keys.load_signer(str(settings.key), settings.key_passphrase)
    sealed = envelope.seal(waiver.build(digest, said), signer)
    around.leave(Path(args.out), sealed, signer, settings)
    sys.stdout.write(
        f"waived    {', '.join(said.rules)} of {said.stage}, until {said.expires:%Y-%m-%d %H:%M} UTC\n"
        f"artifact  {' '.join(f'{name}:{value}' for name, value in digest.items())}\n"
        f"signed    {args.out}\n"
        f"key id    {signer.public_key.keyid}\n"
    )
    return 0


def _rules(given: list[str]) -> list[str]:
    from lockgate.attest.predicates.waiver import MOST_RULES, RULE

    for rule in given:
        if not RULE.match(rule):
            raise InputError(f"{rule[:80]!r} is no rule id; write one as the report has it, LG-ROBUST-002")
    if len(given) > MOST_RULES:
        raise InputError(f"a waiver names at most {MOST_RULES} rules; write several waivers")
    return sorted(set(given))


def _environment(given: str | None) -> str | None:
    from lockgate.policy.shape import NAME

    if given is not None and not NAME.match(given):
        raise InputError(f"--environment {given[:80]!r} is no name of one; write it as the policy does")
    return given


def _reason(given: str) -> str:
    from lockgate.attest.predicates.waiver import LONGEST_REASON

    try:
        given.encode()
    except UnicodeEncodeError:
        raise InputError("the reason is no UTF-8 text; write it in UTF-8") from None
    if not given.strip() or len(given) > LONGEST_REASON:
        raise InputError(
            f"the reason is blank, or longer than {LONGEST_REASON} characters; say it in a sentence"
        )
    return given.strip()


def _expiry(given: str, now: dt.datetime) -> dt.datetime:
    from lockgate.policy import times

    try:
        expires = now + times.read_duration(given)
    except ValueError:
        try:
            expires = times.read_time(given)
        except ValueError:
            raise InputError(
                f"--expires {given[:80]!r} is no time with a zone and no duration; "
                "write 2026-12-24T00:00:00Z or 14d"
            ) from None
    if expires <= now:
        raise InputError(f"--expires {given} has passed already; give a later time")
    return expires
