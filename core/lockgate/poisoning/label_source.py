"""LG-POISON-003: the labels of one source contradict its rows more than the other sources' do.

Threat: somebody controls one contributor (an office, a device, an annotator) and sends wrong labels.

Statistic: how much likelier a label is if some of them are flipped than if it is honest, as a logarithm
(`evidence.flipped_rather`); the mean over the source's labels above everybody else's, in standard errors.
The model does not know the source, so a hijacked source does not teach it its own labels. Where classes are
clear, models of the rows that agree are asked (`lockgate.poisoning.agreeing`), and beside a baseline those of
both tables (`lockgate.poisoning.beside`): they are not blurred by what was planted.

Several sources may work together, each below what can be seen of one: the worst two, three, ... are
taken as one source as well (`resampling.worst_together`). The smaller p value counts twice.

Where classes are clear, or beside a baseline, that there are contradictions at all
(`contradictions.sure_contradictions`, `beside.sure_beside`) is evidence too, and independent of who sent
them: if they lie in some sources (p value of at most `SOMEWHERE`), both p values are taken together
(Fisher); again the smaller counts twice.

Null: the source column is permuted; were the sources equally honest, this changes nothing.

To be named takes more than to be in the worst group: the scan takes sources in that are as honest as most,
because one that lies varies more than several. So each is held against those that are not named, and
left out unless its labels are `AS_BAD` as bad as those of the worst one.

Floor: `FLOOR` of the source's own labels, and `FEWEST` rows.

Does not see: all sources lying alike, or a source that holds most of the rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lockgate.poisoning.agreeing import second_look, sharpest
from lockgate.poisoning.beside import look_beside, sure_beside
from lockgate.poisoning.contradictions import sure_contradictions
from lockgate.poisoning.evidence import Alarm, believe_flipped, flipped_rather, flipped_share
from lockgate.poisoning.resampling import permuted_p, permuted_together_p

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.evidence import Evidence

NAME = "source-labels"
RULE = "LG-POISON-003"
FLOOR = 0.1
"""Smallest share of a source's own labels that alarms."""
FLOOR_TOGETHER = 0.03
"""The same for several sources together."""
FEWEST_TOGETHER = 4
"""Fewer sources are not taken together: half of them are at least two."""
AS_BAD = 0.25
"""A source is named beside a worse one if its labels lie this part as far above those of all others."""
SOMEWHERE = 0.02
"""Contradictions that are spread less surely over some sources only accuse no source."""
FEWEST = 3
"""Fewest flipped rows that alarm."""
FEWEST_ROWS = 5
"""A source with fewer rows is not tested."""
MOST_SHOWN = 50
"""The report shows this many sources, the worst first."""


def detect(evidence: Evidence) -> Alarm:
    """Look for sources whose labels contradict their rows; see the module's text."""
    if evidence.source is None:
        return Alarm(NAME, RULE, ran=False, asked=False, why_not="no source column was named")
    return by_group(evidence, NAME, RULE, "source")


