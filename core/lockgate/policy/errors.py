"""What can be wrong with a signed policy, one class for each, so that a gate can give each its own code."""

from __future__ import annotations

from lockgate.errors import InputError, PolicyError


class PolicyUnsignedError(PolicyError):
    """There is no approval beside the policy, or nobody signed it."""


class PolicyWrongSignerError(PolicyError):
    """None of the keys that may sign the policy signed its approval."""


class PolicyAlteredError(PolicyError):
    """The approval is of other bytes, or says something else than the policy does."""


class PolicyNotYetSignedError(PolicyError):
    """The approval was signed in the future: by a clock that is wrong, or to outlive its time."""


class PolicyExpiredError(PolicyError):
    """The policy's own time is over."""


class PolicyRolledBackError(PolicyError):
    """A newer revision of the policy was seen before."""


class PolicyForkedError(PolicyError):
    """Another policy with the same name and revision was seen before."""


class TrustStateError(InputError):
    """The file in which a gate remembers what it has seen cannot be used."""


class StateRefusedError(InputError):
    """The state is older than one that was seen, or belongs to another stream, or is missing."""
