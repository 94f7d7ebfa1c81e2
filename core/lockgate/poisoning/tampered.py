"""LG-POISON-009: rows of one source hold numbers that the rest of each row contradicts, all in one direction.

Threat: somebody who holds a source (a device, an office) or a pipeline for some days moves the values of a
column in part of what it sends, with labels as they were.

Statistic: each number is predicted from the other columns and the class that models of other rows expect
(`lockgate.poisoning.residuals`); how many rows of a source lie more than `FAR` to one side of the source's
own middle, in one column. That a source is different as a whole is ordinary, so it is held against its own
middle. Null: who sent what is permuted (hypergeometric tail), times the sources, columns and sides. Windows
of time are looked at as sources are.

Floor: `FLOOR` of the source's rows and `FEWEST` of them, `MORE` times as many as of other sources; and by
the other columns these rows cannot be told from rows of other sources that lie where they should (AUROC at
most `ALIKE`): an honest source that sees other things sees them in several columns.

Does not see: rows chosen by their class, or from all sources alike, which honest subgroups look like; a
source of which all rows were moved, which is a source that is different; columns of categories.
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
FEWEST_ROWS = 8
"""A source with fewer rows is not looked at."""
FAR = 2.0
"""Standard deviations of what is usual."""
FLOOR, FEWEST, MORE = 0.1, 4, 4.0
ALIKE = 0.8
MOVED = 1.2
"""Columns in which the rows lie farther off than this are what was moved, `MOST_MOVED` at most."""
MOST_MOVED = 3


def detect(evidence: Evidence) -> Alarm:
    """Look for values tampered with in some rows of one source; see the module's text."""
    from lockgate.poisoning.image_groups import is_image

    numbers = len(evidence.features.categorical) - sum(evidence.features.categorical)
    if evidence.source is None and evidence.window is None:
        return Alarm(NAME, RULE, ran=False, asked=False, why_not="no source or timestamp column was named")
    if is_image(evidence) or numbers > MOST_COLUMNS:
        why_not = f"it looks at tables of at most {MOST_COLUMNS} columns of numbers"
        return Alarm(NAME, RULE, ran=False, asked=False, why_not=why_not)
    named = [
        (kind, of, names)
        for kind, of, names in (
            ("source", evidence.source, evidence.sources),
            ("window", evidence.window, evidence.windows),
        )
        if of is not None
    ]
    alarms = [_by_group(evidence, kind, of, names) for kind, of, names in named]
    alarm = min(alarms, key=lambda a: (not a.large_enough, a.p_value or 0.0))
    alarm.p_value = min(1.0, len(alarms) * (alarm.p_value or 0.0))
    return alarm


def _by_group(evidence: Evidence, kind: str, group: Integers, names: tuple[str, ...]) -> Alarm:
    import numpy as np
    from scipy.stats import hypergeom

    from lockgate.poisoning.residuals import residuals

    rows = some_of(np.flatnonzero(group >= 0), MOST_ROWS, evidence.random(NAME))
    features = replace(evidence.features, values=evidence.features.values[rows])
    group = group[rows]
    # The class that models expect, and not the label: a wrong label is no wrong number.
    expected = evidence.batch.probabilities[rows].argmax(axis=1)
    away, columns = residuals(features, expected, evidence.seed)
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
    beyond = np.hstack([off > FAR, off < -FAR])
    inside = np.stack([beyond[group == g].sum(axis=0) for g in tested])
    tail = hypergeom.sf(inside - 1, len(rows), beyond.sum(axis=0)[None, :], sizes[tested][:, None])
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
    if share < FLOOR or inside[best, side] < FEWEST or share < MORE * others:
        return alarm
    mine = group == source
    these = _which(away, mine, mine & beyond[:, side], column)
    if these.sum() < FEWEST:
        return alarm
    moved = _moved(features.values[:, columns], expected, these, mine, column)
    alarm.large_enough = _like_others(features, these, mine, columns[moved], away, column, evidence.seed)
    alarm.columns = tuple(features.names[columns[k]] for k in moved)
    alarm.source, alarm.share_within = names[source], float(these.sum() / sizes[source])
    alarm.share = float(these.mean())
    belief[rows[these]] = 0.9
    alarm.within = belief > 0.0
    return alarm


def _which(away: Floats, mine: NDArray[np.bool_], far: NDArray[np.bool_], column: int) -> NDArray[np.bool_]:
    """Say which rows of a source were moved: those far off, or the rest of them where most were.

    All columns in which they lie off count, so that a row that was not far off in one is known by another.
    """
    import numpy as np

    rest = mine & ~far
    if abs(np.median(away[rest, column])) > abs(np.median(away[far, column])):
        far = rest
    by = np.median(away[far], axis=0)
    off = np.argsort(-np.abs(by), kind="stable")[:MOST_MOVED]
    off = np.union1d(off[np.abs(by[off]) >= MOVED], [column]).astype(np.int64)
    these: NDArray[np.bool_] = mine & ((np.sign(by[off]) * away[:, off]).mean(axis=1) > 0.5 * FAR)
    return these


def _moved(
    values: Floats, labels: Integers, these: NDArray[np.bool_], mine: NDArray[np.bool_], column: int
) -> Integers:
    """Say in which columns rows lie elsewhere than rows of their class from other sources."""
    import numpy as np

    by = np.zeros(values.shape[1])
    for k in np.unique(labels[these]):
        one, other = values[these & (labels == k)], values[~mine & (labels == k)]
        if len(other):
            differs = np.nanmedian(one, axis=0) - np.nanmedian(other, axis=0)
            by += np.nan_to_num(differs) * len(one) / these.sum()
    by = np.abs(by) / np.maximum(np.nanstd(values, axis=0), 1e-12)
    moved = np.argsort(-by, kind="stable")[:MOST_MOVED]
    found: Integers = np.union1d(moved[by[moved] >= MOVED], [column]).astype(np.int64)
    return found


def _like_others(
    features: Features,
    these: NDArray[np.bool_],
    mine: NDArray[np.bool_],
    hidden: Integers,
    away: Floats,
    column: int,
    seed: int,
) -> bool:
    """Whether rows cannot be told from rows of other sources by the columns that were not moved."""
    import numpy as np

    from lockgate.poisoning.apart import told_apart
    from lockgate.poisoning.content import plain

    usual = ~mine & (np.abs(away[:, column]) < FAR)
    return told_apart(plain(features.values), these, usual, hidden, seed) <= ALIKE
