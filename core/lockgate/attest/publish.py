"""Publish an attestation: into the evidence store, and then into the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockgate.errors import InputError

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

    from lockgate.attest.statement import Statement
    from lockgate.ledger import Checkpoint
    from lockgate.policy.memory import TrustState
    from lockgate.settings import Settings


def publish(envelope: bytes, statement: Statement, signer: Signer, settings: Settings) -> None:
    """Put an attestation where the settings say that evidence is kept.

    The store comes first: an attestation that is in the ledger and not in the store looks to a gate as
    if somebody withheld it; one that is in the store and not in the ledger merely does not count.

    Args:
        envelope: The bytes of the sealed attestation.
        statement: What is in it.
        signer: Signs the ledger's new checkpoint.
        settings: Name the store, the ledger, both or neither. Their policy says what the ledger is
            called and who else signs for it; without one, a ledger has one writer.

    Raises:
        InputError: An address cannot be used, or the policy lets others sign for the ledger. Nothing was
            published.
        StageError: The store or the ledger cannot be written, or the ledger is not what was signed last.
    """
    origin, trusted = _by_policy(settings) if settings.ledger else (None, [])
    if trusted and signer.public_key.keyid not in {key.keyid for key in trusted}:
        # Its checkpoint would count for nobody, and nobody else could append to the ledger after it.
        raise InputError(
            "this key may not sign for the ledger, by the policy's ledger roles; leave the ledger out, "
            "and have the attestation logged by who may: lockgate publish FILE --key KEY"
        )
    if settings.evidence:
        from lockgate.attest.store import EvidenceStore

        EvidenceStore(settings.evidence).put(envelope, statement.subjects)
    if settings.ledger:
        from lockgate.ledger import Ledger

        digests = [subject.digest for subject in statement.subjects]
        state, seen = _seen(settings, origin, trusted)
        receipt = Ledger(settings.ledger, origin).append(
            envelope, digests, signer, trusted=trusted, seen=seen
        )
        if state is not None:
            state.remember_checkpoint(receipt.checkpoint.origin, receipt.checkpoint.note)


def _seen(
    settings: Settings, origin: str | None, trusted: list[Any]
) -> tuple[TrustState | None, Checkpoint | None]:
    """Return the memory of this place, and the ledger's state in it: a copy put back must not grow."""
    if not settings.trust_state or origin is None:
        return None, None
    from lockgate.ledger.checkpoint import open_note
    from lockgate.policy.memory import TrustState

    state = TrustState(settings.trust_state)
    note = state.checkpoint(origin)
    return state, open_note(note, trusted) if note is not None else None


def _by_policy(settings: Settings) -> tuple[str | None, list[Any]]:
    """Return the ledger's name and the public keys of its signers, as the policy has them."""
    if not settings.policy:
        return None, []
    from lockgate import policy

    said = policy.load(settings.policy)
    return (said.ledger.origin, said.trust.keys(said.ledger.roles)) if said.ledger else (None, [])
