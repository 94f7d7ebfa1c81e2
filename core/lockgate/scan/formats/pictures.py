"""Pictures beside a model: taken apart to their last byte, so that nothing rides behind them."""

from __future__ import annotations

from lockgate.scan.record import BytesFollowError, DamagedError
from lockgate.scan.source import CHUNK, Source

_PNG = b"\x89PNG\r\n\x1a\n"
_ALONE = frozenset([0x01, *range(0xD0, 0xD8)])  # markers of JPEG without a length
_EOI, _SOS = 0xD9, 0xDA


def kind_of(head: bytes) -> str:
    """Return which picture bytes begin, or nothing."""
    if head.startswith(_PNG):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    return "GIF" if head.startswith((b"GIF87a", b"GIF89a")) else ""


def check(source: Source, kind: str) -> None:
    """Follow a picture to its end.

    Raises:
        DamagedError: It does not end as its format says, or bytes follow.
    """
    end = {"PNG": _png, "JPEG": _jpeg, "GIF": _gif}[kind](source)
    if end != source.size:
        raise BytesFollowError("bytes follow the end of the picture", end)


def _png(source: Source) -> int:
    """Chunks: length, type, content, checksum; the last is IEND (PNG 1.2, 3.2)."""
    at = len(_PNG)
    while True:
        head = source.exactly(at, 8)
        at += 12 + int.from_bytes(head[:4], "big")
        if at > source.size:
            raise DamagedError("is a picture that is cut short", source.size)
        if head[4:] == b"IEND":
            return at


def _jpeg(source: Source) -> int:
    """Segments, and after SOS bytes up to the next marker (ITU T.81, B.1)."""
    at = 2
    while True:
        mark = source.exactly(at, 2)
        if mark[0] != 0xFF:  # noqa: PLR2004 - what a marker begins with
            raise DamagedError("is a picture with something else where a marker belongs", at)
        at += 1 if mark[1] == 0xFF else 2  # noqa: PLR2004 - a filling byte
        if mark[1] == _EOI:
            return at
        if mark[1] in _ALONE or mark[1] == 0xFF:  # noqa: PLR2004
            continue
        at += int.from_bytes(source.exactly(at, 2), "big")
        if mark[1] == _SOS:
            at = _marker(source, at)


def _marker(source: Source, at: int) -> int:
    while block := source.read(at, CHUNK):
        i = block.find(b"\xff")
        while 0 <= i < len(block) - 1:
            if block[i + 1] and block[i + 1] not in _ALONE:
                return at + i
            i = block.find(b"\xff", i + 2)
        at += len(block) - (block[-1:] == b"\xff" and len(block) > 1)
        if block == b"\xff":
            break
    raise DamagedError("is a picture that is cut short", source.size)


def _gif(source: Source) -> int:
    """A screen, then blocks, up to the trailer (GIF89a, appendix A)."""
    flags = source.exactly(0, 13)[10]
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    while True:
        mark = source.exactly(at, 1)
        if mark == b";":
            return at + 1
        if mark == b",":
            flags = source.exactly(at, 10)[9]
            at += 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        elif mark == b"!":
            at += 2
        else:
            raise DamagedError("is a picture with a block of no known kind", at)
        while size := source.exactly(at, 1)[0]:
            at += 1 + size
        at += 1
