"""Objects of HDF5: their headers, and the messages in them, from the root group on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from lockgate.scan.context import Context
from lockgate.scan.formats.h5 import groups, storage
from lockgate.scan.formats.h5.block import Block, File, text
from lockgate.scan.formats.h5.heaps import GlobalHeaps
from lockgate.scan.formats.h5.types import Type, read_filters, read_space, read_type
from lockgate.scan.record import DamagedError, TooMuchError

# Types of messages.
_NIL, _SPACE, _LINKS, _TYPE, _OLD_FILL, _FILL, _LINK, _OUTSIDE, _LAYOUT, _BOGUS, _GROUP, _FILTERS = range(12)
_ATTRIBUTE, _COMMENT, _OLD_TIME, _SHARED, _CONTINUED, _SYMBOLS, _TIME, _SIZES, _DRIVER = range(12, 21)
_ATTRIBUTES, _COUNT, _FREE = range(21, 24)
_OF_GROUPS = frozenset([_LINKS, _LINK, _GROUP, _SYMBOLS])
_OF_DATASETS = frozenset([_SPACE, _OLD_FILL, _FILL, _OUTSIDE, _LAYOUT, _FILTERS])
_SEVERAL = frozenset([_NIL, _LINK, _ATTRIBUTE, _CONTINUED])
_MOST_MESSAGES = 1 << 17
_DEEPEST_PATH = 500
_Read = TypeVar("_Read")


@dataclass
class _Object:
    at: int
    messages: dict[int, list[Block]] = field(default_factory=dict)
    count: int = 0

    def one(self, kind: int) -> Block | None:
        blocks = self.messages.get(kind)
        return blocks[0] if blocks else None


class Walk:
    """Goes through every object that the root group leads to.

    Args:
        file: The file.
        context: Where hits go.
    """

    def __init__(self, file: File, context: Context) -> None:
        self.file, self.context = file, context
        self.heaps = GlobalHeaps(file)
        self.tables: dict[int, tuple[int, int] | None] = {}
        self._early: dict[int, _Object] = {}  # types with a name, met before the link to them
        self._types: dict[int, Type] = {}

    def walk(self, root: groups.Link) -> None:
        """Judge all objects."""
        waiting = [("", root)]
        paths = {"/"}
        soft: list[tuple[str, str]] = []
        while waiting:
            path, link = waiting.pop()
            known = link.target in self.tables
            links = [] if known else self._object(link.target)
            if link.cached and self.tables[link.target] not in (None, link.cached):
                raise DamagedError("has a name with another group beside it", link.target)
            for one in links:
                longer = f"{path}/{one.name}"
                if len(longer) > 1 << 14 or longer.count("/") > _DEEPEST_PATH:
                    raise TooMuchError("has groups in groups too deep", link.target)
                paths.add(longer)
                if one.kind == groups.HARD:
                    waiting.append((longer, one))
                elif one.kind == groups.SOFT:
                    soft.append((path, one.path))
                else:
                    self._opens(one.path, link.target)
        for at in list(self._early):
            self._object(at)
        for path, target in soft:
            if (target if target.startswith("/") else f"{path}/{target}") not in paths:
                raise DamagedError("has a soft link that leads to nothing that was found")

    def _opens(self, path: str, at: int) -> None:
        message = "Has values or groups read from another file, whose path it names."
        self.context.hit("LG-SCAN-032", "HIGH", message, offset=at, name=path)

    def _object(self, at: int) -> list[groups.Link]:
        """Judge an object, and return its links if it is a group."""
        self.tables[at] = None
        made = self._early.pop(at, None) or header(self.file, at)
        held = made.messages
        for kind, blocks in held.items():
            if len(blocks) > 1 and kind not in _SEVERAL:
                raise DamagedError("has an object with a message twice", at)
        self._common(made)
        if held.keys() & _OF_GROUPS:
            if held.keys() & (_OF_DATASETS | {_TYPE}):
                raise DamagedError("has an object that is a group and none", at)
            return self._group(made)
        if held.keys() & _OF_DATASETS:
            self._dataset(made)
        elif (block := made.one(_TYPE)) is None:
            raise DamagedError("has an object that is neither group nor dataset nor type", at)
        elif at not in self._types:
            self._types[at] = read_type(block)
        return []

    def _type(self, block: Block, *, shared: bool) -> Type:
        """Return the type that a block holds, or the one with a name that it leads to."""
        if not shared:
            return _whole(block, read_type)
        version, kind = block.number(1), block.number(1)
        if version == 1:
            block.zeros(6)
        if (version, kind) not in ((1, 0), (2, 0), (2, 2), (3, 2)):
            raise block.bad("has a type that is shared in a way that is not read here")
        at = block.number(8)
        if at not in self._types:
            if at in self.tables:
                raise block.bad("has something else where a type belongs")
            self._early[at] = made = header(self.file, at)
            if made.messages.keys() & (_OF_GROUPS | _OF_DATASETS) or (found := made.one(_TYPE)) is None:
                raise block.bad("has something else where a type belongs")
            self._types[at] = read_type(found)
        return self._types[at]

    def _common(self, made: _Object) -> None:
        for block in made.messages.get(_ATTRIBUTE, []):
            self._attribute(block)
        for block in made.messages.get(_ATTRIBUTES, []):
            for message in groups.dense(self.file, block, attributes=True):
                self._attribute(message)
        names = [text(block.data.rstrip(b"\0"), block) for block in made.messages.get(_COMMENT, [])]
        for block in made.messages.get(_TIME, []):
            if block.number(1) != 1:
                raise block.bad("has a time of no known version")
            block.zeros(3)
        for kind in (_SHARED, _BOGUS, _DRIVER, _SIZES, _FREE, _OLD_TIME):
            if kind in made.messages or any(len(name) > 1 << 16 for name in names):
                raise DamagedError(f"has a message of the type {kind}, which is not read here", made.at)

    def _group(self, made: _Object) -> list[groups.Link]:
        table = made.one(_SYMBOLS)
        if table is not None:
            if made.messages.keys() & (_OF_GROUPS - {_SYMBOLS}):
                raise DamagedError("has a group of two kinds", made.at)
            tree, heap = table.number(8), table.number(8)
            self.tables[made.at] = (tree, heap)
            links = groups.symbols(self.file, tree, heap)
        else:
            info = made.one(_LINKS)
            if info is None:
                raise DamagedError("has a group without an index", made.at)
            blocks = [*made.messages.get(_LINK, []), *groups.dense(self.file, info, attributes=False)]
            links = [groups.read_link(block) for block in blocks]
        if len({link.name for link in links}) != len(links):
            raise DamagedError("has a name twice in a group", made.at)
        return links

    def _dataset(self, made: _Object) -> None:
        kind, space, layout = made.one(_TYPE), made.one(_SPACE), made.one(_LAYOUT)
        if kind is None or space is None or layout is None:
            raise DamagedError("has a dataset without type, shape or place", made.at)
        data = storage.Dataset(self._type(kind, shared=kind.shared), read_space(space))
        if (pipeline := made.one(_FILTERS)) is not None:
            data.filters = read_filters(pipeline)
        if (outside := made.one(_OUTSIDE)) is not None:
            data.outside = True
            self._opens("external storage", outside.at)
        if (source := storage.virtual_source(layout, self.file)) not in ("", "."):
            self._opens(source, layout.at)
        for block in (made.one(_FILL), made.one(_OLD_FILL)):
            if block is not None:
                _fill(block, data.kind, old=block is made.one(_OLD_FILL))
        storage.check(layout, data, self.file, self.heaps)

    def _attribute(self, block: Block) -> None:
        version, flags = block.number(1), block.number(1)
        if version not in (1, 2, 3) or flags > 1 or (version == 1 and flags):
            raise block.bad("has an attribute of no known version")
        sizes = [block.number(2) for _ in range(3)]
        if version == 3 and block.number(1) > 1:  # noqa: PLR2004
            raise block.bad("has a name in no known character set")
        parts = []
        for size in sizes:
            at = block.at + block.i
            parts.append(Block(block.take(size), at))
            if version == 1:
                block.take(-size % 8)
        raw = parts[0].data
        if raw[-1:] != b"\0":
            raise block.bad("has a name without an end")
        text(raw[:-1], block)
        kind, space = self._type(parts[1], shared=flags == 1), _whole(parts[2], read_space)
        values = block.take(space.count * kind.size)
        if block.left() >= 8:  # noqa: PLR2004 - headers of version 1 pad to eight bytes
            raise block.bad("has an attribute of another size than its shape")
        if kind.heaps:
            self.heaps.check(values, kind, block.at)


def _whole(block: Block, read: Callable[[Block], _Read]) -> _Read:
    made = read(block)
    if any(block.take(block.left())):
        raise block.bad("has bytes after a type or shape")
    return made


def _fill(block: Block, kind: Type, *, old: bool) -> None:
    if not old:
        version = block.number(1)
        if version == 3:  # noqa: PLR2004
            flags = block.number(1)
            if flags >> 6 or flags & 3 == 0 or flags >> 2 & 3 == 3 or flags & 0x30 == 0x30:  # noqa: PLR2004
                raise block.bad("has a fill value that cannot be read")
            if not flags & 0x20:
                return
        elif version in (1, 2):
            allocated, written, defined = block.number(1), block.number(1), block.number(1)
            if allocated not in (1, 2, 3) or written > 2 or defined > 1:  # noqa: PLR2004
                raise block.bad("has a fill value that cannot be read")
            if version == 2 and not defined:  # noqa: PLR2004
                return
        else:
            raise block.bad("has a fill value of no known version")
    size = block.number(4)
    if size not in (0, kind.size):
        raise block.bad("has a fill value of another size than a value")
    block.take(size)


def header(file: File, at: int) -> _Object:
    """Return the messages of an object, by type."""
    made = _Object(at)
    if file.peek(at, 4).data == b"OHDR":
        _version_2(file, at, made)
    else:
        _version_1(file, at, made)
    return made


def _version_1(file: File, at: int, made: _Object) -> None:
    head = file.block(at, 16)
    if head.number(1) != 1:
        raise head.bad("has an object of no known version")
    head.zeros(1)
    count, references, size = head.number(2), head.number(4), head.number(4)
    head.zeros(4)
    if not references:
        raise head.bad("has an object that nothing leads to")
    stretches = [(at + 16, size)]
    for start, length in stretches:
        block = file.block(start, length)
        while block.left() >= 8:  # noqa: PLR2004 - what begins a message
            kind, size, flags = block.number(2), block.number(2), block.number(1)
            block.zeros(3)
            if size % 8:
                raise block.bad("has a message that ends within eight bytes")
            _message(made, kind, flags, Block(block.take(size), block.at + block.i - size), stretches)
        if block.left():
            raise block.bad("has an object with bytes after its messages")
    if made.count != count:
        raise head.bad("has an object with another number of messages than it says")


def _version_2(file: File, at: int, made: _Object) -> None:
    peek = file.peek(at, 6)
    flags = peek.data[5]
    if peek.data[4] != 2 or flags >> 6:  # noqa: PLR2004
        raise peek.bad("has an object of no known version")
    before = 6 + (16 if flags & 32 else 0) + (4 if flags & 16 else 0)
    width = 1 << (flags & 3)
    size = int.from_bytes(file.peek(at, before + width).data[before:], "little")
    first = before + width
    stretches = [(at, first + size + 4)]
    least = 6 if flags & 4 else 4
    for n, (start, length) in enumerate(stretches):
        block = file.summed(start, length, b"OCHK" if n else b"OHDR")
        block.i = 4 if n else first
        while block.left() >= least:
            kind, size, said = block.number(1), block.number(2), block.number(1)
            block.take(least - 4)
            _message(made, kind, said, Block(block.take(size), block.at + block.i - size), stretches)


def _message(made: _Object, kind: int, flags: int, block: Block, stretches: list[tuple[int, int]]) -> None:
    made.count += 1
    if made.count > _MOST_MESSAGES:
        raise TooMuchError("has an object with too many messages", made.at)
    block.shared = bool(flags & 2)
    # Constant; types may be shared; free space is marked when a writer does not know of it.
    if kind >= 24 or flags & ~{_TYPE: 7, _FREE: 21}.get(kind, 5):  # noqa: PLR2004
        raise block.bad("has a message of a type or in a way that is not known here")
    if kind == _CONTINUED:
        stretches.append((block.number(8), block.number(8)))
    elif kind != _NIL:
        made.messages.setdefault(kind, []).append(block)
