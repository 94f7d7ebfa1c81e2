"""The second look beside a baseline: models of the rows of both tables whose labels are not doubted.

Models of the baseline alone are as good as the baseline is large. So rows of either table whose label the
first look finds less than `DOUBTED` times as probable as another one are left out, models are fitted on
all others of both, and asked about every row (each by models that never saw it). Both tables are treated
alike, so that rows of a clean one could be exchanged with rows of the other.

What is honest is read from the baseline: how many of its surest rows it contradicts. Few rows say little
of it; so where the baseline's classes are clear, what clean tables as clear show
(`lockgate.poisoning.contradictions`) counts as further rows, of which one is contradicted. How many rows of
the batch are contradicted has a beta-binomial tail then, which knows how little a small baseline knows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lockgate.poisoning.agreeing import CLEAR, FAIRLY, MOST_ROWS, MOST_SURE_WRONG, Agreeing, fades, quarters
from lockgate.poisoning.contradictions import (
    FADED,
    FEWEST,
    HONEST_FAIRLY,
    SURE,
    SUREST,
    SUREST_FAIRLY,
    honest_share,
    how_faded,
)
from lockgate.poisoning.evidence import Labelled, some_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.evidence import Evidence

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

DOUBTED = 0.2
"""A label is doubted when another one is more than five times as probable."""


@dataclass(frozen=True)
class Beside:
    """The second look at a batch and at its baseline.

    Attributes:
        batch: At the batch; `first` are the probabilities of the first look at all its rows.
        baseline: At the baseline.
        honest: Which share of its surest rows a clean table as clear as the baseline may contradict; None
            where its classes are not even fairly clear, so that nothing but the baseline says it.
    """

    batch: Agreeing
    baseline: Agreeing
    honest: float | None

    @property
    def labelled(self) -> tuple[Labelled, Labelled]:
        """The rows that were looked at of either table, with the probabilities of the second look."""
        return (
            Labelled(self.batch.labels, self.batch.probabilities),
            Labelled(self.baseline.labels, self.baseline.probabilities),
        )


def look_beside(evidence: Evidence) -> Beside:
    """Ask models of both tables about both; the answer is kept for the next detector.

    Where another mix of classes was put into the first look, it is put into the answer.

    Args:
        evidence: With a baseline.

    Returns:
        What the first look says, where too few rows of a class are left to learn from.
    """
    import numpy as np

    if "beside" not in evidence.cache:
        evidence.cache["beside"] = _look(evidence)
    found: Beside = evidence.cache["beside"]
    if found.batch.first is evidence.batch.probabilities:
        return found
    rows = found.batch.rows
    grown = evidence.batch.probabilities[rows] / np.maximum(found.batch.first[rows], 1e-12)
    moved = found.batch.probabilities * grown
    moved /= moved.sum(axis=1, keepdims=True)
    batch = replace(found.batch, probabilities=moved, first=evidence.batch.probabilities)
    return replace(found, batch=batch)


def _look(evidence: Evidence) -> Beside:
    import numpy as np

    from lockgate.poisoning.surprise import FOLDS, of_some

    batch, known, classes = evidence.batch, evidence.baseline, len(evidence.classes)
    assert known is not None  # noqa: S101 - the detectors look
    random = evidence.random("beside")
    half = MOST_ROWS // 2
    mine = some_of(np.arange(batch.rows), max(half, MOST_ROWS - known.rows), random)
    theirs = some_of(np.arange(known.rows), max(half, MOST_ROWS - len(mine)), random)
    labels = np.concatenate([batch.labels[mine], known.labels[theirs]])
    said = np.vstack([batch.probabilities[mine], known.probabilities[theirs]])
    believed = said[np.arange(len(labels)), labels] >= DOUBTED * said.max(axis=1)
    enough = np.bincount(labels[believed], minlength=classes).min() >= FOLDS
    if enough and evidence.known is not None:
        values = np.vstack([evidence.features.values[mine], evidence.known.values[theirs]])
        features = replace(evidence.features, values=values)
        said = of_some(features, labels, classes, evidence.seed, believed)
    cut = len(mine)
    looked = Agreeing(mine, labels[:cut], said[:cut], batch.probabilities)
    clean = Agreeing(theirs, labels[cut:], said[cut:], known.probabilities)
    return Beside(looked, *_as_clear(clean))


def _as_clear(clean: Agreeing) -> tuple[Agreeing, float | None]:
    """Say how clear the baseline is, and what is honest in tables as clear."""
    quarter = quarters(clean.certainty, clean.contradicted)
    if quarter[:2].mean() > MOST_SURE_WRONG:
        return replace(clean, clear=False), None
    if fades(quarter, CLEAR):
        return clean, honest_share(clean)
    clean = replace(clean, clear=False)
    return clean, HONEST_FAIRLY if quarter[2] <= FAIRLY[0] and quarter[3] <= FAIRLY[1] else None


def sharpest_beside(evidence: Evidence) -> Evidence:
    """Return the evidence with both tables as the second look sees them, where it saw the whole batch."""
    found = look_beside(evidence)
    if len(found.batch.rows) != evidence.batch.rows:
        return evidence
    batch, baseline = found.labelled
    return replace(evidence, batch=batch, baseline=baseline)


def sure_beside(found: Beside) -> tuple[float, float]:
    """Test whether the batch's labels contradict sure models more than the baseline's do.

    Over the surest rows of both tables together. Nothing is said where contradictions lie towards the less
    sure of them, as honest ones do.

    Returns:
        The p value, and by how much a larger share of the sure rows is contradicted than in the baseline.
    """
    mine, theirs = _surest(found)
    wrong, known = mine & found.batch.contradicted, theirs & found.baseline.contradicted
    if wrong.sum() < FEWEST or how_faded(found.batch, mine) < FADED:
        return 1.0, 0.0
    p_value = more_than_known(wrong.sum(), mine.sum(), known.sum(), theirs.sum(), found.honest)
    return float(p_value), max(0.0, float(wrong.sum() / mine.sum() - known.sum() / max(theirs.sum(), 1)))


def _surest(found: Beside) -> tuple[Bools, Bools]:
    import numpy as np

    certainty = np.concatenate([found.batch.certainty, found.baseline.certainty])
    limit = np.quantile(certainty, 1.0 - (SUREST if found.baseline.clear else SUREST_FAIRLY))
    sure = (certainty > SURE) & (certainty >= limit)
    return sure[: len(found.batch.rows)], sure[len(found.batch.rows) :]


def more_than_known(
    wrong: Floats, rows: Floats, known: Floats, known_rows: Floats, honest: float | None
) -> Floats:
    """Hold how many rows are contradicted against what a baseline shows (beta-binomial tail).

    Args:
        wrong: How many of the batch's rows are contradicted.
        rows: Of how many.
        known: How many of the baseline's are.
        known_rows: Of how many.
        honest: What clean tables show at most, which counts as ``1 / honest`` further rows of the baseline
            with one contradiction; None for nothing.

    Returns:
        The p values; shape of `wrong`.
    """
    import numpy as np

    a = np.asarray(known, dtype=np.float64) + 1.0
    b = np.maximum(known_rows - known, 0.5) + (0.0 if honest is None else 1.0 / honest)
    every = np.broadcast_arrays(np.asarray(wrong, dtype=np.float64), rows, a, b)
    tails = [
        _beta_binomial_tail(*(float(x) for x in one)) for one in zip(*(e.flat for e in every), strict=True)
    ]
    return np.array(tails).reshape(every[0].shape)


def _beta_binomial_tail(wrong: float, rows: float, a: float, b: float) -> float:
    """Return how probable it is to draw so many or more; small ones are exact, as 1 minus the rest is not."""
    import numpy as np
    from scipy.special import betaln

    if wrong <= 0:
        return 1.0
    k = np.arange(wrong, rows + 1.0)
    chance = (
        -betaln(k + 1.0, rows - k + 1.0) - np.log(rows + 1.0) + betaln(k + a, rows - k + b) - betaln(a, b)
    )
    return min(1.0, float(np.exp(chance).sum()))
