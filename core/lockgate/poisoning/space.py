"""A table's rows as points, so that real rows lie evenly enough for heaps to stand out.

Amounts, counts and incomes are crowded at one end and thin out over decades; the crowd is no heap. So a
skewed column of numbers counts in logarithms, and one with long tails in inverse hyperbolic sines, so that
the quantiles 5, 25, 50, 75 and 95 % lie as a normal distribution's do (a change of scale that is smooth:
what lies in a heap stays in one). Categories are an axis each.

A value that much of a column holds (zero sales, no children) is an `atom`: to share it is no nearness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.features import Features

    Floats = NDArray[np.float64]

ATOM = 0.1
"""A number that this share of a column's rows holds, or more, is shared by chance."""
SKEWED = 2.0
"""The quantiles 5 and 95 % lie so many times as far from the median on one side as on the other."""
UNEVEN = 0.2
"""Skewness by quartiles (Bowley's) that may be left: more of it, and the column is two crowds, not one."""
LONG_TAILS = 3.0
"""Distance of the quantiles 5 and 95 % in distances of the quartiles; a normal distribution has 2.44."""
NORMAL_TAILS = 2.44
MOSTLY = 0.5
"""A column is evened out when so much of it is no atom; of fewer values a heap is too large a part."""
FACTORS = (2.0, 4.0, 8.0, 16.0)
"""How many times as large as r the larger radius R is."""
DIMENSIONS = 2.0
"""Real tables fill more; their densest clusters thin out as slowly as this."""
EDGE = 0.001
"""Largest tail of a ball of twice the radius, before any correction; one row beyond is never too many."""
_ONE_CATEGORY = 1.02
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_MOST_CATEGORIES = 30
_FEWEST = 20
_SOME = 500


@dataclass(frozen=True)
class Scale:
    """How one column of numbers is measured.

    Attributes:
        usual: Median of the column, which stands for a missing value.
        atoms: Numbers that are shared by chance.
        log: ``(sign, edge, unit)``: the column counts in logarithms of the distance from an edge; or None.
        tails: ``(middle, unit)`` of the inverse hyperbolic sine after that, or None.
        middle: What is subtracted last.
        spread: What the result is divided by: its standard deviation.
    """

    usual: float
    atoms: Floats
    log: tuple[float, float, float] | None = None
    tails: tuple[float, float] | None = None
    middle: float = 0.0
    spread: float = 1.0

    def __call__(self, column: Floats) -> Floats:
        """Place numbers on the axis, in standard deviations; missing ones where the median is."""
        import numpy as np

        placed: Floats = self.evened(np.where(np.isnan(column), self.usual, column)) - self.middle
        return placed / self.spread

    def evened(self, column: Floats) -> Floats:
        """Even out the crowd and the tails; shape as given."""
        import numpy as np

        if self.log is not None:
            sign, edge, unit = self.log
            away = sign * (column - edge) / unit
            # Beyond the edge as many as a twentieth lie; logarithms would tear a heap there apart.
            column = np.log1p(np.maximum(away, 0.0)) + np.minimum(away, 0.0)
        if self.tails is not None:
            column = np.arcsinh((column - self.tails[0]) / self.tails[1])
        return column

    def is_shared_by_chance(self, column: Floats) -> NDArray[np.bool_]:
        """Say which numbers are atoms or missing; shape (rows,)."""
        import numpy as np

        by_chance: NDArray[np.bool_] = np.isin(column, self.atoms) | np.isnan(column)
        return by_chance


def scale_of(column: Floats, *, even: bool = True, rows: Floats | None = None) -> Scale:
    """Measure a column of numbers, NaN for a missing one; without `even` it counts as it is.

    With the `rows` that the column is of, the copies of one row make no value an atom: who sends a row often
    enough would make all it holds common.
    """
    from dataclasses import replace

    import numpy as np

    present = column[~np.isnan(column)]
    if not len(present):
        return Scale(0.0, np.zeros(0))
    found, count = np.unique(present, return_counts=True)
    least = max(ATOM * len(column), 2)
    atoms = found[count >= least]
    if rows is not None:
        atoms = np.array([a for a in atoms if _without_copies(rows[column == a]) >= least], dtype=np.float64)
    usual = float(np.median(present))
    scale = Scale(usual, atoms)
    rest = present[~np.isin(present, atoms)]
    if even and len(rest) >= max(_FEWEST, MOSTLY * len(present)):
        scale = replace(scale, log=_logarithm(rest))
        scale = replace(scale, tails=_tails(scale.evened(rest)))
    evened = scale.evened(present)
    spread = float(evened.std())
    return replace(scale, middle=float(np.median(evened)), spread=spread if spread > 0.0 else 1.0)


