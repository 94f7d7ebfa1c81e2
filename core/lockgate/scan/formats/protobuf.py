"""Protocol Buffers on the wire (encoding spec of protobuf.dev): fields, without any schema of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lockgate.scan.record import DamagedError
from lockgate.scan.source import Source

VARINT, I64, LEN, I32 = 0, 1, 2, 5
_TEXT = 1 << 16


@dataclass(frozen=True)
class Field:
    """A field: its number, its wire type, and its value or where its bytes are.

    Attributes:
        number: The field's number.
        wire: The wire type.
        value: The number, for those that are one.
        start: Where its bytes begin in the source.
        size: How many bytes it has.
    """

    number: int
    wire: int
    value: int
    start: int
    size: int


class Message:
    """A message: a stretch of a source, read through a window."""

    def __init__(self, source: Source, start: int = 0, size: int | None = None) -> None:
        self.source = source
        self.start = start
        self.end = start + (source.size - start if size is None else size)

    def fields(self) -> Iterator[Field]:
        """Yield the fields in order.

        Raises:
            DamagedError: The bytes are no message.
        """
        at, buf, base = self.start, b"", self.start
        while at < self.end:
            if at - base > len(buf) - 32 and base + len(buf) < self.end:
                base = at
                buf = self.source.exactly(at, min(1 << 16, self.end - at))
            tag, i = _varint(buf, at - base, at)
            number, wire = tag >> 3, tag & 7
            if not 0 < number < 1 << 29:
                raise DamagedError("has a field without a number", at)
            if wire == VARINT:
                value, i = _varint(buf, i, at)
                yield Field(number, wire, value, base + i, 0)
            elif wire == LEN:
                size, i = _varint(buf, i, at)
                if base + i + size > self.end:
                    raise DamagedError("has a field that is longer than its message", at)
                yield Field(number, wire, 0, base + i, size)
                i += size
            elif wire in (I64, I32):
                size = 8 if wire == I64 else 4
                yield Field(number, wire, 0, base + i, size)
                i += size
            else:
                raise DamagedError("has a field of no known kind", at)
            at = base + i
            if at > self.end:
                raise DamagedError("is cut short within a field", self.end)
            if i > len(buf):
                buf, base = b"", at

    def message(self, field: Field) -> Message:
        """Return the message that a field holds."""
        if field.wire != LEN:
            raise DamagedError("has a number where a message belongs", field.start)
        return Message(self.source, field.start, field.size)

    def text(self, field: Field) -> str:
        """Return the text that a field holds."""
        if field.wire != LEN or field.size > _TEXT:
            raise DamagedError("has something else where a name belongs", field.start)
        try:
            return self.source.exactly(field.start, field.size).decode("utf-8")
        except UnicodeDecodeError:
            raise DamagedError("has a name that is no UTF-8", field.start) from None


def _varint(buf: bytes, at: int, offset: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(buf) or shift > 63:  # noqa: PLR2004 - 64 bits
            raise DamagedError("is cut short within a number", offset)
        byte = buf[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004 - the last byte of a number
            return value, at
        shift += 7
