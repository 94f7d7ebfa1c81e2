"""What a stage says: checks, findings and metrics, from which the verdict is derived.

A stage never states its verdict. It records the facts that it saw in an `Outcome`; the verdict
follows from them by one rule, `Outcome.verdict`, so that no stage can pass what it did not check.

    outcome = Outcome()
    outcome.check("rows", value=rows, comparator=">=", threshold=min_rows)
    if rows < min_rows:
        outcome.find("LG-DATA-010", Severity.HIGH, f"The table has {rows} rows, ...", fix="...")
"""

from __future__ import annotations

import enum
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from lockgate.report.picture import Picture

Comparator = Literal["<", "<=", "==", ">=", ">", "!="]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
    "!=": operator.ne,
}


class Verdict(str, enum.Enum):
    """The answer of a stage or of one of its checks; the worst check decides."""

    PASS = "PASS"
    WARN = "WARN"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    WAIVED = "WAIVED"

    def __str__(self) -> str:
        return self.value

    @property
    def opens(self) -> bool:
        """Whether a gate opens on this verdict when the policy says nothing else."""
        return self in (Verdict.PASS, Verdict.WARN, Verdict.WAIVED)


class Severity(str, enum.Enum):
    """How much a finding weighs: INFO and LOW leave a PASS, MEDIUM makes a WARN, HIGH and above a FAIL."""

    INFO = "INFO"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    def __str__(self) -> str:
        return self.value


class Decision(str, enum.Enum):
    """What `gate-retraining` advises to do with a new batch."""

    KEEP = "KEEP"
    RETRAIN = "RETRAIN"
    QUARANTINE = "QUARANTINE"

    def __str__(self) -> str:
        return self.value


# From best to worst. A check that failed outweighs one that could not run: both close the gate,
# and the failure is the more useful of the two to read first.
_ORDER = (Verdict.PASS, Verdict.WAIVED, Verdict.WARN, Verdict.INCONCLUSIVE, Verdict.FAIL)
_OF_SEVERITY = {
    Severity.INFO: Verdict.PASS,
    Severity.LOW: Verdict.PASS,
    Severity.MEDIUM: Verdict.WARN,
    Severity.HIGH: Verdict.FAIL,
    Severity.CRITICAL: Verdict.FAIL,
}


def of_severity(severity: Severity | str) -> Verdict:
    """Return the verdict that a finding of some severity asks for."""
    return _OF_SEVERITY[Severity(severity)]


def worst(verdicts: list[Verdict]) -> Verdict:
    """Return the worst of some verdicts; of none at all, INCONCLUSIVE."""
    return max(verdicts, key=_ORDER.index, default=Verdict.INCONCLUSIVE)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: what was measured, and the threshold it was held against.

    Attributes:
        id: Stable name of the check, for example ``range:AGEP``.
        verdict: PASS, WARN, FAIL or INCONCLUSIVE.
        value: What was measured: a number, a short text, or None when it could not be measured.
        comparator: How value and threshold are compared, or None.
        threshold: What the value was held against, or None.
        reason: Why the check is INCONCLUSIVE, or what the value means; one sentence or empty.
    """

    id: str
    verdict: Verdict
    value: float | int | str | bool | None = None
    comparator: Comparator | None = None
    threshold: float | int | str | bool | None = None
    reason: str = ""


@dataclass(frozen=True)
class Location:
    """Where in the subject a finding lies; only what is known is set.

    Attributes:
        column: A column's name.
        rows: 0-based row numbers or keys, a sample of at most 20.
        member: A file inside a folder or an archive.
        offset: A byte offset inside the file.
        cell: The number of a notebook's cell, from 1.
        output: The number of the output that the cell showed, from 1; None for its source.
        line: A line, from 1: of the file, or of the source or output of the cell that is named.
    """

    column: str | None = None
    rows: tuple[int | str, ...] = ()
    member: str | None = None
    offset: int | None = None
    cell: int | None = None
    output: int | None = None
    line: int | None = None


@dataclass(frozen=True)
class Finding:
    """One thing that a person should know, and what to do about it.

    Attributes:
        rule: Stable rule id, for example ``LG-POISON-003``.
        severity: See `Severity`.
        message: One sentence, without raw data values.
        subject: Name of the artifact parameter it is about, for example ``train``.
        location: Where in the subject.
        count: How many rows or places it stands for.
        threat: Id of the threat in ``threats.yaml``, for example ``data-poisoning``.
        fix: What to do, one sentence.
        check: Id of the check that this finding explains, or empty.
    """

    rule: str
    severity: Severity
    message: str
    subject: str = ""
    location: Location = field(default_factory=Location)
    count: int = 1
    threat: str = ""
    fix: str = ""
    check: str = ""


@dataclass
class Outcome:
    """What one run of a stage saw. Facts only; the verdict is derived.

    Attributes:
        checks: Every check that ran, or that should have run and could not.
        findings: What a person should look at.
        metrics: Numbers by name; nested mappings are allowed. Units belong into the name.
        decision: Only `gate-retraining` sets it.
        tables: Named tables for the report: a list of rows, each a mapping of column to value.
        facts: Short lines for the head of the report, label to text.
        pictures: Named pictures for the report; see `lockgate.report.picture`.
        evidence: DigestSets, by name, of attestations that it read elsewhere than in an input.
        context: What differs with the engine or the machine, by name; no part of the body.
        commit: What is done once the result is written, such as keeping a state; an error undoes the result.
    """

    checks: list[Check] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)
    decision: Decision | None = None
    tables: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, Picture] = field(default_factory=dict)
    evidence: dict[str, Mapping[str, str]] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    commit: Callable[[], None] | None = None

    def check(
        self,
        id: str,  # noqa: A002 - the field's name in result.json
        *,
        value: float | int | str | bool | None,
        comparator: Comparator,
        threshold: float | int | str | bool,
        failing: Verdict = Verdict.FAIL,
        reason: str = "",
    ) -> bool:
        """Hold a value against a threshold, record the check, and return whether it held.

        A value of None, or NaN, could not be measured: the check is INCONCLUSIVE.
        """
        if value is None or value != value:  # noqa: PLR0124 - NaN is the value unequal to itself
            self.cannot(id, reason or "the value could not be measured", threshold, comparator)
            return False
        held = _COMPARE[comparator](value, threshold)
        verdict = Verdict.PASS if held else failing
        self.checks.append(Check(id, verdict, value, comparator, threshold, reason))
        return held

    def cannot(
        self,
        id: str,  # noqa: A002 - the field's name in result.json
        reason: str,
        threshold: float | int | str | bool | None = None,
        comparator: Comparator | None = None,
    ) -> None:
        """Record a check that should have run and could not: INCONCLUSIVE, with the reason."""
        self.checks.append(Check(id, Verdict.INCONCLUSIVE, None, comparator, threshold, reason))

    def find(self, rule: str, severity: Severity, message: str, **more: Any) -> Finding:
        """Record a finding; keyword arguments are those of `Finding`."""
        finding = Finding(rule, severity, message, **more)
        self.findings.append(finding)
        return finding

    @property
    def verdict(self) -> Verdict:
        """The worst of all checks and findings; INCONCLUSIVE when nothing was checked."""
        checked = [check.verdict for check in self.checks] or [Verdict.INCONCLUSIVE]
        return worst(checked + [of_severity(finding.severity) for finding in self.findings])
