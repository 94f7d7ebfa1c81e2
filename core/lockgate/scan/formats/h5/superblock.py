"""The superblock of HDF5, which says how long the file is and where its root group lies."""

from __future__ import annotations

from lockgate.scan.context import Context
from lockgate.scan.formats.h5 import groups
from lockgate.scan.formats.h5.block import NOWHERE, File
from lockgate.scan.formats.h5.objects import Walk, header
from lockgate.scan.record import DamagedError
from lockgate.scan.source import Source

MAGIC = b"\x89HDF\r\n\x1a\n"


def walk(source: Source, context: Context) -> None:
    """Hold the whole structure of a file against its bytes.

    Raises:
        DamagedError: It cannot be followed to its end, or holds what is not read here.
    """
    file = File(source)
    version = file.peek(0, 9).data[8]
    if version > 3:  # noqa: PLR2004 - the newest version
        raise DamagedError("has a superblock of no known version", 8)
    root = _old(file, version) if version < 2 else _new(file)  # noqa: PLR2004
    Walk(file, context).walk(root)
    file.finish()


def _old(file: File, version: int) -> groups.Link:
    block = file.block(0, 96 + 4 * version, MAGIC)
    block.take(1)
    block.zeros(4)  # versions of the free space, of the root, of shared messages
    widths = block.take(2)
    block.zeros(1)
    file.leaf, file.internal = block.number(2), block.number(2)
    flags = block.number(4)
    if version:
        file.chunks = block.number(2)
        block.zeros(2)
    base, free, end, driver = (block.number(8) for _ in range(4))
    if widths != b"\x08\x08" or flags or not (file.leaf and file.internal and file.chunks):
        raise block.bad("has a superblock that cannot be read")
    _ends(file.source, base, end)
    if free != NOWHERE or driver != NOWHERE:
        raise block.bad("has free space or a driver, which are not read here")
    return groups.root_entry(block)


def _new(file: File) -> groups.Link:
    block = file.summed(0, 48, MAGIC)
    block.take(1)
    widths, flags = block.take(2), block.number(1)
    base, extension, end, root = (block.number(8) for _ in range(4))
    if widths != b"\x08\x08" or flags & ~4:
        raise block.bad("has a superblock that cannot be read, or is open for writing")
    _ends(file.source, base, end)
    if extension != NOWHERE:
        held = header(file, extension).messages
        if not held.keys() <= {19, 23}:
            raise block.bad("has an extension that is not read here")
        if 19 in held:  # noqa: PLR2004
            sizes = held[19][0]
            sizes.take(1)
            file.chunks, file.internal, file.leaf = (sizes.number(2) for _ in range(3))
    return groups.Link("/", groups.HARD, root)


def _ends(source: Source, base: int, end: int) -> None:
    if base != 0:
        raise DamagedError("begins with something else than HDF5", 0)
    if end > source.size:
        raise DamagedError("is cut short", source.size)
    if end < source.size:
        raise DamagedError("bytes follow the end of the file that it declares", end)
