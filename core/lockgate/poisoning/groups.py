"""Groups of rows that share something rare and nearly all one label, with what is known about each.

A planted trigger differs from what real data holds in one thing: it was set into rows that somebody
chose without regard to what else they hold. So two questions are asked of a group. Is its label what
the other columns of its rows say? And can its rows be told, by those other columns, from rows of the
other classes, or from the other rows of its own class? Children are all without work, and look unlike
people who work; rows with a trigger look like just anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate.poisoning.apart import told_apart
from lockgate.poisoning.cells import Cell, atoms, pure_cells
from lockgate.poisoning.content import plain, without_each_column, without_rows
from lockgate.poisoning.edges import rate_beside
from lockgate.poisoning.evidence import some_of
from lockgate.poisoning.habits import OFF_GRID
from lockgate.poisoning.locks import LOCKED, is_locked, together_elsewhere
from lockgate.poisoning.shifts import honest_shift, moved
from lockgate.poisoning.tails import at_least, habits_of, tail

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.evidence import Evidence

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

MOST_ROWS = 10_000
"""Of more rows, so many are drawn with the seed; what is found is then looked up in all rows."""
MOST_NUMBERS = 60_000_000
"""Rows times columns times classes that are held at once; of more, fewer rows are drawn."""
SHIFT = 1.0
"""Log odds by which a value may move its label in honest data beyond what the other columns say."""
OF_ITS_CLASS = 0.6
"""A group with a larger share of the rows of its label is that class, not a part of it."""
ALIKE = 0.7
"""Cells with this overlap (Jaccard) are one group."""
MOST_GROUPS = 12
HOPELESS = 0.2
"""With a larger p value a group is not looked at further."""
RARE = 0.1
"""In a column of measurements at most this share of rows holds a value that comes often."""
MARKS = 3
"""So many columns of numbers that share a rare value are no chance."""
FEW = 0.2
"""A shared value is rare when at most this share of the other rows of the class holds it."""
CONSTANT = 0.9
"""A column is constant, but for a cell, when this share of the other rows holds one value."""
BLENDED = 0.1
"""With marks in this share of all columns, something was mixed into the whole row."""
_BY_CONTENT, _BY_RATE, _IN_CONSTANT, _LOCKED = 20, 12, 8, 4


@dataclass
class Group:
    """Rows that share values, and what the rest of the table says of them.

    Attributes:
        rows: Row numbers in the whole table.
        cell: The largest and purest of the cells that the group was made of.
        hidden: Columns in which the group differs from others by what it shares.
        sets: The value that its rows share in each hidden column.
        labelled: Whether each of `rows` carries the group's label.
        expected: Probability of that label by models that saw no row of the group; shape of `rows`
            in the sample.
        against_label: p value: the label is what other columns say, but for `SHIFT`.
        against_rate: p value: the label came with the rate of its class, and values that are locked
            (`lockgate.poisoning.locks`) came together as often as others do. Both p values count how rare
            it is by habit that rows hold the shared values.
        unlike_others: How well its rows are told from rows of other classes (AUROC).
        unlike_own: How well its rows are told from the other rows of its label (AUROC).
        continuous: Whether other values of the shared columns seldom come as often as to be a cell, or
            `MARKS` columns of numbers share a value that is rare in the class, two share locked values, or
            one is off its column's grid.
        sampled: How many of the rows were in the sample.
    """

    rows: Integers
    cell: Cell
    hidden: Integers
    sets: dict[int, float]
    labelled: NDArray[np.bool_]
    expected: Floats
    against_label: float
    against_rate: float
    unlike_others: float
    unlike_own: float
    continuous: bool
    sampled: int


def groups(evidence: Evidence) -> list[Group]:
    """Find the groups whose label is least expected; the answer is kept for the next detector."""
    if "groups" not in evidence.cache:
        evidence.cache["groups"] = _find(evidence)
    found: list[Group] = evidence.cache["groups"]
    return found


def _find(evidence: Evidence) -> list[Group]:
    import numpy as np

    from lockgate.poisoning.content import SUREST

    labels, classes = evidence.batch.labels, len(evidence.classes)
    random = evidence.random("groups")
    everything = plain(evidence.features.values)
    sample = some_of(np.arange(len(everything)), most_rows(everything.shape[1], classes), random)
    values, y = everything[sample], labels[sample]
    numbered, kept = atoms(values)
    looked_at = [0]
    own = np.bincount(y, minlength=classes)
    known = None if evidence.known is None else plain(evidence.known.values)
    cells = [
        cell
        for cell in pure_cells(numbered, kept, y, classes, random, looked_at)
        if cell.with_label <= OF_ITS_CLASS * own[cell.label]
    ]
    if not cells:
        return []
    says = without_each_column(values, y, classes, evidence.seed)
    by_content, by_rate = [], []
    for cell in cells:
        p = says[list(cell.columns)][:, cell.rows, cell.label].mean(axis=0).astype(np.float64)
        by_content.append(at_least(cell.with_label, moved(np.clip(p, SUREST, 1 - SUREST), SHIFT)))
        by_rate.append(at_least(cell.with_label, np.array([own[cell.label] / len(y)])[[0] * len(cell.rows)]))
    usual = np.array([np.bincount(column[column > 0], minlength=1).max() for column in numbered.T])
    in_constant = [
        -len(cell.rows)
        if len(cell.columns) == 1
        and CONSTANT * (len(y) - len(cell.rows)) <= usual[cell.columns[0]] > len(cell.rows)
        else 0
        for cell in cells
    ]
    locked = [-len(c.rows) if is_locked(values, c, evidence.features.categorical) else 0 for c in cells]
    first = [
        *(i for i in np.argsort(locked, kind="stable")[:_LOCKED] if locked[i]),
        *(i for i in np.argsort(in_constant, kind="stable")[:_IN_CONSTANT] if in_constant[i]),
        *np.argsort(by_content, kind="stable")[:_BY_CONTENT],
        *np.argsort(by_rate, kind="stable")[:_BY_RATE],
    ]
    common = (numbered > 0).mean(axis=0)
    found = []
    for members in _merged([cells[i] for i in dict.fromkeys(first)])[:MOST_GROUPS]:
        cell = max(members, key=lambda c: 3 * c.with_label - 2 * len(c.rows))
        if known is not None and _is_known(cell, known, len(cell.rows) / len(y)):
            continue
        found.append(_measured(evidence, members, cell, values, y, looked_at[0], common, says))
        _look_up(found[-1], everything, labels)
    return found


def most_rows(columns: int, classes: int) -> int:
    """Return how many rows are looked at, at most."""
    return min(MOST_ROWS, max(500, MOST_NUMBERS // max(1, columns * classes)))


def _merged(cells: list[Cell]) -> list[list[Cell]]:
    import numpy as np

    merged: list[list[Cell]] = []
    for cell in cells:
        for members in merged:
            both = len(np.intersect1d(members[0].rows, cell.rows, assume_unique=True))
            if both > ALIKE * (len(members[0].rows) + len(cell.rows) - both):
                members.append(cell)
                break
        else:
            merged.append([cell])
    return merged


def _is_known(cell: Cell, known: Floats, share: float) -> bool:
    there = (known[:, list(cell.columns)] == cell.values).all(axis=1).mean()
    return bool(there >= 0.5 * share)


def _measured(
    evidence: Evidence,
    members: list[Cell],
    cell: Cell,
    values: Floats,
    labels: Integers,
    looked_at: int,
    common: Floats,
    says: Floats,
) -> Group:
    import numpy as np

    classes = len(evidence.classes)
    shift = max(SHIFT, honest_shift(evidence.features.categorical, cell, values, labels, says))
    inside = np.zeros(len(labels), dtype=bool)
    inside[cell.rows] = True
    mine = labels == cell.label
    shared, seldom = _shared(values, inside, ~inside & mine)
    hidden = np.union1d(shared, np.unique(np.concatenate([c.columns for c in members]))).astype(np.int64)
    marks = sum(not evidence.features.categorical[j] for j in seldom)
    blended = marks >= max(MARKS, BLENDED * values.shape[1])
    expected = without_rows(values, labels, classes, cell.rows, hidden, evidence.seed)[:, cell.label]
    rate = float((mine & ~inside).sum() / max((~inside).sum(), 1))
    rate = max(rate, rate_beside(values, labels, cell))
    size = len(cell.rows)
    carries = inside & mine
    continuous = max(float(common[j]) for j in cell.columns) <= size / len(labels) + RARE
    continuous |= marks >= MARKS
    numeric = np.array([j for j in seldom if not evidence.features.categorical[j]], dtype=np.int64)
    lock = together_elsewhere(values, inside, numeric)
    habits = habits_of(evidence.features.categorical, cell, values, inside)
    continuous |= lock <= LOCKED or any(habit == OFF_GRID for habit, _ in habits)
    against_label = tail(cell, moved(expected, shift), habits) * looked_at
    against_rate = tail(cell, np.full(size, min(rate, 0.999) * lock), habits) * looked_at
    against_label, against_rate = min(1.0, against_label), min(1.0, against_rate)

    def apart(others: NDArray[np.bool_], p_value: float) -> float:
        return (
            told_apart(values, carries, others, hidden, evidence.seed, aligned=blended)
            if p_value <= HOPELESS
            else 1.0
        )

    return Group(
        rows=cell.rows,
        cell=cell,
        hidden=hidden,
        sets={int(j): float(np.median(values[np.ix_(cell.rows, [j])])) for j in hidden},
        labelled=mine[cell.rows],
        expected=expected,
        against_label=against_label,
        against_rate=against_rate,
        unlike_others=apart(~mine & ~inside, against_label),
        unlike_own=apart(mine & ~inside, against_rate) if continuous else 1.0,
        continuous=continuous,
        sampled=size,
    )


def _shared(
    values: Floats, inside: NDArray[np.bool_], others: NDArray[np.bool_]
) -> tuple[Integers, Integers]:
    """Return the columns in which nearly all rows inside hold one value that others do not all hold.

    Returns:
        Those where at most half of the others hold it, and those where few of them do.
    """
    import numpy as np

    if not others.any():
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    middle = np.median(values[inside], axis=0)
    nearly_all = (values[inside] == middle).mean(axis=0) >= 0.9  # noqa: PLR2004 - as the text says
    theirs = (values[others] == middle).mean(axis=0)
    return np.flatnonzero(nearly_all & (theirs <= 0.5)), np.flatnonzero(nearly_all & (theirs <= FEW))  # noqa: PLR2004 - half


def _look_up(group: Group, everything: Floats, labels: Integers) -> None:
    """Number the group's rows in the whole table."""
    import numpy as np

    columns = list(group.cell.columns)
    rows = np.flatnonzero((everything[:, columns] == group.cell.values).all(axis=1))
    if len(rows) != len(group.rows):
        group.expected = np.full(len(rows), group.expected.mean())
    group.rows = rows
    group.labelled = labels[rows] == group.cell.label
