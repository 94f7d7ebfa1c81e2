"""Say whether what looks like poison is an honest rule of the world: the reference holds it as well.

A detector that looks at a batch alone cannot know that one soil always carries one forest. The
reference can: there the same value carries the same label, in as many rows. A planted value comes with
its label more often than in the reference, or was not there at all. Nor can it know that part of one class
lies within another by nature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from lockgate.poisoning import Alarm, Assessment

_FEWEST = 3
"""A rule that fewer rows of the reference follow is not known."""
_RARER = 0.01
"""Below this p value (Fisher) the label, or the value, is not as frequent in the reference."""

_USUAL = 1 / 3
"""So much of a batch's share of contradicted labels in the reference makes it usual: another mix of rows may
hold more of those that lie within another class."""
_SHOWS = 0.05
"""A detector with a p value as small as this on clean rows says nothing when it looks at others alone."""


def is_usual(alarm: Alarm, before: Alarm) -> bool:
    """Say whether the reference, looked at alone, has labels that are contradicted alike.

    Args:
        alarm: What a detector of labels says of a batch alone.
        before: What a detector says of the reference alone.
    """
    if not before.ran or (alarm.detector, alarm.label_pair) != (before.detector, before.label_pair):
        return False
    mine, theirs = (a.share if a.share_within is None else a.share_within for a in (alarm, before))
    return theirs >= _USUAL * mine or (theirs > 0.0 and (before.p_value or 0.0) <= _SHOWS)


def is_known(alarm: Alarm, assessment: Assessment, batch: pa.Table, reference: pa.Table, label: str) -> bool:
    """Say whether the rows of the reference with the same values carry the same label as often.

    Args:
        alarm: An alarm that names columns and a label.
        assessment: What it is part of.
        batch: The table that was assessed.
        reference: Clean rows with the same columns.
        label: Column with the class of each row.
    """
    import numpy as np

    from lockgate.poisoning.features import codes

    if not alarm.columns or alarm.label is None or not set(alarm.columns) <= set(reference.column_names):
        return False
    named = np.array([reason == alarm.rule for reason in assessment.reasons]) & assessment.suspects
    if not named.any():
        return False
    values = _values(batch, alarm.columns)
    planted = {value for value, suspect in zip(values, named, strict=True) if suspect}
    shares = []
    for table, rows in ((batch, values), (reference, _values(reference, alarm.columns))):
        inside = np.array([value in planted for value in rows], dtype=bool)
        numbers, names = codes(table.column(label))
        there = names.index(alarm.label) if alarm.label in names else -2
        shares.append((int((inside & (numbers == there)).sum()), int(inside.sum()), len(rows)))
    (mine, now, rows_now), (known, before, rows_before) = shares
    return not (
        _is_rarer(known, before, mine, now)
        or _is_rarer(before, rows_before, now, rows_now)
        or before < _FEWEST
    )


def _values(table: pa.Table, columns: tuple[str, ...]) -> list[tuple[object, ...]]:
    return list(zip(*(table.column(name).to_pylist() for name in columns), strict=True))


def _is_rarer(hits: int, of: int, other_hits: int, other_of: int) -> bool:
    """Whether a share is smaller than another one beyond chance (Fisher's exact test, one-sided)."""
    from scipy.stats import fisher_exact

    table = [[hits, of - hits], [other_hits, other_of - other_hits]]
    return bool(fisher_exact(table, alternative="less").pvalue < _RARER)
