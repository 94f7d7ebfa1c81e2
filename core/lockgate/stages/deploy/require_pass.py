"""The stage `require-pass`.

Rules:
    ``LG-PASS-001`` a verdict closes the gate.
    ``LG-PASS-002`` an attestation was not signed with the given key.
    ``LG-PASS-003`` a decision was QUARANTINE.
    ``LG-PASS-004`` a verdict other than PASS was let through.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from lockgate.errors import EnvelopeError, InputError
from lockgate.outcome import Check, Outcome, Severity, Verdict
from lockgate.stage import EvidenceIn, FileIn, stage

Word = Literal["PASS", "WARN", "FAIL", "INCONCLUSIVE", "WAIVED"]


@stage("require-pass", threats=["privilege"], handwritten=True)
def require_pass(
    attestations: list[EvidenceIn] | None = None,
    key: FileIn | None = None,
    *,
    verdicts: list[str] | None = None,
    allow: list[Word] | None = None,
) -> Outcome:
    """Close the gate unless everything that is given opens it.

    The worst decides: FAIL for a verdict that is not allowed (INCONCLUSIVE for an INCONCLUSIVE one),
    WARN when one that was let through is no PASS. Attestations count only with a good signature by
    the key, so they need one; verdicts are the words that earlier steps of this pipeline returned.
    Which artifact an attestation is about is not looked at here; `verify-artifact` does that.

    Args:
        attestations: ``attestation.json`` of earlier runs.
        key: The public key that signed all of them, ``NAME.pub.pem``.
        verdicts: PASS, WARN, FAIL, INCONCLUSIVE or WAIVED, as earlier steps returned them.
        allow: Verdicts that open the gate; by default PASS, WARN and WAIVED.

    Raises:
        InputError: Nothing was given, a word is no verdict, attestations came without a key, or one
            of them is no envelope of a run.
    """
    if not attestations and not verdicts:
        raise InputError("require-pass was given nothing to require; give verdicts or attestations")
    if attestations and not key:
        raise InputError(
            "attestations count only with a good signature; give key=NAME.pub.pem, or give verdicts instead"
        )
    outcome = Outcome()
    allowed = {Verdict(word) for word in allow} if allow else {v for v in Verdict if v.opens}
    for number, word in enumerate(verdicts or ()):
        _require(outcome, f"verdict[{number}]", f"Verdict {number + 1}", _verdict(word), allowed)
    for number, path in enumerate(attestations or ()):
        _attested(outcome, number, path, key, allowed)
    outcome.metrics = {"required": len(outcome.checks)}
    outcome.facts["Opens on"] = ", ".join(sorted(map(str, allowed)))
    return outcome


def _attested(outcome: Outcome, number: int, path: Path, key: Path | None, allowed: set[Verdict]) -> None:
    from lockgate.attest import envelope, keys
    from lockgate.documents import read_bytes

    check = f"attestation[{number}]"
    raw = read_bytes(path, envelope.MAX_BYTES, EnvelopeError)
    try:
        statement = envelope.open_envelope(raw, [keys.load_public(key)] if key else []).statement.run
    except envelope.SignatureError as error:
        problem, _, fix = str(error).partition("; ")
        outcome.checks.append(Check(check, Verdict.FAIL, "unsigned", reason=problem))
        _fail(outcome, "LG-PASS-002", check, f"Attestation {number + 1}: {problem}.", f"{fix.capitalize()}.")
        return
    if statement.verdict.opens and not statement.opens:
        outcome.checks.append(Check(check, Verdict.FAIL, str(statement.decision)))
        message = f"{statement.stage} said {statement.decision}."
        _fail(outcome, "LG-PASS-003", check, message, f"Look at the report of {statement.stage}.")
        return
    _require(outcome, check, statement.stage, statement.verdict, allowed)


def _require(outcome: Outcome, check: str, who: str, verdict: Verdict, allowed: set[Verdict]) -> None:
    if verdict in allowed:
        held = Verdict.PASS if verdict is Verdict.PASS else Verdict.WARN
        outcome.checks.append(Check(check, held, str(verdict)))
        if held is Verdict.WARN:
            outcome.find(
                "LG-PASS-004",
                Severity.MEDIUM,
                f"{who}: {verdict} was let through.",
                fix="Look at its report before you rely on it.",
                check=check,
            )
        return
    closed = Verdict.INCONCLUSIVE if verdict is Verdict.INCONCLUSIVE else Verdict.FAIL
    outcome.checks.append(Check(check, closed, str(verdict), reason=f"{who}: {verdict} closes the gate"))
    # An INCONCLUSIVE stays one: a finding of weight would turn it into a FAIL.
    severity = Severity.HIGH if closed is Verdict.FAIL else Severity.MEDIUM
    fix = "Look at its report for the reason, and run it again when that is mended."
    outcome.find("LG-PASS-001", severity, f"{who}: {verdict} closes the gate.", fix=fix, check=check)


def _verdict(word: str) -> Verdict:
    known = [verdict.value for verdict in Verdict]
    if word not in known:
        raise InputError(f"{word[:40]!r} is no verdict; give one of {', '.join(known)}")
    return Verdict(word)


def _fail(outcome: Outcome, rule: str, check: str, message: str, fix: str) -> None:
    outcome.find(rule, Severity.HIGH, message, fix=fix, check=check)
