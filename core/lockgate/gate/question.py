"""One requirement about one artifact, and what each attestation is to it: about what, and whose."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate import stage as stages
from lockgate.gate.attestation import UNCLEAR, Evidence, Reading
from lockgate.outcome import Decision, Verdict
from lockgate.policy.trust import Judged, identities

if TYPE_CHECKING:
    from lockgate.attest.statement import RunSummary, Statement
    from lockgate.gate.ground import Ground
    from lockgate.policy.release import Requirement


@dataclass(frozen=True)
class Question:
    """One requirement about one artifact.

    Attributes:
        ground: What the decision stands on.
        requirement: What is asked for.
        evidence: All that is there about the artifact.
        involved: Identities that may not waive here: those behind the model's provenance.
        against: The attestations that close the gate unless a newer one opens it.
    """

    ground: Ground
    requirement: Requirement
    evidence: Evidence
    involved: frozenset[str] = frozenset()
    against: tuple[Reading, ...] = ()

    @functools.cached_property
    def candidates(self) -> tuple[Reading, ...]:
        """The attestations that are, or claim to be, or may be, of the stage; the others say nothing here."""
        wanted = (self.requirement.stage, UNCLEAR)
        return tuple(each for each in self.evidence.readings if each.claimed in wanted)

    @functools.cached_property
    def kind(self) -> str:
        """The kind of predicate that the stage writes."""
        return stages.find(self.requirement.stage).attests

    def inputs(self, reading: Reading) -> set[str]:
        """Return which inputs of the stage the artifact was: ``data``, also for the third of a list."""
        subjects = statement_of(reading).subjects
        return {each.name.partition("[")[0] for each in subjects if each.is_(self.evidence.digest)}

    def judged(self, reading: Reading) -> tuple[Judged, ...]:
        """Return what becomes of each signature of a known key."""
        return self.ground.trust.judge_all(
            reading.signers,
            signed=run_of(reading).finished,
            now=self.ground.now,
            roles=self.requirement.roles,
            logged=reading.logged,
        )

    def counted(self, reading: Reading) -> frozenset[str]:
        """Return the identities whose signatures count."""
        return identities(self.judged(reading))

    def allowed(self, reading: Reading) -> frozenset[str]:
        """Return the identities with a role for this that signed, with whatever key of theirs."""
        holders = self.ground.trust.holders(self.requirement.roles)
        return self.ground.trust.signers(reading.signers) & holders

    def opens(self, run: RunSummary) -> bool:
        """Whether a gate opens on what a run said, by itself or by the policy's word on INCONCLUSIVE."""
        if run.verdict is Verdict.INCONCLUSIVE and run.decision is not Decision.QUARANTINE:
            return self.ground.the_policy.opens_on_inconclusive(self.requirement.stage)
        return run.opens

    @property
    def took_part(self) -> frozenset[str]:
        """Who signed results of the stage about the artifact with a role for it, good or not."""
        about = [each for each in self.candidates if each.statement is not None and self.inputs(each)]
        return frozenset().union(*map(self.allowed, about))


def statement_of(reading: Reading) -> Statement:
    """Return what an attestation says that can be read."""
    if reading.statement is None:
        raise LookupError("an attestation that cannot be read was asked what it says")
    return reading.statement


def run_of(reading: Reading) -> RunSummary:
    """Return what an attestation says of a run."""
    return statement_of(reading).run


def is_newer(reading: Reading, other: Reading) -> bool:
    """Whether a result is newer than another by every measure that there is; a tie is not newer.

    A claimed time can be a lie, and a place in the ledger cannot be earlier than the run. What cannot be read
    may claim any time, but none that counts after it was logged. One that may be a provenance stays: it may
    name a dataset that no other does.
    """
    if other.problem is not None:
        claimed = None if statement_of(reading).kind == "provenance" else other.logged
    else:
        claimed = run_of(other).finished
    if claimed is None or run_of(reading).finished <= claimed:
        return False
    return reading.first is None or other.first is None or reading.first.index > other.first.index
