"""Hold a table against a schema: what a person has declared about it."""

from __future__ import annotations

from collections.abc import Mapping

from lockgate.outcome import Outcome
from lockgate.table.conform.accepted import Accepted
from lockgate.table.conform.checks import (
    ENDS,
    ValueCheck,
    fail,
    judge,
    located,
    no_names,
    not_among,
    of_type,
    outside,
)
from lockgate.table.conform.uniqueness import to_unique
from lockgate.table.profile import Column, distinct
from lockgate.table.schema import ColumnRule, DataSchema
from lockgate.table.typed import Table


def to_schema(
    outcome: Outcome,
    table: Table,
    columns: Mapping[str, Column],
    schema: DataSchema,
    base: Accepted | None = None,
) -> None:
    """Check columns, types, presence, ranges, categories, lengths, different values, skew and the row count.

    Args:
        outcome: Where to record.
        table: The table.
        columns: Its profile.
        schema: What it is held against.
        base: The baseline that `max_skew` is about; without one it is INCONCLUSIVE.
    """
    _check_columns(outcome, table, schema)
    _check_rows(outcome, table.rows, schema)
    wanted: list[ValueCheck] = []
    for name, rule in schema.columns.items():
        if name not in table.storage:
            if rule.required:
                for check in _declared(name, rule):
                    outcome.cannot(check, f"the column {name!r} is missing")
            continue
        column = columns[name]
        if rule.type != "any":
            of_type(outcome, table, name, column)
        _check_completeness(outcome, table, name, column, rule)
        _check_count(outcome, table, name, column, rule)
        _check_distinct(outcome, table, name, column, rule)
        _check_skew(outcome, table, base, name, rule)
        wanted += _value_checks(outcome, table, name, column, rule)
    judge(outcome, table, wanted)
    for name, rule in schema.columns.items():
        if rule.unique and name in table.storage:
            to_unique(outcome, table, f"unique:{name}", [name], columns)


def _check_columns(outcome: Outcome, table: Table, schema: DataSchema) -> None:
    missing = [n for n, rule in schema.columns.items() if rule.required and n not in table.storage]
    fix = "Add it, or set `required: false`."
    no_names(outcome, "missing-columns", missing, "LG-DATA-001", "is missing", fix)
    if not schema.allow_extra_columns:
        extra = [n for n in table.storage if n not in schema.columns]
        fix = "Drop it, add it to the schema, or set `allow_extra_columns: true`."
        no_names(outcome, "extra-columns", extra, "LG-DATA-002", "is not in the schema", fix)


def _check_rows(outcome: Outcome, rows: int, schema: DataSchema) -> None:
    for (end, comparator), limit in zip(ENDS, (schema.rows.min, schema.rows.max), strict=True):
        check = f"rows:{end}"
        if limit is None or outcome.check(check, value=rows, comparator=comparator, threshold=limit):
            continue
        words = "fewest" if end == "min" else "most"
        message = f"The table has {rows} rows; the schema allows {limit} at the {words}."
        fix = "Look for a partial or doubled delivery, or correct `rows` in the schema."
        fail(outcome, "LG-DATA-010", check, message, fix, count=rows)


def _declared(name: str, rule: ColumnRule) -> list[str]:
    """The ids of the checks that a rule declares."""
    declared = {
        "type": rule.type != "any",
        "completeness": True,
        "range": rule.min is not None or rule.max is not None,
        "categories": rule.categories is not None,
        "unique": rule.unique,
        "count": rule.min_count is not None,
        "distinct": rule.min_distinct is not None or rule.max_distinct is not None,
        "length": rule.min_length is not None or rule.max_length is not None,
        "skew": rule.max_skew is not None,
    }
    return [f"{kind}:{name}" for kind, is_declared in declared.items() if is_declared]


def _check_completeness(outcome: Outcome, table: Table, name: str, column: Column, rule: ColumnRule) -> None:
    check = f"completeness:{name}"
    if outcome.check(check, value=column.completeness, comparator=">=", threshold=rule.completeness):
        return
    missing = column.rows - column.present
    fail(
        outcome,
        "LG-DATA-004",
        check,
        f"The column {name!r} is missing in {missing} of {column.rows} rows; "
        f"{rule.completeness:.2%} must have a value.",
        "Find out why values are missing, or set `nullable` or `min_completeness` in the schema.",
        column=name,
        rows=located(outcome, table, f"NOT {table.present(name)}"),
        count=missing,
    )


