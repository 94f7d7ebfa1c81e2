"""What becomes of a small model when the suspects are dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate.poisoning.evidence import some_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.evidence import Alarm, Evidence

    Floats = NDArray[np.float64]

MOST_ROWS = 10_000
"""Of more rows, so many are drawn with the seed."""
HELD_OUT = 0.25
FEWEST = 20
"""Fewest held-out rows of which anything is said."""
_TREES = 60


@dataclass(frozen=True)
class Remedy:
    """One model learnt with the suspects, one without, both asked about rows that neither saw.

    Attributes:
        dropped: Rows that were dropped.
        accuracy_with: Share of right answers of the model that learnt from all rows, 0 to 1.
        accuracy_without: The same without the suspects.
        success_with: Share of rows of other classes that the trigger moves to its label, or None if
            no trigger was found.
        success_without: The same without the suspects.
    """

    dropped: int
    accuracy_with: float
    accuracy_without: float
    success_with: float | None = None
    success_without: float | None = None


def remedy(evidence: Evidence, suspects: NDArray[np.bool_], alarms: list[Alarm]) -> Remedy | None:
    """Train a forest with and without the suspects, and ask both about unsuspected rows.

    Returns:
        None where too few rows or classes would be left.
    """
    import numpy as np
    from sklearn.ensemble import ExtraTreesClassifier

    from lockgate.poisoning.content import plain

    values, labels = plain(evidence.features.values), evidence.batch.labels
    random = evidence.random("remedy")
    rows = some_of(np.arange(len(labels)), MOST_ROWS, random)
    held = rows[(random.random(len(rows)) < HELD_OUT) & ~suspects[rows]]
    learnt = np.setdiff1d(rows, held)
    cleaned = learnt[~suspects[learnt]]
    if len(held) < FEWEST or len(np.unique(labels[cleaned])) < 2:  # noqa: PLR2004 - nothing to tell apart
        return None
    trigger = next((alarm for alarm in alarms if alarm.alarmed and alarm.sets), None)
    accuracy, success = [], []
    for fit in (learnt, cleaned):
        forest = ExtraTreesClassifier(_TREES, min_samples_leaf=2, random_state=evidence.seed, n_jobs=1)
        forest.fit(values[fit], labels[fit])
        accuracy.append(float((forest.predict(values[held]) == labels[held]).mean()))
        if trigger is not None and trigger.label is not None:
            goal = evidence.classes.index(trigger.label)
            victims = values[held[labels[held] != goal]].copy()
            for column, value in trigger.sets.items():
                victims[:, column] = value
            success.append(float((forest.predict(victims) == goal).mean()) if len(victims) else None)
    return Remedy(int(suspects.sum()), accuracy[0], accuracy[1], *success)
