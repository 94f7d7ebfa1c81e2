"""Scan a table on DuckDB with each column read as the kind of value that it should hold.

What counts as a value:

* NULL is missing; so are an empty CSV field, and NaN in a column of numbers, which is how numpy and
  pandas write a missing number.
* An infinity is no number (RFC 8259 has none either): it is an invalid value, like text in a column
  of numbers.
* An empty text in Parquet, Arrow or JSON is a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lockgate.errors import InputError
from lockgate.table import text
from lockgate.table.formats import Format, file_format, readable
from lockgate.table.read import relation
from lockgate.table.sql import COLUMNS_A_QUERY, literal, quote, select

if TYPE_CHECKING:
    import duckdb

Kind = Literal["integer", "number", "string", "boolean", "datetime", "any"]
SHOWN_ROWS = 20

_SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_INTEGERS = frozenset((*_SIGNED, *(f"U{name}" for name in _SIGNED)))
_FLOATS = frozenset(("FLOAT", "DOUBLE"))
_SQL_TYPE = {
    "integer": "HUGEINT",
    "number": "DOUBLE",
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "datetime": "TIMESTAMP",
}
_MAX_FLOAT_INTEGER = 2.0**100  # integral floats beyond this do not fit HUGEINT and are invalid integers


@dataclass(frozen=True)
class Table:
    """A table that DuckDB can scan, with the kind of value that each column should hold.

    Attributes:
        connection: The DuckDB connection that it is registered in.
        path: The file or folder, for error messages.
        view: Its name there.
        form: The format of the file.
        rows: How many rows it has.
        storage: DuckDB's type of each column, in the order of the file.
        kinds: The kind of each column.
    """

    connection: duckdb.DuckDBPyConnection
    path: Path
    view: str
    form: Format
    rows: int
    storage: Mapping[str, str]
    kinds: Mapping[str, Kind]

    def value(self, name: str) -> str:
        """Return SQL for a column's value as its kind: NULL where it is missing or invalid."""
        return _value(quote(name), self.storage[name], self.kinds[name], self.form)

    def present(self, name: str) -> str:
        """Return SQL that is true where a column holds anything at all, valid or not."""
        column = quote(name)
        if self.storage[name] in _FLOATS:
            return f"({column} IS NOT NULL AND NOT isnan({column}))"
        if self.form == "csv" and self.kinds[name] == "number":
            return f"({column} IS NOT NULL AND NOT regexp_full_match({column}, '[+-]?(?i:nan)'))"
        return f"({column} IS NOT NULL)"

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run SQL; every name in it has been quoted with `quote`.

        Raises:
            InputError: A page of the file is damaged.
        """
        with readable(self.path, self.form):
            return self.connection.execute(sql).fetchall()

    def ask(self, what: str, rest: str = "") -> list[tuple[Any, ...]]:
        """Run one SELECT over the table; see `query`."""
        return self.query(select(what, quote(self.view), rest))

    def count(self, conditions: Sequence[str]) -> list[int]:
        """Count, in few scans, the rows for which each SQL condition is true."""
        counted: list[int] = []
        for start in range(0, len(conditions), COLUMNS_A_QUERY):
            asked = ", ".join(
                f"count(*) FILTER (WHERE {c})" for c in conditions[start : start + COLUMNS_A_QUERY]
            )
            counted += self.ask(asked)[0]
        return counted

    def rows_where(self, condition: str, limit: int = SHOWN_ROWS) -> tuple[int, ...]:
        """Return the first 0-based row numbers for which an SQL condition is true."""
        numbered = select(f"row_number() OVER () - 1 AS row, ({condition}) AS hit", quote(self.view))
        found = self.query(select("row", f"({numbered})", f"WHERE hit ORDER BY row LIMIT {limit}"))
        return tuple(row for (row,) in found)


def open_table(
    connection: duckdb.DuckDBPyConnection, path: Path, kinds: Mapping[str, Kind] | None = None
) -> Table:
    """Register a table for counting.

    Args:
        connection: From `lockgate.table.read.connect`.
        path: A file or a folder of part files.
        kinds: The kind of each column that is known; the others are taken from the storage type,
            and in CSV from the whole content (see `lockgate.table.text`).

    Raises:
        InputError: The table is missing, unreadable or has no rows.
    """
    form = file_format(path)
    found = relation(connection, path, text=True)
    number = connection.execute("SELECT count(*) FROM duckdb_views()").fetchall()[0][0]
    view = f"lockgate_view_{number}"
    found.create_view(view)
    storage = dict(zip(found.columns, (str(t) for t in found.types), strict=True))
    with readable(path, form):
        rows = connection.execute(select("count(*)", quote(view))).fetchall()[0][0]
    if rows == 0:
        raise InputError(f"{path} has no rows; give a table with rows")
    known = {name: kind for name, kind in (kinds or {}).items() if name in storage}
    unknown = [name for name in storage if name not in known]
    if form == "csv":
        guessed = text.text_types(found, unknown) if unknown else {}
        known |= {name: kind_of(guessed[name]) for name in unknown}
    else:
        known |= {name: kind_of(storage[name]) for name in unknown}
    return Table(connection, path, view, form, rows, storage, {name: known[name] for name in storage})


def kind_of(storage: str) -> Kind:
    """Return the kind of values that a DuckDB type stores."""
    if storage in _INTEGERS:
        return "integer"
    if storage in _FLOATS or storage.startswith("DECIMAL"):
        return "number"
    if storage == "BOOLEAN":
        return "boolean"
    if storage == "VARCHAR" or storage.startswith("ENUM"):
        return "string"
    return "datetime" if storage == "DATE" or storage.startswith("TIMESTAMP") else "any"


def _value(column: str, storage: str, kind: Kind, form: Format) -> str:
    """SQL that reads a stored value as a kind, or NULL where it is none."""
    if kind == "any":
        return f"CASE WHEN isfinite({column}) THEN {column} END" if storage in _FLOATS else column
    if form == "csv":
        return _from_text(column, kind)
    stored = kind_of(storage)
    if kind == "integer" and stored == "number":
        number = f"CAST({column} AS DOUBLE)"
        return (
            f"CASE WHEN isfinite({number}) AND {number} = trunc({number}) "
            f"AND abs({number}) <= {_MAX_FLOAT_INTEGER!r} THEN CAST({column} AS HUGEINT) END"
        )
    if kind == "number" and stored in ("integer", "number"):
        number = f"CAST({column} AS DOUBLE)"
        return f"CASE WHEN isfinite({number}) THEN {number} END"
    if kind == "datetime" and stored == "string" and form == "jsonl":
        return _from_text(column, kind)
    if kind == stored:
        return f"CAST({column} AS {_SQL_TYPE[kind]})"
    return f"CAST(NULL AS {_SQL_TYPE[kind]})"


def _from_text(column: str, kind: Kind) -> str:
    if kind == "string":
        return column
    written = {
        "integer": text.INTEGER_TEXT,
        "number": text.NUMBER_TEXT,
        "boolean": text.BOOLEAN_TEXT,
        "datetime": text.DATETIME_TEXT,
    }[kind]
    cast = f"TRY_CAST({column} AS {_SQL_TYPE[kind]})"
    finite = f" AND isfinite({cast})" if kind == "number" else ""
    return f"CASE WHEN regexp_full_match({column}, {literal(written)}){finite} THEN {cast} END"
