"""Images that show the same picture, and whether what else they show explains it.

A natural part of an image goes with the rest of it: strokes go on. A planted picture was set into images
that somebody chose without regard to what else they show. So the rest of the images of a group is held
against the rest of other images: against those of other classes (were they taken from there, and the label
changed?), and against the others of their class (were some of them chosen, and the label kept?).

Measured on the main directions of all images (principal components), without the pixels of the picture
itself: the squared distance d² of the group's mean from the others' mean, in standard deviations
(Mahalanobis), less what chance alone adds. Planted pictures lie near 0; natural ones of a class lie far
from other classes, and less far from their own. The score of a group of n images is n (limit - d²), so
that many images count for more than few.

A picture that is mixed into whole images changes what else they show, so d² misleads. It also shows in all
pixels that are alike in the class, by hundreds, where natural groups share few that the rest of their class
has not. Its score: n times the share of pixels that are shared, over 1 + d², in the unit `MIXED`.

Null: each class is searched alike, each kind of picture (fixed, moving, mixed) apart, and a planted picture
is tied to one class. The best scores of the classes are maxima over many groups; were all natural, the
largest would exceed the second by an exponential amount (Rényi 1953), whose scale is the spread of the
classes' best scores, at least `SCALE`. p value: how often it would exceed it by as much, times the kinds.

Floors: for changed labels the group lies nearer to other classes than to its own, and than half of the way
of its class from the others. For kept ones the picture does not fade: where images of the class hold
nearly the same pixels, it is nature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from lockgate.poisoning.image_content import Content, around
from lockgate.poisoning.image_windows import PURE, Window, columns_of, image_shape, windows

if TYPE_CHECKING:
    import numpy as np

    from lockgate.poisoning.evidence import Evidence
    from lockgate.poisoning.image_content import Bools, Floats, Integers

MOST_ROWS = 6_000
"""Of more images, so many are drawn with the seed; what is found is then looked up in all of them."""
MOST_NUMBERS = 12_000_000
"""Rows times pixels that are looked at; of larger images, fewer are drawn."""
MOST_WINDOWS = 1_200
"""Of more windows, those of the most images of each class are looked at."""
OF_OTHERS, OF_OWN = 3.0, 1.5
"""Limits of d² against other classes, and against the own class."""
SCALE, MOST_SCALE = 8.0, 10.0
"""Smallest and largest scale of what the best class of clean images exceeds the second by."""
MIXED = 13.0
"""Brings the spread of the scores of mixed pictures in clean digits to that of the others."""
MOST_FEW = 4
"""Of so many classes the spread of their best scores says nothing."""
HALF_WAY = 0.5
SHARED = 0.9
"""A picture's pixels are those that this share of its images hold."""
FEW = 0.5
"""And that at most this share of the other images of the class holds."""
MATCH = 0.8
"""An image shows a picture when this share of the picture's pixels is there."""
NEAR = 0.2
"""Pixels that differ by at most this share of the whole range on average are nearly the same."""
KINDS = ("fixed", "moving", "mixed")
"""What is searched apart."""
FADES = 0.25
"""A picture that is natural has more images with nearly the same than this share of its own."""
_TOLERANCE = 1 / 16


@dataclass
class Picture:
    """A picture in images of one label.

    Attributes:
        rows: The images that show it, by number in the whole table.
        label: The label nearly all carry.
        score: See the module's text.
        p_value: For the best of all classes.
        pixels: Its columns; for a moving one the columns of the window where it lies first.
        values: Its value in each of these columns.
        moving: Whether it lies elsewhere in each image.
        side: Side of the window that it was found by.
        mixed: Whether it is spread all over the image.
        from_others: d² from other classes.
        from_own: d² from the others of the class.
    """

    rows: Integers
    label: int
    score: float
    p_value: float
    pixels: Integers
    values: Floats
    moving: bool
    mixed: bool
    side: int
    from_others: float
    from_own: float


def is_image(evidence: Evidence) -> bool:
    """Say whether the rows are images: every column a pixel, in order."""
    return image_shape(evidence.features.names) is not None


def pictures(evidence: Evidence) -> dict[str, Picture | None]:
    """Find the picture that is explained least, for changed labels (`others`) and kept ones (`own`)."""
    if "pictures" not in evidence.cache:
        evidence.cache["pictures"] = _find(evidence)
    found: dict[str, Picture | None] = evidence.cache["pictures"]
    return found


