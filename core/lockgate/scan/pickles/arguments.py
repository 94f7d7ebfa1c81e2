"""What the conditions on calls and states have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from lockgate.scan.pickles.values import INERT, Blob, Global, Unjudged
from lockgate.scan.source import Stream


class JudgeBase(ABC):
    """What conditions may ask of the judge, who is told what they are in `judge` and `inside`."""

    @abstractmethod
    def resolve(self, module: Any, name: Any, proto: int, offset: int) -> Any:
        """Judge an import."""

    @abstractmethod
    def call(self, func: Any, args: Any, offset: int) -> Any:
        """Judge a call."""

    @abstractmethod
    def new(self, cls: Any, args: Any, offset: int, kwargs: Any = INERT) -> Any:
        """Judge an object that is made by ``__new__``."""

    @abstractmethod
    def attributes(self, path: str, state: Any, offset: int) -> None:
        """Judge what is going to be the attributes of an object."""

    @abstractmethod
    def bytes_inside(self, data: bytes, offset: int) -> None:
        """Look whether a byte string is itself a pickle that does something."""

    @abstractmethod
    def long_bytes_inside(self, stream: Stream, size: int, offset: int) -> Blob:
        """Pass over a long byte string, looking whether it is a pickle; nothing of it is kept."""

    @abstractmethod
    def torch_inside(self, blob: Blob, offset: int) -> bool:
        """Say whether a short byte string is a harmless file of torch; what is found is recorded."""


class RefusedError(Exception):
    """The arguments or the state are not what harmless use gives."""


def plain_args(args: Any, least: int, most: int) -> tuple[Any, ...]:
    """Return the arguments if they are a tuple of a length that harmless use has."""
    if not isinstance(args, tuple) or not least <= len(args) <= most:
        raise RefusedError("with arguments that it is not made with")
    return args


def unless_reported(*values: Any) -> bool:
    """Whether an argument is already reported as not allowed, so that nothing needs to be added."""
    return any(isinstance(v, Unjudged) or (isinstance(v, Global) and not v.allowed) for v in values)
