"""What an attestation must hold up against before it counts for a requirement: one function for each.

`CHECKS` is the list, in order, and all of it. A check gets an attestation and the question, and returns
None or the problem. The first problem is the attestation's; the attestation that got furthest tells a
person what is missing.

Two things differ on purpose:

- To **open**, an attestation must pass every check.
- To **close**, it is enough that somebody with an allowed role signed that the stage did not pass, or
  something that cannot be understood (`speaks_against`): with whatever key of theirs, revoked or not,
  logged or not, by whatever thresholds. Nobody else can close: what strangers put into a store is noise.

A result that opens must be newer than every one that closes, by the times that both claim and, where
both are logged, by the order of the ledger (`lockgate.gate.question.is_newer`).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any

from lockgate.gate import waived
from lockgate.gate.attestation import Reading
from lockgate.gate.codes import Code
from lockgate.gate.decision import Problem, at
from lockgate.gate.question import Question, is_newer, run_of, statement_of
from lockgate.outcome import Decision, Verdict
from lockgate.policy.times import CLOCK_SKEW
from lockgate.policy.trust import Judged, Refusal

_NO_TIME = dt.datetime.max.replace(tzinfo=dt.timezone.utc)


def first_problem(reading: Reading, question: Question) -> tuple[int, Problem] | None:
    """Return the first check that an attestation does not pass, as its place in the list, and the problem."""
    for place, check in enumerate(CHECKS):
        problem = check(reading, question)
        if problem is not None:
            return place, problem
    return None


# --- Can it be read, and what is it about -----------------------------------------------------------


def can_be_read(reading: Reading, _: Question) -> Problem | None:
    """Somebody whom the policy knows signed it, and it says something that this Lockgate understands."""
    return reading.problem


def is_of_the_stages_kind(reading: Reading, question: Question) -> Problem | None:
    """Its predicate is the one that the stage writes, not one that says less."""
    kind = statement_of(reading).kind
    if kind == question.kind:
        return None
    return _problem(Code.WRONG_KIND, reading, f"it is of the kind {kind}, not {question.kind}")


def is_about_the_artifact(reading: Reading, question: Question) -> Problem | None:
    """One of its subjects has the artifact's digest; a name says nothing."""
    if question.inputs(reading):
        return None
    return _problem(Code.OTHER_SUBJECT, reading, "it is about another artifact")


def is_about_the_input(reading: Reading, question: Question) -> Problem | None:
    """The artifact was the input that the requirement asks for, not merely the reference of another one."""
    wanted, found = question.requirement.input, question.inputs(reading)
    if wanted is None or wanted in found:
        return None
    return _problem(
        Code.OTHER_INPUT, reading, f"the artifact was the input {', '.join(sorted(found))!r}, not {wanted!r}"
    )


# --- Who signed it, and is it logged ----------------------------------------------------------------


def signer_counts(reading: Reading, question: Question) -> Problem | None:
    """Somebody with an allowed role signed it, with a key that was good at a time that has come."""
    judged = question.judged(reading)
    if any(each.counts for each in judged):
        return None
    gravest = min(judged, key=_gravity)
    return _problem(_REFUSED[gravest.refusal], reading, gravest.why)


def is_logged(reading: Reading, question: Question) -> Problem | None:
    """The ledger has it, where the policy asks for that."""
    if reading.entry is not None or not question.ground.must_be_logged:
        return None
    return _problem(Code.NOT_LOGGED, reading, "the ledger does not have it")


# --- When, and how it ran ---------------------------------------------------------------------------


def was_over_when_logged(reading: Reading, _: Question) -> Problem | None:
    """It claims no time after the ledger took it in: a result of the future would stay the newest."""
    finished, logged = run_of(reading).finished, reading.logged
    if logged is None or finished <= logged + CLOCK_SKEW:
        return None
    return _problem(Code.FUTURE, reading, f"it claims {at(finished)}, but was logged at {at(logged)}")


def version_is_new_enough(reading: Reading, question: Question) -> Problem | None:
    """The Lockgate that ran the stage is not older than the policy allows."""
    wanted, ran = question.requirement.min_version, run_of(reading).version
    if wanted is None or release(ran) >= release(wanted):
        return None
    return _problem(Code.OLD_VERSION, reading, f"Lockgate {ran[:40]} ran it, {wanted} is the oldest allowed")


def thresholds_are_the_policys(reading: Reading, question: Question) -> Problem | None:
    """Every threshold that the policy sets for the stage is the one that it ran with."""
    ran = run_of(reading).thresholds
    for name, value in question.ground.the_policy.thresholds(question.requirement.stage).items():
        if name not in ran or not same(ran[name], value):
            with_ = repr(ran[name])[:40] if name in ran else "none"
            said = f"it ran with {name} {with_}, the policy sets {repr(value)[:40]}"
            return _problem(Code.OTHER_THRESHOLDS, reading, said)
    return None


# --- What it says -----------------------------------------------------------------------------------