def gap_p(best: Floats) -> float:
    """Return how often the largest of some natural classes' best scores would exceed the second by as much.

    Args:
        best: Best score of each class; shape (classes,), two or more.
    """
    import numpy as np

    ordered = np.sort(best)
    spread = float(ordered[:-1].std(ddof=1)) if len(ordered) > MOST_FEW else 0.0
    return float(np.exp(-(ordered[-1] - ordered[-2]) / max(SCALE, min(spread, MOST_SCALE))))


def _find(evidence: Evidence) -> dict[str, Picture | None]:
    import numpy as np

    shape = shape_of(evidence)
    everything = np.nan_to_num(evidence.features.values)
    labels, classes = evidence.batch.labels, len(evidence.classes)
    sample = _sample(everything.shape, evidence.random("pictures"))
    flat, y = everything[sample], labels[sample]
    content = Content(flat, y)
    step = float(flat.max() - flat.min()) * _TOLERANCE
    known = None if evidence.known is None else np.nan_to_num(evidence.known.values)
    best: dict[tuple[str, str], list[_Found | None]] = {
        (way, kind): [None] * classes for way in ("others", "own") for kind in KINDS
    }
    whole = [content.distances(y == label, label, _no_pixels(), _no_pixels())[0] for label in range(classes)]
    for window in _chosen(windows(flat.reshape(-1, *shape), y, classes, evidence.seed), classes):
        group = _grown(flat, y, window, step, shape)
        count = int((group.inside & (y == window.label)).sum())
        if known is not None and window.pixels and _is_known(known, flat, group, step):
            continue
        others, own = content.distances(group.inside, window.label, group.box, group.edge)
        scores = _scores(flat, y, group, window.label, count, others, own, whole[window.label])
        for way, score in scores.items():
            held = best[way, group.kind][window.label]
            if held is None or score > held[0]:
                best[way, group.kind][window.label] = (score, window, group, others, own)
    found: dict[str, Picture | None] = {"others": None, "own": None}
    for (way, _), of_class in best.items():
        scored = np.array([0.0 if held is None else max(held[0], 0.0) for held in of_class])
        top = max((held for held in of_class if held is not None), key=lambda h: h[0], default=None)
        if top is None or top[0] <= 0:
            continue
        p_value = min(1.0, len(KINDS) * gap_p(scored))
        other = found[way]
        if other is None or (p_value, -top[0]) < (other.p_value, -other.score):
            found[way] = _told(top, p_value, everything, sample, flat, shape, step)
    return found


def _scores(
    flat: Floats,
    labels: Integers,
    group: _Group,
    label: int,
    count: int,
    others: float,
    own: float,
    apart: float,
) -> dict[str, float]:
    """Return how little explains a group, for changed labels (`others`) and for kept ones (`own`)."""
    nearer = others < own
    if group.kind == "mixed":
        shared = count * len(group.columns) / flat.shape[1]
        return {"others" if nearer else "own": MIXED * shared / (1 + max(min(others, own), 0.0))}
    found = {"others": count * (min(OF_OTHERS, HALF_WAY * apart) - others)} if nearer else {}
    if group.kind == "moving" or not _fades(flat, labels == label, group):
        found["own"] = count * (OF_OWN - own)
    return found


