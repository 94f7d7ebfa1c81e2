"""NumPy's array files (NEP 1): a header that is a Python literal, then raw numbers, or a pickle."""

from __future__ import annotations

import ast
import math
import re
from typing import Any

from lockgate.scan.context import Context
from lockgate.scan.pickles import files
from lockgate.scan.pickles.arrays import EXISTS
from lockgate.scan.pickles.cursor import Cursor
from lockgate.scan.record import BytesFollowError, DamagedError

MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 1 << 20
_CODE = re.compile(r"[<>|=]?(?:([biufcSUVaOmM])([0-9]{0,9})(?:\[\w+\])?|\?)\Z")
_DEEPEST = 10  # structured types in structured types


def scan(cursor: Cursor, context: Context) -> None:
    """Judge one array, which must fill the stream to its end."""
    context.record.met("npy")
    head = cursor.take(8)
    size = {1: 2, 2: 4, 3: 4}.get(head[6])
    if head[:6] != MAGIC or size is None or head[7]:
        raise DamagedError("is no array of a known version of the format", 0)
    length = int.from_bytes(cursor.take(size), "little")
    if length > _LONGEST_HEADER:
        raise DamagedError("the header of an array is too long", 8)
    header = _header(cursor.take(length), head[6])
    shape, descr = header["shape"], header["descr"]
    item, objects = _itemsize(descr)
    if objects:
        context.record.met("pickle")
        files.scan(cursor, context)
        return
    cursor.skip(math.prod(shape) * item)
    if not cursor.finished:
        raise BytesFollowError("bytes follow the end of the array", cursor.offset)


def _header(raw: bytes, version: int) -> dict[str, Any]:
    try:
        text = raw.decode("utf-8" if version == 3 else "latin-1")  # noqa: PLR2004 - NEP 1, version 3.0
        if not text.isprintable() and not (text[-1:] == "\n" and text[:-1].isprintable()):
            raise DamagedError("the header of an array is not readable", 8)
        header = ast.literal_eval(text.strip(" \n"))
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        raise DamagedError("the header of an array is not readable", 8) from None
    if not isinstance(header, dict) or set(header) != {"shape", "descr", "fortran_order"}:
        raise DamagedError("the header of an array has other keys than it should have", 8)
    shape = header["shape"]
    if not isinstance(shape, tuple) or any(type(n) is not int or n < 0 for n in shape):
        raise DamagedError("the header of an array has no valid shape", 8)
    if type(header["fortran_order"]) is not bool:
        raise DamagedError("the header of an array has no valid order", 8)
    return header


def _order(code: str) -> None:
    """Hold that a code has an order of bytes if, and only if, NumPy writes one for its kind."""
    bare = code.lstrip("<>|=")
    if (code[:1] in "<>") != (bare[:1] not in "SVaO?bB" and bare not in ("i1", "u1", "b1")):
        raise DamagedError("the header of an array names a type in a way that NumPy does not", 8)
    if code[:1] == "=" or bare[:1] == "a" or bare in ("m8", "M8"):
        raise DamagedError("the header of an array names a type in a way that NumPy does not", 8)


def _itemsize(descr: Any, depth: int = 0) -> tuple[int, bool]:
    """Return the bytes of an item, and whether items hold Python objects."""
    if isinstance(descr, str) and (match := _CODE.match(descr)) is not None:
        if not EXISTS.match(descr):
            raise DamagedError("has numbers of a type that NumPy does not have")
        _order(descr)
        kind, digits = match.groups()
        if kind is None:
            return 1, False
        if kind == "O":
            return 8, True
        size = int(digits or (8 if kind in "mM" else 0))
        return (size * 4 if kind == "U" else size), False
    if isinstance(descr, tuple) and len(descr) == 2 and depth < _DEEPEST:  # noqa: PLR2004 - (type, shape)
        size, objects = _itemsize(descr[0], depth + 1)
        return size * _count(descr[1]), objects
    if not isinstance(descr, list) or depth >= _DEEPEST:
        raise DamagedError("the header of an array names no valid type", 8)
    size, objects = 0, False
    titles = [one for part in descr if isinstance(part, tuple) and part for one in _titles(part[0])]
    if len(set(titles)) != len(titles):
        raise DamagedError("the header of an array has two fields of a name", 8)
    for part in descr:
        if not isinstance(part, tuple) or len(part) not in (2, 3):
            raise DamagedError("the header of an array names no valid type", 8)
        one, holds = _itemsize(part[1], depth + 1)
        size += one * (_count(part[2]) if len(part) == 3 else 1)  # noqa: PLR2004 - (name, type, shape)
        objects |= holds
    return size, objects


def _titles(name: Any) -> list[Any]:
    """Return the name of a field, with its title if it has one; an empty one is padding."""
    if isinstance(name, tuple):
        return [one for one in name if isinstance(one, str)]
    return [name] if isinstance(name, str) and name else []


def _count(shape: Any) -> int:
    shape = shape if isinstance(shape, tuple) else (shape,)
    if any(type(n) is not int or n < 0 for n in shape):
        raise DamagedError("the header of an array names no valid type", 8)
    return math.prod(shape)
