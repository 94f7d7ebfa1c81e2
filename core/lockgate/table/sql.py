"""Put column names and texts into SQL; nothing else in Lockgate writes a quote around either.

Values that DuckDB can bind are bound instead. It cannot bind a column name, nor anything in the SQL
of a view.
"""

from __future__ import annotations

from lockgate.errors import InputError

COLUMNS_A_QUERY = 50
"""DuckDB plans a few hundred aggregates fast, and thousands slowly."""


def quote(name: str) -> str:
    """Return a column name as an SQL identifier; the only place where names enter SQL text."""
    if "\x00" in name:
        raise InputError(f"the column name {name!r} contains a NUL character; rename the column")
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Return a text as an SQL string literal; values that can be bound are bound instead."""
    return "'" + value.replace("'", "''") + "'"


def select(what: str, source: str, rest: str = "") -> str:
    """Return a SELECT; its names have been through `quote`, and its texts through `literal`.

    Args:
        what: The columns.
        source: A quoted view or table, or a SELECT in brackets.
        rest: What follows: WHERE, GROUP BY, ORDER BY ...
    """
    return f"SELECT {what} FROM {source} {rest}".rstrip()  # noqa: S608 - the one place, and its callers quote
