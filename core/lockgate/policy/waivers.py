"""Which findings a waiver excuses, and why one does not.

    excused = waivers.weigh(run, offered, asked)
    excused.wholly, excused.by, excused.refused

A waiver is a signed statement (`lockgate.attest.predicates.waiver`) that excuses named rules of one
stage about one artifact, in one environment or in all, for a time. A result is wholly waived when
every finding that closes the gate is excused, and every check that failed is explained by such a
finding: what failed without saying why cannot be excused, and neither can what could not be decided.

Nobody can excuse what they signed themselves: the identities behind the waived result and behind the
model's provenance are left out, whichever of their keys they use.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lockgate.attest.fields import written
from lockgate.attest.predicates.waiver import Waiver
from lockgate.outcome import Decision, Verdict
from lockgate.policy.times import CLOCK_SKEW
from lockgate.policy.trust import identities

if TYPE_CHECKING:
    from lockgate.attest.statement import RunSummary, Subject
    from lockgate.policy.release import Waivers
    from lockgate.policy.trust import Trust


class Refused(str, enum.Enum):
    """Why a waiver does not count."""

    NOT_ALLOWED = "the policy allows no waivers here"
    OTHER_DIGEST = "another artifact"
    OTHER_STAGE = "another stage"
    OTHER_ENVIRONMENT = "another environment"
    OTHER_RULE = "other rules"
    NOT_YET_GRANTED = "not yet granted"
    EXPIRED = "expired"
    TOO_LONG = "longer than the policy allows"
    WRONG_SIGNER = "signed by nobody who may"
    SELF_GRANTED = "granted by who signed what it waives"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Offered:
    """A waiver that was found, with a good signature of keys that the policy knows.

    Attributes:
        waiver: What it says.
        subjects: What it is about.
        signers: Ids of the keys that signed it.
        envelope: SHA-256 (hex) of the attestation.
        logged: When a ledger took it in, as far as that is known.
    """

    waiver: Waiver
    subjects: tuple[Subject, ...]
    signers: frozenset[str]
    envelope: str
    logged: dt.datetime | None = None


@dataclass(frozen=True)
class Asked:
    """What a waiver is held against.

    Attributes:
        digest: DigestSet of the artifact that the waived result is about.
        environment: Where the release goes.
        policy: Who may waive there; None allows no waivers.
        trust: Whose signatures count.
        now: The time that it is.
        involved: Identities that signed the waived result or the model's provenance.
    """

    digest: Mapping[str, str]
    environment: str
    policy: Waivers | None
    trust: Trust
    now: dt.datetime
    involved: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Excused:
    """What the waivers do for one result.

    Attributes:
        wholly: Whether nothing is left that closes the gate.
        by: SHA-256 (hex) of the waivers that excuse each rule.
        open: What is left, for a person: rules and checks.
        refused: For each waiver that does not count: its SHA-256, why, and that in a sentence.
    """

    wholly: bool
    by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    open: tuple[str, ...] = ()
    refused: tuple[tuple[str, Refused, str], ...] = ()


def weigh(run: RunSummary, offered: Iterable[Offered], asked: Asked) -> Excused:
    """Say whether waivers excuse all that closes the gate in one result.

    Args:
        run: The result, of a stage's attestation.
        offered: Waivers, in any order.
        asked: What they are held against.
    """
    closing = {finding.rule for finding in run.closing}
    by: dict[str, tuple[str, ...]] = {}
    refused: list[tuple[str, Refused, str]] = []
    for each in sorted(offered, key=lambda one: one.envelope):
        reason = refusal(each, run.stage, closing, asked)
        if reason is not None:
            refused.append((each.envelope, *reason))
            continue
        for rule in sorted(closing.intersection(each.waiver.rules)):
            by[rule] = (*by.get(rule, ()), each.envelope)
    left = _left(run, by)
    return Excused(bool(closing) and not left, by, tuple(left), tuple(refused))


def refusal(each: Offered, stage: str, rules: Iterable[str], asked: Asked) -> tuple[Refused, str] | None:
    """Say why a waiver does not count for a stage's findings of some rules; None when it does."""
    said, policy = each.waiver, asked.policy
    if policy is None:
        return Refused.NOT_ALLOWED, f"the policy names nobody who may waive findings for {asked.environment}"
    if len(each.subjects) != 1 or not each.subjects[0].is_(asked.digest):
        return Refused.OTHER_DIGEST, "the waiver is for another artifact"
    if said.stage != stage:
        return Refused.OTHER_STAGE, f"the waiver is for findings of {said.stage}, not of {stage}"
    if said.environment not in (None, asked.environment):
        return Refused.OTHER_ENVIRONMENT, f"the waiver is for {said.environment}, not for {asked.environment}"
    if not set(rules).intersection(said.rules):
        return Refused.OTHER_RULE, f"the waiver is for {', '.join(said.rules)}, which closes no gate here"
    if said.granted > asked.now + CLOCK_SKEW:
        return Refused.NOT_YET_GRANTED, f"the waiver is granted at {written(said.granted)}, in the future"
    if said.expires <= asked.now:
        return Refused.EXPIRED, f"the waiver expired at {written(said.expires)}"
    if said.expires - said.granted > policy.longest:
        return Refused.TOO_LONG, f"the waiver holds longer than the {policy.longest} that the policy allows"
    judged = asked.trust.judge_all(
        each.signers, signed=said.granted, now=asked.now, roles=policy.roles, logged=each.logged
    )
    allowed = identities(judged)
    if not allowed:
        why = "; ".join(one.why for one in judged) or "nobody signed it"
        return Refused.WRONG_SIGNER, f"the waiver does not count: {why}"
    if not allowed - asked.involved:
        return Refused.SELF_GRANTED, (
            f"the waiver was granted by {', '.join(sorted(allowed))}, who signed what it would waive"
        )
    return None


def _left(run: RunSummary, by: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return what closes the gate in a result in spite of the rules that are waived."""
    left = sorted({finding.rule for finding in run.closing if finding.rule not in by})
    explained = {finding.check for finding in run.closing if finding.check and finding.rule in by}
    for check, verdict in sorted(run.checks.items()):
        # A check that could not decide is not excused by a finding: nobody knows what it would have said.
        if verdict is Verdict.INCONCLUSIVE or (verdict is Verdict.FAIL and check not in explained):
            left.append(f"check {check} ({verdict})")
    if run.verdict is Verdict.INCONCLUSIVE and not left:
        left.append("the verdict INCONCLUSIVE")
    if run.decision is Decision.QUARANTINE:
        left.append("the decision QUARANTINE")
    return left
