"""Measure how well one column alone predicts the label: a leak, or a key that gives the label away.

The measure is Goodman and Kruskal's lambda (J. Am. Stat. Assoc. 49, 1954, 732-764): by how much fewer
errors the commonest class of each value makes than the commonest class of all. It is cross-fitted: the
classes are learnt on every other row and judged on the rest, both ways, so that a column of different
values in every row predicts nothing. 0 is no better than guessing, 1 foretells every row. deepchecks'
Predictive Power Score answers the same question with a decision tree on a sample.

Counts are over every row. Numbers are cut at quantiles of a sample: into 20 parts, and the outermost of
these at 0.5, 1 and 2 % as well, so that a rare class at one end is not lost in a part of others. A label of
numbers with more than 20 different values is cut into ten parts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lockgate.table.checks.sample import as_number
from lockgate.table.sql import quote, select
from lockgate.table.typed import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PARTS = 20
LABEL_PARTS = 10
_TAILS = (0.005, 0.01, 0.02)
MAX_CLASSES = 1_000
MAX_VALUES = 10_000
_FEW = 20
_ORDERED = ("integer", "number", "datetime")


def classes(table: Table, label: str, values: NDArray[np.float64] | None) -> str | None:
    """Return SQL for the class of a row: the label, or its part when it is a quantity; None: too many.

    Args:
        table: From `open_table`.
        label: The label column.
        values: A sample of it when it is a column of numbers.
    """
    value = table.value(label)
    distinct = int(table.ask(f"count(DISTINCT {value})")[0][0])
    if table.kinds[label] in _ORDERED and distinct > _FEW and values is not None:
        return _part(as_number(table, label), edges(values, LABEL_PARTS))
    return f"CAST({value} AS VARCHAR)" if distinct <= MAX_CLASSES else None


def score(table: Table, name: str, label_class: str, values: NDArray[np.float64] | None) -> float | None:
    """Return the cross-fitted lambda of a column for the label, 0 to 1; None where it says nothing.

    Args:
        table: From `open_table`.
        name: The column.
        label_class: From `classes`.
        values: A sample of the column when it is one of numbers or times.
    """
    if table.kinds[name] == "any":
        return None
    value = table.value(name)
    if table.kinds[name] in _ORDERED:
        part = _part(as_number(table, name), edges(values, PARTS, _TAILS)) if values is not None else None
    else:
        few = int(table.ask(f"count(DISTINCT {value})")[0][0]) <= MAX_VALUES
        part = f"CAST({value} AS VARCHAR)" if few else None
    if part is None:
        return None
    # Rows are told apart by a multiplicative hash of their number (Knuth, TAOCP 3, 6.4): rows that come
    # in turn from two places are not split between the two.
    half = "((row_number() OVER () * 2654435761) >> 16) % 2"
    rows = select(f"{part} AS p, {label_class} AS c, {half} AS h", quote(table.view))
    counted = table.query(select("h, p, c, count(*)", f"({rows})", "WHERE c IS NOT NULL GROUP BY 1, 2, 3"))
    return cross_fitted_lambda(counted)


def cross_fitted_lambda(counted: Iterable[Sequence[Any]]) -> float | None:
    """Return lambda from rows of (half, value, class, count); None when a half is empty or has one class."""
    inside: list[dict[Any, Counter[Any]]] = [defaultdict(Counter), defaultdict(Counter)]
    for half, part, label, count in counted:
        inside[int(half)][part][label] += int(count)
    over = [Counter[Any]() for _ in inside]
    for half in (0, 1):
        for each in inside[half].values():
            over[half].update(each)
    right, common, total = 0, 0, 0
    for half in (0, 1):
        if not over[1 - half]:
            return None
        usual = _commonest(over[1 - half])
        for part, labels in inside[half].items():
            learnt = inside[1 - half].get(part)
            right += labels[_commonest(learnt) if learnt else usual]
        common += max(over[half].values(), default=0)
        total += over[half].total()
    if total == common:
        return None
    return max(0.0, (right - common) / (total - common))


def edges(values: NDArray[np.float64], parts: int, tails: Sequence[float] = ()) -> list[float]:
    """Return the inner edges that cut a sample into parts of about equal size, without repeats.

    Args:
        values: The sample; what is not finite is left out.
        parts: How many parts.
        tails: Shares of the sample at which either end is cut besides.
    """
    import numpy as np

    there = values[np.isfinite(values)]
    if not there.size:
        return []
    at = sorted({*(np.arange(1, parts) / parts), *tails, *(1 - tail for tail in tails)})
    return [float(e) for e in np.unique(np.quantile(there, at, method="lower"))]


def _part(number: str, at: list[float]) -> str:
    above = " + ".join(f"CAST({number} > {edge!r}::DOUBLE AS INTEGER)" for edge in at) or "0"
    return f"CASE WHEN {number} IS NOT NULL THEN {above} END"


def _commonest(counts: Counter[Any]) -> Any:
    return min(counts, key=lambda value: (-counts[value], str(value)))
