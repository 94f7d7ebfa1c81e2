"""`Profile`: what a table looked like, as counts that merge.

    monday + tuesday == profile of both days' rows

holds exactly, because everything in a profile is a count, an exact sum, an extreme or the smallest
of some hashes. What cannot be merged is fixed beforehand: the edges between which numbers are counted and
the categories that are counted one by one are the *layout*, which a table takes from its own rows,
or from an earlier profile, its reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lockgate.errors import InputError
from lockgate.table.baseline.sketch import Distinct
from lockgate.table.engine.columns import Family, is_rounded
from lockgate.table.engine.kernel import Counted

MOST_CATEGORIES = 1000
"""Categories that are counted one by one; those with the most rows, when there are more."""
LONGEST_CATEGORY = 200
"""Characters; longer texts are no categories, and are counted as other ones."""
FEW_VALUES = 20
"""Whole numbers of at most so many different values are categories as well."""


@dataclass(frozen=True)
class ColumnProfile:
    """One column of a table, or of some of its rows.

    Attributes:
        family: ``number``, ``truth``, ``text``, ``time`` (in microseconds since 1970, UTC) or ``other``.
        storage: DuckDB's name of its type.
        rows: Rows of the table.
        missing: Rows without a value; NaN is none.
        edges: The edges of the histogram, ascending; empty for texts, and for columns without numbers.
        numbers: What is between the edges, and moments; None for other families than numbers and times.
        categories: The categories that are counted one by one, in the order of their texts; None where
            there are none.
        counts: Rows of each of them.
        distinct: How many different values; for numbers this is in `numbers`.
    """

    family: Family
    storage: str
    rows: int
    missing: int
    edges: tuple[Any, ...] = ()
    numbers: Counted | None = None
    categories: tuple[str, ...] | None = None
    counts: tuple[int, ...] = ()
    distinct: Distinct = field(default_factory=Distinct)

    @property
    def filled(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    @property
    def other(self) -> int:
        """Rows with a value that is none of the categories."""
        return self.filled - sum(self.counts)

    @property
    def different(self) -> Distinct:
        """How many different values there are."""
        return self.numbers.distinct if self.numbers else self.distinct

    @property
    def rounded(self) -> bool:
        """Whether its numbers have more digits than floats, as which they were counted: some became equal."""
        if self.family != "number" or self.numbers is None or self.numbers.maximum is None:
            return False
        ends = (self.numbers.minimum or 0, self.numbers.maximum)
        return is_rounded(self.storage, max(abs(float(end)) for end in ends))

    @property
    def mean(self) -> float | None:
        """Mean of the finite values."""
        return self.numbers.sums.mean if self.numbers else None

    @property
    def std(self) -> float | None:
        """Sample standard deviation of the finite values."""
        return self.numbers.sums.std if self.numbers else None

    def merged(self, other: ColumnProfile, name: str) -> ColumnProfile:
        """Return the profile of the rows of both.

        Raises:
            InputError: They are of two families, or were counted in two layouts.
        """
        rows, missing = self.rows + other.rows, self.missing + other.missing
        # A column without a value has no type to speak of: formats such as CSV call it text.
        for one, two in ((self, other), (other, self)):
            if not one.filled and not one.same_layout(two):
                return replace(two, rows=rows, missing=missing)
        if not self.same_layout(other):
            raise InputError(
                f"column {name!r} was counted in two layouts, so the two profiles cannot be merged; make the "
                "second with the edges of the first (profile-data --layout)"
            )
        return replace(
            self,
            storage=_wider(self.storage, other.storage),
            rows=rows,
            missing=missing,
            numbers=self.numbers + other.numbers if self.numbers and other.numbers else None,
            counts=tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
            distinct=self.distinct + other.distinct,
        )

    def same_layout(self, other: ColumnProfile) -> bool:
        """Return whether two profiles of a column were counted alike."""
        return (self.family, self.edges, self.categories) == (other.family, other.edges, other.categories)


@dataclass(frozen=True)
class Profile:
    """A table's profile: its rows, and one `ColumnProfile` a column, by name, in the table's order."""

    rows: int
    columns: Mapping[str, ColumnProfile] = field(default_factory=dict)

    def __add__(self, other: Profile) -> Profile:
        """Return the profile of the rows of both tables.

        Raises:
            InputError: A column is in one of them only, or was counted in two layouts.
        """
        differing = sorted(set(self.columns) ^ set(other.columns))
        if differing:
            raise InputError(
                f"column {differing[0]!r} is in one of two profiles only, so they cannot be merged; "
                "profile the same columns of both tables"
            )
        merged = {name: column.merged(other.columns[name], name) for name, column in self.columns.items()}
        return Profile(self.rows + other.rows, merged)


def _wider(one: str, other: str) -> str:
    """The type of both sides' values: FLOAT says that decimals were cut, so it stays."""
    if one == other or "FLOAT" in (one, other):
        return one if one == other else "FLOAT"
    return max(one, other, key=lambda name: (name in ("DOUBLE", "DECIMAL"), name))
