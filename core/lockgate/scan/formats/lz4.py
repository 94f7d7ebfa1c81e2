"""Decompress LZ4 frames (lz4_Frame_format.md and lz4_Block_format.md of the LZ4 project, version 1.6).

The standard library has no LZ4, and joblib writes it. Every checksum that is there must hold.
"""

from __future__ import annotations

from lockgate.scan.formats.xxh32 import Xxh32, xxh32

_MAGIC = b"\x04\x22\x4d\x18"
_WINDOW = 1 << 16
_BLOCK = {4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 4 << 20}


class Lz4Decompressor:
    """One frame, in the shape of the decompressors of `bz2` and `lzma`."""

    def __init__(self) -> None:
        self.eof = False
        self.unused_data = b""
        self.waiting = bytearray()
        self.ready = bytearray()
        self.history = b""
        self.largest = 0
        self.size: int | None = None
        self.content = Xxh32()
        self.unpacked = 0
        self.block_checksum = self.content_checksum = self.linked = False

    @property
    def needs_input(self) -> bool:
        """Whether more compressed data must be given."""
        return not self.ready and not self.eof

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return up to ``max_length`` bytes."""
        self.waiting += data
        # One byte more than is asked for, so that the end mark is seen with the last of the data.
        while len(self.ready) <= max_length and not self.eof and self._step():
            pass
        out = bytes(self.ready[:max_length])
        del self.ready[:max_length]
        return out

    def _step(self) -> bool:
        return self._block() if self.largest else self._header()

    def _header(self) -> bool:
        raw = self.waiting
        if len(raw) < 7:  # noqa: PLR2004 - magic, flags, block size, header checksum
            return False
        flags, sizes = raw[4], raw[5]
        if raw[:4] != _MAGIC or flags >> 6 != 1 or flags & 1 or (sizes >> 4 & 7) not in _BLOCK:
            raise ValueError("no LZ4 frame of version 1 without a dictionary")
        length = 7 + (8 if flags & 8 else 0)
        if len(raw) < length:
            return False
        if raw[length - 1] != xxh32(bytes(raw[4 : length - 1])) >> 8 & 0xFF:
            raise ValueError("an LZ4 frame has another checksum than its header")
        self.size = int.from_bytes(raw[6:14], "little") if flags & 8 else None
        self.linked = not flags & 32
        self.block_checksum, self.content_checksum = bool(flags & 16), bool(flags & 4)
        self.largest = _BLOCK[sizes >> 4 & 7]
        del raw[:length]
        return True

    def _block(self) -> bool:
        raw = self.waiting
        if len(raw) < 4:  # noqa: PLR2004 - the size of the block
            return False
        word = int.from_bytes(raw[:4], "little")
        if word == 0:
            end = 4 + (4 if self.content_checksum else 0)
            if len(raw) < end:
                return False
            if self.content_checksum:
                _hold(bytes(raw[4:end]), self.content.digest())
            if self.size not in (None, self.unpacked):
                raise ValueError("an LZ4 frame has another size than it says")
            self.eof, self.unused_data = True, bytes(raw[end:])
            raw.clear()
            return False
        size, stored = word & 0x7FFFFFFF, word >> 31
        if size > self.largest + 1024:
            raise ValueError("an LZ4 block is larger than its frame allows")
        end = 4 + size + (4 if self.block_checksum else 0)
        if len(raw) < end:
            return False
        block = bytes(raw[4 : 4 + size])
        if self.block_checksum:
            _hold(bytes(raw[4 + size : end]), xxh32(block))
        del raw[:end]
        out = (
            bytearray(block) if stored else _unpack(block, self.history if self.linked else b"", self.largest)
        )
        if self.linked:
            self.history = (self.history + bytes(out))[-_WINDOW:]
        self.unpacked += len(out)
        if self.content_checksum:
            self.content.update(bytes(out))
        self.ready += out
        return True


def _hold(declared: bytes, real: int) -> None:
    if int.from_bytes(declared, "little") != real:
        raise ValueError("LZ4 data is not what its checksum says")


def _unpack(block: bytes, history: bytes, most: int) -> bytearray:
    out = bytearray(history)
    at, end, start = 0, len(block), len(history)
    while at < end:
        token = block[at]
        at += 1
        literals, at = _length(block, at, token >> 4)
        if at + literals > end:
            raise ValueError("an LZ4 block is cut short")
        out += block[at : at + literals]
        at += literals
        if at == end:
            break
        distance = int.from_bytes(block[at : at + 2], "little")
        length, at = _length(block, at + 2, token & 15)
        length += 4
        if not 0 < distance <= len(out):
            raise ValueError("an LZ4 block refers to what is not there")
        if len(out) - start + length > most:
            raise ValueError("an LZ4 block is larger than its frame allows")
        pattern = out[-distance : len(out) - distance + length if distance > length else None]
        out += (pattern * (length // distance + 1))[:length]  # it may overlap what it copies
    return out[start:]


def _length(block: bytes, at: int, nibble: int) -> tuple[int, int]:
    if nibble < 15:  # noqa: PLR2004 - 15 says that more bytes follow
        return nibble, at
    while True:
        byte = block[at] if at < len(block) else -1
        if byte < 0:
            raise ValueError("an LZ4 block is cut short")
        at += 1
        nibble += byte
        if byte < 255:  # noqa: PLR2004 - 255 says that more bytes follow
            return nibble, at
