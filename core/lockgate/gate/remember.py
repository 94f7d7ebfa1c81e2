"""Keep what a decision has seen, so that nobody can show this gate less the next time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.errors import InputError
from lockgate.gate.codes import Code

if TYPE_CHECKING:
    from lockgate.gate.decision import Decision
    from lockgate.settings import Settings


def remember(decision: Decision, settings: Settings) -> None:
    """Remember policy, checkpoint and time of a decision, ALLOW or DENY.

    Only what held is remembered: of a decision that ended before there were answers, nothing.

    Raises:
        PolicyRolledBackError, PolicyForkedError, ForkedError: Another decision has seen something newer
            meanwhile, so that this one must not stand.
        TrustStateError: The memory cannot be used.
        StageError: It cannot be written.
    """
    if decision.problems or decision.policy is None or any(a.code is Code.ERROR for a in decision.answers):
        return
    from lockgate.policy.memory import TrustState

    if not settings.trust_state:
        raise InputError("the gate has no memory; set LOCKGATE_TRUST_STATE")
    state = TrustState(settings.trust_state)
    state.remember_policy(*decision.policy)
    if decision.checkpoint is not None:
        state.remember_checkpoint(decision.checkpoint.origin, decision.checkpoint.note)
    state.remember_time(decision.now)
