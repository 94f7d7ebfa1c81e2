"""LG-POISON-008: the labels of one stretch of time contradict its rows more than those of others do.

Threat: somebody holds a pipeline, a device or an annotator for some days.

The rows are cut into at most `MOST` windows of equal size by the timestamp, and tested as sources are
(`lockgate.poisoning.label_source`), neighbouring windows together too. Other rates of the classes in a
window are no alarm (`lockgate.poisoning.class_mix`): the larger of the two p values counts.

Floor: as for sources.

Does not see: a world that changes and lies that begin at the same time look alike; ask whoever labelled.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lockgate.poisoning.evidence import Alarm

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.evidence import Evidence

NAME = "window-labels"
RULE = "LG-POISON-008"
MOST = 10
FEWEST_ROWS = 50
"""Fewest rows of a window; fewer windows are made of fewer rows."""


def windows(times: NDArray[np.float64]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Cut rows into windows of about equal size; rows of one time are never parted.

    Args:
        times: When each row came, in any unit, NaN for unknown; shape (rows,).

    Returns:
        Number of each row's window, -1 for unknown; shape (rows,). And the names of the windows.
    """
    import numpy as np

    known = ~np.isnan(times)
    count = int(min(MOST, known.sum() // FEWEST_ROWS))
    edges = np.zeros(0)
    if count > 1:
        edges = np.unique(np.quantile(times[known], np.arange(1, count) / count, method="lower"))
    number = np.where(known, np.searchsorted(edges, times, side="left"), -1)
    total = len(edges) + 1
    return number.astype(np.int64), tuple(f"window {i + 1} of {total}" for i in range(total))


def detect(evidence: Evidence) -> Alarm:
    """Look for stretches of time whose labels contradict their rows; see the module's text."""
    from lockgate.poisoning.class_mix import at_its_own_mix
    from lockgate.poisoning.label_source import by_group

    if evidence.window is None:
        return Alarm(NAME, RULE, ran=False, asked=False, why_not="no timestamp column was named")
    by_window = replace(evidence, source=evidence.window, sources=evidence.windows)
    alarm = by_group(by_window, NAME, RULE, "window")
    moved = at_its_own_mix(by_window) if alarm.ran else None
    if moved is not None:
        again = by_group(moved, NAME, RULE, "window")
        if (again.p_value or 0.0) > (alarm.p_value or 0.0) or not again.large_enough:
            return again
    return alarm
