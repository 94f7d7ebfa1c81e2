"""Boosted trees in the formats of their own libraries: numbers in a frame, no code.

XGBoost writes JSON (see `jsons`) or UBJSON. For LightGBM see `lightgbm`, for CatBoost `catboost`.
"""

from __future__ import annotations

import re
import struct
import sys
from array import array
from typing import Any

from lockgate.scan.context import Context
from lockgate.scan.formats import xgboost
from lockgate.scan.record import BytesFollowError, DamagedError
from lockgate.scan.source import CHUNK, Source

_SIZES = {
    b"i": 1,
    b"U": 1,
    b"I": 2,
    b"l": 4,
    b"L": 8,
    b"d": 4,
    b"D": 8,
    b"C": 1,
    b"Z": 0,
    b"N": 0,
    b"T": 0,
    b"F": 0,
}
_LENGTHS = frozenset([b"i", b"U", b"I", b"l", b"L"])
_CONSTANTS = {b"Z": None, b"N": None, b"T": True, b"F": False}
_DEEPEST = 64
_KEPT = 64 << 20  # bytes of a document whose values are looked at
_CODES = {b"i": "b", b"U": "B", b"I": "h", b"l": "i", b"L": "q", b"d": "f", b"D": "d"}
_MOST = 50_000_000  # values of a UBJSON document


def looks_like_ubjson(head: bytes) -> bool:
    """Whether bytes begin a UBJSON object whose first key is text of some letters."""
    if head[:1] != b"{" or head[1:2] not in _LENGTHS:
        return False
    width = _SIZES[head[1:2]]
    size = int.from_bytes(head[2 : 2 + width], "big")
    return 0 < size < 64 and re.fullmatch(rb"[\w.]+", head[2 + width : 2 + width + size]) is not None  # noqa: PLR2004


class _Ubjson:
    """Walks a document (ubjson.org, draft 12) without keeping it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.buf, self.base, self.i = b"", 0, 0
        self.left = _MOST
        self.keep = source.size <= _KEPT

    def take(self, count: int) -> bytes:
        if self.i + count > len(self.buf):
            self.base += self.i
            self.buf = self.source.read(self.base, max(CHUNK, count))
            self.i = 0
            if count > len(self.buf):
                raise DamagedError("is cut short", self.base + len(self.buf))
        taken = self.buf[self.i : self.i + count]
        self.i += count
        return taken

    def skip(self, count: int) -> None:
        if self.i + count <= len(self.buf):
            self.i += count
            return
        self.base += self.i + count
        self.buf, self.i = b"", 0
        if self.base > self.source.size:
            raise DamagedError("is cut short", self.source.size)

    def length(self) -> int:
        kind = self.take(1)
        if kind not in _LENGTHS:
            raise DamagedError("has a length that is no number", self.base + self.i)
        value = int.from_bytes(self.take(_SIZES[kind]), "big", signed=kind != b"U")
        if value < 0:
            raise DamagedError("has a negative length", self.base + self.i)
        return value

    def value(self, kind: bytes, depth: int) -> Any:
        """Return the next value; None for those of long documents."""
        self.left -= 1
        if depth > _DEEPEST or self.left < 0:
            raise DamagedError("is nested too deep or holds too much", self.base + self.i)
        if kind in _SIZES:
            raw = self.take(_SIZES[kind])
            if kind in (b"d", b"D"):
                return struct.unpack(">f" if kind == b"d" else ">d", raw)[0]
            return int.from_bytes(raw, "big", signed=kind != b"U") if raw else _CONSTANTS[kind]
        if kind in (b"S", b"H"):
            return self.text()
        if kind in (b"[", b"{"):
            return self.container(kind, depth)
        raise DamagedError("has a value of no known type", self.base + self.i)

    def text(self) -> str:
        size = self.length()
        if not self.keep:
            self.skip(size)
            return ""
        try:
            return self.take(size).decode("utf-8")
        except UnicodeDecodeError:
            raise DamagedError("has a text that is no UTF-8", self.base + self.i) from None

    def container(self, kind: bytes, depth: int) -> Any:
        end = b"]" if kind == b"[" else b"}"
        item: bytes | None = None
        count = -1
        mark = self.take(1)
        if mark == b"$":
            item = self.take(1)
            if self.take(1) != b"#":
                raise DamagedError("has a typed container without a count", self.base + self.i)
            count = self.length()
        elif mark == b"#":
            count = self.length()
        else:
            self.i -= 1
        if item is not None and (kind != b"[" or item not in _CODES):
            raise DamagedError("has a list of no type that XGBoost reads", self.base + self.i)
        if count >= 0 and item in _SIZES and kind == b"[":
            return self.numbers(item, count)
        listed: list[Any] = []
        named: dict[str, Any] = {}
        while count != 0:
            if count < 0 and (mark := self.take(1)) == end:
                break
            if count < 0:
                self.i -= 1
            name = self.text() if kind == b"{" else ""
            if name in named:
                raise DamagedError("has a key twice", self.base + self.i)
            value = self.value(item or self.take(1), depth + 1)
            if self.keep and kind == b"{":
                named[name] = value
            elif self.keep:
                listed.append(value)
            count -= count > 0
        return named if kind == b"{" else listed

    def numbers(self, item: bytes, count: int) -> Any:
        """Return an array of numbers of one type."""
        size = count * _SIZES[item]
        if not self.keep or item not in _CODES:
            self.skip(size)
            return None
        made = array(_CODES[item], self.take(size))
        if sys.byteorder == "little":
            made.byteswap()
        return made


def scan_ubjson(source: Source, context: Context) -> None:
    """Judge a UBJSON document: it must fill the file."""
    context.record.met("UBJSON")
    walk = _Ubjson(source)
    document = walk.value(walk.take(1), 0)
    if walk.base + walk.i != source.size:
        raise BytesFollowError("bytes follow the end of the document", walk.base + walk.i)
    if walk.keep and xgboost.is_model(document):
        context.record.met("XGBoost")
        xgboost.check(document, typed=True)
    elif walk.keep:
        raise DamagedError("is a document that is no model of XGBoost")
