"""Read a table, whatever it is kept in, and say in one sentence what is wrong with it if it cannot be read.

Four formats are recognised by their content, because an artifact that an engine hands over has no
file name ending: Parquet, Arrow (IPC file or stream), CSV and JSON lines. A folder is read as one
table: its files in the order of their names, all of one format and with the same columns; names
that start with ``_`` or ``.`` are left out, as Spark, pyarrow and DuckDB leave them out.

Two ways in:

* `read_arrow` gives the table in memory, for models and tests that need every row.
* `connect` and `relation` give it to DuckDB, for statistics that need only one pass.

Text formats carry no types, and guessing them from the first rows goes wrong silently. Here a CSV
column is numbers only if *every* value in it is written as a number (RFC 8259 grammar: ``007`` and
``+1`` are text, so are ``1_000`` and ``1,5``; ``nan`` and ``inf`` count as written by numpy). With
``text=True`` nothing is guessed and every CSV column stays text.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import re
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from lockgate.errors import InputError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Format = Literal["parquet", "arrow", "csv", "jsonl"]

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
_PACKED = {b"\x1f\x8b": "gzip", b"BZ": "bzip2", b"PK": "zip", b"\x28\xb5": "zstd", b"\xfd7": "xz"}
_BATCH = 50  # columns in one query: DuckDB plans a few hundred aggregates fast, and thousands slowly
_CHUNK = 1 << 20
_HEADER_BYTES = 1 << 20
_SHOWN_NAMES = 20


# --- In memory --------------------------------------------------------------------------------------


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
    files, form = _files(path)
    if form == "parquet":
        table = _read_parquet(files, columns, path)
    elif form == "arrow":
        table = _read_ipc(files, path)
    else:
        with connect() as connection:
            table = relation(connection, path, text=text).to_arrow_table()
    if columns is not None:
        require_columns(table.column_names, columns, "columns", where=path)
        table = table.select(list(columns))
    if table.num_rows < min_rows:
        raise InputError(_too_few(path, table.num_rows, min_rows))
    return _plain(table)


# --- On DuckDB --------------------------------------------------------------------------------------


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
    files, form = _files(path)
    if form == "parquet":
        _same_columns(files, path)
        names = [str(f) for f in files]
        with readable(path, form):
            return connection.read_parquet(names, hive_partitioning=False, union_by_name=False)
    if form == "arrow":
        import pyarrow as pa

        batches = pa.RecordBatchReader.from_batches(_ipc_schema(files[0]), _ipc_batches(files, path))
        # A reader can be scanned only once, so its rows go into a temporary table as well.
        with readable(path, form):
            return _kept(connection, connection.from_arrow(batches))
    if form == "jsonl":
        with readable(path, form):
            return _kept(connection, connection.sql(_jsonl_query(connection, files, path)))
    with readable(path, form):
        found = _kept(connection, connection.sql(_csv_query(files, path)))
    return found if text else _typed(found)


def sniff(path: Path) -> Format:
    """Return the format of one file, read from its first and last bytes.

    Raises:
        InputError: The file is empty, or it is packed or of a format that is not read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_CHUNK)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check the path and its rights") from None
    if not head:
        raise InputError(f"{path} is an empty file; give a table with a header and rows")
    if head[:4] in (b"PAR1", b"PARE"):
        return "parquet"
    if head[:6] == b"ARROW1" or head[:4] == b"\xff\xff\xff\xff":
        return "arrow"
    packed = {
        b"\x1f\x8b": "gzip",
        b"BZ": "bzip2",
        b"PK": "a zip archive",
        b"\x28\xb5": "zstd",
        b"\xfd7": "xz",
    }
    if head[:2] in packed and b"\x00" in head:
        raise InputError(f"{path} is packed with {packed[head[:2]]}; unpack it first")
    if b"\x00" in head:
        raise InputError(
            f"{path} is neither Parquet, Arrow, CSV nor JSON lines; convert it to one of these, in UTF-8"
        )
    return "jsonl" if head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"{" else "csv"


