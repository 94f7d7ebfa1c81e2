"""Measure how far apart two tables are, column by column, in the terms of TensorFlow Data Validation.

* Categories, texts and truth values: the **L-infinity distance**, the largest difference between the shares
  of one value (TFDV's ``infinity_norm``). 0 to 1.
* Numbers and time stamps: the **Jensen-Shannon divergence** to base 2 of counts in the same bins (TFDV's
  ``jensen_shannon_divergence``), which are the tenths of the reference as a sample of it gives them, with
  one more bin below and above its range, and one for missing values. 0 to 1.

Counts are over every row of both tables, grouped on the engine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lockgate.table.checks.predictive import edges
from lockgate.table.checks.sample import as_number
from lockgate.table.sql import quote, select

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.table.typed import Table

BINS = 10
_ORDERED = ("integer", "number", "datetime")


@dataclass(frozen=True)
class Skew:
    """How far apart a column is in two tables.

    Attributes:
        column: Its name.
        measure: ``l-infinity`` or ``jensen-shannon``.
        value: 0 (the same) to 1 (nothing in common).
    """

    column: str
    measure: Literal["l-infinity", "jensen-shannon"]
    value: float


def of_column(
    table: Table, reference: Table, name: str, values: NDArray[np.float64] | None = None
) -> Skew | None:
    """Measure one column; None where the kinds differ, it is nested, or a table has no value of it.

    Args:
        table: The table that is looked at, for example what a model serves.
        reference: What it is held against, for example what it was trained on.
        name: A column of both.
        values: A sample of the reference's column when it is one of numbers or times; drawn when absent.
    """
    kinds = {table.kinds[name], reference.kinds[name]}
    if kinds <= {"integer", "number"}:
        kind = "number"
    elif len(kinds) == 1 and "any" not in kinds:
        kind = kinds.pop()
    else:
        return None
    if kind in ("number", *_ORDERED):
        if values is None:
            from lockgate.table.checks.sample import draw

            values = draw(reference, [name]).numbers[name]
        cuts = edges(values, BINS)
        counts = [_binned(side, name, cuts) for side in (table, reference)]
        divergence = jensen_shannon_divergence(*counts)
        return None if divergence is None else Skew(name, "jensen-shannon", divergence)
    return _largest_difference(table, reference, name)


def jensen_shannon_divergence(first: Sequence[int], second: Sequence[int]) -> float | None:
    """Return the divergence to base 2 of two lists of counts, 0 to 1; None when one has no rows.

    Source: J. Lin, IEEE Trans. Inf. Theory 37 (1991) 145-151.
    """
    totals = sum(first), sum(second)
    if not all(totals):
        return None
    parts = []
    for a, b in zip(first, second, strict=True):
        p, q = a / totals[0], b / totals[1]
        middle = (p + q) / 2
        parts += [x * math.log2(x / middle) / 2 for x in (p, q) if x > 0]
    return min(1.0, max(0.0, math.fsum(parts)))


def _binned(table: Table, name: str, cuts: Sequence[float]) -> list[int]:
    number = as_number(table, name)
    part = " + ".join(f"CAST({number} > {cut!r}::DOUBLE AS INTEGER)" for cut in cuts) or "0"
    binned = f"CASE WHEN {number} IS NULL THEN -1 ELSE {part} END"
    counted = dict(table.query(select(f"{binned}, count(*)", quote(table.view), "GROUP BY 1")))
    return [int(counted.get(i, 0)) for i in range(-1, len(cuts) + 1)]


def _largest_difference(table: Table, reference: Table, name: str) -> Skew | None:
    shares, totals = [], []
    for side in (table, reference):
        value = f"CAST({side.value(name)} AS VARCHAR)"
        totals.append(int(side.ask(f"count({value})")[0][0]))
        grouped = select(
            f"{value} AS v, count(*) AS n", quote(side.view), f"WHERE {value} IS NOT NULL GROUP BY 1"
        )
        shares.append(f"({grouped})")
    if not all(totals):
        return None
    difference = f"abs(coalesce(a.n, 0) * {totals[1]}::HUGEINT - coalesce(b.n, 0) * {totals[0]}::HUGEINT)"
    both = f"{shares[0]} AS a FULL JOIN {shares[1]} AS b ON a.v = b.v"
    largest = table.query(select(f"max({difference})", both))[0][0]
    return Skew(name, "l-infinity", int(largest) / (totals[0] * totals[1]))
