"""How many rows lie close to each row, held against how many lie a little farther away.

Real rows thin out: where they fill a space of D dimensions, a ball of twice the radius holds 2^D times
as many. Rows that somebody made lie in a heap with nothing around it. For each row, for some numbers k
of neighbours at the radius r and some larger radii R, the statistic is k of the N rows within R; were
the rows spread as real ones are, each of the N lay within r with a chance of (r / R)^D (binomial tail,
times everything looked at). D is 2, less than most tables fill (compare Levina and Bickel 2004), 1 where
they lie along lines, and no more than the columns in which a row holds no common value. Only
heaps that are tighter than is usual in the table and in the class that their rows are labelled with
count, and only those that end at once: the ball of twice the radius alone has to be surprising
(`space.EDGE`).
The middle of a real cluster is denser than a ball that reaches beyond it, too, but it fades.

Heaps that a baseline has as well (`NATURAL`) are no one's work, nor are those where common values meet
(`MET`). Rows that repeat by habit count once (`lockgate.poisoning.repeated`).

Where rows lie says `lockgate.poisoning.space`; a heap has to be one with its columns evened out and as they
are, as either makes crowds of its own. Two unequal categories count as 1. A radius is never taken for
smaller than the step between values, and with categories R reaches rows that differ in one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate.poisoning.evidence import some_of
from lockgate.poisoning.image_space import ImageSpace
from lockgate.poisoning.repeated import copied_more, distinct, is_resampled
from lockgate.poisoning.space import DIMENSIONS, EDGE, FACTORS, Scale, Space, outer_radii

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.evidence import Evidence

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

MOST_ROWS = 4_000
"""Of more rows, so many are drawn with the seed; heaps found among them are looked up in all rows."""
NEIGHBOURS = (4, 5, 6, 8, 10, 13, 17, 22, 29, 38, 50, 66, 87, 115, 150, 200, 300, 450, 700, 1_000)
LARGEST = 0.22
"""Share of the rows that a heap may have at most."""
TIGHT = 0.5
"""A heap's radius is at most this times the usual distance to as many neighbours."""
CORE, FEWER, WIDER = 0.4, 0.9, 1.15
"""The first share of a class is its core. Where the core of another class is about as tight, a heap is one
too: networks that learnt the classes draw each together (compare Papyan, Han and Donoho 2020). A core of so
many fewer rows counts as well, and is taken for so much wider."""
NATURAL = 1 / 3
"""A heap that the baseline has as well, with this share of its weight or more, was not made up."""
AROUND = 3
"""So many times the rows of a heap, those nearest to its middle, say how often their values meet."""
MET = 0.5
"""A heap is where common values meet when this share of its rows would be there by chance."""
_SHUFFLES = 20
_REACH = 1.3
_AT_ONCE = 400
_MOST_HEAPS = 40


@dataclass
class Heaps:
    """What the scan of a table shows.

    Attributes:
        radius: Distance to each number of neighbours, shape (rows of the sample, numbers).
        usual: The smallest of its median over all rows, of the upper quartile over the rows of the row's
            class, so that a heap of half a class does not count as usual there, and of the core (`CORE`) of
            each other class, for as many neighbours by its size, or `FEWER`; shape of `radius`.
        p_value: Corrected, shape of `radius`.
        sample: Row numbers of the sample.
    """

    radius: Floats
    usual: Floats
    p_value: Floats
    sample: Integers


