"""Arrays and scalars of NumPy that a pickle makes of bytes, and the types that say what the bytes are.

NumPy believes the type: bytes under a type that holds objects are taken for their addresses, which is
running code of the file's choice. So the type is known when it is used and does not change after that, its
flags and sizes are those of its code, its fields lie within its items, and objects never come from bytes.
"""

# ruff: noqa: ARG001 - every condition has the arguments of `calls.Condition`

from __future__ import annotations

import itertools
import math
import re
from typing import Any

from lockgate.scan.pickles.arguments import JudgeBase, RefusedError, plain_args, unless_reported
from lockgate.scan.pickles.values import (
    INERT,
    NEVER,
    NONE,
    SET,
    Blob,
    Counted,
    Global,
    Instance,
    Items,
    Mapping,
    Text,
    Unjudged,
)
from lockgate.scan.record import DamagedError

CLASSES = frozenset(
    [
        *("numpy.ndarray", "numpy.matrix", "numpy.recarray", "numpy.memmap", "numpy.ma.MaskedArray"),
        *("numpy.matrixlib.defmatrix.matrix", "numpy.rec.recarray", "numpy.core.records.recarray"),
        *("numpy.chararray", "numpy.char.chararray", "numpy.core.defchararray.chararray"),
        *("numpy.ma.core.MaskedArray", "numpy.ma.core.MaskedConstant", "numpy.ma.core.mvoid"),
    ]
)
# Made by `scalar`, never bare.
SCALARS = frozenset(["numpy.void", "numpy.rec.record", "numpy.core.records.record"])
_ARRAY = Global("numpy", "ndarray", frozenset(["ref"]))
_ORDERS = ("C", "F")
_RECORDS = frozenset(["numpy.record", "numpy.void", *SCALARS])
_CODE = re.compile(r"[|<>=]?(?:[?bhilqpBHILQPefdgFDGOSUV]|[biufcSUVaO][0-9]{1,9}|[mM]8?(?:\[\w+\])?)\Z")
_SIZED = re.compile(r"[|<>=]?([biufcSUVaO])([0-9]{1,9})\Z")
# Codes of numbers that NumPy has, and of all that is no number.
EXISTS = re.compile(
    r"[|<>=]?(?:[^biufc|<>=]|[biufc](?![0-9])|b1\Z|[iu][1248]\Z|f(?:[248]|12|16)\Z|c(?:8|16|24|32)\Z)"
)
_WIDE = re.compile(r"[|<>=]?(?:[iufc](?:[248]|[1-9][0-9])|[UMm])")  # have an order of bytes
_NO_OBJECTS = ("S0", "U0", "V0")
_OBJECT_FLAGS = 63  # NPY_OBJECT_DTYPE_FLAGS
_REFCOUNT = 1  # NPY_ITEM_REFCOUNT among the flags of a type
_DEEPEST = 8  # types in types
_BIGGEST = 1 << 24  # what a few bytes of a pickle may have made for nothing


# --- Calls ----------------------------------------------------------------------------------------------


