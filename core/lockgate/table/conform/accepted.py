"""What is known of the table that was accepted: what its rows (`accepted_rows`) or its profile can answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lockgate.table.profile import Column

if TYPE_CHECKING:
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
