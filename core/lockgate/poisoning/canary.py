"""How small a share this run would have found in this very table: planted copies that it has to find.

A detector that is silent says little if it would be silent anyway. So after a run without an alarm, each
detector is given a copy of the table (of `ROWS`, or of `PART` of a large table, drawn with the seed) in which
something was planted that it is there to find: at `SHARES[1]` of the rows, and then at the smaller share
if that was found, at the larger one if not. It counts as found when the detector would have alarmed with
Bonferroni's correction and believes more of the planted rows than of the others.

A canary is one plant of one kind, no proof for others: who knows the data can plant what looks more
like it. The sample is smaller than a large table, so the shares err on the high side there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lockgate.poisoning import (
    clean_trigger,
    cluster,
    duplicates,
    label_noise,
    label_pair,
    label_source,
    planting,
    tampered,
    trigger,
)
from lockgate.progress import track

if TYPE_CHECKING:
    from lockgate.poisoning.evidence import Alarm, Evidence
    from lockgate.poisoning.planting import Plant

ROWS = 1_000
PART, MOST_ROWS = 1 / 20, 5_000
"""Of a table of more rows than 1,000 / `PART`, this share of them is looked at, up to so many."""
FEWEST_ROWS = 60
SHARES = (0.01, 0.03, 0.1)
"""Shares of the rows that are planted."""
FEWEST_OF_CLASS = 8
"""Rows of a class with fewer in the sample are left out of it."""


@dataclass(frozen=True)
class Canary:
    """What one detector finds of what was planted for it.

    Attributes:
        detector: Its name.
        planted: What was planted, in words.
        smallest: Smallest share of `SHARES` that was found, or None if not even the largest was.
        rows: Rows of the copy.
    """

    detector: str
    planted: str
    smallest: float | None
    rows: int


def canaries(evidence: Evidence, alpha: float, detectors: int) -> list[Canary]:
    """Plant something for each detector that can run, and say from which share on it is found.

    Args:
        evidence: The table's.
        alpha: How often clean data may raise an alarm.
        detectors: How many detectors share `alpha`.
    """
    from lockgate.poisoning.image_groups import is_image

    some = _sample(evidence)
    # As many draws as the smallest p value needs that still alarms, where it counts four times.
    some = replace(some, draws=min(some.draws, int(8 * detectors / max(alpha, 1e-9)) + 1))
    if some.batch.rows < FEWEST_ROWS:
        return []
    found = []
    instead = OF_IMAGES if is_image(evidence) else {}
    for name, of_table, in_table, detect in track(PLANTS, "planting what has to be found"):
        planted, plant = instead.get(name, (of_table, in_table))
        first = _seen(some, plant, detect, name, SHARES[1], alpha / detectors)
        if first is None:
            continue
        other = SHARES[0] if first else SHARES[2]
        second = _seen(some, plant, detect, name, other, alpha / detectors)
        smallest = other if second else SHARES[1] if first else None
        found.append(Canary(name, planted, smallest, some.batch.rows))
    return found


def _seen(
    some: Evidence,
    plant: Plant,
    detect: Callable[[Evidence], Alarm],
    name: str,
    share: float,
    alpha: float,
) -> bool | None:
    """Say whether a detector finds what is planted for it; None where it cannot be tried."""
    made = plant(some, max(2, round(share * some.batch.rows)), some.random(f"canary {name}"))
    if made is None:
        return None
    alarm = detect(made[0])
    if not alarm.ran or alarm.p_value is None or alarm.belief is None:
        return None
    rows = made[1]
    believed = alarm.belief[rows].mean() > alarm.belief[~rows].mean()
    return bool(alarm.p_value <= alpha and alarm.large_enough and believed)


def _sample(evidence: Evidence) -> Evidence:
    import numpy as np

    rows = np.ones(evidence.batch.rows, dtype=bool)
    most = int(min(max(ROWS, PART * len(rows)), MOST_ROWS))
    if len(rows) > most:
        rows[:] = False
        rows[evidence.random("canary").choice(len(rows), most, replace=False)] = True
    some = evidence.only(rows)
    # A class that the sample has too few rows of cannot be learnt: its rows are left out.
    enough = np.bincount(some.batch.labels, minlength=len(some.classes)) >= FEWEST_OF_CLASS
    return some.only(enough[some.batch.labels]) if not enough.all() else some


PLANTS = (
    (label_noise.NAME, "labels flipped at random", planting.flips, label_noise.detect),
    (label_pair.NAME, "rows of one class with the label of another", planting.pair, label_pair.detect),
    (label_source.NAME, "labels of one source flipped", planting.source, label_source.detect),
    (trigger.NAME, "a new value in rows of other classes, with one label", planting.trigger, trigger.detect),
    (clean_trigger.NAME, "two new values in rows of one class", planting.clean_trigger, clean_trigger.detect),
    (duplicates.NAME, "copies of one row", planting.copies, duplicates.detect),
    (cluster.NAME, "a heap around one row", planting.heap, cluster.detect),
    (tampered.NAME, "two columns moved in part of one source, or class", planting.values, tampered.detect),
)
"""Detector, what is planted for it, how, and how it looks."""
OF_IMAGES: dict[str, tuple[str, Plant]] = {
    trigger.NAME: ("a checkered square in images of other classes, with one label", planting.square),
    clean_trigger.NAME: ("a checkered square in images of one class", planting.clean_square),
}
"""What is planted in images instead."""
