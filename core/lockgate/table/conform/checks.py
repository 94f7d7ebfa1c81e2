"""What the checks share: the finding of a failed one, and values counted on the engine, many in one scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lockgate.outcome import Comparator, Location, Outcome, Severity
from lockgate.table.checks.shape import outline, shapes
from lockgate.table.profile import Column
from lockgate.table.repeats import Repeats
from lockgate.table.schema import as_bound
from lockgate.table.sql import literal
from lockgate.table.typed import Kind, Table

if TYPE_CHECKING:
    from lockgate.table.conform.accepted import Accepted

ENDS: tuple[tuple[Literal["min", "max"], Comparator], ...] = (("min", ">="), ("max", "<="))
_MAX_LOCATED = 50  # findings that get row numbers: each costs a scan of its column


def fail(
    outcome: Outcome,
    rule: str,
    check: str,
    message: str,
    fix: str,
    *,
    column: str | None = None,
    rows: tuple[int, ...] = (),
    count: int = 1,
) -> None:
    """Record the finding of a check that failed; all of them are HIGH, and point to poisoned data."""
    outcome.find(
        rule,
        Severity.HIGH,
        message,
        subject="data",
        location=Location(column=column, rows=rows),
        count=count,
        threat="data-poisoning",
        fix=fix,
        check=check,
    )


def no_names(outcome: Outcome, check: str, names: list[str], rule: str, what: str, fix: str) -> None:
    """Check that a list of wrong columns is empty; each column in it is a finding."""
    if not outcome.check(check, value=len(names), comparator="<=", threshold=0):
        for name in names:
            fail(outcome, rule, check, f"The column {name!r} {what}.", fix, column=name)


def of_type(outcome: Outcome, table: Table, name: str, column: Column, prefix: str = "") -> None:
    """Check that every value of a column is of its type."""
    check = f"{prefix}type:{name}"
    if not column.present:
        outcome.cannot(check, f"the column {name!r} has no value", 0, "<=")
        return
    if outcome.check(check, value=column.invalid, comparator="<=", threshold=0):
        return
    fail(
        outcome,
        "LG-DATA-003",
        check,
        f"The column {name!r} has {column.invalid} values that are no {column.kind} "
        f"(it is stored as {table.storage[name]} in {table.form}).",
        "Correct these values where they come from, or the type in the schema.",
        column=name,
        rows=located(outcome, table, f"({table.present(name)} AND {table.value(name)} IS NULL)"),
        count=column.invalid,
    )


@dataclass(frozen=True)
class ValueCheck:
    """A check that counts the values of a column for which an SQL condition is true.

    Attributes:
        check: Its id.
        column: The column.
        condition: The SQL condition, true for a bad value.
        rule: Id of the rule of its finding.
        what: What is wrong with the values, the end of a sentence.
        fix: What to do.
        valid: How many values of its type the column has.
        max_share: Largest share of them that may be bad; None allows not one.
    """

    check: str
    column: str
    condition: str
    rule: str
    what: str
    fix: str
    valid: int
    max_share: float | None = None


def judge(outcome: Outcome, table: Table, wanted: list[ValueCheck]) -> None:
    """Count for many checks in few scans, and record each."""
    for one, count in zip(wanted, table.count([w.condition for w in wanted]), strict=True):
        if one.max_share is None:
            held = outcome.check(one.check, value=count, comparator="<=", threshold=0)
        else:
            held = outcome.check(one.check, value=count / one.valid, comparator="<=", threshold=one.max_share)
        if not held:
            fail(
                outcome,
                one.rule,
                one.check,
                f"The column {one.column!r} has {count} of {one.valid} values {one.what}.",
                one.fix,
                column=one.column,
                rows=located(outcome, table, one.condition),
                count=count,
            )


def located(outcome: Outcome, table: Table, condition: str) -> tuple[int, ...]:
    """Return the first rows for which a condition is true; none once many findings have theirs."""
    return table.rows_where(condition) if len(outcome.findings) < _MAX_LOCATED else ()


def outside(value: str, kind: Kind, low: Any, high: Any) -> str:
    """Return the SQL condition that a value is below `low` or above `high`; None leaves that end open."""
    parts = [
        f"{value} {sign} {_literal(bound, kind)}"
        for sign, bound in (("<", low), (">", high))
        if bound is not None
    ]
    return f"({' OR '.join(parts)})"


def not_among(value: str, kind: Kind, values: Sequence[Any]) -> str:
    """Return the SQL condition that a value is none of some."""
    if kind == "any":
        value = f"CAST({value} AS VARCHAR)"
    return f"({value} NOT IN ({', '.join(_literal(v, kind) for v in values)}))"


def describe(
    outcome: Outcome,
    table: Table,
    columns: Mapping[str, Column],
    copies: Repeats,
    conflicts: Repeats | None,
    base: Accepted | None = None,
) -> None:
    """Add what was counted to the metrics and the report: shares, means and spreads, no values.

    The report lists the columns that something was found in first, and draws each beside the baseline.
    """
    outcome.metrics |= {
        "rows": table.rows,
        "columns": len(columns),
        "missing_values": sum(c.rows - c.present for c in columns.values()),
        "invalid_values": sum(c.invalid for c in columns.values()),
        "duplicate_rows": copies.count,
        "conflicting_label_rows": conflicts.count if conflicts else None,
        "column": {
            name: {"completeness": c.completeness, "invalid": c.invalid, "mean": c.mean, "std": c.std}
            for name, c in columns.items()
        },
    }
    outcome.facts |= {"Format": table.form, "Rows": f"{table.rows:,}", "Columns": f"{len(columns):,}"}
    found: dict[str, list[str]] = {}
    for finding in outcome.findings:
        if finding.location.column:
            what = finding.check.partition(":")[0].replace("-", " ")
            found.setdefault(finding.location.column, []).append(what)
    drawn = {name: {"this table": outline(n)} for name, n in shapes(table, columns).items()}
    for name, (before, now) in (base.pictures(table, columns) if base else {}).items():
        drawn[name] = {"baseline": before, "this table": now}
    place = {name: i for i, name in enumerate(columns)}
    outcome.tables["Columns"] = [
        {
            "column": name,
            "found": ", ".join(dict.fromkeys(found.get(name, []))) or "nothing",
            "type": columns[name].kind,
            "complete": f"{columns[name].completeness:.2%}",
            "invalid": columns[name].invalid,
            "mean": _short(columns[name].mean),
            "standard deviation": _short(columns[name].std),
            **({"distribution": drawn[name]} if name in drawn else {}),
        }
        for name in sorted(columns, key=lambda n: (-len(found.get(n, [])), place[n]))
    ]


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _literal(value: Any, kind: Kind) -> str:
    """A number, text or time stamp of a schema or a baseline as SQL."""
    if kind == "datetime":
        return f"CAST({literal(str(as_bound(value)))} AS TIMESTAMP)"
    if isinstance(value, bool):
        return literal(str(value).lower()) if kind == "any" else str(value).lower()
    if isinstance(value, int) and kind != "any":
        return str(value)
    # A decimal point alone would make it a DECIMAL, which does not hold every float.
    return f"CAST({value!r} AS DOUBLE)" if isinstance(value, float) and kind != "any" else literal(str(value))
