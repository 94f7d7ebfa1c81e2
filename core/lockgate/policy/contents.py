"""A policy as it was read and checked."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lockgate.errors import PolicyError
from lockgate.policy.release import Environment, LedgerPolicy
from lockgate.policy.thresholds import StagePolicy
from lockgate.policy.trust import Identity, Trust

if TYPE_CHECKING:
    from lockgate.stage import Stage


@dataclass(frozen=True)
class Approval:
    """Who approved a policy.

    Attributes:
        signers: Ids of the root keys that signed.
        signed: When the first of them did.
        envelope: SHA-256 (hex) of the approval, as a ledger has it.
    """

    signers: frozenset[str]
    signed: dt.datetime
    envelope: str


@dataclass(frozen=True)
class Policy:
    """A policy, checked against the stages that it names and in itself.

    Attributes:
        path: The file or URL it was read from, as a sentence may show it.
        digest: SHA-256 (hex) of its bytes.
        stages: Thresholds by stage name.
        name: What it is called; None for a policy that only holds thresholds, as for the next two.
        revision: Grows with each change.
        expires: When it must have been renewed.
        identities: Persons and machine accounts by name.
        roles: Names of identities by role.
        release: What a release asks for, by environment.
        ledger: Which ledger counts; None for none.
        approval: Who signed it, when it was opened with `lockgate.policy.signing.open_policy`; else None.
    """

    path: str
    digest: str
    stages: Mapping[str, StagePolicy] = field(default_factory=dict)
    name: str | None = None
    revision: int | None = None
    expires: dt.datetime | None = None
    identities: Mapping[str, Identity] = field(default_factory=dict)
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    release: Mapping[str, Environment] = field(default_factory=dict)
    ledger: LedgerPolicy | None = None
    approval: Approval | None = None

    @functools.cached_property
    def trust(self) -> Trust:
        """Whose signatures count."""
        return Trust(self.identities, self.roles)

    @property
    def identity(self) -> tuple[str, int, str]:
        """Which policy this is: name, revision and SHA-256 (hex).

        Raises:
            PolicyError: It only holds thresholds, and so has no name.
        """
        if self.name is None or self.revision is None:
            raise PolicyError(
                f"the policy {self.path} has no name and revision; nothing can be released by it"
            )
        return self.name, self.revision, self.digest

    def environment(self, name: str) -> Environment:
        """Return what a release into an environment asks for.

        Raises:
            PolicyError: The policy does not know it.
        """
        from lockgate.documents import suggest

        if name not in self.release:
            hint = suggest(name, self.release)
            raise PolicyError(f"the policy {self.path} has no environment {name!r} under release{hint}")
        return self.release[name]

    def thresholds(self, stage: str | Stage) -> dict[str, Any]:
        """Return the values that the policy sets for a stage, by parameter name."""
        return dict(self._of(stage).thresholds)

    def opens_on_inconclusive(self, stage: str | Stage) -> bool:
        """Whether the gate of a stage opens when it could not decide."""
        return self._of(stage).on_inconclusive == "open"

    def apply(self, stage: Stage, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of a run with the policy's values in place of the defaults.

        Args:
            stage: The stage that will run.
            given: Its plain arguments, typed, defaults filled in (see `Stage.coerce`).

        Raises:
            InputError: An argument differs from the policy's value and from the stage's default: the
                pipeline asks for one thing and the policy for another.
        """
        return self._of(stage).apply(stage, given, self.path)

    def _of(self, stage: str | Stage) -> StagePolicy:
        return self.stages.get(stage if isinstance(stage, str) else stage.name, StagePolicy())
