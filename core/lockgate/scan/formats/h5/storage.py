"""Where the values of a dataset lie: in one piece, in chunks found by an index, or in its header."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from lockgate.scan.formats.h5 import filters
from lockgate.scan.formats.h5.block import NOWHERE, Block, File
from lockgate.scan.formats.h5.groups import walk_tree
from lockgate.scan.formats.h5.heaps import GlobalHeaps, records
from lockgate.scan.formats.h5.types import Filter, Space, Type

_WINDOW = 1 << 20
_UNWRITTEN = 1 << 32  # bytes of a dataset nothing was ever written to


@dataclass
class Dataset:
    """What the messages of a dataset say."""

    kind: Type
    space: Space
    filters: list[Filter] = field(default_factory=list)
    outside: bool = False


def check(block: Block, data: Dataset, file: File, heaps: GlobalHeaps) -> None:
    """Hold a layout message against type, shape and file."""
    version = block.number(1)
    if not 3 <= version <= 5:  # noqa: PLR2004 - from HDF5 1.6 on
        raise block.bad("has a layout of no known version")
    storage, size = block.number(1), data.space.count * data.kind.size
    if data.filters and storage != 2:  # noqa: PLR2004
        raise block.bad("has filters without chunks")
    for one in data.filters:
        if one.number not in filters.KNOWN:  # HDF5 loads the library of a filter that it does not have
            raise block.bad(f"has values behind the filter {one.number}, which is not read here")
    if what := filters.check(data.filters, data.kind.size):
        raise block.bad(f"has {what}")
    if storage == 0:
        raw = block.take(block.number(2))
        if len(raw) != size:
            raise block.bad("has values of another size than their shape")
        _values(raw, data, heaps, block.at)
    elif storage == 1:
        at, said = block.number(8), block.number(8)
        if data.outside:
            return
        if said != size and at != NOWHERE:
            raise block.bad("has values of another size than their shape")
        if at == NOWHERE:
            _unwritten(block, size)
            return
        file.own(at, size)
        step = _WINDOW // data.kind.size * data.kind.size or data.kind.size
        for start in range(0, size if data.kind.heaps else 0, step):
            _values(file.source.exactly(at + start, min(step, size - start)), data, heaps, at + start)
    elif storage == 2:  # noqa: PLR2004
        _Chunks(block, version, data, file, heaps).check()
    else:
        raise block.bad("has values that lie in other data sets, or a layout of no known kind")


def virtual_source(layout: Block, file: File) -> str:
    """Return the file that the first part of a virtual data set lies in; nothing for other layouts."""
    version, storage = layout.data[:2] if len(layout.data) > 14 else (0, 0)  # noqa: PLR2004
    if version < 4 or storage != 3:  # noqa: PLR2004
        return ""
    at, index = int.from_bytes(layout.data[2:10], "little"), int.from_bytes(layout.data[10:14], "little")
    size = int.from_bytes(file.peek(at, 16).data[8:], "little")
    heap = file.peek(at, min(size, _WINDOW))
    heap.take(16)
    while heap.left() >= 16:  # noqa: PLR2004 - the head of a part
        number, _, length = heap.number(2), heap.take(6), heap.number(8)
        held = heap.take(length + -length % 8)
        if number == index:
            return held[9:].split(b"\0")[0].decode("utf-8", "replace") or "."
    return "."


def _unwritten(block: Block, size: int) -> None:
    if size > _UNWRITTEN:
        raise block.bad("has a shape of many values, none of which is there")


def _values(raw: bytes, data: Dataset, heaps: GlobalHeaps, at: int) -> None:
    if data.kind.heaps:
        heaps.check(raw, data.kind, at)


class _Chunks:
    def __init__(self, block: Block, version: int, data: Dataset, file: File, heaps: GlobalHeaps) -> None:
        self.block, self.version, self.data, self.file, self.heaps = block, version, data, file, heaps
        self.shape = data.space.shape or ()
        self.flags = block.number(1) if version > 3 else 0  # noqa: PLR2004
        rank = block.number(1)
        self.at = block.number(8) if version == 3 else NOWHERE  # noqa: PLR2004
        width = block.number(1) if version > 3 else 4  # noqa: PLR2004
        sizes = [block.number(width) for _ in range(rank)]
        self.sizes = sizes[:-1]
        if rank != len(self.shape) + 1 or not all(sizes) or sizes[-1] != data.kind.size or self.flags & ~2:
            raise block.bad("has chunks of another shape than the values")
        self.bytes = math.prod(sizes)
        self.grid = [-(-size // chunk) for size, chunk in zip(self.shape, self.sizes, strict=True)]
        self.order = list(range(len(self.sizes)))  # dimensions, slowest first, as an index counts them
        self.seen = 0
        self.above: list[int] = []

    def check(self) -> None:
        block = self.block
        count = math.prod(self.grid)
        if self.version == 3:  # noqa: PLR2004
            if self.at != NOWHERE:
                key = 8 + 8 * (len(self.sizes) + 1)
                walk_tree(self.file, self.at, 1, self.file.chunks, key, self._leaf)
        else:
            self._indexed(block.number(1), count)
        if not self.seen:
            _unwritten(block, self.data.space.count * self.data.kind.size)
        elif self.seen != count:
            raise block.bad("has values whose chunks are not all there")

    def _leaf(self, low: Block, high: Block, child: int) -> None:
        size, mask = low.number(4), low.number(4)
        offsets = [low.number(8) for _ in range(len(self.sizes) + 1)]
        high.i = 8
        above = [high.number(8) for _ in offsets]
        places = zip([*offsets, *above], 2 * [*self.sizes, self.data.kind.size], strict=True)
        if offsets.pop() or any(at % chunk for at, chunk in places):
            raise low.bad("has a chunk that begins within another")
        if offsets <= self.above or above[:-1] < offsets or (above[:-1] == offsets and not above[-1]):
            raise low.bad("has chunks out of order")
        self.above = offsets
        self._chunk(low, child, size, mask, offsets)

    def _indexed(self, kind: int, count: int) -> None:
        block = self.block
        parameters: dict[int, Callable[[], object]] = {
            1: lambda: (block.number(8), block.number(4)) if self.flags & 2 else None,
            2: lambda: None,
            3: lambda: block.number(1),
            4: lambda: [block.number(1) for _ in range(5)],
            5: lambda: block.take(6),
        }
        if kind not in parameters:
            raise block.bad("has an index of chunks of no known kind")
        said = parameters[kind]()
        at = block.number(8)
        if at == NOWHERE:
            return
        if kind == 1:
            size, mask = said if isinstance(said, tuple) else (self.bytes, 0)
            if count != 1:
                raise block.bad("has another number of chunks than it says")
            self._chunk(block, at, size, mask, [0] * len(self.sizes))
        elif kind == 2:  # noqa: PLR2004 - all of them, one after the other
            self.file.own(at, count * self.bytes)
            self.seen = count
            if self.data.kind.heaps:
                for start in range(at, at + count * self.bytes, self.bytes):
                    _values(self.file.source.exactly(start, self.bytes), self.data, self.heaps, start)
        elif kind == 3:  # noqa: PLR2004
            self._fixed_array(at, count)
        elif kind == 5:  # noqa: PLR2004
            self._tree(at)
        else:
            from lockgate.scan.formats.h5.extensible import elements

            grows = [n for n, most in enumerate(self.data.space.most) if most == NOWHERE]
            if len(grows) != 1:
                raise block.bad("has an index of another kind")
            self.order = [*grows, *(n for n in range(len(self.sizes)) if n not in grows)]
            for number, element in elements(self.file, at, filtered=bool(self.data.filters)):
                self._element(element, number)

    def _fixed_array(self, at: int, count: int) -> None:
        head = self.file.summed(at, 28, b"FAHD\0")
        client, size, bits, most, data = (head.number(n) for n in (1, 1, 1, 8, 8))
        if client != bool(self.data.filters) or bits > 32 or most < count or most > 1 << 24:  # noqa: PLR2004
            raise head.bad("has an index of another kind")
        page = 1 << bits
        pages = -(-most // page) if most > page else 0
        if pages:
            self.file.summed(data, 14 + (pages + 7) // 8 + 4, b"FADB\0")
            data += 14 + (pages + 7) // 8 + 4
        n = 0
        for number in range(pages or 1):
            here = min(page, most - number * page) if pages else most
            extra = 0 if pages else 14
            block = self.file.summed(data, extra + here * size + 4, b"" if pages else b"FADB\0")
            block.i = extra
            for _ in range(here):
                self._element(Block(block.take(size), block.at), n)
                n += 1
            data += here * size + 4

    def _element(self, element: Block, number: int) -> None:
        at = element.number(8)
        if at == NOWHERE:
            return
        size, mask = self.bytes, 0
        if self.data.filters:
            size, mask = element.number(element.left() - 4), element.number(4)
        offsets = [0] * len(self.sizes)
        for n in reversed(self.order):
            most, chunk = self.data.space.most[n], self.sizes[n]
            number, cell = divmod(number, max(-(-most // chunk), 1))
            offsets[n] = cell * chunk
        if number:
            raise element.bad("has more chunks than values")
        self._chunk(element, at, size, mask, offsets)

    def _tree(self, at: int) -> None:
        kind = 11 if self.data.filters else 10
        peek = self.file.peek(at, 16)
        peek.i = 10
        size = peek.number(2)
        filtered = size - 8 - 8 * len(self.sizes) - 4 if self.data.filters else 0
        if not 0 <= filtered <= 8:  # noqa: PLR2004
            raise peek.bad("has an index of another kind")
        for record in records(self.file, at, kind, size):
            child = record.number(8)
            length, mask = self.bytes, 0
            if self.data.filters:
                length, mask = record.number(filtered), record.number(4)
            offsets = [record.number(8) * chunk for chunk in self.sizes]
            if offsets <= self.above:
                raise record.bad("has chunks out of order")
            self.above = offsets
            self._chunk(record, child, length, mask, offsets)

    def _chunk(self, block: Block, at: int, size: int, mask: int, offsets: list[int]) -> None:
        if any(at >= most for at, most in zip(offsets, self.shape, strict=True)):
            raise block.bad("has a chunk outside of the shape")
        if mask >> len(self.data.filters) or (not self.data.filters and size != self.bytes) or not size:
            raise block.bad("has a chunk of another size than its shape")
        self.file.own(at, size)
        self.seen += 1
        if self.data.filters or self.data.kind.heaps:
            raw = filters.undo(self.file.source, at, size, self.data.filters, mask, self.bytes)
            _values(raw, self.data, self.heaps, at)
