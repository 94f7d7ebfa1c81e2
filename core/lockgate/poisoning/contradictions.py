"""Labels that models of the rows that agree contradict where they are sure: more than honest data shows?

See `lockgate.poisoning.agreeing` for the models, and for how clear a table is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.poisoning.agreeing import fades, quarters, rank

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.agreeing import Agreeing

HONEST, HONEST_FAIRLY = 0.005, 0.02
"""What may be contradicted by sure models in honest data as clear as that."""
AS_CLEAR_AS = 0.15
"""Where less of the unsurest quarter is contradicted, `HONEST` shrinks with the square of it: of 38 clean
tables below 0.09 and without wrong labels by design one contradicts any row of the surest five eighths."""
LEAST_HONEST = 0.1
"""But to no less than this part of `HONEST`."""
BINARY = 2
"""Of so few classes no other one says how many honest labels go from one to the other."""
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
FADED = 0.01
"""Honest contradictions lie where sure models are least sure: so rarely would set labels lie as they do."""
STILL = 0.2
"""Contradictions of a class have not faded when as many in the surest quarter come by chance as rarely."""
INVISIBLE = 0.2
"""Of two classes, one may have as many rows by nature that look like the other."""
INVISIBLE_OF_MORE = 0.4
"""The same of more classes that are fairly clear only: the worst of some states is rare and hard to see."""
AT_LEAST = 0.8
"""How sure it has to be that the share of contradicted labels is as large as said (Clopper and Pearson)."""
MEDIAN = 0.5
"""The same where classes are clear."""


def sure_contradictions(found: Agreeing) -> tuple[float, float]:
    """Test whether labels contradict sure models more than honest ones would.

    Binomial tail over the surest rows, against what is honest in a table as clear as this (`honest_share`).
    Nothing is said if these contradictions lie towards the less sure ones of these rows (`how_faded`).
    Where classes are fairly clear only, against `HONEST_FAIRLY` over the surest half, and against half of it
    over the surest quarter; the larger p value counts, because honest contradictions fade and labels that
    somebody set do not. There nothing is said if they fade at the first look, or if nearly all carry one
    label: part of a class may lie within another one by nature. Of two clear classes, one may be hard to
    see: where nearly all carry one label, they have to be fewer than `INVISIBLE` of the rows with that label.

    Returns:
        The p value, and the share of contradicted labels among the sure rows: where classes are clear its
        median, else what is `AT_LEAST` certain.
    """
    import numpy as np
    from scipy.special import bdtrc

    if not found.clear and found.fades:
        return 1.0, 0.0
    limit, honest = SUREST if found.clear else SUREST_FAIRLY, honest_share(found)
    sure = (found.certainty > SURE) & (rank(found.certainty) < limit)
    wrong = sure & found.contradicted
    if wrong.sum() < FEWEST:
        return 1.0, 0.0
    carried = np.bincount(found.labels[wrong], minlength=found.probabilities.shape[1])
    label = int(carried.argmax())
    one_label = bool(carried[label] >= ONE_LABEL * wrong.sum())
    if one_label and (not found.clear or hard_to_see(found, sure, label)):
        return 1.0, 0.0
    if how_faded(found, sure) < FADED:
        return 1.0, 0.0
    share = _at_least(int(wrong.sum()), int(sure.sum()), MEDIAN if found.clear else AT_LEAST)
    p_value = float(bdtrc(wrong.sum() - 1.0, int(sure.sum()), honest))
    if not found.clear:
        surest = sure & (rank(found.certainty) < 0.5 * limit)
        p_surest = bdtrc((wrong & surest).sum() - 1.0, int(surest.sum()), 0.5 * honest)
        p_value = max(p_value, float(p_surest)) if (wrong & surest).any() else 1.0
    return p_value, share


def sure_pairs(found: Agreeing) -> list[tuple[float, int, int, float]]:
    """Find the pairs of classes of which one is labelled as the other where the models are sure.

    Binomial tail over the surest half of the rows of each class, for each ordered pair, times their number.
    Honest are as many as in the whole table, or what the other classes show if that is more; where classes
    are fairly clear only, in the surest quarter there have to be more than half of it would show (`STILL`).
    At least 70 % of what is contradicted in the class carries the one label. Where classes are clear, a
    class that meets others in many rows (`CLEAR_CLASS`) is not looked at.

    Returns:
        The p value, was, became, and the share of the class; the least likely pair first, at least one.
    """
    import numpy as np
    from scipy.special import bdtrc

    classes = found.probabilities.shape[1]
    pairs = [(1.0, 0, 1, 0.0)]
    sure = _surest(found, SUREST_FAIRLY)
    count, surest = _labels_of(found, sure), _labels_of(found, _surest(found, 0.5 * SUREST_FAIRLY))
    rows = count.sum(axis=1)
    wrong = count * (1 - np.eye(classes, dtype=np.int64))
    for was, became in zip(*np.nonzero(wrong >= FEWEST), strict=True):
        taken = found.predicted == was
        if wrong[was, became] < 0.7 * wrong[was].sum() or hard_to_see(found, sure, int(became)):
            continue
        others = (wrong.sum() - wrong[was].sum()) / max(rows.sum() - rows[was], 1)
        honest = max(honest_share(found), float(others))
        tail = float(bdtrc(wrong[was, became] - 1.0, int(rows[was]), honest))
        if not found.clear:
            of_surest = bdtrc(surest[was, became] - 1.0, int(surest[was].sum()), 0.5 * honest)
            tail = tail if surest[was, became] and of_surest <= STILL else 1.0
        elif not fades(quarters(found.certainty[taken], found.contradicted[taken]), CLEAR_CLASS):
            continue
        p = min(1.0, tail * classes * (classes - 1))
        pairs.append((p, int(was), int(became), float(wrong[was, became] / rows[was])))
    return sorted(pairs)


def _surest(found: Agreeing, share: float) -> NDArray[np.bool_]:
    """Mark the surest rows taken for each class."""
    sure = found.certainty > SURE
    for k in range(found.probabilities.shape[1]):
        mine = found.predicted == k
        sure[mine] &= rank(found.certainty[mine]) < share
    return sure


def _labels_of(found: Agreeing, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the labels of some rows by the class that they are taken for; shape (classes, classes)."""
    import numpy as np

    classes = found.probabilities.shape[1]
    count = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(count, (found.predicted[rows], found.labels[rows]), 1)
    return count


