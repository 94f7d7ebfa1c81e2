"""LG-POISON-009: some rows hold numbers that the rest of each row contradicts, all in one direction.

Threat: somebody who holds a source (a device, an office) or a pipeline for some days moves the values of a
column or two in part of what it sends, or in rows of one class, with labels as they were.

Each number is predicted from the other columns and the class that models of other rows expect
(`lockgate.poisoning.residuals`). Two looks; the smaller p value counts as often as was looked:

Among all rows: `lockgate.poisoning.crowds`.

By source, and by windows of time as by sources: how many rows of a source lie more than `FAR` to one side
of the source's own middle, in one column, or most of them more than `SHIFTED` to one side of everybody's.
Null: who sent what is permuted (hypergeometric tail), times the sources, columns, sides and looks. Floor:
`FLOOR` of the source's rows and `FEWEST` of them, `MORE` times as many as of other sources; and once they
are put back (`crowds.put_back`), they cannot be told from rows of other sources that lie where they should:
an honest source that sees other things sees them in several columns. That one gauge reads higher than
others throughout is ordinary, so a whole source has to lie `APART` from them.

Does not see: without one source, values that the rest of a row hardly predicts, moved less than its
errors spread, and values that were multiplied; one value for all (a missing measurement has one, too);
columns of categories.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lockgate.poisoning.evidence import Alarm, some_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.evidence import Evidence
    from lockgate.poisoning.features import Features

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

NAME = "tampered-values"
RULE = "LG-POISON-009"
MOST_ROWS = 20_000
"""Of more rows, so many are drawn with the seed."""
MOST_COLUMNS = 100
"""With more columns of numbers, each would have to be predicted from too many."""
ROWS_EACH = 5
"""With fewer rows for a column, honest rows that are far off cannot be told from others either."""
FEWEST_ROWS = 8
"""A source with fewer rows is not looked at."""
FAR = 2.0
"""Standard deviations of what is usual."""
FLOOR, FEWEST, MORE = 0.1, 4, 4.0
SHIFTED, WHOLE = 1.0, 0.6
"""A source of which so many rows lie so far off (in standard deviations) is looked at as a whole."""
APART = 1.5
"""Standard deviations of a column by which gauges that nobody touched may differ."""
MOVED = 1.2
"""Columns in which the rows lie farther off than this say which rows were moved, `MOST_COUNT` at most."""
MOST_COUNT = 3
SURE = 1e-6
"""Of two looks with a p value as small as this, the one that names a source says more."""


def detect(evidence: Evidence) -> Alarm:
    """Look for values tampered with in some rows; see the module's text."""
    from lockgate.poisoning.image_groups import is_image

    numbers = len(evidence.features.categorical) - sum(evidence.features.categorical)
    if is_image(evidence) or not 0 < numbers <= MOST_COLUMNS:
        why_not = f"it looks at tables of at most {MOST_COLUMNS} columns of numbers, and of one or more"
        return Alarm(NAME, RULE, ran=False, asked=False, why_not=why_not)
    if evidence.batch.rows < ROWS_EACH * numbers:
        why_not = f"it needs {ROWS_EACH} rows for each column of numbers"
        return Alarm(NAME, RULE, ran=False, asked=False, why_not=why_not)
    alarms = [_anywhere(evidence)]
    alarms += [
        _by_group(evidence, kind, of, names)
        for kind, of, names in (
            ("source", evidence.source, evidence.sources),
            ("window", evidence.window, evidence.windows),
        )
        if of is not None
    ]
    alarm = min(alarms, key=lambda a: (not a.large_enough, max(a.p_value or 0.0, SURE), a.source is None))
    alarm.p_value = min(1.0, len(alarms) * (alarm.p_value or 0.0))
    return alarm


def _residuals(evidence: Evidence, rows: Integers) -> tuple[Features, Floats, Integers]:
    """Return some rows, and how far off their numbers are in which columns; kept for the next look."""
    from hashlib import sha256

    from lockgate.poisoning.residuals import residuals

    key = f"residuals of {sha256(rows.tobytes()).hexdigest()}"
    if key not in evidence.cache:
        features = replace(evidence.features, values=evidence.features.values[rows])
        # The class that models expect, and not the label: a wrong label is no wrong number.
        expected = evidence.batch.probabilities[rows].argmax(axis=1)
        evidence.cache[key] = features, *residuals(features, expected, evidence.seed)
    found: tuple[Features, Floats, Integers] = evidence.cache[key]
    return found


