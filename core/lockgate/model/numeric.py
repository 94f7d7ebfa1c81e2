"""Rows of a table as an array of numbers."""

from __future__ import annotations

from typing import Any

from lockgate.errors import InputError


def numbers(rows: Any, precision: str) -> Any:
    """Return rows as an array of numbers; what is missing is NaN.

    Raises:
        InputError: A column holds something else.
    """
    import numpy as np

    if not hasattr(rows, "iloc"):
        return np.ascontiguousarray(rows, dtype=precision)
    made = np.empty(rows.shape, dtype=precision)
    for i, name in enumerate(rows.columns):
        made[:, i] = _column(rows.iloc[:, i], str(name), precision)
    return made


def _column(values: Any, name: str, precision: str) -> Any:
    import numpy as np

    try:
        return values.to_numpy(dtype=precision, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the model reads numbers and column {name!r} holds something else; encode it as in training"
        ) from error
