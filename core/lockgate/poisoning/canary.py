"""How small a share this run would have found in this very table: planted copies that it has to find.

A detector that is silent says little if it would be silent anyway. So after a run without an alarm, each
detector is given a copy of the table (of at most `MOST_ROWS` rows, drawn with the seed) in which
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
    trigger,
)
from lockgate.poisoning.evidence import Evidence, Labelled
from lockgate.progress import track

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.evidence import Alarm

MOST_ROWS = 1_000
FEWEST_ROWS = 60
SHARES = (0.01, 0.03, 0.1)
"""Shares of the rows that are planted."""
FEWEST_OF_CLASS = 8
"""Rows of a class with fewer in the sample are left out of it."""
_HEAP = 0.05  # spread of a planted heap, in standard deviations of each column

Planted = tuple[Evidence, "NDArray[np.bool_]"]


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
    some = _sample(evidence)
    # As many draws as the smallest p value needs that still alarms, where it counts four times.
    some = replace(some, draws=min(some.draws, int(8 * detectors / max(alpha, 1e-9)) + 1))
    if some.batch.rows < FEWEST_ROWS:
        return []
    found = []
    for name, planted, plant, detect in track(PLANTS, "planting what has to be found"):
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
    plant: Callable[[Evidence, int, np.random.Generator], Planted | None],
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
    if len(rows) > MOST_ROWS:
        rows[:] = False
        rows[evidence.random("canary").choice(len(rows), MOST_ROWS, replace=False)] = True
    some = evidence.only(rows)
    # A class that the sample has too few rows of cannot be learnt: its rows are left out.
    enough = np.bincount(some.batch.labels, minlength=len(some.classes)) >= FEWEST_OF_CLASS
    return some.only(enough[some.batch.labels]) if not enough.all() else some


def _relabelled(some: Evidence, rows: NDArray[np.bool_], to: NDArray[np.int64]) -> Planted | None:
    """Give some rows other labels, and ask models anew, as the run did."""
    import numpy as np

    from lockgate.poisoning.surprise import FOLDS, out_of_sample

    labels = np.where(rows, to, some.batch.labels)
    if 0 < np.bincount(labels)[np.unique(labels)].min() < FOLDS or len(np.unique(labels)) < 2:  # noqa: PLR2004 - no model
        return None
    probabilities = some.batch.probabilities
    if some.baseline is None:
        present = np.unique(labels)
        place = np.searchsorted(present, labels)
        probabilities = np.full((len(labels), len(some.classes)), 1e-4)
        probabilities[:, present] = out_of_sample(some.features, place, len(present), some.seed)[0]
    return replace(some, batch=Labelled(labels, probabilities), cache={}), rows


def _chosen(pool: NDArray[np.bool_], count: int, random: np.random.Generator) -> NDArray[np.bool_] | None:
    import numpy as np

    inside = np.flatnonzero(pool)
    if len(inside) < count:
        return None
    rows = np.zeros(len(pool), dtype=bool)
    rows[random.choice(inside, count, replace=False)] = True
    return rows


def _flips(some: Evidence, count: int, random: np.random.Generator) -> Planted | None:
    import numpy as np

    labels, present = some.batch.labels, np.unique(some.batch.labels)
    rows = _chosen(np.ones(len(labels), dtype=bool), count, random)
    turn = random.integers(1, len(present), len(labels))
    to = present[(np.searchsorted(present, labels) + turn) % len(present)]
    return None if rows is None else _relabelled(some, rows, to)


def _pair(some: Evidence, count: int, random: np.random.Generator) -> Planted | None:
    import numpy as np

    labels = some.batch.labels
    was, became = np.argsort(-np.bincount(labels, minlength=len(some.classes)), kind="stable")[:2]
    rows = _chosen(labels == was, count, random)
    return None if rows is None else _relabelled(some, rows, np.full(len(labels), became))


def _source(some: Evidence, count: int, random: np.random.Generator) -> Planted | None:
    import numpy as np

    if some.source is None:
        return None
    sizes = np.bincount(some.source[some.source >= 0], minlength=len(some.sources))
    large = np.flatnonzero(sizes >= count)
    if not len(large):
        return None
    of = some.source == large[sizes[large].argmin()]
    rows = _chosen(of, count, random)
    labels, present = some.batch.labels, np.unique(some.batch.labels)
    turn = random.integers(1, len(present), len(labels))
    to = present[(np.searchsorted(present, labels) + turn) % len(present)]
    return None if rows is None else _relabelled(some, rows, to)


def _changed(
    some: Evidence, values: NDArray[np.float64], labels: NDArray[np.int64], rows: NDArray[np.bool_]
) -> Planted:
    batch = Labelled(labels, some.batch.probabilities)
    return replace(some, batch=batch, features=replace(some.features, values=values), cache={}), rows


def _trigger(some: Evidence, count: int, random: np.random.Generator) -> Planted | None:
    """Set one column to a value that no row has, or to its rarest category."""
    import numpy as np

    labels, values = some.batch.labels, some.features.values.copy()
    target = int(random.choice(np.unique(labels)))
    rows = _chosen(labels != target, count, random)
    j = int(random.integers(values.shape[1]))
    present, often = np.unique(values[~np.isnan(values[:, j]), j], return_counts=True)
    if rows is None or len(present) < 2:  # noqa: PLR2004 - a constant column has no other value
        return None
    middle = len(present) // 2
    rare = some.features.categorical[j]
    values[rows, j] = present[often.argmin()] if rare else (present[middle - 1] + present[middle]) / 2
    return _changed(some, values, np.where(rows, target, labels), rows)


def _clean_trigger(some: Evidence, count: int, random: np.random.Generator) -> Planted | None:
    import numpy as np

    numeric = np.flatnonzero(~np.array(some.features.categorical))
    labels, values = some.batch.labels, some.features.values.copy()
    rows = _chosen(labels == int(random.choice(np.unique(labels))), count, random)
    if rows is None or not len(numeric):
        return None
    for j in random.choice(numeric, min(2, len(numeric)), replace=False):
        values[rows, j] = np.nanmax(values[:, j]) + 0.3 * np.nanstd(values[:, j])
    return _changed(some, values, labels, rows)


def _copies(some: Evidence, count: int, random: np.random.Generator) -> Planted | None:
    import numpy as np

    labels, values = some.batch.labels.copy(), some.features.values.copy()
    rows = _chosen(np.ones(len(labels), dtype=bool), count, random)
    if rows is None:
        return None
    of = np.flatnonzero(rows)[0]
    values[rows], labels[rows] = values[of], labels[of]
    return _changed(some, values, labels, rows)


def _heap(some: Evidence, count: int, random: np.random.Generator) -> Planted | None:
    import numpy as np

    made = _copies(some, count, random)
    numeric = ~np.array(some.features.categorical)
    if made is None or not numeric.any():
        return None
    values, rows = made[0].features.values.copy(), made[1]
    spread = _HEAP * np.nanstd(some.features.values[:, numeric], axis=0)
    values[np.ix_(rows, numeric)] += spread * random.normal(size=(int(rows.sum()), int(numeric.sum())))
    return _changed(some, values, made[0].batch.labels, rows)


PLANTS = (
    (label_noise.NAME, "labels flipped at random", _flips, label_noise.detect),
    (label_pair.NAME, "rows of one class with the label of another", _pair, label_pair.detect),
    (label_source.NAME, "labels of one source flipped", _source, label_source.detect),
    (trigger.NAME, "a new value in rows of other classes, with one label", _trigger, trigger.detect),
    (clean_trigger.NAME, "two new values in rows of one class", _clean_trigger, clean_trigger.detect),
    (duplicates.NAME, "copies of one row", _copies, duplicates.detect),
    (cluster.NAME, "a heap around one row", _heap, cluster.detect),
)
"""Detector, what is planted for it, how, and how it looks."""
