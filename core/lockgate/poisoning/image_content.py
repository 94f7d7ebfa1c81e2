"""What images show besides some pixels, and how far that is from what other images show."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Bools = NDArray[np.bool_]

DIRECTIONS = 16
EDGE_DIRECTIONS = 6
HIDDEN = 0.25
"""A main direction that lies in hidden pixels by more than this share is left out: what it shows besides is
what the images with the picture have in common by chance."""
BOX = 0.15
"""Largest share of an image that is hidden as a box; a larger picture was mixed into the whole image."""


class Content:
    """All images on their main directions, with or without some pixels."""

    def __init__(self, flat: Floats, labels: Integers) -> None:
        import numpy as np
        from sklearn.decomposition import PCA
        from threadpoolctl import threadpool_limits

        self.labels = labels
        self.centred = flat - flat.mean(axis=0)
        directions = min(DIRECTIONS, *flat.shape)
        with threadpool_limits(1):
            fitted = PCA(directions, svd_solver="randomized", random_state=0).fit(self.centred)
            self.axes = np.ascontiguousarray(fitted.components_.T)
            self.main = self.centred @ self.axes

    def distances(self, inside: Bools, label: int, hidden: Integers, edge: Integers) -> tuple[float, float]:
        """Return d² of some images of a label from images of other labels, and from others of theirs.

        It is infinite where there are too few of those, or nothing is left to compare.

        Args:
            inside: The images; shape (rows,).
            label: Their label.
            hidden: Pixels that do not count.
            edge: Pixels next to those, which count beside the main directions; empty for none.
        """
        import numpy as np

        shown = self.main
        if len(hidden):
            clear = (self.axes[hidden] ** 2).sum(axis=0) <= HIDDEN
            shown = (self.main - self.centred[:, hidden] @ self.axes[hidden])[:, clear]
        if len(edge):
            shown = np.hstack([shown, self._edge(edge)])
        if not shown.shape[1]:
            return np.inf, np.inf
        mine = self.labels == label
        group = shown[inside & mine]
        own = np.cov(group.T) if len(group) > 1 else 0.0
        far = []
        for others in (~mine & ~inside, mine & ~inside):
            rest = shown[others]
            if len(rest) <= 2 * shown.shape[1]:
                far.append(np.inf)
                continue
            covariance = np.atleast_2d(np.cov(rest.T) + own) / 2
            if np.trace(covariance) <= 0.0:  # every pixel that differs is hidden
                far.append(np.inf)
                continue
            covariance += 1e-6 * np.trace(covariance) * np.eye(len(covariance))
            apart = group.mean(axis=0) - rest.mean(axis=0)
            chance = shown.shape[1] * (1 / len(group) + 1 / len(rest))
            far.append(float(apart @ np.linalg.solve(covariance, apart)) - chance)
        return far[0], far[1]

    def _edge(self, edge: Integers) -> Floats:
        """Return the edge's pixels on their own main directions."""
        import numpy as np

        near = self.centred[:, edge]
        _, axes = np.linalg.eigh(near.T @ near)
        main: Floats = near @ axes[:, ::-1][:, :EDGE_DIRECTIONS]
        return main


def around(pixels: Integers, shape: tuple[int, int, int]) -> tuple[Integers, Integers]:
    """Return the box around some pixels and the pixels next to it, or the pixels alone if it is large."""
    import numpy as np

    height, width, channels = shape
    row, column = np.divmod(pixels // channels, width)
    top, bottom, left, right = row.min(), row.max() + 1, column.min(), column.max() + 1
    if (bottom - top) * (right - left) > BOX * height * width:
        return pixels, np.zeros(0, dtype=np.int64)
    place = np.arange(height * width * channels).reshape(height, width, channels)
    box = place[top:bottom, left:right].ravel()
    wide = place[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1].ravel()
    return box, np.setdiff1d(wide, box)
