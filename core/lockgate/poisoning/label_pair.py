"""LG-POISON-002: rows of one class carry the label of one other class.

Threat: somebody relabels a class he wants the model to confuse (a stop sign as a speed limit).

With a baseline: the model comes from the baseline. For each ordered pair of classes (was, became)
the statistic is how many rows labelled `became` the model takes for `was`, above what honest labels
would show and above what the baseline shows. Null: Bennett's inequality for sums of independent
bounded terms (Boucheron et al. 2013, theorem 2.9), which holds for the few and rare events of
separable data too, corrected for the number of pairs.

Without one: of the rows that the model takes for `was`, the surest half should carry that label. The
statistic is how many carry the label `became`. Null: as many as in the other classes, and at least
`CLEAR` (binomial), corrected for the number of pairs. It alarms only if the other classes are clear, if
nearly all of these rows carry one label, and if the disagreement does not fade with certainty (`lapse`), nor
is more than `MOST` of the class. It needs three classes: with two, a class that is flipped cannot be told
from one that is uncertain by nature. Where classes are clear, be it two, or three fairly so, models of the
rows that agree are asked instead (`contradictions.sure_pair`).

Floor: `FLOOR` of the rows of the class `was` (`FLOOR_CLEAR` where classes are clear), `FEWEST` rows, and
`MORE_THAN_OTHERS` times what other pairs show, because flips at random raise every pair.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lockgate.poisoning.agreeing import second_look, sharpest
from lockgate.poisoning.contradictions import BINARY, sure_pair
from lockgate.poisoning.curve import lapse
from lockgate.poisoning.evidence import Alarm, believe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.agreeing import Agreeing
    from lockgate.poisoning.evidence import Evidence, Labelled

NAME = "label-pair"
RULE = "LG-POISON-002"
FLOOR, FLOOR_CLEAR = 0.05, 0.03
"""Smallest share of a class that alarms; the second where classes are clear."""
MOST = 0.35
"""Where classes are not clear: a class with a larger share was never learnt, so nothing says what it is."""
FEWEST = 5
"""Fewest relabelled rows that alarm."""
MORE_THAN_OTHERS = 3.0
"""The share of the named pair is this many times that of the median other one; else it is plain noise."""
ONE_LABEL = 0.7
"""Without a baseline: at least this share of the sure disagreement carries one label."""
CLEAR = 0.02
"""Without a baseline: what may be mislabelled among the surest rows of honest data."""
MOST_CLASSES = 30
"""With more classes the pairs are too many to look at each."""


def detect(evidence: Evidence) -> Alarm:
    """Look for one class relabelled as another; see the module's text."""
    classes = len(evidence.classes)
    if classes > MOST_CLASSES:
        why_not = f"the label has more than {MOST_CLASSES} classes"
        return Alarm(NAME, RULE, ran=False, asked=False, why_not=why_not)
    if evidence.baseline is not None:
        return _against_baseline(evidence, evidence.baseline)
    again = second_look(evidence)
    if again is not None and (again.clear or classes > BINARY):
        return _by_sure_models(evidence, again)
    if classes <= BINARY:
        why_not = "with two classes that are not clear it needs a baseline"
        return Alarm(NAME, RULE, ran=False, asked=False, why_not=why_not)
    return _among_classes(evidence)


def _against_baseline(evidence: Evidence, baseline: Labelled) -> Alarm:
    import numpy as np

    batch, classes = evidence.batch, len(evidence.classes)
    best = (math.inf, 0.0, 0, 1, 0.0)  # p value, statistic, was, became, share of the class
    groups: list[dict[str, Any]] = []
    for was in range(classes):
        for became in range(classes):
            if was == became:
                continue
            terms, spread = _terms(batch, was, became)
            known, known_spread = _terms(baseline, was, became)
            usual = max(float(known.mean()), 0.0) + math.sqrt(float(known_spread.mean()) / baseline.rows)
            above = float(terms.sum()) - usual * batch.rows
            p = min(1.0, _bennett(above, float(spread.sum())) * classes * (classes - 1))
            p_was = batch.probabilities[:, was]
            share = above / max(float((p_was * (p_was - batch.probabilities[:, became])).sum()), 1e-9)
            share = float(np.clip(share, 0.0, 1.0))
            groups.append(
                {
                    "was": evidence.classes[was],
                    "became": evidence.classes[became],
                    "rows_above_expected": round(above, 2),
                    "p_value": round(p, 4),
                    "estimated_share_of_class": round(share, 4),
                }
            )
            best = min(best, (p, -above, was, became, share))
    p, above, was, became, share = best
    alarm = _alarm(evidence, was, became, share, p, -above, groups)
    others = sorted(float(g["estimated_share_of_class"]) for g in groups)[:-1]
    alarm.large_enough &= share >= MORE_THAN_OTHERS * others[len(others) // 2]
    return alarm


def _terms(rows: Labelled, was: int, became: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each row's evidence for the pair, and its variance if the labels are honest."""
    p_was, p_became = rows.probabilities[:, was], rows.probabilities[:, became]
    return p_was * ((rows.labels == became) - p_became), p_was**2 * p_became * (1.0 - p_became)


def _bennett(above: float, variance: float) -> float:
    """Bound the probability that independent terms of at most 1 add up to `above` more than expected."""
    if above <= 0.0 or variance <= 0.0:
        return 1.0
    u = above / variance
    return math.exp(-variance * ((1.0 + u) * math.log1p(u) - u))


def _by_sure_models(evidence: Evidence, again: Agreeing) -> Alarm:
    import numpy as np

    p, was, became, share = sure_pair(again)
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
    seen = replace(evidence, batch=sharpest(evidence))
    floor = FLOOR_CLEAR if again.clear else FLOOR
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
        large_enough=share >= floor and share * of_class >= FEWEST,
        label_pair=(evidence.classes[was], evidence.classes[became]),
        belief=belief,
        groups=list(groups),
    )
