"""Read CSV and JSON lines on DuckDB, and tell the type of a text column from every one of its values.

Text formats carry no types, and guessing them from the first rows goes wrong silently. Here a CSV
column is numbers only if *every* value in it is written as a number (RFC 8259 grammar: ``007`` and
``+1`` are text, so are ``1_000`` and ``1,5``; ``nan`` and ``inf`` count as written by numpy).
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.errors import InputError
from lockgate.table.formats import require_names
from lockgate.table.sql import COLUMNS_A_QUERY, literal, quote, select

if TYPE_CHECKING:
    import duckdb

INTEGER_TEXT = r"-?(?:0|[1-9][0-9]*)"
NUMBER_TEXT = (
    r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|-?\.[0-9]+(?:[eE][+-]?[0-9]+)?"
    r"|[+-]?(?i:nan|inf|infinity)"
)
BOOLEAN_TEXT = r"(?i:true|false)"
DATETIME_TEXT = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)

_DELIMITERS = ",;\t|"
_CHUNK = 1 << 20
_HEADER_BYTES = 1 << 20
_LONGEST_LINE = 1 << 24  # bytes


def csv_query(files: list[Path], path: Path) -> str:
    """Return the SQL that reads CSV files, every column as text."""
    for file in files:
        _check_utf8(file)
    names, delimiter = _header(files[0])
    require_names(names, path)
    for file in files[1:]:
        if _header(file) != (names, delimiter):
            raise InputError(
                f"{file} has another header than {files[0].name}; write all parts with one header"
            )
    listed = ", ".join(literal(str(f)) for f in files)
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    return select(
        "*",
        f"read_csv([{listed}], columns={{{columns}}}, header=true, auto_detect=false, "
        f"delim={literal(delimiter)}, quote='\"', escape='\"', nullstr='', strict_mode=true, "
        f"max_line_size={_LONGEST_LINE})",
    )


def jsonl_query(connection: duckdb.DuckDBPyConnection, files: list[Path], path: Path) -> str:
    """Return the SQL that reads JSON lines, in the types of JSON."""
    for file in files:
        _check_utf8(file)
    listed = ", ".join(literal(str(f)) for f in files)
    objects = f"[{listed}], format='newline_delimited', maximum_object_size={_LONGEST_LINE}"
    keys = select("DISTINCT unnest(json_keys(json))", f"read_json_objects({objects})")
    names = sorted(key for (key,) in connection.sql(keys).fetchall())
    require_names(names, path)
    # The two formats match no text: strings that look like dates stay strings, as JSON has them.
    as_written = "sample_size=-1, dateformat='no dates', timestampformat='no dates'"
    return select("*", f"read_json({objects}, {as_written})")


def cast_text(found: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Return a relation in which each text column is cast to the type that its every value is written as."""
    chosen = []
    for name, kind in text_types(found).items():
        column = quote(name)
        chosen.append(column if kind == "VARCHAR" else f"CAST({column} AS {kind}) AS {column}")
    return found.project(", ".join(chosen))


def text_types(found: duckdb.DuckDBPyRelation, names: Sequence[str] | None = None) -> dict[str, str]:
    """Return the DuckDB type that *every* value of a text column is written as, by column name.

    Args:
        found: A relation whose columns are text, as CSV has them.
        names: The columns to look at; None takes all.
    """
    kinds = (
        ("BIGINT", INTEGER_TEXT),
        ("DOUBLE", NUMBER_TEXT),
        ("BOOLEAN", BOOLEAN_TEXT),
        ("TIMESTAMP", DATETIME_TEXT),
    )
    chosen = list(found.columns if names is None else names)
    types: dict[str, str] = {}
    for start in range(0, len(chosen), COLUMNS_A_QUERY):
        batch = chosen[start : start + COLUMNS_A_QUERY]
        asked = ", ".join(
            f"bool_and(regexp_full_match({quote(name)}, {literal(pattern)}) "
            f"AND TRY_CAST({quote(name)} AS {kind}) IS NOT NULL) FILTER (WHERE {quote(name)} IS NOT NULL)"
            for name in batch
            for kind, pattern in kinds
        )
        answers = iter(found.aggregate(asked).fetchall()[0])
        for name in batch:
            fits = [next(answers) for _ in kinds]
            types[name] = next((k for (k, _), fit in zip(kinds, fits, strict=True) if fit), "VARCHAR")
    return types


def _header(file: Path) -> tuple[list[str], str]:
    """Return the column names and the delimiter: whichever of , ; tab | splits the header most."""
    with file.open("rb") as opened:
        head = opened.read(_HEADER_BYTES).decode("utf-8-sig", errors="ignore")
    best: tuple[list[str], str] = ([], ",")
    for delimiter in _DELIMITERS:
        try:
            names = next(csv.reader(head.splitlines(keepends=True), delimiter=delimiter, strict=True), [])
        except csv.Error:
            continue
        if len(names) > len(best[0]):
            best = (names, delimiter)
    if not best[0]:
        raise InputError(f"the first line of {file} is not a CSV header; write the column names there")
    return best


def _check_utf8(file: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    with file.open("rb") as opened:
        while True:
            chunk = opened.read(_CHUNK)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line += error.object[: error.start].count(b"\n")
                raise InputError(f"{file} is not UTF-8 in line {line}; save it as UTF-8") from None
            if not chunk:
                return
            line += chunk.count(b"\n")
