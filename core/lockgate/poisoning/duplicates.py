"""LG-POISON-006: many rows are copies of a few, or nearly so.

Threat: somebody sends the same rows again and again, to make a model learn them by heart or to shift
the weights of what it learns.

Statistic and null: see `lockgate.poisoning.density`, here for heaps of a radius of at most `NEARLY`
times the usual distance to as many neighbours. Of large tables, whose heaps are looked for in a sample,
exact copies are looked for among all rows (`lockgate.poisoning.copies`); the smaller p value counts twice.

Floor: `FEWEST` rows in heaps, and `SMALLEST` of the table.

Does not see: fewer copies of each row than five; copies of a row whose like is common in the table,
where all columns are categories.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.poisoning.evidence import Alarm

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.evidence import Evidence

NAME = "near-duplicates"
RULE = "LG-POISON-006"
NEARLY = 0.15
FEWEST = 5
"""Fewest rows in heaps that alarm."""
MOST_NATURAL = 40
"""Of so many heaps at most it is asked whether the baseline has them too."""
ASKED = 0.05
"""A p value above this alarms nobody, and nothing is asked."""
SMALLEST = 0.003
"""Smallest share of the table in heaps that alarms."""


def detect(evidence: Evidence) -> Alarm:
    """Look for rows that were copied; see the module's text."""
    import numpy as np

    from lockgate.poisoning.copies import copies
    from lockgate.poisoning.density import MOST_ROWS, heaps

    alarm = heap_alarm(evidence, NAME, RULE, 0.0, NEARLY)
    if evidence.batch.rows > MOST_ROWS and np.median(heaps(evidence).usual[..., 0]) > 0:
        p_value, rows = copies(evidence)
        alarm.p_value = min(1.0, 2 * min(alarm.p_value or 0.0, p_value))
        if rows.any():
            _tell(alarm, evidence, rows if alarm.within is None else rows | alarm.within)
    return alarm


def heap_alarm(evidence: Evidence, name: str, rule: str, above: float, most: float) -> Alarm:
    """Make one alarm of the heaps whose radius lies between two multiples of what is usual."""
    import numpy as np

    from lockgate.poisoning.density import heaps, is_natural, members

    found = heaps(evidence)
    relative = found.radius / np.maximum(found.usual, 1e-12)
    p_value = np.where((relative > above) & (relative <= most), found.p_value, 1.0)
    if above == 0.0:
        p_value = np.where(relative == 0.0, found.p_value, p_value)
    for _ in range(MOST_NATURAL):
        least = np.where(p_value == p_value.min(), relative, np.inf)  # of equals the tightest
        centre, which = (int(i) for i in np.unravel_index(least.argmin(), least.shape))
        if p_value[centre, which] > ASKED or not is_natural(
            evidence, found, centre, found.radius[centre, which]
        ):
            break
        same = members(evidence, found, np.array([centre]), found.radius[[centre], [which]])
        p_value[same[found.sample]] = 1.0
    best = p_value.min(axis=1, initial=1.0)
    at = p_value.argmin(axis=1)
    lowest = float(best.min(initial=1.0))
    alarm = Alarm(name, rule, p_value=lowest, belief=np.zeros(evidence.batch.rows))
    centres = np.flatnonzero(best <= max(lowest, 1e-3)) if lowest < 1.0 else np.zeros(0, dtype=np.int64)
    if not len(centres):
        return alarm
    centres = centres[np.argsort(best[centres], kind="stable")]
    inside = members(evidence, found, centres, found.radius[centres, at[centres]])
    _tell(alarm, evidence, inside)
    return alarm


def _tell(alarm: Alarm, evidence: Evidence, inside: NDArray[np.bool_]) -> None:
    """Write into an alarm which rows lie in heaps."""
    import numpy as np

    alarm.statistic = float(inside.sum())
    alarm.share = float(inside.mean())
    alarm.large_enough = bool(inside.sum() >= FEWEST and inside.mean() >= SMALLEST)
    alarm.belief = np.where(inside, 0.95, 0.0)
    alarm.within = inside
    counted = np.bincount(evidence.batch.labels[inside], minlength=len(evidence.classes))
    alarm.groups = [
        {"label": evidence.classes[k], "rows_in_heaps": int(counted[k])} for k in np.flatnonzero(counted)
    ]
