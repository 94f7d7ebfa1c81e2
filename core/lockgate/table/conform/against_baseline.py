"""Hold a table against a baseline: an earlier table that was accepted, or its profile."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lockgate.outcome import Outcome, Severity
from lockgate.table.conform.accepted import Accepted
from lockgate.table.conform.accepted_rows import FromRows
from lockgate.table.conform.checks import (
    ENDS,
    ValueCheck,
    fail,
    judge,
    no_names,
    of_type,
    outside,
)
from lockgate.table.infer import slack
from lockgate.table.profile import Column
from lockgate.table.typed import Table


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
    base: Accepted,
    *,
    leave_out: Collection[str],
    limits: BaselineLimits,
    has_schema: bool,
) -> None:
    """Compare row count, columns, completeness, ranges and categories with a baseline.

    A range is widened by a tenth of its span at either end: of `n` rows drawn from where the
    baseline's `N` came from, about `2 n / N` lie outside its bare range by chance alone.
    Time stamps are not compared, because they move on; neither are the columns in `leave_out`, nor
    whole numbers that tell batches apart: keys, and marks such as a year (as `lockgate.table.drift`
    leaves them out).
    With a schema, which columns and types there must be is the schema's business alone.
    """
    _check_ratio(outcome, table.rows / base.rows, limits)
    if not has_schema:
        _check_columns(outcome, table, base)
    wanted: list[ValueCheck] = []
    moving: list[str] = []
    ours = FromRows(table, columns)
    for name in base.kinds:
        if name not in table.storage or name in leave_out:
            continue
        now, before = columns[name], base.column(name)
        if not has_schema and table.kinds[name] != "any":
            of_type(outcome, table, name, now, prefix="baseline-")
        _check_drop(outcome, name, before.completeness - now.completeness, limits)
        if _moves_on(ours, base, name):
            moving.append(name)
        else:
            wanted += _value_checks(outcome, table, base, name, now, before, limits)
    judge(outcome, table, wanted)
    if moving:
        named = ", ".join(map(repr, moving))
        outcome.find(
            "LG-DATA-016",
            Severity.INFO,
            f"Ranges not compared, because they differ between any two batches: {named}.",
            subject="data",
            count=len(moving),
            fix="Nothing, if these are keys or marks of a batch; else give the range in a schema.",
        )


def _moves_on(ours: Accepted, base: Accepted, name: str) -> bool:
    """Whether a column of whole numbers is a key in both tables, or constant in each and higher now."""
    now, before = ours.column(name), base.column(name)
    if {now.kind, before.kind} != {"integer"} or not (now.valid and before.valid):
        return False
    if before.minimum == before.maximum and now.minimum == now.maximum:
        return bool(now.minimum > before.minimum)
    return base.is_key(name) and ours.is_key(name)


def _check_ratio(outcome: Outcome, ratio: float, limits: BaselineLimits) -> None:
    for (end, comparator), limit in zip(ENDS, (limits.min_row_ratio, limits.max_row_ratio), strict=True):
        check = f"baseline-rows:{end}"
        if not outcome.check(check, value=ratio, comparator=comparator, threshold=limit):
            message = f"The table has {ratio:.3g} times the rows of the baseline; {limit:g} is the limit."
            fix = "Look for a partial or doubled delivery, or take a new baseline."
            fail(outcome, "LG-DATA-011", check, message, fix)


def _check_columns(outcome: Outcome, table: Table, base: Accepted) -> None:
    missing = [n for n in base.kinds if n not in table.storage]
    extra = [n for n in table.storage if n not in base.kinds]
    fix = "Write the table with the columns of the baseline, or take a new baseline."
    gone, new = "is missing, and the baseline has it", "is there, and the baseline has it not"
    no_names(outcome, "baseline-missing-columns", missing, "LG-DATA-001", gone, fix)
    no_names(outcome, "baseline-extra-columns", extra, "LG-DATA-002", new, fix)


def _check_drop(outcome: Outcome, name: str, drop: float, limits: BaselineLimits) -> None:
    check = f"baseline-completeness:{name}"
    if not outcome.check(check, value=drop, comparator="<=", threshold=limits.max_completeness_drop):
        message = f"The column {name!r} is missing in {drop:.2%} more of the rows than in the baseline."
        fix = "Find out why values are missing since the baseline."
        fail(outcome, "LG-DATA-013", check, message, fix, column=name)


def _value_checks(
    outcome: Outcome,
    table: Table,
    base: Accepted,
    name: str,
    now: Column,
    before: Column,
    limits: BaselineLimits,
) -> list[ValueCheck]:
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
        condition = outside(value, kind, low, high) if before.valid else ""
    elif kind in ("string", "boolean"):
        unseen = base.unseen(name, value, limits.max_categories)
        if unseen.is_free_text:
            return []
        check, rule = f"baseline-categories:{name}", "LG-DATA-012"
        what = "of categories that the baseline does not have"
        condition = unseen.condition
        if unseen.unknown:
            outcome.cannot(check, f"column {name!r}: {unseen.unknown}", limits.max_outside, "<=")
            return []
    else:
        return []
    if not condition or not now.valid:
        where = "the table" if condition else "the baseline"
        outcome.cannot(
            check, f"the column {name!r} of {where} has no value of its type", limits.max_outside, "<="
        )
        return []
    return [ValueCheck(check, name, condition, rule, what, fix, now.valid, limits.max_outside)]
