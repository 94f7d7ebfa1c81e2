"""What is known of the table that was accepted: from its rows, or from the profile that stands for it.

`FromRows` asks the rows. `FromProfile` has their statistics only, and says the same wherever a profile
holds what is asked: completeness, extremes, the row count and categories are exact. What it cannot say
is INCONCLUSIVE, and one thing is judged by an estimate: whether whole numbers are a key, when there are
more than 511 different ones (`lockgate.table.baseline.sketch`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lockgate.errors import InputError
from lockgate.table.baseline import document
from lockgate.table.baseline.profile import MOST_CATEGORIES, ColumnProfile, Profile
from lockgate.table.baseline.sketch import RELATIVE_ERROR
from lockgate.table.checks import skew
from lockgate.table.checks.shape import outline, shapes
from lockgate.table.conform.checks import not_among
from lockgate.table.engine.columns import is_whole
from lockgate.table.profile import Column, categories, distinct
from lockgate.table.profile import profile as count
from lockgate.table.sql import literal, quote, select
from lockgate.table.typed import open_table

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from lockgate.table.checks.skew import Skew
    from lockgate.table.typed import Kind, Table

Pictures = dict[str, tuple[list[float], list[float]]]
"""Heights of the bars of a column, in the baseline and in the table."""
_HASH_DIGITS = 16


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


class FromProfile:
    """A table of which a profile is left.

    Args:
        profile: From `profile-data`.
        declared: The kinds that a schema declares; its columns are read as these where they can be.
    """

    def __init__(self, profile: Profile, declared: Mapping[str, Kind]) -> None:
        self.profile, self.rows = profile, profile.rows
        self.kinds: Mapping[str, Kind] = {
            name: declared.get(name) or _kind(column) for name, column in profile.columns.items()
        }
        self._now: dict[str, Profile] = {}

    def column(self, name: str) -> Column:
        """Return what the profile holds, in the kind that the column is read as."""
        found, kind = self.profile.columns[name], self.kinds[name]
        own = _kind(found)
        if kind != own and {kind, own} != {"integer", "number"} and kind != "any":
            return Column(kind, found.rows, found.filled, 0)
        numbers = found.numbers
        if numbers is None or found.family == "time":
            return Column(kind, found.rows, found.filled, found.filled)
        low, high = numbers.minimum, numbers.maximum
        if kind == "integer" and low is not None and high is not None:
            low, high = math.floor(low), math.ceil(high)
        valid = found.filled - numbers.infinite
        return Column(kind, found.rows, found.filled, valid, low, high, found.mean, found.std)

    def is_key(self, name: str) -> bool:
        """Ask the sketch how many different values there are; an estimate beyond 511."""
        column, different = self.column(name), self.profile.columns[name].different
        least = self.rows if different.exact else (1 - 3 * RELATIVE_ERROR) * self.rows
        return (
            column.valid == self.rows
            and column.maximum - column.minimum >= self.rows - 1
            and different.count >= least
        )

    def unseen(self, name: str, value: str, bound: int) -> Unseen:
        """Compare with the list of categories, and with the hashes of values that are not in it.

        The hashes of all values are there while there are at most 511.
        """
        found, kind = self.profile.columns[name], self.kinds[name]
        if found.different.count > bound:
            return Unseen(is_free_text=True)
        listed = [c for c, n in zip(found.categories or (), found.counts, strict=True) if n]
        seen = [c == "true" for c in listed] if kind == "boolean" else listed
        condition = not_among(value, kind, seen) if seen else "TRUE"
        if not found.filled or kind != _kind(found):
            return Unseen()
        if not found.other:
            return Unseen(condition)
        if not found.different.exact:
            return Unseen(unknown=f"the profile lists at most {MOST_CATEGORIES} of its values")
        hashes = ", ".join(literal(f"{h:0{_HASH_DIGITS}x}") for h in found.different.hashes)
        hashed = f"substr(sha256(CAST({value} AS VARCHAR)), 1, {_HASH_DIGITS})"
        return Unseen(f"({value} IS NOT NULL AND {condition} AND {hashed} NOT IN ({hashes}))")

    def skew(self, table: Table, name: str) -> Skew | None:
        """Measure as `lockgate.table.checks.skew`; numbers between the deciles that the profile holds."""
        pair = self._pair(table, name)
        if pair is None or not pair[0].filled or not pair[1].filled:
            return None
        before, now = pair
        if before.numbers and now.numbers:
            from lockgate.table.profile_drift import deciles

            bins = [
                (before.missing, now.missing),
                *deciles(list(zip(before.numbers.bins, now.numbers.bins, strict=True)), before.filled),
            ]
            divergence = skew.jensen_shannon_divergence(*zip(*bins, strict=True))
            return None if divergence is None else skew.Skew(name, "jensen-shannon", divergence)
        if before.categories is None:
            return None
        gaps = [
            abs(b / now.filled - a / before.filled) for a, b in zip(before.counts, now.counts, strict=True)
        ]
        if now.other:
            gaps.append(_largest_other(table, name, before.categories) / now.filled)
        return skew.Skew(name, "l-infinity", max(gaps, default=0.0))

    def pictures(self, table: Table, columns: Mapping[str, Column]) -> Pictures:
        """Draw numbers and time stamps between the edges of the profile."""
        from lockgate.table.picture import bars

        drawn: Pictures = {}
        for name in columns:
            pair = self._pair(table, name)
            if pair and pair[0].numbers and pair[1].numbers and pair[1].filled:
                bins = list(zip(pair[0].numbers.bins, pair[1].numbers.bins, strict=True))
                drawn[name] = bars(pair[0].edges, bins)
        return drawn

    def _pair(self, table: Table, name: str) -> tuple[ColumnProfile, ColumnProfile] | None:
        """The profiles of a column in one layout, or None when the table's values are of another family."""
        before, now = self.profile.columns.get(name), self._counted(table).columns.get(name)
        return (before, now) if before and now and now.same_layout(before) else None

    def _counted(self, table: Table) -> Profile:
        """The table's own profile, in the layout of the accepted one; counted once."""
        key = str(table.path)
        if key not in self._now:
            from lockgate.table.engine.local import profile_of

            shared = [name for name in self.profile.columns if name in table.storage]
            self._now[key] = (
                profile_of(table.path, columns=shared, layout=self.profile, bare=True)
                if shared
                else Profile(table.rows)
            )
        return self._now[key]


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
    return FromProfile(document.read(profile), kinds) if profile is not None else None


def _kind(column: ColumnProfile) -> Kind:
    if column.family == "number":
        return "integer" if is_whole(column.storage) else "number"
    kinds: dict[str, Kind] = {"truth": "boolean", "text": "string", "time": "datetime"}
    return kinds.get(column.family, "any")


def _largest_other(table: Table, name: str, listed: tuple[str, ...]) -> int:
    """Rows of the most frequent value that is none of those listed."""
    text = f"CAST({table.value(name)} AS VARCHAR)"
    among = f" AND {not_among(text, 'string', listed)}" if listed else ""
    counted = select("count(*) AS n", quote(table.view), f"WHERE {text} IS NOT NULL{among} GROUP BY {text}")
    return int(table.query(select("max(n)", f"({counted})"))[0][0] or 0)