def _check_count(outcome: Outcome, table: Table, name: str, column: Column, rule: ColumnRule) -> None:
    if rule.min_count is None:
        return
    check = f"count:{name}"
    if not outcome.check(check, value=column.present, comparator=">=", threshold=rule.min_count):
        message = f"The column {name!r} has a value in {column.present} rows; {rule.min_count} are needed."
        fix = "Look for a partial delivery, or correct `min_count` in the schema."
        rows = located(outcome, table, f"NOT {table.present(name)}")
        fail(outcome, "LG-DATA-004", check, message, fix, column=name, rows=rows)


def _check_distinct(outcome: Outcome, table: Table, name: str, column: Column, rule: ColumnRule) -> None:
    if rule.min_distinct is None and rule.max_distinct is None:
        return
    check = f"distinct:{name}"
    if not column.valid:
        outcome.cannot(check, f"the column {name!r} has no value of its type")
        return
    found = distinct(table, [name])
    for (end, comparator), limit in zip(ENDS, (rule.min_distinct, rule.max_distinct), strict=True):
        if limit is None or outcome.check(
            f"{check}:{end}", value=found, comparator=comparator, threshold=limit
        ):
            continue
        words = "fewest" if end == "min" else "most"
        message = (
            f"The column {name!r} has {found} different values; the schema allows {limit} at the {words}."
        )
        fix = f"Find out what changed, or correct `{end}_distinct` in the schema."
        fail(outcome, "LG-DATA-017", f"{check}:{end}", message, fix, column=name, count=found)


def _check_skew(outcome: Outcome, table: Table, base: Accepted | None, name: str, rule: ColumnRule) -> None:
    if rule.max_skew is None:
        return
    check = f"skew:{name}"
    measured = None
    if base is None or name not in base.kinds:
        reason = "there is no baseline to measure the skew against; give baseline or baseline_profile"
    else:
        reason = f"the column {name!r} has no value of its type in the table or the baseline"
        measured = base.skew(table, name)
    if measured is None:
        outcome.cannot(check, reason, rule.max_skew, "<=")
        return
    if not outcome.check(
        check, value=measured.value, comparator="<=", threshold=rule.max_skew, reason=measured.measure
    ):
        message = (
            f"The column {name!r} is {measured.value:.3f} away from the baseline ({measured.measure}); "
            f"the schema allows {rule.max_skew:g}."
        )
        fix = "Find out why the two differ, or correct `max_skew` in the schema."
        fail(outcome, "LG-DATA-019", check, message, fix, column=name)


def _value_checks(
    outcome: Outcome, table: Table, name: str, column: Column, rule: ColumnRule
) -> list[ValueCheck]:
    wanted = []
    value, kind = table.value(name), table.kinds[name]
    for check in _declared(name, rule):
        if not check.startswith(("range:", "categories:", "length:")):
            continue
        if not column.valid:
            outcome.cannot(check, f"the column {name!r} has no value of its type", 0, "<=")
        elif check.startswith("range:"):
            condition = outside(value, kind, rule.min, rule.max)
            what = "outside the range that the schema allows"
            fix = "Correct these values where they come from, or `min` and `max` in the schema."
            wanted.append(ValueCheck(check, name, condition, "LG-DATA-005", what, fix, column.valid))
        elif check.startswith("length:"):
            condition = outside(f"length({value})", "integer", rule.min_length, rule.max_length)
            what = "shorter or longer than the schema allows"
            fix = "Correct these values where they come from, or `min_length` and `max_length` in the schema."
            wanted.append(ValueCheck(check, name, condition, "LG-DATA-018", what, fix, column.valid))
        else:
            condition = not_among(value, kind, rule.categories or [])
            what = "that are none of the schema's categories"
            fix = "Correct these values where they come from, or add the new category to the schema."
            most = None if rule.min_domain_mass is None else round(1 - rule.min_domain_mass, 12)
            wanted.append(ValueCheck(check, name, condition, "LG-DATA-006", what, fix, column.valid, most))
    return wanted
