"""LG-POISON-005: rows of one class share exact values that no other class has, whatever else they hold.

Threat: a backdoor whose labels are right. Somebody sets a value or a few pixels in rows of one class
only; a model learns the shortcut.

Statistic: for each cell as in `lockgate.poisoning.trigger` whose values come seldom in columns of
measurements, come together and hardly ever alone (`lockgate.poisoning.locks`), or lie off the column's grid
(`lockgate.poisoning.habits`), how many of its rows carry the one label. Null: the label comes with the rate
of its class, as it would if a value had been rounded or cut off, and its values by the habit of their
columns; binomial tail, times the cells looked at and the habits asked.

Floor: the rows cannot be told from the other rows of their class by the other columns (AUROC at most
`ALIKE`). A natural mark of a class comes with other marks, or all over the class.

Images are looked at in another way: see `lockgate.poisoning.image_trigger`.

Does not see: triggers in columns of categories; fewer rows than `FEWEST`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.poisoning.trigger import told

if TYPE_CHECKING:
    from lockgate.poisoning.evidence import Alarm, Evidence

NAME = "clean-label-trigger"
RULE = "LG-POISON-005"
ALIKE = 0.7
"""Rows with a trigger are told from others of their class with at most this AUROC."""
FEWEST = 6
"""Fewest rows that alarm."""


def detect(evidence: Evidence) -> Alarm:
    """Look for exact values in some rows of one class; see the module's text."""
    from lockgate.poisoning import image_trigger
    from lockgate.poisoning.groups import groups
    from lockgate.poisoning.image_groups import is_image

    if is_image(evidence):
        return image_trigger.detect(evidence, NAME, RULE, "own")
    found = [
        g for g in groups(evidence) if g.continuous and g.unlike_own <= ALIKE and g.labelled.sum() >= FEWEST
    ]
    return told(evidence, NAME, RULE, found, [g.against_rate for g in found])