def says_that_it_holds(reading: Reading, question: Question) -> Problem | None:
    """Its verdict opens a gate, by itself, by the policy's word on INCONCLUSIVE, or by waivers."""
    if question.opens(run_of(reading)) or waived.excused(reading, question).wholly:
        return None
    return _closed(reading, question)


def is_fresh(reading: Reading, question: Question) -> Problem | None:
    """It is not older than the policy allows, by the earlier of the claimed time and the ledger's."""
    longest, since = question.requirement.max_age, run_of(reading).finished
    if reading.logged is not None:
        since = min(since, reading.logged)
    if longest is None or question.ground.now - since <= longest:
        return None
    return _problem(Code.STALE, reading, f"it is of {at(since)}, which is longer ago than {_length(longest)}")


def nothing_newer_closes(reading: Reading, question: Question) -> Problem | None:
    """It is newer than every attestation that speaks against the requirement: an old PASS hides nothing."""
    for other in question.against:
        if is_newer(reading, other):
            continue
        if other.problem is not None:
            said = f"beside it lies one that may say otherwise ({other.name[:12]}): {other.problem.message}"
            return _problem(other.problem.code, other, said)
        return _closed(other, question)
    return None


CHECKS: tuple[Callable[[Reading, Question], Problem | None], ...] = (
    can_be_read,
    is_of_the_stages_kind,
    is_about_the_artifact,
    is_about_the_input,
    signer_counts,
    is_logged,
    was_over_when_logged,
    version_is_new_enough,
    thresholds_are_the_policys,
    says_that_it_holds,
    is_fresh,
    nothing_newer_closes,
)
"""The checks, in their order."""


def speaking_against(question: Question) -> tuple[Reading, ...]:
    """Return the attestations that close the gate unless a newer one opens it, newest first."""
    found = [each for each in question.candidates if speaks_against(each, question)]
    return tuple(sorted(found, key=_claimed_time, reverse=True))


def speaks_against(reading: Reading, question: Question) -> bool:
    """Whether an attestation closes the gate unless a newer one opens it; see the module's docstring."""
    if not question.allowed(reading):
        return False
    if reading.problem is not None:
        return True
    if is_about_the_artifact(reading, question) or is_about_the_input(reading, question):
        return False
    return not question.opens(run_of(reading)) and not waived.excused(reading, question).wholly


# --- Small helpers ----------------------------------------------------------------------------------

# From the gravest to the mildest: of several signatures, the gravest reason is told.
_REFUSED: dict[Refusal | None, Code] = {
    Refusal.COMPROMISED: Code.KEY_COMPROMISED,
    Refusal.ROTATED: Code.KEY_ROTATED,
    Refusal.NO_LONGER_VALID: Code.KEY_NOT_VALID,
    Refusal.NOT_YET_VALID: Code.KEY_NOT_VALID,
    Refusal.FUTURE: Code.FUTURE,
    Refusal.WRONG_ROLE: Code.WRONG_ROLE,
    Refusal.UNKNOWN_KEY: Code.UNKNOWN_SIGNER,
}
_RELEASE = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})\Z", re.ASCII)


def release(version: str) -> tuple[int, ...]:
    """Return a version as numbers; what is no release, such as a development version, is older than any."""
    match = _RELEASE.match(version)
    return tuple(map(int, match.groups())) if match else ()


def same(said: Any, wanted: Any) -> bool:
    """Whether a value in a statement is one of the policy: as JSON has it, where true is not 1."""
    if isinstance(wanted, (list, tuple)) and isinstance(said, list):
        return len(said) == len(wanted) and all(map(same, said, wanted))
    if isinstance(wanted, Mapping) and isinstance(said, Mapping):
        return said.keys() == wanted.keys() and all(same(said[name], wanted[name]) for name in wanted)
    if isinstance(wanted, bool) or isinstance(said, bool):
        return said is wanted
    return bool(said == wanted)


def _claimed_time(reading: Reading) -> dt.datetime:
    """Return when a result claims to be of; one that cannot be read may be of any time, so of the last."""
    return _NO_TIME if reading.problem is not None else run_of(reading).finished


def _gravity(judged: Judged) -> int:
    return list(_REFUSED).index(judged.refusal)


def _closed(reading: Reading, question: Question) -> Problem:
    """Return the problem of a result that closes the gate: why waivers do not help, or what it says."""
    run = run_of(reading)
    offered = waived.problem(reading, question)
    if offered is not None:
        return offered
    what = f"the newest result of {run.stage}, at {at(run.finished)},"
    if run.decision is Decision.QUARANTINE:
        return _problem(Code.QUARANTINE, reading, f"{what} advises QUARANTINE")
    if run.verdict is Verdict.INCONCLUSIVE:
        return _problem(Code.INCONCLUSIVE, reading, f"{what} is INCONCLUSIVE")
    rules = ", ".join(sorted({finding.rule for finding in run.closing}))
    return _problem(Code.FAIL, reading, f"{what} is FAIL{f' ({rules})' if rules else ''}")


def _length(time: dt.timedelta) -> str:
    hours = time.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours % 24 == 0 else f"{hours:g} hours"


def _problem(code: Code, reading: Reading, message: str) -> Problem:
    return Problem(code, message, (reading.name,))
