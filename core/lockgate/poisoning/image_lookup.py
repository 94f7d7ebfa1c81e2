"""A picture that was found in a sample: which images of all show it, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate.poisoning.image_groups import MATCH, Group, Images, shape_of
from lockgate.poisoning.image_windows import closest, columns_of

if TYPE_CHECKING:
    from lockgate.poisoning.evidence import Evidence
    from lockgate.poisoning.image_content import Floats, Integers


@dataclass(frozen=True)
class Picture:
    """A picture in images of one label.

    Attributes:
        rows: The images that show it, by number in the whole table.
        label: The label nearly all carry.
        score: See `lockgate.poisoning.image_pictures`.
        p_value: For the best of all classes.
        pixels: Its columns; for a moving one the columns of the window where it lies first.
        values: Its value in each of these columns.
        kind: How it lies in its images; see `image_groups.Group`.
        side: Side of the window that it was found by.
        from_others: d² from other classes.
        from_own: d² from the others of the class.
    """

    rows: Integers
    label: int
    score: float
    p_value: float
    pixels: Integers
    values: Floats
    kind: str
    side: int
    from_others: float
    from_own: float


def looked_up(
    images: Images,
    group: Group,
    everything: Floats,
    sample: Integers,
    score: float,
    p_value: float,
    distances: tuple[float, float],
) -> Picture:
    """Name the picture of a group, and look it up in all images.

    Args:
        images: The sample.
        group: The images of the sample that show it.
        everything: All images; shape (all rows, pixels).
        sample: Which of them are the sample, by number.
        score: Of the group.
        p_value: Of the group.
        distances: d² from other classes, and from its own.
    """
    import numpy as np

    window, values = group.window, images.values(group)
    rows = sample[group.inside]
    moving = group.kind == "moving"
    columns = np.array(columns_of(window.places[0], window.side, images.shape)) if moving else group.columns
    if len(sample) < len(everything):
        if moving:
            shows = closest(everything.reshape(-1, *images.shape), values, window.side)[1] <= images.step
        else:
            shows = (np.abs(everything[:, columns] - values) <= images.step).mean(axis=1) >= MATCH
        shows[sample] = group.inside
        rows = np.flatnonzero(shows)
    return Picture(
        rows=rows,
        label=window.label,
        score=score,
        p_value=p_value,
        pixels=columns,
        values=values,
        kind=group.kind,
        side=window.side,
        from_others=distances[0],
        from_own=distances[1],
    )


def place_of(evidence: Evidence, picture: Picture) -> tuple[int, int, int, int]:
    """Return first and last row, first and last column of a picture."""
    import numpy as np

    _, width, channels = shape_of(evidence)
    row, column = np.divmod(picture.pixels // channels, width)
    return int(row.min()), int(row.max()), int(column.min()), int(column.max())
