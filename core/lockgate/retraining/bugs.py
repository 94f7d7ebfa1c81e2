"""Name what broke upstream: a unit, a sign, a default value, swapped columns, categories under new names.

A broken column looks like drift, and training on it teaches nonsense. Drift moves a distribution; these
defects map it onto another one that is known, so each is looked for by undoing it: whatever is left
must be like the reference, and clearly more so than before. `columns` undoes what changes one column,
`relations` what shows in how columns go together.

A defect is no accusation. Still, whoever can break a column can hide behind it, so a broken batch is
held all the same, and the search for poison goes on without the broken columns.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from lockgate.retraining.bug import FEWEST_ROWS, Bug

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

MOST_ROWS = 20_000
"""Rows of each table that are looked at, evenly spread over it."""


def find_bugs(
    reference: pa.Table,
    batch: pa.Table,
    *,
    label: str,
    source: str | None = None,
    leave_out: Collection[str] = (),
) -> list[Bug]:
    """Return the defects that a batch has and its reference has not, in the order of the columns.

    Args:
        reference: Sound rows.
        batch: The new rows.
        label: Column with the class of each row.
        source: Column that says where a row came from: a defect of one source is found with it.
        leave_out: Columns that are not looked at.
    """
    from lockgate.retraining import columns, explained, fills, relations
    from lockgate.retraining.detached import detached
    from lockgate.retraining.pairs import Pair

    before, now = _spread(reference), _spread(batch)
    if min(before.num_rows, now.num_rows) < FEWEST_ROWS:
        return []
    names = [
        name
        for name in before.column_names
        if name in now.column_names and name not in {source, *leave_out} and not _is_key(before, now, name)
    ]
    pairs = {name: Pair(name, before.column(name), now.column(name)) for name in names}
    groups = _groups(now, source)
    found = [
        bug
        for name, pair in pairs.items()
        for bug in [columns.defect(pair, groups if name != label else [])]
        if bug is not None
    ]
    # Rows that come in groups repeat their values, in more than one column.
    if any(fills.are_grouped(pair) for name, pair in pairs.items() if name not in _of_kind(found, "stuck")):
        found = [bug for bug in found if bug.kind != "stuck"]
    # What a drift could look like too is one where the other columns have moved along with it.
    broken = {name for bug in found for name in bug.columns}
    sound = [pair for name, pair in pairs.items() if name not in broken]
    found = [b for b in found if not b.doubt or not explained.is_drift(pairs[b.columns[0]], sound, b.doubt)]
    broken = {name for bug in found for name in bug.columns}
    exchanged = relations.exchanged(list(pairs.values()), label)
    sound = [pair for name, pair in pairs.items() if name not in broken or name in exchanged]
    together = [
        bug
        for bug in relations.defects(sound, label)
        if bug.kind == "swapped" or not broken.intersection(bug.columns)
    ]
    # Values that went to other rows; what is broken otherwise has lost its relations with that.
    done = {name for bug in (*found, *together) for name in bug.columns}
    together += detached([pair for name, pair in pairs.items() if name not in done])
    # A column that stands still may be all that somebody filtered by: then the rest looks like those rows.
    found = [b for b in found if b.kind != "constant" or not explained.filtered(pairs[b.columns[0]], sound)]
    swapped = {name for bug in together for name in bug.columns}
    return sorted(
        [*(b for b in found if not swapped.intersection(b.columns)), *together],
        key=lambda bug: names.index(bug.columns[0]),
    )


def _of_kind(found: list[Bug], kind: str) -> set[str]:
    return {name for bug in found for name in bug.columns if bug.kind == kind}


def _spread(table: pa.Table) -> pa.Table:
    import numpy as np

    if table.num_rows <= MOST_ROWS:
        return table
    return table.take(np.linspace(0, table.num_rows - 1, MOST_ROWS).astype(np.int64))


def _is_key(before: pa.Table, now: pa.Table, name: str) -> bool:
    """Whether every value is another one, and none is a measurement."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def own(column: pa.ChunkedArray) -> bool:
        if pa.types.is_floating(column.type) or pa.types.is_boolean(column.type):
            return False
        filled = len(column) - column.null_count
        return bool(filled > 1 and pc.count_distinct(column, mode="only_valid").as_py() == filled)

    return own(before.column(name)) and own(now.column(name))


def _groups(now: pa.Table, source: str | None) -> list[tuple[str, NDArray[np.bool_]]]:
    import numpy as np

    if source is None or source not in now.column_names:
        return []
    of = np.array([str(value) for value in now.column(source).to_pylist()])
    names, counts = np.unique(of, return_counts=True)
    return [(str(n), of == n) for n, c in zip(names, counts, strict=True) if c >= FEWEST_ROWS][:100]