def file_format(path: Path) -> Format:
    """Return the format of a file, or of every part file in a folder.

    Raises:
        InputError: The path is missing, of no known format, or a folder of mixed formats.
    """
    return _files(path)[1]


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
    for start in range(0, len(chosen), _BATCH):
        batch = chosen[start : start + _BATCH]
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


def quote(name: str) -> str:
    """Return a column name as an SQL identifier; the only place where names enter SQL text."""
    if "\x00" in name:
        raise InputError(f"the column name {name!r} contains a NUL character; rename the column")
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Return a text as an SQL string literal; values that can be bound are bound instead."""
    return "'" + value.replace("'", "''") + "'"


# --- Conditions -------------------------------------------------------------------------------------


def require_columns(table: Any, names: Iterable[str], param: str, *, where: Path | str = "the table") -> None:
    """Raise unless every named column is there.

    Args:
        table: An Arrow table or schema, a DuckDB relation, or the column names themselves.
        names: The columns that must be there.
        param: The parameter that named them, for the error message.
        where: The file or artifact, for the error message.

    Raises:
        InputError: A column is absent; the sentence lists the columns that there are.
    """
    there = _names(table)
    absent = [name for name in names if name not in there]
    if absent:
        raise InputError(
            f"{param} names {_listed(absent)}, which {where} does not have; its columns are {_listed(there)}"
        )


def require_label(
    table: pa.Table, label: str, *, param: str = "label", where: Path | str = "the table"
) -> None:
    """Raise unless the label column is there and has at least two classes.

    Raises:
        InputError: The label is absent, has no value at all, or the same value in every row.
    """
    import pyarrow.compute as pc

    require_columns(table, [label], param, where=where)
    column = table[label]
    if column.null_count == len(column):
        raise InputError(f"the label column {label!r} of {where} has no value at all; give labelled rows")
    classes = pc.count_distinct(column, mode="only_valid").as_py()
    if classes < 2:  # noqa: PLR2004 - two classes are the fewest that can be told apart
        raise InputError(
            f"the label column {label!r} of {where} has one class only; give rows of at least two classes"
        )


def require_values(
    table: pa.Table, leave_out: Iterable[str] = (), *, where: Path | str = "the table"
) -> None:
    """Raise when a column says nothing: only nulls and NaN. The columns in `leave_out` may.

    Raises:
        InputError: A column has no value at all.
    """
    import pyarrow.compute as pc

    spared = set(leave_out)
    for name in table.column_names:
        if name not in spared and pc.all(pc.is_null(table[name], nan_is_null=True)).as_py():
            refuse_no_value(name, where)


def refuse_no_value(name: str, where: Path | str) -> NoReturn:
    """Raise the error of a column without any value."""
    raise InputError(f"the column {name!r} of {where} has no value at all; fill it, drop it or ignore it")


# --- Files ------------------------------------------------------------------------------------------


def _files(path: Path) -> tuple[list[Path], Format]:
    if not path.exists():
        raise InputError(f"there is no file or folder {path}; check the path")
    if not path.is_dir():
        return [path], sniff(path)
    files = sorted(
        f
        for f in path.rglob("*")
        if f.is_file() and not any(part[0] in "._" for part in f.relative_to(path).parts)
    )
    if not files:
        raise InputError(
            f"the folder {path} holds no table files; give a folder of Parquet, Arrow, CSV or JSON lines"
        )
    for file in files:
        folder = next((p for p in file.relative_to(path).parts[:-1] if "=" in p), None)
        if folder:
            raise InputError(
                f"{path} is partitioned by folder names such as {folder!r}; write that column into the files"
            )
    forms = {sniff(file): file for file in files}
    if len(forms) > 1:
        raise InputError(
            f"the folder {path} mixes {' and '.join(sorted(forms))} files; keep one format in it"
        )
    return files, next(iter(forms))


@contextlib.contextmanager
def readable(path: Path, form: Format) -> Iterator[None]:
    """Turn what an engine says about an unreadable file into one sentence.

    DuckDB reads pages when a query needs them, so a damaged file may show in any query.

    Raises:
        InputError: An engine could not read the file in this block.
    """
    import duckdb
    import pyarrow as pa

    ours = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.InternalException)
    try:
        yield
    except (*ours, duckdb.OutOfMemoryException):
        raise  # not the file's fault
    except (duckdb.Error, pa.ArrowException, OSError, EOFError) as error:
        name = {"parquet": "Parquet", "arrow": "Arrow", "csv": "CSV", "jsonl": "JSON lines"}[form]
        raise InputError(f"{path} cannot be read as {name}: {_gist(error)}; write the file again") from None


def _gist(error: BaseException) -> str:
    """The first lines of an engine's message, without its advice and the data that it quotes."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    quoted = ("Original Line", "Possible", "LINE ", "*")
    kept = " ".join([line for line in lines if not line.startswith(quoted)][:2])
    kept = re.sub(r"^[\w ]+ Error: ", "", kept.split(" Try ")[0])
    return re.sub(r"\{.*\} ?", "", kept)[:300].rstrip(" .;:") or type(error).__name__


