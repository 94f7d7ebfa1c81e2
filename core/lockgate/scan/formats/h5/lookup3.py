"""The checksum of HDF5's metadata: Bob Jenkins's lookup3 ``hashlittle`` (2006), with a seed of zero."""

from __future__ import annotations

import struct

_M = 0xFFFFFFFF


def lookup3(data: bytes) -> int:
    """Return the checksum of bytes as HDF5 stores it."""
    size = len(data)
    a = b = c = (0xDEADBEEF + size) & _M
    if not size:
        return c
    blocks = (size - 1) // 12
    words: tuple[int, ...] = struct.unpack_from(f"<{3 * blocks}L", data)
    for i in range(0, 3 * blocks, 3):
        a = (a + words[i]) & _M
        b = (b + words[i + 1]) & _M
        c = (c + words[i + 2]) & _M
        a = (a - c) & _M ^ ((c << 4 | c >> 28) & _M)
        c = (c + b) & _M
        b = (b - a) & _M ^ ((a << 6 | a >> 26) & _M)
        a = (a + c) & _M
        c = (c - b) & _M ^ ((b << 8 | b >> 24) & _M)
        b = (b + a) & _M
        a = (a - c) & _M ^ ((c << 16 | c >> 16) & _M)
        c = (c + b) & _M
        b = (b - a) & _M ^ ((a << 19 | a >> 13) & _M)
        a = (a + c) & _M
        c = (c - b) & _M ^ ((b << 4 | b >> 28) & _M)
        b = (b + a) & _M
    tail: tuple[int, ...] = struct.unpack("<3L", data[12 * blocks :].ljust(12, b"\0"))
    a, b, c = (a + tail[0]) & _M, (b + tail[1]) & _M, (c + tail[2]) & _M
    c = ((c ^ b) - (b << 14 | b >> 18)) & _M
    a = ((a ^ c) - (c << 11 | c >> 21)) & _M
    b = ((b ^ a) - (a << 25 | a >> 7)) & _M
    c = ((c ^ b) - (b << 16 | b >> 16)) & _M
    a = ((a ^ c) - (c << 4 | c >> 28)) & _M
    b = ((b ^ a) - (a << 14 | a >> 18)) & _M
    return ((c ^ b) - (b << 24 | b >> 8)) & _M
