"""Sign a policy, and open it only when the right people signed it and it is the newest.

    lockgate sign-policy lockgate.yaml --key root.key.pem      # lockgate.yaml.attestation.json

    policy = open_policy("lockgate.yaml", root_keys, now=now, remembered=TrustState(path))

Whoever can change a policy can have anything released, so its keys are not in it: they come from where
the gate is set up (``LOCKGATE_POLICY_KEY``). One of them suffices; several may sign, so that one of
them can be replaced without a day on which nothing opens the policy.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.attest import envelope
from lockgate.attest.predicates.policy_approval import PolicyApproval, build, subject_of
from lockgate.errors import EnvelopeError, InputError, PolicyError
from lockgate.policy import source
from lockgate.policy.contents import Approval, Policy
from lockgate.policy.errors import (
    PolicyAlteredError,
    PolicyExpiredError,
    PolicyNotYetSignedError,
    PolicyUnsignedError,
    PolicyWrongSignerError,
)
from lockgate.policy.load import parse
from lockgate.policy.seen import SeenPolicy, check_policy
from lockgate.policy.times import CLOCK_SKEW

if TYPE_CHECKING:
    from securesystemslib.signer import Signer, SSlibKey

    from lockgate.attest.statement import Statement
    from lockgate.policy.memory import TrustState

ENDING = ".attestation.json"
KIND = "policy-approval"


def attestation_of(path: str | os.PathLike[str]) -> str:
    """Return the path or URL of the approval that belongs to a policy."""
    return source.beside(path, ENDING)


def approve(path: Path, signer: Signer, *, now: dt.datetime) -> tuple[Policy, bytes]:
    """Return a policy and its approval: a new one, or the one that lies beside it with a signature more.

    Args:
        path: ``lockgate.yaml``.
        signer: What signs it.
        now: The time that it is.

    Raises:
        PolicyError: The policy cannot be used, has no name, revision and expiry, or has expired.
    """
    raw = source.read(path)
    policy = parse(raw, source.shown(path))
    if policy.expires is None:  # a policy has all three of them, or none
        raise PolicyError(
            f"{path} has no name, revision and expires; a policy that is signed needs all three"
        )
    if policy.expires <= now:
        raise PolicyExpiredError(f"{path} expired at {_said_at(policy.expires)}; write a later `expires:`")
    name, revision, _ = policy.identity
    said = PolicyApproval(name, revision, policy.expires, now)
    before = _approval_of_the_same(attestation_of(path), policy, said)
    if before is None:
        return policy, envelope.seal(build(policy.digest, said), signer)
    return policy, envelope.countersign(before, signer)


def open_policy(
    path: str | os.PathLike[str],
    root_keys: Sequence[SSlibKey],
    *,
    now: dt.datetime,
    remembered: TrustState | None = None,
    logged: Iterable[bytes] = (),
) -> Policy:
    """Return a policy that the right people approved, and that is the newest known.

    Args:
        path: Path or URL of ``lockgate.yaml``; its approval lies beside it.
        root_keys: Public keys of who may approve it.
        now: The time that it is.
        remembered: The memory of the gate; the policy is remembered in it when all is well.
        logged: Approvals of this policy's name that the ledger knows, as they lie in the evidence
            store. Those that no root key signed say nothing.

    Returns:
        The policy, with `Policy.approval` set.

    Raises:
        PolicyUnsignedError: There is no approval, or nobody signed it.
        PolicyWrongSignerError: No root key signed it.
        PolicyAlteredError: It approves other bytes, or cannot be read.
        PolicyNotYetSignedError: It was signed in the future.
        PolicyExpiredError: The policy has expired.
        PolicyRolledBackError: A newer revision is known.
        PolicyForkedError: The same revision with another content is known.
        PolicyError: The policy itself cannot be used.
    """
    if not root_keys:
        raise InputError("no key is given of who may sign the policy; set LOCKGATE_POLICY_KEY")
    shown = source.shown(path)
    raw, sealed = source.read(path), source.read_if_there(attestation_of(path), envelope.MAX_BYTES)
    if sealed is None:
        raise PolicyUnsignedError(
            f"there is no approval of the policy {shown}; run: lockgate sign-policy {shown} --key KEY"
        )
    opened = _opened(sealed, root_keys, shown)
    said = _said(opened.statement, hashlib.sha256(raw).hexdigest(), shown)
    policy = parse(raw, shown)
    if (policy.name, policy.revision, policy.expires) != (said.name, said.revision, said.expires):
        raise PolicyAlteredError(
            f"the approval of {shown} names another policy than it is; sign the policy again"
        )
    if said.signed > now + CLOCK_SKEW:
        raise PolicyNotYetSignedError(
            f"the policy {shown} was signed in the future, at {_said_at(said.signed)}; check the clocks"
        )
    if said.expires <= now:
        raise PolicyExpiredError(
            f"the policy {shown} expired at {_said_at(said.expires)}; "
            "write a later `expires:` and a higher `revision:`, and sign it"
        )
    check_logged(policy, logged, root_keys)
    if remembered is not None:
        remembered.remember_policy(said.name, said.revision, policy.digest)
    approval = Approval(opened.signers, said.signed, hashlib.sha256(sealed).hexdigest())
    return dataclasses.replace(policy, approval=approval)


def _said_at(time: dt.datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def check_logged(policy: Policy, logged: Iterable[bytes], root_keys: Sequence[SSlibKey]) -> None:
    """Refuse a policy when a root key has approved a newer revision of it, or another of the same.

    Args:
        policy: The policy, with a name and a revision.
        logged: Approvals of its name, as for `open_policy`.
        root_keys: Public keys of who may approve it.

    Raises:
        PolicyRolledBackError: A newer revision is known.
        PolicyForkedError: The same revision with another content is known.
        PolicyError: It has no name.
    """
    name, revision, digest = policy.identity
    for known in _approved(logged, root_keys, name):
        check_policy(known, name, revision, digest)


def _opened(sealed: bytes, root_keys: Sequence[SSlibKey], shown: str) -> envelope.Opened:
    try:
        return envelope.open_envelope(sealed, root_keys)
    except envelope.UnsignedError:
        raise PolicyUnsignedError(
            f"nobody signed the approval of {shown}; run: lockgate sign-policy {shown} --key KEY"
        ) from None
    except envelope.SignatureError:
        raise PolicyWrongSignerError(
            f"none of the keys that may sign the policy signed {shown}, or its approval was altered since; "
            "check LOCKGATE_POLICY_KEY, or have the right person sign it"
        ) from None
    except EnvelopeError as error:
        raise PolicyAlteredError(f"the approval of {shown} cannot be read: {error}") from None


def _said(statement: Statement, digest: str, shown: str) -> PolicyApproval:
    """Return what an approval says, when it is one of a policy of this digest."""
    said = statement.claim
    if not isinstance(said, PolicyApproval):
        raise PolicyAlteredError(
            f"beside {shown} lies an attestation of the kind {statement.kind}; sign the policy again"
        )
    subjects = [dict(subject.digest) for subject in statement.subjects]
    if subjects != [{"sha256": digest}, subject_of(said.name)]:
        raise PolicyAlteredError(
            f"the policy {shown} was changed since it was signed; "
            "restore it, or raise its revision and sign it"
        )
    return said


def _approved(logged: Iterable[bytes], root_keys: Sequence[SSlibKey], name: str) -> Iterable[SeenPolicy]:
    """Yield which revisions of a policy root keys have approved; what is no approval by them says nothing."""
    for raw in logged:
        try:
            statement = envelope.open_envelope(raw, root_keys).statement
        except EnvelopeError:
            continue
        said = statement.claim
        if (
            isinstance(said, PolicyApproval)
            and said.name == name
            and "sha256" in statement.subjects[0].digest
        ):
            yield SeenPolicy(said.revision, statement.subjects[0].digest["sha256"])


def _approval_of_the_same(target: str, policy: Policy, said: PolicyApproval) -> bytes | None:
    """Return the approval that is there when it says of the same bytes what would be said now."""
    raw = source.read_if_there(target, envelope.MAX_BYTES)
    if raw is None:
        return None
    try:
        statement = envelope.unverified(raw)
        there = _said(statement, policy.digest, target)
    except InputError:  # of a former revision, or damaged: a new one takes its place
        return None
    same = dataclasses.replace(there, signed=said.signed) == said and there.signed <= said.signed + CLOCK_SKEW
    # The bytes are countersigned as they are, so nothing else may stand in them.
    return raw if same and statement.document == build(policy.digest, there) else None
