"""How many rows lie close to each row, held against how many lie a little farther away.

Real rows thin out: where they fill a space of D dimensions, a ball of twice the radius holds 2^D times
as many. Rows that somebody made lie in a heap with nothing around it. For each row, for some numbers k
of neighbours at the radius r and some larger radii R, the statistic is k of the N rows within R; were
the rows spread as real ones are, each of the N lay within r with a chance of (r / R)^D (binomial tail,
times everything looked at). D is 2, less than real tables fill (compare Levina and Bickel 2004). Only
heaps that are tighter than is usual in the table and in the class that their rows are labelled with
count, and only those that end at once: the ball of twice the radius alone has to be surprising (`EDGE`).
The middle of a real cluster is denser than a ball that reaches beyond it, too, but it fades.

Heaps that a baseline has as well (`NATURAL`) are no one's work.

Numbers count in standard deviations, two unequal categories as 1. A radius is never taken for
smaller than the step between values, and with categories R reaches rows that differ in one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.evidence import Evidence
    from lockgate.poisoning.features import Features

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

MOST_ROWS = 4_000
"""Of more rows, so many are drawn with the seed; heaps found among them are looked up in all rows."""
NEIGHBOURS = (4, 5, 6, 8, 10, 13, 17, 22, 29, 38, 50, 66, 87, 115, 150, 200, 300, 450, 700, 1_000)
LARGEST = 0.22
"""Share of the rows that a heap may have at most."""
FACTORS = (2.0, 4.0, 8.0, 16.0)
"""How many times as large as r the larger radius R is."""
DIMENSIONS = 2.0
"""Real tables fill more; their densest clusters thin out as slowly as this."""
TIGHT = 0.5
"""A heap's radius is at most this times the usual distance to as many neighbours."""
EDGE = 0.001
"""Largest tail of a ball of twice the radius, before any correction; one row beyond is never too many."""
NATURAL = 1 / 3
"""A heap that the baseline has as well, with this share of its weight or more, was not made up."""
_ONE_CATEGORY = 1.02
_REACH = 1.3
_AT_ONCE = 400
_MOST_HEAPS = 40
_MOST_CATEGORIES = 30


@dataclass
class Heaps:
    """What the scan of a table shows.

    Attributes:
        radius: Distance to each number of neighbours, shape (rows of the sample, numbers).
        usual: Its median over all rows, or the upper quartile over the rows of the row's class if that is
            smaller, so that a heap of half a class does not count as usual there; shape of `radius`.
        p_value: Corrected, shape of `radius`.
        sample: Row numbers of the sample.
    """

    radius: Floats
    usual: Floats
    p_value: Floats
    sample: Integers


class Space:
    """Rows as points: numbers in standard deviations, each category an axis."""

    def __init__(self, features: Features) -> None:
        import numpy as np

        self.categorical = any(features.categorical)
        self.columns: list[tuple[Floats | None, float, float]] = []
        steps = []
        for column, category in zip(features.values.T, features.categorical, strict=True):
            if category:
                found, count = np.unique(column[~np.isnan(column)], return_counts=True)
                self.columns.append((found[np.argsort(-count, kind="stable")][:_MOST_CATEGORIES], 0.0, 1.0))
                continue
            present = column[~np.isnan(column)]
            spread = float(present.std()) if len(present) else 0.0
            middle = float(np.median(present)) if len(present) else 0.0
            self.columns.append((None, middle, spread if spread > 0.0 else 1.0))
            found = np.unique(present)
            if len(found) > 1 and spread > 0.0:
                steps.append(float(np.median(np.diff(found))) / spread)
        self.step = 0.5 * float(np.median(steps)) if steps else 0.0

    def points(self, values: Floats) -> Floats:
        """Place rows; shape (rows, axes)."""
        import numpy as np

        axes = []
        for column, (found, middle, spread) in zip(values.T, self.columns, strict=True):
            if found is None:
                axes.append((np.where(np.isnan(column), middle, column) - middle)[:, None] / spread)
            else:
                axes.append((column[:, None] == found[None, :]) * np.sqrt(0.5))
        placed: Floats = np.hstack(axes)
        return placed


def space_of(evidence: Evidence) -> Space:
    """Return the space of a table's rows; it is measured once."""
    if "space" not in evidence.cache:
        evidence.cache["space"] = Space(evidence.features)
    found: Space = evidence.cache["space"]
    return found


def heaps(evidence: Evidence) -> Heaps:
    """Scan the table once; the answer is kept for the next detector."""
    if "heaps" not in evidence.cache:
        evidence.cache["heaps"] = _scan(evidence)
    found: Heaps = evidence.cache["heaps"]
    return found


