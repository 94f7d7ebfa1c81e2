"""Hold a table to keys that name each row once, and to few copies and few conflicting labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lockgate.outcome import Outcome
from lockgate.table.conform.checks import fail
from lockgate.table.profile import Column
from lockgate.table.repeats import Repeats, duplicates
from lockgate.table.typed import Table


def to_key(outcome: Outcome, table: Table, columns: Mapping[str, Column], key: Sequence[str]) -> None:
    """Check that key columns together name each row once, and have no gaps."""
    gaps = max(table.rows - columns[name].valid for name in key)
    if not outcome.check("key-completeness", value=gaps, comparator="<=", threshold=0):
        fail(
            outcome,
            "LG-DATA-007",
            "key-completeness",
            f"The key ({', '.join(key)}) is missing in {gaps} rows.",
            "Give every row its key, or drop the rows without one.",
            count=gaps,
        )
    to_unique(outcome, table, "key", key, columns)


def to_unique(
    outcome: Outcome, table: Table, check: str, names: Sequence[str], columns: Mapping[str, Column]
) -> None:
    """Check that no two rows have the same values of some columns; rows without a value are left out."""
    if not all(columns[name].valid for name in names):
        outcome.cannot(check, f"{', '.join(names)} has no value of its type", 0, "<=")
        return
    copies = duplicates(table, names)
    if not outcome.check(check, value=copies.count, comparator="<=", threshold=0):
        fail(
            outcome,
            "LG-DATA-007",
            check,
            f"{copies.count} rows repeat a value of {', '.join(map(repr, names))} that must be unique.",
            "Keep one row for each, or correct `primary_key` or `unique` in the schema.",
            column=names[0] if len(names) == 1 else None,
            rows=copies.rows,
            count=copies.count,
        )


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
    what = "are exact copies of another row"
    fix = "Find out what wrote rows twice, and keep each once."
    _hold_share(outcome, "LG-DATA-008", "duplicates", copies, rows, limits[0], what, fix)
    if conflicts is not None and limits[1] is not None:
        what = "equal another row in every feature and have another label"
        fix = "Look at these rows' labels and their source; relabel or drop what is wrong."
        _hold_share(outcome, "LG-DATA-009", "conflicting-labels", conflicts, rows, limits[1], what, fix)


def _hold_share(
    outcome: Outcome, rule: str, check: str, found: Repeats, rows: int, limit: float, what: str, fix: str
) -> None:
    share = found.count / rows
    if not outcome.check(check, value=share, comparator="<=", threshold=limit):
        message = f"{found.count} of {rows} rows {what} ({share:.2%}, at most {limit:.2%} allowed)."
        fail(outcome, rule, check, message, fix, rows=found.rows, count=found.count)
