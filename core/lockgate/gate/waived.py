"""What waivers do for a result that closes the gate, and the code of one that does not count."""

from __future__ import annotations

from lockgate.gate.attestation import Reading
from lockgate.gate.codes import Code
from lockgate.gate.decision import Problem
from lockgate.gate.question import Question, run_of
from lockgate.policy import waivers
from lockgate.policy.waivers import Refused

_KIND = "waiver"
# In the order in which `waivers.refusal` looks: of several waivers, the one that got furthest is told.
_CODES = {
    Refused.NOT_ALLOWED: Code.WAIVER_NOT_ALLOWED,
    Refused.OTHER_DIGEST: Code.WAIVER_OTHER,
    Refused.OTHER_STAGE: Code.WAIVER_OTHER,
    Refused.OTHER_ENVIRONMENT: Code.WAIVER_OTHER,
    Refused.OTHER_RULE: Code.WAIVER_OTHER,
    Refused.NOT_YET_GRANTED: Code.WAIVER_FUTURE,
    Refused.EXPIRED: Code.WAIVER_EXPIRED,
    Refused.TOO_LONG: Code.WAIVER_TOO_LONG,
    Refused.WRONG_SIGNER: Code.WAIVER_ROLE,
    Refused.SELF_GRANTED: Code.WAIVER_SELF,
}


def excused(reading: Reading, question: Question) -> waivers.Excused:
    """Return what the waivers about the artifact do for a result."""
    ground = question.ground
    asked = waivers.Asked(
        digest=question.evidence.digest,
        environment=ground.name,
        policy=ground.environment.waivers,
        trust=ground.trust,
        now=ground.now,
        involved=ground.trust.signers(reading.signers) | question.involved,
    )
    return waivers.weigh(run_of(reading), _offered(question), asked)


def problem(reading: Reading, question: Question) -> Problem | None:
    """Return why the waivers that were offered do not excuse a result; None when none was offered."""
    said = excused(reading, question)
    if said.by:
        left = ", ".join(said.open)[:200]
        return Problem(Code.WAIVER_PARTIAL, f"waivers leave {left}", (reading.name,))
    if not said.refused:
        return None
    name, why, sentence = max(said.refused, key=lambda each: list(_CODES).index(each[1]))
    return Problem(_CODES[why], sentence, (name, reading.name))


def _offered(question: Question) -> list[waivers.Offered]:
    """Return the waivers of the stage; one that must be logged and is not counts no more than a result."""
    return [
        waivers.Offered(each.statement.claim, each.statement.subjects, each.signers, each.name, each.logged)
        for each in question.evidence.readings
        if each.statement is not None
        and each.statement.kind == _KIND
        and each.statement.claim.stage == question.requirement.stage
        and (each.entry is not None or not question.ground.must_be_logged)
    ]
