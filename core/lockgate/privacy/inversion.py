"""Draw what a class looks like to a model of images.

Starting from grey, the picture is changed step by step towards more certainty of the class, without the
model's gradients: each step asks the model about a cloud of smooth random changes and goes where its answers
grow (evolution strategies, Salimans et al. 2017, arXiv:1703.03864), and a little back to grey, so that a
pixel that the class does not care about stays grey. What comes out is what anybody who
may ask the model can see (Fredrikson, Jha and Ristenpart 2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lockgate.errors import InputError
from lockgate.model import Predictor
from lockgate.progress import track

_STEPS = 40
_BACK = 0.05  # of the way back to grey, each step
_CLOUD = 40  # pairs of changes that a step asks about


@dataclass(frozen=True)
class Inverted:
    """What one class looks like.

    Attributes:
        label: The class.
        picture: Values from 0 to 1; height by width.
        certainty: Probability of the class that the model gives the picture.
        likeness: Correlation with the mean training row of the class; 0 when one of them is flat.
    """

    label: Any
    picture: Any
    certainty: float
    likeness: float


def check_shape(shape: list[int], columns: int) -> tuple[int, int]:
    """Return height and width, and refuse a shape that the columns do not fill.

    Raises:
        InputError: It is no height and width whose product is the number of columns.
    """
    if len(shape) != 2 or min(shape) < 1 or shape[0] * shape[1] != columns:  # noqa: PLR2004 - height and width
        raise InputError(
            f"image_shape is {shape}, and the model reads {columns} columns; give height and width whose "
            "product is that number"
        )
    return shape[0], shape[1]


def invert(
    predictor: Predictor, rows: Any, labels: Any, shape: tuple[int, int], *, most: int, seed: int
) -> list[Inverted]:
    """Return a picture of each class.

    Args:
        predictor: The model.
        rows: Training rows, a DataFrame of numeric columns, one a pixel.
        labels: Places of their labels among the classes.
        shape: Height and width.
        most: Most classes to draw.
        seed: Of the random changes.
    """
    import numpy as np

    try:
        values = rows.to_numpy(dtype=float)
    except (TypeError, ValueError):
        raise InputError("image_shape is given, and a column is no number; leave it out for tables") from None
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    span = (high - low) or 1.0
    found = []
    for place in track(range(min(len(predictor.classes), most)), "drawing classes"):
        rng = np.random.default_rng([seed, 4, place])
        picture = np.full(values.shape[1], 0.5)
        for step in range(_STEPS):
            changes = _smooth(rng.normal(size=(_CLOUD, *shape))).reshape(_CLOUD, -1)
            size = 0.3 * (1 - step / _STEPS) + 0.05
            tried = np.clip(np.concatenate([picture + size * changes, picture - size * changes]), 0, 1)
            sure = _sure(predictor, rows, tried * span + low, place)
            ascent = (sure[:_CLOUD] - sure[_CLOUD:]) @ changes
            norm = float(np.abs(ascent).max())
            if norm > 0:
                picture = np.clip(picture + 0.15 * ascent / norm - _BACK * (picture - 0.5), 0, 1)
        certainty = float(np.exp(_sure(predictor, rows, (picture * span + low)[None], place))[0])
        mean: Any = (
            values[labels == place].mean(axis=0) if (labels == place).any() else np.zeros(len(picture))
        )
        found.append(
            Inverted(predictor.classes[place], picture.reshape(shape), certainty, _alike(picture, mean))
        )
    return found


def _sure(predictor: Predictor, rows: Any, values: Any, place: int) -> Any:
    import numpy as np
    import pandas as pd

    from lockgate.privacy.shadows import answers_of

    frame = pd.DataFrame(values, columns=rows.columns)
    return np.log(np.clip(answers_of(predictor, frame, predictor.classes)[:, place], 1e-6, 1.0))


def _smooth(noise: Any) -> Any:
    """Average each pixel with its neighbours, and keep a spread of 1."""
    import numpy as np

    padded = np.pad(noise, ((0, 0), (1, 1), (1, 1)), mode="edge")
    height, width = noise.shape[1:]
    spread: Any = sum(padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)) / 9.0
    return spread / (spread.std() or 1.0)


def _alike(first: Any, second: Any) -> float:
    import numpy as np

    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
