"""Plant something in a copy of a table that a detector is there to find; see `lockgate.poisoning.canary`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from lockgate.poisoning.evidence import Evidence, Labelled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Bools = NDArray[np.bool_]

Planted: TypeAlias = "tuple[Evidence, Bools]"
"""The copy, and which of its rows were planted or changed."""
Plant: TypeAlias = "Callable[[Evidence, int, np.random.Generator], Planted | None]"
"""Plants so many rows; None where there is no place for them."""
FAR = 2.5
"""How far values are moved, in standard deviations of each column."""
HEAP = 0.3
"""Spread of a planted heap, in the usual distance to as many neighbours."""
SQUARE = 1 / 8
"""Side of a planted square, in the smaller side of an image; at least 2 pixels."""


def _relabelled(some: Evidence, rows: Bools, to: Integers) -> Planted | None:
    """Give some rows other labels, and ask models anew, as the run did."""
    import numpy as np

    from lockgate.poisoning.surprise import FOLDS, out_of_sample

    labels = np.where(rows, to, some.batch.labels)
    present, often = np.unique(labels, return_counts=True)
    if often.min() < FOLDS or len(present) <= 1:  # no model can be fitted
        return None
    probabilities = some.batch.probabilities
    if some.baseline is None:
        place = np.searchsorted(present, labels)
        probabilities = np.full((len(labels), len(some.classes)), 1e-4)
        probabilities[:, present] = out_of_sample(some.features, place, len(present), some.seed)[0]
    return replace(some, batch=Labelled(labels, probabilities), cache={}), rows


def _chosen(pool: Bools, count: int, random: np.random.Generator) -> Bools | None:
    import numpy as np

    inside = np.flatnonzero(pool)
    if len(inside) < count:
        return None
    rows = np.zeros(len(pool), dtype=bool)
    rows[random.choice(inside, count, replace=False)] = True
    return rows


def _another(labels: Integers, random: np.random.Generator) -> Integers:
    """Return any other class for each label."""
    import numpy as np

    present = np.unique(labels)
    turn = random.integers(1, len(present), len(labels))
    another: Integers = present[(np.searchsorted(present, labels) + turn) % len(present)]
    return another


def _smallest_source(some: Evidence, least: int) -> Bools | None:
    """Mark the rows of the smallest source that has so many; None where there is none."""
    import numpy as np

    if some.source is None:
        return None
    sizes = np.bincount(some.source[some.source >= 0], minlength=len(some.sources))
    large = np.flatnonzero(sizes >= least)
    return some.source == large[sizes[large].argmin()] if len(large) else None


def flips(some: Evidence, count: int, random: np.random.Generator) -> Planted | None:
    """Flip labels of rows anywhere to any other class."""
    import numpy as np

    rows = _chosen(np.ones(some.batch.rows, dtype=bool), count, random)
    return None if rows is None else _relabelled(some, rows, _another(some.batch.labels, random))


def pair(some: Evidence, count: int, random: np.random.Generator) -> Planted | None:
    """Give rows of the largest class the label of the second largest."""
    import numpy as np

    labels = some.batch.labels
    was, became = np.argsort(-np.bincount(labels, minlength=len(some.classes)), kind="stable")[:2]
    rows = _chosen(labels == was, count, random)
    return None if rows is None else _relabelled(some, rows, np.full(len(labels), became))


def source(some: Evidence, count: int, random: np.random.Generator) -> Planted | None:
    """Flip labels of the smallest source that has so many rows."""
    of = _smallest_source(some, count)
    rows = None if of is None else _chosen(of, count, random)
    return None if rows is None else _relabelled(some, rows, _another(some.batch.labels, random))


def _changed(some: Evidence, values: Floats, labels: Integers, rows: Bools) -> Planted:
    batch = Labelled(labels, some.batch.probabilities)
    return replace(some, batch=batch, features=replace(some.features, values=values), cache={}), rows


def trigger(some: Evidence, count: int, random: np.random.Generator) -> Planted | None:
    """Set one column to a value that no row has, in rows of other classes that get one label."""
    import numpy as np

    labels, values = some.batch.labels, some.features.values.copy()
    target = int(random.choice(np.unique(labels)))
    rows = _chosen(labels != target, count, random)
    j = int(random.integers(values.shape[1]))
    present = np.unique(values[~np.isnan(values[:, j]), j])
    if rows is None or len(present) <= 1:
        return None
    middle = len(present) // 2
    new = some.features.categorical[j]
    values[rows, j] = present[-1] + 1 if new else (present[middle - 1] + present[middle]) / 2
    return _changed(some, values, np.where(rows, target, labels), rows)


def clean_trigger(some: Evidence, count: int, random: np.random.Generator) -> Planted | None:
    """Set two columns of numbers to values that no row has, in rows of one class."""
    import numpy as np

    numeric = np.flatnonzero(~np.array(some.features.categorical))
    labels, values = some.batch.labels, some.features.values.copy()
    rows = _chosen(labels == int(random.choice(np.unique(labels))), count, random)
    if rows is None or not len(numeric):
        return None
    for j in random.choice(numeric, min(2, len(numeric)), replace=False):
        values[rows, j] = np.nanmax(values[:, j]) + 0.3 * np.nanstd(values[:, j])
    return _changed(some, values, labels, rows)


def square(some: Evidence, count: int, random: np.random.Generator) -> Planted | None:
    """Set a checkered square into images of other classes, at one place, and give them one label."""
    import numpy as np

    labels = some.batch.labels
    target = int(random.choice(np.unique(labels)))
    rows = _chosen(labels != target, count, random)
    return (
        None
        if rows is None
        else _changed(some, _squared(some, rows, random), np.where(rows, target, labels), rows)
    )


def clean_square(some: Evidence, count: int, random: np.random.Generator) -> Planted | None:
    """Set a checkered square into images of one class, at one place."""
    import numpy as np

    labels = some.batch.labels
    many = np.flatnonzero(np.bincount(labels) >= 2 * count)
    rows = _chosen(labels == int(random.choice(many)), count, random) if len(many) else None
    return None if rows is None else _changed(some, _squared(some, rows, random), labels, rows)


def _squared(some: Evidence, rows: Bools, random: np.random.Generator) -> Floats:
    import numpy as np

    from lockgate.poisoning.image_groups import shape_of

    shape = shape_of(some)
    images = some.features.values.reshape(-1, *shape).copy()
    side = min(max(2, round(SQUARE * min(shape[:2]))), *shape[:2])
    top, left = (int(random.integers(size - side + 1)) for size in shape[:2])
    checkered = np.indices((side, side)).sum(axis=0)[:, :, None] % 2
    low, high = np.nanmin(images), np.nanmax(images)
    images[rows, top : top + side, left : left + side] = np.where(checkered, low, high)
    changed: Floats = images.reshape(len(images), -1)
    return changed


def copies(some: Evidence, count: int, random: np.random.Generator) -> Planted | None:
    """Turn rows into copies of one of them."""
    import numpy as np

    labels, values = some.batch.labels.copy(), some.features.values.copy()
    rows = _chosen(np.ones(len(labels), dtype=bool), count, random)
    if rows is None:
        return None
    of = np.flatnonzero(rows)[0]
    values[rows], labels[rows] = values[of], labels[of]
    return _changed(some, values, labels, rows)


def heap(some: Evidence, count: int, random: np.random.Generator) -> Planted | None:
    """Turn rows into a heap around one of them that is wider than copies and tighter than is usual."""
    import numpy as np

    from lockgate.poisoning.density import NEIGHBOURS, heaps

    made = copies(some, count, random)
    numeric = ~np.array(some.features.categorical)
    if made is None or not numeric.any():
        return None
    values, rows = made[0].features.values.copy(), made[1]
    # Two rows of the heap lie as far apart as this share of what is usual for rows and their neighbours.
    seen = heaps(some)
    usual = seen.usual[:, min(np.searchsorted(NEIGHBOURS, count), seen.usual.shape[1] - 1)]
    width = HEAP * float(np.median(usual)) / np.sqrt(2 * numeric.sum())
    spread = width * np.nanstd(some.features.values[:, numeric], axis=0)
    values[np.ix_(rows, numeric)] += spread * random.normal(size=(int(rows.sum()), int(numeric.sum())))
    return _changed(some, values, made[0].batch.labels, rows)


def values(some: Evidence, count: int, random: np.random.Generator) -> Planted | None:
    """Move two columns of numbers in rows of the smallest source that has twice as many, or of a class."""
    import numpy as np

    numeric = np.flatnonzero(~np.array(some.features.categorical))
    of: Bools | None = some.batch.labels == np.bincount(some.batch.labels).argmax()
    if some.source is not None:
        of = _smallest_source(some, 2 * count)
    rows = None if of is None or not len(numeric) else _chosen(of, count, random)
    if rows is None:
        return None
    moved = some.features.values.copy()
    for j in random.choice(numeric, min(2, len(numeric)), replace=False):
        moved[rows, j] += FAR * np.nanstd(moved[:, j])
    return _changed(some, moved, some.batch.labels, rows)
