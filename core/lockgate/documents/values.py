"""What YAML and JSON share: text that is UTF-8, keys that stand once, numbers that are finite."""

from __future__ import annotations

import math
import unicodedata
from pathlib import Path

from lockgate.documents.document import Key, refuse
from lockgate.documents.files import read_bytes

MAX_DEPTH = 20
_MAX_INTEGER = 2**63
_MAX_DIGITS = 25  # hold every integer below; longer ones are not even converted, which is quadratic


def bytes_of(source: Path | bytes, max_bytes: int, name: str) -> tuple[str, bytes]:
    """Return what errors call a source, and its bytes."""
    if not isinstance(source, bytes):
        return name or str(source), read_bytes(source, max_bytes)
    name = name or "the document"
    if len(source) > max_bytes:
        refuse(name, None, (), f"is larger than {max_bytes} bytes; give a smaller one")
    return name, source


def path_of(source: Path | bytes) -> Path | None:
    """Return the file that a source is, if it is one."""
    return None if isinstance(source, bytes) else source


def text_of(raw: bytes, name: str) -> str:
    """Return bytes as text: UTF-8 without a byte-order mark."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        refuse(name, line, (), "is not UTF-8; save it as UTF-8")
    if text.startswith("\ufeff"):
        refuse(name, 1, (), "starts with a byte-order mark; save it as UTF-8 without one")
    return text


class Keys:
    """The keys of one mapping; a second one that reads the same is refused."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: set[str] = set()

    def add(self, key: Key, line: int | None) -> None:
        """Take the next key, or refuse it."""
        plain = unicodedata.normalize("NFC", str(key[-1]))
        if plain in self.seen:
            refuse(self.name, line, key, "is there twice; keep one")
        self.seen.add(plain)


def number(
    kind: type[int | float], digits: str, base: int, name: str, line: int | None, key: Key
) -> int | float:
    """Return digits as a number of at most 64 bits, or a finite one."""
    if kind is int:
        value = int(digits, base) if len(digits) <= _MAX_DIGITS else _MAX_INTEGER
        if not -_MAX_INTEGER <= value < _MAX_INTEGER:
            refuse(name, line, key, "holds an integer of more than 64 bits; write a smaller one, or text")
        return value
    number = float(digits)
    if math.isinf(number):
        refuse(name, line, key, "holds a number too large to be finite; write a smaller one")
    return number
