"""Compare two profiles column by column: drift against statistics instead of rows.

PSI and its kin are those of `lockgate.table.drift`, because the deciles of the reference are among
its edges. The statistic of Kolmogorov-Smirnov is known at every edge, which is the least that it can
be; its p value is taken from there, and `ColumnDrift.statistic_error` says how much larger it may be.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

from lockgate.errors import InputError
from lockgate.table.baseline.profile import ColumnProfile, Profile
from lockgate.table.baseline.sketch import RELATIVE_ERROR
from lockgate.table.column_drift import (
    BATCH_MARK,
    BINS,
    KEY,
    TIME,
    ColumnDrift,
    Numbers,
    Sizes,
    from_categories,
    from_numbers,
)
from lockgate.table.comparison import Comparison, Limits, require_rows, wanted
from lockgate.table.engine.columns import is_whole
from lockgate.table.picture import bars
from lockgate.table.two_sample import Counts

NESTED = "nested values, which a profile does not hold; compare it with a table"


def compare_profiles(
    reference: Profile,
    current: Profile,
    *,
    columns: Sequence[str] | None = None,
    ignore: Iterable[str] = (),
    always: Iterable[str] = (),
    limits: Limits | None = None,
    names: tuple[object, object] = ("the baseline profile", "the current table"),
) -> Comparison:
    """Compare a table's profile with that of a reference, in whose layout it was counted.

    Args:
        reference: The profile to compare with.
        current: That of the table that may have drifted.
        columns: The columns to test, however they look; None leaves out what `compare` leaves out.
        ignore: Columns to leave out.
        always: Columns to test however they look, beside the others.
        limits: When a column has drifted.
        names: What to call the two in an error.

    Raises:
        InputError: As for `compare`.
    """
    for profile, name in zip((reference, current), names, strict=True):
        require_rows(profile.rows, name)
    looked_at = wanted(reference.columns, current.columns, columns, set(ignore))
    shared = [name for name in looked_at if name in reference.columns and name in current.columns]
    if not shared:
        raise InputError(f"{names[0]} and {names[1]} share no column to compare; check the two inputs")
    found = Comparison(
        reference.rows,
        current.rows,
        missing=[name for name in looked_at if name not in current.columns],
        extra=[name for name in looked_at if name not in reference.columns],
    )
    named = set(shared) if columns is not None else set(always)
    for name in shared:
        one, other = reference.columns[name], current.columns[name]
        for side, where in zip((one, other), names, strict=True):
            if not side.filled:
                raise InputError(f"column {name!r} of {where} has no value at all; fill it, or leave it out")
        if not one.same_layout(other):
            found.retyped[name] = (one.storage, other.storage)
            continue
        reason = _left_out(one, other)
        if one.family == "other":
            found.ignored[name] = NESTED
        elif reason and name not in named:
            found.ignored[name] = reason
        else:
            found.columns.append(column_drift(name, one, other))
    return found.judged(limits or Limits())


def column_drift(name: str, one: ColumnProfile, other: ColumnProfile) -> ColumnDrift:
    """Return how far a column has moved between two profiles of one layout."""
    sizes = Sizes((one.rows, other.rows), (one.filled, other.filled))
    if one.categories is not None:
        kept = [pair for pair in zip(one.counts, other.counts, strict=True) if any(pair)]
        return from_categories(name, sizes, kept)
    if one.numbers is None or other.numbers is None:
        raise InputError(f"column {name!r} has neither numbers nor categories in its profile; leave it out")
    bins: Counts = list(zip(one.numbers.bins, other.numbers.bins, strict=True))
    least, most = _gaps(bins, *sizes.filled)
    numbers = Numbers(
        gap=least,
        bins=deciles(bins, one.filled),
        error=(most - least) / (one.filled * other.filled) if all(sizes.filled) else 0.0,
        wasserstein=_wasserstein(one, bins),
        picture=bars(one.edges, bins),
    )
    return from_numbers(name, sizes, numbers)


def _gaps(bins: Counts, n: int, m: int) -> tuple[int, int]:
    """The least and the most that D * n * m can be, from the counts between edges.

    At an edge both distribution functions are known. Within a bin one may rise before the other does.
    """
    least = most = 0
    up_r = up_c = 0
    for r, c in bins:
        most = max(most, abs((up_r + r) * m - up_c * n), abs(up_r * m - (up_c + c) * n))
        up_r, up_c = up_r + r, up_c + c
        least = max(least, abs(up_r * m - up_c * n))
    return least, max(least, most)


def deciles(bins: Counts, n: int) -> Counts:
    """Join fine bins into those between the reference's deciles, one below and one above them."""
    joined: list[tuple[int, int]] = []
    held = [0, 0]
    reached, tenth = 0, 0
    for r, c in bins:
        held = [held[0] + r, held[1] + c]
        reached += r
        # The first bin ends just below the lowest value; then one ends wherever another decile is reached.
        if (not joined and not reached) or reached * BINS >= (tenth + 1) * n > 0:
            joined.append((held[0], held[1]))
            held = [0, 0]
            tenth = reached * BINS // n if n else 0
    joined.append((held[0], held[1]))
    return [pair for pair in joined if any(pair)]


def _wasserstein(one: ColumnProfile, bins: Counts) -> float | None:
    """The distance of the two distribution functions at the edges, in deviations of the reference.

    What lies beyond the outer edges counts as if it was at them: a lower bound of the distance.
    """
    totals = [sum(side) for side in zip(*bins, strict=True)]
    if not all(totals) or not one.edges:
        return None
    upto = itertools.accumulate(bins, lambda a, b: (a[0] + b[0], a[1] + b[1]))
    gaps = [abs(r / totals[0] - c / totals[1]) for r, c in upto]
    # Between two edges the difference is taken to change evenly.
    area: float = math.fsum(
        (float(high) - float(low)) * (left + right) / 2
        for low, high, left, right in zip(one.edges, one.edges[1:], gaps, gaps[1:], strict=False)
    )
    return area / (one.std or 1.0)


def _left_out(one: ColumnProfile, other: ColumnProfile) -> str:
    """Why a column differs between any two batches; empty if it need not."""
    if "time" in (one.family, other.family):
        return TIME
    is_key = all(
        side.filled > 1
        and side.different.count >= (1 - 3 * RELATIVE_ERROR * (not side.different.exact)) * side.filled
        for side in (one, other)
    )
    whole = is_whole(one.storage) and is_whole(other.storage)
    if is_key and (whole or one.family == "text"):
        return KEY
    if whole and one.numbers and other.numbers:
        before, now = one.numbers, other.numbers
        constant = before.minimum == before.maximum and now.minimum == now.maximum
        if (
            constant
            and now.minimum is not None
            and before.minimum is not None
            and now.minimum > before.minimum > 1
        ):
            return BATCH_MARK
    return ""
