"""Bytes of a file, or of a part of one, that are read in pieces and never all at once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Protocol

from lockgate.scan.record import CutShortError, DamagedError, TooMuchError

CHUNK = 1 << 18


class Source:
    """A stretch of an open file, read at any place.

    Args:
        descriptor: An open file descriptor; the caller closes it.
        start: Where the stretch begins, in bytes.
        size: How long it is, in bytes; None for the rest of the file.
    """

    def __init__(self, descriptor: int, start: int = 0, size: int | None = None) -> None:
        self.descriptor = descriptor
        self.start = start
        self.size = os.fstat(descriptor).st_size - start if size is None else size
        self.whole: Source | None = None

    def read(self, offset: int, count: int) -> bytes:
        """Return up to ``count`` bytes from ``offset`` on; fewer only at the end."""
        count = max(0, min(count, self.size - offset))
        parts = []
        while count > 0:
            part = os.pread(self.descriptor, count, self.start + offset)
            if not part:
                raise DamagedError("the file ended while it was read", offset)
            parts.append(part)
            offset += len(part)
            count -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def exactly(self, offset: int, count: int) -> bytes:
        """Return ``count`` bytes from ``offset`` on, or raise `DamagedError`."""
        if offset < 0 or count < 0 or offset + count > self.size:
            raise DamagedError(f"is cut short: {count} bytes are asked for where fewer are left", offset)
        return self.read(offset, count)

    def part(self, offset: int, size: int) -> Source:
        """Return a stretch of this stretch."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise DamagedError("points outside of the file", offset)
        piece = Source(self.descriptor, self.start + offset, size)
        piece.whole = self  # a temporary file lives as long as its parts
        return piece

    def stream(self) -> Stream:
        """Return the bytes in order."""
        return SourceStream(self)


class Stream(Protocol):
    """Bytes in order."""

    @property
    def at(self) -> int:
        """How many bytes were read or skipped."""

    def read(self, count: int) -> bytes:
        """Return up to ``count`` bytes; none only at the end."""

    def skip(self, count: int) -> None:
        """Pass over ``count`` bytes, or raise `DamagedError` when there are fewer."""


class SourceStream:
    """The bytes of a `Source` in order; skipping costs nothing."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.at = 0

    def read(self, count: int) -> bytes:
        """See `Stream`."""
        read = self.source.read(self.at, count)
        self.at += len(read)
        return read

    def skip(self, count: int) -> None:
        """See `Stream`."""
        if count > self.source.size - self.at:
            raise CutShortError("is cut short", self.source.size)
        self.at += count


class UnpackedStream:
    """What a decompressor makes of another stream.

    Args:
        packed: The compressed bytes.
        new: Makes a decompressor: ``decompress(data, max_length)``, ``eof``, ``unused_data``,
            ``needs_input``.
        most: Most bytes that may come out.
        several: Whether another compressed stream may follow the first (gzip, bzip2, xz).
    """

    def __init__(
        self, packed: Stream, new: Callable[[], Decompressor], most: int, *, several: bool = False
    ) -> None:
        self.at = 0
        self.packed = packed
        self.new = new
        self.most = most
        self.several = several
        self.inner = new()
        self.left = b""
        self.ended = False

    def read(self, count: int) -> bytes:
        """See `Stream`."""
        while not self.ended:
            fed = b""
            if self.inner.needs_input:
                fed = self.left or self.packed.read(CHUNK)
                self.left = b""
                if not fed:
                    raise DamagedError("the compressed data is cut short", self.packed.at)
            try:
                out = self.inner.decompress(fed, count)
            except Exception as error:  # noqa: BLE001 - zlib.error, LZMAError, OSError, ValueError
                raise DamagedError(f"the compressed data is damaged ({error})", self.packed.at) from None
            if self.inner.eof:
                self._next()
            if out:
                self.at += len(out)
                if self.at > self.most:
                    raise TooMuchError(f"unpacks to more than {self.most:,} bytes")
                return out
        return b""

    def _next(self) -> None:
        self.left = self.inner.unused_data or self.packed.read(CHUNK)
        if not self.left:
            self.ended = True
        elif self.several:
            self.inner = self.new()
        else:
            raise DamagedError("bytes follow the end of the compressed data", self.packed.at)

    def skip(self, count: int) -> None:
        """See `Stream`."""
        while count:
            read = self.read(min(count, CHUNK))
            if not read:
                raise CutShortError("is cut short", self.at)
            count -= len(read)


class Decompressor(Protocol):
    """What `UnpackedStream` asks of a decompressor; that of `bz2` and `lzma`."""

    @property
    def eof(self) -> bool:
        """Whether the end of the compressed data was read."""

    @property
    def needs_input(self) -> bool:
        """Whether more compressed data must be given."""

    @property
    def unused_data(self) -> bytes:
        """What followed the end of the compressed data."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return up to ``max_length`` bytes."""


class BytesStream:
    """Bytes in memory, in order."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def read(self, count: int) -> bytes:
        """See `Stream`."""
        read = self.data[self.at : self.at + count]
        self.at += len(read)
        return read

    def skip(self, count: int) -> None:
        """See `Stream`."""
        if count > len(self.data) - self.at:
            raise CutShortError("is cut short", len(self.data))
        self.at += count


class LimitedStream:
    """The next ``size`` bytes of another stream."""

    def __init__(self, outer: Stream, size: int) -> None:
        self.outer = outer
        self.size = size
        self.at = 0

    def read(self, count: int) -> bytes:
        """See `Stream`."""
        read = self.outer.read(min(count, self.size - self.at)) if self.at < self.size else b""
        self.at += len(read)
        return read

    def skip(self, count: int) -> None:
        """See `Stream`."""
        if count > self.size - self.at:
            raise CutShortError("is cut short", self.size)
        self.outer.skip(count)
        self.at += count

    def end(self) -> None:
        """Pass over what is left."""
        self.skip(self.size - self.at)


def spooled(stream: Stream, most: int) -> Source:
    """Write a stream into a nameless temporary file, so that it can be read at any place.

    Raises:
        TooMuchError: It is longer than ``most`` bytes.
    """
    with tempfile.TemporaryFile(prefix="lockgate-scan-") as file:
        while chunk := stream.read(CHUNK):
            if stream.at > most:
                raise TooMuchError(f"unpacks to more than {most:,} bytes")
            file.write(chunk)
        file.flush()
        return _Spooled(os.dup(file.fileno()))


class _Spooled(Source):
    def __del__(self) -> None:
        os.close(self.descriptor)