def _too_few(path: Path, rows: int, wanted: int) -> str:
    if rows == 0:
        return f"{path} has no rows; give a table with rows"
    return f"{path} has {rows} rows, and at least {wanted} are needed; give more rows"


def _names(table: Any) -> list[str]:
    for attribute in ("column_names", "names", "columns"):
        found = getattr(table, attribute, None)
        if found is not None:
            return [str(name) for name in found]
    return list(table)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(repr(name) for name in names[:_SHOWN_NAMES]) + more


def _unique(names: Sequence[str], path: Path) -> None:
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InputError(
            f"{path} has the column {_listed(twice)} more than once; give each column its own name"
        )
    if any(not name.strip() for name in names):
        raise InputError(
            f"column {[not n.strip() for n in names].index(True) + 1} of {path} has no name; name it"
        )
    # DuckDB, like SQL, does not tell `Age` from `age`; reading one for the other would be silent.
    folded: dict[str, str] = {}
    for name in names:
        other = folded.setdefault(unicodedata.normalize("NFC", name).lower(), name)
        if other != name:
            raise InputError(
                f"{path} has columns {other!r} and {name!r}, which differ only in case or in how an "
                "accent is written; rename one"
            )


# --- Parquet and Arrow ------------------------------------------------------------------------------


def _read_parquet(files: list[Path], columns: Sequence[str] | None, path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    _same_columns(files, path)
    tables = []
    for file in files:
        with readable(file, "parquet"), pq.ParquetFile(file) as opened:
            if columns is not None:
                require_columns(opened.schema_arrow, columns, "columns", where=path)
            tables.append(_plain(opened.read(columns=None if columns is None else list(columns))))
    return pa.concat_tables(tables)


def _same_columns(files: list[Path], path: Path) -> None:
    """Part files must agree on names and types: engines would drop or null what differs, silently."""
    import pyarrow.parquet as pq

    first = None
    for file in files:
        with readable(file, "parquet"):
            schema = pq.read_schema(file).remove_metadata()
        if first is None:
            first = schema
            _unique(schema.names, path)
            if not schema.names:
                raise InputError(f"{path} has no columns; give a table with columns")
        elif not _same_schema(first, schema):
            raise InputError(
                f"{file} has other columns or types than {files[0].name}; write all parts with one schema"
            )


def _same_schema(one: pa.Schema, other: pa.Schema) -> bool:
    return one.names == other.names and all(
        _plain_type(a) == _plain_type(b) for a, b in zip(one.types, other.types, strict=True)
    )


def _plain_type(type_: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    return pa.string() if pa.types.is_large_string(type_) else type_


def _plain(table: pa.Table) -> pa.Table:
    import pyarrow as pa

    fields = [pa.field(f.name, _plain_type(f.type)) for f in table.schema]
    plain = pa.schema(fields)
    return table if table.schema.equals(plain, check_metadata=True) else table.cast(plain)


def _ipc_schema(file: Path) -> pa.Schema:
    import pyarrow as pa

    with readable(file, "arrow"), _ipc_reader(file) as reader:
        schema = reader.schema.remove_metadata()
    _unique(schema.names, file)
    if not schema.names:
        raise InputError(f"{file} has no columns; give a table with columns")
    return pa.schema([pa.field(f.name, _plain_type(f.type)) for f in schema])


def _ipc_batches(files: list[Path], path: Path) -> Iterator[pa.RecordBatch]:
    schema = _ipc_schema(files[0])
    for file in files:
        if not _same_schema(_ipc_schema(file), schema):
            raise InputError(
                f"{file} has other columns or types than {files[0].name}; write all parts with one schema"
            )
        with readable(path, "arrow"), _ipc_reader(file) as reader:
            many = getattr(reader, "num_record_batches", None)
            batches = reader if many is None else (reader.get_batch(i) for i in range(many))
            for batch in batches:
                yield batch.cast(schema)


@contextlib.contextmanager
def _ipc_reader(file: Path) -> Iterator[Any]:
    import pyarrow as pa

    with pa.OSFile(str(file), "rb") as opened:
        is_file = opened.read(6) == b"ARROW1"
        opened.seek(0)
        with (pa.ipc.open_file if is_file else pa.ipc.open_stream)(opened) as reader:
            yield reader


def _read_ipc(files: list[Path], path: Path) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_batches(list(_ipc_batches(files, path)), schema=_ipc_schema(files[0]))


# --- CSV and JSON lines -----------------------------------------------------------------------------


def _kept(connection: duckdb.DuckDBPyConnection, found: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Parse once: put the rows into a temporary table, which DuckDB spills to disk when it is large."""
    number = connection.sql("SELECT count(*) FROM duckdb_tables() WHERE temporary").fetchall()[0][0]
    name = f"lockgate_{number}"
    found.create_view(name + "_source")
    connection.execute(f"CREATE TEMP TABLE {quote(name)} AS FROM {quote(name + '_source')}")
    connection.execute(f"DROP VIEW {quote(name + '_source')}")
    return connection.table(name)


def _jsonl_query(connection: duckdb.DuckDBPyConnection, files: list[Path], path: Path) -> str:
    for file in files:
        _check_utf8(file)
    listed = ", ".join(literal(str(f)) for f in files)
    keys = (
        "SELECT DISTINCT unnest(json_keys(json)) FROM read_json_objects("  # noqa: S608 - quoted paths
        f"[{listed}], format='newline_delimited', maximum_object_size=16777216)"
    )
    names = sorted(key for (key,) in connection.sql(keys).fetchall())
    if not names:
        raise InputError(f"{path} has no columns; give a table with columns")
    _unique(names, path)
    # The two formats match no text: strings that look like dates stay strings, as JSON has them.
    return (
        f"SELECT * FROM read_json([{listed}], format='newline_delimited', sample_size=-1, "  # noqa: S608
        "maximum_object_size=16777216, dateformat='no dates', timestampformat='no dates')"
    )


def _csv_query(files: list[Path], path: Path) -> str:
    for file in files:
        _check_utf8(file)
    names, delimiter = _header(files[0])
    _unique(names, path)
    for file in files[1:]:
        if _header(file) != (names, delimiter):
            raise InputError(
                f"{file} has another header than {files[0].name}; write all parts with one header"
            )
    listed = ", ".join(literal(str(f)) for f in files)
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    return (
        f"SELECT * FROM read_csv([{listed}], columns={{{columns}}}, header=true, auto_detect=false, "  # noqa: S608
        f"delim={literal(delimiter)}, quote='\"', escape='\"', nullstr='', strict_mode=true, "
        "max_line_size=16777216)"
    )


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


def _typed(found: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Cast the text columns whose every value is written as one type."""
    chosen = []
    for name, kind in text_types(found).items():
        column = quote(name)
        chosen.append(column if kind == "VARCHAR" else f"CAST({column} AS {kind}) AS {column}")
    return found.project(", ".join(chosen))
