"""The abstract values on the stack of the pickle machine.

Text up to 255 bytes is `str`, a whole number `int`, a tuple `tuple`; what is below stands for the
rest. A value about which nothing is kept is `INERT`: a float, True, a long number.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

INERT: Any = None
SHORT = 255  # bytes of text that are kept
STARTS = frozenset(b"\x80(])}0123456789lNKqci\x00\x01\x02\x03\x04")  # what a pickle in bytes begins with
NEVER: Final = 1 << 62
_UNHASHABLE = frozenset(f"collections.{name}" for name in ("OrderedDict", "defaultdict", "Counter", "deque"))
KEPT = 128  # keys and values of a dict after which no more are remembered


class Lost:
    """Text that was too much to remember; what needs it cannot be judged."""


LOST = Lost()


class NoneValue:
    """The value None, where it matters that it is this one."""


NONE = NoneValue()


@dataclass(slots=True, eq=False)
class Text:
    """Text of more than `SHORT` bytes, of which nothing is kept but its size.

    Attributes:
        size: Bytes that it has in Latin-1, which is how protocols below 3 write bytes; -1 if it has none.
    """

    size: int


@dataclass(slots=True, eq=False)
class Global:
    """A thing that the pickle imports.

    Attributes:
        module: The module as it is imported, after the renaming of Python 2's.
        name: The attribute, possibly dotted.
        allowed: How it may be used: ``ref``, ``new``, ``call``; empty if not at all.
        path: Module and name.
    """

    module: str
    name: str
    allowed: frozenset[str]
    path: str = field(init=False)

    def __post_init__(self) -> None:
        self.path = f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Instance:
    """What a class or function of the lists returned.

    Attributes:
        of: The class or function.
        args: What it was given.
        state: What BUILD put into it last.
        size: For a type of NumPy that was used, the bytes of an item; see `arrays.itemsize`.
        nodes: Whether it is a type that was found to be that of a tree's nodes; see `states`.
    """

    of: Global
    args: Any = INERT
    state: Any = INERT
    size: Any = NEVER
    nodes: bool = False


class Memo(Protocol):
    """Who remembers."""

    def recall(self, later: Later) -> None:
        """Carry out the opcodes of an object, and remember what they make."""


class Later(Instance):
    """An object that was passed over; see `objects`.

    Attributes:
        first: Its place in the memo.
        raw: The opcodes that fill it.
        memo: Who remembers it.
    """

    __slots__ = ("_state", "first", "known", "memo", "raw")

    def __init__(self, of: Global, first: int, raw: bytes, memo: Callable[[], Memo | None]) -> None:
        self.known = True  # while it is made
        super().__init__(of, ())
        self.first = first
        self.raw = raw
        self.memo = memo
        self.known = False

    @property
    def state(self) -> Any:
        """What BUILD put into it last, for which its opcodes are carried out."""
        memory = None if self.known else self.memo()
        if memory is not None:
            memory.recall(self)
        return self._state

    @state.setter
    def state(self, value: Any) -> None:
        self._state = value


@dataclass(slots=True, eq=False)
class Unjudged:
    """The result of something that is not allowed; it is reported once, where it was made."""


@dataclass(slots=True, eq=False)
class Blob:
    """A byte string: only its size and, when short, its content are kept.

    Attributes:
        looked: Whether its content was asked for; see `objects`.
        torch: Whether it was found to be what ``torch.save`` writes, and harmless.
    """

    size: int
    kept: bytes | None = None
    torch: bool = False
    looked: bool = False

    @property
    def data(self) -> bytes | None:
        """The content, when it is short."""
        self.looked = True
        return self.kept


@dataclass(slots=True, eq=False)
class Storage:
    """A storage of torch: how many numbers it has."""

    count: int


class Items:
    """A list or set, of which nothing but the kind is kept."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


class Counted(Items):
    """A list of which it matters how many items it has: those of an array of objects."""

    def __init__(self, count: int = 0) -> None:
        super().__init__("list")
        self.count = count


LIST = Items("list")
SET = Items("set")


class Mapping(list[Any]):
    """A dict of the pickle: keys and values in turn, as they came, until there are `KEPT`.

    Attributes:
        special: A key among those not kept that looks like ``__name__``, or "?" for one that is lost.
        state: Whether it was used as the state of an object, which may go on using it.
        whole: Whether all of its items are kept.
        sealed: Whether it was read where nobody reads it again, so that nothing may be put into it.
    """

    special = ""
    state = False
    sealed = False
    whole = True

    __hash__ = object.__hash__  # type: ignore[assignment]

    def put(self, items: list[Any], *, keep: bool = True) -> None:
        """Take items, keys and values in turn."""
        if keep and len(self) < KEPT:
            self += items
        else:
            self.whole = False
            self.special = self.special or special_key(items[::2])

    def get(self, key: str) -> Any:
        """Return the value of a key, the last one that was put; INERT when it is not known."""
        for at in range(len(self) - 2, -1, -2):
            if self[at] == key:
                return self[at + 1]
        return INERT

    def values(self) -> list[Any]:
        """Return the values that are kept."""
        return self[1::2]

    def find_special(self) -> str:
        """Return a key that Python itself would look at on an object, or nothing."""
        return self.special or special_key(self[::2])


PERHAPS_NO_KEYS = frozenset([Items, Counted, Mapping, Instance, tuple])
"""Kinds of values of which `hashable` has to look at each."""


def hashable(key: Any) -> bool:
    """Whether Python takes something for a key of a dict; a set may be a frozen one."""
    if isinstance(key, tuple):
        return all(map(hashable, key))
    if isinstance(key, Instance):
        return key.of.path not in _UNHASHABLE
    return not isinstance(key, Mapping) and (not isinstance(key, Items) or key is SET)


def special_key(keys: Iterable[Any]) -> str:
    """Return a key that Python itself would look at on an object, "?" for one that is lost, or nothing."""
    keys = [*keys]
    with contextlib.suppress(TypeError, UnicodeError):
        if "__" not in "\n".join(keys):
            return ""  # all of them text, and none of that kind
    for key in keys:
        if key.__class__ is str and key[:2] == "__" and key[-2:] == "__":
            return str(key)
        # A key that is computed may be text, too: numpy.str_ is found where str is.
        if key is LOST or key is INERT or isinstance(key, (Instance, Unjudged, Text)):
            return "?"
    return ""
