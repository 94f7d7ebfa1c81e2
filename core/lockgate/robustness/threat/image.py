"""The points that a threat allows around images: pixels within a range, moved by so much, or so many of them.

A point is an image, channels x height x width. A pixel of several channels counts once in L0. Pixels that
are whole numbers stay whole, so that what is found can be saved as an image file.
"""

from __future__ import annotations

from typing import Any

from lockgate.robustness.threat.domain import Domain
from lockgate.robustness.threat.threat import Threat

_ROUNDING = 1e-6  # of the range: models read single precision, and that is no step out of the ball


def domain(threat: Threat, rows: Any) -> ImageDomain:
    """Return the points around images, n x channels x height x width.

    Pixels are whole numbers where those of all images are, and the range is larger than 1.
    """
    import numpy as np

    whole = threat.high - threat.low > 1 and bool((rows == np.rint(rows)).all())
    return ImageDomain(threat, whole=whole)


class ImageDomain(Domain):
    """Points around images.

    Args:
        threat: What is allowed; `Threat.low` and `Threat.high` bound each pixel.
        whole: Whether pixels are whole numbers.
    """

    scale = 1.0  # the unit of a pixel, as of a column of a table

    def __init__(self, threat: Threat, *, whole: bool = False) -> None:
        self.threat, self.whole = threat, whole
        self.changes = int(threat.size)  # L0: most pixels
        self._slack = _ROUNDING * (threat.high - threat.low)

    def points(self, rows: Any) -> Any:
        """See `Domain`."""
        import numpy as np

        return np.asarray(rows, dtype=np.float64)

    def rows(self, origins: Any, points: Any) -> Any:  # noqa: ARG002 - all of an image can change
        """See `Domain`."""
        return points

    def gradient(self, of_rows: Any) -> Any:
        """See `Domain`."""
        return self.points(of_rows)

    def possible(self, points: Any) -> Any:
        """Return the nearest images that can exist, however far from their origin."""
        import numpy as np

        made = np.clip(points, self.threat.low, self.threat.high)
        if self.whole:
            return np.rint(made)
        return made.astype(np.float32).astype(np.float64)

    def bounds(self, origins: Any) -> tuple[Any, Any]:
        """Return the smallest and the largest value of each pixel around each image; L2 is narrower still."""
        import numpy as np

        threat = self.threat
        far = threat.reach if threat.norm == "l0" else threat.size
        reach = np.inf if far is None else far
        low, high = np.maximum(origins - reach, threat.low), np.minimum(origins + reach, threat.high)
        if self.whole:
            return np.ceil(low - _ROUNDING), np.floor(high + _ROUNDING)
        return low, high

    def project(self, points: Any, origins: Any) -> Any:
        """See `Domain`."""
        import numpy as np

        threat, move = self.threat, points - origins
        if threat.norm == "linf":
            move = np.clip(move, -threat.size, threat.size)
        elif threat.norm == "l2":
            far = np.sqrt((move**2).sum(axis=(1, 2, 3), keepdims=True))
            move = move * np.minimum(1.0, threat.size / np.maximum(far, 1e-300))
        else:
            if threat.reach is not None:
                move = np.clip(move, -threat.reach, threat.reach)
            move = np.where(self._largest(move)[:, None], move, 0.0)
        made = np.clip(origins + move, threat.low, threat.high)
        if self.whole:  # towards the origin, so that no norm grows
            steps = made - origins
            return origins + np.trunc(steps + np.copysign(_ROUNDING, steps))
        return np.where(made == origins, origins, made.astype(np.float32).astype(np.float64))

    def allowed(self, points: Any, origins: Any) -> Any:
        """See `Domain`."""
        import numpy as np

        threat, slack = self.threat, self._slack
        lowest, highest = points.min(axis=(1, 2, 3)), points.max(axis=(1, 2, 3))
        good = (lowest >= threat.low - slack) & (highest <= threat.high + slack)
        good &= self.distance(points, origins) <= threat.size + (0 if threat.norm == "l0" else slack)
        if threat.norm == "l0" and threat.reach is not None:
            good &= np.abs(points - origins).max(axis=(1, 2, 3)) <= threat.reach + slack
        if self.whole:
            good &= (points == np.rint(points)).all(axis=(1, 2, 3))
        return good

    def distance(self, points: Any, origins: Any) -> Any:
        """See `Domain`."""
        import numpy as np

        move = points - origins
        if self.threat.norm == "linf":
            return np.abs(move).max(axis=(1, 2, 3))
        if self.threat.norm == "l2":
            return np.sqrt((move**2).sum(axis=(1, 2, 3)))
        return (move != 0).any(axis=1).sum(axis=(1, 2)).astype(np.float64)

    def _largest(self, move: Any) -> Any:
        """Say which pixels of each image move most, as many as L0 allows: n x height x width, bool."""
        import numpy as np

        size = np.abs(move).max(axis=1).reshape(len(move), -1)
        rank = np.argsort(np.argsort(-size, axis=1, kind="stable"), axis=1, kind="stable")
        return (rank < self.changes).reshape(len(move), *move.shape[2:])
