"""What is known of the table that was accepted, when its rows are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lockgate.table.checks import skew
from lockgate.table.checks.shape import outline, shapes
from lockgate.table.conform.accepted import Pictures, Unseen
from lockgate.table.conform.checks import not_among
from lockgate.table.profile import Column, categories, distinct

if TYPE_CHECKING:
    from lockgate.table.checks.skew import Skew
    from lockgate.table.typed import Table


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
