"""A waiver: that whoever signed it answers for some findings of a stage about one artifact, for a time.

    "subject": [{"name": "artifact", "digest": {"sha256": "..."}}],
    "predicate": {"stage": "test-robustness", "rules": ["LG-ROBUST-002"], "environment": "production",
                  "reason": "...", "grantedOn": "...", "expires": "..."}

`environment` null stands for every environment.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockgate.attest import fields
from lockgate.attest.fields import refuse
from lockgate.attest.predicates import OTHERS

if TYPE_CHECKING:
    from lockgate.attest.statement import RunSummary

TYPE = OTHERS["waiver"]
MOST_RULES = 100
LONGEST_REASON = 2_000  # characters
RULE = re.compile(r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+\Z")
"""A rule id, such as ``LG-ROBUST-002``; there is no pattern for several."""
_FIELDS = {"stage", "rules", "environment", "reason", "grantedOn", "expires"}


@dataclass(frozen=True)
class Waiver:
    """What a waiver says.

    Attributes:
        stage: The stage whose findings it excuses.
        rules: Their rule ids.
        environment: The environment that it is for; None for every one.
        reason: Why.
        granted: When it was granted.
        expires: When it ends.
    """

    stage: str
    rules: tuple[str, ...]
    environment: str | None
    reason: str
    granted: dt.datetime
    expires: dt.datetime


def build(digest: Mapping[str, str], said: Waiver) -> dict[str, Any]:
    """Return the statement of a waiver.

    Args:
        digest: DigestSet of the artifact that it is for.
        said: What it says.
    """
    from lockgate.attest.statement import STATEMENT_TYPE

    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "artifact", "digest": dict(digest)}],
        "predicateType": TYPE,
        "predicate": {
            "stage": said.stage,
            "rules": list(said.rules),
            "environment": said.environment,
            "reason": said.reason,
            "grantedOn": fields.written(said.granted),
            "expires": fields.written(said.expires),
        },
    }


def parse(predicate: Mapping[str, Any], run: RunSummary | None) -> Waiver:  # noqa: ARG001 - no stage writes it
    """Return what a predicate says; refuse one with fields that are missing, of another type, or unknown.

    An unknown field might narrow what is waived, so it is refused rather than passed over.
    """
    fields.exactly(predicate, _FIELDS, "the waiver")
    rules = fields.items(predicate["rules"], "the field 'rules'")
    if not 1 <= len(rules) <= MOST_RULES or not all(isinstance(r, str) and RULE.match(r) for r in rules):
        refuse(f"its rules are not 1 to {MOST_RULES} rule ids")
    if len(set(rules)) != len(rules):
        refuse("it names a rule twice")
    reason = fields.text(predicate, "reason")
    if not reason.strip() or len(reason) > LONGEST_REASON:
        refuse(f"its reason is blank or longer than {LONGEST_REASON} characters")
    said = Waiver(
        stage=fields.text(predicate, "stage"),
        rules=tuple(rules),
        environment=None if predicate["environment"] is None else fields.text(predicate, "environment"),
        reason=reason,
        granted=fields.time(predicate, "grantedOn"),
        expires=fields.time(predicate, "expires"),
    )
    if said.expires <= said.granted:
        refuse("it expires before it is granted")
    return said