def _without_copies(rows: Floats) -> float:
    """Count rows without the copies of the one that comes most often, by `_SOME` of them."""
    import numpy as np

    some = rows[:: max(len(rows) // _SOME, 1)]
    copies = np.unique(np.nan_to_num(some, nan=np.inf), axis=0, return_counts=True)[1].max() - 1
    return float(len(rows) * (1.0 - copies / len(some)))


def _logarithm(column: Floats) -> tuple[float, float, float] | None:
    """Return the edge and the unit in whose logarithms the median lies midway between two quantiles."""
    import numpy as np

    low, first, median, third, high = (float(q) for q in np.quantile(column, _QUANTILES))
    sign = 1.0 if high - median >= median - low else -1.0
    edge, far = (low, high) if sign > 0 else (high, low)
    near, whole = abs(median - edge), abs(far - edge)
    if near <= 0.0 or whole - near < SKEWED * near:
        return None
    unit = near**2 / (whole - 2.0 * near)
    one, two, three = (np.log1p(sign * (q - edge) / unit) for q in (first, median, third))
    if abs(one + three - 2.0 * two) > UNEVEN * abs(three - one):
        return None
    return sign, edge, unit


def _tails(column: Floats) -> tuple[float, float] | None:
    """Return the unit in whose inverse hyperbolic sines two quantiles lie as a normal distribution's do."""
    import numpy as np

    low, first, median, third, high = (float(q) for q in np.quantile(column, _QUANTILES))
    low, first, third, high = low - median, first - median, third - median, high - median
    if third <= first or high - low <= LONG_TAILS * (third - first):
        return None
    units = (third - first) * np.geomspace(1e-3, 10.0, 41)
    reach = np.arcsinh(high / units) - np.arcsinh(low / units)
    inner = np.arcsinh(third / units) - np.arcsinh(first / units)
    best = int(np.abs(reach / inner - NORMAL_TAILS).argmin())
    return median, float(units[best])


class Space:
    """Rows as points: numbers in standard deviations of their scale, each category an axis."""

    def __init__(self, features: Features, *, even: bool = True) -> None:
        import numpy as np

        self.categorical = any(features.categorical)
        self.columns: list[Scale | Floats] = []
        steps = []
        for column, category in zip(features.values.T, features.categorical, strict=True):
            if category:
                found, count = np.unique(column[~np.isnan(column)], return_counts=True)
                self.columns.append(found[np.argsort(-count, kind="stable")][:_MOST_CATEGORIES])
                continue
            scale = scale_of(column, even=even, rows=features.values)
            self.columns.append(scale)
            placed = scale(np.unique(column[~np.isnan(column)]))
            if len(placed) > 1:
                steps.append(float(np.median(np.abs(np.diff(placed)))))
        self.step = 0.5 * float(np.median(steps)) if steps else 0.0

    @property
    def is_evened(self) -> bool:
        """Whether any column does not count as it is."""
        return any(isinstance(c, Scale) and (c.log is not None or c.tails is not None) for c in self.columns)

    def points(self, values: Floats) -> Floats:
        """Place rows; shape (rows, axes)."""
        import numpy as np

        axes = []
        for column, measure in zip(values.T, self.columns, strict=True):
            if isinstance(measure, Scale):
                axes.append(measure(column)[:, None])
            else:
                axes.append((column[:, None] == measure[None, :]) * np.sqrt(0.5))
        placed: Floats = np.hstack(axes)
        return placed

    def free(self, values: Floats) -> NDArray[np.int64]:
        """Count the columns of each row in which to agree says something; shape (rows,)."""
        import numpy as np

        count = np.zeros(len(values), dtype=np.int64)
        for column, measure in zip(values.T, self.columns, strict=True):
            count += ~measure.is_shared_by_chance(column) if isinstance(measure, Scale) else 1
        return count


def outer_radii(radius: Floats, space: Space) -> Floats:
    """Return the larger radii; shape (factors, *radius.shape)."""
    import numpy as np

    least = np.maximum(radius, max(space.step, 1e-4))
    outer: Floats = np.multiply.outer(np.array(FACTORS), least)
    if space.categorical:
        outer = np.maximum(outer, _ONE_CATEGORY)
    return outer
