"""The main directions of rows with hundreds of columns: pixels of images, embeddings, spectra.

A linear model of 3,072 pixels takes minutes, and follows noise. Principal components of the columns hold what
the rows have in common; on `DIRECTIONS` of them trees and a kernel are about as good as trees on all columns
(MNIST, digits set on photographs, drawn shapes, hidden layers of 512 units; ADR 29).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MANY = 256
"""From more columns than this on, models look at main directions."""
DIRECTIONS = 64
MOST_ROWS = 4_000
"""Of more rows, so many evenly chosen ones say where the directions lie."""


class Directions:
    """Principal components of some rows, in a unit in which rows lie about 1 from their mean."""

    def __init__(self, values: Floats, categorical: Sequence[bool], seed: int, *, one_unit: bool) -> None:
        """Find the directions.

        Args:
            values: Shape (rows, columns); NaN is a missing value, categories are 0, 1, 2, ...
            categorical: Whether each column holds categories; shape (columns,).
            seed: Seed of the randomised decomposition (Halko et al. 2011).
            one_unit: Whether all columns are measured in one unit, as pixels are; else each counts in
                standard deviations.
        """
        import numpy as np
        from sklearn.utils.extmath import randomized_svd

        some = values[np.linspace(0, len(values) - 1, min(len(values), MOST_ROWS)).astype(np.int64)]
        present = ~np.isnan(some)
        self.numbers = np.flatnonzero(~np.array(categorical) & present.any(axis=0))
        self.marked = np.flatnonzero(~present.all(axis=0))
        self.widths = {int(j): int(np.nan_to_num(some[:, j]).max()) + 1 for j in np.flatnonzero(categorical)}
        self.middle = np.nanmedian(some[:, self.numbers], axis=0)
        plain = self._plain(some)
        self.mean = plain.mean(axis=0)
        spread = np.full(plain.shape[1], plain.std()) if one_unit else plain.std(axis=0)
        self.spread = np.where(spread > 1e-12, spread, 1.0)  # noqa: PLR2004 - a constant column, up to rounding
        most = min(DIRECTIONS, *plain.shape)
        scaled = (plain - self.mean) / self.spread
        _, strength, axes = randomized_svd(scaled, most, n_iter=2, random_state=seed)
        self.axes = np.ascontiguousarray(axes.T)
        length = float(np.sqrt((strength**2).sum() / len(plain)))
        self.length = length if length > 0.0 else 1.0

    def __call__(self, values: Floats) -> Floats:
        """Place rows on the directions; shape (rows, directions)."""
        placed: Floats = ((self._plain(values) - self.mean) / self.spread) @ self.axes
        return placed / self.length

    def _plain(self, values: Floats) -> Floats:
        """Replace missing numbers by the median, mark what is missing, give each category a column."""
        import numpy as np

        numbers = values[:, self.numbers]
        numbers = np.where(np.isnan(numbers), self.middle, numbers)
        marks = np.isnan(values[:, self.marked]).astype(np.float64)
        blocks = [values[:, [j]] == np.arange(width) for j, width in self.widths.items()]
        return np.hstack([numbers, marks, *blocks])
