"""Read arrays of images or embeddings (`.npz`) as a table with a column for each number.

The file holds `X`, of shape (rows, features), (rows, height, width) or (rows, height, width, channels),
and arrays of one value a row, each a column of its name: the label (`y`), the source, and so on.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

MOST_BYTES = 4 * 1024**3
"""What the arrays of a file may hold unpacked; a small file can claim to hold more."""
MOST_MEMBERS = 64
MOST_COLUMNS = 4_096
"""Larger images are made smaller, by means over square blocks."""
_MAGIC = b"PK\x03\x04"
_FLAT, _GREY, _COLOUR = 2, 3, 4


def is_npz(path: Path) -> bool:
    """Say whether a file is a zip archive, as `.npz` files are; told by its first bytes."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == _MAGIC


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

    arrays = _arrays(path)
    if "X" not in arrays:
        raise InputError(f"{path} has no array X; save it with numpy.savez(file, X=..., y=...)")
    x = arrays.pop("X")
    if x.ndim not in (_FLAT, _GREY, _COLOUR) or not x.size or x.dtype.kind not in "biuf":
        raise InputError(
            f"X of {path} has shape {x.shape} and type {x.dtype}; give numbers of shape (rows, features), "
            "(rows, height, width) or (rows, height, width, channels)"
        )
    columns: dict[str, Any] = _columns(_smaller(np.asarray(x, dtype=np.float64)))
    for name, values in arrays.items():
        if values.ndim != 1 or len(values) != len(x) or values.dtype.kind not in "biufU":
            raise InputError(
                f"{name} of {path} has shape {values.shape} and type {values.dtype}; "
                f"beside X each array holds one number or text for each of the {len(x)} rows"
            )
        if name in columns:
            raise InputError(f"an array of {path} is called {name}, like a column of X; rename it")
        columns[name] = values
    return pa.table(columns)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    import numpy as np

    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
        _refuse_many(path, members)
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - zipfile, zlib and numpy's header parser raise a dozen kinds
        raise InputError(
            f"{path} cannot be read as .npz ({type(error).__name__}); "
            "save it with numpy.savez, without objects"
        ) from None


def _refuse_many(path: Path, members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MOST_MEMBERS or sum(m.file_size for m in members) > MOST_BYTES:
        raise InputError(f"{path} holds more than {MOST_MEMBERS} arrays or {MOST_BYTES >> 30} GiB; split it")
    if len({m.filename for m in members}) < len(members):
        raise InputError(f"{path} holds two arrays of one name; save it anew with numpy.savez")


def _smaller(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average square blocks until an image has at most `MOST_COLUMNS` numbers."""
    if x.ndim == _FLAT:
        return x
    block = 1
    channels = x.shape[3] if x.ndim == _COLOUR else 1
    while -(-x.shape[1] // block) * -(-x.shape[2] // block) * channels > MOST_COLUMNS and block < x.shape[1]:
        block += 1
    if block == 1:
        return x
    import numpy as np

    starts = [np.arange(0, x.shape[axis], block) for axis in (1, 2)]
    total = np.add.reduceat(np.add.reduceat(x, starts[0], axis=1), starts[1], axis=2)
    sizes = [np.diff(np.append(s, x.shape[axis])) for axis, s in zip((1, 2), starts, strict=True)]
    area = (sizes[0][:, None] * sizes[1][None, :])[None]
    mean: NDArray[np.float64] = total / (area[..., None] if x.ndim == _COLOUR else area)
    return mean


def _columns(x: NDArray[np.float64]) -> dict[str, Any]:
    import itertools

    if x.ndim == _FLAT:
        return {f"x{i}": column for i, column in enumerate(x.T)}
    places = itertools.product(*(range(n) for n in x.shape[1:]))
    flat = x.reshape(len(x), -1)
    return {"pixel_" + "_".join(str(p) for p in place): flat[:, i].copy() for i, place in enumerate(places)}