def space_of(evidence: Evidence) -> Space:
    """Return the space of a table's rows; it is measured once."""
    from lockgate.poisoning.image_groups import is_image, shape_of

    if "space" not in evidence.cache:
        features = evidence.features
        as_images = is_image(evidence)
        evidence.cache["space"] = ImageSpace(features, shape_of(evidence)) if as_images else Space(features)
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
    for j, measure in enumerate(space.columns):
        if isinstance(measure, Scale):
            own = measure(values[centre : centre + 1, j])
            near = near[np.abs(measure(values[near, j]) - own) <= reach * (1 + 1e-9) + 1e-9]
    away = [
        np.sqrt(((space.points(values[part]) - middle) ** 2).sum(axis=1))
        for part in np.array_split(near, max(1, len(near) // 50_000))
    ]
    distance: Floats = np.concatenate(away)
    kept = distance <= reach * (1 + 1e-9)
    return near[kept], distance[kept]


def is_natural(evidence: Evidence, found: Heaps, centre: int, radius: float) -> bool:
    """Say whether a heap has to be expected: the baseline has it as well, or common values meet there.

    The baseline's makes up `NATURAL` of its share of the rows or more. Common values meet where the columns
    of the rows around, each shuffled on its own, fall into the heap half as often (`MET`) as the rows
    themselves: no children, no car and no job is no plot.
    """
    import numpy as np

    space, values, reach = space_of(evidence), evidence.features.values, max(radius * _REACH, 1e-6)
    at = int(found.sample[centre])
    held = len(within(space, values, at, reach)[0])
    if evidence.known is not None:
        known = np.vstack([evidence.known.values, values[at : at + 1]])
        there = (len(within(space, known, len(known) - 1, reach)[0]) - 1) / (len(known) - 1)
        if there >= NATURAL * held / len(values):
            return True
    drawn = values[found.sample]
    away = ((space.points(drawn) - space.points(values[at : at + 1])) ** 2).sum(axis=1)
    here = int((away <= (reach * (1 + 1e-9)) ** 2).sum())
    around = drawn[np.argsort(away, kind="stable")[: AROUND * here]]
    random = evidence.random("common values")
    met = 0
    for _ in range(_SHUFFLES):
        shuffled = np.column_stack([random.permutation(column) for column in around.T])
        met += len(within(space, np.vstack([values[at : at + 1], shuffled]), 0, reach)[0]) - 1
    return met / _SHUFFLES >= MET * here


def _scan(evidence: Evidence) -> Heaps:
    import numpy as np

    sample = some_of(np.arange(evidence.batch.rows), MOST_ROWS, evidence.random("heaps"))
    repeats = distinct(evidence.features.values[sample])
    space = space_of(evidence)
    found = _scanned(evidence, sample, repeats, space)
    if space.is_evened:
        as_it_is = _scanned(evidence, sample, repeats, Space(evidence.features, even=False))
        found.p_value = np.maximum(found.p_value, as_it_is.p_value)
    return found


def _scanned(
    evidence: Evidence, sample: Integers, repeats: tuple[Integers, Integers, Integers], space: Space
) -> Heaps:
    """Scan a sample in one space; `repeats` is what `distinct` says of it."""
    import numpy as np

    values, labels = evidence.features.values[sample], evidence.batch.labels[sample]
    points = space.points(values)
    free = np.minimum(space.free(values), DIMENSIONS)
    first, of, copied = repeats
    if not is_resampled(labels[first], copied):
        return Heaps(*_look(points, labels, free, space), sample)
    radius, usual, p_value = (part[of] for part in _look(points[first], labels[first], free[first], space))
    exact = copied_more(points[first], labels[first], copied, free[first], space)[of]
    none = np.zeros((len(sample), 1))
    p_value = np.column_stack([p_value, exact])
    return Heaps(np.hstack([radius, none]), np.hstack([usual, none]), p_value, sample)


def _look(points: Floats, labels: Integers, free: Floats, space: Space) -> tuple[Floats, Floats, Floats]:
    """Hold how many rows lie near each row against how many lie farther away: radius, usual and p value."""
    import numpy as np
    from scipy.special import betainc
    from threadpoolctl import threadpool_limits

    rows = len(points)
    if rows <= NEIGHBOURS[0]:  # of so few different rows none has the fewest neighbours that are asked for
        return np.zeros((rows, 1)), np.zeros((rows, 1)), np.ones((rows, 1))
    numbers = np.array([k for k in NEIGHBOURS if k <= max(LARGEST * rows, NEIGHBOURS[0]) and k < rows])
    radius = np.empty((rows, len(numbers)))
    outer = np.empty((len(FACTORS), rows, len(numbers)))
    inside = np.empty(outer.shape, dtype=np.int64)
    squares = (points**2).sum(axis=1)
    with threadpool_limits(1):
        for start in range(0, rows, _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            away = squares[part, None] + squares[None, :] - 2.0 * points[part] @ points.T
            away = np.sqrt(np.maximum(np.round(away, 9), 0.0))
            away.sort(axis=1)
            radius[part] = away[:, numbers]
            outer[:, part] = outer_radii(radius[part], space)
            for i, distances in enumerate(away, start):
                inside[:, i] = np.searchsorted(distances, outer[:, i] * (1 + 1e-9), side="right") - 1
    usual = _usual(radius, labels, numbers)
    p_value = np.ones_like(radius)
    dimensions = np.minimum(free, _dimensions(radius, numbers))[:, None]
    least = np.maximum(radius, space.step)
    for f in range(len(FACTORS)):
        chance = np.clip(least / np.maximum(outer[f], least), 0.0, 1.0) ** dimensions
        if space.categorical:
            chance = np.maximum(chance, 2.0**-DIMENSIONS)
        k = np.broadcast_to(numbers, radius.shape)
        tail = betainc(k, np.maximum(inside[f] - k + 1, 1), np.minimum(chance, 1.0))
        p_value = np.minimum(p_value, tail)
        if f == 0:
            ends = tail <= np.maximum(EDGE, 1.01 * betainc(k, 2, chance))
    p_value = np.where(ends & (radius <= TIGHT * usual), p_value, 1.0)
    looked_at = p_value.size * len(FACTORS)
    return radius, usual, np.minimum(p_value * looked_at, 1.0)


def _usual(radius: Floats, labels: Integers, numbers: Integers) -> Floats:
    """Return how far away as many neighbours usually are; see `Heaps.usual`."""
    import numpy as np

    usual = np.broadcast_to(np.median(radius, axis=0), radius.shape).copy()
    classes, of, count = np.unique(labels, return_inverse=True, return_counts=True)
    cores = [np.quantile(radius[of == k], CORE, axis=0) for k in range(len(classes))]
    for k in range(len(classes)):
        mine = of == k
        usual[mine] = np.minimum(usual[mine], np.quantile(radius[mine], 0.75, axis=0))
        for other in range(len(classes)):
            if other != k:
                as_many = FEWER * min(1.0, count[other] / count[k]) * numbers
                usual[mine] = np.minimum(usual[mine], WIDER * np.interp(as_many, numbers, cores[other]))
    return usual


def _dimensions(radius: Floats, numbers: Integers) -> float:
    """Estimate how many dimensions the rows fill: 1 along a line, and at most `DIMENSIONS`.

    The median growth from the fewest neighbours to four times as many (compare Levina and Bickel 2004).
    """
    import numpy as np

    far = int(np.searchsorted(numbers, 4 * numbers[0] + 1))
    near = radius[:, 0] > 0.0
    if far >= len(numbers) or not near.any():
        return DIMENSIONS
    grows = float(np.median(np.log(radius[near, far] / radius[near, 0])))
    return float(np.clip(np.log(numbers[far] / numbers[0]) / max(grows, 1e-9), 1.0, DIMENSIONS))
