"""Stretches of an HDF5 file: numbers read in order, checksums held, and who owns which bytes."""

from __future__ import annotations

from lockgate.scan.formats.h5.lookup3 import lookup3
from lockgate.scan.record import DamagedError, TooMuchError
from lockgate.scan.source import Source

NOWHERE = (1 << 64) - 1
_MOST = 1_000_000  # stretches of a file; each costs some fifty bytes of memory
_LARGEST = 16 << 20  # bytes of one block of metadata


class Block:
    """Bytes of metadata, read in order.

    Args:
        data: The bytes.
        at: Where in the file they begin, for messages.

    Attributes:
        shared: Whether they lead to a message that is elsewhere.
    """

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at
        self.i = 0
        self.shared = False

    def number(self, size: int) -> int:
        """Return the next ``size`` bytes as a number."""
        return int.from_bytes(self.take(size), "little")

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        if size < 0 or self.i + size > len(self.data):
            raise self.bad("has a part that is longer than what holds it")
        taken = self.data[self.i : self.i + size]
        self.i += size
        return taken

    def zeros(self, size: int) -> None:
        """Pass over bytes that the format reserves, which are zero."""
        if any(self.take(size)):
            raise self.bad("has something in bytes that are reserved")

    def name(self, *, padded: bool) -> str:
        """Return text that a zero ends; padded, it fills a multiple of eight bytes."""
        end = self.data.find(b"\0", self.i)
        if end < 0:
            raise self.bad("has a name without an end")
        raw = self.take(end - self.i)
        self.zeros((len(raw) // 8 + 1) * 8 - len(raw) if padded else 1)
        return text(raw, self)

    def left(self) -> int:
        """Return how many bytes are left."""
        return len(self.data) - self.i

    def bad(self, message: str) -> DamagedError:
        """Return the error to raise here."""
        return DamagedError(message, self.at + self.i)


def text(raw: bytes, block: Block) -> str:
    """Return a name that is text and not empty."""
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        name = ""
    if not name or any(letter < " " or letter == "\x7f" for letter in name):
        raise block.bad("has a name that is no text")
    return name


class File:
    """The file, and which of its bytes belong to what was read so far.

    Attributes:
        internal: Half the children of a node of a version 1 tree of names.
        leaf: Half the entries of a node of symbols.
        chunks: Half the children of a node of a version 1 tree of chunks.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.internal, self.leaf, self.chunks = 16, 4, 32
        self._owned: list[int] = []

    def own(self, at: int, size: int) -> None:
        """Note that bytes belong to one thing."""
        if at < 0 or size < 0 or at + size > self.source.size:
            raise DamagedError("points outside of the file", at if at < self.source.size else None)
        if size:
            self._owned.append(at << 64 | size)
        if len(self._owned) > _MOST:
            raise TooMuchError(f"has more than {_MOST:,} parts", at)

    def block(self, at: int, size: int, magic: bytes = b"") -> Block:
        """Return bytes that belong to one thing, which begin with a signature."""
        if size > _LARGEST:
            raise DamagedError("has a block of metadata that is too large", at)
        self.own(at, size)
        block = Block(self.source.exactly(at, size), at)
        if block.take(len(magic)) != magic:
            raise DamagedError(f"has something else where a {magic.decode()} belongs", at)
        return block

    def summed(self, at: int, size: int, magic: bytes) -> Block:
        """Return such bytes without the checksum that ends them."""
        block = self.block(at, size, magic)
        if lookup3(block.data[:-4]) != int.from_bytes(block.data[-4:], "little"):
            raise DamagedError("has metadata whose checksum is wrong", at)
        block.data = block.data[:-4]
        return block

    def peek(self, at: int, size: int) -> Block:
        """Return bytes that are not yet said to belong to anything."""
        if not 0 <= at <= self.source.size - size:
            raise DamagedError("points outside of the file", at if at < self.source.size else None)
        return Block(self.source.exactly(at, size), at)

    def finish(self) -> None:
        """Hold that no byte belongs to two things."""
        self._owned.sort()
        end = 0
        for one in self._owned:
            at = one >> 64
            if at < end:
                raise DamagedError("has two parts that share bytes", at)
            end = at + (one & NOWHERE)
