"""Draw a bounded sample of a table, the same for the same seed, as numpy columns.

Statistics that need many rows at once (quantiles, pairs of columns) take it; what is counted is counted
over every row. Row numbers are drawn by numpy's PCG64, not by the engine, so a new version of the engine
draws the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockgate.table.sql import COLUMNS_A_QUERY, quote, select
from lockgate.table.typed import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE_ROWS = 20_000
MAX_TEXT_CODES = 100
"""Columns of text with more different values in the sample than this get no codes."""


@dataclass(frozen=True)
class Sample:
    """A sample of a table.

    Attributes:
        rows: 0-based row numbers in the table, ascending.
        whole: Whether it is the whole table.
        numbers: Columns of numbers as floats, NaN where missing or invalid.
        codes: Columns of few texts or truth values as integers from 0, -1 where missing; the codes
            follow the order of the values.
    """

    rows: NDArray[np.int64]
    whole: bool
    numbers: dict[str, NDArray[np.float64]]
    codes: dict[str, NDArray[np.int64]]


def draw(table: Table, names: Sequence[str], *, seed: int = 0, most: int = SAMPLE_ROWS) -> Sample:
    """Draw rows without replacement.

    Args:
        table: From `open_table`.
        names: The columns that are wanted; time stamps become seconds, nested ones are left out.
        seed: What the drawing starts from.
        most: Most rows of the sample.
    """
    import numpy as np
    import pyarrow as pa

    whole = table.rows <= most
    chosen = (
        np.arange(table.rows, dtype=np.int64)
        if whole
        else np.sort(np.random.default_rng(seed).choice(table.rows, most, replace=False, shuffle=False))
    )
    numbers: dict[str, Any] = {}
    codes: dict[str, Any] = {}
    drawn = f"{table.view}_drawn"
    table.connection.register(drawn, pa.table({"row": pa.array(chosen, pa.int64())}))
    wanted = [name for name in names if table.kinds[name] != "any"]
    try:
        for start in range(0, len(wanted), COLUMNS_A_QUERY):
            batch = wanted[start : start + COLUMNS_A_QUERY]
            for name, values in zip(batch, _columns(table, batch, drawn), strict=True):
                if table.kinds[name] in ("string", "boolean"):
                    coded = _coded(values)
                    if coded is not None:
                        codes[name] = coded
                else:
                    numbers[name] = values.to_numpy(zero_copy_only=False).astype(np.float64)
    finally:
        table.connection.unregister(drawn)
    return Sample(chosen, whole, numbers, codes)


def as_number(table: Table, name: str) -> str:
    """Return SQL for a number or a time stamp (its seconds) as a float."""
    value = table.value(name)
    return f"epoch({value})" if table.kinds[name] == "datetime" else f"CAST({value} AS DOUBLE)"


def _columns(table: Table, batch: list[str], drawn: str) -> list[Any]:
    parts = [
        f"CAST({table.value(n)} AS VARCHAR)"
        if table.kinds[n] in ("string", "boolean")
        else as_number(table, n)
        for n in batch
    ]
    listed = ", ".join(f"{part} AS c{i}" for i, part in enumerate(parts))
    numbered = select(f"row_number() OVER () - 1 AS lockgate_row, {listed}", quote(table.view))
    kept = ", ".join(f"c{i}" for i in range(len(batch)))
    wanted = f"lockgate_row IN (FROM {quote(drawn)}) ORDER BY lockgate_row"
    from lockgate.table.formats import readable

    with readable(table.path, table.form):
        found = table.connection.sql(select(kept, f"({numbered})", f"WHERE {wanted}")).to_arrow_table()
    return [found.column(i).combine_chunks() for i in range(len(batch))]


def _coded(values: Any) -> Any:
    import numpy as np
    import pyarrow.compute as pc

    there = sorted(pc.unique(values.drop_null()).to_pylist())
    if len(there) > MAX_TEXT_CODES:
        return None
    import pyarrow as pa

    found = pc.index_in(values, value_set=pa.array(there, values.type)).fill_null(-1)
    return found.to_numpy(zero_copy_only=False).astype(np.int64)
