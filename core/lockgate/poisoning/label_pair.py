"""LG-POISON-002: rows of one class carry the label of one other class.

Threat: somebody relabels a class he wants the model to confuse (a stop sign as a speed limit).

With a baseline: for each ordered pair of classes (was, became) the labels of batch and baseline are compared,
all of them by permutation and those of the surest rows by counting; see `lockgate.poisoning.beside_pair`.

Without one: of the rows that the model takes for `was`, the surest half should carry that label. The
statistic is how many carry the label `became`. Null: as many as in the other classes, and at least
`CLEAR` (binomial), corrected for the number of pairs. It alarms only if the other classes are clear, if
nearly all of these rows carry one label, and if the disagreement does not fade with certainty (`lapse`), nor
is more than `MOST` of the class. Where classes are clear, be it two, or three fairly so, models of the
rows that agree are asked instead (`contradictions.sure_pairs`); where they are fairly clear only, rows that
models tell from the others of their class are part of another class by nature, as the worst state of a
machine is (`TOGETHER`). Of two classes that are not clear, one may be uncertain by nature; it is named only
if the boundary is sharp from the other side, and its labels lapse wherever it is expected
(`flat.flat_pair`) in rows that nothing else sets apart (`flat.told_apart`).

Floor: `FLOOR` of the rows of the class `was` (`FLOOR_CLEAR` where classes are clear), `FEWEST` rows
(`FEWEST_BESIDE` beside a baseline), and `MORE_THAN_OTHERS` times what other pairs show, because flips at
random raise every pair.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lockgate.poisoning.agreeing import asked_again, rank, second_look, sharper, sharpest
from lockgate.poisoning.beside import look_beside
from lockgate.poisoning.beside_pair import pairs_beside
from lockgate.poisoning.contradictions import BINARY, sure_pairs
from lockgate.poisoning.curve import HOPELESS, lapse
from lockgate.poisoning.evidence import Alarm, believe
from lockgate.poisoning.flat import flat_pair, told_apart

if TYPE_CHECKING:
    from lockgate.poisoning.agreeing import Agreeing
    from lockgate.poisoning.evidence import Evidence

NAME = "label-pair"
RULE = "LG-POISON-002"
FLOOR, FLOOR_CLEAR = 0.05, 0.03
"""Smallest share of a class that alarms; the second where classes are clear."""
MOST = 0.35
"""Where classes are not clear: a class with a larger share was never learnt, so nothing says what it is."""
FEWEST, FEWEST_BESIDE = 5, 3
"""Fewest relabelled rows that alarm; the second beside a baseline."""
MORE_THAN_OTHERS = 3.0
"""The share of the named pair is this many times that of the median other one; else it is plain noise."""
ONE_LABEL = 0.7
"""Without a baseline: at least this share of the sure disagreement carries one label."""
CLEAR = 0.02
"""Without a baseline: what may be mislabelled among the surest rows of honest data."""
TOGETHER = 0.03
"""Rows that models tell from the others of their class so surely are a cluster of another class by nature."""
MOST_CLASSES = 30
"""With more classes the pairs are too many to look at each."""


def detect(evidence: Evidence) -> Alarm:
    """Look for one class relabelled as another; see the module's text."""
    classes = len(evidence.classes)
    if classes > MOST_CLASSES:
        why_not = f"the label has more than {MOST_CLASSES} classes"
        return Alarm(NAME, RULE, ran=False, asked=False, why_not=why_not)
    if evidence.baseline is not None:
        return _against_baseline(evidence)
    again = second_look(evidence)
    if again is not None and (again.clear or classes > BINARY):
        return _by_sure_models(evidence, again)
    if classes > BINARY:
        return _among_classes(evidence)
    asked = asked_again(evidence)
    if asked is None:
        why_not = "with two classes that models cannot tell apart it needs a baseline"
        return Alarm(NAME, RULE, ran=False, asked=False, why_not=why_not)
    return _of_two_classes(evidence, asked)