def _anywhere(evidence: Evidence) -> Alarm:
    """Look for rows that were moved among all rows."""
    import numpy as np

    from lockgate.poisoning.crowds import crowds

    rows = some_of(np.arange(evidence.batch.rows), MOST_ROWS, evidence.random(NAME))
    features, away, columns = _residuals(evidence, rows)
    belief = np.zeros(evidence.batch.rows)
    alarm = Alarm(NAME, RULE, p_value=1.0, belief=belief)
    found = crowds(features, evidence.batch.labels[rows], away, columns, evidence.seed)
    if found is None:
        return alarm
    belief[rows[found.rows]] = 0.9
    alarm.p_value, alarm.large_enough = found.p_value, True
    alarm.statistic, alarm.share = float(found.rows.sum()), float(found.rows.mean())
    alarm.columns = tuple(evidence.features.names[j] for j in found.columns)
    alarm.within = belief > 0.0
    alarm.groups = [
        {
            "columns": ", ".join(alarm.columns),
            "rows_far_off": int(found.rows.sum()),
            "told_from_others_when_put_back": round(found.apart, 3),
        }
    ]
    return alarm


def _by_group(evidence: Evidence, kind: str, group: Integers, names: tuple[str, ...]) -> Alarm:
    import numpy as np
    from scipy.stats import hypergeom

    from lockgate.poisoning.crowds import ALIKE, put_back

    rows = some_of(np.flatnonzero(group >= 0), MOST_ROWS, evidence.random(NAME))
    features, away, columns = _residuals(evidence, rows)
    group = group[rows]
    belief = np.zeros(evidence.batch.rows)
    alarm = Alarm(NAME, RULE, p_value=1.0, belief=belief)
    sizes = np.bincount(group, minlength=len(names))
    tested = np.flatnonzero(sizes >= FEWEST_ROWS)
    if len(tested) <= 1 or not len(columns):  # nothing to be compared with
        return alarm
    middle = np.zeros((len(names), len(columns)))
    for g in tested:
        middle[g] = np.median(away[group == g], axis=0)
    off = away - middle[group]
    beyond = np.hstack([off > FAR, off < -FAR, away > SHIFTED, away < -SHIFTED])
    inside = np.stack([beyond[group == g].sum(axis=0) for g in tested])
    tail = hypergeom.sf(inside - 1, len(rows), beyond.sum(axis=0)[None, :], sizes[tested][:, None])
    whole = np.arange(beyond.shape[1]) >= 2 * len(columns)
    tail[whole & (inside < WHOLE * sizes[tested][:, None])] = 1.0
    best, side = (int(i) for i in np.unravel_index(tail.argmin(), tail.shape))
    source, column = int(tested[best]), side % len(columns)
    share = inside[best, side] / sizes[source]
    others = (beyond[:, side].sum() - inside[best, side]) / max(len(rows) - sizes[source], 1)
    alarm.p_value = min(1.0, float(tail[best, side]) * tail.size)
    alarm.statistic = float(inside[best, side])
    alarm.groups = [
        {
            kind: names[source],
            "column": features.names[columns[column]],
            "rows": int(sizes[source]),
            "rows_far_off": int(inside[best, side]),
            "share_elsewhere": round(float(others), 4),
        }
    ]
    enough = whole[side] or share >= max(FLOOR, MORE * others)
    if not enough or inside[best, side] < FEWEST:
        return alarm
    mine = group == source
    these = _which(away, mine, mine & beyond[:, side], column)
    if these.sum() < FEWEST:
        return alarm
    usual = ~mine & (np.abs(away[:, column]) < FAR)
    apart, moved = put_back(features, evidence.batch.labels[rows], these, usual, evidence.seed)
    alarm.large_enough = apart <= ALIKE and (not whole[side] or _apart(features, mine, moved) >= APART)
    alarm.columns = tuple(features.names[j] for j in np.union1d(moved, columns[[column]]))
    alarm.source, alarm.share_within = names[source], float(these.sum() / sizes[source])
    alarm.share = float(these.mean())
    belief[rows[these]] = 0.9
    alarm.within = belief > 0.0
    return alarm


def _apart(features: Features, mine: NDArray[np.bool_], moved: Integers) -> float:
    """Return by how many standard deviations a source lies elsewhere in the columns moved; the farthest."""
    import numpy as np

    if not len(moved):
        return 0.0
    values = features.values[:, moved]
    by = np.nanmean(values[mine], axis=0) - np.nanmean(values[~mine], axis=0)
    return float((np.abs(by) / np.maximum(np.nanstd(values, axis=0), 1e-12)).max())


def _which(away: Floats, mine: NDArray[np.bool_], far: NDArray[np.bool_], column: int) -> NDArray[np.bool_]:
    """Say which rows of a source were moved: those far off, or the rest of them where most were.

    All columns in which they lie off count, so that a row that was not far off in one is known by another.
    """
    import numpy as np

    rest = mine & ~far
    if rest.any() and abs(np.median(away[rest, column])) > abs(np.median(away[far, column])):
        far = rest
    by = np.median(away[far], axis=0)
    off = np.argsort(-np.abs(by), kind="stable")[:MOST_COUNT]
    off = np.union1d(off[np.abs(by[off]) >= MOVED], [column]).astype(np.int64)
    these: NDArray[np.bool_] = mine & ((np.sign(by[off]) * away[:, off]).mean(axis=1) > 0.5 * FAR)
    return these
