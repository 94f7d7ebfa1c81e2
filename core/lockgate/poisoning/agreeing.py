"""What models say that learnt only from rows whose label models of the other rows expected.

Where classes are nearly clear, a second look is possible without a baseline: rows whose label was
contradicted are left out, models are fitted on the others, and asked about all rows (each by models
that never saw it). In honest data the rows that are still contradicted lie where the classes meet;
a label that somebody set lies anywhere, also where these models are sure.

This says nothing about data that is uncertain by nature (who is employed at the best age): there the
surest rows are contradicted in honest data too. So the look is taken only where the unsurest quarter
of the rows still agrees for the most part (`CLEAR_ENOUGH`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.evidence import Evidence

    Floats = NDArray[np.float64]

MOST_ROWS = 4_000
"""Of more rows, so many are drawn with the seed."""
MOST_WRONG = 0.2
"""With more disagreement at the first look there is no second."""
CLEAR_ENOUGH = 0.2
"""Largest share of the unsurest quarter of the rows whose label is not the most probable one."""
HONEST = 0.01
"""What may be contradicted by sure models in honest data with classes as clear as that."""
SURE, VERY_SURE = 0.9, 0.97
SUREST = 0.625
"""Only this share of the rows counts, the surest: honest contradictions fade, and are rare there."""
FEWEST = 3
"""Fewest contradicted rows of which anything is said."""


@dataclass(frozen=True)
class Agreeing:
    """The second look.

    Attributes:
        rows: Row numbers that were looked at; shape (rows,).
        labels: Their labels.
        probabilities: Shape (rows, classes), scaled so that they fit the rows that were learnt from.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    probabilities: Floats

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


def second_look(evidence: Evidence) -> Agreeing | None:
    """Ask models of the rows that agree about all rows; the answer is kept for the next detector.

    Returns:
        None where the classes are not clear enough.
    """
    if "agreeing" not in evidence.cache:
        evidence.cache["agreeing"] = _look(evidence)
    found: Agreeing | None = evidence.cache["agreeing"]
    return found


def _look(evidence: Evidence) -> Agreeing | None:
    import numpy as np

    from lockgate.poisoning.surprise import FOLDS, of_some

    batch, classes = evidence.batch, len(evidence.classes)
    rows = np.arange(batch.rows)
    if batch.rows > MOST_ROWS:
        rows = np.sort(evidence.random("agreeing").choice(rows, MOST_ROWS, replace=False))
    labels = batch.labels[rows]
    agrees = batch.probabilities[rows].argmax(axis=1) == labels
    learnt = np.bincount(labels[agrees], minlength=classes)
    if (~agrees).mean() > MOST_WRONG or learnt.min() < FOLDS or np.bincount(labels).min() < FOLDS:
        return None
    features = replace(evidence.features, values=evidence.features.values[rows])
    probabilities = of_some(features, labels, classes, evidence.seed, agrees)
    found = Agreeing(rows, labels, probabilities)
    unsurest = np.argsort(found.certainty, kind="stable")[: len(rows) // 4]
    if (found.predicted != labels)[unsurest].mean() > CLEAR_ENOUGH:
        return None
    return found


def sure_contradictions(found: Agreeing) -> tuple[float, float]:
    """Test whether labels of more than one class contradict sure models more than honest ones would.

    Binomial tail against `HONEST` over the surest rows. The rows taken for the
    class with most contradictions are then left out, and the others must be suspicious too (p value of at
    most 0.05): one outcome may be uncertain by nature, and flips at random leave no class alone.

    Returns:
        The p value, and the share of contradicted labels among the sure rows, 0 to 1.
    """
    import numpy as np
    from scipy.special import bdtrc

    classes = found.probabilities.shape[1]
    sure = (found.certainty > VERY_SURE) & (_rank(found.certainty) < SUREST)
    predicted = found.predicted[sure]
    rows = np.bincount(predicted, minlength=classes)
    wrong = np.bincount(predicted[predicted != found.labels[sure]], minlength=classes)
    if wrong.sum() < FEWEST:
        return 1.0, 0.0
    tails = [bdtrc(w - 1.0, int(n), HONEST) if w else 1.0 for w, n in zip(wrong, rows, strict=True)]
    others = np.arange(classes) != int(np.argmin(tails))
    rest, rest_rows = int(wrong[others].sum()), int(rows[others].sum())
    if not rest or bdtrc(rest - 1.0, rest_rows, HONEST) > 0.05:  # noqa: PLR2004 - as the text says
        return 1.0, 0.0
    return float(bdtrc(wrong.sum() - 1.0, int(rows.sum()), HONEST)), float(wrong.sum() / rows.sum())


def sure_pair(found: Agreeing) -> tuple[float, int, int, float]:
    """Find the pair of classes of which one is labelled as the other where the models are sure.

    Binomial tail against `HONEST` over the surest rows of each class, for each ordered pair, times their
    number; at least 70 % of what is
    contradicted in the class carries the one label, and no more than twice `HONEST` of the rows taken for
    other classes are contradicted.

    Returns:
        The p value, was, became, and the share of the class.
    """
    import numpy as np
    from scipy.special import bdtrc

    classes = found.probabilities.shape[1]
    sure = found.certainty > SURE
    for k in range(classes):
        mine = found.predicted == k
        sure[mine] &= _rank(found.certainty[mine]) < SUREST
    count = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(count, (found.predicted[sure], found.labels[sure]), 1)
    rows = count.sum(axis=1)
    wrong = count * (1 - np.eye(classes, dtype=np.int64))
    best = (1.0, 0, 1, 0.0)
    for was, became in zip(*np.nonzero(wrong >= FEWEST), strict=True):
        elsewhere = wrong.sum() - wrong[was].sum()
        one_label = wrong[was, became] >= 0.7 * wrong[was].sum()
        if not one_label or elsewhere > 2 * HONEST * (rows.sum() - rows[was]):
            continue
        tail = float(bdtrc(wrong[was, became] - 1.0, int(rows[was]), HONEST))
        p = min(1.0, tail * classes * (classes - 1))
        best = min(best, (p, int(was), int(became), float(wrong[was, became] / rows[was])))
    return best


def _rank(certainty: Floats) -> Floats:
    """Rank rows from 0, the surest, to below 1."""
    import numpy as np

    rank: Floats = np.argsort(np.argsort(-certainty, kind="stable"), kind="stable") / max(len(certainty), 1)
    return rank
