"""What can be wrong with a ledger: one class for each, so that a gate can give each its own reason."""

from __future__ import annotations

from lockgate.errors import StageError


class LedgerError(StageError):
    """The root of what a ledger refuses."""


class LedgerUrlError(LedgerError):
    """The reference to the ledger cannot be used: wrong usage."""

    exit_code = 2


class LedgerUnreachableError(LedgerError):
    """The database is not there, does not answer, or refuses this user."""


class CheckpointFormError(LedgerError):
    """A checkpoint is no signed note of the form that Lockgate writes."""


class ForeignLedgerError(LedgerError):
    """The checkpoint is one of another ledger: its origin is not the one asked for."""


class UnsignedCheckpointError(LedgerError):
    """There are entries that no signed checkpoint covers."""


class WrongSignerError(LedgerError):
    """No trusted key signed the checkpoint: others did, or it was altered since."""


class TruncatedError(LedgerError):
    """The ledger is shorter than it was once signed to be."""


class ForkedError(LedgerError):
    """Two signed checkpoints cannot both be of one ledger that only grows."""


class EntryMissingError(LedgerError):
    """An entry that was logged is not there any more."""


class EntryAlteredError(LedgerError):
    """An entry is not what was logged."""


class TreeAlteredError(LedgerError):
    """The stored hashes of the Merkle tree do not lead to the signed root."""


class IndexAlteredError(LedgerError):
    """The index of subjects is not the one whose root was signed."""


class ProofError(LedgerError):
    """A proof of inclusion does not hold, or is none."""
