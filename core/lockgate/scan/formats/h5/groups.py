"""Groups of HDF5: names and the objects they lead to, in trees of version 1 or in messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lockgate.scan.formats.h5.block import NOWHERE, Block, File, text
from lockgate.scan.formats.h5.heaps import FractalHeap, local_names, records
from lockgate.scan.record import DamagedError

HARD, SOFT, EXTERNAL = 0, 1, 64
_DEEPEST = 32


@dataclass(frozen=True)
class Link:
    """A link of a group.

    Attributes:
        name: Its name.
        kind: `HARD`, `SOFT` or `EXTERNAL`.
        target: Where the object's header is, for hard links.
        path: What it names, for the others.
        cached: Tree and heap of the group that it leads to, when they stand beside it.
    """

    name: str
    kind: int
    target: int = NOWHERE
    path: str = ""
    cached: tuple[int, int] | None = None


def walk_tree(
    file: File, root: int, kind: int, half: int, key: int, leaf: Callable[[Block, Block, int], None]
) -> tuple[bytes, bytes]:
    """Walk a version 1 tree, and hand every lowest child to ``leaf`` with the keys about it.

    Returns:
        The first and the last key.
    """
    last: dict[int, tuple[int, int]] = {}  # level: the node before, and what it says comes after it
    size = 24 + 2 * half * (key + 8) + key

    def node(at: int, level: int | None) -> tuple[bytes, bytes]:
        block = file.block(at, size, b"TREE")
        said, height, used = block.number(1), block.number(1), block.number(2)
        before, after = block.number(8), block.number(8)
        if said != kind or (height != level if level is not None else height > _DEEPEST) or used > 2 * half:
            raise block.bad("has a tree of another kind")
        if before != last.get(height, (NOWHERE, at))[0] or last.get(height, (0, at))[1] != at:
            raise block.bad("has nodes of a tree that do not follow each other")
        last[height] = (at, after)
        first = low = block.take(key)
        for _ in range(used):
            child, high = block.number(8), block.take(key)
            if height:
                if node(child, height - 1) != (low, high):
                    raise block.bad("has a tree whose keys are not those of its nodes")
            else:
                leaf(Block(low, block.at), Block(high, block.at), child)
            low = high
        if not used and any(block.take(block.left())):
            raise block.bad("has a tree that denies what is in it")
        return first, low

    ends = node(root, None)
    if any(after != NOWHERE for _, after in last.values()):
        raise DamagedError("has nodes of a tree that do not follow each other", root)
    return ends


def symbols(file: File, tree: int, heap: int) -> list[Link]:
    """Return the links of a group with a symbol table."""
    names, free = local_names(file, heap)
    links: list[Link] = []
    used = {0: 8, **free}  # the empty name, which stands first

    def name(offset: int) -> bytes:
        if offset % 8 or offset >= len(names.data) or (end := names.data.find(b"\0", offset)) < 0:
            raise names.bad("has a name outside of its heap")
        used[offset] = max(used.get(offset, 0), (end - offset) // 8 * 8 + 8)
        return names.data[offset:end]

    def leaf(low: Block, high: Block, child: int) -> None:
        block = file.block(child, 8 + 2 * file.leaf * 40, b"SNOD\1")
        block.zeros(1)
        count = block.number(2)
        above, most = name(low.number(8)), name(high.number(8))
        if not 0 < count <= 2 * file.leaf:
            raise block.bad("has a node without symbols, or with too many")
        for _ in range(count):
            raw, link = _entry(block, name)
            if raw <= above:
                raise block.bad("has names out of order")
            above = raw
            links.append(link)
        if above != most:
            raise block.bad("has a tree whose keys are not its names")

    walk_tree(file, tree, 0, file.internal, 8, leaf)
    _all_used(names, used)
    return links


def _all_used(names: Block, used: dict[int, int]) -> None:
    """Hold that names do not overlap, and that none is there which nothing leads to.

    Where a link was taken out, its name is free; but eight bytes are too few for the list of what is, and
    such names stay, if any are left.
    """
    end = 0
    for start, size in [*sorted(used.items()), (len(names.data), 0)]:
        if start < end:
            raise names.bad("has names that share bytes")
        rest = [names.data[at : at + 8] for at in range(end, start, 8)]
        if any(0 not in each for each in rest):
            raise names.bad("has a name that nothing leads to")
        end = start + size


def _entry(block: Block, name: Callable[[int], bytes]) -> tuple[bytes, Link]:
    raw, target, kind = name(block.number(8)), block.number(8), block.number(4)
    block.zeros(4)
    scratch = Block(block.take(16), block.at + block.i - 16)
    shown = text(raw, block)
    if kind == 2:  # noqa: PLR2004 - a soft link
        return raw, Link(shown, SOFT, path=text(name(scratch.number(4)), block))
    if kind > 2:  # noqa: PLR2004
        raise block.bad("has a symbol of no known kind")
    return raw, Link(shown, HARD, target, cached=(scratch.number(8), scratch.number(8)) if kind else None)


def root_entry(block: Block) -> Link:
    """Return the link to the root group that a superblock of version 0 or 1 holds."""
    return _entry(block, lambda _: b"/")[1]


def read_link(block: Block) -> Link:
    """Return the link that a message holds."""
    version, flags = block.number(1), block.number(1)
    if version != 1 or flags >> 5:
        raise block.bad("has a link of no known version")
    kind = block.number(1) if flags & 8 else HARD
    block.take(8 if flags & 4 else 0)
    if flags & 16 and block.number(1) > 1:
        raise block.bad("has a name in no known character set")
    name = text(block.take(block.number(1 << (flags & 3))), block)
    if kind == HARD:
        return Link(name, HARD, block.number(8))
    raw = block.take(block.number(2))
    if kind == SOFT:
        return Link(name, SOFT, path=text(raw, block))
    if kind == EXTERNAL:
        return Link(name, EXTERNAL, path=text(raw[1:].split(b"\0")[0], block))
    raise block.bad("has a link of no known kind")


def dense(file: File, block: Block, *, attributes: bool) -> list[Block]:
    """Return the messages of a dense group or object, whose link or attribute info is in a block."""
    version, flags = block.number(1), block.number(1)
    if version or flags > 3:  # noqa: PLR2004 - two flags
        raise block.bad("has an index of no known version")
    block.take((2 if attributes else 8) if flags & 1 else 0)
    at, names = block.number(8), block.number(8)
    order = block.number(8) if flags & 2 else NOWHERE
    if at == NOWHERE:
        if names != NOWHERE or order != NOWHERE:
            raise block.bad("has an index without a heap")
        return []
    heap = FractalHeap(file, at)
    found = []
    for record in records(file, names, 8 if attributes else 5, 17 if attributes else 11):
        record.i = 0 if attributes else 4
        found.append(heap.object(record, 8 if attributes else 7))
    if order != NOWHERE:
        others = sum(1 for _ in records(file, order, 9 if attributes else 6, 13 if attributes else 15))
        if others != len(found):
            raise block.bad("has two indexes that differ")
    return found