def dtype(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """Judge a type: made of a code, or of a class of records."""
    args = plain_args(args, 1, 3)
    if isinstance(args[0], Global):
        if not args[0].allowed:
            return Unjudged()
        if args[0].path not in _RECORDS:
            raise RefusedError("on a class that is none of its records")
    elif not (isinstance(args[0], str) and _CODE.match(args[0])):
        raise RefusedError("on something else than a type code")
    elif not EXISTS.match(args[0]):
        raise DamagedError("makes a type of numbers that NumPy does not have", offset)
    return Instance(func, args)


def array(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """Judge an array without items, which gets them by its state."""
    cls, shape, code = plain_args(args, 3, 3)
    if unless_reported(cls):
        return Unjudged()
    if not (isinstance(cls, Global) and cls.path in CLASSES and "new" in cls.allowed):
        raise RefusedError("on something else than a class of arrays")
    _shape(shape)
    known = isinstance(code, Blob) and code.size == 1 and code.data in (b"b", None)
    if not (code == "b" or known):  # the array has no items yet
        raise RefusedError("with items of a type that no pickler writes")
    return Instance(cls)


def masked(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """Judge a masked array without items."""
    cls, base, shape, code = plain_args(args, 4, 4)
    if unless_reported(cls, base):
        return Unjudged()
    for one, of in ((cls, "numpy.ma."), (base, "numpy.")):
        if not (isinstance(one, Global) and one.path in CLASSES and one.module.startswith(of.rstrip("."))):
            raise RefusedError("on something else than a class of arrays")
    _shape(shape)
    del code
    return Instance(cls)


def _shape(shape: Any) -> None:
    if not isinstance(shape, tuple) or any(not isinstance(n, int) or n < 0 for n in shape):
        raise RefusedError("with a shape that is none")
    if math.prod(shape) > _BIGGEST:
        raise RefusedError("with a shape that is too large")


def scalar(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """Judge a single number or record. It is no value that anything else may be made of."""
    args = plain_args(args, 1, 2)
    if unless_reported(*args):
        return Unjudged()
    if not is_dtype(args[0]):
        raise RefusedError("without a type")
    if has_objects(args[0]):
        whole = len(args) > 1 and isinstance(args[1], Instance) and args[1].of.path in CLASSES
        if not whole or args[0].args[0] == "O" or str(args[0].args[0]).lstrip("|<>=") in ("O4", "O8"):
            raise RefusedError("on an object")  # which it would return as it is
    elif len(args) > 1:
        if not (isinstance(args[1], (Blob, str, Text)) or args[1] is INERT):
            raise RefusedError("on something else than bytes")
        size = itemsize(args[0])
        if isinstance(args[1], Blob) and size and 0 <= args[1].size < size:
            raise DamagedError("a number of NumPy has fewer bytes than its type", offset)
    return INERT


def frombuffer(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """Judge an array that is made of bytes at once."""
    args = plain_args(args, 4, 5)
    blob, of, shape, order = args[:4]
    if blob.__class__ is Blob and of.__class__ is Instance and order in _ORDERS and len(args) == 4:  # noqa: PLR2004
        # The next of many of a type that was looked at: `itemsize` sets the size of nothing else.
        size = of.size
        if size is not NEVER and size and shape.__class__ is tuple:
            for n in shape:
                size = size * n if n.__class__ is int else -1
            if size == blob.size:
                return Instance(_ARRAY, args)
    if unless_reported(*args):
        return Unjudged()
    if not isinstance(blob, Blob) or not is_dtype(of):
        raise RefusedError("on something else than bytes")
    if len(args) == 4 and order not in _ORDERS:  # noqa: PLR2004
        raise DamagedError("an array of NumPy has an order that there is not", offset)
    _fits(blob, of, shape)
    return Instance(_ARRAY, args)


# --- States ---------------------------------------------------------------------------------------------


def array_state(made: Instance, state: Any) -> None:
    """Judge the items of an array: ``(version, shape, type, order, items)``, and a mask if it has one."""
    masked_ = made.of.module.startswith("numpy.ma")
    if not isinstance(state, tuple) or len(state) not in ((7,) if masked_ else (4, 5)):
        raise RefusedError("with a state that is not that of an array")
    shape, of, order, data = state[1:5] if masked_ else state[-4:]
    if len(state) > 4 and state[0] not in (0, 1):  # noqa: PLR2004 - NumPy reads no other versions
        raise DamagedError("an array of NumPy has a version that there is not")
    if not (order is INERT or order in (0, 1)):
        raise DamagedError("an array of NumPy has an order that there is not")
    if isinstance(of, Unjudged):
        return
    if not is_dtype(of):
        raise RefusedError("without a type")
    if has_objects(of):
        if not isinstance(data, (Items, Unjudged)) or data is SET:
            raise RefusedError("with objects in raw bytes")
        if isinstance(data, Counted) and math.prod(_lengths(shape)) != data.count:
            # NumPy takes as many objects as the shape says, from behind the list if need be.
            raise DamagedError("an array of NumPy has another number of objects than its shape says")
    elif not (isinstance(data, (Blob, str, Text, Unjudged)) or data is INERT):
        raise DamagedError("an array of NumPy has something else than bytes")
    elif isinstance(data, Blob):
        _fits(data, of, shape)


def dtype_state(made: Instance, state: Any) -> None:
    """Judge what a type says about itself beside its code."""
    if not isinstance(state, tuple) or len(state) not in (5, 6, 7, 8, 9):
        raise RefusedError("with a state that is not that of a type")
    names, fields = state[3:5] if len(state) > 4 else (NONE, NONE)  # noqa: PLR2004
    wide = isinstance(made.args, tuple) and isinstance(made.args[0], str) and _WIDE.match(made.args[0])
    if state[0] not in range(5) or state[1] not in (("<", ">", "=") if wide else ("<", ">", "|", "=")):
        raise DamagedError("a type of NumPy has a version or an order of bytes that there is not")
    # NumPy looks for each name among the fields and does not ask whether it is there.
    both = isinstance(names, tuple) and isinstance(fields, Mapping)
    if both and sorted(map(str, fields[::2])) != sorted(map(str, names)):
        raise RefusedError("with other names than fields")
    itemsize(made)
    code = _SIZED.match(str(made.args[0])) if isinstance(made.args, tuple) else None
    if code and code[1] not in "UVSa" and len(state) > 6 and state[5:7] != (-1, -1):  # noqa: PLR2004
        raise DamagedError("a type of numbers of NumPy has a size beside its code")
    flags = {"O": _OBJECT_FLAGS}.get(code[1], None if code[1] in "UVSa" else 0) if code else None
    if flags is not None and len(state) > 7 and state[7] != flags:  # noqa: PLR2004
        raise DamagedError("a type of NumPy has other flags than its code")
    if code and code[1] in "USa" and len(state) > 6 and state[5] != _coded(code[0]):  # noqa: PLR2004
        raise DamagedError("a type of text of NumPy has another size than its code")


def _fits(blob: Blob, of: Any, shape: Any) -> None:
    if has_objects(of):
        raise RefusedError("with objects in raw bytes")
    size = itemsize(of)
    lengths = _lengths(shape)
    if size and blob.size >= 0 and math.prod(lengths) * size != blob.size:
        raise RefusedError("with a shape that does not fit its bytes")


def _lengths(shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, tuple):
        raise RefusedError("with a shape that is none")
    if any(not isinstance(n, int) or n < 0 for n in shape):
        raise DamagedError("an array of NumPy has a shape that is none")
    return shape


# --- Types ----------------------------------------------------------------------------------------------


def is_dtype(value: Any) -> bool:
    """Whether a value is a type of NumPy."""
    return isinstance(value, Instance) and value.of.path == "numpy.dtype"


def has_objects(of: Any) -> bool:
    """Whether the items of a type are, or hold, objects. It may not change any more afterwards."""
    size = itemsize(of)
    return size == 0 and str(of.args[0]).lstrip("|<>=") not in _NO_OBJECTS


def itemsize(of: Any) -> int | None:
    """Return the bytes of one item of a type, 0 when items hold objects, None when it is not plain.

    The type may not change any more afterwards.

    Raises:
        RefusedError: Its state says something else than its code, so that readers may disagree.
    """
    if not is_dtype(of) or not isinstance(of.args, tuple) or not of.args:
        return None
    if of.size is NEVER:
        of.size = _itemsize(of)
    size: int | None = of.size
    return size


def _itemsize(of: Instance) -> int | None:
    code, state = of.args[0], of.state
    size = _coded(code)
    if state is INERT:
        of.state = NONE
    elif state is not NONE:
        if not isinstance(state, tuple) or len(state) not in (8, 9):
            return None
        declared, flags = state[5], state[7]
        if size is None and isinstance(code, Global) and isinstance(declared, int) and declared >= 0:
            size = declared
        if declared not in (-1, size):
            raise RefusedError("with a size that its code does not have")
        if not isinstance(flags, int):
            raise RefusedError("with flags that are none")
        objects = size == 0 and str(code).lstrip("|<>=") not in _NO_OBJECTS
        if (objects or _holds_objects(state, size, 0)) and not flags & _REFCOUNT:
            raise RefusedError("with objects that its flags deny")
        if flags & _REFCOUNT:
            return 0
    return size


def _count(rest: tuple[Any, ...]) -> int:
    """Return how many parts an item of a type has, by its shape."""
    shape = rest[0] if len(rest) == 1 else None
    numbers = shape if isinstance(shape, tuple) else (shape,)
    if not all(isinstance(n, int) and n >= 0 for n in numbers):
        raise RefusedError("with parts of no shape")
    return math.prod(numbers)


def _coded(code: Any) -> int | None:
    if not isinstance(code, str):
        return None
    match = _SIZED.match(code)
    if match is None:
        return {"M8": 8, "m8": 8, "?": 1, "O": 0}.get(code.lstrip("|<>=")[:2])
    kind, size = match.group(1), int(match.group(2))
    return 0 if kind == "O" else size * 4 if kind == "U" else size


def _apart(fields: list[tuple[Any, Any]]) -> None:
    """Hold that no two fields share bytes, as no array of NumPy's own functions has them."""
    known = [(at, itemsize(part) or 0) for part, at in fields if is_dtype(part) and isinstance(at, int)]
    known.sort()
    if any(at + size > after for (at, size), (after, _) in itertools.pairwise(known)):
        raise DamagedError("a type of NumPy has fields that share bytes")


def _holds_objects(state: tuple[Any, ...], size: int | None, depth: int) -> bool:
    """Whether a type with this state has fields, or items, that are objects."""
    base, fields = state[2], state[4]
    parts = [(base[0], 0)] if isinstance(base, tuple) and base else []
    if parts and size and (own := itemsize(base[0])) and own * _count(base[1:]) != size:
        raise RefusedError("with parts that are larger than its items")
    if isinstance(fields, Mapping):
        if not fields.whole:
            raise RefusedError("with more fields than are looked at")
        fields.state = fields.sealed = True
        for field in fields.values():
            if not (isinstance(field, tuple) and len(field) in (2, 3)):
                raise RefusedError("with a field that is none")
            parts.append((field[0], field[1]))
    elif fields is not NONE:
        raise RefusedError("with fields that are computed")
    _apart(parts[len(parts) - (len(fields) // 2 if isinstance(fields, Mapping) else 0) :])
    for part, at in parts:
        if not is_dtype(part) or depth > _DEEPEST:
            raise RefusedError("with a field of no plain type")
        own = itemsize(part)
        room = own or (8 if own == 0 else 0)
        if not isinstance(at, int) or at < 0 or (size is not None and at + room > size):
            raise RefusedError("with a field outside of its items")
        if has_objects(part):
            return True
    return False
