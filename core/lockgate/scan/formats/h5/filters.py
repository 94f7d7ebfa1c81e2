"""Filters of HDF5's chunks, undone: deflate, shuffle, Fletcher's checksum, and h5py's LZF."""

from __future__ import annotations

import sys
import zlib
from array import array
from itertools import accumulate

from lockgate.scan.formats.h5.types import Filter
from lockgate.scan.record import DamagedError, TooMuchError
from lockgate.scan.source import Source

DEFLATE, SHUFFLE, FLETCHER, LZF = 1, 2, 3, 32000
KNOWN = frozenset([DEFLATE, SHUFFLE, FLETCHER, LZF])
_LARGEST = 64 << 20  # bytes of a chunk that is unpacked
_LEVELS = 9


def check(filters: list[Filter], width: int) -> str:
    """Return what is wrong with the filters of values of some bytes each, or nothing.

    HDF5 hands a filter its values as they are, so one that is out of range makes the filter fail.
    """
    for one in filters:
        known = {
            DEFLATE: len(one.values) == 1 and one.values[0] <= _LEVELS,
            SHUFFLE: one.values in ((), (width,)),
            FLETCHER: not one.values,
            LZF: len(one.values) == 3,  # noqa: PLR2004 - versions of filter and library, bytes of a chunk
        }
        if not known.get(one.number, True):
            return f"the filter {one.number} with values that it does not take"
    return "" if len({one.number for one in filters}) == len(filters) else "a filter twice"


def undo(source: Source, at: int, size: int, filters: list[Filter], mask: int, unpacked: int) -> bytes:
    """Return the values of a chunk.

    Args:
        source: The file.
        at: Where the chunk is.
        size: Its bytes in the file.
        filters: What it went through.
        mask: One bit for each filter that was left out for this chunk.
        unpacked: How many bytes must come out.

    Raises:
        DamagedError: The chunk is damaged, or went through a filter that is not read here.
    """
    if max(size, unpacked) > _LARGEST:
        raise TooMuchError(f"has chunks of more than {_LARGEST:,} bytes", at)
    raw = source.exactly(at, size)
    for number, one in reversed(list(enumerate(filters))):
        if mask >> number & 1:
            if not one.optional:
                raise DamagedError("has a chunk that left out a filter it must go through", at)
            continue
        if one.number == DEFLATE:
            raw = _inflate(raw, unpacked + 4, at)
        elif one.number == FLETCHER:
            raw = _checked(raw, at)
        elif one.number == LZF:
            raw = _lzf(raw, unpacked, at)
        elif one.number == SHUFFLE:
            raw = _unshuffle(raw, one.values, at)
        else:
            raise DamagedError(f"has values behind the filter {one.number}, which is not read here", at)
    if len(raw) != unpacked:
        raise DamagedError("has a chunk that unpacks to another size than its shape", at)
    return raw


def _inflate(raw: bytes, most: int, at: int) -> bytes:
    inner = zlib.decompressobj()
    try:
        out = inner.decompress(raw, most + 1)
    except zlib.error as error:
        raise DamagedError(f"the compressed data is damaged ({error})", at) from None
    if not inner.eof or inner.unused_data:
        raise DamagedError("has a chunk whose compressed data does not fill it", at)
    return out


def _checked(raw: bytes, at: int) -> bytes:
    data, said = raw[:-4], int.from_bytes(raw[-4:], "little")
    words = array("H", data + b"\0" * (len(data) % 2))
    if sys.byteorder == "little":
        words.byteswap()
    if len(raw) < 4 or (said & 0xFFFF) % 65535 != sum(words) % 65535:  # noqa: PLR2004
        raise DamagedError("has a chunk whose checksum is wrong", at)
    if (said >> 16) % 65535 != sum(accumulate(words)) % 65535:
        raise DamagedError("has a chunk whose checksum is wrong", at)
    return data


def _unshuffle(raw: bytes, values: tuple[int, ...], at: int) -> bytes:
    width = values[0] if values else 0
    if not 0 < width <= max(len(raw), 1):
        raise DamagedError("has a filter that shuffles bytes of values of no size", at)
    count = len(raw) // width
    out = bytearray(raw)
    for n in range(width if width > 1 else 0):
        out[n : count * width : width] = raw[n * count : (n + 1) * count]
    return bytes(out)


def _lzf(raw: bytes, most: int, at: int) -> bytes:
    out = bytearray()
    i = 0
    try:
        while i < len(raw):
            control = raw[i]
            i += 1
            if control < 32:  # noqa: PLR2004 - so many bytes as they are, and one
                out += raw[i : i + control + 1]
                i += control + 1
            else:
                length = control >> 5
                if length == 7:  # noqa: PLR2004 - longer ones go on in the next byte
                    length += raw[i]
                    i += 1
                back = ((control & 31) << 8 | raw[i]) + 1
                i += 1
                start = len(out) - back
                if start < 0:
                    raise DamagedError("the compressed data is damaged (a copy from before its start)", at)
                while (held := len(out) - start) < length + 2:
                    out += out[start:]
                    length -= held
                out += out[start : start + length + 2]
            if len(out) > most:
                break
    except IndexError:
        i = len(raw) + 1
    if i != len(raw):
        raise DamagedError("the compressed data is damaged", at)
    return bytes(out)
