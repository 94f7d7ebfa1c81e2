"""Callables that are harmless only with some arguments, and objects whose state is checked.

A condition returns what the call makes, or raises `RefusedError` with the end of a sentence that
begins with "Calls NAME".
"""

# ruff: noqa: ARG001 - every condition has the arguments of `Condition`

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lockgate.scan.pickles.values import INERT, NONE, SET, Blob, Global, Instance, Items, Mapping, Unjudged

if TYPE_CHECKING:
    from lockgate.scan.pickles.judge import Judge


class RefusedError(Exception):
    """The arguments or the state are not what harmless use gives."""


Condition = Callable[["Judge", Global, Any, int], Any]

_DTYPE = re.compile(r"[|<>=]?(?:[?bhilqpBHILQPefdgFDGOSUV]|[biufcSUVaO][0-9]{1,9}|[mM]8?(?:\[\w+\])?)\Z")
_BASES = frozenset(["object", "dict", "list", "tuple", "set", "frozenset", "int", "float", "str"])
_FACTORIES = frozenset(
    [
        "collections.OrderedDict",
        "builtins.dict",
        "builtins.float",
        "builtins.int",
        "builtins.list",
        "builtins.set",
        "builtins.str",
    ]
)
_BIT_GENERATORS = frozenset(["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"])
_BIGGEST = 1 << 24  # what a few bytes of a pickle may have made for nothing


def _args(args: Any, least: int, most: int) -> tuple[Any, ...]:
    if not isinstance(args, tuple) or not least <= len(args) <= most:
        raise RefusedError("with arguments that it is not made with")
    return args


def _class(value: Any) -> Global:
    if not (isinstance(value, Global) and "new" in value.allowed):
        raise RefusedError("on something else than a class of the lists")
    return value


def _unless_reported(*values: Any) -> bool:
    """Whether an argument is already reported as not allowed, so that nothing needs to be added."""
    return any(isinstance(v, Unjudged) or (isinstance(v, Global) and not v.allowed) for v in values)


