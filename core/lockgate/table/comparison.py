"""What comparing two tables found, which columns are compared, and when a column has drifted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from lockgate.errors import InputError
from lockgate.table.column_drift import ColumnDrift
from lockgate.table.require import require_columns
from lockgate.table.two_sample import benjamini_hochberg, holm

ALPHA = 0.01
"""Chance that any column at all is called significant when nothing has changed (Holm holds it)."""
MAX_PSI = 0.1
"""Above it a change is worth a look: the usual reading of PSI (Siddiqi, Credit Risk Scorecards, 2006)."""
MAX_JS = 0.06
"""Jensen-Shannon distance. A normal column that moved by 0.2 of its deviation, which Cohen (Statistical
Power Analysis, 2nd ed. 1988) calls a small effect, has 0.085; one that moved by 0.14 has 0.06."""
MIN_ROWS = 500
"""A true PSI of 0.1 gives the chi-square test a noncentrality of n * PSI / 2 = 25 at 500 rows in
each table, a power of 0.86 on 10 bins at the level 0.01. With fewer rows "no drift" means little."""

Correction = Literal["holm", "benjamini-hochberg"]
_CORRECTIONS: Mapping[str, Callable[[Sequence[float]], list[float]]] = {
    "holm": holm,
    "benjamini-hochberg": benjamini_hochberg,
}
_MOST_ROWS = 2**31


@dataclass(frozen=True)
class Limits:
    """When a column has drifted: it is significant, and one of its distances is above its limit.

    Attributes:
        alpha: Level of significance over all columns together, above 0 and below 1.
        max_psi: Largest PSI without drift, 0 or more.
        max_js: Largest Jensen-Shannon distance without drift, 0 to 1.
        min_rows: Fewest rows of each table for an answer, 1 or more.
        correction: How the p values are corrected for the number of columns.
        measures: More limits, by the attributes of `ColumnDrift` (see `lockgate.table.distances`).

    Raises:
        InputError: A limit is out of range.
    """

    alpha: float = ALPHA
    max_psi: float = MAX_PSI
    max_js: float = MAX_JS
    min_rows: int = MIN_ROWS
    correction: Correction = "holm"
    measures: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise InputError(
                f"alpha is {self.alpha}, and must be above 0 and below 1; the usual value is {ALPHA}"
            )
        if not 0 <= self.max_psi < math.inf:
            raise InputError(
                f"max_psi is {self.max_psi}, and must be a number of 0 or more; the usual value is {MAX_PSI}"
            )
        if not 0 <= self.max_js <= 1:
            raise InputError(f"max_js is {self.max_js}, and must be from 0 to 1; the usual value is {MAX_JS}")
        if self.min_rows < 1:
            raise InputError(
                f"min_rows is {self.min_rows}, and must be at least 1; the usual value is {MIN_ROWS}"
            )

    def are_passed(self, column: ColumnDrift) -> bool:
        """Return whether any of a column's distances is above its limit."""
        limits = {"psi": self.max_psi, "js": self.max_js, **self.measures}
        found = ((column.distance(name), limit) for name, limit in limits.items())
        return any(value is not None and value > limit for value, limit in found)


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes:
        rows_reference: Rows of the reference.
        rows_current: Rows of the current table.
        columns: The columns that were tested, in the order of the reference.
        ignored: Columns that were left out, with the reason.
        missing: Columns of the reference that the current table lacks.
        extra: Columns of the current table that the reference lacks.
        retyped: Columns of another type than before: name to (before, now).
    """

    rows_reference: int
    rows_current: int
    columns: list[ColumnDrift] = field(default_factory=list)
    ignored: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    retyped: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def drifted(self) -> list[ColumnDrift]:
        """The columns that have drifted."""
        return [c for c in self.columns if c.drifted]

    @property
    def undecided(self) -> list[ColumnDrift]:
        """The columns that could not be decided."""
        return [c for c in self.columns if c.drifted is None]

    @property
    def drifted_share(self) -> float | None:
        """Drifted columns over decided ones, 0 to 1; None when no column was decided."""
        return self.weighted_share()

    def weighted_share(
        self, weights: Mapping[str, float] | None = None, leave_out: Iterable[str] = ()
    ) -> float | None:
        """Return the share of the drifted columns among the decided ones.

        Args:
            weights: The weight of columns; 1 for those that it does not name.
            leave_out: Columns that are judged on their own.
        """
        decided = [c for c in self.columns if c.drifted is not None and c.column not in set(leave_out)]
        weight = {c.column: (weights or {}).get(c.column, 1.0) for c in decided}
        total = math.fsum(weight.values())
        return math.fsum(weight[c.column] for c in decided if c.drifted) / total if total else None

    def judged(self, limits: Limits) -> Comparison:
        """Return it with the p values corrected and each column's answer."""
        rows = min(self.rows_reference, self.rows_current)
        corrected = _CORRECTIONS[limits.correction]([c.p_value for c in self.columns])
        judged = []
        for column, p in zip(self.columns, corrected, strict=True):
            drifted: bool | None = p < limits.alpha and limits.are_passed(column)
            reason = column.reason
            if rows < limits.min_rows:
                reason = f"{rows} rows are fewer than the {limits.min_rows} that an answer needs"
            judged.append(replace(column, p_corrected=p, drifted=None if reason else drifted, reason=reason))
        return replace(self, columns=judged)


def wanted(
    before: Iterable[str],
    now: Iterable[str],
    columns: Sequence[str] | None,
    ignore: set[str],
    where: str = "the pair of tables",
) -> list[str]:
    """Return the columns to look at: all of the reference in its order, then the new ones; or those named.

    Raises:
        InputError: A named column is in neither table.
    """
    there = [*dict.fromkeys([*before, *now])]
    require_columns(there, ignore, "ignore", where=where)
    if columns is None:
        return [name for name in there if name not in ignore]
    require_columns(there, columns, "columns", where=where)
    return [name for name in there if name in columns and name not in ignore]


def require_rows(rows: int, where: object) -> None:
    """Raise unless a table has rows, and not more than can be compared.

    Raises:
        InputError: It has none, or 2^31 or more.
    """
    if rows == 0:
        raise InputError(f"{where} has no rows; give a table with rows")
    if rows >= _MOST_ROWS:
        raise InputError(
            f"{where} has {rows} rows, more than the {_MOST_ROWS - 1} that are compared; split it"
        )
