"""Move the probabilities of labels to the rates at which the classes come in a batch.

Where classes come at other rates and the rows of each look as ever, and not at all as if labels had been
moved from one class to another, nothing else has happened: the probabilities are moved by the ratio of
the rates of the labels.

Elsewhere labels are not believed so easily. Where the rows alone say that the rates have shifted, the
probabilities are moved to the new ones, found by expectation maximisation without the labels (Saerens,
Latinne and Decaestecker 2002). After that the labels may move them a little more: a factor for each
class that makes the labels most probable, drawn to 1 by a normal prior on its logarithm. It explains
labels that are a little more frequent among all doubtful rows, and not those that contradict rows that
leave no doubt.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

_ROUNDS = 200
_PRIOR = 0.25
"""Standard deviation of the logarithm of a class's factor: a label is rarely a quarter more frequent."""
_CERTAIN = 3.5
"""Standard errors by which the mean probability of a class must differ: about 1 in 2,000 by chance."""
_LARGEST_FACTOR = 20.0
_RATES_DIFFER = 0.01
"""Largest p value (chi-square) of class rates that differ."""
_AS_EVER = 0.05
"""Smallest p value (normal, times the means looked at) of classes whose rows look as ever."""
_MORE_LIKELY = 20.0
"""How many times as likely the rows must be under other rates as under moved labels."""
_FEWEST = 5
"""Fewer rows of a class say nothing about how it looks."""


def at_their_own(p: Floats, labels: Integers, known: Floats, known_labels: Integers) -> tuple[Floats, bool]:
    """Return the probabilities of a batch at its own class rates, and whether nothing but these has moved.

    Args:
        p: Probability of each class for each row of the batch, from models of the reference.
        labels: Classes of these rows.
        known: Probabilities of the rows of the reference, from models that did not see them.
        known_labels: Classes of those.
    """
    import numpy as np

    if only_rates(p, labels, known, known_labels):
        counts = [np.bincount(y, minlength=p.shape[1]) + 0.5 for y in (labels, known_labels)]
        return _times(p, (counts[0] / counts[0].sum()) / (counts[1] / counts[1].sum())), True
    return _near(p, labels, known), False


def only_rates(p: Floats, labels: Integers, known: Floats, known_labels: Integers) -> bool:
    """Say whether the classes come at other rates while the rows of each class look as ever.

    That is what a change of the rates means (label shift: P(x | y) stays), and what relabelled rows
    cannot do: they bring rows of one class under the label of another. What a row looks like are its
    probabilities here, as in black-box shift estimation (Lipton, Wang and Smola 2018).
    """
    import numpy as np
    from scipy.special import chdtrc, ndtr

    classes = p.shape[1]
    counts = np.array([np.bincount(y, minlength=classes) for y in (labels, known_labels)], dtype=float)
    counts = counts[:, counts.sum(axis=0) > 0]
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    if chdtrc(counts.shape[1] - 1, float(((counts - expected) ** 2 / expected).sum())) > _RATES_DIFFER:
        return False
    largest, looked = 0.0, 0
    for k in range(classes):
        mine, theirs = p[labels == k], known[known_labels == k]
        if len(mine) < _FEWEST:
            continue
        error = np.sqrt(mine.var(axis=0) / len(mine) + theirs.var(axis=0) / len(theirs))
        apart = np.abs(mine.mean(axis=0) - theirs.mean(axis=0)) / np.maximum(error, 1e-9)
        largest = max(largest, float(apart.max()))
        looked += classes
    as_ever = looked > 0 and 2.0 * float(ndtr(-largest)) * looked > _AS_EVER
    return as_ever and _against_relabelling(p, labels, known, known_labels) > math.log(_MORE_LIKELY)


def _against_relabelling(p: Floats, labels: Integers, known: Floats, known_labels: Integers) -> float:
    """Return the log likelihood ratio of other rates against labels that were moved to the classes that grew.

    Had they been moved, the rows of a class that grew would look in part like those of the classes
    that shrank. What is compared is the mean of each class along that direction, taken as normal.
    """
    import numpy as np

    classes = p.shape[1]
    now, before = (np.bincount(y, minlength=classes) / len(y) for y in (labels, known_labels))
    shrunk = np.maximum(before - now, 0.0)
    looks = np.array(
        [known[known_labels == k].mean(axis=0) if before[k] else p[0] * 0 for k in range(classes)]
    )
    donor = shrunk @ looks / max(float(shrunk.sum()), 1e-12)
    ratio = 0.0
    for k in np.flatnonzero(now > before):
        direction = donor - looks[k]
        mine, theirs = p[labels == k] @ direction, known[known_labels == k] @ direction
        if len(mine) < _FEWEST or len(theirs) < _FEWEST:
            continue
        variance = max(float(mine.var() / len(mine) + theirs.var() / len(theirs)), 1e-12)
        moved = float((now[k] - before[k]) / now[k] * (direction @ direction))
        ratio += moved * (moved - 2.0 * float(mine.mean() - theirs.mean())) / (2.0 * variance)
    return ratio


def _near(p: Floats, labels: Integers, known: Floats) -> Floats:
    """Move the probabilities to the rates that the rows say, and a little towards those of the labels.

    Where classes overlap, another mix of rows looks like other rates, and the rates that are found without
    labels may be far off; so they count where they make the labels more likely.
    """
    import numpy as np

    if _differs(p, known):
        moved = _times(p, _growth(p, known.mean(axis=0)))
        p = moved if _fits(moved, labels) > _fits(p, labels) else p
    counts, logs = np.bincount(labels, minlength=p.shape[1]), np.zeros(p.shape[1])
    for _ in range(_ROUNDS):
        weighed = _times(p, np.exp(logs))
        slope = counts - weighed.sum(axis=0) - logs / _PRIOR**2
        step = slope / ((weighed * (1.0 - weighed)).sum(axis=0) + 1.0 / _PRIOR**2)
        logs += step / 2  # classes compete, so half of Newton's step for each alone
        if np.abs(step).max() < 1e-6:  # noqa: PLR2004 - far below what the rows can tell
            break
    return _times(p, np.exp(logs))


def _fits(p: Floats, labels: Integers) -> float:
    """Return the log likelihood of labels."""
    import numpy as np

    return float(np.log(np.maximum(p[np.arange(len(labels)), labels], 1e-12)).sum())


def _times(p: Floats, factors: Floats) -> Floats:
    weighed: Floats = p * factors
    scaled: Floats = weighed / weighed.sum(axis=1, keepdims=True)
    return scaled


def _differs(p: Floats, known: Floats) -> bool:
    """Whether the rows alone, whatever their labels, say that the classes come at other rates."""
    import numpy as np

    error = np.sqrt(p.var(axis=0) / len(p) + known.var(axis=0) / len(known))
    return bool((np.abs(p.mean(axis=0) - known.mean(axis=0)) > _CERTAIN * np.maximum(error, 1e-9)).any())


def _growth(p: Floats, rates: Floats) -> Floats:
    """Estimate without labels how many times as frequent each class is; shape (classes,)."""
    import numpy as np

    growth = np.ones(p.shape[1])
    for _ in range(_ROUNDS):
        better = np.clip(_times(p, growth).mean(axis=0) / rates, 1.0 / _LARGEST_FACTOR, _LARGEST_FACTOR)
        if np.abs(better - growth).max() < 1e-4:  # noqa: PLR2004 - far below what the rows can tell
            break
        growth = better
    return growth
