"""Profile a table that lies in a file or folder, on the engine that was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from lockgate.progress import working
from lockgate.table.baseline.profile import Profile
from lockgate.table.comparison import require_rows, wanted
from lockgate.table.engine import duck
from lockgate.table.formats import file_format
from lockgate.table.read import connect, relation
from lockgate.table.sql import select

Engine = Literal["duckdb", "spark"]
_VIEW = "lockgate_table"


def profile_of(
    path: Path,
    *,
    columns: Sequence[str] | None = None,
    ignore: Iterable[str] = (),
    layout: Profile | None = None,
    engine: Engine = "duckdb",
    threads: int | None = None,
    bare: bool = False,
) -> Profile:
    """Return the profile of a table.

    Args:
        path: A file or a folder of part files.
        columns: The columns to count; None takes all.
        ignore: Columns to leave out.
        layout: An earlier profile whose edges and categories are used.
        engine: DuckDB in this process, or Spark.
        threads: Threads of DuckDB; None is one a core. Changes no result.
        bare: Leave out what a comparison does not need of the current table: sums, and the different
            values of floats. Such a profile is not for keeping.

    Raises:
        InputError: The table is unreadable, has no rows, or lacks a named column.
        MissingExtraError: Spark is not installed.
    """
    with working("counting columns"):
        if engine == "spark":
            from lockgate.table.engine.spark import profile_of as on_spark

            return on_spark(path, columns=columns, ignore=ignore, layout=layout)
        with connect("384MB") as connection:
            if threads is not None:
                connection.execute(f"SET threads = {int(threads)}")
            table = relation(connection, path)
            table.create_view(_VIEW)
            types = dict(zip(table.columns, map(str, table.types), strict=True))
            names = wanted(types, types, columns, set(ignore), where=str(path))
            (rows,) = connection.execute(select("count(*)", _VIEW)).fetchall()[0]
            require_rows(rows, path)
            at_a_time = 1
            if file_format(path) == "parquet":
                at_a_time = int(connection.execute("SELECT current_setting('threads')").fetchall()[0][0])
            return duck.profile(duck.Scan(connection, _VIEW, types, rows, at_a_time, bare), names, layout)
