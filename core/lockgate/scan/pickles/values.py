"""The abstract values on the stack of the pickle machine.

Text up to 255 bytes is `str`, a whole number `int`, a tuple `tuple`; what is below stands for the
rest. A value about which nothing is kept is `INERT`: a float, True, long text, a long number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

INERT: Any = None
KEPT = 64  # items of a dict that are remembered


class Lost:
    """Text that was too much to remember; what needs it cannot be judged."""


LOST = Lost()


class NoneValue:
    """The value None, where it matters that it is this one."""


NONE = NoneValue()


@dataclass(slots=True, eq=False)
class Global:
    """A thing that the pickle imports.

    Attributes:
        module: The module as it is imported, after the renaming of Python 2's.
        name: The attribute, possibly dotted.
        allowed: How it may be used: ``ref``, ``new``, ``call``; empty if not at all.
    """

    module: str
    name: str
    allowed: frozenset[str]

    @property
    def path(self) -> str:
        """Module and name."""
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Instance:
    """What a class or function of the lists returned.

    Attributes:
        of: The class or function.
        args: What it was given.
        state: What BUILD put into it last.
    """

    of: Global
    args: Any = INERT
    state: Any = INERT


@dataclass(slots=True, eq=False)
class Unjudged:
    """The result of something that is not allowed; it is reported once, where it was made."""


@dataclass(slots=True, eq=False)
class Blob:
    """A byte string: only its size and, when short, its content are kept."""

    size: int
    data: bytes | None = None


class Items:
    """A list or set, of which nothing but the kind is kept."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


LIST = Items("list")
SET = Items("set")


class Mapping(dict[Any, Any]):
    """A dict of the pickle, of which at most `KEPT` items are kept.

    Attributes:
        special: A key that looks like ``__name__``, or "?" for text that is lost.
        state: Whether it was used as the state of an object, which may go on using it.
        whole: Whether all of its items are kept.
    """

    special = ""
    state = False
    whole = True

    __hash__ = object.__hash__  # type: ignore[assignment]

    def put(self, items: list[Any], *, keep: bool = True) -> None:
        """Take items, keys and values in turn."""
        keys = items[::2]
        if keep and len(self) + len(keys) <= KEPT:
            self.update(zip(keys, items[1::2], strict=True))
        else:
            self.whole = False
            self.special = self.special or _special(keys)

    def get(self, key: Any, default: Any = INERT) -> Any:
        """Return the value of a key, INERT when it is not known."""
        return dict.get(self, key, default)

    def find_special(self) -> str:
        """Return a key that Python itself would look at on an object, or nothing."""
        return self.special or _special(self)


def _special(keys: Iterable[Any]) -> str:
    for key in keys:
        if key.__class__ is str and key[:2] == "__" and key[-2:] == "__":
            return str(key)
        # A key that is computed may be text, too: numpy.str_ is found where str is.
        if key is LOST or key is INERT or isinstance(key, (Instance, Unjudged)):
            return "?"
    return ""
