"""Turn the columns of a table into numbers that a model can read, without looking at the label."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockgate.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOST_CATEGORIES = 200
"""A category column with more values keeps its most frequent ones; the rest become one."""
LARGEST = 1e30
"""Numbers are cut here: the square of a larger one, or its single-precision form, may be infinite."""
KEY_ROWS = 50
"""A column without any repeated value is a row key from this number of rows on."""
_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
_EXACT = 2.0**53
"""Up to here every whole number has a float of its own."""


@dataclass(frozen=True)
class Features:
    """A table as numbers.

    Attributes:
        values: Shape (rows, columns); NaN is a missing value, categories are 0, 1, 2, ...
        categorical: Whether each column holds categories; shape (columns,).
        names: Name of each column.
        left_out: Why a column of the table is not among them, by name.
    """

    values: Floats
    categorical: tuple[bool, ...]
    names: tuple[str, ...]
    left_out: dict[str, str]


def encode(tables: list[pa.Table], leave_out: Collection[str]) -> list[Features]:
    """Encode one or more tables alike: the columns that all have, the first table's order.

    Numbers and times become floats; strings and booleans become categories in the order of their
    values. Columns without any value, row keys (every value another), and nested or binary columns
    are left out.

    Args:
        tables: Tables with at least one row each.
        leave_out: Columns that are no features: the label, the source, what the caller ignores.

    Raises:
        InputError: A column is text in one table and a number in another, or no column is left.
    """
    import numpy as np

    columns: list[list[Floats]] = []
    kinds: list[bool] = []
    names: list[str] = []
    left_out: dict[str, str] = {}
    shared = set.intersection(*(set(table.column_names) for table in tables))
    for name in tables[0].column_names:
        if name in leave_out:
            continue
        if name not in shared:
            left_out[name] = "not in the baseline"
            continue
        parts = [table.column(name) for table in tables]
        kind = _kind(name, parts)
        why_not = kind if kind.startswith("not ") else _useless(parts, kind)
        if why_not:
            left_out[name] = why_not
            continue
        columns.append(_categories(parts) if kind == "category" else [_numbers(part) for part in parts])
        kinds.append(kind == "category")
        names.append(name)
    if not names:
        raise InputError(
            "train has no column that a model could learn from beside the label; "
            "give the table its feature columns, or ignore fewer"
        )
    return [
        Features(np.column_stack([column[i] for column in columns]), tuple(kinds), tuple(names), left_out)
        for i in range(len(tables))
    ]


def _kind(name: str, parts: list[pa.ChunkedArray]) -> str:
    kinds = [k for k in (_kind_of(part) for part in parts) if k != "not a value in it"]
    if not kinds:
        return "not a value in it"
    if len(set(kinds)) > 1:
        raise InputError(
            f"column {name!r} is a {kinds[0]} in train and a {kinds[1]} in baseline; "
            "write both tables with the same types, or ignore the column"
        )
    return kinds[0]


def _kind_of(part: pa.ChunkedArray) -> str:
    import pyarrow as pa

    if part.null_count == len(part):
        return "not a value in it"
    held = part.type.value_type if pa.types.is_dictionary(part.type) else part.type
    if pa.types.is_boolean(held) or pa.types.is_string(held) or pa.types.is_large_string(held):
        return "category"
    if pa.types.is_integer(held) or pa.types.is_floating(held) or pa.types.is_decimal(held):
        return "number"
    if pa.types.is_timestamp(held) or pa.types.is_date(held):
        return "time"
    return "not numbers, text, booleans or times"


def _useless(parts: list[pa.ChunkedArray], kind: str) -> str:
    """Say why a column is of no use: a key has no repeated value; real measurements may have none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    first = parts[0]
    if kind == "time" or pa.types.is_floating(first.type) or len(first) < KEY_ROWS:
        return ""
    if pa.types.is_boolean(first.type) or pa.types.is_dictionary(first.type):
        return ""
    distinct = pc.count_distinct(first, mode="only_valid").as_py()
    return "a row key: no value comes twice" if distinct == len(first) - first.null_count else ""


def _numbers(part: pa.ChunkedArray) -> Floats:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(part.type):
        part = part.cast(part.type.value_type)
    per_second = 1.0
    if pa.types.is_date(part.type):
        part = part.cast(pa.timestamp("s"))
    if pa.types.is_timestamp(part.type):
        # Seconds, whatever the unit: one table's file format may keep another unit than the other's.
        per_second = _PER_SECOND[part.type.unit]
        part = pc.cast(part, pa.int64())
    values = np.asarray(pc.cast(part, pa.float64(), safe=False).to_numpy(), dtype=np.float64) / per_second
    return np.where(np.isfinite(values), np.clip(values, -LARGEST, LARGEST), np.nan)


def moments(column: pa.ChunkedArray, name: str) -> Floats:
    """Read when each row came: seconds of times, or numbers as they are; NaN for unknown.

    Raises:
        InputError: The column holds no times and no numbers.
    """
    kind = _kind_of(column)
    if kind not in ("time", "number"):
        raise InputError(f"timestamp column {name!r} of train is {kind}; name a column of times or numbers")
    return _numbers(column)


def _categories(parts: list[pa.ChunkedArray]) -> list[Floats]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = [pc.cast(part, pa.large_string()) for part in parts]
    counted = pc.value_counts(pa.chunked_array([c for t in texts for c in t.chunks], pa.large_string()))
    seen: dict[str, int] = {
        row["values"]: row["counts"] for row in counted.to_pylist() if row["values"] is not None
    }
    kept = sorted(sorted(seen, key=lambda value: (-seen[value], value))[:MOST_CATEGORIES])
    known = pa.array(kept, pa.large_string())
    coded: list[Floats] = []
    for text in texts:
        code = np.asarray(pc.index_in(text, known).cast(pa.float64()).to_numpy(), dtype=np.float64)
        absent = np.asarray(text.is_null().to_numpy(), dtype=bool)
        code = np.where(np.isnan(code) & ~absent, float(len(kept)), code)
        coded.append(code)
    return coded


def codes(column: Any) -> tuple[Any, tuple[str, ...]]:
    """Number the values of a column in their order, for a label or a source.

    A value has one text in whatever type it comes: 1, 1.0 and 1.00 are all "1".

    Returns:
        The number of each row's value, -1 for null, shape (rows,); and the values as text.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_nested(column.type):
        raise InputError(f"a label or source column holds {column.type}; name a column of plain values")
    if pa.types.is_floating(column.type):  # 1.0 and 1 are one class, NaN is no class
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    values = pc.unique(column).drop_null()
    values = values.take(pc.sort_indices(values))
    index = pc.fill_null(pc.index_in(column, values), -1)
    return np.asarray(index.to_numpy(), dtype=np.int64), tuple(_text(v) for v in values.to_pylist())


def _text(value: object) -> str:
    from decimal import Decimal

    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return str(int(value))
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return str(int(value))
    return str(value)
