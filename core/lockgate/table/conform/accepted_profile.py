"""What is known of the table that was accepted, when only its profile is left.

It says the same as the rows would, wherever a profile holds what is asked: completeness, extremes, the
row count and categories are exact. What it cannot say is INCONCLUSIVE, and one thing is judged by an
estimate: whether whole numbers are a key, when there are more than 511 different ones
(`lockgate.table.baseline.sketch`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lockgate.table.baseline.profile import MOST_CATEGORIES, ColumnProfile, Profile
from lockgate.table.baseline.sketch import RELATIVE_ERROR
from lockgate.table.checks import skew
from lockgate.table.conform.accepted import Pictures, Unseen
from lockgate.table.conform.checks import not_among
from lockgate.table.engine.columns import is_whole
from lockgate.table.profile import Column
from lockgate.table.sql import literal, quote, select

if TYPE_CHECKING:
    from lockgate.table.checks.skew import Skew
    from lockgate.table.typed import Kind, Table

_HASH_DIGITS = 16


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
        if found.rounded and low is not None and high is not None:
            low, high = math.nextafter(low, -math.inf), math.nextafter(high, math.inf)
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
