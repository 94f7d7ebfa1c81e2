"""What a policy asks for before a release: environments, requirements, separation, waivers, the ledger."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

SUBJECT: Literal["subject"] = "subject"
TRAINING_DATA: Literal["training-data"] = "training-data"

LONGEST_WAIVER = dt.timedelta(days=30)
"""How long a waiver may hold when the policy does not say."""


@dataclass(frozen=True)
class Requirement:
    """One thing that must be attested.

    Attributes:
        id: What it is called, in the policy and in the gate's answers; unique in its environment.
        stage: Name of the stage that must have run.
        roles: The roles, one of which whoever signed must have.
        about: What it must have run on: ``subject``, what is to be released, or ``training-data``, every
            dataset that the subject's provenance names.
        input: The parameter of the stage that the artifact must have been; None for a stage that attests
            provenance, whose subjects are what the training wrote.
        identities: How many different identities must have signed.
        max_age: The oldest that the attestation may be; None for any age.
        min_version: The oldest version of Lockgate that may have run the stage; None for any.
    """

    id: str
    stage: str
    roles: tuple[str, ...]
    about: Literal["subject", "training-data"] = SUBJECT
    input: str | None = None
    identities: int = 1
    max_age: dt.timedelta | None = None
    min_version: str | None = None


@dataclass(frozen=True)
class Waivers:
    """Who may excuse a finding, and for how long.

    Attributes:
        roles: The roles, one of which whoever signs a waiver must have.
        longest: The longest that a waiver may hold, from its grant to its expiry.
    """

    roles: tuple[str, ...]
    longest: dt.timedelta = LONGEST_WAIVER


@dataclass(frozen=True)
class Environment:
    """What a release into one environment asks for.

    Attributes:
        require: The requirements; each must be met.
        provenance: Id of the requirement whose attestation names the training data; None for none.
        separate: Groups of requirement ids: no identity may have signed for two of a group.
        waivers: Who may waive findings; None accepts no waiver.
    """

    require: tuple[Requirement, ...]
    provenance: str | None = None
    separate: tuple[tuple[str, ...], ...] = ()
    waivers: Waivers | None = None

    @property
    def by_id(self) -> Mapping[str, Requirement]:
        """The requirements by id."""
        return {requirement.id: requirement for requirement in self.require}


@dataclass(frozen=True)
class LedgerPolicy:
    """Which ledger counts.

    Attributes:
        origin: Its name, the first line of its checkpoints.
        roles: The roles, one of which whoever signs its checkpoints must have.
        required: Whether an attestation counts only when the ledger has it.
    """

    origin: str
    roles: tuple[str, ...]
    required: bool = True
