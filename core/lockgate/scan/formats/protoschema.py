"""Messages of Protocol Buffers held against their schema: what a library would drop or refuse is damage.

A field that the schema does not have, has another kind of value, or stands twice where it may stand once
is in no file that a library wrote; a parser would take it for unknown data and lose what it was.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lockgate.scan.formats.protobuf import I32, I64, LEN, VARINT, Field, Message
from lockgate.scan.record import DamagedError

_WIRE = {
    "int": VARINT,
    "enum": VARINT,
    "bool": VARINT,
    "fixed32": I32,
    "float": I32,
    "fixed64": I64,
    "double": I64,
}
_WIDTH = {"fixed32": 4, "float": 4, "fixed64": 8, "double": 8}
_NUMBERS = re.compile(rb"(?:[\x80-\xff]{0,9}[\x00-\x7f])*")
_LAST_BYTES = bytes(range(128))  # of a number; the others say that more follow
_DEEPEST = 64
_CHUNK = 1 << 16

Schema = dict[str, dict[str, list[str]]]


@dataclass
class Held:
    """A message whose fields are known: values by name, messages and bytes as where they are.

    Attributes:
        message: The message.
        fields: Its fields by name: all of a name in their order.
        counts: How many numbers stand in a repeated field of numbers.
    """

    message: Message
    fields: dict[str, list[Field]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def number(self, name: str, default: int = 0) -> int:
        """Return a number."""
        found = self.fields.get(name)
        return found[0].value if found else default

    def text(self, name: str) -> str:
        """Return a text, empty when there is none."""
        found = self.fields.get(name)
        return self.message.text(found[0]) if found else ""

    def texts(self, name: str) -> list[str]:
        """Return the texts of a repeated field."""
        return [self.message.text(one) for one in self.fields.get(name, ())]

    def messages(self, name: str) -> list[Message]:
        """Return the messages of a field."""
        return [self.message.message(one) for one in self.fields.get(name, ())]


class Holder:
    """Holds messages against a schema, and hands each to whoever looks at messages of its kind."""

    def __init__(self, schema: Schema) -> None:
        self.kinds = {
            name: {int(n): (title, kind.rstrip("*"), kind[-1] == "*") for n, (title, kind) in fields.items()}
            for name, fields in schema.items()
        }

    def check(self, message: Message, kind: str, depth: int = 0) -> None:
        """Hold a message and all within it against the schema.

        Raises:
            DamagedError: They are not what it says.
        """
        if depth > _DEEPEST:
            raise DamagedError("is nested too deep", message.start)
        for _, each, part in self._fields(message, kind):
            if part in self.kinds:
                self.check(message.message(each), part, depth + 1)

    def hold(self, message: Message, kind: str) -> Held:
        """Return the fields of a message by name."""
        held = Held(message)
        for name, each, part in self._fields(message, kind):
            if part in _WIRE and each.wire == LEN:
                held.counts[name] = held.counts.get(name, 0) + _packed(message, each, part)
            elif part in _WIRE and len(held.fields.get(name, ())) > 1:
                held.counts[name] = held.counts.get(name, len(held.fields[name])) + 1
            else:
                held.fields.setdefault(name, []).append(each)
        for name, found in held.fields.items():
            held.counts.setdefault(name, len(found))
        return held

    def _fields(self, message: Message, kind: str) -> Iterator[tuple[str, Field, str]]:
        known, seen = self.kinds[kind], set()
        for each in message.fields():
            name, part, repeated = known.get(each.number, ("", "", False))
            if not name:
                raise DamagedError(f"has a field that no {kind.rpartition('.')[2]} has", each.start)
            if not repeated:
                if each.number in seen:
                    raise DamagedError(f"has {name} twice where there is one", each.start)
                seen.add(each.number)
            wire = _WIRE.get(part, LEN)
            if each.wire != wire and not (repeated and each.wire == LEN):
                raise DamagedError(f"has {name} written as something else", each.start)
            if part == "bool" and each.wire == VARINT and each.value > 1:
                raise DamagedError(f"has {name} that is neither true nor false", each.start)
            if part == "text":
                _utf8(message, each)
            elif each.wire == LEN and part in _WIRE:
                _packed(message, each, part)
            yield name, each, part


def _packed(message: Message, each: Field, kind: str) -> int:
    """Return how many numbers a packed field holds."""
    if kind in _WIDTH:
        if each.size % _WIDTH[kind]:
            raise DamagedError("has packed numbers that end within one", each.start)
        return each.size // _WIDTH[kind]
    count, rest = 0, b""
    for part in _chunks(message, each):
        rest += part
        whole = _NUMBERS.match(rest)
        end = whole.end() if whole else 0
        count += end - len(rest[:end].translate(None, _LAST_BYTES))
        rest = rest[end:]
        if len(rest) > 9:  # noqa: PLR2004 - the longest number has ten bytes
            break
    if rest:
        raise DamagedError("has packed numbers that end within one", each.start)
    return count


def _utf8(message: Message, each: Field) -> None:
    decode: Callable[..., Any] = codecs.getincrementaldecoder("utf-8")().decode
    try:
        for part in _chunks(message, each):
            decode(part)
        decode(b"", final=True)
    except UnicodeDecodeError:
        raise DamagedError("has a text that is no UTF-8", each.start) from None


def _chunks(message: Message, each: Field) -> Iterator[bytes]:
    for at in range(each.start, each.start + each.size, _CHUNK):
        yield message.source.exactly(at, min(_CHUNK, each.start + each.size - at))
