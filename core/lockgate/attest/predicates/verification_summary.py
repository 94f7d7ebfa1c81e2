"""Verification Summary v1 of SLSA (VSA): what a release gate decided, by which policy and evidence.

https://slsa.dev/spec/v1.1/verification_summary

    {
      "verifier": {"id": "lockgate:gate-release", "version": {"lockgate": "0.1.0"}},
      "timeVerified": "2026-01-01T00:00:00.000Z",
      "resourceUri": "lockgate:release/production",
      "policy": {"uri": "ni:///sha-256;...", "digest": {"sha256": "..."}},
      "inputAttestations": [{"digest": {"sha256": "..."}}],
      "verificationResult": "PASSED",
      "verifiedLevels": ["LOCKGATE_RELEASE"],
      "slsaVersion": "1.1"
    }

``resourceUri`` is the environment, so that a decision for one cannot be used for another. The gate
checks a policy and no level of SLSA, and claims none: ``verifiedLevels`` holds a word of Lockgate's own,
as the specification allows. ``policy.uri`` is the policy's digest as a name (RFC 6920).
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from lockgate.attest import fields
from lockgate.attest.fields import refuse
from lockgate.attest.predicates import STAGES
from lockgate.errors import InputError
from lockgate.outcome import Decision, Verdict

if TYPE_CHECKING:
    from lockgate.attest.statement import RunSummary

TYPE = STAGES["verification-summary"]
SLSA_VERSION = "1.1"
LEVEL = "LOCKGATE_RELEASE"
"""What a release that was allowed has reached: all that its policy asks for."""
NO_POLICY = "lockgate:no-policy"
"""The policy's URI in a decision that was taken without one, which can only be a refusal."""

_PASSED, _FAILED = "PASSED", "FAILED"
_RESOURCE = "lockgate:release/"


@dataclass(frozen=True)
class VerificationSummary:
    """What a release gate decided.

    Attributes:
        environment: Where the subject was to be released, for example ``production``.
        allowed: Whether it may.
        policy: SHA-256 (hex) of the policy, or None when there was none.
        attestations: DigestSets of the attestations that the decision rests on.
        verified: When it was decided.
    """

    environment: str
    allowed: bool
    policy: str | None
    attestations: tuple[Mapping[str, str], ...]
    verified: dt.datetime


def from_result(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the predicate's own fields for a result document of a stage with an ``environment``."""
    opens = Verdict(document["verdict"]).opens and document["decision"] != Decision.QUARANTINE
    result = _PASSED if opens else _FAILED
    policy = (document["policy"]["digest"] or {}).get("sha256")
    if document["metrics"].get("policy_digest", policy) not in (None, policy):
        raise InputError("the policy was exchanged while the gate ran; run it again")
    return {
        "verifier": _verifier(document["stage"], document["version"]),
        "timeVerified": document["finished"],
        "resourceUri": _RESOURCE + quote(document["parameters"]["environment"], safe=""),
        "policy": _policy(policy),
        "inputAttestations": [{"digest": dict(entry["digest"])} for entry in document["evidence"]],
        "verificationResult": result,
        "verifiedLevels": _levels(result),
        "slsaVersion": SLSA_VERSION,
    }


def parse(predicate: Mapping[str, Any], run: RunSummary | None) -> VerificationSummary:
    """Return what a predicate says; refuse one that says something else than the run it is of."""
    if run is None:
        refuse("a verification summary comes from a run of a stage")
    result = _PASSED if run.opens else _FAILED
    if predicate.get("verificationResult") != result:
        refuse("its verificationResult contradicts its verdict")
    if predicate.get("verifiedLevels") != _levels(result):
        refuse(f"its verifiedLevels are not {_levels(result)}, as for a result that is {result}")
    if predicate.get("verifier") != _verifier(run.stage, run.version):
        refuse("its verifier is not the stage and version that ran")
    if (verified := fields.time(predicate, "timeVerified")) != run.finished:
        refuse("its timeVerified is not when the run ended")
    if predicate.get("policy") != _policy(run.policy):
        refuse("its policy is not the one that the run was under")
    if run.policy is None and result == _PASSED:
        refuse("it allows a release without a policy")
    return VerificationSummary(
        environment=_environment(fields.text(predicate, "resourceUri")),
        allowed=result == _PASSED,
        policy=run.policy,
        attestations=_attestations(predicate),
        verified=verified,
    )


def _verifier(stage: str, version: str) -> dict[str, Any]:
    return {"id": f"lockgate:{stage}", "version": {"lockgate": version}}


def _levels(result: str) -> list[str]:
    return [LEVEL if result == _PASSED else _FAILED]


def _policy(sha256: str | None) -> dict[str, Any]:
    if sha256 is None:
        return {"uri": NO_POLICY}
    name = base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode().rstrip("=")
    return {"uri": f"ni:///sha-256;{name}", "digest": {"sha256": sha256}}


def _environment(uri: str) -> str:
    """Return the environment that a resource URI names, which has one spelling only."""
    name = unquote(uri.removeprefix(_RESOURCE), errors="replace")
    if not name or uri != _RESOURCE + quote(name, safe=""):
        refuse(f"its resourceUri names no environment as {_RESOURCE}NAME does")
    return name


def _attestations(predicate: Mapping[str, Any]) -> tuple[Mapping[str, str], ...]:
    """Return the digests of the attestations, which must be those of the run's evidence."""
    from lockgate.attest.statement import EXTENSION

    said = fields.items(predicate.get("inputAttestations"), "the field 'inputAttestations'")
    found = [
        fields.digest_set(fields.mapping(entry, "an input attestation").get("digest"), "an input attestation")
        for entry in said
    ]
    run = fields.mapping(predicate.get(EXTENSION), f"the field {EXTENSION!r} of the predicate")
    read = fields.mapping(run.get("evidence"), "the field 'evidence'")
    of_run = [fields.digest_set(digest, "the evidence") for digest in read.values()]
    if sorted(sorted(each.items()) for each in found) != sorted(sorted(each.items()) for each in of_run):
        refuse("its inputAttestations are not the evidence of the run")
    return tuple(found)
