"""Write what was found about drift into an outcome, the same way for every stage that compares tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lockgate.outcome import Location, Outcome, Severity
from lockgate.table.drift import ColumnDrift, Comparison

ANCHORED = "anchored:"
"""What the ids of the checks against a baseline profile start with, beside those against a reference."""
_AGAINST = {ANCHORED: " from the baseline profile"}
_SHOWN_NAMES = 10


def record_shape(outcome: Outcome, found: Comparison, prefix: str = "") -> None:
    """Record missing, new and retyped columns, which fail, and the columns that were left out.

    Args:
        outcome: Where to.
        found: What the comparison found.
        prefix: What the ids of the checks start with, where there are two comparisons.
    """
    broken = len(found.missing) + len(found.extra) + len(found.retyped)
    outcome.check(f"{prefix}columns", value=broken, comparator="==", threshold=0)
    for name in found.missing:
        message = f"Column {name!r} of the reference is missing."
        fix = "Add the column, or leave it out of the comparison with `ignore`."
        _find_column(outcome, "LG-DRIFT-002", message, name, fix, prefix)
    for name in found.extra:
        message = f"Column {name!r} is new: the reference does not have it."
        fix = "Remove the column, or leave it out of the comparison with `ignore`."
        _find_column(outcome, "LG-DRIFT-003", message, name, fix, prefix)
    for name, (before, now) in found.retyped.items():
        message = f"Column {name!r} was {before} in the reference and is {now} now."
        fix = "Write the column with its former type."
        _find_column(outcome, "LG-DRIFT-004", message, name, fix, prefix)
    if found.ignored:
        outcome.find(
            "LG-DRIFT-006",
            Severity.INFO,
            f"Left out, because they differ between any two batches: {_listed(found.ignored)}.",
            subject="current",
            count=len(found.ignored),
            fix="Name them in `columns` to compare them.",
        )


def record_undecided(outcome: Outcome, found: Comparison, prefix: str = "") -> None:
    """Record the columns without an answer: one inconclusive check each, one finding a reason."""
    by_reason: dict[str, list[str]] = {}
    for column in found.undecided:
        outcome.cannot(f"{prefix}drift:{column.column}", column.reason, threshold=False, comparator="==")
        by_reason.setdefault(column.reason, []).append(column.column)
    for reason, names in by_reason.items():
        outcome.find(
            "LG-DRIFT-005",
            Severity.LOW,
            f"Drift could not be decided for {_listed(names)}: {reason}.",
            subject="current",
            count=len(names),
            fix="Give more rows, or leave these columns out with `ignore`.",
        )


def record_drifted(
    outcome: Outcome,
    column: ColumnDrift,
    severity: Severity,
    *,
    prefix: str = "",
    rule: str = "LG-DRIFT-001",
    role: str = "Column",
) -> None:
    """Record one drifted column with its numbers."""
    p = "below 1e-12" if column.p_corrected < 1e-12 else f"{column.p_corrected:.2g}"  # noqa: PLR2004 - fewer digits to read
    missing = (
        f", missing values {column.missing_reference:.1%} before and {column.missing_current:.1%} now"
        if column.missing_reference or column.missing_current
        else ""
    )
    outcome.find(
        rule,
        severity,
        f"{role} {column.column!r} has drifted{_AGAINST.get(prefix, '')}: PSI {column.psi:.3f}, "
        f"Jensen-Shannon distance {column.js:.3f}, corrected p value {p} ({column.test}){missing}.",
        subject="current",
        location=Location(column=column.column),
        check=f"{prefix}drift:{column.column}",
        fix="Find out why the column moved; if the change is real, train again on data that has it.",
    )


def record_numbers(outcome: Outcome, found: Comparison, prefix: str = "") -> None:
    """Add metrics and the table of columns."""
    metrics = {
        "rows_reference": found.rows_reference,
        "rows_current": found.rows_current,
        "columns_compared": len(found.columns),
        "columns_drifted": len(found.drifted),
        "columns_undecided": len(found.undecided),
        "columns_ignored": found.ignored,
        "largest_psi": max((c.psi for c in found.columns), default=None),
        "columns": {c.column: _numbers(c) for c in found.columns},
    }
    outcome.metrics |= {"against_baseline": metrics} if prefix else metrics
    rank = {True: 0, None: 1, False: 2}
    name = "columns against the baseline profile" if prefix else "columns"
    outcome.tables[name] = [
        _line(c) for c in sorted(found.columns, key=lambda c: (rank[c.drifted], -c.psi, c.column))
    ]


def _line(column: ColumnDrift) -> dict[str, Any]:
    """One line of the report: what matters first."""
    answer = {True: "yes", False: "no", None: "undecided"}
    before, now = column.picture
    drawn = {"distribution": {"reference": list(before), "current": list(now)}} if before else {}
    return {
        "column": column.column,
        "drifted": answer[column.drifted],
        **drawn,
        "psi": column.psi,
        "jensen_shannon": column.js,
        "p_corrected": column.p_corrected,
        "missing": _missing(column),
    }


def _missing(column: ColumnDrift) -> str:
    before, now = column.missing_reference, column.missing_current
    return f"{before:.1%}" if before == now else f"{before:.1%} → {now:.1%}"


def _numbers(column: ColumnDrift) -> dict[str, Any]:
    return {
        "psi": column.psi,
        "jensen_shannon": column.js,
        "hellinger": column.hellinger,
        "total_variation": column.total_variation,
        "infinity_norm": column.infinity_norm,
        "wasserstein": column.wasserstein,
        "test": column.test,
        "statistic": column.statistic,
        "statistic_error": column.statistic_error,
        "p_value": column.p_value,
        "p_corrected": column.p_corrected,
        "missing_share_reference": column.missing_reference,
        "missing_share_current": column.missing_current,
    }


def _find_column(outcome: Outcome, rule: str, message: str, name: str, fix: str, prefix: str) -> None:
    location, check = Location(column=name), f"{prefix}columns"
    outcome.find(rule, Severity.HIGH, message, subject="current", location=location, check=check, fix=fix)


def _listed(names: Iterable[str]) -> str:
    listed = [repr(name) for name in names]
    more = f" and {len(listed) - _SHOWN_NAMES} more" if len(listed) > _SHOWN_NAMES else ""
    return ", ".join(listed[:_SHOWN_NAMES]) + more
