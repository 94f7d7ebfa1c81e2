"""The checksum of LZ4 frames (XXH32 of xxhash_spec.md, version 0.1.1), which the standard library has not."""

from __future__ import annotations

import struct

_P1, _P2, _P3, _P4, _P5 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1
_ALL = 0xFFFFFFFF
_STRIPE = 16


class Xxh32:
    """A checksum that grows with the data; the seed is 0."""

    def __init__(self) -> None:
        self.lanes = (_P1 + _P2 & _ALL, _P2, 0, -_P1 & _ALL)
        self.waiting = b""
        self.size = 0

    def update(self, data: bytes) -> None:
        """Take more data."""
        self.size += len(data)
        data = self.waiting + data
        whole = len(data) // _STRIPE * _STRIPE
        a, b, c, d = self.lanes
        for w, x, y, z in struct.iter_unpack("<4L", data[:whole]):
            a = a + w * _P2 & _ALL
            a = (a << 13 | a >> 19) * _P1 & _ALL
            b = b + x * _P2 & _ALL
            b = (b << 13 | b >> 19) * _P1 & _ALL
            c = c + y * _P2 & _ALL
            c = (c << 13 | c >> 19) * _P1 & _ALL
            d = d + z * _P2 & _ALL
            d = (d << 13 | d >> 19) * _P1 & _ALL
        self.lanes, self.waiting = (a, b, c, d), data[whole:]

    def digest(self) -> int:
        """Return the checksum of the data so far."""
        if self.size >= _STRIPE:
            total = sum(_turned(lane, by) for lane, by in zip(self.lanes, (1, 7, 12, 18), strict=True))
        else:
            total = _P5
        total = total + self.size & _ALL
        words = len(self.waiting) // 4
        for word in struct.unpack(f"<{words}L", self.waiting[: 4 * words]):
            total = _turned(total + word * _P3 & _ALL, 17) * _P4 & _ALL
        for byte in self.waiting[4 * words :]:
            total = _turned(total + byte * _P5 & _ALL, 11) * _P1 & _ALL
        total = (total ^ total >> 15) * _P2 & _ALL
        total = (total ^ total >> 13) * _P3 & _ALL
        return total ^ total >> 16


def xxh32(data: bytes) -> int:
    """Return the checksum of data."""
    one = Xxh32()
    one.update(data)
    return one.digest()


def _turned(value: int, by: int) -> int:
    return (value << by | value >> 32 - by) & _ALL
