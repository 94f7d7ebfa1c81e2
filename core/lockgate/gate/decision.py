"""What a release gate answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate.gate.codes import Code

if TYPE_CHECKING:
    from lockgate.ledger import Checkpoint


def at(time: dt.datetime) -> str:
    """Return a time as a sentence says it."""
    return f"{time.astimezone(dt.timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True)
class Problem:
    """Why something does not hold.

    Attributes:
        code: The reason.
        message: It in a sentence, with what and who.
        attestations: SHA-256 (hex) of the attestations that it is about.
    """

    code: Code
    message: str
    attestations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Relied:
    """An attestation that a requirement rests on.

    Attributes:
        attestation: SHA-256 (hex) of its bytes.
        stage: The stage that ran.
        identities: Who signed it, as far as the signatures count.
        finished: When the run ended, as it says.
        verdict: What it said.
    """

    attestation: str
    stage: str
    identities: tuple[str, ...]
    finished: dt.datetime
    verdict: str


@dataclass(frozen=True)
class Answer:
    """The answer to one requirement.

    Attributes:
        requirement: Its id in the policy.
        stage: The stage that it asks for.
        code: Whether and why it holds or does not.
        message: The same in a sentence.
        relied: The attestations that it rests on; empty when it does not hold.
        seen: For each attestation that was considered and does not count: its SHA-256, and why not.
        waivers: SHA-256 (hex) of the waivers that it rests on.
        subject: DigestSet of what it is about when that is not what is released: the dataset.
    """

    requirement: str
    stage: str
    code: Code
    message: str
    relied: tuple[Relied, ...] = ()
    seen: tuple[tuple[str, Problem], ...] = ()
    waivers: tuple[str, ...] = ()
    subject: Mapping[str, str] | None = None

    @property
    def holds(self) -> bool:
        """Whether the requirement holds."""
        return self.code.holds

    @property
    def fix(self) -> str:
        """What to do, one sentence."""
        return self.code.fix


@dataclass(frozen=True)
class Decision:
    """Whether something may be released, and why.

    Attributes:
        subject: DigestSet of what is to be released.
        environment: Where to.
        now: The time of the decision.
        problems: What is wrong with policy, clock, memory, ledger or store; then there are no answers.
        answers: One for each requirement of the environment, in the policy's order.
        policy: Name, revision and SHA-256 (hex) of the policy; None when it could not be opened.
        checkpoint: The ledger's state that was looked at; None when none was used.
    """

    subject: Mapping[str, str]
    environment: str
    now: dt.datetime
    problems: tuple[Problem, ...] = ()
    answers: tuple[Answer, ...] = ()
    policy: tuple[str, int, str] | None = None
    checkpoint: Checkpoint | None = None

    @property
    def allow(self) -> bool:
        """ALLOW: nothing is wrong around it, there are requirements, and every one holds."""
        return not self.problems and bool(self.answers) and all(answer.holds for answer in self.answers)

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of all problems and answers, in order."""
        return (*(str(each.code) for each in self.problems), *(str(each.code) for each in self.answers))

    @property
    def evidence(self) -> tuple[str, ...]:
        """SHA-256 (hex) of the attestations and waivers that the answers rest on, each once."""
        found = [
            name
            for answer in self.answers
            for name in (*(r.attestation for r in answer.relied), *answer.waivers)
        ]
        return tuple(dict.fromkeys(found))
