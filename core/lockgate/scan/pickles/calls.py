"""Callables that are harmless only with some arguments, and objects whose state is checked.

A condition returns what the call makes, or raises `RefusedError` with the end of a sentence that
begins with "Calls NAME".
"""

# ruff: noqa: ARG001 - every condition has the arguments of `Condition`

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lockgate.scan.pickles import arrays, frames
from lockgate.scan.pickles.arguments import JudgeBase, RefusedError, plain_args, unless_reported
from lockgate.scan.pickles.values import (
    INERT,
    NONE,
    SET,
    Blob,
    Global,
    Instance,
    Items,
    Mapping,
    Storage,
    Text,
    Unjudged,
)
from lockgate.scan.record import DamagedError

Condition = Callable[[JudgeBase, Global, Any, int], Any]

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
_CTORS = frozenset(["numpy.random._pickle.__bit_generator_ctor", "numpy.random._pickle.__generator_ctor"])
_TENSORS = frozenset(["torch.Tensor", "torch._tensor.Tensor", "torch.nn.parameter.Parameter"])
_FRACTION = re.compile(r"-?[0-9]+(/[0-9]+)?\Z")
_BIGGEST = 1 << 24  # what a few bytes of a pickle may have made for nothing


def _class(value: Any) -> Global:
    if not (isinstance(value, Global) and "new" in value.allowed):
        raise RefusedError("on something else than a class of the lists")
    return value


