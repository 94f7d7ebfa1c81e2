"""Images of one label that show the same picture: how far it reaches, and whether anything like it is there.

A window that comes again and again is grown to all pixels that its images share and the rest of their class
has not, and then to all images that show nearly all of those.

Nature has no gaps: where a stroke runs through some pixels, it runs nearly so in other images of its class,
and a flat piece of sky is a shade lighter in the next. What was set in is there exactly, or not at all. So a
group counts only if few other images of its class hold nearly the same (`stands_alone`), and only if the
images differ as much as others of their class do (`varies`): images that are alike all over are copies, or
one kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate.poisoning.image_content import around
from lockgate.poisoning.image_windows import PURE, Window, closest, columns_of, image_shape

if TYPE_CHECKING:
    from lockgate.poisoning.evidence import Evidence
    from lockgate.poisoning.image_content import Bools, Floats, Integers

    Shape = tuple[int, int, int]

SHARED = 0.9
"""A picture's pixels are those that this share of its images hold."""
FEW = 0.5
"""And that at most this share of the other images of the class holds."""
MATCH = 0.8
"""An image shows a picture when this share of the picture's pixels is there."""
TOLERANCE = 1 / 16
"""Pixels that differ by at most this share of the whole range are the same."""
NEAR = {"fixed": 0.2, "moving": 1 / 16}
"""Mean difference, in the whole range, up to which pixels are nearly a picture's. A moving one is held
against every place of an image, so one of them is near sooner."""
PART = 0.5
"""A mixed picture is nearly there where this share of its pixels is the same."""
FADES = {"fixed": 0.25, "moving": 0.25, "mixed": 0.2}
"""A natural picture has more images with nearly the same than this share of its own, or of the other images
of its class if those are fewer."""
VARIES = 0.3
"""Images with a planted picture vary by more than this share of their class's variance; a picture that
is mixed in at a quarter leaves half of it."""
_TWICE = 2


def is_image(evidence: Evidence) -> bool:
    """Say whether the rows are images: every column a pixel, in order."""
    return image_shape(evidence.features.names) is not None


def shape_of(evidence: Evidence) -> Shape:
    """Return height, width and channels of the images."""
    shape = image_shape(evidence.features.names)
    assert shape is not None  # noqa: S101 - the caller asked
    return shape


@dataclass(frozen=True)
class Group:
    """The images of the sample that show a picture, and its pixels.

    Attributes:
        window: What it was grown from.
        inside: Shape (rows,).
        columns: Its pixels; empty for a moving one.
        box: The pixels that say nothing of the rest of the image.
        edge: Those next to a box; empty for none.
    """

    window: Window
    inside: Bools
    columns: Integers
    box: Integers
    edge: Integers

    @property
    def kind(self) -> str:
        """How the picture lies in its images: ``fixed``, ``moving`` or ``mixed`` into all of the image."""
        if not len(self.columns):
            return "moving"
        return "fixed" if len(self.edge) else "mixed"


class Images:
    """The images of a sample, their labels, and what counts as the same pixel.

    Attributes:
        flat: Shape (rows, pixels).
        labels: Shape (rows,).
        shape: Height, width and channels.
        span: The whole range of the pixels.
    """

    def __init__(self, flat: Floats, labels: Integers, shape: Shape) -> None:
        self.flat, self.labels, self.shape = flat, labels, shape
        self.span = max(float(flat.max() - flat.min()), 1e-12)

    @property
    def grid(self) -> Floats:
        """The images as such; shape (rows, height, width, channels)."""
        return self.flat.reshape(-1, *self.shape)

    @property
    def step(self) -> float:
        """Pixels that differ by at most this much are the same."""
        return self.span * TOLERANCE

    def grown(self, window: Window) -> Group:
        """Grow a window to all pixels that its images share, and to all images that show most of them."""
        import numpy as np

        flat, mine = self.flat, self.labels == window.label
        inside = np.zeros(len(self.labels), dtype=bool)
        inside[window.rows] = True
        if not window.pixels:
            none = np.zeros(0, dtype=np.int64)
            return Group(window, inside, none, none, none)
        columns = np.array(window.pixels)
        for _ in range(_TWICE):
            group = flat[inside & mine]
            middle = np.median(group, axis=0)
            shared = (np.abs(group - middle) <= self.step).mean(axis=0) >= SHARED
            others = flat[mine & ~inside]
            if len(others):
                shared &= (np.abs(others - middle) <= self.step).mean(axis=0) <= FEW
            columns = np.union1d(np.flatnonzero(shared), window.pixels).astype(np.int64)
            shows = (np.abs(flat[:, columns] - middle[columns]) <= self.step).mean(axis=1) >= MATCH
            grown = shows | inside
            if (grown & mine).sum() < PURE * grown.sum() or grown.sum() <= inside.sum():
                break
            inside = grown
        return Group(window, inside, columns, *around(columns, self.shape))

    def values(self, group: Group) -> Floats:
        """Return the picture's pixels: the median of its images; of a moving one, its first image's."""
        import numpy as np

        window = group.window
        if group.kind == "moving":
            columns = columns_of(window.places[0], window.side, self.shape)
            first: Floats = self.flat[window.rows[0], list(columns)]
            return first
        mine = self.labels == window.label
        middle: Floats = np.median(self.flat[group.inside & mine][:, group.columns], axis=0)
        return middle

    def stands_alone(self, group: Group) -> bool:
        """Say whether few other images of the class, or of any for a mixed picture, hold nearly the same."""
        import numpy as np

        mine = self.labels == group.window.label
        rest, values = mine & ~group.inside, self.values(group)
        if group.kind == "mixed":
            others = self.flat[~group.inside][:, group.columns]
            near = (np.abs(others - values) <= self.step).mean(axis=1) >= PART
        else:
            if group.kind == "moving":
                away = closest(self.grid[rest], values, group.window.side)[0]
            else:
                away = np.abs(self.flat[rest][:, group.columns] - values).mean(axis=1)
            near = away <= NEAR[group.kind] * self.span * (1 + 1e-9)
        most = FADES[group.kind] * min((group.inside & mine).sum(), rest.sum())
        return bool(near.sum() <= most)

    def varies(self, group: Group) -> bool:
        """Say whether the images of a group differ as others of their class do."""
        mine = self.labels == group.window.label
        own = self.flat[group.inside & mine].var(axis=0).sum()
        return bool(own >= VARIES * self.flat[mine & ~group.inside].var(axis=0).sum())

    def is_known(self, group: Group, known: Floats) -> bool:
        """Say whether clean images show the picture half as often."""
        import numpy as np

        there = (np.abs(known[:, group.columns] - self.values(group)) <= self.step).all(axis=1).mean()
        return bool(there >= 0.5 * group.inside.mean())
