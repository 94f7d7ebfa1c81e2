"""What models say that learnt only from rows whose label models of the other rows expected.

Where classes are nearly clear, a second look is possible without a baseline: rows whose label was
contradicted are left out, models are fitted on the others, and asked about all rows (each by models
that never saw it). In honest data the rows that are still contradicted lie where the classes meet, and
hardly any where these models are sure; a label that somebody set lies anywhere.

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

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.evidence import Evidence, Labelled

    Floats = NDArray[np.float64]

MOST_ROWS = 4_000
"""Of more rows, so many are drawn with the seed."""
MOST_WRONG = 0.25
"""With more disagreement at the first look there is no second."""
MOST_SURE_WRONG = 0.13
"""With more contradictions among the surest half, the models have learnt too little to be believed."""
CLEAR = 0.2
"""Clear: at most this share of the unsurest quarter is contradicted, and half of what the surest half is."""
FAIRLY = (0.16, 0.4)
"""Fairly clear: at most these shares of the third quarter and of the unsurest one are."""
HONEST, HONEST_FAIRLY = 0.005, 0.02
"""What may be contradicted by sure models in honest data as clear as that."""
CLEAR_CLASS = 0.25
"""The same as `CLEAR` for the rows taken for one class, where a pair of classes is looked for."""
SUREST, SUREST_FAIRLY = 0.625, 0.5
"""Only this share of the rows counts, the surest: honest contradictions fade, and are rare there."""
SURE = 0.9
"""And only rows of which the models are as sure as this."""
FEWEST = 3
"""Fewest contradicted rows of which anything is said."""
ONE_LABEL = 0.8
"""Contradictions with as large a share of one label are those of one class."""
ONE_CLASS = 0.01
"""So much of the contradictions of one class alone is not counted where classes are fairly clear only: one
outcome that is a little uncertain everywhere is no rare thing."""
INVISIBLE = 0.2
"""Of two classes, one may have as many rows by nature that look like the other."""
AT_LEAST = 0.8
"""How sure it has to be that the share of contradicted labels is as large as said (Clopper and Pearson)."""


@dataclass(frozen=True)
class Agreeing:
    """The second look.

    Attributes:
        rows: Row numbers that were looked at; shape (rows,).
        labels: Their labels.
        probabilities: Shape (rows, classes), scaled so that they fit the rows that were learnt from.
        first: Probabilities of the first look, at all rows.
        clear: Whether the classes are clear, and not fairly so only.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    probabilities: Floats
    first: Floats
    clear: bool = True

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


def second_look(evidence: Evidence) -> Agreeing | None:
    """Ask models of the rows that agree about all rows; the answer is kept for the next detector.

    Returns:
        None where the classes are not even fairly clear.
    """
    if "agreeing" not in evidence.cache:
        evidence.cache["agreeing"] = _look(evidence)
    found: Agreeing | None = evidence.cache["agreeing"]
    return found


def sharpest(evidence: Evidence) -> Labelled:
    """Return the batch as the second look sees it, if there is one of just these rows; else as it is."""
    batch = evidence.batch
    found = None if evidence.baseline is not None else second_look(evidence)
    if found is None or len(found.rows) != batch.rows or found.first is not batch.probabilities:
        return batch
    return replace(batch, probabilities=found.probabilities)


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
    found = Agreeing(rows, labels, probabilities, batch.probabilities)
    quarter = _quarters(found.certainty, found.contradicted)
    sure = float(quarter[:2].mean())
    clear = _fades(quarter, CLEAR)
    if sure > MOST_SURE_WRONG or not (clear or (quarter[2] <= FAIRLY[0] and quarter[3] <= FAIRLY[1])):
        return None
    return replace(found, clear=clear)


def _quarters(certainty: Floats, contradicted: NDArray[np.bool_]) -> Floats:
    """Return which share of each quarter of some rows is contradicted, the surest first."""
    import numpy as np

    place = np.minimum((4 * _rank(certainty)).astype(np.int64), 3)
    share: Floats = np.bincount(place, contradicted, 4) / np.maximum(np.bincount(place, minlength=4), 1)
    return share


def _fades(quarter: Floats, limit: float) -> bool:
    """Whether the unsurest quarter is contradicted little enough, beside half of what the surest half is."""
    return bool(quarter[3] <= limit + 0.5 * quarter[:2].mean())