def _against_baseline(evidence: Evidence) -> Alarm:
    import numpy as np

    found = look_beside(evidence)
    pairs = pairs_beside(found, evidence.random(NAME), evidence.draws)
    groups = [
        {
            "was": evidence.classes[was],
            "became": evidence.classes[became],
            "rows_above_expected": round(float(above), 2),
            "p_value": round(float(p), 4),
            "estimated_share_of_class": round(float(share), 4),
        }
        for was, became, above, p, share in zip(
            pairs.was, pairs.became, pairs.above, pairs.p_value, pairs.share, strict=True
        )
    ]
    best = int(np.lexsort((-pairs.above, pairs.p_value))[0])
    share, others = float(pairs.share[best]), np.sort(np.delete(pairs.share, best))
    alarm = _alarm(
        replace(evidence, batch=sharpest(evidence)),
        int(pairs.was[best]),
        int(pairs.became[best]),
        share,
        float(pairs.p_value[best]),
        float(pairs.above[best]),
        groups,
        FLOOR_CLEAR if found.baseline.clear else FLOOR,
        FEWEST_BESIDE,
    )
    alarm.large_enough &= bool(share >= MORE_THAN_OTHERS * others[len(others) // 2])
    return alarm


def _by_sure_models(evidence: Evidence, again: Agreeing) -> Alarm:
    floor = FLOOR_CLEAR if again.clear else FLOOR
    named = (1.0, 0, 1, 0.0)
    for pair in sure_pairs(again):
        named = pair
        if again.clear or pair[0] >= HOPELESS or not _a_cluster(evidence, again, pair[1]):
            break
    else:
        named = (1.0, *named[1:])
    return _named_by(evidence, again, named, floor)


def _of_two_classes(evidence: Evidence, asked: Agreeing) -> Alarm:
    named = flat_pair(asked, evidence.random(NAME), evidence.draws)
    if named[0] < HOPELESS and _a_cluster(evidence, asked, named[1]):
        named = (1.0, *named[1:])
    return _named_by(evidence, asked, named, FLOOR)


def _a_cluster(evidence: Evidence, asked: Agreeing, was: int) -> bool:
    """Whether the contradicted rows among the surest three quarters of a class lie together."""
    sure = asked.predicted == was
    sure[sure] = rank(asked.certainty[sure]) < 0.75  # noqa: PLR2004 - honest ones lie in the last quarter
    features = replace(evidence.features, values=evidence.features.values[asked.rows[sure]])
    return told_apart(features, asked.contradicted[sure], evidence.seed) < TOGETHER


def _named_by(
    evidence: Evidence, again: Agreeing, named: tuple[float, int, int, float], floor: float
) -> Alarm:
    import numpy as np

    p, was, became, share = named
    predicted, contradicted = again.predicted, again.contradicted
    groups = []
    for k in range(len(evidence.classes)):
        others = np.bincount(again.labels[(predicted == k) & contradicted], minlength=len(evidence.classes))
        groups.append(
            {
                "was": evidence.classes[k],
                "rows": int((predicted == k).sum()),
                "with_another_label": int(others.sum()),
                "most_of_them_labelled": evidence.classes[int(others.argmax())] if others.any() else "",
            }
        )
    seen = replace(evidence, batch=sharper(evidence, again))
    return _alarm(seen, was, became, share, p, float(again.contradicted.sum()), groups, floor)


def _among_classes(evidence: Evidence) -> Alarm:
    import numpy as np
    from scipy.special import bdtrc

    batch, classes = evidence.batch, len(evidence.classes)
    predicted = batch.probabilities.argmax(axis=1)
    certainty = batch.probabilities.max(axis=1)
    sure = np.zeros((classes, classes))  # labels of the surest half of the rows taken for each class
    for was in range(classes):
        mine = predicted == was
        if mine.any():
            half = mine & (certainty >= np.median(certainty[mine]))
            sure[was] = np.bincount(batch.labels[half], minlength=classes)
    wrong = sure * (1.0 - np.eye(classes))
    rows, wrong_rows = sure.sum(axis=1), wrong.sum(axis=1)
    elsewhere = (wrong.sum() - wrong_rows) / np.maximum(sure.sum() - rows, 1.0)
    tail = [
        bdtrc(w.max() - 1.0, int(n), max(e, CLEAR)) if w.any() else 1.0
        for w, n, e in zip(wrong, rows, elsewhere, strict=True)
    ]
    was = int(np.lexsort((-wrong_rows, tail))[0])
    became = int(wrong[was].argmax())
    mine = predicted == was
    share = lapse(batch.probabilities[mine], batch.labels[mine], evidence.random(NAME), 0).share
    p = min(1.0, float(tail[was]) * classes * (classes - 1))
    groups = [
        {
            "was": evidence.classes[k],
            "sure_rows": int(rows[k]),
            "with_another_label": int(wrong_rows[k]),
            "most_of_them_labelled": evidence.classes[int(wrong[k].argmax())] if wrong[k].any() else "",
        }
        for k in range(classes)
    ]
    alarm = _alarm(evidence, was, became, share, p, float(wrong[was, became]), groups)
    alarm.large_enough &= share <= MOST and elsewhere[was] <= CLEAR
    alarm.large_enough &= bool(wrong[was, became] >= ONE_LABEL * wrong_rows[was])
    return alarm


def _alarm(
    evidence: Evidence,
    was: int,
    became: int,
    share: float,
    p: float,
    statistic: float,
    groups: list[dict[str, Any]],
    floor: float = FLOOR,
    fewest: int = FEWEST,
) -> Alarm:
    import numpy as np

    batch = evidence.batch
    p_was, p_became = batch.probabilities[:, was], batch.probabilities[:, became]
    belief = np.where(batch.labels == became, believe(share, p_became, p_was), 0.0)
    of_class = float(p_was.sum())
    return Alarm(
        NAME,
        RULE,
        statistic=statistic,
        p_value=p,
        share=share * of_class / batch.rows,
        share_within=share,
        large_enough=share >= floor and share * of_class >= fewest,
        label_pair=(evidence.classes[was], evidence.classes[became]),
        belief=belief,
        groups=list(groups),
    )
