"""Types, shapes and filters of HDF5 as messages hold them: what h5py and PyTables write, nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lockgate.scan.formats.h5.block import Block

_FLOATS = {  # size: precision, exponent at, its bits, mantissa at, its bits, bias, sign at
    2: (16, 10, 5, 0, 10, 15, 15),
    4: (32, 23, 8, 0, 23, 127, 31),
    8: (64, 52, 11, 0, 52, 1023, 63),
    16: (80, 64, 15, 0, 64, 16383, 79),
}
_BFLOAT16 = (16, 7, 8, 0, 7, 127, 15)
_DEEPEST = 16
_MOST_VALUES = 1 << 60


@dataclass(frozen=True)
class Type:
    """A type: bytes of a value, and where in it references into heaps lie.

    Attributes:
        size: Bytes of a value.
        heaps: For each reference into a global heap: where in the value, bytes of an item it leads to,
            and whether these are text.
    """

    size: int
    heaps: tuple[tuple[int, int, bool], ...] = ()


@dataclass(frozen=True)
class Space:
    """A shape; None for a space of no values at all."""

    shape: tuple[int, ...] | None
    most: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many values it has."""
        return 0 if self.shape is None else math.prod(self.shape)


@dataclass(frozen=True)
class Filter:
    """A filter of a pipeline, by its registered number."""

    number: int
    optional: bool
    values: tuple[int, ...]


def read_type(block: Block, depth: int = 0) -> Type:
    """Return the type that a block holds next."""
    head = block.number(1)
    version, kind = head >> 4, head & 15
    bits = block.number(3)
    size = block.number(4)
    if not 1 <= version <= 5 or depth > _DEEPEST or not size:  # noqa: PLR2004 - the newest version
        raise block.bad("has a type of no known version")
    if kind in (0, 4):
        _integer(block, kind, bits, size)
    elif kind == 1:
        _float(block, bits, size)
    elif kind == 3:  # noqa: PLR2004 - text of fixed size
        if bits & 15 > 2 or bits >> 4 > 1:  # noqa: PLR2004 - paddings, character sets
            raise block.bad("has text of no known kind")
    elif kind == 5:  # noqa: PLR2004 - opaque
        block.take(bits)
    elif kind == 6:  # noqa: PLR2004 - compound
        return _compound(block, version, bits, size, depth)
    elif kind == 7:  # noqa: PLR2004 - a reference to an object or a region
        if (bits, size) not in ((0, 8), (1, 12)):
            raise block.bad("has references of no known kind")
    elif kind == 8:  # noqa: PLR2004 - enumeration
        _enumeration(block, version, bits, size, depth)
    elif kind == 9:  # noqa: PLR2004 - of variable length
        base = read_type(block, depth + 1)
        text = bits & 15 == 1
        if text and (bits >> 4 & 15 > 2 or bits >> 8 > 1):  # noqa: PLR2004 - paddings, character sets
            raise block.bad("has text of no known kind")
        if size != 16 or bits & 15 > 1 or (bits >> 4 and not text) or base.heaps:  # noqa: PLR2004
            raise block.bad("has values of variable length of no known kind")
        return Type(size, ((0, base.size, text and bits >> 8 == 1),))
    elif kind == 10:  # noqa: PLR2004 - array
        return _array(block, version, size, depth)
    else:
        raise block.bad("has a type of no known kind")
    return Type(size)


def _integer(block: Block, kind: int, bits: int, size: int) -> None:
    offset, precision = block.number(2), block.number(2)
    known = bits >> (4 if kind == 0 else 3) == 0 and not bits & 6
    if not known or size not in (1, 2, 4, 8) or offset or precision != 8 * size:
        raise block.bad("has whole numbers of no known kind")


def _float(block: Block, bits: int, size: int) -> None:
    offset, precision = block.number(2), block.number(2)
    said = (precision, *(block.number(1) for _ in range(4)), block.number(4), bits >> 8)
    normal = 0x20 if size != 16 else 0  # noqa: PLR2004 - x86's long double keeps the leading one
    wanted = [_FLOATS.get(size), _BFLOAT16 if size == 2 else None]  # noqa: PLR2004
    if said not in wanted or offset or bits & 0xFE != normal:
        raise block.bad("has floating-point numbers of no known kind")