def sure_contradictions(found: Agreeing) -> tuple[float, float]:
    """Test whether labels contradict sure models more than honest ones would.

    Binomial tail against `HONEST` over the surest rows. Where classes are fairly clear only, against
    `HONEST_FAIRLY` over the surest half, and against half of it over the surest quarter; the larger p value
    counts, because honest contradictions fade and labels that somebody set do not. Of two classes, one may be
    hard to see by nature: where nearly all contradictions carry one label, they have to be fewer than
    `INVISIBLE` of the rows with that label.

    Returns:
        The p value, and the share of contradicted labels among the sure rows that is `AT_LEAST` certain.
    """
    import numpy as np
    from scipy.special import bdtrc

    limit, honest = (SUREST, HONEST) if found.clear else (SUREST_FAIRLY, HONEST_FAIRLY)
    sure = (found.certainty > SURE) & (_rank(found.certainty) < limit)
    wrong = sure & found.contradicted
    if wrong.sum() < FEWEST:
        return 1.0, 0.0
    carried = np.bincount(found.labels[wrong], minlength=found.probabilities.shape[1])
    label = int(carried.argmax())
    one_label = bool(carried[label] >= ONE_LABEL * wrong.sum())
    if one_label and _hard_to_see(found, sure, label):
        return 1.0, 0.0
    share = _at_least(int(wrong.sum()), int(sure.sum()))
    if one_label and not found.clear:
        share = max(0.0, share - ONE_CLASS)
    p_value = float(bdtrc(wrong.sum() - 1.0, int(sure.sum()), honest))
    if not found.clear:
        surest = sure & (_rank(found.certainty) < 0.5 * limit)
        p_surest = bdtrc((wrong & surest).sum() - 1.0, int(surest.sum()), 0.5 * honest)
        p_value = max(p_value, float(p_surest)) if (wrong & surest).any() else 1.0
    return p_value, share


def sure_pair(found: Agreeing) -> tuple[float, int, int, float]:
    """Find the pair of classes of which one is labelled as the other where the models are sure.

    Binomial tail against `HONEST` over the surest half of the rows of each class, for each ordered pair,
    times their number; at least 70 % of what is contradicted in the class carries the one label. Classes
    have to be clear: where they meet in many rows, neighbours are confused by nature.

    Returns:
        The p value, was, became, and the share of the class.
    """
    import numpy as np
    from scipy.special import bdtrc

    classes = found.probabilities.shape[1]
    best = (1.0, 0, 1, 0.0)
    if not found.clear:
        return best
    sure = found.certainty > SURE
    for k in range(classes):
        mine = found.predicted == k
        sure[mine] &= _rank(found.certainty[mine]) < SUREST_FAIRLY
    count = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(count, (found.predicted[sure], found.labels[sure]), 1)
    rows = count.sum(axis=1)
    wrong = count * (1 - np.eye(classes, dtype=np.int64))
    for was, became in zip(*np.nonzero(wrong >= FEWEST), strict=True):
        of_class = sure & (found.predicted == was)
        if wrong[was, became] < 0.7 * wrong[was].sum() or _hard_to_see(found, of_class, int(became)):
            continue
        taken = found.predicted == was
        if not _fades(_quarters(found.certainty[taken], found.contradicted[taken]), CLEAR_CLASS):
            continue
        tail = float(bdtrc(wrong[was, became] - 1.0, int(rows[was]), HONEST))
        p = min(1.0, tail * classes * (classes - 1))
        best = min(best, (p, int(was), int(became), float(wrong[was, became] / rows[was])))
    return best


def _hard_to_see(found: Agreeing, sure: NDArray[np.bool_], label: int) -> bool:
    """Whether so many rows of one of two classes look like the other that this may be its nature."""
    if found.probabilities.shape[1] > 2:  # noqa: PLR2004 - of more classes a pair is held against the others
        return False
    hidden = (found.labels == label) & sure & found.contradicted
    return bool(hidden.sum() / max(sure.mean(), 1e-9) > INVISIBLE * (found.labels == label).sum())


def _at_least(wrong: int, rows: int) -> float:
    from scipy.special import betaincinv

    return float(betaincinv(wrong, rows - wrong + 1, 1.0 - AT_LEAST))


def _rank(certainty: Floats) -> Floats:
    """Rank rows from 0, the surest, to below 1."""
    import numpy as np

    rank: Floats = np.argsort(np.argsort(-certainty, kind="stable"), kind="stable") / max(len(certainty), 1)
    return rank
