"""Which class of a batch carries the label of another one more often than its baseline's does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate.poisoning.agreeing import rank
from lockgate.poisoning.beside import more_than_known
from lockgate.poisoning.contradictions import SURE, SUREST_FAIRLY
from lockgate.poisoning.evidence import LEAST, MAYBE
from lockgate.poisoning.resampling import ENOUGH

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.beside import Beside

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

ONE_LABEL = 0.7
"""At least this share of what sure models contradict in the class carries the one label."""
_AT_ONCE = 100


@dataclass(frozen=True)
class Pairs:
    """Each ordered pair of classes, `was` and `became`.

    Attributes:
        was: Numbers of classes; shape (pairs,).
        became: The same.
        p_value: Of each pair, corrected for their number; shape (pairs,).
        above: How many rows of the batch more than expected carry the label `became`; shape (pairs,).
        share: Which share of the class that is, 0 to 1; shape (pairs,).
    """

    was: Integers
    became: Integers
    p_value: Floats
    above: Floats
    share: Floats


def pairs_beside(found: Beside, random: np.random.Generator, draws: int) -> Pairs:
    """Test each pair of classes in two ways; the smaller p value counts twice.

    All labels: how much likelier they are if `MAYBE` of the class is relabelled, as logarithms, standardised;
    null: rows are permuted between batch and baseline, and the largest of all pairs is what each is held
    against (Westfall and Young 1993). And the labels of the surest half of the rows that are taken for the
    class, against those of the baseline (`beside.more_than_known`), times the pairs.

    Args:
        found: The second look.
        random: Where the permutations come from.
        draws: Permutations at most.
    """
    import numpy as np

    classes = found.batch.probabilities.shape[1]
    was, became = np.nonzero(~np.eye(classes, dtype=bool))
    probabilities = np.vstack([found.batch.probabilities, found.baseline.probabilities])
    labels = np.concatenate([found.batch.labels, found.baseline.labels])
    rows = len(found.batch.rows)
    by_all = _permuted(_rather(probabilities, labels, was, became), rows, random, draws)
    by_sure = _of_the_surest(found, probabilities, labels)[was, became] * len(was)
    p_was, p_became = probabilities[:, was], probabilities[:, became]
    terms = p_was * ((labels[:, None] == became) - p_became)
    above = terms[:rows].sum(axis=0) - rows * np.maximum(terms[rows:].mean(axis=0), 0.0)
    room = (p_was * (p_was - p_became))[:rows].sum(axis=0)
    share = np.clip(above / np.maximum(room, 1e-9), 0.0, 1.0)
    return Pairs(was, became, np.minimum(1.0, 2 * np.minimum(by_all, by_sure)), above, share)


def _rather(probabilities: Floats, labels: Integers, was: Integers, became: Integers) -> Floats:
    """Return how much likelier each label is if the class is relabelled; shape (rows, pairs)."""
    import numpy as np

    p_was, p_became = probabilities[:, was], np.maximum(probabilities[:, became], LEAST)
    gained = np.log1p(MAYBE * p_was / p_became)
    rather: Floats = np.where(labels[:, None] == became, gained, 0.0)
    return np.where(labels[:, None] == was, np.log1p(-MAYBE), rather)


def _permuted(said: Floats, rows: int, random: np.random.Generator, draws: int) -> Floats:
    """Return the p value of each column's sum over the first rows, corrected for the number of columns."""
    import numpy as np

    spread = said.std(axis=0)
    said = (said - said.mean(axis=0)) / np.maximum(spread, 1e-9)
    seen = said[:rows].sum(axis=0)
    extreme, done = np.zeros(said.shape[1]), 0
    while done < draws and extreme.min() < ENOUGH:
        drawn = np.zeros((_AT_ONCE, len(said)))
        drawn[:, :rows] = 1.0
        largest = (random.permuted(drawn, axis=1) @ said).max(axis=1)
        extreme += (largest[:, None] >= seen - 1e-9).sum(axis=0)
        done += _AT_ONCE
    p_value: Floats = (extreme + 1.0) / (done + 1.0)
    return p_value


def _of_the_surest(found: Beside, probabilities: Floats, labels: Integers) -> Floats:
    """Return the p value of each pair by the surest half of each class; shape (classes, classes)."""
    import numpy as np

    classes, rows = probabilities.shape[1], len(found.batch.rows)
    predicted, certainty = probabilities.argmax(axis=1), probabilities.max(axis=1)
    sure = certainty > SURE
    for k in range(classes):
        mine = predicted == k
        sure[mine] &= rank(certainty[mine]) < SUREST_FAIRLY
    count = np.zeros((2, classes, classes))
    np.add.at(count, ((np.arange(len(labels)) >= rows)[sure].astype(int), predicted[sure], labels[sure]), 1.0)
    here, there = count
    of, known = here.sum(axis=1, keepdims=True), there.sum(axis=1, keepdims=True)
    p_value = more_than_known(here, of, there, known, found.honest)
    wrong = of - np.diag(here)[:, None]
    return np.where(here >= ONE_LABEL * wrong, p_value, 1.0)
