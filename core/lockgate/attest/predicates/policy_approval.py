"""The approval of a policy: that whoever signed it wants this ``lockgate.yaml`` to hold.

    "subject": [{"name": "lockgate.yaml", "digest": {"sha256": "<of its bytes>"}},
                {"name": "lockgate-policy:employment", "digest": {"sha256": "<of this name>"}}],
    "predicate": {"name": "employment", "revision": 3, "expires": "...", "signedOn": "..."}

The second subject is the policy's name, so that every revision of a policy is found under one digest
in an evidence store and in a ledger.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockgate.attest import fields
from lockgate.attest.fields import refuse
from lockgate.attest.predicates import OTHERS

if TYPE_CHECKING:
    from lockgate.attest.statement import RunSummary

TYPE = OTHERS["policy-approval"]
_FIELDS = {"name", "revision", "expires", "signedOn"}


@dataclass(frozen=True)
class PolicyApproval:
    """What the approval of a policy says.

    Attributes:
        name: The policy's name.
        revision: Its revision.
        expires: When it must have been renewed.
        signed: When the approval was made.
    """

    name: str
    revision: int
    expires: dt.datetime
    signed: dt.datetime


def build(digest: str, said: PolicyApproval) -> dict[str, Any]:
    """Return the statement that approves a policy.

    Args:
        digest: SHA-256 (hex) of the bytes of the policy.
        said: What to say of it.
    """
    from lockgate.attest.statement import STATEMENT_TYPE

    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": "lockgate.yaml", "digest": {"sha256": digest}},
            {"name": f"lockgate-policy:{said.name}", "digest": subject_of(said.name)},
        ],
        "predicateType": TYPE,
        "predicate": {
            "name": said.name,
            "revision": said.revision,
            "expires": fields.written(said.expires),
            "signedOn": fields.written(said.signed),
        },
    }


def subject_of(name: str) -> dict[str, str]:
    """Return the digest under which every approved revision of a policy is found."""
    return {"sha256": hashlib.sha256(f"lockgate-policy:{name}".encode()).hexdigest()}


def parse(predicate: Mapping[str, Any], run: RunSummary | None) -> PolicyApproval:  # noqa: ARG001 - no stage writes it
    """Return what a predicate says; refuse one with fields that are missing, of another type, or unknown."""
    fields.exactly(predicate, _FIELDS, "the approval")
    revision = predicate["revision"]
    if type(revision) is not int or revision < 1:
        refuse("its revision is no positive whole number")
    return PolicyApproval(
        name=fields.text(predicate, "name"),
        revision=revision,
        expires=fields.time(predicate, "expires"),
        signed=fields.time(predicate, "signedOn"),
    )
