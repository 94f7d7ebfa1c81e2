"""Say what broke upstream of a batch, and what nobody can look at because of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from lockgate.outcome import Location, Outcome, Severity

if TYPE_CHECKING:
    import pyarrow as pa

    from lockgate.retraining.bug import Bug

_FIX = {
    "unit": "Convert the column back where it is written, and write its unit into the data schema.",
    "missing": "Find out which step before lost the values; fill nothing in before that.",
    "default": "Find out which step fills the column in, and leave the value out where it is not known.",
    "constant": "Find out which step fills the column with one value, or why only such rows came.",
    "swapped": "Exchange the two columns where they are written.",
    "stuck": "Find out why the value was not read again, and leave it out where it was not.",
    "detached": "Look at the join that brings the column in: its values belong to other rows.",
}
_OTHER_FIX = "Map the values back to those of the reference where they are written."


def look_for_bugs(
    outcome: Outcome,
    before: pa.Table,
    now: pa.Table,
    *,
    label: str,
    source: str | None,
    leave_out: Collection[str],
) -> list[Bug]:
    """Record the defects of a batch, and return them."""
    from lockgate.retraining.bug import FEWEST_ROWS
    from lockgate.retraining.bugs import find_bugs

    if min(before.num_rows, now.num_rows) < FEWEST_ROWS:
        outcome.cannot("upstream", f"a table has fewer than {FEWEST_ROWS} rows", 0, "==")
        return []
    found = find_bugs(before, now, label=label, source=source, leave_out=leave_out)
    outcome.check("upstream", value=len(found), comparator="==", threshold=0)
    for bug in found:
        names = "columns " * (len(bug.columns) > 1) + " and ".join(repr(name) for name in bug.columns)
        outcome.find(
            "LG-RETRAIN-004",
            Severity.HIGH,
            f"Upstream bug ({bug.kind}): {names} {bug.said}.",
            subject="current",
            location=Location(column=bug.columns[0]),
            check="upstream",
            fix=_FIX.get(bug.kind, _OTHER_FIX),
        )
    outcome.metrics["upstream_bugs"] = {bug.columns[0]: bug.kind for bug in found}
    return found
