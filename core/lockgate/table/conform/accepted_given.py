"""Open the baseline that was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lockgate.errors import InputError
from lockgate.table.conform.accepted import Accepted
from lockgate.table.conform.accepted_rows import FromRows
from lockgate.table.profile import profile as count
from lockgate.table.typed import open_table

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from lockgate.table.typed import Kind


def accepted(
    connection: duckdb.DuckDBPyConnection, table: Path | None, profile: Path | None, kinds: Mapping[str, Kind]
) -> Accepted | None:
    """Open the baseline that was given: a table, a profile, or none.

    Args:
        connection: From `lockgate.table.read.connect`.
        table: A file or folder of rows, or None.
        profile: The file of a profile, or None.
        kinds: The kinds that a schema declares.

    Raises:
        InputError: Both are given, or what is given cannot be used.
    """
    if table is not None and profile is not None:
        raise InputError("baseline and baseline_profile are both given; give one of them")
    if table is not None:
        opened = open_table(connection, table, kinds)
        return FromRows(opened, count(opened))
    if profile is None:
        return None
    from lockgate.table.baseline import document
    from lockgate.table.conform.accepted_profile import FromProfile

    return FromProfile(document.read(profile), kinds)
