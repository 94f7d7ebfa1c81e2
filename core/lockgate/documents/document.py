"""What a document says, and on which line: the start of every error about it."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar, Union, get_args, get_origin

from lockgate.errors import InputError

if TYPE_CHECKING:
    import pydantic

    _Model = TypeVar("_Model", bound=pydantic.BaseModel)

Key = tuple[str | int, ...]
"""The way to a value: mapping keys and 0-based list positions, from the root."""


@dataclass(frozen=True)
class Document:
    """What a document says, and where.

    Attributes:
        data: The content: mappings, lists, text, numbers, booleans, None.
        lines: The 1-based line of every value by its way from the root; empty for JSON.
        path: The file, or None when it was read from bytes.
        name: What errors call it: the path, or the name that the caller gave.
        digest: SHA-256 of its bytes, hex.
    """

    data: Any
    lines: Mapping[Key, int] = field(default_factory=dict)
    path: Path | None = None
    name: str = "the document"
    digest: str = ""

    def line(self, key: Key) -> int | None:
        """Return the line of a value, or of the nearest value around it that has one."""
        for end in range(len(key), -1, -1):
            if key[:end] in self.lines:
                return self.lines[key[:end]]
        return None

    def where(self, key: Key = ()) -> str:
        """Return the start of an error sentence: ``lockgate.yaml, line 4, key 'stages.x'``."""
        return where(self.name, self.line(key), key)

    def as_model(self, model: type[_Model], error: type[InputError] = InputError) -> _Model:
        """Return the content as a pydantic model, checked strictly.

        Args:
            model: A pydantic model; give it ``extra="forbid"`` to have unknown keys refused.
            error: What to raise.

        Raises:
            InputError: (or `error`) Something does not fit: file, line, key, and for an unknown key
                the closest known one.
        """
        import pydantic

        try:
            return model.model_validate(self.data, strict=True)
        except pydantic.ValidationError as problem:
            first = problem.errors(include_url=False, include_input=False)[0]
            key = tuple(part for part in first["loc"] if part != "[key]")
            if first["type"] == "extra_forbidden":
                hint = suggest(str(key[-1]), _fields_at(model, key[:-1]))
                raise error(f"{self.where(key)} is not known{hint}") from None
            raise error(f"{self.where(key)} cannot be used: {first['msg']}") from None


def refuse(name: str, line: int | None, key: Key, what: str) -> NoReturn:
    """Raise that something in a document cannot be accepted: its name, line, key and what is wrong.

    Raises:
        InputError: Always.
    """
    raise InputError(f"{where(name, line, key)} {what}")


def suggest(word: str, known: Iterable[str]) -> str:
    """Return the end of an error sentence: the closest known word, or all of them when none is close."""
    known = sorted(known)
    close = difflib.get_close_matches(word[:100], known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known are {', '.join(known)}" if known else ""


def where(name: str, line: int | None, key: Key) -> str:
    """Return the start of an error sentence: name, line and key, as far as they are known."""
    parts = [name]
    if line is not None:
        parts.append(f"line {line}")
    if key:
        parts.append(f"key {'.'.join(str(k) for k in key)[:200]!r}")
    return ", ".join(parts)


def _fields_at(model: Any, key: Sequence[Any]) -> list[str]:
    """Return the field names that a model knows at a place inside it, aliases where it has them."""
    import pydantic

    here: Any = model
    for part in key:
        while get_origin(here) in (Annotated, Union, types.UnionType):
            here = next(a for a in get_args(here) if a is not type(None))
        if isinstance(here, type) and issubclass(here, pydantic.BaseModel):
            known = {(f.alias or n): f.annotation for n, f in here.model_fields.items()}
            here = known.get(part)
        else:
            here = get_args(here)[-1] if get_args(here) else None
    if not (isinstance(here, type) and issubclass(here, pydantic.BaseModel)):
        return []
    return [f.alias or n for n, f in here.model_fields.items()]
