"""Find groups of rows that a model answers worse than the rest.

Groups are the values of text columns, quarters of numeric ones, and the rows that lack a value. The more
groups are looked at, the worse the worst looks by chance alone: each interval is widened so that all of them
together hold 95 times in 100 (Bonferroni), and groups of few rows are not judged at all.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lockgate.outcome import Check, Location, Outcome, Severity, Verdict
from lockgate.robustness.interval import from_to
from lockgate.robustness.stress import intervals
from lockgate.robustness.stress.judge import THREAT

FEWEST = 50
"""Rows of a group, and outside of it, below which it is not judged."""
_MOST_VALUES = 50  # of a text column; one with more names rows rather than groups them
_PARTS = 4
_WORST = 20  # groups in the report
CHECK = "accuracy-gap:subgroups"


@dataclass(frozen=True)
class Subgroup:
    """A group of rows.

    Attributes:
        column: The column that makes it.
        name: Which of its groups, without the value itself: ``value 2 of 5``, ``part 1 of 4``, ``missing``.
        rows: How many.
        accuracy: Share of right labels.
        gap: By how much that is below the accuracy of all other rows.
        low: Lower end of the gap's interval, corrected for how many groups there are.
        high: Upper end.
        value: The value, or the bounds of the part; for reports that may show values.
    """

    column: str
    name: str
    rows: int
    accuracy: float
    gap: float
    low: float
    high: float
    value: str


@dataclass(frozen=True)
class Subgroups:
    """What the groups of some rows are like.

    Attributes:
        judged: Groups with enough rows, the one with the surest gap first.
        small: How many groups had too few rows.
    """

    judged: tuple[Subgroup, ...]
    small: int


def subgroups(frame: Any, right: Any, *, least: int = FEWEST) -> Subgroups:
    """Return the groups of the rows, and how right the model is in each.

    Args:
        frame: What groups the rows, a DataFrame.
        right: Whether each row is labelled right; bool array.
        least: Fewest rows of a group, and of the rest, that are judged.
    """
    found = [
        (column, name, value, member)
        for column in frame.columns
        for name, value, member in _groups(frame[column], least)
    ]
    enough = [each for each in found if least <= int(each[3].sum()) <= len(frame) - least]
    miss = intervals.MISS / max(len(enough), 1)
    made = [_measured(*each, right, miss) for each in enough]
    made.sort(key=lambda group: (-group.low, group.column, group.name))
    return Subgroups(tuple(made), sum(0 < int(each[3].sum()) < least for each in found))


def judge_subgroups(outcome: Outcome, found: Subgroups, most: float, *, show_values: bool = False) -> None:
    """Hold the surest gap against a threshold.

    FAIL when some group is surely further below the rest than allowed: the lower end of its interval is
    above the threshold. WARN when one is surely worse than the rest and measured further below than allowed.

    Args:
        outcome: Where to record it.
        found: The groups.
        most: Most by which a group may be below the rest, as a difference of accuracies.
        show_values: Whether the report may name values.
    """
    groups = found.judged
    if not groups:
        why = "no group has enough rows to judge it" if found.small else ""
        if why:
            outcome.cannot(CHECK, f"{why}; give more rows", most, "<=")
        return
    fails = [group for group in groups if group.low > most]
    warns = [group for group in groups if group.low > 0 and group.gap > most >= group.low]
    worst = groups[0]
    said = (
        f"{len(groups)} groups of rows, gap of the surest {worst.gap:.3f} with the interval {worst.low:.3f} "
        f"to {worst.high:.3f}, corrected for their number"
    )
    verdict = Verdict.FAIL if fails else Verdict.WARN if warns else Verdict.PASS
    outcome.checks.append(Check(CHECK, verdict, worst.low, "<=", most, said))
    for group in fails or warns:
        outcome.find(
            "LG-ROBUST-021",
            Severity.HIGH if fails else Severity.MEDIUM,
            f"Of the {group.rows} rows of {_called(group, show_values)} {group.accuracy:.1%} are labelled "
            f"right, {100 * group.gap:.1f} points less than of the others (corrected interval "
            f"{from_to(group.low, group.high)}).",
            subject="data",
            location=Location(column=group.column),
            count=group.rows,
            threat=THREAT,
            fix="Train on more such rows, or do not use the model for them.",
            check=CHECK,
        )
    outcome.metrics["subgroups"] = {
        "judged": len(groups),
        "too_small": found.small,
        "surest_gap": worst.gap,
        "surest_gap_low": worst.low,
    }
    outcome.tables["Subgroups"] = [
        {
            "column": group.column,
            "group": f"{group.name}: {group.value}" if show_values and group.value else group.name,
            "rows": group.rows,
            "accuracy": group.accuracy,
            "below the rest": group.gap,
            "interval": from_to(group.low, group.high),
        }
        for group in groups[:_WORST]
    ]


def _called(group: Subgroup, show_values: bool) -> str:
    name = f"{group.name} ({group.value})" if show_values and group.value else group.name
    return f"{group.column}, {name},"


def _measured(column: str, name: str, value: str, member: Any, right: Any, miss: float) -> Subgroup:
    n, hits = int(member.sum()), int((right & member).sum())
    other_n, other_hits = len(right) - n, int(right.sum()) - hits
    low, high = intervals.between_groups(other_hits, other_n, hits, n, miss)
    return Subgroup(column, name, n, hits / n, other_hits / other_n - hits / n, low, high, value)


# --- Groups -----------------------------------------------------------------------------------------


def _groups(cells: Any, least: int) -> Iterator[tuple[str, str, Any]]:
    """Yield name, value and members of each group of one column; the names do not give the values away."""
    import numpy as np

    missing = cells.isna().to_numpy()
    if missing.any() and not missing.all():
        yield "missing", "", missing
    if cells.dtype.kind == "f" or (cells.dtype.kind in "iu" and cells.nunique() > _PARTS):
        yield from _quantile_bins(cells.to_numpy(dtype=np.float64), least)
        return
    said = np.array([None if gone else str(c) for c, gone in zip(cells, missing, strict=True)], dtype=object)
    values, counts = np.unique(said[~missing].astype(str), return_counts=True)
    if not 1 < len(values) <= _MOST_VALUES:
        return
    order = sorted(range(len(values)), key=lambda at: (-counts[at], values[at]))
    for place, at in enumerate(order, 1):
        yield f"value {place} of {len(values)} by frequency", str(values[at]), said == values[at]


def _quantile_bins(values: Any, least: int) -> Iterator[tuple[str, str, Any]]:
    import numpy as np

    finite = values[np.isfinite(values)]
    parts = min(_PARTS, len(finite) // max(least, 1))
    if parts < 2:  # noqa: PLR2004 - one part is all rows
        return
    # Cuts are values of the data (no mean of two), so that no machine rounds them otherwise.
    cuts = np.unique(np.sort(finite)[[len(finite) * part // parts for part in range(1, parts)]])
    bounds = [-np.inf, *cuts.tolist(), np.inf]
    kept = [(a, b) for a, b in itertools.pairwise(bounds) if ((finite >= a) & (finite < b)).any()]
    for place, (low, high) in enumerate(kept, 1):
        if len(kept) > 1:
            member = (values >= low) & (values < high)
            yield f"part {place} of {len(kept)}, from low to high", f"{low:.6g} to {high:.6g}", member