def _reconstructor(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    cls, base, state = plain_args(args, 3, 3)
    if unless_reported(cls, base, state):
        return Unjudged()
    if isinstance(state, (Instance, Global)):
        raise RefusedError("on an object")  # whose methods the base would call
    if not (isinstance(base, Global) and base.module == "builtins" and base.name in _BASES):
        raise RefusedError("with a base that is no plain type")
    return Instance(_class(cls))


def _newobj(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    args = plain_args(args, 1, 32)
    return judge.new(args[0], args[1:], offset)


def _newobj_ex(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    cls, positional, named = plain_args(args, 3, 3)
    return judge.new(cls, positional, offset, named)


def _type(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    (of,) = plain_args(args, 1, 1)
    if of is not NONE and not (isinstance(of, Global) and of.path == "builtins.Ellipsis"):
        raise RefusedError("on something else than None")
    return Global("builtins", "NoneType", frozenset(["ref"]))


def _bytearray(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    args = plain_args(args, 0, 2)
    if not args:
        return Blob(0, b"")
    if len(args) == 1 and isinstance(args[0], Blob):
        return args[0]
    if len(args) == 2 and (args[0] is INERT or isinstance(args[0], (str, Text))) and _is_latin1(args[1]):  # noqa: PLR2004
        return Blob(-1)
    raise RefusedError("on something else than bytes")


def _no_bytes(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """Protocols below 3 write an empty byte string as ``bytes()``."""
    plain_args(args, 0, 0)
    return Blob(0, b"")


def _encode(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    text, codec = plain_args(args, 2, 2)
    if not _is_latin1(codec):  # any other codec runs code to find it
        raise RefusedError("with another codec than latin1")
    if isinstance(text, Text) and text.size >= 0:
        return Blob(text.size)
    if text is INERT:
        return Blob(-1)
    try:
        data = text.encode("latin-1")
    except (AttributeError, UnicodeEncodeError):
        raise DamagedError("writes bytes as something that is no text of 256 letters", offset) from None
    judge.bytes_inside(data, offset)
    return Blob(len(data), data)


def _is_latin1(codec: Any) -> bool:
    return codec in ("latin1", "latin-1")


def _small(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    args = plain_args(args, 0, 3)
    if any(isinstance(arg, (Instance, Global, Unjudged)) for arg in args):
        raise RefusedError("on an object")
    if any(isinstance(arg, int) and abs(arg) > _BIGGEST for arg in args) and func.name != "complex":
        raise RefusedError("on a number that is too large")
    return SET if func.name in ("set", "frozenset") else Instance(func, args)


def _ordered(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    args = plain_args(args, 0, 2)
    if any(not isinstance(a, (Items, Mapping, Text, int, tuple)) and a not in (NONE, INERT) for a in args):
        raise RefusedError("on an object")
    return Instance(func, args)


def _defaultdict(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    args = plain_args(args, 0, 2)
    if unless_reported(*args[:1]):
        return Unjudged()
    if args and args[0] is not NONE and not (isinstance(args[0], Global) and args[0].path in _FACTORIES):
        raise RefusedError("with a factory that is no plain type")
    return Instance(func, args)


def _ufunc(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    module, name = plain_args(args, 2, 2)
    return judge.resolve(module, name, 5, offset)


def _random(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    for arg in plain_args(args, 0, 2):
        if isinstance(arg, Unjudged) or arg is NONE:
            continue
        if isinstance(arg, str) and arg in _BIT_GENERATORS:
            continue
        if isinstance(arg, Global) and (not arg.allowed or arg.path in _CTORS or arg.name in _BIT_GENERATORS):
            continue
        if isinstance(arg, Instance) and arg.of.module == "numpy.random._pickle":
            continue
        raise RefusedError("on something else than a bit generator")
    return Instance(func, args)


def _of_class(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """A factory whose first argument is the class to make; extension types make themselves so."""
    args = plain_args(args, 1, 32)
    if unless_reported(args[0]):
        return Unjudged()
    cls = args[0]
    if not (isinstance(cls, Global) and cls.allowed & {"new", "call"}):
        raise RefusedError("on something else than a class of the lists")
    if func.name.startswith("__pyx_unpickle_"):
        judge.attributes(cls.path, args[2:], offset)
        for state in args[2:]:
            judge.attributes(cls.path, state, offset)
    return Instance(cls, args)


def _of_other_call(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """Torch's rebuilding of a tensor subclass: ``(function, type, arguments, state)``."""
    inner, cls, inner_args, state = plain_args(args, 4, 4)
    if unless_reported(inner, cls):
        return Unjudged()
    if not isinstance(inner, Global) or not inner.path.startswith("torch._utils._rebuild_"):
        raise RefusedError("with another function than torch's own")
    _tensor_class(cls)
    judge.attributes(func.path, state, offset)
    return judge.call(inner, inner_args, offset)


def _with_state(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """Torch's rebuilding of a parameter, whose last argument becomes its attributes."""
    args = plain_args(args, 4, 4)
    judge.attributes(func.path, args[3], offset)
    return Instance(func, args)


def _of_tensor_class(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    args = plain_args(args, 1, 16)
    if unless_reported(args[0]):
        return Unjudged()
    _tensor_class(args[0])
    return Instance(func, args)


def _tensor_class(value: Any) -> None:
    if not (isinstance(value, Global) and value.path in _TENSORS):
        raise RefusedError("with a type that is none of torch's tensors")


# What torch's functions take after storage, offset, size and stride, and how much of it may be left out:
# b a truth value, h hooks, d a dict or None, t a type or None, q what a quantised tensor is scaled by.
_TENSOR_TAKES = {
    "_rebuild_tensor": ("", 0),
    "_rebuild_tensor_v2": ("bhd", 1),
    "_rebuild_tensor_v3": ("bhtd", 1),
    "_rebuild_qtensor": ("qbh", 0),
}


def _tensor(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """A tensor on a storage, within which it has to lie."""
    kinds, optional = _TENSOR_TAKES[func.name]
    if not isinstance(args, tuple) or not len(kinds) - optional <= len(args) - 4 <= len(kinds):
        raise DamagedError(f"{func.path} is called with more or less than it takes")
    storage, start, size, stride = args[:4]
    if any(isinstance(one, Unjudged) for one in args):
        return Instance(func, args)
    if isinstance(storage, (str, int, tuple, Blob, Global)):
        raise DamagedError("a tensor is made of something else than a storage")
    known = all(isinstance(one, tuple) and all(isinstance(n, int) for n in one) for one in (size, stride))
    if not known or not isinstance(start, int):
        raise DamagedError("a tensor has a shape that is none")
    if not all(_is(kind, arg) for kind, arg in zip(kinds, args[4:], strict=False)):
        raise DamagedError(f"{func.path} is called with something else than it takes")
    if len(size) != len(stride) or min((start, *size, *stride), default=0) < 0:
        raise DamagedError("a tensor has a shape that is none")
    last = start + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if isinstance(storage, Storage) and 0 not in size and last >= storage.count:
        raise DamagedError("a tensor is larger than its storage")
    return Instance(func, args)


def _is(kind: str, arg: Any) -> bool:
    """Whether an argument is what a function of torch takes in its place."""
    if kind == "b":
        return arg is INERT or arg in (0, 1)
    if kind == "q":
        return isinstance(arg, tuple) and len(arg) in (3, 4)
    if kind == "t":
        return arg is NONE or isinstance(arg, (Global, Instance))
    ordered = isinstance(arg, Instance) and arg.of.name == "OrderedDict"
    return arg is NONE or ordered or (kind == "d" and isinstance(arg, Mapping))


def _parameter(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """A parameter: a tensor, whether it is trained, and hooks."""
    known = isinstance(args, tuple) and len(args) == 3  # noqa: PLR2004
    if not known or not (_is("b", args[1]) and _is("h", args[2])):
        raise DamagedError(f"{func.path} is called with something else than it takes")
    if not isinstance(args[0], (Instance, Unjudged)):
        raise DamagedError("a parameter is made of no tensor")
    return Instance(func, args)


def _torch_inside(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """A storage as ``torch.save`` wrote it, in a byte string; that is scanned like a file."""
    (data,) = plain_args(args, 1, 1)
    if not isinstance(data, Blob):
        raise RefusedError("on something else than bytes")
    if not (data.torch or judge.torch_inside(data, offset)):
        raise RefusedError("on bytes that are no storage of torch's, or no harmless one")
    return INERT


def _plain(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """Numbers, text, bytes, and what is made of these; no object whose methods would be called."""
    args = plain_args(args, 0, 32)
    for arg in args:
        known = isinstance(arg, Instance) and arg.of.module.startswith(("datetime", "numpy"))
        if isinstance(arg, Unjudged) or (isinstance(arg, Global) and not arg.allowed):
            return Unjudged()
        if isinstance(arg, (Instance, Global)) and not known:
            raise RefusedError("on an object")
    return Instance(func, args)


def _tree(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """A tree of scikit-learn: a number of features, an array of how many classes, a number of outputs."""
    whole = isinstance(args, tuple) and len(args) == 3  # noqa: PLR2004
    if not whole or not isinstance(args[0], int) or not isinstance(args[2], int):
        raise DamagedError(f"{func.path} is called with something else than features, classes, outputs")
    if not isinstance(args[1], (Instance, Unjudged)):
        raise DamagedError(f"{func.path} is called without an array of its classes")
    return Instance(func, args)


def _fraction(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """A numerator and a denominator; an exponent would be written out for minutes."""
    for arg in plain_args(args, 1, 2):
        if not (isinstance(arg, int) or arg is INERT or (isinstance(arg, str) and _FRACTION.match(arg))):
            raise RefusedError("on something else than whole numbers")
    return Instance(func, args)


CALLS: dict[str, Condition] = {
    **frames.CALLS,
    "torch.storage._load_from_bytes": _torch_inside,
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
    "datetime.date": _plain,
    "datetime.datetime": _plain,
    "datetime.time": _plain,
    "datetime.timedelta": _plain,
    "datetime.timezone": _plain,
    "decimal.Decimal": _plain,
    "fractions.Fraction": _fraction,
    "numpy.dtype": arrays.dtype,
    "numpy.ma.core._mareconstruct": arrays.masked,
    "numpy.random._pickle.__bit_generator_ctor": _random,
    "numpy.random._pickle.__generator_ctor": _random,
    "numpy.random._pickle.__randomstate_ctor": _random,
    "numpy.random.bit_generator.SeedSequence": _plain,
    "scipy.spatial._ckdtree.cKDTree": _plain,
    "sklearn.tree._tree.Tree": _tree,
    "torch._tensor._rebuild_from_type_v2": _of_other_call,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _with_state,
    "torch._utils._rebuild_qtensor": _tensor,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor,
    "torch._utils._rebuild_wrapper_subclass": _of_tensor_class,
    "torch.serialization._get_layout": _plain,
} | {
    f"numpy.{core}.{name}": condition
    for core in ("core", "_core")
    for name, condition in {
        "_ufunc_reconstruct": _ufunc,
        "multiarray._reconstruct": arrays.array,
        "multiarray.scalar": arrays.scalar,
        "numeric._frombuffer": arrays.frombuffer,
    }.items()
}