def members(evidence: Evidence, found: Heaps, centres: Integers, radii: Floats) -> NDArray[np.bool_]:
    """Return which rows of the whole table lie in some heaps; shape (rows,)."""
    import numpy as np

    space = space_of(evidence)
    values = evidence.features.values
    inside = np.zeros(len(values), dtype=bool)
    heaps_seen = 0
    for centre, radius in zip(found.sample[centres], radii, strict=True):
        if inside[centre] or heaps_seen >= _MOST_HEAPS:
            continue
        heaps_seen += 1
        inside[within(space, values, int(centre), max(radius * _REACH, 1e-6))[0]] = True
    return inside


def within(space: Space, values: Floats, centre: int, reach: float) -> tuple[Integers, Floats]:
    """Return the rows within a distance of one row, and how far away they are.

    A row that is farther away in one column alone is left out before anything else is measured.
    """
    import numpy as np

    middle = space.points(values[centre : centre + 1])
    near = np.arange(len(values))
    for j, (found, usual, spread) in enumerate(space.columns):
        if found is not None:
            continue
        column = values[near, j]
        column = np.where(np.isnan(column), usual, column)
        own = usual if np.isnan(values[centre, j]) else values[centre, j]
        near = near[np.abs(column - own) <= (reach * (1 + 1e-9) + 1e-9) * spread]
    away = [
        np.sqrt(((space.points(values[part]) - middle) ** 2).sum(axis=1))
        for part in np.array_split(near, max(1, len(near) // 50_000))
    ]
    distance: Floats = np.concatenate(away)
    kept = distance <= reach * (1 + 1e-9)
    return near[kept], distance[kept]


def is_natural(evidence: Evidence, found: Heaps, centre: int, radius: float) -> bool:
    """Say whether the baseline has a heap at the same place, of a third of the share of its rows or more."""
    import numpy as np

    if evidence.known is None:
        return False
    space, values, reach = space_of(evidence), evidence.features.values, max(radius * _REACH, 1e-6)
    at = int(found.sample[centre])
    known = np.vstack([evidence.known.values, values[at : at + 1]])
    here = len(within(space, values, at, reach)[0]) / len(values)
    there = (len(within(space, known, len(known) - 1, reach)[0]) - 1) / (len(known) - 1)
    return there >= NATURAL * here


def _scan(evidence: Evidence) -> Heaps:
    import numpy as np
    from scipy.special import betainc
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    values = evidence.features.values
    sample = np.arange(len(values))
    if len(sample) > MOST_ROWS:
        sample = np.sort(evidence.random("heaps").choice(sample, MOST_ROWS, replace=False))
    space = space_of(evidence)
    points = space.points(values[sample])
    rows = len(points)
    numbers = np.array([k for k in NEIGHBOURS if k <= max(LARGEST * rows, NEIGHBOURS[0])])
    radius = np.empty((rows, len(numbers)))
    inside = np.empty((len(FACTORS), rows, len(numbers)), dtype=np.int64)
    squares = (points**2).sum(axis=1)
    with threadpool_limits(1):
        for start in range(0, rows, _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            away = squares[part, None] + squares[None, :] - 2.0 * points[part] @ points.T
            away = np.sqrt(np.maximum(np.round(away, 9), 0.0))
            away.sort(axis=1)
            radius[part] = away[:, numbers]
            for i, distances in enumerate(away, start):
                outer = outer_radii(radius[i], space)
                inside[:, i] = np.searchsorted(distances, outer * (1 + 1e-9), side="right") - 1
    usual = np.broadcast_to(np.median(radius, axis=0), radius.shape).copy()
    labels = evidence.batch.labels[sample]
    for k in np.unique(labels):
        mine = labels == k
        usual[mine] = np.minimum(usual[mine], np.quantile(radius[mine], 0.75, axis=0))
    p_value = np.ones_like(radius)
    for f in range(len(FACTORS)):
        outer = np.stack([outer_radii(r, space)[f] for r in radius])
        least = np.maximum(radius, space.step)
        chance = np.clip(least / np.maximum(outer, least), 0.0, 1.0) ** DIMENSIONS
        if space.categorical:
            chance = np.maximum(chance, 2.0**-DIMENSIONS)
        k = np.broadcast_to(numbers, radius.shape)
        tail = betainc(k, np.maximum(inside[f] - k + 1, 1), np.minimum(chance, 1.0))
        p_value = np.minimum(p_value, tail)
        if f == 0:
            ends = tail <= np.maximum(EDGE, 1.01 * betainc(k, 2, chance))
    p_value = np.where(ends & (radius <= TIGHT * usual), p_value, 1.0)
    looked_at = p_value.size * len(FACTORS)
    return Heaps(radius, usual, np.minimum(p_value * looked_at, 1.0), sample)


def outer_radii(radius: Floats, space: Space) -> Floats:
    """Return the larger radii; shape (factors, numbers)."""
    import numpy as np

    least = np.maximum(radius, max(space.step, 1e-4))
    outer: Floats = np.array(FACTORS)[:, None] * least[None, :]
    if space.categorical:
        outer = np.maximum(outer, _ONE_CATEGORY)
    return outer
