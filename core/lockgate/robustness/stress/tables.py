"""The stress tests of table rows: what feeds, forms and exports do to cells.

Each spoils a share of the cells of the columns that it can be done to; noise moves all numeric cells.
Nothing here looks at the model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockgate.robustness.space import Space
from lockgate.robustness.stress import severity as scale
from lockgate.robustness.stress.measure import StressTest
from lockgate.robustness.stress.typos import typo

UNSEEN = "lockgate: never seen"
"""A text that no table holds by chance."""
_UNITS = (1000.0, 100.0, 0.01, 0.001)
"""Thousands, and hundredths such as cents and percent, both ways."""
_LARGEST = 2.0**62  # whole numbers stay within 64 bits


def table_tests(frame: Any, space: Space, *, noise: float, share: float) -> list[StressTest]:
    """Return the stress tests of a table.

    Args:
        frame: The rows as they are, a DataFrame of the model's columns.
        space: Its numeric columns.
        noise: Standard deviation of the noise at the judged severity, in standard deviations of the column.
        share: Share of the cells that is spoiled at the judged severity, 0 to 1.
    """
    numeric = list(space.columns)
    texts, truths = _texts(frame), _truths(frame)
    codes = _code_numbers(frame, texts)
    parts, sizes = scale.shares(share), scale.noise(noise)

    def cells(what: str) -> Callable[[int], str]:
        return lambda severity: f"{100 * parts[severity - 1]:.3g} % of the cells {what}"

    def each(columns: list[str], change: Callable[[Any, str, Any], Any]) -> Callable[[int, Any], Any]:
        return lambda severity, rng: _spoiled(frame, columns, parts[severity - 1], rng, change)

    def noisy(severity: int, rng: Any) -> Any:
        moves = rng.normal(size=(len(frame), len(numeric)))
        return space.moved(frame, moves * sizes[severity - 1])

    return [
        StressTest(
            "noise",
            lambda severity: f"normal noise of {sizes[severity - 1]:.3g} standard deviations",
            len(numeric),
            noisy,
        ),
        StressTest("missing-values", cells("emptied"), len(frame.columns), each(list(frame.columns), _empty)),
        StressTest(
            "out-of-range",
            cells("of numeric columns a whole range beyond"),
            len(numeric),
            each(numeric, _beyond(space)),
        ),
        StressTest(
            "unseen-category", cells("of text columns set to a new value"), len(texts), each(texts, _unseen)
        ),
        StressTest("typos", cells("of text columns with a typo"), len(texts), each(texts, _with_typos)),
        StressTest(
            "unit-change",
            cells("of numeric columns in another unit, 100 or 1,000 times or parts"),
            len(numeric),
            each(numeric, _in_another_unit),
        ),
        StressTest(
            "type-change",
            cells("of another type: decimals cut off, whole numbers as text, texts as numbers"),
            len(numeric) + len(texts) + len(truths),
            each([*numeric, *texts, *truths], _of_another_type(codes)),
            may_refuse=True,
        ),
        StressTest(
            "duplicated-columns",
            cells("overwritten by the neighbouring column of its kind, delivered twice"),
            sum(len(group) for group in (numeric, texts) if len(group) > 1),
            each(
                [c for group in (numeric, texts) if len(group) > 1 for c in group],
                _overwritten(numeric, texts),
            ),
        ),
    ]


# --- Cells ------------------------------------------------------------------------------------------


def _spoiled(
    frame: Any, columns: list[str], share: float, rng: Any, change: Callable[[Any, str, Any], Any]
) -> Any:
    """Put new cells into a share of each column; what is drawn does not depend on the share."""
    copy = frame.copy()
    for name in columns:
        hit = rng.random(len(frame)) < share
        copy[name] = _replaced(frame[name], hit, change(frame, name, rng))
    return copy


def _replaced(cells: Any, hit: Any, others: Any) -> Any:
    """Return cells with some exchanged; the type stays when the others are of it, else it is wider."""
    import numpy as np
    import pandas as pd

    if isinstance(others, list):
        made = cells.astype(object).to_numpy(copy=True)
        for at in np.flatnonzero(hit):
            made[at] = others[at]
        return pd.Series(made, index=cells.index, dtype=object)
    return pd.Series(np.where(hit, others, cells.to_numpy()), index=cells.index)


def _empty(frame: Any, name: str, rng: Any) -> Any:  # noqa: ARG001 - the same form for all
    import numpy as np

    return np.full(len(frame), np.nan) if frame[name].dtype.kind in "iuf" else [None] * len(frame)


def _beyond(space: Space) -> Callable[[Any, str, Any], Any]:
    def change(frame: Any, name: str, rng: Any) -> Any:
        """One range above the largest or below the smallest value."""
        import numpy as np

        at = space.columns.index(name)
        low, high = space.low[at], space.high[at]
        up = rng.random(len(frame)) < 0.5  # noqa: PLR2004 - up or down
        with np.errstate(over="ignore"):
            return _like(frame[name], np.where(up, high + (high - low), low - (high - low)))

    return change


def _unseen(frame: Any, name: str, rng: Any) -> Any:  # noqa: ARG001 - the same form for all
    return [UNSEEN] * len(frame)


def _with_typos(frame: Any, name: str, rng: Any) -> Any:
    slips = rng.random((len(frame), 2)).tolist()
    cells = frame[name].astype(object).tolist()
    return [typo(c, *s) if isinstance(c, str) else c for c, s in zip(cells, slips, strict=True)]


def _in_another_unit(frame: Any, name: str, rng: Any) -> Any:
    import numpy as np

    factor = _UNITS[int(rng.integers(len(_UNITS)))]
    with np.errstate(over="ignore"):
        return _like(frame[name], frame[name].to_numpy(dtype=np.float64, na_value=np.nan) * factor)


def _of_another_type(codes: dict[str, dict[str, int]]) -> Callable[[Any, str, Any], Any]:
    def change(frame: Any, name: str, rng: Any) -> Any:  # noqa: ARG001 - the same form for all
        import numpy as np

        cells = frame[name]
        if cells.dtype.kind == "f":
            return _like(cells, np.trunc(cells.to_numpy(dtype=np.float64)))
        said = cells.astype(object).tolist()
        if name in codes:
            return [codes[name].get(c, c) if isinstance(c, str) else c for c in said]
        return [c if c is None else str(c) for c in said]

    return change


def _overwritten(numeric: list[str], texts: list[str]) -> Callable[[Any, str, Any], Any]:
    def change(frame: Any, name: str, rng: Any) -> Any:  # noqa: ARG001 - the same form for all
        import numpy as np

        group = texts if name in texts else numeric
        source = frame[group[group.index(name) - 1]]
        if name in texts:
            return source.astype(object).tolist()
        return _like(frame[name], source.to_numpy(dtype=np.float64, na_value=np.nan))

    return change


def _like(cells: Any, values: Any) -> Any:
    """Return numbers as a column holds them: whole ones where they are all there, none beyond its type."""
    import numpy as np

    if cells.dtype.kind in "iu":
        if np.isnan(values).any():
            return np.rint(values)
        return np.rint(np.clip(values, -_LARGEST, _LARGEST)).astype(np.int64)
    largest = float(np.finfo(cells.dtype).max)
    was_finite = np.isfinite(cells.to_numpy())
    return np.where(was_finite, np.clip(values, -largest, largest), values).astype(cells.dtype)


# --- Kinds of columns -------------------------------------------------------------------------------


def _texts(frame: Any) -> list[str]:
    from pandas.api.types import is_object_dtype, is_string_dtype

    return [
        n
        for n in frame.columns
        if is_object_dtype(frame[n].dtype)
        or is_string_dtype(frame[n].dtype)
        or frame[n].dtype.name == "category"
    ]


def _truths(frame: Any) -> list[str]:
    from pandas.api.types import is_bool_dtype

    return [n for n in frame.columns if is_bool_dtype(frame[n].dtype)]


def _code_numbers(frame: Any, texts: list[str]) -> dict[str, dict[str, int]]:
    """Number the texts of each column in their order, as label encoders do."""
    return {
        name: {c: i for i, c in enumerate(sorted({c for c in frame[name] if isinstance(c, str)}))}
        for name in texts
    }
