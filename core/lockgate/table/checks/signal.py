"""What a check found, and how it enters an outcome: one check for each family, one finding for each column.

Nobody declared what these checks look for. So what they find is a WARN and opens the gate, unless the
caller enforces the family: then it is a FAIL.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from lockgate.outcome import Comparator, Location, Outcome, Severity, Verdict

_Ground = TypeVar("_Ground")

LOCATED = 50
"""Findings that get row numbers: each costs a scan of its column."""


@dataclass(frozen=True)
class Family:
    """One kind of check.

    Attributes:
        name: Its id, as users name it: ``mixed-nulls``.
        rule: Id of the rule of its findings.
        fix: What to do, one sentence.
        subject: The artifact parameter that it is about.
    """

    name: str
    rule: str
    fix: str
    subject: str = "data"


@dataclass(frozen=True)
class Signal:
    """One thing that a check found.

    Attributes:
        value: What was measured.
        message: One sentence, without values of the data.
        column: The column, or None for the whole table.
        count: Rows or values that it stands for.
        rows: The first of these rows, at most 20.
    """

    value: float
    message: str
    column: str | None = None
    count: int = 1
    rows: tuple[int | str, ...] = ()


def record(
    outcome: Outcome,
    family: Family,
    signals: Sequence[Signal],
    *,
    value: float | int | None,
    threshold: float | int,
    enforce: Collection[str] = (),
    comparator: Comparator = "<=",
    reason: str = "",
) -> bool:
    """Hold a family's worst value against its threshold; on failure, each signal becomes a finding.

    Args:
        outcome: Where to record.
        family: The family.
        signals: What was found over the threshold, worst first.
        value: The worst value of all columns; None when it could not be measured: INCONCLUSIVE.
        threshold: What it is held against.
        enforce: Families that FAIL; the others WARN.
        comparator: How value and threshold are compared.
        reason: What the value means, or why there is none.

    Returns:
        Whether it held.
    """
    hard = family.name in enforce
    failing = Verdict.FAIL if hard else Verdict.WARN
    held = outcome.check(
        family.name, value=value, comparator=comparator, threshold=threshold, failing=failing, reason=reason
    )
    if held or value is None:
        return held
    for signal in signals:
        outcome.find(
            family.rule,
            Severity.HIGH if hard else Severity.MEDIUM,
            signal.message,
            subject=family.subject,
            location=Location(column=signal.column, rows=signal.rows),
            count=signal.count,
            threat="data-poisoning",
            fix=family.fix,
            check=family.name,
        )
    return held


@dataclass(frozen=True)
class Found:
    """What a check measured.

    Attributes:
        value: The worst value; None when there was nothing to measure, and `reason` says why.
        signals: What is over the limit, worst first.
        reason: What the value means.
    """

    value: float | int | None
    signals: Sequence[Signal] = ()
    reason: str = ""


@dataclass(frozen=True)
class Listed(Generic[_Ground]):
    """A family with its check, and whether its limit is a least value instead of a largest."""

    family: Family
    check: Callable[[_Ground, float], Found]
    at_least: bool = False


@dataclass(frozen=True)
class Numbered(Generic[_Ground]):
    """Writes the families of a stage, whose rules it numbers: ``LG-SPLIT-001`` and so on.

    Attributes:
        prefix: What the rules begin with.
        subject: The artifact parameter that they are about.
    """

    prefix: str
    subject: str = "data"

    def __call__(
        self,
        name: str,
        number: int,
        check: Callable[[_Ground, float], Found],
        fix: str,
        *,
        at_least: bool = False,
    ) -> Listed[_Ground]:
        """Return a family with its check; see `Family` and `Listed`."""
        return Listed(Family(name, f"{self.prefix}-{number:03d}", fix, self.subject), check, at_least)


def run(
    outcome: Outcome,
    families: Sequence[Listed[_Ground]],
    ground: _Ground,
    limits: Mapping[str, float],
    *,
    chosen: Collection[str],
    enforce: Collection[str] = (),
) -> None:
    """Run families of checks and record what they found.

    A family that does not apply to the table, because it needs a label that was not named, say, is
    INCONCLUSIVE when the caller asked for it, and else is named in the metric ``not_applicable``.

    Args:
        outcome: Where to record.
        families: All that there are.
        ground: What they look at.
        limits: The limit of those that have one, by name; the others allow none.
        chosen: The families that the caller asked for by name; empty runs all.
        enforce: Families that FAIL instead of WARN; they run even when not chosen.
    """
    left_out = {}
    asked = {*chosen, *enforce}
    for listed in families:
        name = listed.family.name
        if chosen and name not in asked:
            continue
        limit = limits.get(name, 0)
        found = listed.check(ground, limit)
        if found.value is None and name not in asked:
            left_out[name] = found.reason
            continue
        record(
            outcome,
            listed.family,
            found.signals,
            value=found.value,
            threshold=limit,
            enforce=enforce,
            comparator=">=" if listed.at_least else "<=",
            reason=found.reason,
        )
    outcome.metrics["not_applicable"] = left_out
