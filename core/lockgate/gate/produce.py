"""Which command would produce what a requirement lacks, for whoever asks the gate why."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate import stage as stages
from lockgate.gate.codes import Code
from lockgate.policy.release import SUBJECT

if TYPE_CHECKING:
    from lockgate.gate.decision import Answer, Problem
    from lockgate.policy import Policy
    from lockgate.policy.release import Environment, Requirement
    from lockgate.settings import Settings
    from lockgate.stage import Stage

_BY_HAND = frozenset(
    [
        *(Code.ERROR, Code.STORE_UNREADABLE, Code.CLOCK_BEHIND),
        *(Code.NO_ROOT, Code.NO_MEMORY, Code.NO_ENVIRONMENT, Code.POLICY_UNREADABLE, Code.POLICY_FUTURE),
        *(Code.POLICY_ROLLED_BACK, Code.POLICY_FORKED, Code.NO_TRAINING_DATA),
    ]
)
"""Reasons that no command of Lockgate takes away."""
_OF_POLICY = frozenset(
    [Code.POLICY_UNSIGNED, Code.POLICY_WRONG_SIGNER, Code.POLICY_ALTERED, Code.POLICY_EXPIRED]
)
_LEDGER = frozenset(
    [Code.CHECKPOINT_UNTRUSTED, Code.TRUNCATED, Code.FORKED, Code.LEDGER_ALTERED, Code.ENTRY_MISSING]
)

_NOT_STORED = frozenset([Code.ALTERED, Code.WITHHELD])
"""Reasons that a copy of the attestation takes away: publishing it again logs nothing twice."""
_AUDIT = "lockgate ledger verify --public-key LEDGER.pub.pem"
_PUBLISH = "lockgate publish COPY.attestation.json --key KEY.key.pem"


@dataclass(frozen=True)
class Missing:
    """What would make one requirement hold.

    Attributes:
        who: The identities that may do it.
        command: What they would run; empty when no command of Lockgate does it.
    """

    who: tuple[str, ...]
    command: str


def missing(answer: Answer, subject: str, policy: Policy, environment: str) -> Missing:
    """Return who may produce what a requirement lacks, and how.

    Args:
        answer: The answer to it, a refusal.
        subject: Path of what is to be released.
        policy: The policy that asks for it.
        environment: Where the release goes.
    """
    place = policy.environment(environment)
    asked = place.by_id[answer.requirement]
    if answer.code is Code.NO_PROVENANCE and place.provenance:
        asked = place.by_id[place.provenance]
    who = tuple(sorted(policy.trust.holders(asked.roles)))
    if answer.code in _LEDGER:
        return Missing(_ledger_keepers(policy), _AUDIT)
    if answer.code in _NOT_STORED:
        return Missing(_ledger_keepers(policy) or who, _PUBLISH)
    if answer.code in _BY_HAND:
        return Missing(who, "")
    if answer.code.number // 100 == 6:  # noqa: PLR2004 - the codes of waivers
        return Missing(_may_waive(policy, place), _waive(answer, asked, subject, environment))
    if answer.code is Code.NOT_SEPARATE:
        who = tuple(name for name in who if f"{name} signed" not in answer.message)
    return Missing(who, _run(asked, subject))


def around(problem: Problem, settings: Settings) -> str:
    """Return the command that takes a problem of policy or ledger away, or nothing when none does."""
    if problem.code in _OF_POLICY:
        return f"lockgate sign-policy {shlex.quote(_shown(settings.policy))} --key ROOT.key.pem"
    return _AUDIT if problem.code in _LEDGER else ""


def _run(asked: Requirement, subject: str) -> str:
    """Return the command line of a stage, with the artifact in its place and capitals for the rest."""
    spec = stages.find(asked.stage)
    about = asked.input or spec.inputs[0].name
    artifact = shlex.quote(subject) if asked.about == SUBJECT else "DATASET"
    words = [f"--{_flag(about)} {artifact}"]
    words += [f"--{_flag(name)} {name.upper()}" for name in _needed(spec) if name != about]
    if spec.name == "record-provenance":
        words.append("--materials DATASET")
    return " ".join([f"lockgate {spec.name}", *words, f"--{_key_flag(spec)} KEY.key.pem"])


def _needed(spec: Stage) -> list[str]:
    return [each.name for each in spec.parameters if each.required]


def _key_flag(spec: Stage) -> str:
    return "signing-key" if any(each.name == "key" for each in spec.parameters) else "key"


def _waive(answer: Answer, asked: Requirement, subject: str, environment: str) -> str:
    artifact = shlex.quote(subject) if asked.about == SUBJECT else "DATASET"
    return (
        f"lockgate waive --artifact {artifact} --stage {answer.stage} --rule RULE "
        f"--environment {shlex.quote(environment)} --reason WHY --expires 14d --key KEY.key.pem"
    )


def _may_waive(policy: Policy, place: Environment) -> tuple[str, ...]:
    return tuple(sorted(policy.trust.holders(place.waivers.roles))) if place.waivers else ()


def _ledger_keepers(policy: Policy) -> tuple[str, ...]:
    return tuple(sorted(policy.trust.holders(policy.ledger.roles))) if policy.ledger else ()


def _flag(name: str) -> str:
    return name.replace("_", "-")


def _shown(path: str | None) -> str:
    from lockgate import artifact

    return artifact.display(path) if path else "lockgate.yaml"
