"""`lockgate ledger`: look after the ledger, and prove to others what stands in it.

    lockgate ledger verify --ledger ledger.db --public-key ledger.pub.pem
    lockgate ledger show --digest sha256:2c26b4... --public-key ledger.pub.pem
    lockgate ledger prove --attestation attestation.json --public-key ledger.pub.pem --out proof.json
    lockgate ledger check-proof --proof proof.json --public-key ledger.pub.pem

A ledger in a database with a password is named by ``LOCKGATE_LEDGER``, never on the command line,
which every user of the machine could read. Exit codes: 0 all is well, 1 the ledger or the proof is
not what was signed, 2 wrong usage, 3 the database does not answer.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.errors import InputError

if TYPE_CHECKING:
    from lockgate.ledger import Checkpoint, Entry, Ledger

_MAX_ATTESTATION = 16_000_000
_MAX_PROOF = 2_000_000
_PASSWORD = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^@]*:[^@]*@")
_LISTED = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    verify = _action(actions, "verify", "Audit everything: entries, tree, index, every checkpoint.")
    show = _action(actions, "show", "Print the newest checkpoint, and the last entries or those of a digest.")
    cover = _action(actions, "checkpoint", "Sign entries that no checkpoint covers; look at them first.")
    prove = _action(actions, "prove", "Write a proof that an attestation is in the ledger.")
    export = _action(actions, "export", "Write checkpoint and entries as JSON lines.")
    check = actions.add_parser("check-proof", help="Check a proof, without a ledger and without a network.")
    for each in (verify, show, cover, prove, export):
        each.add_argument("--ledger", metavar="URL", help="path or database URL (default: $LOCKGATE_LEDGER)")
        each.add_argument("--origin", metavar="NAME", help="name that the ledger must have")
    for each in (verify, show, prove, export, check):
        _keys(each, required=True)
    _keys(cover, required=False)
    cover.add_argument("--key", metavar="FILE", help="private key that signs (default: $LOCKGATE_KEY)")
    show.add_argument("--digest", metavar="ALGORITHM:HEX", help="show all entries about this artifact")
    for each in (prove, check):
        each.add_argument("--attestation", metavar="FILE", required=each is prove, help="attestation.json")
    prove.add_argument("--out", metavar="FILE", default="ledger-proof.json", help="where to write the proof")
    export.add_argument("--out", metavar="FILE", required=True, help="where to write the lines")
    check.add_argument("--proof", metavar="FILE", required=True, help="what `prove` wrote")


def _action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
    return made


def _keys(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--public-key",
        metavar="FILE",
        nargs="+",
        default=[],
        required=required,
        help="public keys of who may sign for the ledger",
    )


def main(args: argparse.Namespace) -> int:
    """Do what is asked, and return the exit code."""
    from lockgate.ledger.errors import LedgerError, LedgerUnreachableError

    actions: dict[str, Callable[[argparse.Namespace], None]] = {
        "verify": _verify,
        "show": _show,
        "checkpoint": _checkpoint,
        "prove": _prove,
        "export": _export,
        "check-proof": _check_proof,
    }
    try:
        actions[args.action](args)
    except LedgerUnreachableError:
        raise
    except LedgerError as error:
        if type(error) is LedgerError or error.exit_code != LedgerError.exit_code:  # nothing about trust
            raise
        print(f"lockgate: {error}", file=sys.stderr)
        return 1
    return 0


def _verify(args: argparse.Namespace) -> None:
    found = _ledger(args).verify(_public_keys(args))
    name = found.checkpoint.origin if found.checkpoint else "the ledger is empty"
    print(f"{name}: {found.entries} entries, {found.subjects} subjects, {found.checkpoints} checkpoints")
    print("entries, tree, index and signatures agree")


def _show(args: argparse.Namespace) -> None:
    ledger = _ledger(args)
    now = ledger.checkpoint(_public_keys(args))
    if now is None:
        print("the ledger is empty")
        return
    print(f"origin    {now.origin}\nentries   {now.size}\nroot      {now.root.hex()}")
    print(f"signed by {', '.join(sorted(now.signers))}")
    if args.digest:
        algorithm, _, value = args.digest.partition(":")
        if not re.fullmatch(r"[0-9a-f]{32,}", value):
            raise InputError(f"{args.digest[:80]!r} is no digest; write it as sha256:HEX, in lower case")
        found = list(ledger.entries_of({algorithm: value}, now).entries)
        print(f"{len(found)} entries about {args.digest}, and these are all:")
    else:
        found = ledger.entries_at(range(max(0, now.size - _LISTED), now.size), now)
    for entry in found:
        print(_line(entry))


def _line(entry: Entry) -> str:
    about = ", ".join(f"{algorithm}:{value[:16]}…" for algorithm, value in entry.subjects[:3])
    more = f" and {len(entry.subjects) - 3} more" if len(entry.subjects) > 3 else ""  # noqa: PLR2004 - see above
    return f"{entry.index:>8}  {entry.logged:%Y-%m-%dT%H:%M:%SZ}  {entry.envelope[:16]}…  {about}{more}"


def _checkpoint(args: argparse.Namespace) -> None:
    from lockgate.attest.keys import load_signer

    key = args.key or os.environ.get("LOCKGATE_KEY")
    if not key:
        raise InputError("no key signs the checkpoint; give --key, or set LOCKGATE_KEY")
    signer = load_signer(key, os.environ.get("LOCKGATE_KEY_PASSPHRASE"))
    now = _ledger(args).cover(signer, trusted=_public_keys(args))
    print(now.note if now else "the ledger is empty", end="" if now else "\n")


def _prove(args: argparse.Namespace) -> None:
    from lockgate import artifact
    from lockgate.ledger import bundle

    ledger = _ledger(args)
    envelope = _bytes(args.attestation, _MAX_ATTESTATION)
    now = _now(ledger, args)
    entry = ledger.entry_of(envelope, now)
    with artifact.written_whole(Path(args.out)) as temporary:
        temporary.write_bytes(bundle.write(entry, now))
    print(f"entry {entry.index} of {now.size}: {args.out}")


def _export(args: argparse.Namespace) -> None:
    from lockgate import artifact

    ledger = _ledger(args)
    now = _now(ledger, args)
    with artifact.written_whole(Path(args.out)) as temporary, temporary.open("wb") as file:
        file.write(json.dumps({"checkpoint": now.note}).encode() + b"\n")
        for leaf in ledger.leaves(now):
            file.write(leaf + b"\n")
    print(f"{now.size} entries: {args.out}")


def _check_proof(args: argparse.Namespace) -> None:
    from lockgate.ledger import bundle

    envelope = _bytes(args.attestation, _MAX_ATTESTATION) if args.attestation else None
    found = bundle.check(_bytes(args.proof, _MAX_PROOF), _public_keys(args), envelope)
    moment = f"{found.leaf.logged:%Y-%m-%dT%H:%M:%SZ}"
    print(f"entry {found.index} of {found.checkpoint.size} in {found.checkpoint.origin}, logged {moment}")
    print(f"attestation sha256 {found.leaf.envelope}")
    for algorithm, value in found.leaf.subjects:
        print(f"about {algorithm}:{value}")


def _ledger(args: argparse.Namespace) -> Ledger:
    from lockgate.ledger import Ledger

    if args.ledger and _PASSWORD.match(args.ledger):
        raise InputError("a ledger's password does not belong on the command line; set LOCKGATE_LEDGER")
    url = args.ledger or os.environ.get("LOCKGATE_LEDGER")
    if not url:
        raise InputError("no ledger is named; give --ledger, or set LOCKGATE_LEDGER")
    return Ledger(url, args.origin)


def _now(ledger: Ledger, args: argparse.Namespace) -> Checkpoint:
    now = ledger.checkpoint(_public_keys(args))
    if now is None:
        raise InputError("the ledger is empty; run a stage with the ledger set first")
    return now


def _public_keys(args: argparse.Namespace) -> list[Any]:
    from lockgate.attest.keys import load_public

    return [load_public(Path(path)) for path in args.public_key]


def _bytes(path: str, limit: int) -> bytes:
    from lockgate.documents import read_bytes

    return read_bytes(Path(path), limit)
