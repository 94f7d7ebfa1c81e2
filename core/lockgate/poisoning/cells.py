"""Cells of a table: the rows that share one value, or one pair of values, and nearly all one label."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

FEWEST = 5
"""A cell of fewer rows is not looked at."""
LARGEST = 0.3
"""Nor is one with a larger share of the rows: what so many rows show is what the table is about."""
PURE = 0.65
"""Share of a cell's rows with its most frequent label, at least."""
MOST_VALUES = 400
"""Of a column with more values that come often enough, the most frequent ones are looked at."""
MOST_PAIRS = 2_100
"""Of more pairs of columns, so many are drawn with the seed."""


@dataclass(frozen=True)
class Cell:
    """Rows that share a value or some values.

    Attributes:
        rows: Row numbers.
        columns: Column numbers.
        values: The shared value of each of these columns.
        label: The label that nearly all rows carry.
        with_label: How many carry it.
    """

    rows: Integers
    columns: tuple[int, ...]
    values: tuple[float, ...]
    label: int
    with_label: int


def atoms(values: Floats) -> tuple[Integers, list[Floats]]:
    """Number the values of each column that come `FEWEST` times or more; 0 is any other value.

    Args:
        values: Shape (rows, columns), no NaN.

    Returns:
        Numbers, shape (rows, columns), and the values from number 1 on of each column.
    """
    import numpy as np

    numbered = np.zeros(values.shape, dtype=np.int64)
    kept: list[Floats] = []
    for j, column in enumerate(values.T):
        found, at, count = np.unique(column, return_inverse=True, return_counts=True)
        often = np.flatnonzero(count >= FEWEST)
        if len(often) > MOST_VALUES:
            often = np.sort(often[np.argsort(-count[often], kind="stable")[:MOST_VALUES]])
        place = np.zeros(len(found), dtype=np.int64)
        place[often] = np.arange(1, len(often) + 1)
        numbered[:, j] = place[at]
        kept.append(found[often])
    return numbered, kept


def pure_cells(
    numbered: Integers,
    kept: list[Floats],
    labels: Integers,
    classes: int,
    random: np.random.Generator,
    looked_at: list[int],
) -> Iterator[Cell]:
    """Yield the cells of single columns and of pairs that nearly all carry one label.

    Args:
        numbered: From `atoms`.
        kept: From `atoms`.
        labels: Shape (rows,).
        classes: Number of classes.
        random: Draws the pairs when there are too many.
        looked_at: How many cells were counted is added to its only item.
    """
    import numpy as np

    rows, columns = numbered.shape
    useful = [j for j in range(columns) if len(kept[j])]
    pairs = list(itertools.combinations(useful, 2))
    if len(pairs) > MOST_PAIRS:
        pairs = [pairs[i] for i in np.sort(random.choice(len(pairs), MOST_PAIRS, replace=False))]
    for chosen in [*((j,) for j in useful), *pairs]:
        width = len(kept[chosen[-1]]) + 1
        code = numbered[:, chosen[0]]
        valid = code > 0
        if len(chosen) > 1:
            valid = valid & (numbered[:, chosen[1]] > 0)
            code = code * width + numbered[:, chosen[1]]
        inside = np.flatnonzero(valid)
        cells, at = np.unique(code[inside], return_inverse=True)
        count = np.bincount(at * classes + labels[inside], minlength=len(cells) * classes)
        by_label = count.reshape(len(cells), classes)
        size, most = by_label.sum(axis=1), by_label.max(axis=1)
        looked = (size >= FEWEST) & (size <= LARGEST * rows)
        looked_at[0] += int(looked.sum())
        for k in np.flatnonzero(looked & (most >= PURE * size)):
            number = int(cells[k])
            of = (number,) if len(chosen) == 1 else divmod(number, width)
            yield Cell(
                inside[at == k],
                tuple(chosen),
                tuple(float(kept[j][v - 1]) for j, v in zip(chosen, of, strict=True)),
                int(by_label[k].argmax()),
                int(most[k]),
            )