def _compound(block: Block, version: int, members: int, size: int, depth: int) -> Type:
    names: set[str] = set()
    heaps: list[tuple[int, int, bool]] = []
    spans: list[tuple[int, int]] = []
    for _ in range(members):
        names.add(block.name(padded=version < 3))  # noqa: PLR2004
        at = block.number(4 if version < 3 else (size.bit_length() + 7) // 8)  # noqa: PLR2004
        count = 1
        if version == 1:
            rank = block.number(1)
            block.zeros(3)
            block.zeros(8)
            sizes = [block.number(4) for _ in range(4)]
            if rank > 4 or any(sizes[rank:]):  # noqa: PLR2004
                raise block.bad("has a member of too many dimensions")
            count = math.prod(sizes[:rank])
        inner = read_type(block, depth + 1)
        if count != 1 and inner.heaps:
            raise block.bad("has arrays of values of variable length, which are not read here")
        heaps += [(at + i, item, text) for i, item, text in inner.heaps]
        spans.append((at, at + inner.size * count))
    spans.sort()
    ends = [0, *(end for _, end in spans)]
    if (
        not members
        or len(names) != members
        or any(at < end for (at, _), end in zip(spans, ends, strict=False))
    ):
        raise block.bad("has a compound type whose members overlap")
    if ends[-1] > size:
        raise block.bad("has a compound type whose members are longer than itself")
    return Type(size, tuple(heaps))


def _enumeration(block: Block, version: int, members: int, size: int, depth: int) -> None:
    at = block.i
    base = read_type(block, depth + 1)
    if block.data[at] & 15 or base.size != size:
        raise block.bad("has an enumeration of something else than whole numbers")
    names = {block.name(padded=version < 3) for _ in range(members)}  # noqa: PLR2004
    values = {block.take(size) for _ in range(members)}
    if len(names) != members or len(values) != members:
        raise block.bad("has an enumeration with a name or value twice")


def _array(block: Block, version: int, size: int, depth: int) -> Type:
    rank = block.number(1)
    if version == 2:  # noqa: PLR2004
        block.zeros(3)
    sizes = [block.number(4) for _ in range(rank)]
    if version == 2:  # noqa: PLR2004 - a permutation that nothing uses
        block.take(4 * rank)
    inner = read_type(block, depth + 1)
    if not 0 < rank <= 32 or math.prod(sizes) * inner.size != size:  # noqa: PLR2004 - most dimensions
        raise block.bad("has an array type of another size than its parts")
    if inner.heaps and math.prod(sizes) > 1 << 16:
        raise block.bad("has a long array of values of variable length, which is not read here")
    heaps = [
        (n * inner.size + at, item, text)
        for n in (range(math.prod(sizes)) if inner.heaps else ())
        for at, item, text in inner.heaps
    ]
    return Type(size, tuple(heaps))


def read_space(block: Block) -> Space:
    """Return the shape that a block holds next."""
    version, rank, flags = block.number(1), block.number(1), block.number(1)
    kind = block.number(1)
    if version == 1:
        block.zeros(4)
        kind = 1 if kind == 0 and rank else kind
    if version not in (1, 2) or rank > 32 or flags > 1 or kind > 2 or (kind != 1 and rank):  # noqa: PLR2004
        raise block.bad("has a shape of no known kind")
    shape = tuple(block.number(8) for _ in range(rank))
    most = tuple(block.number(8) for _ in range(rank)) if flags else shape
    if any(size > largest for size, largest in zip(shape, most, strict=True)):
        raise block.bad("has a shape that is larger than it may be")
    if math.prod(max(size, 1) for size in shape) > _MOST_VALUES:
        raise block.bad("has a shape of too many values")
    return Space(None if kind == 2 else shape, most)  # noqa: PLR2004 - a space of nothing


def read_filters(block: Block) -> list[Filter]:
    """Return the filters of a pipeline, in the order in which they were applied."""
    version, count = block.number(1), block.number(1)
    if version == 1:
        block.zeros(6)
    if version not in (1, 2) or not 0 < count <= 32:  # noqa: PLR2004 - most filters
        raise block.bad("has filters of no known version")
    filters = []
    for _ in range(count):
        number = block.number(2)
        length = block.number(2) if version == 1 or number > 255 else 0  # noqa: PLR2004 - own names
        flags, values = block.number(2), block.number(2)
        if flags > 1 or (version == 1 and length % 8):
            raise block.bad("has a filter that cannot be read")
        block.take(length)
        said = tuple(block.number(4) for _ in range(values))
        if version == 1 and values % 2:
            block.zeros(4)
        filters.append(Filter(number, flags == 1, said))
    return filters
