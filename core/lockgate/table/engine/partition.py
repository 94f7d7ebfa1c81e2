"""Count a partition of a table in a worker of Spark; nothing here imports more than numpy and pyarrow.

What a worker finds comes back as JSON: whole numbers of any length, and floats that read back as
they were.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

from lockgate.table.baseline.sketch import Distinct, of_texts
from lockgate.table.baseline.sums import Sums
from lockgate.table.engine.arrays import present, without_nan
from lockgate.table.engine.kernel import Counted, count, edge_array


@dataclass(frozen=True)
class Task:
    """How one column is counted.

    Attributes:
        numbers: Whether it comes as numbers, int64 or float64; else as texts.
        edges: Edges of the bins.
        categories: Categories to count; None counts none.
        single: Whether its values were cut to FLOAT.
        whole: Whether its numbers come as int64.
    """

    numbers: bool
    edges: tuple[Any, ...] = ()
    categories: tuple[str, ...] | None = None
    single: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Part:
    """What some rows of a column add up to; ``+`` merges two.

    Attributes:
        numbers: For numbers, what is between the edges.
        counts: Rows of each category.
        distinct: For texts, how many different ones.
        filled: Rows with a value.
    """

    numbers: Counted | None
    counts: tuple[int, ...]
    distinct: Distinct = field(default_factory=Distinct)
    filled: int = 0

    def __add__(self, other: Part) -> Part:
        return Part(
            self.numbers + other.numbers if self.numbers and other.numbers else None,
            tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
            self.distinct + other.distinct,
            self.filled + other.filled,
        )


def counted(column: Any, task: Task) -> Part:
    """Count one column of a batch of Arrow."""
    import numpy as np

    if not task.numbers:
        found = column.drop_null().value_counts().to_pylist()
        tally = {group["values"]: group["counts"] for group in found}
        counts = tuple(tally.get(category, 0) for category in task.categories or ())
        return Part(None, counts, of_texts(tally), sum(tally.values()))
    values = without_nan(np.sort(present(column)))
    edges = edge_array(task.edges, values.dtype, "FLOAT" if task.single else "")
    wanted = np.array([int(text) for text in task.categories or ()], dtype=values.dtype)
    upto, below = (values.searchsorted(wanted, side=side) for side in ("right", "left"))
    return Part(count(values, edges), tuple(int(x) for x in upto - below), filled=len(values))


def counter(tasks: Sequence[Task]) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Return what a worker runs on the batches of a partition: one row with what they add up to."""

    def work(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        total: list[Part] = []
        for batch in batches:
            parts = [counted(batch.column(place), task) for place, task in enumerate(tasks)]
            total = [one + other for one, other in zip(total, parts, strict=True)] if total else parts
        yield pa.RecordBatch.from_pydict({"part": [encoded(total)]})

    return work


def encoded(parts: Sequence[Part]) -> str:
    """Return parts as JSON."""
    return json.dumps([astuple(part) for part in parts], allow_nan=False)


def decoded(text: str) -> list[Part]:
    """Return the parts in what `encoded` wrote."""
    return [
        Part(_numbers(numbers), tuple(counts), Distinct(tuple(distinct[0])), filled)
        for numbers, counts, distinct, filled in json.loads(text)
    ]


def _numbers(found: Any) -> Counted | None:
    if found is None:
        return None
    bins, infinite, low, high, sums, distinct = found
    return Counted(tuple(bins), infinite, low, high, Sums(*sums), Distinct(tuple(distinct[0])))
