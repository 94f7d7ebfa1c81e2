"""Make a profile of a table on Spark: `kernel` runs in its workers, on batches of Arrow.

It is the same code that counts on DuckDB, so the same table gives the same profile. The workers
need numpy and pyarrow; what counts is shipped to them by value. Only counts come back.

The master is that of the environment: a running session, ``spark-defaults.conf``,
``PYSPARK_SUBMIT_ARGS``; without any, this machine (``local[*]``). A path must be readable by the workers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.errors import InputError, MissingExtraError
from lockgate.table.baseline import sketch, sums
from lockgate.table.baseline.profile import (
    FEW_VALUES,
    LONGEST_CATEGORY,
    MOST_CATEGORIES,
    ColumnProfile,
    Profile,
)
from lockgate.table.comparison import require_rows, wanted
from lockgate.table.engine import arrays, kernel, partition, quantiles
from lockgate.table.engine.columns import Family
from lockgate.table.engine.partition import Part, Task
from lockgate.table.formats import file_format

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_WHOLE = {"tinyint": "TINYINT", "smallint": "SMALLINT", "int": "INTEGER", "bigint": "BIGINT"}
_FLOATS = {"float": "FLOAT", "double": "DOUBLE"}
_TIMES = {"timestamp": "TIMESTAMP WITH TIME ZONE", "timestamp_ntz": "TIMESTAMP", "date": "DATE"}


def profile_of(
    path: Path,
    *,
    columns: Sequence[str] | None = None,
    ignore: Iterable[str] = (),
    layout: Profile | None = None,
) -> Profile:
    """Return the profile of a table in a file or folder; see `lockgate.table.engine.local.profile_of`."""
    spark = session()
    form = file_format(path)
    if form == "parquet":
        frame = spark.read.parquet(str(path))
    else:
        raise InputError(
            f"{path} is {form}, and the engine spark reads Parquet, which has types; "
            "write it as Parquet, or leave engine out"
        )
    return profile(frame, columns=columns, ignore=ignore, layout=layout, where=str(path))


def session() -> SparkSession:
    """Return the Spark session of the environment, in UTC.

    Raises:
        MissingExtraError: pyspark is not installed.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise MissingExtraError("spark", "pyspark") from None
    # Workers on this machine would else run whatever is first in PATH, without numpy.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = SparkSession.builder.appName("lockgate").getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    return spark


def profile(
    frame: DataFrame,
    *,
    columns: Sequence[str] | None = None,
    ignore: Iterable[str] = (),
    layout: Profile | None = None,
    where: str = "the table",
) -> Profile:
    """Return the profile of a data frame, wherever Spark has it.

    Args:
        frame: The table.
        columns: The columns to count; None takes all.
        ignore: Columns to leave out.
        layout: An earlier profile whose edges and categories are used. Without it, edges come from
            rounds of counting (`lockgate.table.engine.quantiles`).
        where: What errors call the table.

    Raises:
        InputError: The table has no rows or lacks a named column.
    """
    names = wanted(frame.columns, frame.columns, columns, set(ignore), where=where)
    types = dict(frame.dtypes)
    families = {name: _family(types[name]) for name in names}
    rows = frame.count()
    require_rows(rows, where)
    known = {name: layout.columns[name] for name in names if layout and name in layout.columns}
    usable = {name: column for name, column in known.items() if column.family == families[name]}
    tasks: dict[str, Task] = {}
    values: dict[str, str] = {}
    for name in names:
        if families[name] == "other":
            continue
        tasks[name], values[name] = _task(name, types[name], families[name], usable.get(name))
    own = [name for name in tasks if name not in usable]
    tasks |= _edges(frame, values, {name: tasks[name] for name in own if tasks[name].numbers})
    for name in own:
        if not tasks[name].numbers or (types[name] in _WHOLE and len(tasks[name].edges) <= FEW_VALUES + 1):
            tasks[name] = replace(tasks[name], categories=_categories(frame, values[name], tasks[name]))
    counted = _run(frame, values, tasks)
    nested = {name: _filled(frame, name) for name in names if families[name] == "other"}
    found = {}
    for name in names:
        storage = _storage(types[name])
        if name in nested:
            found[name] = ColumnProfile("other", storage, rows, rows - nested[name])
            continue
        part, task = counted[name], tasks[name]
        found[name] = ColumnProfile(
            families[name],
            storage,
            rows,
            rows - part.filled,
            usable[name].edges if name in usable else task.edges,
            part.numbers,
            task.categories,
            part.counts,
            part.distinct,
        )
    return Profile(rows, found)


