"""Say which family a type of DuckDB belongs to, and write the SQL that reads its values."""

from __future__ import annotations

from typing import Literal

from lockgate.table.sql import quote

Family = Literal["number", "truth", "text", "time", "other"]

_INT64 = frozenset(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"))
WHOLE_FLOATS = 2**53
"""Floats hold every whole number below this; of decimals, every one of so many units."""
_FLOATS = frozenset(("FLOAT", "DOUBLE"))


def family_of(type_: str) -> Family:
    """Return the family of a type; only columns of one family are compared."""
    name = type_.partition("(")[0]
    if type_.endswith("]"):
        return "other"
    if is_whole(type_) or name in ("FLOAT", "DOUBLE", "DECIMAL"):
        return "number"
    if name == "BOOLEAN":
        return "truth"
    if name.startswith("TIMESTAMP") or name == "DATE":
        return "time"
    return "text" if name in ("VARCHAR", "ENUM", "UUID") else "other"


def is_whole(type_: str) -> bool:
    """Return whether a type holds whole numbers only."""
    return type_.endswith("INT") or type_ in ("INTEGER", "UINTEGER")


def value_sql(name: str, type_: str, cast: str | None = None) -> str:
    """Return the SQL for one value: NaN is a missing value, as it is to pandas."""
    column = quote(name)
    if type_ in _FLOATS:
        column = f"CASE WHEN isfinite({column}) OR isinf({column}) THEN {column} END"
    return f"CAST({column} AS {cast})" if cast else column


def common_number(types: list[str]) -> str | None:
    """Return the type in which numbers of these types are compared exactly, if numpy has it.

    A FLOAT widened to DOUBLE equals none of the decimals it was written as: both become FLOAT. None
    stands for decimals and whole numbers beyond 64 bits, which DuckDB compares.
    """
    if all(type_ in _INT64 for type_ in types):
        return "BIGINT"
    if not all(type_ in _INT64 | _FLOATS for type_ in types):
        return None
    return "FLOAT" if "FLOAT" in types else "DOUBLE"


def number_sql(name: str, type_: str, common: str) -> str:
    """Return the SQL for one number as BIGINT or DOUBLE; NaN stays, and is for numpy to leave out.

    Args:
        name: The column.
        type_: Its type.
        common: From `common_number`.
    """
    column = quote(name)
    if family_of(type_) == "time":
        column = f"epoch_us(CAST({column} AS TIMESTAMP))"
    if common == "FLOAT":
        return f"CAST(CAST({column} AS FLOAT) AS DOUBLE)"
    return f"CAST({column} AS {common})"


def is_rounded(type_: str, largest: float) -> bool:
    """Return whether numbers of a type lose digits as floats, given the largest of them without its sign."""
    if type_ in _INT64 or type_ in _FLOATS:
        return False
    _, _, scale = type_.partition(",")
    return largest * 10.0 ** int(scale.rstrip(")") or 0) >= WHOLE_FLOATS
