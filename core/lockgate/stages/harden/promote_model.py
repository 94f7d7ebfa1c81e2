"""The stage `promote-model`.

Rules:
    ``LG-PROMOTE-001`` the release gate says DENY; nothing was uploaded.
    ``LG-PROMOTE-002`` what came back from the server is not what was hashed; nothing was registered.
    ``LG-PROMOTE-003`` a version carries this model's digest in its tags and has other files.
    ``LG-PROMOTE-004`` the alias was moved by somebody else meanwhile.
    ``LG-GATE-NNN`` why the gate says DENY; see `lockgate.gate.codes`.

It attests a test result. The verification summary is the gate's own attestation, which is made on the
way and kept beside the model; what is left to say is whether the registry now serves that model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lockgate import artifact
from lockgate.errors import ArtifactError
from lockgate.outcome import Outcome, Severity
from lockgate.registry import Registry, RegistryError, Version, check_alias, check_name, release, tags
from lockgate.stage import ModelIn, SettingsIn, stage


@stage("promote-model", threats=["supply-chain", "privilege"], gate=True)
def promote_model(
    model: ModelIn,
    *,
    registered_model: str,
    environment: str = "production",
    alias: str | None = None,
    tracking_uri: str | None = None,
    settings: SettingsIn,
) -> Outcome:
    """Put a model into MLflow's registry and point an alias at it, if the release gate allows it.

    The gate comes first; where it denies, the registry is left as it was. Then the private copy that was
    hashed is uploaded, downloaded again and hashed again, registered as a version with its digest and
    the gate's attestation, and last of all the alias moves, in one step. A run that is stopped on the
    way leaves the alias where it was, and one that is repeated goes on with what it finds: a version that
    carries the digest in its tags, is not older than what the alias points to, and has the same bytes.

    Args:
        model: A file or folder. A folder with an ``MLmodel`` file can be loaded by MLflow afterwards.
        registered_model: Name of the registered model; it is made when it is not there.
        environment: The environment of the policy that it is released into.
        alias: The alias to move; by default called like the environment.
        tracking_uri: The MLflow server; by default ``MLFLOW_TRACKING_URI``. Credentials come from MLflow's
            own variables (``MLFLOW_TRACKING_USERNAME``, ``MLFLOW_TRACKING_PASSWORD``,
            ``MLFLOW_TRACKING_TOKEN``), never from here.
        settings: Policy, keys, evidence and ledger of the run.

    Raises:
        InputError: The name or the alias is none that MLflow takes, or no server is named.
        RegistryError: The server cannot be reached, or did not do what it was asked to.
    """
    alias = alias or environment
    check_name(registered_model)
    check_alias(alias)
    registry = Registry(tracking_uri)
    registry.aliases(registered_model)  # a server that is down is no reason to ask the gate
    outcome = Outcome(metrics={"environment": environment})
    allowed = release.ask(model, environment, settings)
    outcome.evidence[release.GATE] = {"sha256": allowed.attestation}
    said = "ALLOW" if allowed.allow else "DENY"
    if not outcome.check("release", value=said, comparator="==", threshold="ALLOW"):
        _deny(outcome, allowed.codes)
    allowed.tell(outcome, "model")
    if not allowed.allow:
        return outcome
    promotion = _Promotion(registry, registered_model, alias, environment, allowed, outcome)
    version = promotion.again() or promotion.anew(model)
    if version is not None:
        promotion.serve(version)
    return outcome


@dataclass(frozen=True)
class _Promotion:
    """One promotion that the gate allows."""

    registry: Registry
    name: str
    alias: str
    environment: str
    allowed: release.Release
    outcome: Outcome

    def again(self) -> Version | None:
        """Return a version that is this model already, whoever says so being checked; None without one."""
        aliases = self.registry.aliases(self.name)
        if aliases is None:
            return None
        versions = self.registry.versions(self.name)
        withdrawn = tags.withdrawn(versions, self.alias)
        for version in versions:
            if version.number < aliases.get(self.alias, 0):
                break  # a model that comes back gets a new number, so that a smaller one means earlier
            if not version.run_id or version.number in withdrawn:
                continue
            if tags.claims(version, self.allowed.digest):
                if self._is_whole(version):
                    self.registry.add(version.run_id, self.allowed.bundle)
                    return version
                self.outcome.find(
                    "LG-PROMOTE-003",
                    Severity.MEDIUM,
                    f"Version {version.number} has the digest of this model in its tags, and other files; "
                    "it was left alone.",
                    subject="model",
                    threat="supply-chain",
                    fix="Find out who changed the files or the tags in the registry.",
                )
        return None

    def anew(self, model: Path) -> Version | None:
        """Upload the model, and register it if the server returns it as it is; None if it does not."""
        upload = self.registry.upload(self.name, model, self.allowed.bundle)
        with artifact.private_folder() as private:
            same = artifact.digest(self.registry.download(upload, private)) == self.allowed.digest
        if not self.outcome.check("stored", value=same, comparator="==", threshold=True):
            self.outcome.find(
                "LG-PROMOTE-002",
                Severity.CRITICAL,
                "The server returned other files than it was given, so no version was registered.",
                subject="model",
                threat="supply-chain",
                fix="Give its files names that MLflow keeps (no # or ?, no folder with just a file of the "
                "same name in it), or find out who changes what is stored.",
                check="stored",
            )
            return None
        return self.registry.register(self.name, upload, tags.of(self.allowed, self.environment))

    def serve(self, version: Version) -> None:
        """Point the alias at a version, and tell whether it still points there afterwards."""
        before = (self.registry.aliases(self.name) or {}).get(self.alias)
        said = tags.of(self.allowed, self.environment, version)
        if before != version.number:
            said |= {tags.PROMOTED_FROM: str(before or "")}
        self.registry.tag(self.name, version.number, said)
        self.registry.move_alias(self.name, self.alias, version.number)
        now = (self.registry.aliases(self.name) or {}).get(self.alias)
        if not self.outcome.check("alias", value=now, comparator="==", threshold=version.number):
            self.outcome.find(
                "LG-PROMOTE-004",
                Severity.HIGH,
                f"The alias {self.alias!r} points to version {now}: somebody else moved it meanwhile.",
                subject="model",
                fix="Find out which version is meant, and promote that one again.",
                check="alias",
            )
        self.outcome.metrics |= {"version": version.number, "version_before": before}
        self.outcome.facts["Promoted"] = f"{self.name} version {version.number} as {self.alias!r}"

    def _is_whole(self, version: Version) -> bool:
        try:
            with artifact.private_folder() as private:
                same = artifact.digest(self.registry.download(version, private)) == self.allowed.digest
        except (ArtifactError, RegistryError):
            return False
        return same and self.outcome.check("stored", value=same, comparator="==", threshold=True)


def _deny(outcome: Outcome, codes: Sequence[str]) -> None:
    outcome.find(
        "LG-PROMOTE-001",
        Severity.HIGH,
        f"The release gate says DENY ({', '.join(codes)}); nothing was uploaded or registered.",
        subject="model",
        fix="See to what the gate names, and promote again.",
        check="release",
    )
