"""Read a folder of images by its manifest as a table with a column for each pixel.

The folder holds `manifest.csv` or `manifest.parquet` with a column `path` (relative to the folder, with
slashes) and one column for each thing known of an image: its label, its source, when it came. The folder
is hashed as a whole, so that what was judged is what was signed.

Images of one size are read as they are, or averaged over square blocks when they have more than
`arrays.MOST_COLUMNS` numbers; images of several sizes are scaled to `SIDE` x `SIDE` by area. Grey ones have
one channel, unless one is in colour; transparency is left out.
"""

from __future__ import annotations

import stat
import warnings
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from lockgate.errors import InputError, MissingExtraError
from lockgate.poisoning.arrays import MOST_COLUMNS, block_of, columns_of_arrays
from lockgate.table.npz import MOST_BYTES

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
    from PIL.Image import Image

MANIFESTS = ("manifest.csv", "manifest.parquet")
FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
MOST_IMAGES = 200_000
MOST_FILE_BYTES = 64 * 1024**2
MOST_PIXELS = 32_000_000
"""Of one image, by its header; a small file can claim to hold more."""
SIDE = 32
_GREY = ("1", "L")


def is_image_folder(path: Path) -> bool:
    """Say whether a path is a folder with a manifest of images."""
    return path.is_dir() and any((path / name).is_file() for name in MANIFESTS)


def read_image_folder(folder: Path) -> pa.Table:
    """Read the images that a folder's manifest lists.

    Returns:
        Columns `pixel_ROW_COLUMN` or `pixel_ROW_COLUMN_CHANNEL`, values 0 to 255, then the manifest's columns
        but for `path`.

    Raises:
        InputError: There are two manifests, one has no column `path`, or a path leads out of the folder,
            is a link, or is no image within the limits.
        MissingExtraError: Pillow is not installed.
    """
    from importlib.util import find_spec

    import numpy as np
    import pyarrow as pa

    from lockgate.progress import track

    if find_spec("PIL") is None:
        raise MissingExtraError("poisoning", "pillow")
    manifest = _manifest(folder)
    files = [_file(folder, text, row) for row, text in enumerate(_paths(folder, manifest))]
    sizes, grey = set(), True
    for file in track(files, "reading headers of images"):
        with _opened(file) as image:
            sizes.add(image.size)
            grey &= image.mode in _GREY
    channels = 1 if grey else 3
    height, width = _target(sizes, channels)
    if len(files) * height * width * channels * 8 > MOST_BYTES:
        raise InputError(f"the images of {folder} need more than {MOST_BYTES >> 30} GiB; split the folder")
    pixels = np.empty((len(files), height, width, channels), dtype=np.float64)
    for i, file in enumerate(track(files, "reading images")):
        pixels[i] = _pixels(file, grey, (height, width))
    columns: dict[str, Any] = columns_of_arrays(pixels[..., 0] if grey else pixels)
    for name in manifest.column_names:
        if name == "path":
            continue
        if name in columns:
            raise InputError(f"a column of {folder}'s manifest is called {name}, like a pixel; rename it")
        columns[name] = manifest.column(name)
    return pa.table(columns)


def _manifest(folder: Path) -> pa.Table:
    from lockgate.table.read import read_arrow

    there = [folder / name for name in MANIFESTS if (folder / name).is_file()]
    if len(there) > 1:
        raise InputError(f"{folder} holds {MANIFESTS[0]} and {MANIFESTS[1]}; keep one of them")
    if there[0].is_symlink():
        raise InputError(f"{there[0]} is a link; put the manifest itself into the folder")
    table = read_arrow(there[0])
    if "path" not in table.column_names:
        raise InputError(f"{there[0]} has no column path; list the images there, relative to the folder")
    if table.num_rows > MOST_IMAGES:
        raise InputError(f"{there[0]} lists more than {MOST_IMAGES:,} images; split the folder")
    return table


def _paths(folder: Path, manifest: pa.Table) -> list[str]:
    paths: list[str] = manifest.column("path").to_pylist()
    for row, path in enumerate(paths):
        if not isinstance(path, str) or not path:
            raise InputError(f"row {row} of {folder}'s manifest has no path; name the image there")
    if len(set(paths)) < len(paths):
        raise InputError(f"{folder}'s manifest lists an image twice; list each once")
    return paths


def _file(folder: Path, text: str, row: int) -> Path:
    """Return the file that a path names, if it is a plain file below the folder and not too large."""
    path = PurePosixPath(text)
    odd = path.is_absolute() or ".." in path.parts or "\\" in text or "\0" in text or not path.parts
    if odd:
        raise InputError(
            f"row {row} of {folder}'s manifest has a path that may lead out of the folder; "
            "write it relative to the folder, with slashes"
        )
    at = folder
    try:
        for part in path.parts:
            at = at / part
            mode = at.lstat()
            if stat.S_ISLNK(mode.st_mode):
                raise InputError(f"{at} is a link; put the image itself into the folder")
    except OSError:
        raise InputError(f"{at}, which row {row} of the manifest names, cannot be read; add it") from None
    if not stat.S_ISREG(mode.st_mode):
        raise InputError(f"{at}, which row {row} of the manifest names, is no file; name an image")
    if mode.st_size > MOST_FILE_BYTES:
        raise InputError(f"{at} has more than {MOST_FILE_BYTES >> 20} MiB; give a smaller image")
    return at


def _opened(file: Path) -> Image:
    """Open an image without decoding it, and refuse one that claims to be too large."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(file, formats=FORMATS)
    except Exception as error:  # noqa: BLE001 - decoders raise a dozen kinds
        raise _unreadable(file, error) from None
    width, height = image.size
    if not 0 < width * height <= MOST_PIXELS:
        image.close()
        raise InputError(f"{file} has {width} x {height} pixels; give at most {MOST_PIXELS:,}")
    return image


def _pixels(file: Path, grey: bool, size: tuple[int, int]) -> NDArray[np.float64]:
    import numpy as np
    from PIL import Image

    with _opened(file) as image:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                plain = image.convert("L" if grey else "RGB")
        except Exception as error:  # noqa: BLE001 - decoders raise a dozen kinds
            raise _unreadable(file, error) from None
    if (plain.height, plain.width) != size:
        plain = plain.resize((size[1], size[0]), Image.Resampling.BOX)
    return np.asarray(plain, dtype=np.float64).reshape(*size, 1 if grey else 3)


def _unreadable(file: Path, error: Exception) -> InputError:
    return InputError(
        f"{file} cannot be read as an image ({type(error).__name__}); give {', '.join(FORMATS)} files"
    )


def _target(sizes: set[tuple[int, int]], channels: int) -> tuple[int, int]:
    """Return height and width that all images are brought to."""
    if len(sizes) > 1:
        return SIDE, SIDE
    [(width, height)] = sizes
    block = block_of(height, width, channels, MOST_COLUMNS)
    return -(-height // block), -(-width // block)
