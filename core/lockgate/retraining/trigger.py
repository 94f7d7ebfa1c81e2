"""What starts a training, as a document of its own, and who has approved a change of it.

Thresholds decide when a model is trained, and whoever can move them can have it trained on what he
sends. So the digest of everything that makes the decision is part of the signed state. A gate that
finds another trigger than the one in the state starts no training, until a waiver of rule `RULE` about
the new `trigger.json` says so: granted by somebody whom the signed policy lets waive, who is neither
the pipeline nor who signed the state.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.errors import EnvelopeError, InputError

if TYPE_CHECKING:
    from lockgate.policy.contents import Policy
    from lockgate.settings import Settings

RULE = "LG-RETRAIN-008"
STAGE = "gate-retraining"


@dataclass(frozen=True)
class Trigger:
    """All that a decision depends on beside the data; see the stage's parameters of the same names."""

    label: str
    source: str | None
    ignore: list[str] | None
    stream: str
    alpha: float
    max_psi: float
    max_js: float
    max_drifted_share: float
    max_accuracy_loss: float
    poisoning_alpha: float
    evidence_alpha: float
    min_planted_share: float
    min_rows: int
    cooldown: str
    max_retrains: int
    retrain_window: str
    calm: float
    seed: int

    def document(self, pipeline: Mapping[str, str] | None) -> bytes:
        """Return it as canonical JSON (RFC 8785): equal triggers are equal bytes.

        Args:
            pipeline: DigestSet of the pipeline's definition, or None.
        """
        import rfc8785

        from lockgate import body

        return rfc8785.dumps(body.plain({"pipeline": pipeline, "stage": STAGE, "trigger": vars(self)}))


def digest(raw: bytes) -> str:
    """Return the digest of a trigger, which is that of its file."""
    return hashlib.sha256(raw).hexdigest()


def refused(
    approval: Path | None,
    trigger: str,
    *,
    environment: str,
    settings: Settings,
    now: dt.datetime,
    involved: Collection[str],
) -> str:
    """Return why a changed trigger may not act, the end of a sentence; empty when it was approved.

    Args:
        approval: The waiver, as `lockgate waive` wrote it, or None.
        trigger: SHA-256 (hex) of the new ``trigger.json``.
        environment: Whose rules of waivers hold.
        settings: Where policy and root keys are.
        now: The time that it is.
        involved: Ids of the keys that signed the state, or sign this run: they approve nothing.

    Raises:
        InputError: The policy cannot be used, or does not know the environment.
    """
    if approval is None:
        return "nobody has approved the change"
    if not settings.policy or not settings.policy_key:
        return "no signed policy says who may approve it; set LOCKGATE_POLICY and LOCKGATE_POLICY_KEY"
    from lockgate.attest import envelope
    from lockgate.attest.predicates.waiver import Waiver
    from lockgate.documents import read_bytes
    from lockgate.policy import waivers

    policy = _policy(settings, now)
    raw = read_bytes(approval, envelope.MAX_BYTES, EnvelopeError)
    try:
        opened = envelope.open_envelope(raw, policy.trust.keys())
    except EnvelopeError as error:
        return f"the approval does not count: {error}"
    if not isinstance(opened.statement.claim, Waiver):
        return f"what was given as approval is of the kind {opened.statement.kind}, and no waiver"
    offered = waivers.Offered(
        opened.statement.claim, opened.statement.subjects, opened.signers, hashlib.sha256(raw).hexdigest()
    )
    asked = waivers.Asked(
        digest={"sha256": trigger},
        environment=environment,
        policy=policy.environment(environment).waivers,
        trust=policy.trust,
        now=now,
        involved=policy.trust.signers(involved),
    )
    reason = waivers.refusal(offered, STAGE, [RULE], asked)
    return "" if reason is None else reason[1]


def _policy(settings: Settings, now: dt.datetime) -> Policy:
    """Open the policy as a release gate does: newest, in time, signed by who may sign one of its name."""
    from lockgate.policy import roots, signing
    from lockgate.policy.memory import TrustState

    given = roots.load(str(settings.policy_key))
    remembered = TrustState(settings.trust_state) if settings.trust_state else None
    policy = signing.open_policy(str(settings.policy), given.keys, now=now, remembered=remembered)
    allowed = {key.keyid for key in given.of(str(policy.name))}
    if policy.approval is None or not policy.approval.signers & allowed:
        raise InputError(
            f"the policy {policy.name!r} was signed with a key that is for another policy; "
            "check LOCKGATE_POLICY_KEY"
        )
    return policy
