"""Windows of images that hold the same pixels again and again, in images of nearly one class only.

A trigger is a picture: the same few pixels in many images, at one place or at any. Each window of one to
three pixels' side becomes one number, a hash of its pixels; the windows that come often are counted by class.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

FEWEST = 8
"""A window in fewer images is not looked at."""
LARGEST = 0.3
"""Nor is one in a larger share of the images."""
PURE = 0.8
"""Share of the images with a window that carry its most frequent label, at least."""
OF_ITS_CLASS = 0.6
"""What a larger share of a class shows is what the class looks like."""
LEVELS = 8
"""Pixels are looked at as they are, and in so many steps, as storing an image anew may change it a little."""
SIDES = (1, 2, 3)
_PIXEL = re.compile(r"pixel_(\d+)_(\d+)(?:_(\d+))?\Z")
_COLOURS = 3  # dimensions of a pixel's place, its channel included


@dataclass(frozen=True)
class Window:
    """Images that show the same window.

    Attributes:
        rows: Row numbers, in order.
        label: The label that nearly all carry.
        pixels: Columns of the window, or empty where it lies at another place in each image.
        places: First row and first column of the window in each image; shape (rows, 2).
        side: Pixels of the window's side.
    """

    rows: Integers
    label: int
    pixels: tuple[int, ...]
    places: Integers
    side: int


def is_pixel(name: str) -> bool:
    """Say whether a column is called like a pixel of an image."""
    return _PIXEL.match(name) is not None


def image_shape(names: Sequence[str]) -> tuple[int, int, int] | None:
    """Return height, width and channels when columns are the pixels of images in their order, or None."""
    places = [_PIXEL.match(name) for name in names]
    if not names or not all(places):
        return None
    grid = [tuple(int(n) for n in place.groups() if n is not None) for place in places if place]
    dimensions = len(grid[0])
    if any(len(place) != dimensions for place in grid):
        return None
    height, width, channels = (
        max(place[i] for place in grid) + 1 if i < dimensions else 1 for i in range(_COLOURS)
    )
    whole = height * width * channels == len(grid) and grid == sorted(grid) and len(set(grid)) == len(grid)
    return (height, width, channels) if whole else None


def windows(images: Floats, labels: Integers, classes: int, seed: int) -> Iterator[Window]:
    """Yield the windows that many images of nearly one class show.

    Args:
        images: Shape (rows, height, width, channels).
        labels: Shape (rows,).
        classes: Number of classes.
        seed: Seed of the hashes.
    """
    import numpy as np

    from lockgate.progress import track

    random = np.random.default_rng([seed, 81])
    exact = np.unique(images, return_inverse=True)[1].reshape(images.shape).astype(np.uint64)
    low, high = float(images.min()), float(images.max())
    steps = np.minimum((images - low) / max(high - low, 1e-12) * LEVELS, LEVELS - 1).astype(np.uint64)
    own = np.bincount(labels, minlength=classes)
    kinds = [(pixels, side) for pixels in (exact, steps) for side in SIDES if side <= min(images.shape[1:3])]
    for pixels, side in track(kinds, "looking for pictures in pictures"):
        code = _hashes(pixels, side, random)
        height, width = code.shape[1:]
        for place in range(height * width):
            at = np.array(divmod(place, width))
            for rows, label in _often(code[:, at[0], at[1]], labels, own):
                columns = columns_of(at, side, (images.shape[1], images.shape[2], images.shape[3]))
                yield Window(rows, label, columns, np.tile(at, (len(rows), 1)), side)
        if side > 1:
            yield from _anywhere(code, side, labels, own)


def _hashes(pixels: NDArray[np.uint64], side: int, random: np.random.Generator) -> NDArray[np.uint64]:
    """Hash each window: a sum of its pixels with random odd factors, modulo 2^64 (Dietzfelbinger 1996)."""
    import numpy as np

    rows, height, width, channels = pixels.shape
    factors = random.integers(0, 2**64 - 1, (side, side, channels), dtype=np.uint64) | np.uint64(1)
    code = np.zeros((rows, height - side + 1, width - side + 1), dtype=np.uint64)
    for i in range(side):
        for j in range(side):
            for k in range(channels):
                code += pixels[:, i : height - side + 1 + i, j : width - side + 1 + j, k] * factors[i, j, k]
    return code


def _often(code: NDArray[np.uint64], labels: Integers, own: Integers) -> Iterator[tuple[Integers, int]]:
    """Yield the rows, in order, and the label of each code that many rows of nearly one class have."""
    import numpy as np

    order = np.argsort(code, kind="stable")
    ordered = code[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sizes = np.diff(np.append(starts, len(code)))
    for k in np.flatnonzero((sizes >= FEWEST) & (sizes <= LARGEST * len(code))):
        rows = order[starts[k] : starts[k] + sizes[k]]
        count = np.bincount(labels[rows])
        label = int(count.argmax())
        if count[label] >= max(FEWEST, PURE * len(rows)) and count[label] <= OF_ITS_CLASS * own[label]:
            yield rows, label


def _anywhere(code: NDArray[np.uint64], side: int, labels: Integers, own: Integers) -> Iterator[Window]:
    """Yield windows that images show wherever, each image counted once, with its first place."""
    import numpy as np

    rows, width = len(code), code.shape[2]
    flat = code.reshape(rows, -1)
    image = np.repeat(np.arange(rows), flat.shape[1])
    order = np.lexsort((image, flat.ravel()))
    value, image = flat.ravel()[order], image[order]
    first = np.concatenate([[True], (value[1:] != value[:-1]) | (image[1:] != image[:-1])])
    value, image, place = value[first], image[first], order[first] % flat.shape[1]
    starts = np.flatnonzero(np.concatenate([[True], value[1:] != value[:-1]]))
    sizes = np.diff(np.append(starts, len(value)))
    for k in np.flatnonzero((sizes >= FEWEST) & (sizes <= LARGEST * rows)):
        part = slice(starts[k], starts[k] + sizes[k])
        count = np.bincount(labels[image[part]])
        label = int(count.argmax())
        if count[label] >= max(FEWEST, PURE * sizes[k]) and count[label] <= OF_ITS_CLASS * own[label]:
            at = np.column_stack(np.divmod(place[part], width))
            if (at == at[0]).all(axis=1).mean() <= 0.5:  # noqa: PLR2004 - else it has a place
                yield Window(image[part], label, (), at, side)


def columns_of(at: Integers, side: int, shape: tuple[int, int, int]) -> tuple[int, ...]:
    """Return the columns of the window whose first row and first column are `at`."""
    _, width, channels = shape
    return tuple(
        int(((at[0] + i) * width + at[1] + j) * channels + k)
        for i in range(side)
        for j in range(side)
        for k in range(channels)
    )


def closest(images: Floats, values: Floats, side: int) -> tuple[Floats, Floats]:
    """Say how near each image comes to showing a window, at the place of it that suits best.

    Args:
        images: Shape (rows, height, width, channels).
        values: The window's pixels, in the order of `columns_of`.
        side: Its side.

    Returns:
        The smallest mean difference of the window's pixels, and the smallest largest one; shape (rows,) each.
    """
    import numpy as np

    height, width, channels = images.shape[1:]
    wanted = values.reshape(side, side, channels)
    total = np.zeros((len(images), height - side + 1, width - side + 1))
    largest = np.zeros_like(total)
    for i in range(side):
        for j in range(side):
            for k in range(channels):
                part = images[:, i : height - side + 1 + i, j : width - side + 1 + j, k]
                apart = np.abs(part - wanted[i, j, k])
                total += apart
                np.maximum(largest, apart, out=largest)
    return total.min(axis=(1, 2)) / values.size, largest.min(axis=(1, 2))
