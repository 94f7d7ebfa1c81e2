"""Read arrays of images or embeddings (`.npz`) as a table with a column for each number.

The file holds `X`, of shape (rows, features), (rows, height, width) or (rows, height, width, channels),
and arrays of one value a row, each a column of its name: the label (`y`), the source, and so on.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.errors import InputError
from lockgate.table.npz import is_npz, read_arrays

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["is_npz", "read_npz"]

MOST_COLUMNS = 4_096
"""Larger images are made smaller, by means over square blocks."""
_FLAT, _COLOUR = 2, 4


def read_npz(path: Path) -> pa.Table:
    """Read the arrays of a file as one table; nothing in it is unpickled.

    Returns:
        Columns `x0`, `x1`, ... or, for images, `pixel_ROW_COLUMN` and `pixel_ROW_COLUMN_CHANNEL`; then one
        column for each array of one value a row.

    Raises:
        InputError: The file is damaged, too large unpacked, or lacks `X`, or its arrays do not fit together.
    """
    import numpy as np
    import pyarrow as pa

    arrays = read_arrays(path)
    columns: dict[str, Any] = columns_of_arrays(_smaller(np.asarray(arrays.x, dtype=np.float64)))
    for name, values in arrays.beside.items():
        if name in columns:
            raise InputError(f"an array of {path} is called {name}, like a column of X; rename it")
        columns[name] = values
    return pa.table(columns)


def _smaller(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average square blocks until an image has at most `MOST_COLUMNS` numbers."""
    if x.ndim == _FLAT:
        return x
    block = block_of(x.shape[1], x.shape[2], x.shape[3] if x.ndim == _COLOUR else 1, MOST_COLUMNS)
    if block == 1:
        return x
    import numpy as np

    starts = [np.arange(0, x.shape[axis], block) for axis in (1, 2)]
    total = np.add.reduceat(np.add.reduceat(x, starts[0], axis=1), starts[1], axis=2)
    sizes = [np.diff(np.append(s, x.shape[axis])) for axis, s in zip((1, 2), starts, strict=True)]
    area = (sizes[0][:, None] * sizes[1][None, :])[None]
    mean: NDArray[np.float64] = total / (area[..., None] if x.ndim == _COLOUR else area)
    return mean


def block_of(height: int, width: int, channels: int, most: int) -> int:
    """Return the side of the square blocks that leave at most so many numbers of an image."""
    block = 1
    while -(-height // block) * -(-width // block) * channels > most and block < max(height, width):
        block += 1
    return block


def columns_of_arrays(x: NDArray[np.float64]) -> dict[str, Any]:
    """Return a column for each number of embeddings or images, by its name."""
    import itertools

    if x.ndim == _FLAT:
        return {f"x{i}": column for i, column in enumerate(x.T)}
    places = itertools.product(*(range(n) for n in x.shape[1:]))
    flat = x.reshape(len(x), -1)
    return {"pixel_" + "_".join(str(p) for p in place): flat[:, i].copy() for i, place in enumerate(places)}
