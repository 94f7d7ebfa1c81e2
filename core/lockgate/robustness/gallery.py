"""The adversarial images that are closest to their originals: a table and, if allowed, pictures of them."""

from __future__ import annotations

from typing import Any

from lockgate.model import Predictor
from lockgate.outcome import Outcome
from lockgate.report.picture import Images as Drawn
from lockgate.report.picture import Pixel
from lockgate.robustness.images import Images
from lockgate.robustness.measured import Measured

_MOST = 8
_LOOKED_AT = 200  # images that are moved back towards their originals
_HALVINGS = 8
_SIDE = 28  # pixels a side in the report; eight rows of three fit a page
_GREY, _COLOUR = 1, 3


def show_closest(
    outcome: Outcome, predictor: Predictor, images: Images, measured: Measured, *, show_values: bool
) -> None:
    """Put the closest adversarial images of one threat into the report.

    Args:
        outcome: Where to put them.
        predictor: The model, asked how far back towards their originals they stay misread, and as what.
        images: The images in the order in which they were attacked.
        measured: What the attacks left.
        show_values: Whether the report may show images of the data.
    """
    import numpy as np

    rows = np.flatnonzero(measured.broken)[:_LOOKED_AT]
    if not len(rows):
        return
    origins = measured.origins[: len(rows)]
    points = _nearer(predictor, measured, images.labels[rows], measured.points[: len(rows)], origins)
    far = measured.domain.distance(points, origins)
    order = np.lexsort((rows, far))[:_MOST]
    rows, points, origins, far = rows[order], points[order], origins[order], far[order]
    read_as = predictor.predict(points)
    name = measured.domain.threat.name
    outcome.tables[f"Closest adversarial images ({name})"] = [
        {
            "image": int(images.numbers[row]),
            "label": str(images.labels[row])[:40],
            "read as": str(said)[:40],
            "distance": float(distance),
            "pixels changed": int((point != origin).any(axis=0).sum()),
            "found by": str(measured.by[row]),
        }
        for row, said, point, origin, distance in zip(rows, read_as, points, origins, far, strict=True)
    ]
    if not show_values:
        outcome.facts["Pictures"] = "give show_values to see the adversarial images"
        return
    pictures: list[tuple[str, list[list[Pixel]]]] = []
    for row, said, point, origin in zip(rows, read_as, points, origins, strict=True):
        move = point - origin
        largest = float(np.abs(move).max()) or 1.0
        span = images.high - images.low
        pictures += [
            (f"{images.numbers[row]}: {images.labels[row]}", drawn((origin - images.low) / span)),
            (f"read as {said}", drawn((point - images.low) / span)),
            (f"change, at most {largest:.3g}", drawn(0.5 + move / (2 * largest))),
        ]
    outcome.pictures[f"Closest adversarial images ({name})"] = Drawn(
        pictures,
        f"Images with the smallest moves that change the label ({measured.domain.threat.says}): as they are, "
        "as the model misreads them, and the change between the two, where grey is none.",
        together=3,
    )


def _nearer(predictor: Predictor, measured: Measured, labels: Any, points: Any, origins: Any) -> Any:
    """Move images back towards their originals by bisection, as far as they stay misread; not those of L0."""
    import numpy as np

    domain = measured.domain
    if domain.threat.norm == "l0":
        return points
    kept, low, high = points.copy(), np.zeros(len(points)), np.ones(len(points))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        tried = domain.project(origins + middle[:, None, None, None] * (points - origins), origins)
        good = (predictor.predict(tried) != labels) & domain.allowed(tried, origins)
        kept[good] = tried[good]
        low, high = np.where(good, low, middle), np.where(good, middle, high)
    return kept


def drawn(image: Any) -> list[list[Pixel]]:
    """Return an image (channels x height x width, from 0 to 1) as rows of pixels, small enough for a page."""
    import numpy as np

    channels, height, width = image.shape
    block = max(1, -(-max(height, width) // _SIDE))
    starts = [np.arange(0, side, block) for side in (height, width)]
    total = np.add.reduceat(np.add.reduceat(image, starts[0], axis=1), starts[1], axis=2)
    sizes = [np.diff(np.append(s, n)) for s, n in zip(starts, (height, width), strict=True)]
    mean = total / (sizes[0][:, None] * sizes[1][None])
    if channels < _COLOUR:
        return [[float(value) for value in row] for row in mean[0]]
    return [[(float(r), float(g), float(b)) for r, g, b in row] for row in mean[:3].transpose(1, 2, 0)]
