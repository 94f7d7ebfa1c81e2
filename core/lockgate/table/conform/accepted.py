"""What is known of the table that was accepted: asked of its rows, or of the profile that stands for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lockgate.errors import InputError
from lockgate.table.checks import skew
from lockgate.table.checks.shape import outline, shapes
from lockgate.table.conform.checks import not_among
from lockgate.table.profile import Column, categories, distinct
from lockgate.table.profile import profile as count
from lockgate.table.typed import open_table

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from lockgate.table.checks.skew import Skew
    from lockgate.table.typed import Kind, Table

Pictures = dict[str, tuple[list[float], list[float]]]
"""Heights of the bars of a column, in the baseline and in the table."""


@dataclass(frozen=True)
class Unseen:
    """How to tell that a text or truth value was not in the baseline.

    Attributes:
        condition: SQL that is true for such a value; empty if the baseline has no value, or too many.
        is_free_text: It has more different values than are compared.
        unknown: Why it is not known, the end of a sentence, or empty.
    """

    condition: str = ""
    is_free_text: bool = False
    unknown: str = ""


class Accepted(Protocol):
    """A table that was accepted.

    Attributes:
        rows: Its rows.
        kinds: The kind of each column, in its order.
    """

    rows: int
    kinds: Mapping[str, Kind]

    def column(self, name: str) -> Column:
        """Return what was counted of a column."""
        ...

    def is_key(self, name: str) -> bool:
        """Return whether a column of whole numbers has another value in every row, over a wide range."""
        ...

    def unseen(self, name: str, value: str, bound: int) -> Unseen:
        """Return how to tell that a value, given as SQL, was not in a column of at most `bound` values."""
        ...

    def skew(self, table: Table, name: str) -> Skew | None:
        """Return how far a table's column is from the accepted one; None when that cannot be measured."""
        ...

    def pictures(self, table: Table, columns: Mapping[str, Column]) -> Pictures:
        """Draw columns of both for a report."""
        ...


class FromRows:
    """A table whose rows are there.

    Args:
        table: From `open_table`.
        columns: What was counted of it.
    """

    def __init__(self, table: Table, columns: Mapping[str, Column]) -> None:
        self.table, self.columns = table, columns
        self.rows, self.kinds = table.rows, table.kinds

    def column(self, name: str) -> Column:
        """Return what was counted of a column."""
        return self.columns[name]

    def is_key(self, name: str) -> bool:
        """Count the different values; exact."""
        column = self.columns[name]
        return (
            column.valid == self.rows
            and column.maximum - column.minimum >= self.rows - 1
            and distinct(self.table, [name]) == self.rows
        )

    def unseen(self, name: str, value: str, bound: int) -> Unseen:
        """Compare with all values that the rows have."""
        seen = categories(self.table, name, bound)
        if seen is None:
            return Unseen(is_free_text=True)
        return Unseen(not_among(value, self.kinds[name], list(seen)) if seen else "")

    def skew(self, table: Table, name: str) -> Skew | None:
        """Measure with `lockgate.table.checks.skew`."""
        return skew.of_columns(table, self.table, [name]).get(name)

    def pictures(self, table: Table, columns: Mapping[str, Column]) -> Pictures:
        """Draw numbers and time stamps in bins of equal width."""
        before = shapes(self.table, {n: c for n, c in self.columns.items() if n in columns})
        now = shapes(table, {n: c for n, c in columns.items() if n in before}, self.columns)
        return {name: (outline(before[name]), outline(counts)) for name, counts in now.items()}


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
