"""Read a table, whatever it is kept in, and say in one sentence what is wrong with it if it cannot be read.

Four formats are recognised by their content, because an artifact that an engine hands over has no
file name ending: Parquet, Arrow (IPC file or stream), CSV and JSON lines. A folder is read as one
table: its files in the order of their names, all of one format and with the same columns; names
that start with ``_`` or ``.`` are left out, as Spark, pyarrow and DuckDB leave them out.

Two ways in:

* `read_arrow` gives the table in memory, for models and tests that need every row.
* `connect` and `relation` give it to DuckDB, for statistics that need only one pass.

This module is the door; behind it `formats` recognises, `columnar` reads Parquet and Arrow, `text`
reads CSV and JSON lines and says what counts as a number there, `require` holds conditions, and `sql`
quotes names. With ``text=True`` no type is guessed and every CSV column stays text.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.errors import InputError
from lockgate.table.columnar import ipc_batches, ipc_schema, plain, read_ipc, read_parquet, same_columns
from lockgate.table.formats import part_files, partition_columns, readable, require_names
from lockgate.table.require import refuse_no_value, require_columns, require_label, require_values
from lockgate.table.sql import quote
from lockgate.table.text import cast_text, csv_query, jsonl_query

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = [
    "connect",
    "quote",
    "read_arrow",
    "refuse_no_value",
    "relation",
    "require_columns",
    "require_label",
    "require_values",
]


def read_arrow(
    path: Path, columns: Sequence[str] | None = None, *, min_rows: int = 1, text: bool = False
) -> pa.Table:
    """Read a table into memory, its rows in the order of the file.

    Dictionary-encoded and large strings come back as plain ones, and file metadata is dropped, so
    that the same rows give the same table whatever wrote them.

    Args:
        path: A file or a folder of part files.
        columns: The columns to read, in this order; None reads all.
        min_rows: Fewest rows that are accepted; 0 allows an empty table.
        text: Leave CSV columns as text instead of reading their types from their content.

    Raises:
        InputError: The table is missing, unreadable, lacks a column, or has too few rows.
    """
    files, form = part_files(path)
    if form == "parquet" and not partition_columns(files, path):
        table = read_parquet(files, columns, path)
    elif form == "arrow":
        table = read_ipc(files, path)
    else:
        with connect() as connection:
            table = relation(connection, path, text=text).to_arrow_table()
    if columns is not None:
        require_columns(table.column_names, columns, "columns", where=path)
        table = table.select(list(columns))
    if table.num_rows < min_rows:
        raise InputError(_too_few(path, table.num_rows, min_rows))
    return plain(table)


@contextlib.contextmanager
def connect(memory: str = "2GB") -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a private in-memory DuckDB that spills to a temporary folder and loads no extensions.

    Rows keep the order of the file and time stamps are UTC. Nothing here makes a sum of floats
    independent of the number of cores: use the exact sums of `lockgate.table.profile` for that.

    Args:
        memory: What DuckDB may hold in memory before it spills to disk.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="lockgate-duckdb-") as spill:
        connection = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                # The statistics in a Parquet footer are not believed: they leave NaN out, so that DuckDB
                # takes isnan() for false, and whoever wrote the file can hide rows from filters with them.
                "disabled_optimizers": "statistics_propagation,filter_pushdown",
                "memory_limit": memory,
                "preserve_insertion_order": "true",
                "temp_directory": spill,
            },
        )
        try:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET enable_progress_bar = false")
            yield connection
        finally:
            connection.close()


def relation(
    connection: duckdb.DuckDBPyConnection, path: Path, *, text: bool = False
) -> duckdb.DuckDBPyRelation:
    """Give a table to DuckDB without loading it; text formats are parsed once, into a temporary table.

    Args:
        connection: From `connect`.
        path: A file or a folder of part files.
        text: Leave CSV columns as text (VARCHAR) instead of reading their types from their content.

    Raises:
        InputError: The table is missing or unreadable.
    """
    files, form = part_files(path)
    if form == "parquet":
        same_columns(files, path)
        names = [str(f) for f in files]
        columns = _all_columns(files, path)
        with readable(path, form):
            found = connection.read_parquet(names, hive_partitioning=bool(columns), union_by_name=False)
            return found.project(", ".join(map(quote, columns))) if columns else found
    if form == "arrow":
        import pyarrow as pa

        batches = pa.RecordBatchReader.from_batches(ipc_schema(files[0]), ipc_batches(files, path))
        # A reader can be scanned only once, so its rows go into a temporary table as well.
        with readable(path, form):
            return _kept(connection, connection.from_arrow(batches))
    if form == "jsonl":
        with readable(path, form):
            return _kept(connection, connection.sql(jsonl_query(connection, files, path)))
    with readable(path, form):
        found = _kept(connection, connection.sql(csv_query(files, path)))
    return found if text else cast_text(found)


def _kept(connection: duckdb.DuckDBPyConnection, found: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Parse once: put the rows into a temporary table, which DuckDB spills to disk when it is large."""
    number = connection.sql("SELECT count(*) FROM duckdb_tables() WHERE temporary").fetchall()[0][0]
    name = f"lockgate_{number}"
    found.create_view(name + "_source")
    connection.execute(f"CREATE TEMP TABLE {quote(name)} AS FROM {quote(name + '_source')}")
    connection.execute(f"DROP VIEW {quote(name + '_source')}")
    return connection.table(name)


def _all_columns(files: Sequence[Path], path: Path) -> list[str]:
    """The columns of a partitioned table, those of folder names last; nothing when it is not partitioned.

    DuckDB takes folder names from the whole path of a file.

    Raises:
        InputError: Such a column is in the files as well, or a folder above the table looks like one.
    """
    import pyarrow.parquet as pq

    columns = partition_columns(files, path)
    if not columns:
        return []
    columns = [*pq.read_schema(files[0]).names, *columns]
    require_names(columns, path)
    above = [part for part in path.absolute().parts if "=" in part]
    if above:
        raise InputError(
            f"{path} is partitioned, and lies below {above[0]!r}, which looks like a partition as well; "
            "move the table, or set TMPDIR to a folder without ="
        )
    return columns


def _too_few(path: Path, rows: int, wanted: int) -> str:
    if rows == 0:
        return f"{path} has no rows; give a table with rows"
    return f"{path} has {rows} rows, and at least {wanted} are needed; give more rows"
