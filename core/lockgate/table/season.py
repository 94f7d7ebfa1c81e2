"""Compare with the same season: the rows of the reference of the weekdays or months of the current table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lockgate.errors import InputError
from lockgate.table.engine.columns import family_of
from lockgate.table.require import require_columns
from lockgate.table.sql import quote, select

if TYPE_CHECKING:
    import duckdb

Period = Literal["weekday", "month"]

_PART = {"weekday": "isodow", "month": "month"}


@dataclass(frozen=True)
class Season:
    """What makes two rows of one season.

    Attributes:
        column: A column of dates or time stamps, in both tables; read in UTC.
        period: The same day of the week, or the same month of the year.
    """

    column: str
    period: Period


def keep(
    connection: duckdb.DuckDBPyConnection,
    season: Season,
    views: tuple[str, str],
    types: Sequence[dict[str, str]],
    paths: tuple[Path, Path],
) -> None:
    """Cut the view of the reference to the seasons that the current table has.

    Raises:
        InputError: The column is not in both tables or holds no times, or no row is left.
    """
    for sides, path in zip(types, paths, strict=True):
        require_columns(list(sides), [season.column], "time", where=path)
        if family_of(sides[season.column]) != "time":
            raise InputError(
                f"column {season.column!r} of {path} holds {sides[season.column]}, no dates or time stamps; "
                "name a column of times, or leave season out"
            )
    of_row = f"{_PART[season.period]}(CAST({quote(season.column)} AS TIMESTAMP))"
    found = connection.execute(select(f"DISTINCT {of_row} AS p", views[1], "WHERE p IS NOT NULL")).fetchall()
    listed = ", ".join(str(int(part)) for (part,) in found) or "NULL"
    whole = f"{views[0]}_all"
    connection.execute(f"ALTER VIEW {views[0]} RENAME TO {whole}")
    connection.execute(f"CREATE VIEW {views[0]} AS {select('*', whole, f'WHERE {of_row} IN ({listed})')}")
    if not connection.execute(select("1", views[0], "LIMIT 1")).fetchall():
        raise InputError(
            f"{paths[0]} has no row of the {season.period}s of {paths[1]}; "
            "give a reference that has them, or leave season out"
        )
