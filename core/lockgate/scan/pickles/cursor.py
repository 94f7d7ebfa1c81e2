"""A window over a stream from which the pickle machine reads; what it skips is never held."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.scan.record import CutShortError, DamagedError
from lockgate.scan.source import CHUNK, Stream

MARGIN = 300  # a short opcode with its argument is at most 258 bytes long


class Cursor:
    """A window over a stream.

    Attributes:
        buf: The bytes of the window.
        i: Where in the window the next byte is.
        base: Offset of the window in the stream.
        ended: Whether the stream has nothing after the window.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.base = stream.at
        self.buf = b""
        self.i = 0
        self.ended = False

    @property
    def offset(self) -> int:
        """Offset of the next byte in the stream."""
        return self.base + self.i

    # What the machine hands a cursor to is a Stream again.
    at = offset

    def fill(self, count: int = MARGIN) -> None:
        """Make the window hold the next ``count`` bytes, or all that are left."""
        if self.ended or len(self.buf) - self.i >= count:
            return
        parts = [self.buf[self.i :]]
        have = len(parts[0])
        self.base += self.i
        while have < count:
            part = self.stream.read(max(CHUNK, count - have))
            if not part:
                self.ended = True
                break
            parts.append(part)
            have += len(part)
        self.buf = b"".join(parts)
        self.i = 0

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes, or raise `DamagedError`."""
        self.fill(count)
        end = self.i + count
        if end > len(self.buf):
            raise CutShortError("the pickle is cut short", self.offset)
        taken = self.buf[self.i : end]
        self.i = end
        return taken

    def read(self, count: int) -> bytes:
        """Return up to ``count`` bytes; none only at the end."""
        self.fill(1)
        taken = self.buf[self.i : self.i + count]
        self.i += len(taken)
        return taken

    def peek(self, count: int) -> bytes:
        """Return up to ``count`` next bytes and stay where it is."""
        self.fill(count)
        return self.buf[self.i : self.i + count]

    def skip(self, count: int) -> None:
        """Pass over ``count`` bytes, or raise `DamagedError` when there are fewer."""
        here = len(self.buf) - self.i
        if count <= here:
            self.i += count
            return
        self.base += len(self.buf)
        self.buf, self.i = b"", 0
        if self.ended:
            raise CutShortError("the pickle is cut short", self.offset)
        try:
            self.stream.skip(count - here)
        except CutShortError:
            raise CutShortError("the pickle is cut short", self.offset) from None
        self.base += count - here

    def line(self, most: int) -> bytes:
        """Return the bytes up to the next line feed, which is passed over."""
        size = 1024
        while True:
            self.fill(size)
            end = self.buf.find(b"\n", self.i, self.i + size)
            if end >= 0:
                taken = self.buf[self.i : end]
                self.i = end + 1
                return taken
            if len(self.buf) - self.i < size:
                raise CutShortError("a line of the pickle does not end", self.offset)
            if size > most:
                raise DamagedError(f"a line of the pickle is longer than {most:,} bytes", self.offset)
            size *= 4

    def text_line(self) -> bytes | None:
        """Return the bytes up to the next line feed, or None, passing over it, when they are many."""
        self.fill(1024)
        if self.buf.find(b"\n", self.i, self.i + 1024) >= 0:
            return self.line(1024)
        while True:
            end = self.buf.find(b"\n", self.i)
            if end >= 0:
                self.i = end + 1
                return None
            self.i = len(self.buf)
            if self.finished:
                raise CutShortError("a line of the pickle does not end", self.offset)

    def line_parts(self) -> Iterator[bytes]:
        """Yield the bytes up to the next line feed in parts; the line feed is passed over."""
        while True:
            self.fill(1)
            end = self.buf.find(b"\n", self.i)
            part = self.buf[self.i : end if end >= 0 else len(self.buf)]
            self.i += len(part) + (end >= 0)
            yield part
            if end >= 0:
                return
            if self.finished:
                raise CutShortError("a line of the pickle does not end", self.offset)

    @property
    def finished(self) -> bool:
        """Whether nothing is left."""
        self.fill(1)
        return self.i >= len(self.buf)
