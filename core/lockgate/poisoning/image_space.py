"""Images as points, so that real ones lie evenly enough for heaps to stand out.

A pale image lies near every other pale image: crops of one sky differ by a little noise, and are a crowd
among crops of houses, though no two show the same. What an image shows is how its pixels differ from each
other. So each is measured in its own contrast; how bright it is, and how strong its contrast, are two more
axes, which hold as much as all pixels do. With less, drawings of one thing in any light are a heap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.poisoning.space import DIMENSIONS, Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.features import Features

    Floats = NDArray[np.float64]

LIGHT = 1.0
"""Weight of brightness and of contrast, in lengths of an image."""


class ImageSpace(Space):
    """Images as points: pixels in the image's own contrast, its brightness, and its contrast."""

    def __init__(self, features: Features, shape: tuple[int, int, int]) -> None:
        import numpy as np

        self.shape = shape
        self.categorical, self.columns = False, []
        means, contrast = self._light(np.nan_to_num(features.values))
        self.usual = [(float(light.mean()), float(light.std()) or 1.0) for light in (means, contrast)]
        levels = np.unique(features.values[~np.isnan(features.values)][:100_000])
        apart = float(np.diff(levels).min()) if len(levels) > 1 else 1.0
        self.step = 0.5 * apart / max(float(np.median(np.expm1(contrast))), apart)

    def points(self, values: Floats) -> Floats:
        """Place images; shape (rows, pixels + 2)."""
        import numpy as np

        whole = np.nan_to_num(values)
        away = self._shown(whole)
        spread = away.std(axis=1, keepdims=True)
        shown = away / np.where(spread > 0.0, spread, 1.0)
        weight = LIGHT * np.sqrt(whole.shape[1])
        light = [
            weight * (found - middle) / unit
            for found, (middle, unit) in zip(self._light(whole), self.usual, strict=True)
        ]
        return np.column_stack([shown, *light])

    def free(self, values: Floats) -> NDArray[np.int64]:
        """Count the columns of each image in which to agree says something: more than a heap needs."""
        import numpy as np

        return np.full(len(values), int(DIMENSIONS), dtype=np.int64)

    def _light(self, whole: Floats) -> tuple[Floats, Floats]:
        """Return how bright images are, and the logarithm of their contrast; shape (rows,) each."""
        import numpy as np

        return whole.mean(axis=1), np.log1p(self._shown(whole).std(axis=1))

    def _shown(self, whole: Floats) -> Floats:
        """Return how each pixel differs from the image's mean in its channel; shape as given."""
        height, width, channels = self.shape
        grid = whole.reshape(-1, height * width, channels)
        shown: Floats = (grid - grid.mean(axis=1, keepdims=True)).reshape(whole.shape)
        return shown
