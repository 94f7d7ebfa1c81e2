"""Labelled images from a `.npz` file, and the shape in which a model wants them.

`X` holds images of shape (rows, height, width), (rows, height, width, channels), (rows, channels, height,
width), or flat rows of pixels; `y`, or another name, their labels; further arrays group them. Here all are
rows x channels x height x width; a `Layout` turns them into what the model reads and back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lockgate.errors import InputError
from lockgate.model import Predictor
from lockgate.model.adapter import Adapter, as_array

_CHANNELS = (1, 3, 4)
_FLAT, _GREY, _COLOUR = 1, 2, 3  # axes of one image
Order = Literal["chw", "hwc", "hw"]


@dataclass(frozen=True)
class Layout:
    """The shape in which a model reads images.

    Attributes:
        size: Channels, height and width.
        order: Its axes; ``hw`` for grey images without an axis for channels.
        flat: Whether it reads one row of pixels, in that order.
    """

    size: tuple[int, int, int]
    order: Order
    flat: bool

    def to_model(self, images: Any) -> Any:
        """Return images (n x channels x height x width) as the model reads them."""
        made = images.transpose(0, 2, 3, 1) if self.order == "hwc" else images
        return made.reshape(len(images), *self.shape)

    def from_model(self, rows: Any) -> Any:
        """Return what the model reads as n x channels x height x width."""
        channels, height, width = self.size
        if self.order == "hwc":
            return rows.reshape(len(rows), height, width, channels).transpose(0, 3, 1, 2)
        return rows.reshape(len(rows), channels, height, width)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one image as the model reads it."""
        channels, height, width = self.size
        axes = {"chw": (channels, height, width), "hwc": (height, width, channels), "hw": (height, width)}
        return (math.prod(self.size),) if self.flat else axes[self.order]


class ImageAdapter(Adapter):
    """A model of images in any shape as a model of n x channels x height x width.

    Args:
        predictor: The model.
        layout: What it reads.
    """

    def __init__(self, predictor: Predictor, layout: Layout) -> None:
        self.kind = predictor.kind
        self.shape = layout.size
        self.precision = predictor.model.precision
        self.gives_probabilities = predictor.gives_probabilities
        self.has_gradient = predictor.has_gradient
        self._predictor, self._layout = predictor, layout

    @property
    def classes(self) -> tuple[Any, ...]:
        """See `Adapter`."""
        return self._predictor.classes

    @property
    def weights(self) -> Any:
        """See `Adapter`."""
        found = self._predictor.weights
        if found is None or found[0].size != math.prod(self._layout.size):
            return None
        return self._layout.from_model(found)

    def probabilities(self, rows: Any) -> Any:
        """See `Adapter`."""
        return self._predictor.predict_proba(self._layout.to_model(rows))

    def labels(self, rows: Any) -> Any:
        """See `Adapter`."""
        return self._predictor.predict(self._layout.to_model(rows))

    def gradient(self, rows: Any, target: Any) -> Any:
        """See `Adapter`."""
        labels = as_array(self.classes)[target]
        return self._layout.from_model(self._predictor.gradient(self._layout.to_model(rows), labels))


@dataclass(frozen=True)
class Images:
    """Labelled images.

    Attributes:
        pixels: float64, n x channels x height x width.
        labels: The right labels as the model writes them; array.
        places: Their places among the model's classes; int array.
        numbers: The place of each in the file, from 0; int array.
        low: The smallest value that a pixel can have.
        high: The largest.
        whole: Whether all pixels are whole numbers, of a range of more than 1.
        beside: What else the file says of each image: a DataFrame, one column an array.
    """

    pixels: Any
    labels: Any
    places: Any
    numbers: Any
    low: float
    high: float
    whole: bool
    beside: Any

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, at: Any) -> Images:
        """Return some of the images, by their places."""
        return Images(
            self.pixels[at],
            self.labels[at],
            self.places[at],
            self.numbers[at],
            self.low,
            self.high,
            self.whole,
            self.beside.iloc[at].reset_index(drop=True),
        )

    @property
    def says(self) -> str:
        """Their size and range in words."""
        channels, height, width = self.pixels.shape[1:]
        kind = {1: "grey", 3: "colour", 4: "colour with transparency"}.get(channels, f"{channels} channels")
        whole = "whole numbers " if self.whole else ""
        return f"{height} x {width}, {kind}, {whole}from {self.low:g} to {self.high:g}"


