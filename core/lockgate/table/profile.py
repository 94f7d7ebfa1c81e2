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
  Arithmetic and Validity", 2nd ed. 2013, section 8.)

What counts as a value:

* NULL is missing; so are an empty CSV field, and NaN in a column of numbers, which is how numpy and
  pandas write a missing number.
* An infinity is no number (RFC 8259 has none either): it is an invalid value, like text in a column
  of numbers.
* An empty text in Parquet, Arrow or JSON is a value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lockgate.errors import InputError
from lockgate.table import formats, text
from lockgate.table.read import relation
from lockgate.table.sql import literal, quote

if TYPE_CHECKING:
    import duckdb

Kind = Literal["integer", "number", "string", "boolean", "datetime", "any"]

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
_ORDERED = ("integer", "number", "datetime")
_BATCH = 50  # columns in one query: DuckDB plans a few hundred aggregates fast, and thousands slowly
_BITS = 46
_MAX_FLOAT_INTEGER = 2.0**100  # integral floats beyond this do not fit HUGEINT and are invalid integers
SHOWN_ROWS = 20


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
    form: formats.Format
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
        with formats.readable(self.path, self.form):
            return self.connection.execute(sql).fetchall()

    def ask(self, what: str, rest: str = "") -> list[tuple[Any, ...]]:
        """Run one SELECT over the table; see `query`."""
        return self.query(f"SELECT {what} FROM {quote(self.view)} {rest}")  # noqa: S608

    def count(self, conditions: Sequence[str]) -> list[int]:
        """Count, in few scans, the rows for which each SQL condition is true."""
        counted: list[int] = []
        for start in range(0, len(conditions), _BATCH):
            asked = ", ".join(f"count(*) FILTER (WHERE {c})" for c in conditions[start : start + _BATCH])
            counted += self.ask(asked)[0]
        return counted

    def rows_where(self, condition: str, limit: int = SHOWN_ROWS) -> tuple[int, ...]:
        """Return the first 0-based row numbers for which an SQL condition is true."""
        numbered = f"(SELECT row_number() OVER () - 1 AS row, ({condition}) AS hit FROM {quote(self.view)})"  # noqa: S608
        query = f"SELECT row FROM {numbered} WHERE hit ORDER BY row LIMIT {limit}"  # noqa: S608
        return tuple(row for (row,) in self.query(query))


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
        mean: Mean of the values, for integers and numbers.
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


def open_table(
    connection: duckdb.DuckDBPyConnection, path: Path, kinds: Mapping[str, Kind] | None = None
) -> Table:
    """Register a table for counting.

    Args:
        connection: From `lockgate.table.read.connect`.
        path: A file or a folder of part files.
        kinds: The kind of each column that is known; the others are taken from the storage type,
            and in CSV from the whole content (see `lockgate.table.read`).

    Raises:
        InputError: The table is missing, unreadable or has no rows.
    """
    form = formats.file_format(path)
    found = relation(connection, path, text=True)
    number = connection.execute("SELECT count(*) FROM duckdb_views()").fetchall()[0][0]
    view = f"lockgate_view_{number}"
    found.create_view(view)
    storage = dict(zip(found.columns, (str(t) for t in found.types), strict=True))
    with formats.readable(path, form):
        rows = connection.execute(f"SELECT count(*) FROM {quote(view)}").fetchall()[0][0]  # noqa: S608
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


def profile(table: Table, names: Iterable[str] | None = None) -> dict[str, Column]:
    """Count columns: what is there, what is valid, range, mean and spread.

    Args:
        table: From `open_table`.
        names: The columns; None takes all.
    """
    chosen = list(table.storage if names is None else names)
    found: dict[str, Column] = {}
    for start in range(0, len(chosen), _BATCH):
        batch = chosen[start : start + _BATCH]
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
    inner = f"(SELECT DISTINCT {', '.join(quote(n) for n in names)} FROM {quote(table.view)})"  # noqa: S608
    return int(table.query(f"SELECT count(*) FROM {inner}")[0][0])  # noqa: S608


@dataclass(frozen=True)
class Repeats:
    """Rows that repeat others.

    Attributes:
        count: How many rows.
        rows: The first of them, at most 20, by 0-based number.
    """

    count: int
    rows: tuple[int, ...] = ()


def duplicates(table: Table, names: Sequence[str] | None = None) -> Repeats:
    """Count the rows that a table would lose if each different row were kept once.

    Args:
        table: From `open_table`.
        names: The columns that are compared, as values of their kinds, among the rows that have
            them all; None compares whole rows as they are stored, gaps included.

    Returns:
        The count of surplus copies; its row numbers are those of all copies, the first included.
    """
    if names is None:
        return _repeats(table, [quote(name) for name in table.storage], "count(*) - 1", "count(*) > 1")
    values = [table.value(name) for name in names]
    complete = " AND ".join(f"{value} IS NOT NULL" for value in values)
    return _repeats(table, values, "count(*) - 1", "count(*) > 1", complete)


def conflicts(table: Table, features: Sequence[str], label: str) -> Repeats:
    """Count the rows that equal another row in every feature and have another label.

    Args:
        table: From `open_table`.
        features: The columns that are compared.
        label: The label; rows without one are left out.
    """
    chosen = [quote(name) for name in features]
    value = table.value(label)
    return _repeats(table, chosen, f"count({value})", f"min({value}) <> max({value})")


def _repeats(table: Table, columns: list[str], counted: str, having: str, where: str = "true") -> Repeats:
    """Group rows exactly, but hold in memory only the groups that a 64-bit hash says may matter.

    A hash never tells equal rows apart, so nothing is missed; rows that merely share a hash are
    separated by the exact grouping of the second step. No alias is used in a GROUP BY or HAVING:
    the table may have a column of that name.
    """
    if not columns:
        return Repeats(0)
    hashed = f"hash({', '.join(columns)})"
    source, keys = quote(table.view), quote(table.view + "_repeats")
    table.query(
        f"CREATE OR REPLACE TEMP TABLE {keys} AS "  # noqa: S608
        f"SELECT {hashed} AS h FROM {source} WHERE {where} GROUP BY {hashed} HAVING {having}"
    )
    again = f"{where} AND {hashed} IN (FROM {keys})"
    groups = (
        f"SELECT {counted} AS n FROM {source} WHERE {again} GROUP BY {', '.join(columns)} HAVING {having}"  # noqa: S608
    )
    count = table.query(f"SELECT sum(n) FROM ({groups})")[0][0]  # noqa: S608
    rows = table.rows_where(again) if count else ()
    table.query(f"DROP TABLE {keys}")
    return Repeats(int(count or 0), rows)


def _counts(table: Table, name: str) -> tuple[str, str, str, str]:
    value = table.value(name)
    ordered = table.kinds[name] in _ORDERED
    return (
        f"count(*) FILTER (WHERE {table.present(name)})",
        f"count({value})",
        f"min({value})" if ordered else "NULL",
        f"max({value})" if ordered else "NULL",
    )


def _value(column: str, storage: str, kind: Kind, form: formats.Format) -> str:
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


def _moments(table: Table, columns: Mapping[str, Column]) -> dict[str, Column]:
    """Fill in mean and standard deviation from exact integer sums; see the module docstring."""
    from dataclasses import replace

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
        if abs(exponent) > 1000:  # noqa: PLR2004 - 2.0**1024 is no float; such ranges get no mean
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
