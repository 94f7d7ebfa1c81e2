"""Count a table on DuckDB: what `validate-data` and its schema need to know about each column.

    with connect() as connection, ...:
        table = open_table(connection, path, kinds={"AGEP": "integer"})
        columns = profile(table)
        columns["AGEP"].completeness, columns["AGEP"].minimum, columns["AGEP"].mean

Everything here is exact and independent of the order in which cores finish, so that the same
table gives the same numbers, bit for bit, on one core and on many:

* counts are integers; distinct values are counted, never estimated by a sketch;
* means and standard deviations come from integer sums: each value is shifted by the middle of its
  column's range and scaled to a 46-bit integer, so a sum of values, and of squares, is associative
  and exact in 128 bits for up to 2^34 rows. The mean is within 2^-46 of the range, the standard
  deviation within 2^-46 of the range too. (Fixed-point accumulation, as in Kulisch, "Computer
  Arithmetic and Validity", 2nd ed. 2013, chapter 8.)

What counts as missing, and as a value of its kind, stands in `lockgate.table.typed`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lockgate.table.sql import COLUMNS_A_QUERY, quote, select
from lockgate.table.typed import Kind, Table

_ORDERED = ("integer", "number", "datetime")
_BITS = 46
_LARGEST_EXPONENT = 1000  # of the scale: 2.0**1024 is no float, and columns that narrow or wide get no mean


@dataclass(frozen=True)
class Column:
    """What one pass over a column found.

    Attributes:
        kind: The kind that its values were read as.
        rows: Rows of the table.
        present: Rows with anything in it.
        valid: Rows with a value of its kind.
        minimum: Smallest value, for integers, numbers and time stamps, else None.
        maximum: Largest value, likewise.
        mean: Mean of the values, for integers and numbers; None where their range is too narrow or
            too wide for it, below about 1e-287 or above the largest float.
        std: Sample standard deviation (n - 1), likewise; None below two values.
    """

    kind: Kind
    rows: int
    present: int
    valid: int
    minimum: Any = None
    maximum: Any = None
    mean: float | None = None
    std: float | None = None

    @property
    def completeness(self) -> float:
        """Share of the rows with anything in the column, 0 to 1."""
        return self.present / self.rows if self.rows else 0.0

    @property
    def invalid(self) -> int:
        """Rows whose content is not of the column's kind."""
        return self.present - self.valid


def profile(table: Table, names: Iterable[str] | None = None) -> dict[str, Column]:
    """Count columns: what is there, what is valid, range, mean and spread.

    Args:
        table: From `open_table`.
        names: The columns; None takes all.
    """
    chosen = list(table.storage if names is None else names)
    found: dict[str, Column] = {}
    for start in range(0, len(chosen), COLUMNS_A_QUERY):
        batch = chosen[start : start + COLUMNS_A_QUERY]
        asked = [part for name in batch for part in _counts(table, name)]
        answers = iter(table.ask(", ".join(asked))[0])
        for name in batch:
            present, valid, low, high = (next(answers) for _ in range(4))
            found[name] = Column(table.kinds[name], table.rows, present, valid, low, high)
        found |= _moments(table, {name: found[name] for name in batch})
    return found


def categories(table: Table, name: str, bound: int) -> dict[Any, int] | None:
    """Count each value of a column, in the order of the values; None when there are more than `bound`."""
    value = table.value(name)
    rest = f"WHERE {value} IS NOT NULL GROUP BY 1 ORDER BY 1 LIMIT {bound + 1}"
    counted = dict(table.ask(f"{value}, count(*)", rest))
    return counted if len(counted) <= bound else None


def distinct(table: Table, names: Sequence[str]) -> int:
    """Count the different values of a column, or the different rows of several; exact."""
    if len(names) == 1:
        return int(table.ask(f"count(DISTINCT {table.value(names[0])})")[0][0])
    inner = select(f"DISTINCT {', '.join(quote(n) for n in names)}", quote(table.view))
    return int(table.query(select("count(*)", f"({inner})"))[0][0])


def distinct_each(table: Table, names: Sequence[str]) -> dict[str, int]:
    """Count the different values of each of several columns, many in one scan; exact."""
    found: dict[str, int] = {}
    for start in range(0, len(names), COLUMNS_A_QUERY):
        batch = names[start : start + COLUMNS_A_QUERY]
        asked = ", ".join(f"count(DISTINCT {table.value(n)})" for n in batch)
        found |= dict(zip(batch, table.ask(asked)[0], strict=True))
    return found


def _counts(table: Table, name: str) -> tuple[str, str, str, str]:
    value = table.value(name)
    ordered = table.kinds[name] in _ORDERED
    return (
        f"count(*) FILTER (WHERE {table.present(name)})",
        f"count({value})",
        f"min({value})" if ordered else "NULL",
        f"max({value})" if ordered else "NULL",
    )


def _moments(table: Table, columns: Mapping[str, Column]) -> dict[str, Column]:
    """Fill in mean and standard deviation from exact integer sums; see the module docstring."""
    scaled: dict[str, tuple[float, int]] = {}
    asked: list[str] = []
    for name, column in columns.items():
        if column.kind not in ("integer", "number") or not column.valid:
            continue
        low, high = float(column.minimum), float(column.maximum)
        middle = low / 2 + high / 2
        widest = max(high - middle, middle - low)
        if not math.isfinite(widest):
            continue
        exponent = _BITS - math.frexp(widest)[1] if widest > 0 else 0
        if abs(exponent) > _LARGEST_EXPONENT:
            continue
        scaled[name] = (middle, exponent)
        fixed = (
            f"CAST(round((CAST({table.value(name)} AS DOUBLE) - ({middle!r}::DOUBLE)) "
            f"* ({2.0**exponent!r}::DOUBLE)) AS HUGEINT)"
        )
        asked += [f"sum({fixed})", f"sum({fixed} * {fixed})"]
    if not asked:
        return {}
    answers = iter(table.ask(", ".join(asked))[0])
    filled = {}
    for name, (middle, exponent) in scaled.items():
        total, squares, valid = int(next(answers)), int(next(answers)), columns[name].valid
        unit = 2.0**-exponent
        spread = squares * valid - total * total
        std = math.sqrt(spread / (valid * (valid - 1))) * unit if valid > 1 else None
        filled[name] = replace(columns[name], mean=middle + total / valid * unit, std=std)
    return filled
