"""Publish an attestation: into the evidence store, and then into the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

    from lockgate.attest.statement import Statement
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
        InputError: An address cannot be used.
        StageError: The store or the ledger cannot be written, or the ledger is not what was signed last.
    """
    if settings.evidence:
        from lockgate.attest.store import EvidenceStore

        EvidenceStore(settings.evidence).put(envelope, statement.subjects)
    if settings.ledger:
        from lockgate.ledger import Ledger

        origin, trusted = _by_policy(settings)
        digests = [subject.digest for subject in statement.subjects]
        Ledger(settings.ledger, origin).append(envelope, digests, signer, trusted=trusted)


def _by_policy(settings: Settings) -> tuple[str | None, list[Any]]:
    """Return the ledger's name and the public keys of its signers, as the policy has them."""
    if not settings.policy:
        return None, []
    from lockgate import policy

    said = policy.load(settings.policy)
    return (said.ledger.origin, said.trust.keys(said.ledger.roles)) if said.ledger else (None, [])
