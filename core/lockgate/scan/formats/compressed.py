"""Files that are compressed as a whole: what joblib and gzip write, and whatever else is inside."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any

from lockgate.scan.context import Context
from lockgate.scan.source import LimitedStream, Source, Stream, UnpackedStream

_LZMA_MEMORY = 96 << 20  # the dictionary of `xz -9` takes 64 MiB


class ZlibDecompressor:
    """zlib, gzip or raw deflate in the shape of the decompressors of `bz2` and `lzma`."""

    def __init__(self, window: int) -> None:
        self.inner = zlib.decompressobj(window)
        self.waiting = b""

    @property
    def eof(self) -> bool:
        """Whether the end of the compressed data was read."""
        return self.inner.eof

    @property
    def unused_data(self) -> bytes:
        """What followed the end of the compressed data."""
        return self.inner.unused_data

    @property
    def needs_input(self) -> bool:
        """Whether more compressed data must be given."""
        return not self.waiting and not self.inner.eof

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return up to ``max_length`` bytes."""
        out = self.inner.decompress(self.waiting + data, max_length)
        self.waiting = self.inner.unconsumed_tail
        return out


def deflated(packed: Stream, most: int) -> UnpackedStream:
    """Return what raw deflate, as in zip archives, unpacks to."""
    return UnpackedStream(packed, lambda: ZlibDecompressor(-15), most)


def _lzma() -> Any:
    return lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=_LZMA_MEMORY)


def _lz4() -> Any:
    from lockgate.scan.formats.lz4 import Lz4Decompressor

    return Lz4Decompressor()


# How many times smaller than its content data can be: what the codec makes of zeros.
_RATIO = {
    "gzip": 1_100,
    "zlib": 1_100,
    "zfile": 1_100,
    "lz4": 260,
    "xz": 8_000,
    "lzma": 8_000,
    "bzip2": 50_000,
}
# name, how it begins, decompressor, whether several may follow one another
_CODECS: list[tuple[str, bytes, Callable[[], Any], bool]] = [
    ("gzip", b"\x1f\x8b\x08", lambda: ZlibDecompressor(31), True),
    ("bzip2", b"BZh", bz2.BZ2Decompressor, True),
    ("xz", b"\xfd7zXZ\x00", _lzma, True),
    ("lzma", b"\x5d\x00\x00", _lzma, False),
    ("lz4", b"\x04\x22\x4d\x18", _lz4, True),
]
_ZLIB_HEADS = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")


def codec(head: bytes) -> str:
    """Return the name of the codec that bytes begin like, or nothing."""
    if head[:2] in _ZLIB_HEADS:
        return "zlib"
    if head[:2] == b"ZF":
        return "zfile"
    return next((name for name, magic, _, _ in _CODECS if head.startswith(magic)), "")


def scan(source: Source, context: Context) -> None:
    """Judge what a compressed file unpacks to."""
    name = codec(source.read(0, 16))
    context.record.met(name)
    packed: Stream = source.stream()
    if name == "zfile":  # joblib before 0.10: "ZF", the length in 19 hexadecimal characters, zlib
        packed.read(21)
        new: Callable[[], Any] = lambda: ZlibDecompressor(15)  # noqa: E731 - one of several
        several = False
    elif name == "zlib":
        new, several = (lambda: ZlibDecompressor(15)), False
    else:
        _, _, new, several = next(entry for entry in _CODECS if entry[0] == name)
    most = min(context.limits.unpacked, max(context.limits.small, source.size * _RATIO[name]))
    unpacked = UnpackedStream(packed, new, most, several=several)
    context.inside(name).scan_stream(unpacked)


__all__ = ["LimitedStream", "codec", "deflated", "scan"]
