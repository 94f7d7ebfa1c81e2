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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lockgate.table.checks.predictive import edges
from lockgate.table.checks.sample import as_number
from lockgate.table.profile import distinct_each
from lockgate.table.sql import COLUMNS_A_QUERY, quote, select

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.table.typed import Table

BINS = 10
_FEW = 1_000  # different values of a column that leave the engine as counts


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


def of_columns(
    table: Table,
    reference: Table,
    names: Sequence[str],
    drawn: Mapping[str, NDArray[np.float64]] | None = None,
) -> dict[str, Skew]:
    """Measure columns; those whose kinds differ, that are nested, or have no value in a table are left out.

    Args:
        table: The table that is looked at, for example what a model serves.
        reference: What it is held against, for example what it was trained on.
        names: Columns of both.
        drawn: A sample of the reference's columns of numbers and times; drawn when absent.
    """
    families = {name: _family(table.kinds[name], reference.kinds[name]) for name in names}
    ordered = [name for name in names if families[name] == "ordered"]
    if drawn is None:
        from lockgate.table.checks.sample import draw

        drawn = draw(reference, ordered).numbers
    cuts = {name: edges(drawn[name], BINS) for name in ordered}
    counted = [_binned(side, cuts) for side in (table, reference)]
    gaps = _largest_differences(table, reference, [n for n in names if families[n] == "text"])
    found = {}
    for name in names:
        if families[name] == "ordered":
            divergence = jensen_shannon_divergence(counted[0][name], counted[1][name])
            if divergence is not None:
                found[name] = Skew(name, "jensen-shannon", divergence)
        elif families[name] == "text":
            largest = gaps.get(name) if name in gaps else _largest_difference(table, reference, name)
            if largest is not None:
                found[name] = Skew(name, "l-infinity", largest)
    return found


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


def _family(kind: str, other: str) -> str:
    if {kind, other} <= {"integer", "number"} or kind == other == "datetime":
        return "ordered"
    return "text" if kind == other != "any" else "other"


def _binned(table: Table, cuts: Mapping[str, Sequence[float]]) -> dict[str, list[int]]:
    """Count columns in bins, many in one scan: first the missing values, then each bin."""
    counted: dict[str, list[int]] = {}
    names = list(cuts)
    for start in range(0, len(names), COLUMNS_A_QUERY):
        batch, asked = names[start : start + COLUMNS_A_QUERY], []
        for name in batch:
            number = as_number(table, name)
            part = " + ".join(f"CAST({number} > {cut!r}::DOUBLE AS INTEGER)" for cut in cuts[name]) or "0"
            asked.append(f"histogram(CASE WHEN {number} IS NULL THEN -1 ELSE {part} END)")
        for name, bins in zip(batch, table.ask(", ".join(asked))[0], strict=True):
            counted[name] = [int(bins.get(i, 0)) for i in range(-1, len(cuts[name]) + 1)]
    return counted


def _largest_differences(table: Table, reference: Table, names: Sequence[str]) -> dict[str, float | None]:
    """The distances of columns of few different values, which are counted many in one scan."""
    few = list(names)
    for side in (table, reference):
        few = [name for name, count in distinct_each(side, few).items() if count <= _FEW]
    counted: list[dict[str, dict[str, int]]] = [{}, {}]
    for side, into in zip((table, reference), counted, strict=True):
        for start in range(0, len(few), COLUMNS_A_QUERY):
            batch = few[start : start + COLUMNS_A_QUERY]
            asked = ", ".join(f"histogram(CAST({side.value(name)} AS VARCHAR))" for name in batch)
            answers = side.ask(asked)[0]
            into |= {name: bins or {} for name, bins in zip(batch, answers, strict=True)}
    return {name: _gap(counted[0][name], counted[1][name]) for name in few}


def _gap(one: Mapping[str, int], other: Mapping[str, int]) -> float | None:
    totals = sum(one.values()), sum(other.values())
    if not all(totals):
        return None
    gaps = (abs(one.get(v, 0) * totals[1] - other.get(v, 0) * totals[0]) for v in {*one, *other})
    return max(gaps) / (totals[0] * totals[1])


def _largest_difference(table: Table, reference: Table, name: str) -> float | None:
    """The distance of a column of many different values, which stay on the engine."""
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
    return int(largest) / (totals[0] * totals[1])
