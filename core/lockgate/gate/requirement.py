"""Is one requirement met for one artifact? All its evidence is weighed, and one answer comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from lockgate.gate import waived
from lockgate.gate.attestation import Reading
from lockgate.gate.checks import first_problem, speaking_against
from lockgate.gate.codes import Code
from lockgate.gate.decision import Answer, Problem, Relied
from lockgate.gate.question import Question, run_of

_Seen = tuple[tuple[str, Problem], ...]


@dataclass(frozen=True)
class Weighed:
    """The evidence of a requirement, each attestation held against every check.

    Attributes:
        question: The requirement and the artifact.
        valid: The attestations that pass every check, newest first.
        refused: The others, those that got furthest first: how far, the attestation, the problem.
    """

    question: Question
    valid: tuple[Reading, ...]
    refused: tuple[tuple[int, Reading, Problem], ...]

    @property
    def identities(self) -> frozenset[str]:
        """The identities that have signed a valid attestation."""
        return frozenset().union(*map(self.question.counted, self.valid))

    @property
    def seen(self) -> _Seen:
        """Why each of the others does not count."""
        return tuple((reading.name, problem) for _, reading, problem in self.refused)


def answer(question: Question, subject: Mapping[str, str] | None = None) -> tuple[Answer, Weighed]:
    """Answer one requirement about one artifact; give what was weighed beside it.

    Args:
        question: The requirement, and all evidence of the artifact.
        subject: The artifact's DigestSet, when it is not what is released.
    """
    weighed = _weigh(question)
    asked = question.requirement
    for check in CHECKS_OF_ALL:
        problem = check(weighed)
        if problem is not None:
            said = Answer(
                asked.id, asked.stage, problem.code, problem.message, seen=weighed.seen, subject=subject
            )
            return said, weighed
    return _held(weighed, subject), weighed


def _weigh(bare: Question) -> Weighed:
    question = replace(bare, against=speaking_against(bare))
    valid, refused = [], []
    for reading in question.candidates:
        found = first_problem(reading, question)
        if found is None:
            valid.append(reading)
        else:
            refused.append((found[0], reading, found[1]))
    return Weighed(
        question,
        tuple(sorted(valid, key=_newest)),
        tuple(sorted(refused, key=lambda each: (-each[0], *_newest(each[1])))),
    )


# --- Checks of all evidence together ----------------------------------------------------------------


def nothing_is_withheld(weighed: Weighed) -> Problem | None:
    """What the ledger names is there: nobody can tell what a missing attestation says."""
    withheld = weighed.question.evidence.withheld
    if not withheld:
        return None
    said = f"the ledger names {_count(len(withheld))} of it that the store lacks ({withheld[0][:12]})"
    return Problem(Code.WITHHELD, said, withheld)


def nothing_was_altered(weighed: Weighed) -> Problem | None:
    """What lies in the store is as it was put there: bytes that were altered may have been a FAIL."""
    altered = weighed.question.evidence.altered
    if not altered:
        return None
    said = f"the store has {_count(len(altered))} of this artifact with other bytes ({altered[0][:12]})"
    return Problem(Code.ALTERED, said, altered)


def something_is_there(weighed: Weighed) -> Problem | None:
    """There is an attestation of the stage at all."""
    if weighed.question.candidates:
        return None
    return Problem(
        Code.NONE, f"nobody has run {weighed.question.requirement.stage} on it and signed the result"
    )


def something_counts(weighed: Weighed) -> Problem | None:
    """An attestation passes every check; if none does, the one that got furthest says why."""
    return None if weighed.valid else weighed.refused[0][2]


def enough_have_signed(weighed: Weighed) -> Problem | None:
    """As many identities have signed as the policy asks for; their keys are not counted."""
    wanted, found = weighed.question.requirement.identities, weighed.identities
    if len(found) >= wanted:
        return None
    return Problem(
        Code.TOO_FEW_IDENTITIES,
        f"{', '.join(sorted(found))} signed, and {wanted} identities must have",
        tuple(each.name for each in weighed.valid),
    )


CHECKS_OF_ALL: tuple[Callable[[Weighed], Problem | None], ...] = (
    nothing_is_withheld,
    nothing_was_altered,
    something_is_there,
    something_counts,
    enough_have_signed,
)
"""The checks of all evidence together, in their order."""


# --- Small helpers ----------------------------------------------------------------------------------


def _held(weighed: Weighed, subject: Mapping[str, str] | None) -> Answer:
    question, asked = weighed.question, weighed.question.requirement
    relied = tuple(_relied(each, question) for each in weighed.valid)
    waivers = _waivers(weighed)
    said = f"{asked.stage}: {relied[0].verdict}"
    if waivers:
        return Answer(
            asked.id,
            asked.stage,
            Code.WAIVED,
            f"{said}, waived",
            relied,
            weighed.seen,
            waivers,
            subject,
        )
    return Answer(asked.id, asked.stage, Code.HELD, said, relied, weighed.seen, (), subject)


def _relied(reading: Reading, question: Question) -> Relied:
    run = run_of(reading)
    who = tuple(sorted(question.counted(reading)))
    return Relied(reading.name, run.stage, who, run.finished, str(run.verdict))


def _waivers(weighed: Weighed) -> tuple[str, ...]:
    """Return the waivers that valid attestations need: those whose own verdict does not open."""
    found: list[str] = []
    for each in weighed.valid:
        if not weighed.question.opens(run_of(each)):
            by = waived.excused(each, weighed.question).by
            found += [name for names in by.values() for name in names]
    return tuple(dict.fromkeys(found))


def _newest(reading: Reading) -> tuple[float, str]:
    return -(reading.run.finished.timestamp() if reading.run else 0.0), reading.name


def _count(number: int) -> str:
    return "an attestation" if number == 1 else f"{number} attestations"
