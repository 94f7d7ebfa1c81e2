"""Extensible arrays of HDF5: the index of chunks of a dataset that grows along one dimension."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.scan.formats.h5.block import NOWHERE, Block, File

_MOST = 1 << 24  # elements


def elements(file: File, at: int, *, filtered: bool) -> Iterator[tuple[int, Block]]:
    """Yield the elements of an array with their number, in order; blocks that are not there are left out."""
    head = file.summed(at, 72, b"EAHD\0")
    client, size, bits, first, least, pointers, page_bits = (head.number(1) for _ in range(7))
    head.take(6 * 8)
    index = head.number(8)
    known = client == filtered and 0 < size <= 64 and 0 < bits <= 64 and page_bits <= 32  # noqa: PLR2004
    if not known or least.bit_count() != 1 or pointers.bit_count() != 1:
        raise head.bad("has an index of another kind")
    if index == NOWHERE:
        return
    levels = 1 + bits - (least.bit_length() - 1)
    direct = 2 * (pointers.bit_length() - 1)  # levels whose blocks the index itself leads to
    short = 2 * (pointers - 1)
    offset = (bits + 7) // 8
    length = 14 + first * size + 8 * (short + max(levels - direct, 0)) + 4
    block = file.summed(index, length, b"EAIB\0")
    _owner(block, client, at)
    for n in range(first):
        yield n, Block(block.take(size), block.at)
    start, page = first, 1 << page_bits
    for level in range(levels):
        count, each = 1 << level // 2, (1 << (level + 1) // 2) * least
        pages = each // page if each > page else 0
        if level < direct:
            children = [block.number(8) for _ in range(count)]
        elif (above := block.number(8)) == NOWHERE:
            children = []
        elif count * each > _MOST:
            raise block.bad("has an index of too many chunks")
        else:
            maps = count * ((pages + 7) // 8)
            inner = file.summed(above, 14 + offset + maps + 8 * count + 4, b"EASB\0")
            _owner(inner, client, at)
            inner.take(offset)
            present = inner.take(maps)
            children = [inner.number(8) for _ in range(count)]
            if pages and maps and any(present) and all(child == NOWHERE for child in children):
                raise inner.bad("has an index of another kind")
        for number, child in enumerate(children):
            if child != NOWHERE:
                here = start + number * each
                yield from _data(file, child, (client, at, offset, size), here, each, page if pages else 0)
        start += count * each


def _owner(block: Block, client: int, at: int) -> None:
    if block.number(1) != client or block.number(8) != at:
        raise block.bad("has a block of another index")


def _data(
    file: File, at: int, shape: tuple[int, int, int, int], start: int, count: int, page: int
) -> Iterator[tuple[int, Block]]:
    client, owner, offset, size = shape
    length = 14 + offset + (0 if page else count * size) + 4
    block = file.summed(at, length, b"EADB\0")
    _owner(block, client, owner)
    block.take(offset)
    for n in range(0 if page else count):
        yield start + n, Block(block.take(size), block.at)
    at += length
    for here in range(0, count if page else 0, page or 1):
        # A page that nothing was written to has no checksum yet.
        if any(file.peek(at, page * size + 4).data):
            block = file.summed(at, page * size + 4, b"")
            for n in range(page):
                yield start + here + n, Block(block.take(size), block.at)
        at += page * size + 4
