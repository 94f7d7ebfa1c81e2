"""Read the arrays of a `.npz` file: `X`, and arrays of one value a row beside it. Nothing is unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_BYTES = 4 * 1024**3
"""What the arrays of a file may hold unpacked; a small file can claim to hold more."""
MOST_MEMBERS = 64
_MAGIC = b"PK\x03\x04"
_FLAT, _COLOUR = 2, 4


@dataclass(frozen=True)
class Arrays:
    """What a file holds.

    Attributes:
        x: Numbers as they are stored, of shape (rows, features), (rows, height, width) or (rows, height,
            width, channels).
        beside: Arrays of one number or text a row, by name.
    """

    x: NDArray[Any]
    beside: Mapping[str, NDArray[Any]]


def is_npz(path: Path) -> bool:
    """Say whether a file is a zip archive, as `.npz` files are; told by its first bytes."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == _MAGIC


def read_arrays(path: Path) -> Arrays:
    """Read a file.

    Raises:
        InputError: The file is damaged, too large unpacked, or lacks `X`, or its arrays do not fit together.
    """
    arrays = _arrays(path)
    if "X" not in arrays:
        raise InputError(f"{path} has no array X; save it with numpy.savez(file, X=..., y=...)")
    x = arrays.pop("X")
    if not _FLAT <= x.ndim <= _COLOUR or not x.size or x.dtype.kind not in "biuf":
        raise InputError(
            f"X of {path} has shape {x.shape} and type {x.dtype}; give numbers of shape (rows, features), "
            "(rows, height, width) or (rows, height, width, channels)"
        )
    for name, values in arrays.items():
        if values.ndim != 1 or len(values) != len(x) or values.dtype.kind not in "biufU":
            raise InputError(
                f"{name} of {path} has shape {values.shape} and type {values.dtype}; "
                f"beside X each array holds one number or text for each of the {len(x)} rows"
            )
    return Arrays(x, arrays)


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