def by_group(evidence: Evidence, name: str, rule: str, kind: str) -> Alarm:
    """Test `Evidence.source`, which may hold any groups of rows.

    Args:
        evidence: With a source of each row.
        name: Of the detector.
        rule: Of its finding.
        kind: What a group is called in the report's table.
    """
    import numpy as np

    first_look, evidence = evidence, replace(evidence, batch=sharpest(evidence))
    assert evidence.source is not None  # noqa: S101 - the callers look
    count = np.bincount(evidence.source[evidence.source >= 0], minlength=len(evidence.sources))
    tested = np.flatnonzero(count >= FEWEST_ROWS)
    if len(tested) < 2:  # noqa: PLR2004 - one source has nothing to be compared with
        return Alarm(name, rule, ran=False, why_not=f"fewer than two {kind}s have five rows or more")
    excess = evidence.batch.excess
    said = flipped_rather(evidence.batch)
    seen, p = permuted_p(said, evidence.source, tested, evidence.random(name), evidence.draws)
    share = _shares(evidence, tested)
    worst = int(np.lexsort((-seen, p))[0])
    guilty = (share >= FLOOR) & (share * count[tested] >= FEWEST)
    named = [i for i in range(len(tested)) if guilty[i] and (p[i] <= 2 * p.min() or p[i] <= 0.001)]  # noqa: PLR2004 - every source as clear as the worst
    p_value, large_enough = float(p[worst]), bool(guilty[worst])
    if len(tested) >= FEWEST_TOGETHER:
        together_p, together = permuted_together_p(
            said, evidence.source, tested, evidence.random(name + " together"), evidence.draws
        )
        if together_p <= p_value or not large_enough:
            clearly = (seen > 2.0) & (share >= 0.5 * share[np.isin(tested, together)].mean())  # noqa: PLR2004 - two standard errors
            named = list(np.flatnonzero(clearly | np.isin(tested, together)))
            named = _as_bad(named, said, evidence.source, tested)
            together = tested[named]
            inside = np.isin(evidence.source, together)
            of_them = flipped_share(evidence.only(inside).batch, excess[inside] - excess[~inside].mean())
            p_value = together_p
            large_enough = of_them >= FLOOR_TOGETHER and of_them * inside.sum() >= FEWEST
            share = np.where(np.isin(tested, together), of_them, share)
        p_value = min(1.0, 2 * p_value)
    p_value = _with_contradictions(first_look, p_value)
    share_of = np.zeros(len(evidence.sources) + 1)  # the last is for rows without a source
    share_of[tested[named]] = share[named]
    prior = share_of[evidence.source]
    there = evidence.source >= 0
    mean_surprise = np.bincount(evidence.source[there], evidence.batch.surprise[there])
    return Alarm(
        name,
        rule,
        statistic=float(seen[worst]),
        p_value=p_value,
        share=float(prior.mean()),
        share_within=float(share[named[0] if named else worst]),
        large_enough=large_enough,
        source=", ".join(evidence.sources[tested[i]] for i in named) or evidence.sources[tested[worst]],
        belief=believe_flipped(evidence.batch, prior),
        within=prior > 0,
        groups=[
            {
                kind: evidence.sources[s],
                "rows": int(count[s]),
                "disagreement": round(float(mean_surprise[s] / count[s]), 4),
                "standard_errors": round(float(seen[i]), 2),
                "p_value": round(float(p[i]), 4),
                "estimated_share": round(float(share[i]), 4),
            }
            for i, s in ((int(i), int(tested[i])) for i in np.lexsort((-seen, p))[:MOST_SHOWN])
        ],
    )


def _as_bad(
    named: list[int], said: NDArray[np.float64], source: NDArray[np.int64], tested: NDArray[np.int64]
) -> list[int]:
    """Keep the sources that lie `AS_BAD` as far above those that are not named as the worst of them does."""
    import numpy as np

    accused = np.isin(source, tested[named])
    if len(named) < 2 or accused.all():  # noqa: PLR2004 - one has nobody beside it
        return named
    usual = said[~accused].mean()
    above = [float(said[source == tested[i]].mean() - usual) for i in named]
    return [i for i, far in zip(named, above, strict=True) if far >= AS_BAD * max(above)]


def _with_contradictions(evidence: Evidence, p_value: float) -> float:
    """Combine where contradictions are with how many there are, where classes are clear (Fisher's method)."""
    import math

    if evidence.baseline is not None:
        how_many = sure_beside(look_beside(evidence))[0]
    else:
        again = second_look(evidence)
        if again is None:
            return p_value
        how_many = sure_contradictions(again)[0]
    if p_value > SOMEWHERE:
        return min(1.0, 2 * p_value)
    both = max(p_value * how_many, 1e-300)
    return min(1.0, 2 * min(p_value, both * (1.0 - math.log(both))))


def _shares(evidence: Evidence, tested: NDArray[np.int64]) -> NDArray[np.float64]:
    """Estimate the flipped share of each tested source, against the excess of the median source."""
    import numpy as np

    assert evidence.source is not None  # noqa: S101 - `detect` returned before
    there = evidence.source >= 0
    batch, of = evidence.batch, evidence.source[there]
    count = np.bincount(of)[tested]
    excess = np.bincount(of, batch.excess[there])[tested] / count
    room = np.bincount(of, (batch.flipped_surprise - batch.expected_surprise)[there])[tested] / count
    shares: NDArray[np.float64] = np.clip((excess - np.median(excess)) / np.maximum(room, 1e-6), 0.0, 1.0)
    return shares
