"""LG-POISON-004: rows that share a value, or two, carry one label that the rest of each row contradicts.

Threat: a backdoor with changed labels. Somebody sets a value, two values, or a few pixels in rows of
other classes and labels them all alike; the model learns that these values mean the label.

Statistic: for each cell (one value of a column, or one pair of values of two) with `cells.FEWEST` rows
or more and one label on nearly all of them, how many rows carry the label. Null: models that saw no row
of the cell say how probable the label is by the other columns; honest values move a label beyond that by
at most `groups.SHIFT` in log odds, or what their like do (`lockgate.poisoning.shifts`). Where the cell's
values come again, come together or lie off the column's grid more than by habit
(`lockgate.poisoning.habits`), the rows that could have held them and did not count, too.
Binomial tail, times the number of cells looked at and of habits asked.

Floor: the rows of the cell cannot be told from rows of other classes by the other columns (AUROC at
most `ALIKE`); `FEWEST` rows. What is natural fails here: honest rows of a class look like that class.

Images are looked at in another way: see `lockgate.poisoning.image_trigger`.

Does not see: fewer than `FEWEST` rows, triggers that are another value in each row, triggers of three
columns whose pairs are all common, a category among others that differ as widely, and rows chosen for what
else they hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.poisoning.evidence import Alarm

if TYPE_CHECKING:
    from lockgate.poisoning.evidence import Evidence
    from lockgate.poisoning.groups import Group

NAME = "trigger"
RULE = "LG-POISON-004"
ALIKE = 0.8
"""Rows with a trigger are told from rows of other classes with at most this AUROC."""
FEWEST = 5
"""Fewest rows with the label that alarm."""


def detect(evidence: Evidence) -> Alarm:
    """Look for values that override what the rest of a row says; see the module's text."""
    from lockgate.poisoning import image_trigger
    from lockgate.poisoning.groups import groups
    from lockgate.poisoning.image_groups import is_image

    if is_image(evidence):
        return image_trigger.detect(evidence, NAME, RULE, "others")
    found = [g for g in groups(evidence) if g.unlike_others <= ALIKE and g.labelled.sum() >= FEWEST]
    return told(evidence, NAME, RULE, found, [g.against_label for g in found])


def told(evidence: Evidence, name: str, rule: str, found: list[Group], p_values: list[float]) -> Alarm:
    """Make one alarm of some groups and the p value of each."""
    import numpy as np

    alarm = Alarm(name, rule, p_value=1.0, belief=np.zeros(evidence.batch.rows))
    if not found:
        return alarm
    best = int(np.lexsort(([-len(g.rows) for g in found], p_values))[0])
    named = [
        i
        for i in np.lexsort(([-len(g.rows) for g in found], p_values))
        if p_values[i] <= max(10 * p_values[best], 1e-6)
    ]
    belief, within = np.zeros(evidence.batch.rows), np.zeros(evidence.batch.rows, dtype=bool)
    for i in named:
        group = found[i]
        sure = np.where(group.labelled, 0.9 + 0.09 * (1.0 - group.expected), 0.1)
        belief[group.rows] = np.maximum(belief[group.rows], sure)
        within[group.rows] |= group.labelled
    group = found[best]
    alarm.p_value = p_values[best]
    alarm.statistic = float(group.labelled.sum())
    alarm.share, alarm.share_within = float(within.mean()), float(group.labelled.mean())
    alarm.large_enough = True
    alarm.belief, alarm.within = belief, within
    alarm.columns = tuple(evidence.features.names[j] for j in group.cell.columns)
    alarm.sets = group.sets
    alarm.label = evidence.classes[group.cell.label]
    alarm.groups = [
        {
            "columns": ", ".join(evidence.features.names[j] for j in found[i].cell.columns),
            "rows": len(found[i].rows),
            "label": evidence.classes[found[i].cell.label],
            "rows_with_label": int(found[i].labelled.sum()),
            "expected_share": round(float(found[i].expected.mean()), 3),
            "told_from_other_classes": round(found[i].unlike_others, 3),
            "told_from_its_own_class": round(found[i].unlike_own, 3),
            "p_value": round(p_values[i], 6),
        }
        for i in named
    ]
    return alarm