def hard_to_see(found: Agreeing, sure: NDArray[np.bool_], label: int) -> bool:
    """Whether so many rows of one class look like another that this may be its nature."""
    more = found.probabilities.shape[1] > BINARY
    if more and found.clear:  # a pair of more classes is held against the others
        return False
    elsewhere = found.predicted != label
    hidden = (found.labels == label) & sure & elsewhere
    looked_at = max(sure[elsewhere].mean(), 1e-9) if elsewhere.any() else 1.0
    most = INVISIBLE_OF_MORE if more else INVISIBLE
    return bool(hidden.sum() / looked_at > most * (found.labels == label).sum())


def how_faded(found: Agreeing, sure: NDArray[np.bool_]) -> float:
    """Return how rarely labels set anywhere lie as far towards the less sure of some rows (rank sum test)."""
    import numpy as np
    from scipy.special import ndtr

    order = np.argsort(-found.certainty[sure], kind="stable")
    place = (np.flatnonzero(found.contradicted[sure][order]) + 0.5) / len(order)
    return float(ndtr((0.5 - place.mean()) * np.sqrt(12 * len(place))))


def honest_share(found: Agreeing) -> float:
    """Return which share of the surest rows honest labels may contradict in a table as clear as this one."""
    if not found.clear:
        return HONEST_FAIRLY
    unsurest = float(quarters(found.certainty, found.contradicted)[3])
    return HONEST * min(max((unsurest / AS_CLEAR_AS) ** 2, LEAST_HONEST), 1.0)


def _at_least(wrong: int, rows: int, sureness: float) -> float:
    from scipy.special import betaincinv

    return float(betaincinv(wrong, rows - wrong + 1, 1.0 - sureness))
