"""Another mix of classes is no attack: what the alarms would say if the class rates had only shifted.

A batch from another year, or an office with other clients, may hold other rates of the classes while
each class looks as before. A model that knows the old rates then finds too many labels of the class
that has grown. Flipped labels differ from that: they change the labels and not the rows, so the mean
of the model's probabilities stays where it was.

So the mix of each source (or of the whole batch) is estimated from its rows alone, without its labels,
by expectation maximisation (Saerens, Latinne and Decaestecker 2002), and where it differs for certain
the probabilities are moved to it. An alarm that this silences is withdrawn; it never raises one.

Does not see: planted labels in just those rows whose features moved with them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lockgate.poisoning.evidence import Labelled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.evidence import Evidence

    Floats = NDArray[np.float64]

FEWEST = 20
"""The mix of fewer rows is not estimated."""
CERTAIN = 3.5
"""Standard errors by which the mean probability of a class must differ: about 1 in 2,000 by chance."""
_ROUNDS = 200
_LARGEST = 50.0
"""No class becomes more than this many times as frequent, or rarer."""


def at_its_own_mix(evidence: Evidence) -> Evidence | None:
    """Return the evidence with each source's probabilities moved to its own mix of classes.

    Returns:
        None where no mix differs, so that the answer would be the same.
    """
    import numpy as np

    batch = evidence.batch
    known = (evidence.baseline or batch).probabilities
    source = np.zeros(batch.rows, dtype=np.int64) if evidence.source is None else evidence.source
    moved = batch.probabilities.copy()
    differs = False
    for group in np.unique(source):
        rows = np.flatnonzero(source == group)
        mine = batch.probabilities[rows]
        if len(rows) < FEWEST or not _differs(mine, known):
            continue
        weighed = mine * _growth(mine, known.mean(axis=0))
        moved[rows] = weighed / weighed.sum(axis=1, keepdims=True)
        differs = True
    return replace(evidence, batch=Labelled(batch.labels, moved)) if differs else None


def _differs(mine: Floats, known: Floats) -> bool:
    import numpy as np

    error = np.sqrt(mine.var(axis=0) / len(mine) + known.var(axis=0) / len(known))
    return bool((np.abs(mine.mean(axis=0) - known.mean(axis=0)) > CERTAIN * np.maximum(error, 1e-9)).any())


def _growth(mine: Floats, rates: Floats) -> Floats:
    """Estimate how many times as frequent each class is in some rows; shape (classes,)."""
    import numpy as np

    growth = np.ones(mine.shape[1])
    for _ in range(_ROUNDS):
        weighed = mine * growth
        now = (weighed / weighed.sum(axis=1, keepdims=True)).mean(axis=0)
        better = np.clip(now / rates, 1.0 / _LARGEST, _LARGEST)
        if np.abs(better - growth).max() < 1e-4:  # noqa: PLR2004 - far below what the rows can tell
            break
        growth = better
    return growth
