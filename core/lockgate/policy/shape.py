"""Kinds of values in a policy: each reads a value or says what to write there, and tells editors the same.

A kind has two methods that are kept side by side on purpose: `Kind.read` is what Lockgate accepts,
`Kind.schema` what an editor is told. What the schema refuses, the reader refuses; the reader knows
more (other parts of the file, keys, stages) and may refuse what the schema accepts.
"""

from __future__ import annotations

import abc
import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as with_default
from typing import Any, NoReturn

from lockgate.documents import Document, Key, suggest
from lockgate.errors import PolicyError
from lockgate.policy import times

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$"
"""Names are ASCII: two that look alike on a screen are then the same."""
NAME = re.compile(NAME_PATTERN.replace("$", r"\Z"))
LONGEST_LIST = 1_000


@dataclass(frozen=True)
class Place:
    """A value's place in the file, which starts every sentence about it."""

    document: Document
    key: Key = ()

    def __truediv__(self, part: str | int) -> Place:
        return Place(self.document, (*self.key, part))

    def refuse(self, what: str) -> NoReturn:
        """Raise that what stands here cannot be accepted."""
        raise PolicyError(f"{self.document.where(self.key)} {what}")


class Kind(abc.ABC):
    """A kind of value."""

    @abc.abstractmethod
    def read(self, place: Place, value: Any) -> Any:
        """Return the value as Python has it, or refuse it with `Place.refuse`."""

    @abc.abstractmethod
    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""


@dataclass(frozen=True)
class Text(Kind):
    """Text of a pattern."""

    pattern: str
    say: str  # ends "must be ..."

    def read(self, place: Place, value: Any) -> str:
        """Return the text."""
        if not isinstance(value, str):
            place.refuse(f"must be {self.say}{_quotes(value)}")
        if not re.match(self.pattern.replace("$", r"\Z"), value):
            place.refuse(f"must be {self.say}")
        return value

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {"type": "string", "pattern": self.pattern}


@dataclass(frozen=True)
class Moment(Kind):
    """A time with a zone, or with `duration` a length of time."""

    duration: bool = False

    def read(self, place: Place, value: Any) -> dt.datetime | dt.timedelta:
        """Return it in UTC, or as a timedelta."""
        try:
            return (times.read_duration if self.duration else times.read_time)(
                value if isinstance(value, str) else ""
            )
        except ValueError as error:
            place.refuse(str(error).removeprefix("it "))

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {"type": "string", "pattern": times.DURATION_PATTERN if self.duration else times.TIME_PATTERN}


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number."""

    least: int
    most: int

    def read(self, place: Place, value: Any) -> int:
        """Return the number."""
        if type(value) is not int or not self.least <= value <= self.most:
            place.refuse(f"must be a whole number from {self.least} to {self.most}")
        return value

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few words, numbers, or true and false."""

    words: tuple[str | int, ...]

    def read(self, place: Place, value: Any) -> str | int:
        """Return the word."""
        if not any(type(value) is type(word) and value == word for word in self.words):
            known = [str(word).lower() if isinstance(word, bool) else str(word) for word in self.words]
            place.refuse(f"must be {' or '.join(known)}")
        return value  # type: ignore[no-any-return]

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {"enum": list(self.words)}


@dataclass(frozen=True)
class Each(Kind):
    """A list of values of one kind; texts stand in it once."""

    kind: Kind
    least: int = 1
    most: int = LONGEST_LIST

    def read(self, place: Place, value: Any) -> tuple[Any, ...]:
        """Return the values."""
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            place.refuse(f"must be a list of {self.least} to {self.most} entries, such as [...]")
        found = []
        for i, item in enumerate(value):
            found.append(self.kind.read(place / i, item))
            if isinstance(item, str) and item in value[:i]:
                (place / i).refuse(f"is there twice ({item[:80]!r}); keep one")
        return tuple(found)

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        unique = {"uniqueItems": True} if isinstance(self.kind, Text) else {}
        return {
            "type": "array",
            "items": self.kind.schema(),
            "minItems": self.least,
            "maxItems": self.most,
        } | unique


@dataclass(frozen=True)
class Named(Kind):
    """A mapping whose keys are names that the writer chooses."""

    kind: Kind
    what: str

    def read(self, place: Place, value: Any) -> dict[str, Any]:
        """Return the values by name; two names that differ in case alone are refused."""
        seen: dict[str, str] = {}
        for name in _mapping(place, value):
            if not NAME.match(name):
                (place / name).refuse(
                    f"is no name for {self.what}; use letters of a to z, digits, and . _ @ - between them"
                )
            if (other := seen.setdefault(name.lower(), name)) != name:
                (place / name).refuse(f"differs from {other!r} in case alone; give it another name")
        return {name: self.kind.read(place / name, inner) for name, inner in value.items()}

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {
            "type": "object",
            "propertyNames": {"pattern": NAME_PATTERN},
            "additionalProperties": self.kind.schema(),
        }


@dataclass(frozen=True)
class Field:
    """A key of a mapping: its kind, and a sentence for whoever completes it in an editor."""

    kind: Kind
    about: str
    required: bool = False
    example: str = "..."


@dataclass(frozen=True)
class Keys(Kind):
    """A mapping with keys of its own.

    Attributes:
        fields: The keys that there are.
        make: What to make of the values; called with those that are there, by key.
        needs: Keys that a key makes necessary.
    """

    fields: Mapping[str, Field]
    make: Callable[..., Any] = dict
    needs: Mapping[str, tuple[str, ...]] = with_default(default_factory=dict)

    def read(self, place: Place, value: Any) -> Any:
        """Return what `make` makes of the values."""
        given = _mapping(place, value)
        for key in given:
            if key not in self.fields:
                (place / key).refuse(f"is not known{suggest(key, self.fields)}")
        for key, field in self.fields.items():
            if field.required and key not in given:
                place.refuse(f"lacks the key {key!r}; write `{key}: {field.example}`")
        for key, others in self.needs.items():
            for other in others:
                if key in given and other not in given:
                    example = self.fields[other].example
                    (place / key).refuse(f"needs the key {other!r} beside it; write `{other}: {example}`")
        return self.make(
            **{key: self.fields[key].kind.read(place / key, inner) for key, inner in given.items()}
        )

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        found: dict[str, Any] = {
            "type": "object",
            "properties": {
                key: field.kind.schema() | {"description": field.about} for key, field in self.fields.items()
            },
            "additionalProperties": False,
        }
        if required := [key for key, field in self.fields.items() if field.required]:
            found["required"] = required
        if self.needs:
            found["dependentRequired"] = {key: list(others) for key, others in self.needs.items()}
        return found


def _mapping(place: Place, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        place.refuse("must be a mapping of names to values")
    return value


def _quotes(value: Any) -> str:
    plain = isinstance(value, (bool, int, float))
    return "; put it in quotes, or it is read as a number or as true and false" if plain else ""
