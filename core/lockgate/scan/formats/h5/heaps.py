"""Heaps of HDF5: global ones hold values of variable length, local and fractal ones names and messages."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from lockgate.scan.formats.h5.block import NOWHERE, Block, File
from lockgate.scan.formats.h5.lookup3 import lookup3
from lockgate.scan.formats.h5.types import Type
from lockgate.scan.record import DamagedError

_KEPT = 64  # collections that are remembered


class GlobalHeaps:
    """The collections that values of variable length lie in."""

    def __init__(self, file: File) -> None:
        self.file = file
        self._met: set[int] = set()
        self._kept: OrderedDict[int, dict[int, tuple[int, int]]] = OrderedDict()

    def check(self, values: bytes, kind: Type, at: int) -> None:
        """Hold every reference in values of a type against the collection that it leads to."""
        block = Block(values, at)
        for start in range(0, len(values), kind.size):
            for offset, item, text in kind.heaps:
                block.i = start + offset
                count, where, index = block.number(4), block.number(8), block.number(4)
                if not count and (not where or not index):
                    continue
                found = self._objects(where).get(index)
                if found is None or found[1] != count * item:
                    raise block.bad("has a value that is not where it says")
                if text:
                    try:
                        self.file.source.exactly(*found).decode("utf-8")
                    except UnicodeDecodeError:
                        raise block.bad("has a text that is no UTF-8") from None

    def _objects(self, at: int) -> dict[int, tuple[int, int]]:
        if at in self._kept:
            self._kept.move_to_end(at)
            return self._kept[at]
        head = self.file.peek(at, 16)
        if head.take(5) != b"GCOL\x01":
            raise head.bad("has something else where a GCOL belongs")
        head.zeros(3)
        size = head.number(8)
        if at not in self._met:
            self.file.own(at, size)
            self._met.add(at)
        objects: dict[int, tuple[int, int]] = {}
        i = at + 16
        while i + 16 <= at + size:
            one = self.file.peek(i, 16)
            index, _ = one.number(2), one.number(2)
            one.zeros(4)
            length = one.number(8)
            if index == 0:
                if length != at + size - i:
                    raise one.bad("has a heap whose free space is not what is left")
                break
            if index in objects or i + 16 + length > at + size:
                raise one.bad("has a heap with an object that is longer than itself, or one twice")
            objects[index] = (i + 16, length)
            i += 16 + (length + 7) // 8 * 8
        if i > at + size:
            raise head.bad("has a heap with an object that is longer than itself")
        self._kept[at] = objects
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return objects


def local_names(file: File, at: int) -> tuple[Block, dict[int, int]]:
    """Return the bytes of a local heap, which hold the names of a group, and where how many are free."""
    head = file.block(at, 32, b"HEAP")
    head.zeros(4)
    size, free, data = head.number(8), head.number(8), head.number(8)
    names = file.block(data, size)
    empty: dict[int, int] = {}
    while free != 1:  # the end of the list
        if free % 8 or free + 16 > size or free in empty:
            raise head.bad("has a heap whose free space leads nowhere")
        names.i = free
        after, length = names.number(8), names.number(8)
        if length < 16 or free + length > size:  # noqa: PLR2004 - what it takes to be on the list
            raise head.bad("has a heap whose free space leads nowhere")
        empty[free] = length
        free = after
    return names, empty


class FractalHeap:
    """A heap that doubles as it grows; dense groups keep links in it, dense objects attributes."""

    def __init__(self, file: File, at: int) -> None:
        self.file, self.at = file, at
        head = file.summed(at, 146, b"FRHP")
        if head.number(1) or head.number(2) not in (7, 8) or head.number(2) or head.number(1) != 2:  # noqa: PLR2004
            raise head.bad("has a fractal heap that is not read here")
        self.most_managed = head.number(4)
        head.take(8)
        huge = head.number(8)
        head.take(6 * 8)
        huge_count = (head.number(8), head.number(8))[1]
        head.take(16)
        self.width, self.first, self.largest = head.number(2), head.number(8), head.number(8)
        self.bits = head.number(2)
        head.take(2)
        root, rows = head.number(8), head.number(2)
        if huge != NOWHERE or huge_count or not 0 < self.width <= 1024 or self.bits > 64:  # noqa: PLR2004
            raise head.bad("has a fractal heap that is not read here")
        if not 0 < self.first <= self.largest <= 1 << 24 or self.largest % self.first:
            raise head.bad("has a fractal heap whose blocks have no size")
        self.blocks: dict[int, tuple[int, int]] = {}  # offset in the heap: where in the file, bytes
        self._offset = (self.bits + 7) // 8
        self._length = (min(self.largest, self.most_managed).bit_length() + 7) // 8
        if root != NOWHERE:
            self._indirect(root, rows, 0, 0) if rows else self._direct(root, self.first, 0)

    def _direct(self, at: int, size: int, offset: int) -> None:
        block = self.file.block(at, size, b"FHDB\0")
        where, said = block.number(8), block.number(self._offset)
        summed = block.i
        checksum = block.number(4)
        if checksum != lookup3(block.data[:summed] + bytes(4) + block.data[summed + 4 :]):
            raise DamagedError("has metadata whose checksum is wrong", at)
        if where != self.at or said != offset:
            raise DamagedError("has a block of another heap", at)
        self.blocks[offset] = (at, size)

    def _indirect(self, at: int, rows: int, offset: int, depth: int) -> None:
        direct = (self.largest // self.first).bit_length() + 1
        if rows > 64 or depth > 8:  # noqa: PLR2004
            raise DamagedError("has a fractal heap that is too deep", at)
        block = self.file.summed(at, 13 + self._offset + rows * self.width * 8 + 4, b"FHIB\0")
        if block.number(8) != self.at or block.number(self._offset) != offset:
            raise DamagedError("has a block of another heap", at)
        for row in range(rows):
            size = self.first << max(row - 1, 0)
            for _ in range(self.width):
                child = block.number(8)
                if child != NOWHERE and row < direct:
                    self._direct(child, size, offset)
                elif child != NOWHERE:
                    inner = (size // self.first // self.width).bit_length()
                    self._indirect(child, inner, offset, depth + 1)
                offset += size

    def object(self, identity: Block, length: int) -> Block:
        """Return the object of an identifier of some bytes."""
        raw = Block(identity.take(length), identity.at)
        head = raw.number(1)
        if head >> 4 == 2:  # noqa: PLR2004 - tiny: the object is in the identifier
            return Block(raw.take((head & 15) + 1), raw.at)
        if head:
            raise identity.bad("has an object of a heap that is not read here")
        offset, size = raw.number(self._offset), raw.number(self._length)
        start = max((one for one in self.blocks if one <= offset), default=None)
        if start is None or offset + size > start + self.blocks[start][1]:
            raise identity.bad("has an object that no block of its heap holds")
        at = self.blocks[start][0] + offset - start
        return Block(self.file.source.exactly(at, size), at)


def records(file: File, at: int, kind: int, size: int) -> Iterator[Block]:
    """Yield the records of a version 2 tree, in order."""
    head = file.summed(at, 38, b"BTHD\0")
    said, node, record, depth = head.number(1), head.number(4), head.number(2), head.number(2)
    head.take(2)
    root, count, total = head.number(8), head.number(2), head.number(8)
    if (said, record) != (kind, size) or depth > 16 or not 10 + size < node <= 1 << 20:  # noqa: PLR2004
        raise head.bad("has a tree of another kind")
    seen = 0
    if root != NOWHERE:
        for one in _node(file, root, (kind, node, record), depth, count):
            seen += 1
            yield one
    if seen != total:
        raise head.bad("has a tree with another number of records than it says")


def _width(most: int) -> int:
    return (most.bit_length() + 7) // 8


def _node(file: File, at: int, shape: tuple[int, int, int], depth: int, count: int) -> Iterator[Block]:
    kind, size, record = shape
    most = (size - 10) // record
    one, total = _width(most), 0  # bytes of the numbers beside a child: its records, and all below it
    for level in range(1, depth + 1):
        pointer = 8 + one + total
        largest = (size - 10 - pointer) // (record + pointer)
        if level < depth:
            most += largest * (most + 1) if level > 1 else largest * most + largest
            total = _width(most)
    file.own(at, size)
    pointer = 8 + one + total if depth else 0
    used = 6 + count * record + (count + 1) * pointer if depth else 6 + count * record
    if used + 4 > size:
        raise DamagedError("has a node of a tree with too many records", at)
    block = File(file.source).summed(at, used + 4, b"BTIN\0" if depth else b"BTLF\0")
    if block.number(1) != kind:
        raise block.bad("has a tree of another kind")
    held = [Block(block.take(record), block.at + block.i - record) for _ in range(count)]
    for n in range(count + 1):
        if depth:
            child, inside, _ = block.number(8), block.number(one), block.number(total)
            yield from _node(file, child, shape, depth - 1, inside)
        if n < count:
            yield held[n]
