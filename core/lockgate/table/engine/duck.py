"""Make a profile of a table on DuckDB: numbers by `kernel`, categories in SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lockgate.table.baseline.profile import (
    FEW_VALUES,
    LONGEST_CATEGORY,
    MOST_CATEGORIES,
    ColumnProfile,
    Profile,
)
from lockgate.table.baseline.sketch import KEPT, Distinct
from lockgate.table.engine import kernel, quantiles
from lockgate.table.engine.arrays import BUDGET, columns_a_query, sorted_batches, sorted_columns
from lockgate.table.engine.columns import WHOLE_FLOATS, family_of, is_whole, number_sql, value_sql
from lockgate.table.sql import literal, quote, select

if TYPE_CHECKING:
    import duckdb
    import numpy as np


@dataclass(frozen=True)
class Scan:
    """A table that DuckDB can scan.

    Attributes:
        connection: The connection it is registered in.
        view: Its name there.
        types: DuckDB's type of each column.
        rows: How many rows it has.
        threads: How many columns are counted at a time.
        bare: Leave out what only a baseline needs; see `kernel.count`.
    """

    connection: duckdb.DuckDBPyConnection
    view: str
    types: Mapping[str, str]
    rows: int
    threads: int = 1
    bare: bool = False


def profile(
    scan: Scan,
    names: Iterable[str] | None = None,
    layout: Profile | None = None,
    budget: int = BUDGET,
) -> Profile:
    """Count a table's columns.

    Args:
        scan: The table.
        names: Its columns to count; None takes all.
        layout: An earlier profile whose edges and categories are used, where it has the column and
            the column is still of its family.
        budget: Bytes of numbers that may be held. A column of more is counted in batches, and takes its
            own edges from rounds of counting rather than from all its values.
    """
    chosen = list(scan.types if names is None else names)
    layouts = {name: _usable(layout, name, scan) for name in chosen}
    of_numbers = [n for n in chosen if _family(scan, n, layouts[n]) in ("number", "time")]
    found = {n: _of_texts(scan, n, layouts[n]) for n in chosen if n not in of_numbers}
    found |= _numbers(scan, of_numbers, layouts, budget)
    return Profile(scan.rows, {name: found[name] for name in chosen})


def cursors(scan: Scan, tasks: Sequence[Any], work: Any) -> list[Any]:
    """Work through tasks in order, some at a time, each with a cursor of its own."""
    if scan.threads == 1 or len(tasks) == 1:
        return [work(scan.connection, task) for task in tasks]
    own = [scan.connection.cursor() for _ in range(scan.threads)]
    free = list(own)

    def run(task: Any) -> Any:
        cursor = free.pop()
        try:
            return work(cursor, task)
        finally:
            free.append(cursor)

    try:
        with ThreadPoolExecutor(scan.threads) as pool:
            return list(pool.map(run, tasks))
    finally:
        for cursor in own:
            cursor.close()


# --- Numbers and times ------------------------------------------------------------------------------


def _numbers(
    scan: Scan, names: Sequence[str], layouts: Mapping[str, ColumnProfile | None], budget: int
) -> dict[str, ColumnProfile]:
    threads = max(1, min(scan.threads, budget // (8 * max(1, scan.rows))))
    scan = replace(scan, threads=threads)
    room = budget // (8 * max(1, scan.rows) * threads)
    if not room:
        return {n: _streamed(scan, n, layouts[n]) for n in names}
    size = min(room, columns_a_query(scan.rows))
    groups = [list(names[start : start + size]) for start in range(0, len(names), size)]

    def work(cursor: Any, group: list[str]) -> dict[str, ColumnProfile]:
        values = {n: number_sql(n, scan.types[n], _common(scan, n, layouts[n])) for n in group}
        arrays = sorted_columns(cursor, quote(scan.view), scan.rows, values)
        return {n: _column(scan, n, arrays.pop(n), layouts[n]) for n in group}

    found: dict[str, ColumnProfile] = {}
    for part in cursors(scan, groups, work):
        found |= part
    return found


def _column(
    scan: Scan, name: str, values: np.ndarray[Any, Any], layout: ColumnProfile | None
) -> ColumnProfile:
    family = _family(scan, name, layout)
    edges = list(layout.edges) if layout else kernel.edges_of(values)
    as_array = kernel.edge_array(edges, values.dtype, _common(scan, name, layout))
    counted = kernel.count(values, as_array, bare=scan.bare)
    categories: tuple[str, ...] | None = None
    counts: tuple[int, ...] = ()
    if layout and layout.categories is not None:
        categories = layout.categories
        counts = _tally(values, categories)
    elif (
        not layout
        and is_whole(scan.types[name])
        and family == "number"
        and counted.distinct.count <= FEW_VALUES
        and _countable(counted)
    ):
        texts = sorted(str(int(v)) for v in values[kernel.starts(values)].tolist())
        categories, counts = tuple(texts), _tally(values, texts)
    return ColumnProfile(
        family,
        scan.types[name],
        scan.rows,
        scan.rows - len(values),
        tuple(edges),
        counted,
        categories,
        counts,
    )


def _streamed(scan: Scan, name: str, layout: ColumnProfile | None) -> ColumnProfile:
    """Count a column that does not fit into memory, in batches; a pass over it for each question."""
    import numpy as np

    common = _common(scan, name, layout)
    value = number_sql(name, scan.types[name], common)
    dtype = np.int64 if common == "BIGINT" else np.float64

    def batches() -> Iterator[np.ndarray[Any, Any]]:
        return sorted_batches(scan.connection, quote(scan.view), value)

    def counted(edges: Sequence[Any]) -> kernel.Counted:
        array = kernel.edge_array(edges, dtype, common)
        none = kernel.Counted((0,) * (len(edges) + 1))
        return sum((kernel.count(values, array, bare=scan.bare) for values in batches()), start=none)

    if layout:
        edges, categories = list(layout.edges), layout.categories
    else:
        whole = counted([])
        edges = _streamed_edges(whole, lambda between: counted(between).bins)
        categories = None
        if is_whole(scan.types[name]) and whole.distinct.count <= FEW_VALUES and _countable(whole):
            different = set().union(*(values[kernel.starts(values)].tolist() for values in batches()))
            categories = tuple(sorted(str(int(v)) for v in different))
    total = counted(edges)
    counts = np.zeros(len(categories or ()), dtype=np.int64)
    for values in batches() if categories else ():
        counts += _tally(values, categories or ())
    return ColumnProfile(
        _family(scan, name, layout),
        scan.types[name],
        scan.rows,
        scan.rows - sum(total.bins),
        tuple(edges),
        total,
        categories,
        tuple(counts.tolist()),
    )


def _streamed_edges(whole: kernel.Counted, bins: Callable[[Sequence[Any]], Sequence[int]]) -> list[Any]:
    if whole.minimum is None or whole.maximum is None:
        return []
    edges = quantiles.first(whole.minimum, whole.maximum)
    for _ in range(quantiles.ROUNDS):
        edges = quantiles.finer(edges, bins(edges))
    return quantiles.chosen(edges, bins(edges))


def _countable(counted: kernel.Counted) -> bool:
    """Whether whole numbers are told apart as they were fetched: in 64 bits, or as floats below 2^53."""
    ends = (counted.minimum, counted.maximum)
    return all(isinstance(end, int) or (end is not None and abs(end) < WHOLE_FLOATS) for end in ends)


def _tally(values: np.ndarray[Any, Any], categories: Sequence[str]) -> tuple[int, ...]:
    """How often each of a few whole numbers, written as texts, is among sorted values."""
    import numpy as np

    wanted = np.array([int(text) for text in categories], dtype=values.dtype)
    upto, below = (values.searchsorted(wanted, side=side) for side in ("right", "left"))
    return tuple(int(x) for x in upto - below)


def _common(scan: Scan, name: str, layout: ColumnProfile | None) -> str:
    """The type in which a column is fetched: whole numbers if they are, FLOAT if either side is."""
    types = [scan.types[name], *([layout.storage] if layout else [])]
    if all(family_of(t) == "time" for t in types):
        return "BIGINT"
    if all(is_whole(t) and t not in ("HUGEINT", "UHUGEINT", "UBIGINT") for t in types):
        return "BIGINT"
    return "FLOAT" if "FLOAT" in types else "DOUBLE"


# --- Texts, truth values, and what is neither -------------------------------------------------------


def _of_texts(scan: Scan, name: str, layout: ColumnProfile | None) -> ColumnProfile:
    type_, view = scan.types[name], quote(scan.view)
    family = _family(scan, name, layout)
    value = value_sql(name, type_)
    ask = scan.connection.execute
    if family == "other":
        (filled,) = ask(select(f"count({value})", view)).fetchall()[0]
        return ColumnProfile(family, type_, scan.rows, scan.rows - filled)
    text = f"CAST({value} AS VARCHAR)"
    grouped = select(f"{text} AS v, count(*) AS n", view, "WHERE v IS NOT NULL GROUP BY v")
    ask(f"CREATE OR REPLACE TEMP TABLE lockgate_values AS {grouped}")
    (filled,) = ask(select("CAST(coalesce(sum(n), 0) AS BIGINT)", "lockgate_values")).fetchall()[0]
    hashes = ask(
        select("substr(sha256(v), 1, 16) AS h", "lockgate_values", f"ORDER BY h LIMIT {KEPT}")
    ).fetchall()
    distinct = Distinct(tuple(sorted({int(h, 16) for (h,) in hashes})))
    if layout:
        kept = _counts_of(scan, layout.categories or ())
    else:
        least = "n > 1" if distinct.count > MOST_CATEGORIES else "TRUE"
        where = (
            f"WHERE {least} AND length(v) <= {LONGEST_CATEGORY} ORDER BY n DESC, v LIMIT {MOST_CATEGORIES}"
        )
        kept = dict(ask(select("v, n", "lockgate_values", where)).fetchall())
    ask("DROP TABLE lockgate_values")
    categories = layout.categories if layout else tuple(sorted(kept))
    return ColumnProfile(
        family,
        type_,
        scan.rows,
        scan.rows - int(filled),
        categories=categories,
        counts=tuple(kept.get(c, 0) for c in categories or ()),
        distinct=distinct,
    )


def _counts_of(scan: Scan, categories: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(categories), 200):
        listed = ", ".join(literal(c) for c in categories[start : start + 200])
        rows = scan.connection.execute(select("v, n", "lockgate_values", f"WHERE v IN ({listed})")).fetchall()
        found |= dict(rows)
    return found


# --- Layouts ----------------------------------------------------------------------------------------


def _usable(layout: Profile | None, name: str, scan: Scan) -> ColumnProfile | None:
    """The layout of a column, unless it is of another family now and has values."""
    column = layout.columns.get(name) if layout else None
    if column is None or column.family == family_of(scan.types[name]):
        return column
    (filled,) = scan.connection.execute(
        select(f"count({value_sql(name, scan.types[name])})", quote(scan.view))
    ).fetchall()[0]
    return None if filled else column


def _family(scan: Scan, name: str, layout: ColumnProfile | None) -> Any:
    return layout.family if layout else family_of(scan.types[name])
