"""GGUF (gguf.md of ggml, versions 2 and 3): key-value pairs, tensor infos, tensors.

The one thing in it that is executed is the chat template; see `lockgate.scan.formats.templates`.
"""

from __future__ import annotations

import math
from typing import Any

from lockgate.scan.context import Context
from lockgate.scan.formats import templates
from lockgate.scan.record import BytesFollowError, DamagedError
from lockgate.scan.source import Source

MAGIC = b"GGUF"
_STRING, _ARRAY = 8, 9
_SCALAR = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_MOST = 1 << 24  # pairs, tensors, or items of an array
_LONGEST_KEY = 1 << 16
_TEXT = 16 << 20
_DEEPEST = 4
# Items a block and bytes a block, by the type of a tensor (ggml.h).
_BLOCK = {
    0: (1, 4),
    1: (1, 2),
    2: (32, 18),
    3: (32, 20),
    6: (32, 22),
    7: (32, 24),
    8: (32, 34),
    9: (32, 36),
    10: (256, 84),
    11: (256, 110),
    12: (256, 144),
    13: (256, 176),
    14: (256, 210),
    15: (256, 292),
    16: (256, 66),
    17: (256, 74),
    18: (256, 98),
    19: (256, 50),
    20: (32, 18),
    21: (256, 110),
    22: (256, 82),
    23: (256, 136),
    24: (1, 1),
    25: (1, 2),
    26: (1, 4),
    27: (1, 8),
    28: (1, 8),
    29: (256, 56),
    30: (1, 2),
    34: (256, 54),
    35: (256, 66),
    39: (32, 17),
}


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.at = 0

    def number(self, size: int) -> int:
        value = int.from_bytes(self.source.exactly(self.at, size), "little")
        self.at += size
        return value

    def count(self) -> int:
        value = self.number(8)
        if value > _MOST:
            raise DamagedError("has a count that is too large", self.at)
        return value

    def text(self, most: int) -> str:
        size = self.number(8)
        if size > most:
            raise DamagedError("has a text that is too long", self.at)
        raw = self.source.exactly(self.at, size)
        self.at += size
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise DamagedError("has a text that is no UTF-8", self.at - size) from None

    def value(self, kind: int, depth: int = 0) -> Any:
        """Return text and numbers, and pass over arrays."""
        if kind == _STRING:
            return self.text(_TEXT)
        if kind == _ARRAY:
            kind, count = self.number(4), self.count()
            if depth >= _DEEPEST:
                raise DamagedError("has arrays nested too deep", self.at)
            if kind in _SCALAR:
                self.source.part(self.at, count * _SCALAR[kind])
                self.at += count * _SCALAR[kind]
                return None
            texts = [self.value(kind, depth + 1) for _ in range(count)] if kind in (_STRING, _ARRAY) else None
            if texts is None:
                raise DamagedError("has a value of no known type", self.at)
            return None
        if kind not in _SCALAR:
            raise DamagedError("has a value of no known type", self.at)
        return self.number(_SCALAR[kind])


def scan(source: Source, context: Context) -> None:
    """Judge the pairs, and hold the tensors against the file."""
    context.record.met("GGUF")
    reader = _Reader(source)
    reader.at = 4
    version = reader.number(4)
    if version not in (2, 3):
        raise DamagedError(f"is version {version} of the format, which is not read here", 4)
    tensors, pairs = reader.count(), reader.count()
    alignment = 32
    keys: set[str] = set()
    for _ in range(pairs):
        offset = reader.at
        key = reader.text(_LONGEST_KEY)
        if key in keys:
            context.hit("LG-SCAN-070", "HIGH", "Has a key twice.", offset=offset, name=key)
        keys.add(key)
        value = reader.value(reader.number(4))
        if isinstance(value, str) and "chat_template" in key:
            templates.check(value, context, offset)
        if key == "general.alignment" and isinstance(value, int):
            alignment = value
    if not 0 < alignment <= 1 << 16 or alignment % 8:
        raise DamagedError("has an alignment that is none", reader.at)
    titles: set[str] = set()
    spans = [_tensor(reader, titles) for _ in range(tensors)]
    start = (reader.at + alignment - 1) // alignment * alignment
    at = 0
    for offset, size in sorted(spans):
        if offset < at or offset - at >= alignment:
            context.hit(
                "LG-SCAN-070", "HIGH", "Has tensors that overlap, or bytes between them.", offset=start + at
            )
            return
        at = offset + size
    if spans and not 0 <= source.size - (start + at) < alignment:
        raise BytesFollowError("is cut short, or bytes follow its tensors", start + at)
    if not spans and source.size - reader.at > alignment:
        raise BytesFollowError("bytes follow its pairs", reader.at)


def _tensor(reader: _Reader, titles: set[str]) -> tuple[int, int]:
    """Return offset and size of a tensor."""
    title = reader.text(_LONGEST_KEY)
    if title in titles or not title:
        raise DamagedError("has two tensors of a name, or one of none", reader.at)
    titles.add(title)
    dimensions = reader.number(4)
    if dimensions > 8:  # noqa: PLR2004 - GGML_MAX_DIMS is 4
        raise DamagedError("has a tensor of too many dimensions", reader.at)
    items = math.prod(reader.number(8) for _ in range(dimensions))
    kind, offset = reader.number(4), reader.number(8)
    if kind not in _BLOCK:
        raise DamagedError(f"has a tensor of the type {kind}, which is not known here", reader.at)
    block, size = _BLOCK[kind]
    if items % block:
        raise DamagedError("has a tensor that ends within a block", reader.at)
    return offset, items // block * size
