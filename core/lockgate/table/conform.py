"""Hold a table against a schema and against a baseline table, check by check.

Each function adds to an `Outcome`: one check for everything that is declared, and for each check
that fails one finding with counts and row numbers, never with values. A check that cannot run,
because its column is absent or holds nothing of the declared type, is INCONCLUSIVE.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lockgate.errors import InputError
from lockgate.outcome import Location, Outcome, Severity
from lockgate.table import profile as counting
from lockgate.table import read
from lockgate.table.infer import slack
from lockgate.table.profile import Column, Kind, Repeats, Table
from lockgate.table.schema import ColumnRule, DataSchema, as_bound
from lockgate.table.sql import literal

_MAX_LOCATED = 50  # findings that get row numbers: each costs a scan of its column
THREAT = "data-poisoning"


def require_columns(
    table: Table, schema: DataSchema | None, *, label: str | None, key: Sequence[str], ignore: Sequence[str]
) -> None:
    """Raise unless the columns with a role are there; without them the other checks mean something else.

    Raises:
        InputError: The label, a key column or an ignored column is absent.
    """
    there = list(table.storage)
    optional = {name for name, rule in schema.columns.items() if not rule.required} if schema else set()
    read.require_columns(there, [label] if label else [], "label", where=table.path)
    read.require_columns(there, key, "primary_key", where=table.path)
    read.require_columns(there, [n for n in ignore if n not in optional], "ignore", where=table.path)


def require_values(
    table: Table, columns: Mapping[str, Column], schema: DataSchema | None, label: str | None
) -> None:
    """Raise where a column that must say something says nothing.

    Raises:
        InputError: A column that the schema does not call nullable has no value at all, or the label
            has no value of its type, or one class only.
    """
    for name, column in columns.items():
        rule = schema.columns.get(name) if schema else None
        wanted = rule.completeness > 0 if rule else schema is None
        if wanted and not column.present:
            raise InputError(
                f"the column {name!r} of {table.path} has no value at all; "
                "drop it, or say `nullable: true` for it in the schema"
            )
    if not label:
        return
    low, high = table.ask(f"min({table.value(label)}), max({table.value(label)})")[0]
    column_name = f"the label column {label!r} of {table.path}"
    if low is None:
        raise InputError(f"{column_name} has no value of its type; give labelled rows")
    if low == high:
        raise InputError(f"{column_name} has one class only; give rows of two or more")


def to_schema(outcome: Outcome, table: Table, columns: Mapping[str, Column], schema: DataSchema) -> None:
    """Check columns, types, completeness, ranges, categories, uniqueness and the row count."""
    _check_columns(outcome, table, schema)
    _check_rows(outcome, table.rows, schema)
    wanted: list[_Count] = []
    for name, rule in schema.columns.items():
        if name not in table.storage:
            if rule.required:
                for check in _declared(name, rule):
                    outcome.cannot(check, f"the column {name!r} is missing")
            continue
        column = columns[name]
        if rule.type != "any":
            _check_type(outcome, table, name, column)
        _check_completeness(outcome, table, name, column, rule)
        wanted += _value_checks(outcome, table, name, column, rule)
    _judge(outcome, table, wanted)
    for name, rule in schema.columns.items():
        if rule.unique and name in table.storage:
            _check_unique(outcome, table, f"unique:{name}", [name], columns)


def to_key(outcome: Outcome, table: Table, columns: Mapping[str, Column], key: Sequence[str]) -> None:
    """Check that key columns together name each row once, and have no gaps."""
    gaps = max(table.rows - columns[name].valid for name in key)
    if not outcome.check("key-completeness", value=gaps, comparator="<=", threshold=0):
        outcome.find(
            "LG-DATA-007",
            Severity.HIGH,
            f"The key ({', '.join(key)}) is missing in {gaps} rows.",
            subject="data",
            count=gaps,
            threat=THREAT,
            fix="Give every row its key, or drop the rows without one.",
            check="key-completeness",
        )
    _check_unique(outcome, table, "key", key, columns)


def to_limits(
    outcome: Outcome,
    rows: int,
    copies: Repeats,
    conflicts: Repeats | None,
    limits: tuple[float, float | None],
) -> None:
    """Hold the shares of exact copies and of conflicting labels against their limits.

    Args:
        outcome: Where to record.
        rows: Rows of the table.
        copies: Surplus copies of whole rows.
        conflicts: Rows with a twin of another label, or None without a label.
        limits: Largest share of copies, and of conflicts; None leaves conflicts unjudged.
    """
    share = copies.count / rows
    if not outcome.check("duplicates", value=share, comparator="<=", threshold=limits[0]):
        outcome.find(
            "LG-DATA-008",
            Severity.HIGH,
            f"{copies.count} of {rows} rows are exact copies of another row ({share:.2%}, "
            f"at most {limits[0]:.2%} allowed).",
            subject="data",
            location=Location(rows=copies.rows),
            count=copies.count,
            threat=THREAT,
            fix="Find out what wrote rows twice, and keep each once.",
            check="duplicates",
        )
    if conflicts is None or limits[1] is None:
        return
    share = conflicts.count / rows
    if not outcome.check("conflicting-labels", value=share, comparator="<=", threshold=limits[1]):
        outcome.find(
            "LG-DATA-009",
            Severity.HIGH,
            f"{conflicts.count} of {rows} rows equal another row in every feature and have another label "
            f"({share:.2%}, at most {limits[1]:.2%} allowed).",
            subject="data",
            location=Location(rows=conflicts.rows),
            count=conflicts.count,
            threat=THREAT,
            fix="Look at these rows' labels and their source; relabel or drop what is wrong.",
            check="conflicting-labels",
        )


@dataclass(frozen=True)
class BaselineLimits:
    """How far a table may be from its baseline.

    Attributes:
        min_row_ratio: Fewest rows, as a multiple of the baseline's.
        max_row_ratio: Most rows, likewise.
        max_outside: Largest share of a column's values that are outside the baseline's range,
            widened by a tenth of its span, or among none of its categories.
        max_completeness_drop: How much less complete a column may be, as a share of the rows.
        max_categories: Columns of text with more different values than this in the baseline are
            free text, and their values are not compared.
    """

    min_row_ratio: float
    max_row_ratio: float
    max_outside: float
    max_completeness_drop: float
    max_categories: int


def to_baseline(
    outcome: Outcome,
    table: Table,
    columns: Mapping[str, Column],
    base: Table,
    base_columns: Mapping[str, Column],
    *,
    leave_out: Collection[str],
    limits: BaselineLimits,
    has_schema: bool,
) -> None:
    """Compare row count, columns, completeness, ranges and categories with a baseline table.

    A range is widened by a tenth of its span at either end: of `n` rows drawn from where the
    baseline's `N` came from, about `2 n / N` lie outside its bare range by chance alone.
    Time stamps are not compared, because they move on; neither are the columns in `leave_out`.
    With a schema, which columns and types there must be is the schema's business alone.
    """
    _check_ratio(outcome, table.rows / base.rows, limits)
    if not has_schema:
        _check_baseline_columns(outcome, table, base)
    wanted: list[_Count] = []
    for name, before in base_columns.items():
        if name not in table.storage or name in leave_out:
            continue
        now = columns[name]
        if not has_schema and table.kinds[name] != "any":
            _check_type(outcome, table, name, now, prefix="baseline-")
        _check_drop(outcome, name, before.completeness - now.completeness, limits)
        wanted += _baseline_checks(outcome, table, base, name, now, before, limits)
    _judge(outcome, table, wanted)


def describe(
    outcome: Outcome,
    table: Table,
    columns: Mapping[str, Column],
    copies: Repeats,
    conflicts: Repeats | None,
) -> None:
    """Add what was counted to the metrics and the report: shares, means and spreads, no values."""
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
    outcome.tables["Columns"] = [
        {
            "column": name,
            "type": c.kind,
            "complete": f"{c.completeness:.2%}",
            "invalid": c.invalid,
            "mean": None if c.mean is None else float(f"{c.mean:.4g}"),
            "standard deviation": None if c.std is None else float(f"{c.std:.4g}"),
        }
        for name, c in columns.items()
    ]


# --- Columns and rows -------------------------------------------------------------------------------


def _check_columns(outcome: Outcome, table: Table, schema: DataSchema) -> None:
    missing = [n for n, rule in schema.columns.items() if rule.required and n not in table.storage]
    _check_names(
        outcome, "missing-columns", missing, "LG-DATA-001", "is missing", "Add it, or set `required: false`."
    )
    if not schema.allow_extra_columns:
        extra = [n for n in table.storage if n not in schema.columns]
        fix = "Drop it, add it to the schema, or set `allow_extra_columns: true`."
        _check_names(outcome, "extra-columns", extra, "LG-DATA-002", "is not in the schema", fix)


def _check_baseline_columns(outcome: Outcome, table: Table, base: Table) -> None:
    missing = [n for n in base.storage if n not in table.storage]
    extra = [n for n in table.storage if n not in base.storage]
    fix = "Write the table with the columns of the baseline, or take a new baseline."
    _check_names(
        outcome,
        "baseline-missing-columns",
        missing,
        "LG-DATA-001",
        "is missing, and the baseline has it",
        fix,
    )
    _check_names(
        outcome, "baseline-extra-columns", extra, "LG-DATA-002", "is there, and the baseline has it not", fix
    )


def _check_names(outcome: Outcome, check: str, names: list[str], rule: str, what: str, fix: str) -> None:
    if outcome.check(check, value=len(names), comparator="<=", threshold=0):
        return
    for name in names:
        outcome.find(
            rule,
            Severity.HIGH,
            f"The column {name!r} {what}.",
            subject="data",
            location=Location(column=name),
            threat=THREAT,
            fix=fix,
            check=check,
        )


def _check_rows(outcome: Outcome, rows: int, schema: DataSchema) -> None:
    for end, comparator, limit in (("min", ">=", schema.rows.min), ("max", "<=", schema.rows.max)):
        if limit is None:
            continue
        if not outcome.check(f"rows:{end}", value=rows, comparator=comparator, threshold=limit):  # type: ignore[arg-type]
            words = "fewest" if end == "min" else "most"
            outcome.find(
                "LG-DATA-010",
                Severity.HIGH,
                f"The table has {rows} rows; the schema allows {limit} at the {words}.",
                subject="data",
                count=rows,
                threat=THREAT,
                fix="Look for a partial or doubled delivery, or correct `rows` in the schema.",
                check=f"rows:{end}",
            )


def _check_ratio(outcome: Outcome, ratio: float, limits: BaselineLimits) -> None:
    for end, comparator, limit in (("min", ">=", limits.min_row_ratio), ("max", "<=", limits.max_row_ratio)):
        check = f"baseline-rows:{end}"
        if not outcome.check(check, value=ratio, comparator=comparator, threshold=limit):  # type: ignore[arg-type]
            outcome.find(
                "LG-DATA-011",
                Severity.HIGH,
                f"The table has {ratio:.3g} times the rows of the baseline; {limit:g} is the limit.",
                subject="data",
                threat=THREAT,
                fix="Look for a partial or doubled delivery, or take a new baseline.",
                check=check,
            )


# --- One column -------------------------------------------------------------------------------------


def _declared(name: str, rule: ColumnRule) -> list[str]:
    """The ids of the checks that a rule declares."""
    declared = {
        "type": rule.type != "any",
        "completeness": True,
        "range": rule.min is not None or rule.max is not None,
        "categories": rule.categories is not None,
        "unique": rule.unique,
    }
    return [f"{kind}:{name}" for kind, is_declared in declared.items() if is_declared]


def _check_type(outcome: Outcome, table: Table, name: str, column: Column, prefix: str = "") -> None:
    check = f"{prefix}type:{name}"
    if not column.present:
        outcome.cannot(check, f"the column {name!r} has no value", 0, "<=")
        return
    if outcome.check(check, value=column.invalid, comparator="<=", threshold=0):
        return
    outcome.find(
        "LG-DATA-003",
        Severity.HIGH,
        f"The column {name!r} has {column.invalid} values that are no {column.kind} "
        f"(it is stored as {table.storage[name]} in {table.form}).",
        subject="data",
        location=Location(column=name, rows=_rows(outcome, table, _invalid(table, name))),
        count=column.invalid,
        threat=THREAT,
        fix="Correct these values where they come from, or the type in the schema.",
        check=check,
    )


def _check_completeness(outcome: Outcome, table: Table, name: str, column: Column, rule: ColumnRule) -> None:
    check = f"completeness:{name}"
    if outcome.check(check, value=column.completeness, comparator=">=", threshold=rule.completeness):
        return
    missing = column.rows - column.present
    outcome.find(
        "LG-DATA-004",
        Severity.HIGH,
        f"The column {name!r} is missing in {missing} of {column.rows} rows; "
        f"{rule.completeness:.2%} must have a value.",
        subject="data",
        location=Location(column=name, rows=_rows(outcome, table, f"NOT {table.present(name)}")),
        count=missing,
        threat=THREAT,
        fix="Find out why values are missing, or set `nullable` or `min_completeness` in the schema.",
        check=check,
    )


def _check_drop(outcome: Outcome, name: str, drop: float, limits: BaselineLimits) -> None:
    check = f"baseline-completeness:{name}"
    if not outcome.check(check, value=drop, comparator="<=", threshold=limits.max_completeness_drop):
        outcome.find(
            "LG-DATA-013",
            Severity.HIGH,
            f"The column {name!r} is missing in {drop:.2%} more of the rows than in the baseline.",
            subject="data",
            location=Location(column=name),
            threat=THREAT,
            fix="Find out why values are missing since the baseline.",
            check=check,
        )


def _check_unique(
    outcome: Outcome, table: Table, check: str, names: Sequence[str], columns: Mapping[str, Column]
) -> None:
    if not all(columns[name].valid for name in names):
        outcome.cannot(check, f"{', '.join(names)} has no value of its type", 0, "<=")
        return
    copies = counting.duplicates(table, names)
    if not outcome.check(check, value=copies.count, comparator="<=", threshold=0):
        outcome.find(
            "LG-DATA-007",
            Severity.HIGH,
            f"{copies.count} rows repeat a value of {', '.join(map(repr, names))} that must be unique.",
            subject="data",
            location=Location(column=names[0] if len(names) == 1 else None, rows=copies.rows),
            count=copies.count,
            threat=THREAT,
            fix="Keep one row for each, or correct `primary_key` or `unique` in the schema.",
            check=check,
        )


# --- Values, counted together -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Count:
    """A check that counts the values of a column for which an SQL condition is true."""

    check: str
    column: str
    condition: str
    rule: str
    what: str
    fix: str
    valid: int
    max_share: float | None = None  # None: not one value is allowed


def _judge(outcome: Outcome, table: Table, wanted: list[_Count]) -> None:
    for one, count in zip(wanted, table.count([w.condition for w in wanted]), strict=True):
        if one.max_share is None:
            held = outcome.check(one.check, value=count, comparator="<=", threshold=0)
        else:
            held = outcome.check(one.check, value=count / one.valid, comparator="<=", threshold=one.max_share)
        if held:
            continue
        outcome.find(
            one.rule,
            Severity.HIGH,
            f"The column {one.column!r} has {count} of {one.valid} values {one.what}.",
            subject="data",
            location=Location(column=one.column, rows=_rows(outcome, table, one.condition)),
            count=count,
            threat=THREAT,
            fix=one.fix,
            check=one.check,
        )


def _value_checks(
    outcome: Outcome, table: Table, name: str, column: Column, rule: ColumnRule
) -> list[_Count]:
    wanted = []
    value, kind = table.value(name), table.kinds[name]
    for check in _declared(name, rule):
        if not check.startswith(("range:", "categories:")):
            continue
        if not column.valid:
            outcome.cannot(check, f"the column {name!r} has no value of its type", 0, "<=")
        elif check.startswith("range:"):
            outside = _outside(value, kind, rule.min, rule.max)
            what = "outside the range that the schema allows"
            fix = "Correct these values where they come from, or `min` and `max` in the schema."
            wanted.append(_Count(check, name, outside, "LG-DATA-005", what, fix, column.valid))
        else:
            among = _not_among(value, kind, rule.categories or [])
            what = "that are none of the schema's categories"
            fix = "Correct these values where they come from, or add the new category to the schema."
            wanted.append(_Count(check, name, among, "LG-DATA-006", what, fix, column.valid))
    return wanted


def _baseline_checks(
    outcome: Outcome,
    table: Table,
    base: Table,
    name: str,
    now: Column,
    before: Column,
    limits: BaselineLimits,
) -> list[_Count]:
    value, kind = table.value(name), table.kinds[name]
    if base.kinds[name] != kind:
        return []
    fix = "Find out what changed since the baseline, or take a new baseline."
    if kind in ("integer", "number"):
        check, rule, what = (
            f"baseline-range:{name}",
            "LG-DATA-014",
            "outside the range of the baseline, widened by a tenth",
        )
        whole = kind == "integer"
        low, high = slack(before.minimum, before.maximum, whole=whole) if before.valid else (None, None)
        condition = _outside(value, kind, low, high) if before.valid else ""
    elif kind in ("string", "boolean"):
        seen = counting.categories(base, name, limits.max_categories)
        if seen is None:
            return []
        check, rule = f"baseline-categories:{name}", "LG-DATA-012"
        what = "of categories that the baseline does not have"
        condition = _not_among(value, kind, list(seen)) if seen else ""
    else:
        return []
    if not condition or not now.valid:
        where = "the table" if condition else "the baseline"
        outcome.cannot(
            check, f"the column {name!r} of {where} has no value of its type", limits.max_outside, "<="
        )
        return []
    return [_Count(check, name, condition, rule, what, fix, now.valid, limits.max_outside)]


def _outside(value: str, kind: Kind, low: Any, high: Any) -> str:
    parts = [
        f"{value} {sign} {_literal(bound, kind)}"
        for sign, bound in (("<", low), (">", high))
        if bound is not None
    ]
    return f"({' OR '.join(parts)})"


def _not_among(value: str, kind: Kind, values: Sequence[Any]) -> str:
    if kind == "any":
        value = f"CAST({value} AS VARCHAR)"
    return f"({value} NOT IN ({', '.join(_literal(v, kind) for v in values)}))"


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


def _invalid(table: Table, name: str) -> str:
    return f"({table.present(name)} AND {table.value(name)} IS NULL)"


def _rows(outcome: Outcome, table: Table, condition: str) -> tuple[int, ...]:
    return table.rows_where(condition) if len(outcome.findings) < _MAX_LOCATED else ()
