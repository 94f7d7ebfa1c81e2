"""The release gate: policy, evidence and ledger in, ALLOW or DENY with a code for each requirement out.

    decision = decide(artifact.digest(path), "production", settings)
    decision.allow
    for answer in decision.answers: print(answer.requirement, answer.code, answer.message)
    remember(decision, settings)

It reads from top to bottom in three lists of small functions: `ground.STEPS` (policy, memory, clock,
store, ledger), `checks.CHECKS` (what one attestation must hold up against) and
`requirement.CHECKS_OF_ALL` (all evidence of a requirement together). `release` puts them together and
follows provenance to the training data, `codes` has every code, `attestation` reads what lies in a
store, `produce` says which command would produce what is missing. Why it decides as it does, and what
was tried against it: ``core/doc/adr/0010-release-gate.md``.
"""

from lockgate.gate.codes import Code
from lockgate.gate.decision import Answer, Decision, Problem, Relied
from lockgate.gate.release import decide
from lockgate.gate.remember import remember

__all__ = ["Answer", "Code", "Decision", "Problem", "Relied", "decide", "remember"]
