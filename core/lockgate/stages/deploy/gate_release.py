"""The stage `gate-release`.

Rules: ``LG-GATE-NNN``, the codes of `lockgate.gate.codes`, one finding for each requirement that does not
hold or holds by a waiver; ``core/doc/gate-codes.md`` lists them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.outcome import Check, Outcome, Verdict
from lockgate.stage import FileIn, SettingsIn, stage

if TYPE_CHECKING:
    from lockgate.gate import Answer, Code, Decision

_SHOWN = 12  # characters of a digest, as git shows them


@stage("gate-release", threats=["privilege", "supply-chain"], gate=True, attests="verification-summary")
def gate_release(subject: FileIn, *, environment: str = "production", settings: SettingsIn) -> Outcome:
    """Say ALLOW or DENY to a release, by the signed policy and the evidence about the artifact.

    Every requirement of the policy is answered with one code: is there an attestation about just these
    bytes, is it the newest, did the stage pass, is it fresh enough, did somebody sign it who may, is it in
    the ledger, were the datasets validated that the model was trained on, and was it approved by somebody
    else than who trained it. PASS is ALLOW (WAIVED where a waiver was needed), FAIL is DENY. The
    attestation of this run is a SLSA verification summary (VSA), also of a DENY.

    The gate remembers the newest policy, ledger and time that it has seen, and refuses what is older the
    next time. Policy, root keys, evidence, ledger and memory come from the settings of the run.

    Args:
        subject: What is to be released: a file or a folder.
        environment: Where to, as the policy calls it.
        settings: Policy, root keys, evidence, ledger and memory of the run.
    """
    from lockgate import artifact, gate

    decision = gate.decide(artifact.digest(subject), environment, settings)
    gate.remember(decision, settings)
    outcome = Outcome()
    for problem in decision.problems:
        outcome.checks.append(Check("ground", Verdict.FAIL, str(problem.code), reason=problem.message))
        _find(outcome, problem.code, f"{problem.message}.", "ground")
    for answer in decision.answers:
        _tell(outcome, answer)
    outcome.metrics = _metrics(decision)
    outcome.evidence = {f"attestation[{i}]": {"sha256": name} for i, name in enumerate(decision.evidence)}
    outcome.facts = _facts(decision)
    outcome.tables["Requirements"] = [_row(answer) for answer in decision.answers]
    return outcome


def _tell(outcome: Outcome, answer: Answer) -> None:
    from lockgate.gate import Code

    verdicts = {Code.HELD: Verdict.PASS, Code.WAIVED: Verdict.WAIVED}
    check = f"requirement:{answer.requirement}"
    verdict = verdicts.get(answer.code, Verdict.FAIL)
    outcome.checks.append(Check(check, verdict, str(answer.code), reason=answer.message))
    if answer.code is not Code.HELD:
        _find(outcome, answer.code, f"{answer.requirement}: {answer.message}.", check)


def _find(outcome: Outcome, code: Code, message: str, check: str) -> None:
    outcome.find(str(code), code.severity, message, subject="subject", fix=code.fix, check=check)


def _metrics(decision: Decision) -> dict[str, object]:
    name, revision, digest = decision.policy or (None, None, None)
    return {
        "allow": decision.allow,
        "requirements": len(decision.answers),
        "held": sum(answer.holds for answer in decision.answers),
        "codes": list(decision.codes),
        "policy_name": name,
        "policy_revision": revision,
        "policy_digest": digest,
    }


def _facts(decision: Decision) -> dict[str, str]:
    facts = {"Decision": "ALLOW" if decision.allow else "DENY", "Environment": decision.environment}
    if decision.policy:
        name, revision, digest = decision.policy
        facts["Policy"] = f"{name}, revision {revision} ({digest[:_SHOWN]})"
    if decision.checkpoint:
        facts["Ledger"] = f"{decision.checkpoint.origin}, {decision.checkpoint.size} entries"
    return facts


def _row(answer: Answer) -> dict[str, str]:
    who = sorted({who for relied in answer.relied for who in relied.identities})
    when = max((relied.finished for relied in answer.relied), default=None)
    return {
        "requirement": answer.requirement,
        "code": str(answer.code),
        "what": answer.message,
        "who": ", ".join(who),
        "when": f"{when:%Y-%m-%d %H:%M} UTC" if when else "",
    }
