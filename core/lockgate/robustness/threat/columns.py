"""The columns of a table as coordinates of a point: values of numbers, places of categories, and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_MOST_CATEGORIES = 1_000


@dataclass(frozen=True)
class Coordinate:
    """A column that is a coordinate.

    Attributes:
        name: Of the column.
        at: Its place among the columns of the table.
        number: Whether it holds numbers (booleans are 0 and 1); else it is a category, and the coordinate is
            the place of its value among `seen`.
        low: The smallest value that was seen; 0 for a category.
        high: The largest.
        deviation: Its standard deviation (population form); 0 for a category.
        whole: Whether all its values are whole numbers.
        typed: Whether its type holds nothing but whole numbers.
        boolean: Whether its type is boolean.
        seen: Of a category, the values that were seen, the most frequent first.
    """

    name: str
    at: int
    number: bool
    low: float
    high: float
    deviation: float = 0.0
    whole: bool = False
    typed: bool = False
    boolean: bool = False
    seen: tuple[Any, ...] = ()


def coordinates(frame: Any, categories: Sequence[str]) -> tuple[Coordinate, ...]:
    """Measure the numeric columns of a DataFrame, and those that are named as categories, in its order."""
    found = []
    for at, name in enumerate(frame.columns):
        read = _category if name in categories else _number
        made = read(frame[name], str(name), at)
        if made is not None:
            found.append(made)
    return tuple(found)


def encode(frame: Any, coordinates: Sequence[Coordinate]) -> Any:
    """Return rows by coordinates, float64; NaN where a value is missing, infinite or was never seen."""
    import numpy as np

    made = np.empty((len(frame), len(coordinates)))
    for i, each in enumerate(coordinates):
        cells = frame[each.name]
        if each.number:
            values = cells.to_numpy(dtype=np.float64, na_value=np.nan)
            made[:, i] = np.where(np.isfinite(values), values, np.nan)
        else:
            place = {value: n for n, value in enumerate(each.seen)}
            made[:, i] = [place.get(v, math.nan) if _hashable(v) else math.nan for v in cells.tolist()]
    return made


def decode(frame: Any, points: Any, coordinates: Sequence[Coordinate], moved: Any) -> Any:
    """Return a copy of rows with the coordinates set that `moved` names; types and missing cells stay."""
    import numpy as np
    import pandas as pd

    copy = frame.copy()
    for i in np.flatnonzero(moved):
        each, cells = coordinates[i], frame[coordinates[i].name]
        kept = np.isnan(points[:, i])
        if each.number:
            new = pd.Series(_typed(points[:, i], cells.dtype, kept), index=cells.index)
        else:
            places = np.where(kept, 0, points[:, i]).astype(np.int64)
            values = np.empty(len(each.seen), dtype=object)
            values[:] = each.seen
            new = pd.Series(values[places], index=cells.index).astype(cells.dtype)
        copy[each.name] = new.where(~kept, cells).astype(cells.dtype) if kept.any() else new
    return copy


def stored(points: Any, frame: Any, coordinates: Sequence[Coordinate]) -> Any:
    """Return points as the columns of a table store them: cut to their precision."""
    import numpy as np

    made = np.array(points, dtype=np.float64)
    for i, each in enumerate(coordinates):
        narrow = narrow_type(frame[each.name].dtype)
        if each.number and narrow is not None:
            made[:, i] = made[:, i].astype(narrow)
    return made


def narrow_type(dtype: Any) -> Any:
    """Return the floating type of a column when it holds less than double precision, else None."""
    import numpy as np

    kind = np.dtype(getattr(dtype, "numpy_dtype", dtype)) if not isinstance(dtype, str) else None
    return kind if kind is not None and kind.kind == "f" and kind.itemsize < 8 else None  # noqa: PLR2004


def deviation(values: Any) -> float:
    """Population standard deviation by exact sums (`math.fsum`): the same on every processor."""
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((values - mean) ** 2) / len(values))


def _number(cells: Any, name: str, at: int) -> Coordinate | None:
    import numpy as np
    from pandas.api.types import is_bool_dtype, is_integer_dtype, is_numeric_dtype

    if not is_numeric_dtype(cells.dtype) or cells.dtype.kind == "c":
        return None
    values = cells.to_numpy(dtype=np.float64, na_value=np.nan)
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    whole = bool((values == np.rint(values)).all())
    return Coordinate(
        name,
        at,
        True,
        float(values.min()),
        float(values.max()),
        deviation(values),
        whole,
        bool(is_integer_dtype(cells.dtype) or is_bool_dtype(cells.dtype)),
        bool(is_bool_dtype(cells.dtype)),
    )


def _category(cells: Any, name: str, at: int) -> Coordinate | None:
    counts = cells.dropna().value_counts()
    values = sorted(((int(n), str(v), v) for v, n in counts.items()), key=lambda each: (-each[0], each[1]))
    seen = tuple(v for _, _, v in values[:_MOST_CATEGORIES])
    return Coordinate(name, at, False, 0.0, float(max(len(seen) - 1, 0)), seen=seen) if seen else None


def _typed(values: Any, dtype: Any, kept: Any) -> Any:
    import numpy as np
    import pandas as pd

    filled = np.where(kept, 0.0, values)
    if isinstance(dtype, np.dtype):
        return (np.rint(filled) if dtype.kind in "iub" else filled).astype(dtype)
    if pd.api.types.is_integer_dtype(dtype) or pd.api.types.is_bool_dtype(dtype):
        return pd.array(np.rint(filled).astype(np.int64)).astype(dtype)
    return pd.array(filled).astype(dtype)


def _hashable(value: Any) -> bool:
    return not isinstance(value, (list, dict, set))
