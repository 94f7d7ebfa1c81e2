"""LG-POISON-001: labels contradict their rows all over the table, more than clean labels would.

Threat: labels flipped at random, whoever sent them.

With a baseline: the model comes from the baseline. Statistic: how much likelier the batch's labels are if
some are flipped (`evidence.flipped_rather`), the mean above that of the baseline's, in standard errors.
Null: rows are permuted between batch and baseline.

Without one: honest doubt and planted labels can look the same, with one difference. Honest
disagreement fades where the model is sure; planted labels keep a floor. The agreement of labels
with the model is fitted as a logistic curve of the rank of the model's certainty, with and without a
ceiling below 1 (a lapse rate: Wichmann and Hill 2001). Statistic: twice the logarithm of the
likelihood ratio of the two. Null: labels drawn from the curve without a ceiling (parametric
bootstrap). The class that disagrees most is left out, because one outcome can be uncertain by nature
even at its surest (employment at the best age), and flips at random leave no class alone.

Where classes are clear, or fairly so, the curve is not needed: the labels that contradict sure models of
the rows that agree are counted instead (`lockgate.poisoning.contradictions`).

Floor: `Evidence.min_share` of the labels.

Does not see: where classes are not clear and there is no baseline, flips of one class of two. Flips of
the rows nearest to the boundary between classes leave next to no trace anywhere: models follow them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.poisoning.agreeing import second_look, sharpest
from lockgate.poisoning.contradictions import sure_contradictions
from lockgate.poisoning.curve import lapse
from lockgate.poisoning.evidence import Alarm, believe_flipped, flipped_rather, flipped_share
from lockgate.poisoning.resampling import permuted_p

if TYPE_CHECKING:
    from lockgate.poisoning.agreeing import Agreeing
    from lockgate.poisoning.evidence import Evidence, Labelled

NAME = "label-noise"
RULE = "LG-POISON-001"


def detect(evidence: Evidence) -> Alarm:
    """Look for labels flipped all over the table; see the module's text."""
    if evidence.baseline is not None:
        return _against_baseline(evidence, evidence.baseline)
    again = second_look(evidence)
    return _by_lapse(evidence) if again is None else _by_sure_models(evidence, again)


def _against_baseline(evidence: Evidence, baseline: Labelled) -> Alarm:
    import numpy as np

    batch = evidence.batch
    group = np.repeat(np.array([0, 1], dtype=np.int64), [batch.rows, baseline.rows])
    said = np.concatenate([flipped_rather(batch), flipped_rather(baseline)])
    seen, p = permuted_p(said, group, np.array([0]), evidence.random(NAME), evidence.draws)
    share = flipped_share(batch, batch.excess - baseline.excess.mean())
    return Alarm(
        NAME,
        RULE,
        statistic=float(seen[0]),
        p_value=float(p[0]),
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
