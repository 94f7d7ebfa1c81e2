"""What is known of an array before anybody makes it: its shape, its type, and its bytes when they are few."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from lockgate.scan.pickles.values import Blob, Instance, Mapping

WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
_NUMBERS = {"i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q"}


class Contents(NamedTuple):
    """An array of a pickle.

    Attributes:
        shape: Its lengths, as the pickle has them.
        type: Its type, as `values.Instance` of ``numpy.dtype``.
        data: Its bytes, or None when they are objects.
        order: "C" or "F" where the pickle says so in text, else empty.
    """

    shape: tuple[Any, ...]
    type: Instance
    data: Blob | None
    order: str = ""


def of(value: Any) -> Contents | None:
    """Return what is known of an array; None when it is none, or is not known whole."""
    if not isinstance(value, Instance):
        return None
    state, args = value.state, value.args
    order: Any = ""
    if isinstance(state, tuple) and len(state) in (4, 5):
        shape, kind, _, data = state[-4:]
    elif isinstance(state, Mapping) and value.of.path == WRAPPER:
        shape, kind, order = (state.get(key) for key in ("shape", "dtype", "order"))
        data = args[0] if isinstance(args, tuple) and args else None
    elif isinstance(args, tuple) and len(args) == 4:  # noqa: PLR2004 - numpy's _frombuffer
        data, kind, shape, order = args
    else:
        return None
    if not (isinstance(shape, tuple) and isinstance(kind, Instance) and kind.of.name == "dtype"):
        return None
    return Contents(
        shape, kind, data if isinstance(data, Blob) else None, order if isinstance(order, str) else ""
    )


def code(of_type: Instance) -> str:
    """Return the code of a type of numbers with its order of bytes, such as ``<f8``, or nothing."""
    if not isinstance(of_type.args, tuple) or not of_type.args or not isinstance(of_type.args[0], str):
        return ""
    state = of_type.state
    order = state[1] if isinstance(state, tuple) and len(state) > 1 and isinstance(state[1], str) else "<"
    bare = of_type.args[0].lstrip("|<>=")
    return f"{'|' if bare.endswith('1') else order}{bare}"


def numbers(array: Contents | None) -> list[int] | None:
    """Return the whole numbers of a small array; None when they are not known."""
    data = array.data.data if array and array.data else None
    if array is None or data is None:
        return None
    said = code(array.type)
    kind = _NUMBERS.get(said[1:])
    if kind is None or len(data) % struct.calcsize(f"={kind}"):
        return None
    count = len(data) // struct.calcsize(f"={kind}")
    return list(struct.unpack(f"{'>' if said[0] == '>' else '<'}{count}{kind}", data))
