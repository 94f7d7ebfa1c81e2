"""Whether labels contradict models that are sure as often as others: doubt that does not fade.

The null of `lockgate.poisoning.curve` holds for any table, also for one whose columns say nothing: that
contradictions are as many everywhere, and few, fits it. So it takes many rows to tell. Here the null is
narrower: at the boundary between classes half of the honest labels go either way, and from there doubt
fades as in a logistic regression. Where a tenth to a third of the labels was flipped in a table of clear
classes, contradictions are as many among the surest rows as in the middle, which a curve that begins at
one half cannot bend to; 200 rows are enough.

It says the same of honest labels that lapse at random in so clear a structure (annotators who slip, a
question with two answers): nobody could tell these from flipped ones, and a table like that has noisy labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.poisoning.curve import HOPELESS, ROWS_PER_BIN, Lapse, binned
from lockgate.poisoning.resampling import ENOUGH

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.agreeing import Agreeing
    from lockgate.poisoning.features import Features

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

FEWEST_BINS = 5
"""Fewer cannot tell a curve from a line."""
EVERY_CLASS = 0.05
"""Without the class that is contradicted most the p value has to be at most this."""
FADES = 0.02
"""With a larger p value labels of one class may fade as honest ones do."""
CLEAR_SIDE = 0.02
"""At most this share of the surest three quarters of a class that is clear is contradicted."""
_HONEST_RATES = (0.0, 0.03)
_HONEST_SHIFTS = (-1.0, -0.5, 0.0)
_RATES = (0.06, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4)
_SHIFTS = (-0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
_AT_ONCE = 100


def flat_lapse(probabilities: Floats, labels: Integers, random: np.random.Generator, draws: int) -> Lapse:
    """Test whether labels lapse everywhere alike, in every class.

    Agreement is fitted as a logistic curve of the rank of certainty that begins at one half or less, below a
    ceiling of 97 % at least; and as one that begins anywhere below a lower ceiling. The ranks are spread as
    in `lapse`, and the answer is the one with the larger p value. Labels of one outcome may be uncertain
    by nature wherever it is expected (employment), so without the class that is contradicted most there
    has to be something, too.

    Args:
        probabilities: Out-of-sample probabilities, shape (rows, classes).
        labels: Given classes, shape (rows,).
        random: Where the bootstrap's draws come from.
        draws: Bootstrap samples at most.
    """
    import numpy as np

    found = _both_ways(probabilities, labels, random, draws)
    if found.p_value > HOPELESS:
        return found
    predicted = probabilities.argmax(axis=1)
    wrong = np.bincount(predicted, predicted != labels, probabilities.shape[1])
    worst = (wrong / np.maximum(np.bincount(predicted, minlength=len(wrong)), 1)).argmax()
    others = predicted != worst
    rest = _both_ways(probabilities[others], labels[others], random, min(draws, 999))
    return found if rest.p_value <= EVERY_CLASS else Lapse(found.share, found.statistic, 1.0)


def flat_pair(asked: Agreeing, random: np.random.Generator, draws: int) -> tuple[float, int, int, float]:
    """Find which of two classes is labelled as the other one, alike wherever it is expected.

    Binomial tail over the surest half of the rows taken for that class, against `HONEST_FAIRLY`. Labels have
    to lapse there without fading, as in `flat_lapse` (`FADES`), and where the other class is taken only the
    unsurest quarter may be contradicted (`CLEAR_SIDE`): doubt blurs the boundary from both sides. Part of
    the other class may be hard to see by nature, so nothing is said if the contradicted rows are many among
    all with their label (`contradictions.hard_to_see`).

    Args:
        asked: The second look, at two classes.
        random: Where the bootstrap's draws come from.
        draws: Bootstrap samples at most.

    Returns:
        The p value for both ways round, was, became, and the share of the class.
    """
    from scipy.special import bdtrc

    from lockgate.poisoning.agreeing import quarters, rank
    from lockgate.poisoning.contradictions import HONEST_FAIRLY, SURE, SUREST_FAIRLY, hard_to_see

    best = (1.0, 0, 1, 0.0)
    for was, became in ((0, 1), (1, 0)):
        mine = asked.predicted == was
        if (~mine).sum() < FEWEST_BINS * ROWS_PER_BIN:
            continue
        if quarters(asked.certainty[~mine], asked.contradicted[~mine])[:3].mean() > CLEAR_SIDE:
            continue
        if hard_to_see(asked, asked.certainty > SURE, became):
            continue
        found = _both_ways(asked.probabilities[mine], asked.labels[mine], random, draws)
        if found.p_value > FADES:
            continue
        sure = mine & (asked.certainty > SURE)
        sure[mine] &= rank(asked.certainty[mine]) < SUREST_FAIRLY
        tail = float(bdtrc(asked.contradicted[sure].sum() - 1.0, int(sure.sum()), HONEST_FAIRLY))
        best = min(best, (min(1.0, 2 * tail), was, became, found.share))
    return best


def told_apart(features: Features, marked: NDArray[np.bool_], seed: int) -> float:
    """Return how rarely models would tell some rows from the others as well as they do, were they any rows.

    Rank sum of what models say that never saw the row. A cluster of one class within another one can be
    told from its neighbours, rows drawn at random cannot.

    Args:
        features: The rows.
        marked: Which of them; shape (rows,).
        seed: Seed of folds and models.

    Returns:
        The p value; 1.0 where there are too few rows of either kind.
    """
    import numpy as np
    from scipy.stats import mannwhitneyu

    from lockgate.poisoning.surprise import FOLDS, out_of_sample

    if min(int(marked.sum()), int((~marked).sum())) < FOLDS:
        return 1.0
    said = out_of_sample(features, marked.astype(np.int64), 2, seed)[0][:, 1]
    return float(mannwhitneyu(said[marked], said[~marked], alternative="greater").pvalue)


def _both_ways(probabilities: Floats, labels: Integers, random: np.random.Generator, draws: int) -> Lapse:
    from scipy.special import ndtri

    rank, agreed, rows = binned(probabilities, labels)
    if len(rank) < FEWEST_BINS:
        return Lapse(0.0, 0.0, 1.0)
    ways = [_test(spread, agreed, rows, random, draws) for spread in (ndtri(0.5 + 0.5 * rank), 3.0 * rank)]
    return max(ways, key=lambda way: (way.p_value, -way.share))


def _test(certainty: Floats, agreed: Floats, rows: Floats, random: np.random.Generator, draws: int) -> Lapse:
    import numpy as np

    honest, _ = _curves(certainty, _HONEST_RATES, _HONEST_SHIFTS)
    lapsed, rate = _curves(certainty, _RATES, _SHIFTS)

    def ratio(k: Floats) -> tuple[Floats, Integers, Integers]:
        of_honest = k @ np.log(honest).T + (rows - k) @ np.log(1.0 - honest).T
        of_lapsed = k @ np.log(lapsed).T + (rows - k) @ np.log(1.0 - lapsed).T
        statistic: Floats = 2.0 * (of_lapsed.max(axis=1) - of_honest.max(axis=1))
        return statistic, of_honest.argmax(axis=1), of_lapsed.argmax(axis=1)

    seen, null, best = ratio(agreed[None, :])
    extreme = done = 0
    while done < draws and extreme < ENOUGH and seen[0] > 0.0:
        drawn = random.binomial(rows.astype(np.int64), honest[null[0]], (_AT_ONCE, len(rows)))
        extreme += int((ratio(drawn.astype(np.float64))[0] >= seen[0] - 1e-9).sum())
        done += _AT_ONCE
    p_value = (extreme + 1.0) / (done + 1.0) if done else 1.0
    return Lapse(float(rate[best[0]]), float(seen[0]), min(p_value, 1.0))


def _curves(certainty: Floats, rates: tuple[float, ...], shifts: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Return agreement in each bin, for each rate, shift and slope; shape (curves, bins), and their rates."""
    import numpy as np
    from scipy.special import expit

    slope = np.concatenate([[0.0, 0.15], np.geomspace(0.3, 30.0, 24)])
    z = np.array([s * certainty + shift for shift in shifts for s in slope])
    rate = np.repeat(np.array(rates), len(z))
    return np.clip((1.0 - rate)[:, None] * np.tile(expit(z), (len(rates), 1)), 1e-4, 1.0 - 1e-4), rate
