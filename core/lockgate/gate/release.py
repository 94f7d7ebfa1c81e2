"""May something be released? Ground, requirements, chain: each in a fixed order, each answer with its code.

    decision = decide(digest, "production", settings)
    decision.allow, decision.codes

Nothing that could not be evaluated opens the gate: an error where none belongs is an answer of its own
(``LG-GATE-901``), and it denies.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lockgate.attest.fields import DIGESTS
from lockgate.attest.predicates.provenance import Provenance
from lockgate.errors import InputError, StageError
from lockgate.gate import attestation, ground, problems, requirement
from lockgate.gate.attestation import Evidence
from lockgate.gate.codes import Code
from lockgate.gate.decision import Answer, Decision, Problem
from lockgate.gate.ground import Ground
from lockgate.gate.question import Question
from lockgate.gate.requirement import Weighed
from lockgate.policy import times
from lockgate.policy.release import TRAINING_DATA

if TYPE_CHECKING:
    from lockgate.policy.release import Requirement
    from lockgate.settings import Settings

_Digest = tuple[tuple[str, str], ...]


def decide(
    subject: Mapping[str, str], environment: str, settings: Settings, *, now: dt.datetime | None = None
) -> Decision:
    """Say whether an artifact may be released into an environment, with one code for each requirement.

    Nothing is written; `lockgate.gate.remember` keeps what was seen.

    Args:
        subject: Its DigestSet; see `lockgate.artifact.digest`.
        environment: A name under ``release`` in the policy.
        settings: Where policy, root keys, evidence, ledger and memory are.
        now: The time that it is; the clock's when None.
    """
    moment = (now or times.now()).astimezone(dt.timezone.utc)
    base = Ground(settings, environment, moment)
    said = Decision(dict(subject), environment, moment)
    try:
        problem = ground.lay(base) or _of_subject(subject)
        said = dataclasses.replace(said, policy=base.identity, checkpoint=base.checkpoint)
        if problem is not None:
            return dataclasses.replace(said, problems=(_public(problem, settings),))
        return dataclasses.replace(said, answers=_Case(base, dict(subject)).answers())
    except Exception as error:  # noqa: BLE001 - whatever it is, nothing opens on it
        return dataclasses.replace(said, problems=(problems.unexpected("the decision", error),), answers=())


def _public(problem: Problem, settings: Settings) -> Problem:
    """Hide passwords and tokens of the settings: what a gate says is signed, and kept for good."""
    return dataclasses.replace(problem, message=settings.hide(problem.message))


def _of_subject(subject: Mapping[str, str]) -> Problem | None:
    if any(algorithm in subject for algorithm in DIGESTS):
        return None
    return Problem(Code.WEAK_DIGEST, "what is to be released has no digest that counts")


@dataclass
class _Case:
    """One decision, while it is made."""

    ground: Ground
    subject: dict[str, str]
    collected: dict[_Digest, Evidence | Problem] = field(default_factory=dict)
    weighed: dict[str, dict[_Digest, Weighed]] = field(default_factory=dict)

    def answers(self) -> tuple[Answer, ...]:
        """Answer every requirement: first each by itself, then by who has signed for the others."""
        asked = self.ground.environment.require
        found = {each.id: self._answered(each) for each in asked}
        for group in self.ground.environment.separate:
            for name, problem in self._not_separate(group, found):
                found[name] = _denied(self.ground.environment.by_id[name], problem)
        return tuple(found[each.id] for each in asked)

    def _answered(self, asked: Requirement) -> Answer:
        try:
            if asked.about == TRAINING_DATA:
                return self._of_training_data(asked)
            return self._of(asked, self.subject)
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing opens on it
            return _denied(asked, problems.unexpected("the requirement", error))

    def _of(self, asked: Requirement, digest: Mapping[str, str]) -> Answer:
        """Answer a requirement about one artifact."""
        evidence = self._evidence(digest)
        other = None if digest == self.subject else digest
        if isinstance(evidence, Problem):
            return _denied(asked, evidence, other)
        question = Question(self.ground, asked, evidence, self._made_by())
        said, weighed = requirement.answer(question, other)
        self.weighed.setdefault(asked.id, {})[_key(digest)] = weighed
        return said

    def _evidence(self, digest: Mapping[str, str]) -> Evidence | Problem:
        """Collect what is there of an artifact, once."""
        key = _key(digest)
        if key not in self.collected:
            try:
                self.collected[key] = attestation.collect(self.ground, digest)
            except StageError as error:
                self.collected[key] = problems.of_ledger(error)
            except InputError as error:
                self.collected[key] = problems.of_store(error)
        return self.collected[key]

    # --- What it was trained on -------------------------------------------------------------------------

    @property
    def _provenance(self) -> Requirement | None:
        """The requirement whose attestation names the training data."""
        environment = self.ground.environment
        return environment.by_id[environment.provenance] if environment.provenance else None

    def _recorded(self) -> Question | None:
        """The question about the provenance of what is to be released."""
        evidence = self._evidence(self.subject)
        if self._provenance is None or isinstance(evidence, Problem):
            return None
        return Question(self.ground, self._provenance, evidence)

    def _made_by(self) -> frozenset[str]:
        """Return who recorded the provenance, and so may not waive anything about it."""
        recorded = self._recorded()
        return recorded.took_part if recorded else frozenset()

    def _of_training_data(self, asked: Requirement) -> Answer:
        """Answer a requirement about every dataset that any provenance of the subject names."""
        recorded = self._recorded()
        if recorded is None:
            return _without_provenance(asked, "there is none that could be read")
        said = self._of(recorded.requirement, self.subject)
        if not said.holds:
            return _without_provenance(asked, said.message)
        datasets = _datasets(recorded)
        if not datasets:
            return _denied(asked, Problem(Code.NO_TRAINING_DATA, "the provenance names no dataset"))
        found = [(name, self._of(asked, dict(key))) for key, name in sorted(datasets.items())]
        for name, each in found:
            if not each.holds:
                code = Code.DATASET_WITHOUT if each.code is Code.NONE else each.code
                return dataclasses.replace(each, code=code, message=f"dataset {name!r}: {each.message}")
        return _together(asked, [each for _, each in found])

    # --- Who has signed ---------------------------------------------------------------------------------

    def _not_separate(self, group: tuple[str, ...], found: Mapping[str, Answer]) -> list[tuple[str, Problem]]:
        """Return which requirements of a group rest on nobody but who took part in an earlier one."""
        wrong = []
        before: dict[str, str] = {}
        for name in (each for each in group if found[each].holds):
            wanted = self.ground.environment.by_id[name].identities
            weighed = self.weighed[name].values()
            for each in weighed:
                if len(each.identities - before.keys()) < wanted:
                    both = sorted(each.identities & before.keys())
                    said = f"{', '.join(both)} signed for {name} and for {before[both[0]]}"
                    wrong.append((name, Problem(Code.NOT_SEPARATE, said)))
            for each in weighed:
                before |= {who: name for who in each.question.took_part if who not in before}
        return wrong


def _key(digest: Mapping[str, str]) -> _Digest:
    return tuple(sorted(digest.items()))


def _datasets(recorded: Question) -> dict[_Digest, str]:
    """Return the datasets that were trained on, by what anybody says who may record provenance.

    Not only by the newest word: a second provenance of the same bytes cannot take a dataset away.
    """
    found: dict[_Digest, str] = {}
    for each in recorded.candidates:
        said = each.statement.claim if each.statement else None
        if isinstance(said, Provenance) and recorded.allowed(each) and recorded.inputs(each):
            for dataset in said.datasets:
                found.setdefault(_key(dataset.digest), dataset.name)
    return found


def _without_provenance(asked: Requirement, why: str) -> Answer:
    return _denied(asked, Problem(Code.NO_PROVENANCE, f"without provenance no data is known: {why}"))


def _denied(asked: Requirement, problem: Problem, subject: Mapping[str, str] | None = None) -> Answer:
    return Answer(asked.id, asked.stage, problem.code, problem.message, subject=subject)


def _together(asked: Requirement, answers: list[Answer]) -> Answer:
    """Return the one answer for all datasets, when each of them holds."""
    code = Code.WAIVED if any(each.code is Code.WAIVED for each in answers) else Code.HELD
    number = len(answers)
    return Answer(
        asked.id,
        asked.stage,
        code,
        f"{number} dataset{'s' * (number != 1)}: " + "; ".join(dict.fromkeys(a.message for a in answers)),
        tuple(relied for each in answers for relied in each.relied),
        tuple(seen for each in answers for seen in each.seen),
        tuple(dict.fromkeys(name for each in answers for name in each.waivers)),
    )
