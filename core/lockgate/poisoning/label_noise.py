"""LG-POISON-001: labels contradict their rows all over the table, more than clean labels would.

Threat: labels flipped at random, whoever sent them.

With a baseline: the model comes from the baseline. Statistic: the mean excess surprise of the
batch's labels above that of the baseline's, in standard errors. Null: rows are permuted between
batch and baseline.

Without one: honest doubt and planted labels can look the same, with one difference. Honest
disagreement fades where the model is sure; planted labels keep a floor. The agreement of labels
with the model is fitted as a logistic curve of the rank of the model's certainty, with and without a
ceiling below 1 (a lapse rate: Wichmann and Hill 2001). Statistic: twice the logarithm of the
likelihood ratio of the two. Null: labels drawn from the curve without a ceiling (parametric
bootstrap). Beside it stands a plainer one, for tables whose classes are clear: how many of the surest
half of the rows disagree, held against `FADES` times the rate in the other half and at least `CLEAR`
(Poisson). The p value is twice the smaller of the two. The class that disagrees most is left out of
both, because one outcome can be uncertain by nature even at its surest (employment at the best age),
and flips at random leave no class alone.

Floor: `Evidence.min_share` of the labels.

Does not see: without a baseline, flips of one class of two, and flips near the boundary between
classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.poisoning.curve import lapse
from lockgate.poisoning.evidence import Alarm, believe_flipped, flipped_share
from lockgate.poisoning.resampling import permuted_p

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.evidence import Evidence, Labelled

NAME = "label-noise"
RULE = "LG-POISON-001"
CLEAR = 0.01
"""Without a baseline: what may be mislabelled among the surest rows of honest data."""
FADES = 0.16
"""Honest disagreement of the surest half of the rows is at most this times that of the other half."""
_FEWEST = 8


def detect(evidence: Evidence) -> Alarm:
    """Look for labels flipped all over the table; see the module's text."""
    if evidence.baseline is None:
        return _by_lapse(evidence)
    return _against_baseline(evidence, evidence.baseline)


def _against_baseline(evidence: Evidence, baseline: Labelled) -> Alarm:
    import numpy as np

    batch = evidence.batch
    excess = np.concatenate([batch.excess, baseline.excess])
    group = np.repeat(np.array([0, 1], dtype=np.int64), [batch.rows, baseline.rows])
    seen, p = permuted_p(excess, group, np.array([0]), evidence.random(NAME), evidence.draws)
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
    share, p_value = found.share, found.p_value
    plainly = _among_the_surest(batch, predicted)
    if plainly is not None:
        p_value = min(1.0, 2.0 * min(p_value, plainly[1]))
        share = plainly[0] if plainly[1] < found.p_value else share
    return Alarm(
        NAME,
        RULE,
        statistic=found.statistic,
        p_value=p_value,
        share=share,
        large_enough=share >= evidence.min_share,
        belief=believe_flipped(batch, share),
    )


def _among_the_surest(batch: Labelled, predicted: NDArray[np.int64]) -> tuple[float, float] | None:
    """Return the share of disagreement among the surest rows, and its p value; None for too few rows."""
    import numpy as np
    from scipy.special import gammainc

    certainty = batch.probabilities.max(axis=1)
    counted = []
    for k in np.unique(predicted):
        mine = np.flatnonzero(predicted == k)
        mine = mine[np.argsort(-np.round(certainty[mine], 9), kind="stable")]
        wrong = batch.labels[mine] != k
        half = len(mine) // 2
        if half < _FEWEST:
            continue
        usual = max(CLEAR, FADES * float(wrong[half:].mean()))
        counted.append((float(wrong[:half].mean()), float(wrong[:half].sum()), usual * half, float(half)))
    if len(counted) < 2:  # noqa: PLR2004 - one of them is left out
        return None
    kept = np.array(sorted(counted)[:-1])
    seen, expected, rows = kept[:, 1].sum(), kept[:, 2].sum(), kept[:, 3].sum()
    return float(seen / rows), float(gammainc(seen, expected)) if seen else 1.0