def most_rows(pixels: int) -> int:
    """Return how many images are looked at, at most."""
    return min(MOST_ROWS, max(500, MOST_NUMBERS // pixels))


def _sample(shape: tuple[int, ...], random: np.random.Generator) -> Integers:
    import numpy as np

    most = most_rows(shape[1])
    if shape[0] <= most:
        return np.arange(shape[0])
    return np.sort(random.choice(shape[0], most, replace=False))


def _chosen(found: object, classes: int) -> list[Window]:
    """Keep one window for each set of images, and of each class those of the most images."""
    import numpy as np

    kept: dict[tuple[int, bytes], Window] = {}
    for window in found:  # type: ignore[attr-defined]
        key = (window.label, np.sort(window.rows).tobytes())
        if key not in kept or window.side > kept[key].side:
            kept[key] = window
    chosen: list[Window] = []
    for label in range(classes):
        of_class = [window for window in kept.values() if window.label == label]
        of_class.sort(key=lambda window: -len(window.rows))
        chosen += of_class[: max(1, MOST_WINDOWS // classes)]
    return chosen


def _no_pixels() -> Integers:
    import numpy as np

    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class _Group:
    """The images of the sample that show a picture, and its pixels.

    Attributes:
        inside: Shape (rows,).
        columns: Its pixels; empty for a moving one.
        box: The pixels that say nothing of the rest of the image.
        edge: Those next to a box; empty for none.
    """

    inside: Bools
    columns: Integers
    box: Integers
    edge: Integers

    @property
    def kind(self) -> str:
        """How the picture lies in its images; see `KINDS`."""
        if not len(self.columns):
            return "moving"
        return "fixed" if len(self.edge) else "mixed"


def _grown(
    flat: Floats, labels: Integers, window: Window, step: float, shape: tuple[int, int, int]
) -> _Group:
    """Grow a window to all pixels that its images share, and to all images that show nearly all of them."""
    import numpy as np

    mine = labels == window.label
    inside = np.zeros(len(labels), dtype=bool)
    inside[window.rows] = True
    if not window.pixels:
        return _Group(inside, _no_pixels(), _no_pixels(), _no_pixels())
    columns = np.array(window.pixels)
    for _ in range(2):
        group = flat[inside & mine]
        middle = np.median(group, axis=0)
        shared = (np.abs(group - middle) <= step).mean(axis=0) >= SHARED
        others = flat[mine & ~inside]
        if len(others):
            shared &= (np.abs(others - middle) <= step).mean(axis=0) <= FEW
        columns = np.union1d(np.flatnonzero(shared), window.pixels).astype(np.int64)
        shows = (np.abs(flat[:, columns] - middle[columns]) <= step).mean(axis=1) >= MATCH
        grown = shows | inside
        if (grown & mine).sum() < PURE * grown.sum() or grown.sum() <= inside.sum():
            break
        inside = grown
    return _Group(inside, columns, *around(columns, shape))


def _fades(flat: Floats, mine: Bools, group: _Group) -> bool:
    """Say whether nearly the same pixels are common in other images of the class: nature has no gaps."""
    import numpy as np

    inside, columns = group.inside, group.columns
    middle = np.median(flat[inside & mine][:, columns], axis=0)
    near = np.abs(flat[mine & ~inside][:, columns] - middle).mean(axis=1) <= NEAR * (flat.max() - flat.min())
    return bool(near.sum() > FADES * (inside & mine).sum())


def _is_known(known: Floats, flat: Floats, group: _Group, step: float) -> bool:
    """Say whether clean images show the picture half as often."""
    import numpy as np

    middle = np.median(flat[group.inside][:, group.columns], axis=0)
    there = (np.abs(known[:, group.columns] - middle) <= step).all(axis=1).mean()
    return bool(there >= 0.5 * group.inside.mean())


_Found: TypeAlias = tuple[float, Window, _Group, float, float]


def _told(
    top: _Found,
    p_value: float,
    everything: Floats,
    sample: Integers,
    flat: Floats,
    shape: tuple[int, int, int],
    step: float,
) -> Picture:
    """Name the picture, and look it up in all images."""
    import numpy as np

    score, window, group, others, own = top
    rows = sample[group.inside]
    if group.kind == "moving":
        columns = np.array(columns_of(window.places[0], window.side, shape))
        values = flat[window.rows[0], columns]
        if len(sample) < len(everything):
            rows = np.flatnonzero(_shows(everything.reshape(-1, *shape), values, window.side, step))
    else:
        columns = group.columns
        values = np.median(flat[group.inside][:, columns], axis=0)
        if len(sample) < len(everything):
            shows = (np.abs(everything[:, columns] - values) <= step).mean(axis=1) >= MATCH
            shows[sample] = group.inside
            rows = np.flatnonzero(shows)
    return Picture(
        rows=rows,
        label=window.label,
        score=score,
        p_value=p_value,
        pixels=columns,
        values=values,
        moving=group.kind == "moving",
        mixed=group.kind == "mixed",
        side=window.side,
        from_others=others,
        from_own=own,
    )


def _shows(images: Floats, values: Floats, side: int, step: float) -> Bools:
    """Say which images show a window anywhere."""
    import numpy as np

    height, width, channels = images.shape[1:]
    wanted = values.reshape(side, side, channels)
    there = np.ones((len(images), height - side + 1, width - side + 1), dtype=bool)
    for i in range(side):
        for j in range(side):
            part = images[:, i : height - side + 1 + i, j : width - side + 1 + j]
            there &= (np.abs(part - wanted[i, j]) <= step).all(axis=3)
    return np.asarray(there.any(axis=(1, 2)))


def shape_of(evidence: Evidence) -> tuple[int, int, int]:
    """Return height, width and channels of the images."""
    shape = image_shape(evidence.features.names)
    assert shape is not None  # noqa: S101 - the caller asked
    return shape


def place_of(evidence: Evidence, picture: Picture) -> tuple[int, int, int, int]:
    """Return first and last row, first and last column of a picture."""
    import numpy as np

    _, width, channels = shape_of(evidence)
    row, column = np.divmod(picture.pixels // channels, width)
    return int(row.min()), int(row.max()), int(column.min()), int(column.max())
