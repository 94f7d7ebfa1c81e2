"""Ask the release gate about a model on this machine, and keep its signed answer for the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate import artifact
from lockgate.outcome import Finding, Outcome, Severity

if TYPE_CHECKING:
    from lockgate.result import Result
    from lockgate.settings import Settings

GATE = "gate-release"


@dataclass(frozen=True)
class Release:
    """What the gate said about one model, for one environment.

    Attributes:
        allow: ALLOW rather than DENY.
        digest: DigestSet of the model, as the gate hashed it.
        codes: The reason codes of what does not hold, or needs a look.
        findings: The same as findings, in the form of ``result.json``.
        attestation: SHA-256 (hex) of the gate's attestation.
        body_digest: SHA-256 (hex) over what the gate said.
        revision: Revision of the policy that it decided by.
        envelopes: The gate's attestation and those about the model that it rests on, by SHA-256 (hex).
    """

    allow: bool
    digest: Mapping[str, str]
    codes: tuple[str, ...]
    findings: tuple[Mapping[str, Any], ...] = field(repr=False)
    attestation: str
    body_digest: str
    revision: str
    envelopes: Mapping[str, bytes] = field(repr=False)

    @property
    def bundle(self) -> dict[str, bytes]:
        """The attestations as files to keep beside the model, by path."""
        return {f"attestations/{name}.json": raw for name, raw in self.envelopes.items()}

    def tell(self, outcome: Outcome, subject: str) -> None:
        """Repeat the gate's findings in the outcome of the stage that asked."""
        for said in self.findings:
            outcome.findings.append(
                Finding(
                    said["rule"],
                    Severity(said["severity"]),
                    said["message"],
                    subject=subject,
                    threat=said["threat"],
                    fix=said["fix"],
                )
            )


def ask(model: Path, environment: str, settings: Settings) -> Release:
    """Run the release gate on a model, and return what it said.

    The gate's own attestation goes where the settings say that evidence is kept, whatever it says.

    Args:
        model: A file or folder that nobody else can write to.
        environment: Of the policy.
        settings: Policy, keys, evidence and ledger.

    Raises:
        InputError: The gate cannot run with these settings.
    """
    from lockgate import stage
    from lockgate.attest.store import name_of
    from lockgate.result import ATTESTATION
    from lockgate.run import run

    gate = stage.find(GATE)
    subject = gate.inputs[0].name
    with artifact.private_folder() as private:
        said = run(gate, {subject: model, "environment": environment}, out=private, settings=settings)
        sealed = (said.out / ATTESTATION).read_bytes()
    document = said.document
    found = [f for f in document["findings"] if Severity(f["severity"]) is not Severity.INFO]
    return Release(
        allow=said.verdict.opens and document["metrics"]["allow"] is True,
        digest=next(s["digest"] for s in document["subjects"] if s["name"] == subject),
        codes=tuple(dict.fromkeys(f["rule"] for f in found)),
        findings=tuple(found),
        attestation=name_of(sealed),
        body_digest=said.body_digest,
        revision=str(document["metrics"]["policy_revision"]),
        envelopes={name_of(sealed): sealed} | _rested_on(said, settings),
    )


def _rested_on(said: Result, settings: Settings) -> dict[str, bytes]:
    """Return the attestations of the model that the gate's answer rests on, from the store that it read."""
    from lockgate.attest.store import EvidenceStore

    if not settings.evidence or not said.document["evidence"]:
        return {}
    store = EvidenceStore(settings.evidence)
    named = {entry["digest"].get("sha256") for entry in said.document["evidence"]}
    digests = [subject["digest"] for subject in said.document["subjects"]]
    return {s.name: s.raw for digest in digests for s in store.of(digest) if s.name in named and s.intact}