def read_images(
    predictor: Predictor,
    path: Path,
    label: str,
    *,
    shape: list[int] | None = None,
    pixel_range: list[float] | None = None,
) -> tuple[Predictor, Images]:
    """Read labelled images as one model sees them.

    Args:
        predictor: A classifier of images, or of flat rows of pixels.
        path: The `.npz` file.
        label: The array with the right labels.
        shape: Height and width, or height, width and channels, of flat rows of pixels; by default they are
            taken for square and grey.
        pixel_range: The smallest and largest value of a pixel; by default 0 and 255 for bytes, 0 and 1 for
            fractions within these, else what the file holds.

    Returns:
        The model, asked for images of n x channels x height x width, and the images.

    Raises:
        InputError: The file cannot be read or has no such array, a label is none of the model's classes, or
            the model reads rows of another size.
    """
    import numpy as np
    import pandas as pd

    from lockgate.table.npz import read_arrays

    arrays = read_arrays(path)
    if label not in arrays.beside:
        raise InputError(f"{path} has no array {label}; name the one with the labels, for example y")
    x = arrays.x
    if not np.isfinite(x).all():
        raise InputError(f"X of {path} has pixels that are no finite numbers; remove these images")
    size, given = _size(x, shape, path)
    layout = _layout(predictor.shape, size, given, path)
    pixels = Layout(size, given, flat=x.ndim == _FLAT + 1).from_model(x.astype(np.float64))
    places = _places(predictor, arrays.beside[label].tolist(), label, path)
    low, high = _range(x, pixel_range, path)
    beside = pd.DataFrame({name: values for name, values in arrays.beside.items() if name != label})
    images = Images(
        pixels,
        as_array(predictor.classes)[places],
        places,
        np.arange(len(x)),
        low,
        high,
        bool(high - low > 1 and (pixels == np.rint(pixels)).all()),
        beside if len(beside.columns) else pd.DataFrame(index=range(len(x))),
    )
    return Predictor(ImageAdapter(predictor, layout)), images


# --- Parts ------------------------------------------------------------------------------------------


def _size(x: Any, shape: list[int] | None, path: Path) -> tuple[tuple[int, int, int], Order]:
    axes = x.shape[1:]
    if len(axes) == _COLOUR and axes[2] in _CHANNELS:
        return (axes[2], axes[0], axes[1]), "hwc"
    if len(axes) == _COLOUR and axes[0] in _CHANNELS:
        return (axes[0], axes[1], axes[2]), "chw"
    if len(axes) == _COLOUR:
        raise InputError(
            f"X of {path} has images of shape {axes}, in which no axis has 1, 3 or 4 channels; "
            "give (rows, height, width, channels)"
        )
    if len(axes) == _GREY:
        return (1, axes[0], axes[1]), "hw"
    side = math.isqrt(axes[0])
    said = shape or [side, side]
    if len(said) not in (_GREY, _COLOUR) or min(said) < 1 or math.prod(said) != axes[0]:
        raise InputError(
            f"X of {path} has rows of {axes[0]} pixels, which are no images of {' x '.join(map(str, said))}; "
            "give their height and width as image_shape"
        )
    return (said[2] if len(said) == _COLOUR else 1, said[0], said[1]), "hwc" if len(said) == _COLOUR else "hw"


def _layout(
    wanted: tuple[int | None, ...] | None, size: tuple[int, int, int], given: Order, path: Path
) -> Layout:
    """Return how to give images to a model that reads rows of some shape; in doubt as they are given."""
    if wanted is None:
        return Layout(size, given, flat=False)
    flat = len(wanted) == _FLAT
    orders: list[Order] = [given, "hwc", "chw", *(["hw"] if size[0] == 1 else [])]  # type: ignore[list-item]
    for order in orders:
        layout = Layout(size, order, flat)
        if len(layout.shape) == len(wanted) and all(
            w in (None, n) for w, n in zip(wanted, layout.shape, strict=True)
        ):
            return layout
    said = " x ".join("any" if n is None else str(n) for n in wanted)
    raise InputError(
        f"the model reads rows of the shape {said}, and the images of {path} have {size[0]} channels, "
        f"height {size[1]} and width {size[2]}; give images as in training"
    )


def _places(predictor: Predictor, labels: list[Any], name: str, path: Path) -> Any:
    import numpy as np

    place = {value: at for at, value in enumerate(predictor.classes)}
    found = np.array([place.get(label, -1) for label in labels], dtype=np.int64)
    if (found < 0).any():
        strange = len({label for label in labels if label not in place})
        raise InputError(
            f"array {name} of {path} has {strange} labels that are none of the model's {len(place)} classes, "
            f"which are of type {type(predictor.classes[0]).__name__}; "
            "give images labelled as in training"
        )
    if len(set(found.tolist())) == 1:
        raise InputError(f"array {name} of {path} has one class only; give images of two or more")
    return found


def _range(x: Any, said: list[float] | None, path: Path) -> tuple[float, float]:
    import numpy as np

    low, high = float(x.min()), float(x.max())
    if said is not None:
        if len(said) != 2 or not said[0] < said[1]:  # noqa: PLR2004 - a smallest and a largest
            raise InputError(f"pixel_range is {said}; give the smallest and the largest value of a pixel")
        if low < said[0] or high > said[1]:
            raise InputError(
                f"X of {path} has pixels from {low:g} to {high:g}, outside of pixel_range {said}; correct one"
            )
        return float(said[0]), float(said[1])
    if x.dtype == np.uint8:
        return 0.0, 255.0
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return low, high if high > low else low + 1.0
