"""The stage `rollback-model`.

Rules:
    ``LG-ROLLBACK-001`` no earlier version can be served; the alias stays.
    ``LG-ROLLBACK-002`` a version was passed over: the release gate says DENY.
    ``LG-ROLLBACK-003`` a version was passed over: its files are gone, or are not those of its tags.
    ``LG-ROLLBACK-004`` a version was passed over: its model was rolled back from, or it is not ready.
    ``LG-ROLLBACK-005`` the alias was moved by somebody else meanwhile; it stays where it is.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from lockgate import artifact
from lockgate.errors import ArtifactError, InputError
from lockgate.outcome import Outcome, Severity
from lockgate.registry import Registry, RegistryError, Version, check_alias, check_name, release, tags
from lockgate.registry.mlflow import READY
from lockgate.settings import Settings
from lockgate.stage import SettingsIn, stage

_LONGEST = 500  # characters of a reason


@stage("rollback-model", threats=["supply-chain", "privilege"], gate=True)
def rollback_model(
    *,
    registered_model: str,
    reason: str,
    environment: str = "production",
    alias: str | None = None,
    tracking_uri: str | None = None,
    settings: SettingsIn,
) -> Outcome:
    """Point an alias in MLflow back to the newest earlier version that the release gate still allows.

    Every version with a smaller number is a candidate, the newest first. Its files are downloaded and
    hashed, and the gate decides on that digest as of now: evidence that was revoked, or has become older
    than the policy allows, closes the gate on it. Tags are not believed. A model that the alias was rolled
    back from is not chosen again until somebody promotes it anew. If no version passes, the alias stays.

    Args:
        registered_model: Name of the registered model.
        reason: Why, in a sentence; it is kept in the tags of both versions, where others can read it.
        environment: The environment of the policy.
        alias: The alias to move; by default called like the environment.
        tracking_uri: The MLflow server; by default ``MLFLOW_TRACKING_URI``. Credentials come from MLflow's
            own variables, never from here.
        settings: Policy, keys, evidence and ledger of the run.

    Raises:
        InputError: There is no such model or alias, no reason, or no server is named.
        RegistryError: The server cannot be reached, or did not do what it was asked to.
    """
    alias = alias or environment
    check_name(registered_model)
    check_alias(alias)
    reason = " ".join(reason.split())
    if not reason or len(reason) > _LONGEST or not reason.isprintable():
        raise InputError(f"rollback-model needs a reason; say why in 1 to {_LONGEST} characters")
    registry = Registry(tracking_uri)
    aliases = registry.aliases(registered_model)
    if aliases is None or alias not in aliases:
        what = f"the alias {alias!r}" if aliases is not None else "such a model"
        raise InputError(
            f"{registry} has no registered model {registered_model!r} with {what}; check the name"
        )
    rollback = _Rollback(registry, registered_model, alias, aliases[alias], environment, settings)
    rollback.outcome.metrics = {"environment": environment, "version_before": rollback.current}
    target = rollback.choose()
    if target is not None:
        rollback.serve(*target, reason)
    return rollback.outcome


@dataclass(frozen=True)
class _Rollback:
    """One way back from the version that an alias points to."""

    registry: Registry
    name: str
    alias: str
    current: int
    environment: str
    settings: Settings
    outcome: Outcome = field(default_factory=Outcome)

    def choose(self) -> tuple[Version, release.Release] | None:
        """Return the newest earlier version that the gate allows, with what the gate said."""
        versions = self.registry.versions(self.name)
        withdrawn = tags.withdrawn(versions, self.alias)
        earlier = [version for version in versions if version.number < self.current]
        for version in earlier:
            if version.number in withdrawn:
                self._pass_over("LG-ROLLBACK-004", version, f"{self.alias!r} was rolled back from that model")
            elif (allowed := self._allowed(version)) is not None:
                self.outcome.check("target", value=version.number, comparator="<", threshold=self.current)
                return version, allowed
        self.outcome.check("target", value=0, comparator=">", threshold=0, reason="no version can be served")
        self.outcome.find(
            "LG-ROLLBACK-001",
            Severity.HIGH,
            f"No version before version {self.current} can be served; the alias {self.alias!r} stays.",
            fix="Renew the evidence of one of them by running its stages again, or promote another model.",
            check="target",
        )
        return None

    def serve(self, version: Version, allowed: release.Release, reason: str) -> None:
        """Say why in the registry, and then move the alias."""
        now = (self.registry.aliases(self.name) or {}).get(self.alias)
        if not self.outcome.check("alias", value=now, comparator="==", threshold=self.current):
            self.outcome.find(
                "LG-ROLLBACK-005",
                Severity.HIGH,
                f"The alias {self.alias!r} points to version {now} by now: somebody else moved it; it stays.",
                fix="Find out whether that version is meant, and roll back again if not.",
                check="alias",
            )
            return
        at = dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
        why = {tags.REASON: reason, tags.ROLLED_BACK_AT: at}
        before = self.registry.version(self.name, self.current)
        self.registry.tag(self.name, self.current, why | tags.of_withdrawn(before, self.alias))
        if version.run_id:
            self.registry.add(version.run_id, allowed.bundle)
        said = tags.of(allowed, self.environment, version) | why
        self.registry.tag(self.name, version.number, said | {tags.ROLLED_BACK_FROM: str(self.current)})
        self.registry.tag_model(
            self.name,
            f"lockgate.rollback.{self.alias}",
            f"{at}: version {self.current} to {version.number}: {reason}",
        )
        self.registry.move_alias(self.name, self.alias, version.number)
        self.outcome.evidence[release.GATE] = {"sha256": allowed.attestation}
        self.outcome.metrics |= {"version": version.number, "model": dict(allowed.digest)}
        self.outcome.facts["Rolled back"] = f"{self.name} from version {self.current} to {version.number}"

    def _allowed(self, version: Version) -> release.Release | None:
        """Return what the gate said of a version if it can be served; else pass it over."""
        if version.status != READY:
            self._pass_over("LG-ROLLBACK-004", version, f"it is {version.status}")
            return None
        with artifact.private_folder() as private:
            try:
                said = release.ask(self.registry.download(version, private), self.environment, self.settings)
            except (ArtifactError, RegistryError) as error:
                self._pass_over("LG-ROLLBACK-003", version, str(error).partition("; ")[0])
                return None
        if tags.contradicts(version, said.digest):
            self._pass_over("LG-ROLLBACK-003", version, "its files are not those that its tags name")
            return None
        if not said.allow:
            self._pass_over(
                "LG-ROLLBACK-002", version, f"the release gate says DENY ({', '.join(said.codes)})"
            )
            return None
        return said

    def _pass_over(self, rule: str, version: Version, why: str) -> None:
        self.outcome.find(
            rule,
            Severity.MEDIUM,
            f"Version {version.number} was passed over: {why}.",
            threat="supply-chain",
            fix="See the gate's reasons with explain-gate, or find out who changed the registry.",
        )
