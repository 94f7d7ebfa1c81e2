"""Read Parquet and Arrow (IPC) files with pyarrow: several parts as one table, in plain types.

Dictionary-encoded and large strings become plain ones and file metadata is dropped, so that the
same rows are the same table whatever wrote them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.errors import InputError
from lockgate.table.formats import readable, require_names
from lockgate.table.require import require_columns

if TYPE_CHECKING:
    import pyarrow as pa


def read_parquet(files: list[Path], columns: Sequence[str] | None, path: Path) -> pa.Table:
    """Read Parquet files into memory, all columns or those named, in that order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    same_columns(files, path)
    tables = []
    for file in files:
        with readable(file, "parquet"), pq.ParquetFile(file) as opened:
            if columns is not None:
                require_columns(opened.schema_arrow, columns, "columns", where=path)
            tables.append(plain(opened.read(columns=None if columns is None else list(columns))))
    return pa.concat_tables(tables)


def read_ipc(files: list[Path], path: Path) -> pa.Table:
    """Read Arrow files or streams into memory."""
    import pyarrow as pa

    return pa.Table.from_batches(list(ipc_batches(files, path)), schema=ipc_schema(files[0]))


def same_columns(files: list[Path], path: Path) -> None:
    """Raise unless Parquet files agree on names and types: engines would drop or null what differs.

    Raises:
        InputError: A file is unreadable, has other columns than the first, none, or two of one name.
    """
    import pyarrow.parquet as pq

    first = None
    for file in files:
        with readable(file, "parquet"):
            schema = pq.read_schema(file).remove_metadata()
        if first is None:
            first = schema
            require_names(schema.names, path)
        _require_same(first, schema, files[0], file)


def ipc_schema(file: Path) -> pa.Schema:
    """Return the columns of an Arrow file, in plain types."""
    import pyarrow as pa

    with readable(file, "arrow"), _ipc_reader(file) as reader:
        schema = reader.schema.remove_metadata()
    require_names(schema.names, file)
    return pa.schema([pa.field(f.name, _plain_type(f.type)) for f in schema])


def ipc_batches(files: list[Path], path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the rows of Arrow files batch by batch, in plain types."""
    schema = ipc_schema(files[0])
    for file in files:
        _require_same(schema, ipc_schema(file), files[0], file)
        with readable(path, "arrow"), _ipc_reader(file) as reader:
            many = getattr(reader, "num_record_batches", None)
            batches = reader if many is None else (reader.get_batch(i) for i in range(many))
            for batch in batches:
                yield batch.cast(schema)


def plain(table: pa.Table) -> pa.Table:
    """Return a table in plain types and without metadata."""
    import pyarrow as pa

    schema = pa.schema([pa.field(f.name, _plain_type(f.type)) for f in table.schema])
    return table if table.schema.equals(schema, check_metadata=True) else table.cast(schema)


def _plain_type(type_: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    return pa.string() if pa.types.is_large_string(type_) else type_


def _require_same(one: pa.Schema, other: pa.Schema, first: Path, file: Path) -> None:
    if one.names != other.names or list(map(_plain_type, one.types)) != list(map(_plain_type, other.types)):
        raise InputError(
            f"{file} has other columns or types than {first.name}; write all parts with one schema"
        )


@contextlib.contextmanager
def _ipc_reader(file: Path) -> Iterator[Any]:
    import pyarrow as pa

    with pa.OSFile(str(file), "rb") as opened:
        is_file = opened.read(6) == b"ARROW1"
        opened.seek(0)
        with (pa.ipc.open_file if is_file else pa.ipc.open_stream)(opened) as reader:
            yield reader