def _reconstructor(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    cls, base, _ = _args(args, 3, 3)
    if _unless_reported(cls, base):
        return Unjudged()
    if not (isinstance(base, Global) and base.module == "builtins" and base.name in _BASES):
        raise RefusedError("with a base that is no plain type")
    return Instance(_class(cls))


def _newobj(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    args = _args(args, 1, 32)
    return judge.new(args[0], args[1:], offset)


def _newobj_ex(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    cls, positional, named = _args(args, 3, 3)
    return judge.new(cls, positional, offset, named)


def _type(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    (of,) = _args(args, 1, 1)
    if of is not NONE and not (isinstance(of, Global) and of.path == "builtins.Ellipsis"):
        raise RefusedError("on something else than None")
    return Global("builtins", "NoneType", frozenset(["ref"]))


def _bytearray(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    args = _args(args, 0, 2)
    if not args:
        return Blob(0, b"")
    if len(args) == 1 and isinstance(args[0], Blob):
        return args[0]
    if len(args) == 2 and (args[0] is INERT or isinstance(args[0], str)) and _is_latin1(args[1]):  # noqa: PLR2004
        return Blob(-1)
    raise RefusedError("on something else than bytes")


def _no_bytes(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    """Protocols below 3 write an empty byte string as ``bytes()``."""
    _args(args, 0, 0)
    return Blob(0, b"")


def _encode(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    text, codec = _args(args, 2, 2)
    if not _is_latin1(codec):  # any other codec runs code to find it
        raise RefusedError("with another codec than latin1")
    if not isinstance(text, str):
        return Blob(-1)
    data = text.encode("latin-1", "replace")
    judge.bytes_inside(data, offset)
    return Blob(len(data), data)


def _is_latin1(codec: Any) -> bool:
    return codec in ("latin1", "latin-1")


def _small(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    args = _args(args, 0, 3)
    if any(isinstance(arg, (Instance, Global, Unjudged)) for arg in args):
        raise RefusedError("on an object")
    if any(isinstance(arg, int) and abs(arg) > _BIGGEST for arg in args) and func.name != "complex":
        raise RefusedError("on a number that is too large")
    return SET if func.name in ("set", "frozenset") else Instance(func, args)


def _ordered(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    args = _args(args, 0, 2)
    if any(not isinstance(a, (Items, Mapping, int, tuple)) and a not in (NONE, INERT) for a in args):
        raise RefusedError("on an object")
    return Instance(func, args)


def _defaultdict(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    args = _args(args, 0, 2)
    if _unless_reported(*args[:1]):
        return Unjudged()
    if args and args[0] is not NONE and not (isinstance(args[0], Global) and args[0].path in _FACTORIES):
        raise RefusedError("with a factory that is no plain type")
    return Instance(func, args)


def _dtype(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    args = _args(args, 1, 3)
    if isinstance(args[0], Global):
        if not args[0].allowed:
            return Unjudged()
        if args[0].module not in ("numpy", "builtins"):
            raise RefusedError("on a type that is none of numpy's")
    elif not (isinstance(args[0], str) and _DTYPE.match(args[0])):
        raise RefusedError("on something else than a type code")
    return Instance(func, args)


def _array(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    cls, shape, _ = _args(args, 3, 3)
    if _unless_reported(cls):
        return Unjudged()
    if not isinstance(shape, tuple) or any(not isinstance(n, int) or n < 0 for n in shape):
        raise RefusedError("with a shape that is none")
    if math.prod(shape) > _BIGGEST:
        raise RefusedError("with a shape that is too large")
    return Instance(_class(cls))


def _scalar(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    dtype = _args(args, 1, 2)[0]
    if _unless_reported(dtype):
        return Unjudged()
    if not _is_dtype(dtype):
        raise RefusedError("without a type")
    return INERT


def _is_dtype(value: Any) -> bool:
    return isinstance(value, Instance) and value.of.path == "numpy.dtype"


def _frombuffer(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    args = _args(args, 4, 5)
    if _unless_reported(*args):
        return Unjudged()
    if not isinstance(args[0], Blob) or not _is_dtype(args[1]):
        raise RefusedError("on something else than bytes")
    _fits(args[0], args[1], args[2])
    return Instance(func, args)


def _ufunc(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    module, name = _args(args, 2, 2)
    return judge.resolve(module, name, 5, offset)


def _random(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    for arg in _args(args, 0, 2):
        if isinstance(arg, Unjudged) or arg is NONE:
            continue
        if isinstance(arg, str) and arg in _BIT_GENERATORS:
            continue
        if isinstance(arg, Global) and (arg.module.startswith("numpy.random.") or not arg.allowed):
            continue
        if isinstance(arg, Instance) and arg.of.module == "numpy.random._pickle":
            continue
        raise RefusedError("on something else than a bit generator")
    return Instance(func, args)


def _of_class(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    """A factory whose first argument is the class to make; extension types make themselves so."""
    args = _args(args, 1, 32)
    if _unless_reported(args[0]):
        return Unjudged()
    cls = args[0]
    if not (isinstance(cls, Global) and cls.allowed & {"new", "call"}):
        raise RefusedError("on something else than a class of the lists")
    return Instance(cls, args)


def _of_other_call(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    """Torch's rebuilding of a tensor subclass: ``(function, type, arguments, state)``."""
    inner, cls, inner_args, _ = _args(args, 4, 4)
    if _unless_reported(inner, cls):
        return Unjudged()
    if not isinstance(inner, Global) or not inner.path.startswith("torch._utils._rebuild_"):
        raise RefusedError("with another function than torch's own")
    if not isinstance(cls, Global):
        raise RefusedError("with a type that is computed")
    return judge.call(inner, inner_args, offset)


def _one_value(judge: Judge, func: Global, args: Any, offset: int) -> Any:
    """An enumeration's member by its value; more arguments would make a new enumeration."""
    _args(args, 1, 1)
    return Instance(func, args)


CALLS: dict[str, Condition] = {
    "*.newObj": _of_class,
    "__pyx_unpickle_*": _of_class,
    "_codecs.encode": _encode,
    "builtins.bytearray": _bytearray,
    "builtins.bytes": _no_bytes,
    "builtins.complex": _small,
    "builtins.frozenset": _small,
    "builtins.range": _small,
    "builtins.set": _small,
    "builtins.slice": _small,
    "builtins.type": _type,
    "collections.Counter": _ordered,
    "collections.OrderedDict": _ordered,
    "collections.defaultdict": _defaultdict,
    "collections.deque": _ordered,
    "copyreg.__newobj__": _newobj,
    "copyreg.__newobj_ex__": _newobj_ex,
    "copyreg._reconstructor": _reconstructor,
    "numpy.dtype": _dtype,
    "numpy.random._pickle.__bit_generator_ctor": _random,
    "numpy.random._pickle.__generator_ctor": _random,
    "numpy.random._pickle.__randomstate_ctor": _random,
    "torch._tensor._rebuild_from_type_v2": _of_other_call,
} | {
    f"numpy.{core}.{name}": condition
    for core in ("core", "_core")
    for name, condition in {
        "_ufunc_reconstruct": _ufunc,
        "multiarray._reconstruct": _array,
        "multiarray.scalar": _scalar,
        "numeric._frombuffer": _frombuffer,
    }.items()
}


# --- States ---------------------------------------------------------------------------------------------


_NO_OBJECTS = ("S0", "U0", "V0")
_REFCOUNT = 1  # NPY_ITEM_REFCOUNT among the flags of a type


def itemsize(dtype: Any) -> int | None:
    """Return the bytes of one item of a dtype, 0 when items are objects, None when it is not plain.

    Raises:
        RefusedError: Its state says something else than its code, so that readers may disagree.
    """
    if not _is_dtype(dtype) or not isinstance(dtype.args, tuple) or not dtype.args:
        return None
    code, state = dtype.args[0], dtype.state
    size = _coded(code)
    if state is not INERT:
        if not isinstance(state, tuple) or len(state) not in (8, 9):
            return None
        declared, flags = state[5], state[7]
        objects = size == 0 and str(code).lstrip("|<>=") not in _NO_OBJECTS
        if declared not in (-1, size):
            raise RefusedError("with a size that its code does not have")
        if _holds_objects(state, 0) and not (isinstance(flags, int) and flags & _REFCOUNT):
            raise RefusedError("with objects that its flags deny")
        if isinstance(flags, int) and flags & _REFCOUNT and not objects:
            return 0
    return size


def _coded(code: Any) -> int | None:
    if not isinstance(code, str):
        return None
    match = re.match(r"[|<>=]?([biufcSUVaO])([0-9]{1,9})\Z", code)
    if match is None:
        return {"M8": 8, "m8": 8, "?": 1, "O": 0}.get(code.lstrip("|<>=")[:2])
    kind, size = match.group(1), int(match.group(2))
    return 0 if kind == "O" else size * 4 if kind == "U" else size


def _holds_objects(state: tuple[Any, ...], depth: int) -> bool:
    """Whether a type with this state has fields, or items, that are objects."""
    base, fields = state[2], state[4]
    parts = [base[0]] if isinstance(base, tuple) and base else []
    if isinstance(fields, Mapping):
        if not fields.whole:
            raise RefusedError("with more fields than are looked at")
        parts += [field[0] for field in fields.values() if isinstance(field, tuple) and field]
    for part in parts:
        if not _is_dtype(part) or depth > 8:  # noqa: PLR2004 - types in types
            raise RefusedError("with a field of no plain type")
        if _coded(part.args[0]) == 0 and str(part.args[0]).lstrip("|<>=") not in _NO_OBJECTS:
            return True
        if isinstance(part.state, tuple) and len(part.state) > 4 and _holds_objects(part.state, depth + 1):  # noqa: PLR2004
            return True
    return False


def _fits(blob: Blob, dtype: Any, shape: Any) -> None:
    size = itemsize(dtype)
    whole = isinstance(shape, tuple) and all(isinstance(n, int) for n in shape)
    if size == 0 and str(dtype.args[0]).lstrip("|<>=") not in _NO_OBJECTS:
        raise RefusedError("with objects in raw bytes")
    if size and whole and blob.size >= 0 and math.prod(shape) * size != blob.size:
        raise RefusedError("with a shape that does not fit its bytes")


def _array_state(made: Instance, state: Any) -> None:
    if not isinstance(state, tuple) or len(state) not in (4, 5):
        raise RefusedError("with a state that is not that of an array")
    shape, dtype, _, data = state[-4:]
    if isinstance(dtype, Unjudged):
        return
    if not _is_dtype(dtype):
        raise RefusedError("without a type")
    if isinstance(data, Blob):
        _fits(data, dtype, shape)


def _dtype_state(made: Instance, state: Any) -> None:
    del state
    itemsize(made)


BUILDS: dict[str, Callable[[Instance, Any], None]] = {
    "numpy.dtype": _dtype_state,
    "numpy.ndarray": _array_state,
}
