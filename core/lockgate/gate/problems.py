"""Errors of policy, memory, ledger and store as problems of a decision: each class has its code."""

from __future__ import annotations

from lockgate.errors import InputError, MissingExtraError, StageError
from lockgate.gate.codes import Code
from lockgate.gate.decision import Problem
from lockgate.ledger import errors as ledger
from lockgate.policy import errors as policy

_POLICY: dict[type[InputError], Code] = {
    policy.PolicyUnsignedError: Code.POLICY_UNSIGNED,
    policy.PolicyWrongSignerError: Code.POLICY_WRONG_SIGNER,
    policy.PolicyAlteredError: Code.POLICY_ALTERED,
    policy.PolicyNotYetSignedError: Code.POLICY_FUTURE,
    policy.PolicyExpiredError: Code.POLICY_EXPIRED,
    policy.PolicyRolledBackError: Code.POLICY_ROLLED_BACK,
    policy.PolicyForkedError: Code.POLICY_FORKED,
}
_LEDGER: dict[type[StageError], Code] = {
    MissingExtraError: Code.LEDGER_UNREACHABLE,  # the driver of its database
    ledger.LedgerUrlError: Code.LEDGER_UNREACHABLE,
    ledger.LedgerUnreachableError: Code.LEDGER_UNREACHABLE,
    ledger.CheckpointFormError: Code.CHECKPOINT_UNTRUSTED,
    ledger.ForeignLedgerError: Code.CHECKPOINT_UNTRUSTED,
    ledger.UnsignedCheckpointError: Code.CHECKPOINT_UNTRUSTED,
    ledger.WrongSignerError: Code.CHECKPOINT_UNTRUSTED,
    ledger.TruncatedError: Code.TRUNCATED,
    ledger.ForkedError: Code.FORKED,
    ledger.EntryMissingError: Code.ENTRY_MISSING,
}


def of_policy(error: InputError) -> Problem:
    """Return the problem of a policy that was refused."""
    return of(_POLICY.get(type(error), Code.POLICY_UNREADABLE), error)


def of_ledger(error: StageError) -> Problem:
    """Return the problem of a ledger that was refused."""
    return of(_LEDGER.get(type(error), Code.LEDGER_ALTERED), error)


def of_store(error: InputError) -> Problem:
    """Return the problem of a store that cannot be read."""
    return of(Code.STORE_UNREADABLE, error)


def of(code: Code, error: Exception) -> Problem:
    """Return a problem with what an error says is wrong, without what to do: the code says that."""
    return Problem(code, str(error).partition("; ")[0])


def unexpected(what: str, error: Exception) -> Problem:
    """Return the problem of an error where none belongs: nothing opens on it."""
    return Problem(Code.ERROR, f"{what} led to an error ({type(error).__name__})")
