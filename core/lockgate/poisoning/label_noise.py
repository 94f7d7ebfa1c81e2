"""LG-POISON-001: labels contradict their rows all over the table, more than clean labels would.

Threat: labels flipped at random, whoever sent them.

With a baseline: models learn from both tables, without labels that are doubted (`lockgate.poisoning.beside`).
Two tests; the smaller p value counts twice. How much likelier the batch's labels are if some are flipped
(`evidence.flipped_rather`), the mean above that of the baseline's, in standard errors; null: rows are
permuted between batch and baseline. And how many of the surest rows are contradicted, held against the
baseline's (beta-binomial tail), which goes on where permutations end.

Without one: honest doubt and planted labels can look the same, with one difference. Honest
disagreement fades where the model is sure; planted labels keep a floor. The agreement of labels
with the model is fitted as a logistic curve of the rank of the model's certainty, with and without a
ceiling below 1 (a lapse rate: Wichmann and Hill 2001). Statistic: twice the logarithm of the
likelihood ratio of the two. Null: labels drawn from the curve without a ceiling (parametric
bootstrap). The class that disagrees most is left out, because one outcome can be uncertain by nature
even at its surest (employment at the best age), and flips at random leave no class alone.

Where classes are clear, or fairly so, the curve is not needed: the labels that contradict sure models of
the rows that agree are counted instead (`lockgate.poisoning.contradictions`).

Where they are not clear, or not after so many flips, a narrower null is asked as well, which needs fewer
rows: doubt of one half at the boundary that fades from there (`lockgate.poisoning.flat`). The smaller p
value counts twice.

Floor: `Evidence.min_share` of the labels; `FLAT` by the narrower null.

Cannot tell: labels that lapse at random by nature, in a tenth of the rows or more, from flipped ones.

Does not see: where classes are not clear and there is no baseline, flips of one class of two. Flips of
the rows nearest to the boundary between classes leave next to no trace anywhere: models follow them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lockgate.poisoning.agreeing import asked_again, second_look, sharpest
from lockgate.poisoning.beside import look_beside, sharpest_beside, sure_beside
from lockgate.poisoning.contradictions import sure_contradictions
from lockgate.poisoning.curve import lapse
from lockgate.poisoning.evidence import Alarm, Labelled, believe_flipped, flipped_rather, flipped_share
from lockgate.poisoning.flat import flat_lapse
from lockgate.poisoning.resampling import permuted_p

if TYPE_CHECKING:
    from lockgate.poisoning.agreeing import Agreeing
    from lockgate.poisoning.evidence import Evidence

NAME = "label-noise"
RULE = "LG-POISON-001"
FLAT = 0.1
"""Where classes are not clear: smaller shares that do not fade are those of honest tables."""


def detect(evidence: Evidence) -> Alarm:
    """Look for labels flipped all over the table; see the module's text."""
    if evidence.baseline is not None:
        return _against_baseline(evidence)
    again = second_look(evidence)
    if again is not None and again.clear:
        return _by_sure_models(evidence, again)
    first = _by_lapse(evidence) if again is None else _by_sure_models(evidence, again)
    return _the_clearer(first, _by_flat_lapse(evidence))


def _against_baseline(evidence: Evidence) -> Alarm:
    """Hold the batch against the baseline: all its labels, and those that sure models contradict."""
    import numpy as np

    seen = sharpest_beside(evidence)
    batch, baseline = seen.batch, seen.baseline
    assert baseline is not None  # noqa: S101 - `detect` looked
    group = np.repeat(np.array([0, 1], dtype=np.int64), [batch.rows, baseline.rows])
    said = np.concatenate([flipped_rather(batch), flipped_rather(baseline)])
    statistic, p = permuted_p(said, group, np.array([0]), evidence.random(NAME), evidence.draws)
    p_value, share = float(p[0]), flipped_share(batch, batch.excess - baseline.excess.mean())
    p_sure, share_sure = sure_beside(look_beside(evidence))
    share = share_sure if p_sure < p_value else share
    return Alarm(
        NAME,
        RULE,
        statistic=float(statistic[0]),
        p_value=min(1.0, 2 * min(p_value, p_sure)),
        share=share,
        large_enough=share >= evidence.min_share,
        belief=believe_flipped(batch, share),
    )


def _by_sure_models(evidence: Evidence, again: Agreeing) -> Alarm:
    p, share = sure_contradictions(again)
    return Alarm(
        NAME,
        RULE,
        statistic=float(again.contradicted.sum()),
        p_value=p,
        share=share,
        large_enough=share >= evidence.min_share,
        belief=believe_flipped(sharpest(evidence), share),
    )


def _by_lapse(evidence: Evidence) -> Alarm:
    import numpy as np

    batch = evidence.batch
    predicted = batch.probabilities.argmax(axis=1)
    disagree = np.array(
        [
            (batch.labels[predicted == k] != k).mean() if (predicted == k).any() else 0.0
            for k in range(len(evidence.classes))
        ]
    )
    kept = predicted != int(disagree.argmax())
    found = lapse(batch.probabilities[kept], batch.labels[kept], evidence.random(NAME), evidence.draws)
    return Alarm(
        NAME,
        RULE,
        statistic=found.statistic,
        p_value=found.p_value,
        share=found.share,
        large_enough=found.share >= evidence.min_share,
        belief=believe_flipped(batch, found.share),
    )


def _by_flat_lapse(evidence: Evidence) -> Alarm:
    asked = asked_again(evidence)
    if asked is None:
        return Alarm(NAME, RULE, p_value=1.0)
    both = 0.5 * (asked.first[asked.rows] + asked.probabilities)
    found = flat_lapse(both, asked.labels, evidence.random("flat"), evidence.draws)
    belief = believe_flipped(evidence.batch, found.share)
    belief[asked.rows] = believe_flipped(Labelled(asked.labels, both), found.share)
    return Alarm(
        NAME,
        RULE,
        statistic=found.statistic,
        p_value=found.p_value,
        share=found.share,
        large_enough=found.share >= max(FLAT, evidence.min_share),
        belief=belief,
    )


def _the_clearer(*alarms: Alarm) -> Alarm:
    """Return the one with the smaller p value among those that are large enough, for as many tests."""
    best = min(alarms, key=lambda alarm: (not alarm.large_enough, alarm.p_value))
    return replace(best, p_value=min(1.0, len(alarms) * (best.p_value or 0.0)))
