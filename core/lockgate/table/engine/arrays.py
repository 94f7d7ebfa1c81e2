"""Fetch columns of numbers from DuckDB as sorted numpy arrays, within a budget of memory.

DuckDB reads the file and leaves out the other columns; numpy sorts, which is many times faster than
sorting or grouping in SQL (measured in `benchmarks/bench_drift.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lockgate.table.sql import select

if TYPE_CHECKING:
    import duckdb
    import numpy as np

BUDGET = 3 << 27
"""Bytes of numbers that are held at a time, over all columns and threads."""
_BATCH_ROWS = 1 << 16
_WIDTH = 8
_MOST_COLUMNS = 4
_QUERY_BYTES = 1 << 26  # a row group, all of which may be read at once, has up to all rows of the file


def columns_a_query(rows: int, most: int = _MOST_COLUMNS) -> int:
    """Return how many columns of a table one query may read, so that DuckDB's own memory is enough."""
    return max(1, min(most, _QUERY_BYTES // (_WIDTH * max(1, rows))))


def sorted_columns(
    connection: duckdb.DuckDBPyConnection, view: str, rows: int, values: Mapping[str, str]
) -> dict[str, np.ndarray[Any, Any]]:
    """Return the values of columns, each sorted, without missing ones.

    Args:
        connection: DuckDB; a cursor of its own for each thread.
        view: The quoted view.
        rows: Rows of the view, at least.
        values: SQL of each column, of type BIGINT or DOUBLE, by name.
    """
    import numpy as np

    held: dict[str, Any] = {}
    used = dict.fromkeys(values, 0)
    for batch in _batches(connection, view, list(values.values())):
        for name, column in zip(values, batch.columns, strict=True):
            part = present(column)
            if name not in held:
                held[name] = np.empty(rows, dtype=part.dtype)
            held[name][used[name] : used[name] + len(part)] = part
            used[name] += len(part)
    found = {}
    for name in values:
        array = held.get(name, np.empty(0))[: used[name]]
        array.sort()
        found[name] = without_nan(array)
    return found


def sorted_batches(
    connection: duckdb.DuckDBPyConnection, view: str, value: str, rows_a_batch: int = 1 << 22
) -> Iterator[np.ndarray[Any, Any]]:
    """Yield the values of one column in batches, each sorted, without missing ones."""
    import numpy as np

    waiting: list[Any] = []
    held = 0
    for batch in _batches(connection, view, [value]):
        part = present(batch.column(0))
        waiting.append(part.copy())
        held += len(part)
        if held >= rows_a_batch:
            yield without_nan(np.sort(np.concatenate(waiting)))
            waiting, held = [], 0
    if held:
        yield without_nan(np.sort(np.concatenate(waiting)))


def present(column: Any) -> np.ndarray[Any, Any]:
    """Return the values of an Arrow array of int64 or float64 without its nulls."""
    import numpy as np

    if column.null_count:
        column = column.drop_null()
    # Not to_numpy(), which loads pandas.
    return np.from_dlpack(column)


def without_nan(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return sorted values without NaN, which numpy sorts to the end; a view."""
    if values.dtype.kind != "f" or not len(values) or not math.isnan(values[-1]):
        return values
    return values[: int(values.searchsorted(math.nan))]


def _batches(connection: duckdb.DuckDBPyConnection, view: str, values: list[str]) -> Iterator[Any]:
    asked = ", ".join(f"{value} AS c{i}" for i, value in enumerate(values))
    yield from connection.sql(select(asked, view)).to_arrow_reader(_BATCH_ROWS)
