"""What models say that learnt only from rows whose label models of the other rows expected.

Where classes are nearly clear, a second look is possible without a baseline: rows whose label was
contradicted are left out, models are fitted on the others, and asked about all rows (each by models
that never saw it). In honest data the rows that are still contradicted lie where the classes meet, and
hardly any where these models are sure; a label that somebody set lies anywhere.

What is asked of them stands in `lockgate.poisoning.contradictions`.

This says nothing about data that is uncertain by nature (who is employed at the best age): there the
surest rows are contradicted in honest data too. How clear a table is, is read from the four quarters of
its rows in the order of certainty. Clean tables that were looked at (breast_cancer, biopsy, penguins,
digits, 16 generated ones) contradict 0 to 0.4 % of the surest five eighths where they are `CLEAR`, and
0 to 2 % of the surest half where they are fairly so; tables beyond (diabetes, Pima, Boston, votes,
employment, diamonds) 8 % and more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lockgate.poisoning.evidence import some_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.evidence import Evidence, Labelled

    Floats = NDArray[np.float64]

MOST_ROWS = 4_000
"""Of more rows, so many are drawn with the seed."""
MOST_WRONG = 0.25
"""With more disagreement at the first look no class is taken for clear."""
MOST_LEFT_OUT = 0.4
"""With more the models of the others have learnt nothing."""
MOST_SURE_WRONG = 0.13
"""With more contradictions among the surest half, the models have learnt too little to be believed."""
CLEAR = 0.2
"""Clear: at most this share of the unsurest quarter is contradicted, and half of what the surest half is."""
FAIRLY = (0.16, 0.4)
"""Fairly clear: at most these shares of the third quarter and of the unsurest one are."""
FADING_DRAWS = 199
"""Enough to tell whether the p value of `lapse` is `HOPELESS`."""


@dataclass(frozen=True)
class Agreeing:
    """The second look.

    Attributes:
        rows: Row numbers that were looked at; shape (rows,).
        labels: Their labels.
        probabilities: Shape (rows, classes), scaled so that they fit the rows that were learnt from.
        first: Probabilities of the first look, at all rows.
        clear: Whether the classes are clear, and not fairly so only.
        fades: Whether contradictions at the first look fade with certainty as honest ones do; always True
            where classes are clear, because nobody looks there.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    probabilities: Floats
    first: Floats
    clear: bool = True
    fades: bool = True

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The most probable class of each row."""
        predicted: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return predicted

    @property
    def certainty(self) -> Floats:
        """Its probability."""
        certainty: Floats = self.probabilities.max(axis=1)
        return certainty

    @property
    def contradicted(self) -> NDArray[np.bool_]:
        """Whether another class than the label is the most probable one."""
        contradicted: NDArray[np.bool_] = self.predicted != self.labels
        return contradicted


def asked_again(evidence: Evidence) -> Agreeing | None:
    """Ask models of the rows that agree about all rows, be they clear or not; the answer is kept.

    Returns:
        None where too few rows agree.
    """
    if "asked again" not in evidence.cache:
        evidence.cache["asked again"] = _ask(evidence)
    found: Agreeing | None = evidence.cache["asked again"]
    return found


def second_look(evidence: Evidence) -> Agreeing | None:
    """Ask models of the rows that agree about all rows, where classes are clear; the answer is kept, too.

    Returns:
        None where the classes are not even fairly clear.
    """
    if "agreeing" not in evidence.cache:
        evidence.cache["agreeing"] = _look(evidence)
    found: Agreeing | None = evidence.cache["agreeing"]
    return found


def sharpest(evidence: Evidence) -> Labelled:
    """Return the batch as the second look sees it, if there is one of just these rows; else as it is."""
    if evidence.baseline is not None:
        from lockgate.poisoning.beside import sharpest_beside

        return sharpest_beside(evidence).batch
    return sharper(evidence, second_look(evidence))


def sharper(evidence: Evidence, found: Agreeing | None) -> Labelled:
    """Return the batch as some look sees it, if it is one of just these rows; else as it is."""
    batch = evidence.batch
    if found is None or len(found.rows) != batch.rows or found.first is not batch.probabilities:
        return batch
    return replace(batch, probabilities=found.probabilities)


def _ask(evidence: Evidence) -> Agreeing | None:
    import numpy as np

    from lockgate.poisoning.surprise import FOLDS, of_some

    batch, classes = evidence.batch, len(evidence.classes)
    rows = some_of(np.arange(batch.rows), MOST_ROWS, evidence.random("agreeing"))
    labels = batch.labels[rows]
    agrees = batch.probabilities[rows].argmax(axis=1) == labels
    learnt = np.bincount(labels[agrees], minlength=classes)
    if (~agrees).mean() > MOST_LEFT_OUT or learnt.min() < FOLDS or np.bincount(labels).min() < FOLDS:
        return None
    features = replace(evidence.features, values=evidence.features.values[rows])
    probabilities = of_some(features, labels, classes, evidence.seed, agrees)
    return Agreeing(rows, labels, probabilities, batch.probabilities)


def _look(evidence: Evidence) -> Agreeing | None:
    found = asked_again(evidence)
    if found is None or (found.first[found.rows].argmax(axis=1) != found.labels).mean() > MOST_WRONG:
        return None
    quarter = quarters(found.certainty, found.contradicted)
    sure = float(quarter[:2].mean())
    clear = fades(quarter, CLEAR)
    if sure > MOST_SURE_WRONG or not (clear or (quarter[2] <= FAIRLY[0] and quarter[3] <= FAIRLY[1])):
        return None
    return found if clear else replace(found, clear=False, fades=_fade_honestly(evidence))


def _fade_honestly(evidence: Evidence) -> bool:
    from lockgate.poisoning.curve import HOPELESS, lapse

    batch = evidence.batch
    found = lapse(batch.probabilities, batch.labels, evidence.random("agreeing fades"), FADING_DRAWS)
    return found.p_value > HOPELESS


def quarters(certainty: Floats, contradicted: NDArray[np.bool_]) -> Floats:
    """Return which share of each quarter of some rows is contradicted, the surest first."""
    import numpy as np

    place = np.minimum((4 * rank(certainty)).astype(np.int64), 3)
    share: Floats = np.bincount(place, contradicted, 4) / np.maximum(np.bincount(place, minlength=4), 1)
    return share


def fades(quarter: Floats, limit: float) -> bool:
    """Whether the unsurest quarter is contradicted little enough, beside half of what the surest half is."""
    return bool(quarter[3] <= limit + 0.5 * quarter[:2].mean())


def rank(certainty: Floats) -> Floats:
    """Rank rows from 0, the surest, to below 1."""
    import numpy as np

    rank: Floats = np.argsort(np.argsort(-certainty, kind="stable"), kind="stable") / max(len(certainty), 1)
    return rank
