"""Stage `profile-data`: write what a table looks like, as statistics that merge and are kept as a baseline.

Rules:
    LG-PROFILE-001: A column has nested values, of which only the missing ones are counted (shown only).
    LG-PROFILE-002: A column has numbers of more digits than a float, and was counted rounded (shown only).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lockgate.errors import InputError
from lockgate.outcome import Location, Outcome, Severity
from lockgate.stage import DatasetIn, FileIn, ProfileOut, stage

if TYPE_CHECKING:
    from lockgate.table.baseline.profile import ColumnProfile, Profile


@stage("profile-data", threats=["data-poisoning"])
def profile_data(
    data: DatasetIn,
    profile: ProfileOut,
    layout: FileIn | None = None,
    merge: list[FileIn] | None = None,
    *,
    columns: list[str] | None = None,
    ignore: list[str] | None = None,
    engine: Literal["duckdb", "spark"] = "duckdb",
) -> Outcome:
    """Count a table and write its profile, which stands for it as a baseline.

    A profile holds counts, extremes, exact sums, hashes of values and the values of categories; no
    rows. Profiles of days, partitions or sources merge exactly, if they were counted in one layout.

    Args:
        data: The table to count: Parquet, CSV, Arrow or JSON lines, a file or a folder of parts.
        profile: Where the profile goes, as JSON. It names the values of categories.
        layout: An earlier profile whose edges and categories are used; without it the table's own.
        merge: Profiles to add to that of the table, counted in the same layout. Without `layout`, that
            of the first one is used.
        columns: The columns to count; all by default.
        ignore: Columns to leave out.
        engine: Where to count: on DuckDB in this process, or on Spark.

    Raises:
        InputError: The table or a profile cannot be used, a named column is lacking, or the layouts of
            two profiles differ.
        MissingExtraError: `engine` asks for Spark, which is not installed.
    """
    from lockgate.table.baseline import document
    from lockgate.table.engine.local import profile_of

    parts = [document.read(path) for path in merge or []]
    shape = document.read(layout) if layout else parts[0] if parts else None
    found = profile_of(data, columns=columns, ignore=ignore or (), layout=shape, engine=engine)
    for part in parts:
        found = part + found
    document.write(found, profile)
    return _told(found, data)


def _told(found: Profile, path: Path) -> Outcome:
    if not found.columns:
        raise InputError(f"no column of {path} is left to count; ignore fewer")
    outcome = Outcome()
    outcome.check("rows", value=found.rows, comparator=">=", threshold=1)
    for name, column in found.columns.items():
        if column.family == "other":
            outcome.find(
                "LG-PROFILE-001",
                Severity.INFO,
                f"Column {name!r} has nested values, of which only the missing ones are counted.",
                subject="data",
                location=Location(column=name),
                fix="Split it into plain columns to have it compared.",
            )
        if column.rounded:
            outcome.find(
                "LG-PROFILE-002",
                Severity.INFO,
                f"Column {name!r} has numbers of more digits than a float holds; they were counted rounded, "
                "and different ones may have become one.",
                subject="data",
                location=Location(column=name),
                fix="Give it as text if it is an identifier; else nothing.",
            )
    outcome.metrics = {
        "rows": found.rows,
        "columns": {name: _numbers(column) for name, column in found.columns.items()},
    }
    outcome.tables["columns"] = [
        {
            "column": name,
            **_numbers(column),
            **_picture(column),
        }
        for name, column in found.columns.items()
    ]
    return outcome


def _numbers(column: ColumnProfile) -> dict[str, Any]:
    plain = column.family == "number"
    return {
        "type": column.storage,
        "missing_share": column.missing / column.rows if column.rows else None,
        "distinct": column.different.count,
        "distinct_exact": column.different.exact and not column.rounded,
        "infinite": column.numbers.infinite if column.numbers else 0,
        "mean": column.mean if plain else None,
        "std": column.std if plain else None,
    }


def _picture(column: ColumnProfile) -> dict[str, Any]:
    bars = _bars(column)
    return {"distribution": {"values": bars}} if bars else {}


def _bars(column: ColumnProfile) -> list[float]:
    from lockgate.table.picture import bars

    if column.categories is not None:
        largest = sorted(column.counts, reverse=True)
        return [n / max(1, column.filled) for n in [*largest[:16], column.filled - sum(largest[:16])]]
    if column.numbers is None:
        return []
    return bars(column.edges, [(n, 0) for n in column.numbers.bins])[0]
