"""Publish an attestation: into the evidence store, and then into the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        settings: Name the store, the ledger, both or neither.

    Raises:
        InputError: An address cannot be used.
        StageError: The store or the ledger cannot be written.
    """
    if settings.evidence:
        from lockgate.attest.store import EvidenceStore

        EvidenceStore(settings.evidence).put(envelope, statement.subjects)
    if settings.ledger:
        from lockgate.ledger import Ledger

        Ledger(settings.ledger).append(envelope, [s.digest for s in statement.subjects], signer)
