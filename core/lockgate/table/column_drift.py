"""`ColumnDrift`: how far one column has moved, and how its numbers follow from counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lockgate.table.distances import hellinger, infinity_norm, total_variation
from lockgate.table.two_sample import Counts, chi_square, jensen_shannon, kolmogorov_smirnov_p, psi

BINS = 10
KEY = "a key: another value in every row"
BATCH_MARK = "constant in each table, and higher now: the mark of a batch, such as a year"
TIME = "a date or time stamp, which moves by itself"
RARE = "more than half of its rows have values too rare to compare"


@dataclass(frozen=True)
class ColumnDrift:
    """How far one column has moved.

    Attributes:
        column: Its name.
        test: ``ks`` or ``chi-square``.
        statistic: D of Kolmogorov-Smirnov (0 to 1), or chi-square.
        statistic_error: How much larger D may be than `statistic`: 0 where all values were
            compared, above it where only counts between edges are known.
        p_value: Of this column alone.
        p_corrected: Corrected for all columns that were tested.
        psi: Population Stability Index, natural logarithm; see `psi`.
        js: Jensen-Shannon distance to base 2, 0 to 1; see `jensen_shannon`.
        hellinger: Hellinger distance, 0 to 1.
        total_variation: Total variation distance, 0 to 1.
        infinity_norm: Largest difference in the share of a bin or category, 0 to 1.
        wasserstein: First Wasserstein distance in standard deviations of the reference, or in the
            column's own unit where that is 0; None for categories.
        missing_reference: Share of rows without a value in the reference.
        missing_current: The same in the current table.
        picture: Heights of bars, for the reference and the current table.
        drifted: True, False, or None when it could not be decided.
        reason: Why it could not be decided, one sentence, or empty.
    """

    column: str
    test: Literal["ks", "chi-square"]
    statistic: float
    p_value: float
    psi: float
    js: float
    hellinger: float
    total_variation: float
    infinity_norm: float
    missing_reference: float
    missing_current: float
    statistic_error: float = 0.0
    wasserstein: float | None = None
    picture: tuple[Sequence[float], Sequence[float]] = ((), ())
    p_corrected: float = 1.0
    drifted: bool | None = False
    reason: str = ""

    def distance(self, name: str) -> float | None:
        """Return a distance by its name in `lockgate.table.distances.MEASURES`, if the column has it."""
        if name == "js_divergence":
            return self.js**2
        if name == "ks":
            return self.statistic if self.test == "ks" else None
        value: float | None = getattr(self, name)
        return value


@dataclass(frozen=True)
class Sizes:
    """How many rows of the reference and of the current table there are, and how many have a value."""

    rows: tuple[int, int]
    filled: tuple[int, int]

    @property
    def empty(self) -> tuple[int, int]:
        """Rows of either table without a value."""
        return self.rows[0] - self.filled[0], self.rows[1] - self.filled[1]


@dataclass(frozen=True)
class Numbers:
    """What is known of a column of numbers.

    Attributes:
        gap: D times the filled rows of both, a whole number, or the least that it can be.
        bins: Counts between the deciles of the reference.
        error: How much larger D may be.
        wasserstein: See `ColumnDrift`.
        picture: See `ColumnDrift`.
    """

    gap: int
    bins: Counts
    error: float = 0.0
    wasserstein: float | None = None
    picture: tuple[Sequence[float], Sequence[float]] = field(default=((), ()))


def from_numbers(column: str, sizes: Sizes, found: Numbers) -> ColumnDrift:
    """Return the drift of a column of numbers: Kolmogorov-Smirnov, and distances of the deciles."""
    p_values = []
    filled, empty = sizes.filled, sizes.empty
    if all(filled):
        p_values.append(kolmogorov_smirnov_p(found.gap, *filled))
    if any(empty):
        p_values.append(chi_square([filled, empty])[1])
    # Two looks at one column, for its values and for its missing ones: Bonferroni.
    p_value = min(1.0, len(p_values) * min(p_values))
    statistic = found.gap / (filled[0] * filled[1]) if all(filled) else 0.0
    return ColumnDrift(
        column=column,
        test="ks",
        statistic=statistic,
        statistic_error=found.error,
        p_value=p_value,
        wasserstein=found.wasserstein,
        picture=found.picture,
        **_distances(sizes, found.bins),
    )


def from_categories(column: str, sizes: Sizes, kept: Counts) -> ColumnDrift:
    """Return the drift of a column of categories: chi-square, and distances of their shares.

    Args:
        column: Its name.
        sizes: Its rows.
        kept: The categories that were counted one by one; what they leave is pooled.
    """
    pool = sizes.filled[0] - sum(r for r, _ in kept), sizes.filled[1] - sum(c for _, c in kept)
    counts = [*kept, *([pool] if any(pool) else [])]
    statistic, p_value = chi_square([*counts, sizes.empty])
    return ColumnDrift(
        column=column,
        test="chi-square",
        statistic=statistic,
        p_value=p_value,
        picture=_bars(sizes, kept, pool),
        reason=RARE if sum(pool) > sum(sizes.rows) / 2 else "",
        **_distances(sizes, counts),
    )


def _distances(sizes: Sizes, counts: Counts) -> dict[str, Any]:
    bins = [*counts, sizes.empty] if any(sizes.empty) else counts
    return {
        "psi": psi(bins),
        "js": jensen_shannon(bins),
        "hellinger": hellinger(bins),
        "total_variation": total_variation(bins),
        "infinity_norm": infinity_norm(bins),
        "missing_reference": sizes.empty[0] / sizes.rows[0],
        "missing_current": sizes.empty[1] / sizes.rows[1],
    }


_BARS = 10


def _bars(sizes: Sizes, kept: Counts, pool: tuple[int, int]) -> tuple[list[float], list[float]]:
    """The largest categories, those that are left, and the missing values, as shares of the rows."""
    largest = sorted(kept, key=lambda pair: (-sum(pair), pair))
    left = [sum(c[side] for c in largest[_BARS:]) + pool[side] for side in (0, 1)]
    shown = [*largest[:_BARS], (left[0], left[1]), sizes.empty]
    shown = [pair for pair in shown if any(pair)]
    return [r / sizes.rows[0] for r, _ in shown], [c / sizes.rows[1] for _, c in shown]
