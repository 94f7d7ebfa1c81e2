"""`lockgate explain-gate`: say what a release lacks, who may produce it, and with which command.

    lockgate explain-gate --subject model.skops --environment production
    lockgate explain-gate --digest sha256:2c26b4...

It asks the same gate as `lockgate gate-release`, and leaves nothing behind: no result, no attestation,
nothing remembered. Exit codes: 0 ALLOW, 1 DENY, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from lockgate.errors import InputError
from lockgate.settings import PREFIX, Settings, secrets_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from lockgate.gate import Answer, Decision, Problem

_FLAGS = {
    "policy": ("FILE", "lockgate.yaml"),
    "policy_key": ("FILE", "public keys of who may sign the policy, comma between"),
    "evidence": ("URL", "folder or URL of the evidence store"),
    "ledger": ("URL", "SQLite file or database URL of the ledger"),
    "trust_state": ("FILE", "what the release gate remembers"),
}
_DIGEST = re.compile(r"(sha256|lockgateTree1):([0-9a-f]{64})\Z")
_SHOWN = 12  # characters of a digest
_NARROW = 100  # columns from which on the table has a column for who and when


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--subject", metavar="PATH", help="what is to be released: a file or a folder")
    what.add_argument(
        "--digest", metavar="ALGORITHM:HEX", help="the same by its digest: sha256:..., lockgateTree1:..."
    )
    parser.add_argument(
        "--environment", metavar="NAME", default="production", help="where to (default: production)"
    )
    for name, (metavar, text) in _FLAGS.items():
        variable = f"{PREFIX}{name.upper()}"
        parser.add_argument(
            f"--{name.replace('_', '-')}", metavar=metavar, help=f"{text} (default: ${variable})"
        )


def main(args: argparse.Namespace) -> int:
    """Explain the decision and return the exit code."""
    from rich.console import Console

    from lockgate import gate

    settings = _settings(args)
    digest = _digest(args)
    decision = gate.decide(digest, args.environment, settings)
    console = Console(highlight=False)
    _head(console, decision, args.subject)
    for problem in decision.problems:
        _around(console, problem, settings)
    if decision.answers:
        _table(console, decision)
        _to_do(console, decision, settings, args.subject or "PATH")
    return 0 if decision.allow else 1


def _settings(args: argparse.Namespace) -> Settings:
    said = {name: getattr(args, name) for name in _FLAGS}
    for name, value in said.items():
        flag = f"--{name.replace('_', '-')}"
        if value is not None and not value.strip():  # a variable of a script that is not set
            raise InputError(f"{flag} is empty; give a value, or leave the flag out")
        if secrets_in(value or ""):
            raise InputError(
                f"{flag} has a password or token in it, which others could read; "
                f"set {PREFIX}{name.upper()} instead"
            )
    return Settings(**said).or_else(Settings.from_environment())


def _digest(args: argparse.Namespace) -> Mapping[str, str]:
    from lockgate import artifact

    if args.digest is None:
        with artifact.private_folder() as private:
            return artifact.take(args.subject, private, "subject").digest
    match = _DIGEST.match(args.digest)
    if not match:
        raise InputError(
            f"--digest {args.digest[:80]!r} is no digest; write sha256:HEX or lockgateTree1:HEX, 64 digits"
        )
    return {match.group(1): match.group(2)}


# --- What a person sees -----------------------------------------------------------------------------


def _head(console: Console, decision: Decision, subject: str | None) -> None:
    from rich.markup import escape

    word = "[bold green]ALLOW[/]" if decision.allow else "[bold red]DENY[/]"
    algorithm, value = next(iter(decision.subject.items()))
    named = f"{escape(_visible(subject))}, " if subject else ""
    console.print(f"{word}  {named}{algorithm}:{value[:_SHOWN]}… to {escape(_visible(decision.environment))}")
    if decision.policy:
        name, revision, digest = decision.policy
        ledger = ""
        if decision.checkpoint:
            size = decision.checkpoint.size
            ledger = f"; ledger {decision.checkpoint.origin}, {size} entr{'y' if size == 1 else 'ies'}"
        console.print(f"by the policy {name}, revision {revision} ({digest[:_SHOWN]}…){ledger}")


def _around(console: Console, problem: Problem, settings: Settings) -> None:
    from rich.markup import escape

    from lockgate.gate import produce

    console.print(f"\n[bold red]{problem.code}[/]  {escape(_visible(settings.hide(problem.message)))}")
    console.print(f"  {escape(problem.code.fix)}")
    command = produce.around(problem, settings)
    if command:
        console.print(f"  {escape(_visible(command))}", soft_wrap=True)


def _table(console: Console, decision: Decision) -> None:
    from rich.table import Table
    from rich.text import Text

    wide = console.width >= _NARROW
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("requirement", overflow="fold")
    table.add_column("code", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=1)
    if wide:
        table.add_column("signed by", overflow="fold")
        table.add_column("of", no_wrap=True)
    for answer in decision.answers:
        style = "green" if answer.holds else "red"
        who, when = _who_and_when(answer)
        why = answer.message if wide or not who else f"{answer.message}, signed by {who}"
        cells = [Text(answer.requirement), Text(str(answer.code), style), Text(_visible(why))]
        table.add_row(*cells, *([Text(who), Text(when)] if wide else []))
    console.print()
    console.print(table)


def _who_and_when(answer: Answer) -> tuple[str, str]:
    who = sorted({who for relied in answer.relied for who in relied.identities})
    when = max((relied.finished for relied in answer.relied), default=None)
    return ", ".join(who), f"{when:%Y-%m-%d %H:%M}" if when else ""


def _to_do(console: Console, decision: Decision, settings: Settings, subject: str) -> None:
    """Say for each requirement that does not hold what to do, who may, and how."""
    from rich.markup import escape

    from lockgate import policy
    from lockgate.gate import produce

    lacking = [answer for answer in decision.answers if not answer.holds]
    if not lacking:
        return
    said = policy.load(str(settings.policy))
    console.print("\n[bold]To do[/]")
    for first, answers in _alike(lacking, said.environment(decision.environment).provenance):
        answer = answers[0]
        console.print(f"[bold]{escape(', '.join(each.requirement for each in answers))}[/]  ", end="")
        if first:
            console.print(f"Mend [bold]{escape(first)}[/], which names the data that this is about.")
            continue
        console.print(escape(answer.code.fix))
        need = produce.missing(answer, subject, said, decision.environment)
        if need.command:
            console.print(f"  who may: {escape(', '.join(need.who)) or 'nobody'}")
            console.print(f"  {escape(_visible(need.command))}", soft_wrap=True)
    console.print(
        "\nWords in capitals are for you to fill in. So that the gate sees the result, set\n"
        "LOCKGATE_POLICY, LOCKGATE_EVIDENCE and LOCKGATE_LEDGER, or give their flags.",
        soft_wrap=True,
    )


def _alike(lacking: Sequence[Answer], provenance: str | None) -> list[tuple[str, list[Answer]]]:
    """Group requirements for which there is the same to do.

    Returns:
        For each group the requirement that is to be mended before, or nothing, and its answers.
    """
    from lockgate.gate import Code

    unproved = {answer.requirement for answer in lacking} & {provenance}
    groups: dict[tuple[str, str, Code], list[Answer]] = {}
    for answer in lacking:
        follows = answer.code is Code.NO_PROVENANCE and unproved
        what = "" if answer.code is Code.WITHHELD else answer.requirement
        key = (str(provenance), "", answer.code) if follows else ("", what, answer.code)
        groups.setdefault(key, []).append(answer)
    return [(first, answers) for (first, _, _), answers in groups.items()]


def _visible(text: str) -> str:
    """Replace control characters, which a name may carry, before a terminal sees them."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