# --- Counting ---------------------------------------------------------------------------------------


def _run(frame: DataFrame, values: Mapping[str, str], tasks: Mapping[str, Task]) -> dict[str, Part]:
    """Count columns in the workers, and add up what comes back."""
    if not tasks:
        return {}
    _ship()
    chosen = frame.selectExpr(*[f"{values[name]} AS c{place}" for place, name in enumerate(tasks)])
    rows = chosen.mapInArrow(partition.counter(list(tasks.values())), "part string").collect()
    total: list[Part] = []
    for row in rows:
        parts = partition.decoded(row["part"])
        total = (
            [one + other for one, other in zip(total, parts, strict=True)]
            if total and parts
            else parts or total
        )
    return dict(zip(tasks, total, strict=True))


def _ship() -> None:
    """Have the modules that count sent to the workers by value: they need no Lockgate installed."""
    from pyspark import cloudpickle

    for module in (partition, kernel, arrays, sketch, sums):
        cloudpickle.register_pickle_by_value(module)


# --- Layouts ----------------------------------------------------------------------------------------


def _edges(frame: DataFrame, values: Mapping[str, str], tasks: dict[str, Task]) -> dict[str, Task]:
    """Find the edges of columns that have none, all of them in the same few scans."""

    def bins() -> dict[str, kernel.Counted]:
        return {n: part.numbers for n, part in _run(frame, values, tasks).items() if part.numbers is not None}

    for name, whole in bins().items():
        if whole.minimum is not None and whole.maximum is not None:
            first = quantiles.first(whole.minimum, whole.maximum)
            tasks[name] = replace(tasks[name], edges=tuple(first))
    for step in [quantiles.finer] * quantiles.ROUNDS + [quantiles.chosen]:
        for name, counted in bins().items():
            if tasks[name].edges:
                tasks[name] = replace(tasks[name], edges=tuple(step(tasks[name].edges, counted.bins)))
    return tasks


def _categories(frame: DataFrame, value: str, task: Task) -> tuple[str, ...] | None:
    """The texts that are counted one by one, or the few whole numbers; None for many numbers."""
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own custom

    groups = frame.selectExpr(f"{value} AS v").where("v IS NOT NULL").groupBy("v").count()
    if task.numbers:
        few = [row["v"] for row in groups.limit(FEW_VALUES + 1).collect()]
        return tuple(sorted(map(str, few))) if len(few) <= FEW_VALUES else None
    many = len(groups.limit(MOST_CATEGORIES + 1).collect()) > MOST_CATEGORIES
    kept = groups.where(F.length("v") <= LONGEST_CATEGORY)
    if many:
        kept = kept.where("count > 1")
    return tuple(
        sorted(row["v"] for row in kept.orderBy(F.desc("count"), "v").limit(MOST_CATEGORIES).collect())
    )


def _task(name: str, type_: str, family: Family, layout: ColumnProfile | None) -> tuple[Task, str]:
    """How a column is counted, and the SQL that reads it."""
    column = "`" + name.replace("`", "``") + "`"
    edges = layout.edges if layout else ()
    categories = layout.categories if layout else None
    if family == "time":
        return Task(True, edges, categories, whole=True), f"unix_micros(CAST({column} AS TIMESTAMP))"
    if family != "number":
        return Task(False, categories=categories), f"CAST({column} AS STRING)"
    single = type_ == "float" or bool(layout and layout.storage == "FLOAT")
    if single:
        return Task(True, edges, categories, single=True), f"CAST(CAST({column} AS FLOAT) AS DOUBLE)"
    whole = type_ in _WHOLE and not (layout and any(isinstance(edge, float) for edge in edges))
    return Task(True, edges, categories, whole=whole), f"CAST({column} AS {'BIGINT' if whole else 'DOUBLE'})"


def _family(type_: str) -> Family:
    if type_ in _WHOLE or type_ in _FLOATS or type_.startswith("decimal"):
        return "number"
    if type_ in _TIMES:
        return "time"
    return {"boolean": "truth", "string": "text"}.get(type_, "other")  # type: ignore[return-value]


def _storage(type_: str) -> str:
    return {**_WHOLE, **_FLOATS, **_TIMES, "boolean": "BOOLEAN", "string": "VARCHAR"}.get(
        type_, type_.upper()
    )


def _filled(frame: DataFrame, name: str) -> int:
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own custom

    return int(frame.where(F.col("`" + name.replace("`", "``") + "`").isNotNull()).count())
