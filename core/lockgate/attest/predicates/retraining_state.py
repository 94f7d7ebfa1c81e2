"""The memory of a retraining gate: what `gate-retraining` has seen of a stream of batches.

    "subject": [{"name": "lockgate-stream:employment", "digest": {"sha256": "<of this name>"}}],
    "predicate": {"stream": "employment", "sequence": 7, "previous": "...", ...}

The fields are those of `lockgate.retraining.state`. Only a gate's own key signs one, and whoever reads
one believes no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lockgate.attest.predicates import OTHERS

if TYPE_CHECKING:
    from lockgate.attest.statement import RunSummary
    from lockgate.retraining.state import State

TYPE = OTHERS["retraining-state"]


def subject_of(stream: str) -> dict[str, str]:
    """Return the digest under which every state of a stream would be found."""
    return {"sha256": hashlib.sha256(f"lockgate-stream:{stream}".encode()).hexdigest()}


def build(state: State) -> dict[str, Any]:
    """Return the statement of a state."""
    from lockgate.attest.statement import STATEMENT_TYPE
    from lockgate.retraining.state import document

    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": f"lockgate-stream:{state.stream}", "digest": subject_of(state.stream)}],
        "predicateType": TYPE,
        "predicate": document(state),
    }


def parse(predicate: Mapping[str, Any], run: RunSummary | None) -> State:  # noqa: ARG001 - signed by itself, not as a run
    """Return what a predicate says; refuse one with fields that are missing, of another type, or unknown."""
    from lockgate.retraining.state import parse as parse_state

    return parse_state(predicate)
