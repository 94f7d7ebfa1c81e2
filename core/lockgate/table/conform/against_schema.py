"""Hold a table against a schema: what a person has declared about it."""

from __future__ import annotations

from collections.abc import Mapping

from lockgate.outcome import Outcome
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
from lockgate.table.profile import Column
from lockgate.table.schema import ColumnRule, DataSchema
from lockgate.table.typed import Table


def to_schema(outcome: Outcome, table: Table, columns: Mapping[str, Column], schema: DataSchema) -> None:
    """Check columns, types, completeness, ranges, categories, uniqueness and the row count."""
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


def _value_checks(
    outcome: Outcome, table: Table, name: str, column: Column, rule: ColumnRule
) -> list[ValueCheck]:
    wanted = []
    value, kind = table.value(name), table.kinds[name]
    for check in _declared(name, rule):
        if not check.startswith(("range:", "categories:")):
            continue
        if not column.valid:
            outcome.cannot(check, f"the column {name!r} has no value of its type", 0, "<=")
        elif check.startswith("range:"):
            condition = outside(value, kind, rule.min, rule.max)
            what = "outside the range that the schema allows"
            fix = "Correct these values where they come from, or `min` and `max` in the schema."
            wanted.append(ValueCheck(check, name, condition, "LG-DATA-005", what, fix, column.valid))
        else:
            condition = not_among(value, kind, rule.categories or [])
            what = "that are none of the schema's categories"
            fix = "Correct these values where they come from, or add the new category to the schema."
            wanted.append(ValueCheck(check, name, condition, "LG-DATA-006", what, fix, column.valid))
    return wanted
