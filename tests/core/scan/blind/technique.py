"""What one technique of the second blind list is, and the few words that its files are spelled with.

Nothing in these files is ever loaded: pickles are spelled opcode by opcode, the other formats byte by byte. Every payload
is harmless (``echo``, a file that does not exist, an address of RFC 5737).
"""

# ruff: noqa: E501 - one technique a line, however long; paths in payloads that nothing runs

import struct
from collections.abc import Callable
from dataclasses import dataclass

ECHO = "echo lockgate-blind"
NOWHERE = "192.0.2.1"


@dataclass(frozen=True)
class Technique:
    """One documented way to make a model file harmful.

    Attributes:
        name: what it does, in a few words.
        source: where it is documented; a fact, not a copy.
        rules: the rules of which one at least has to be among the findings, without ``LG-SCAN-``; with an empty name among
            them, INCONCLUSIVE with its reason is as right, and none where that is all that can be said.
        files: the files, by relative path.
    """

    name: str
    source: str
    rules: tuple[str, ...]
    files: Callable[[], dict[str, bytes]]


def one(
    title: str, source: str, rules: tuple[str, ...], make: Callable[[], bytes], path: str = "model.pkl"
) -> Technique:
    """Return the technique of one file."""
    return Technique(title, source, rules, lambda: {path: make()})


class Raw(bytes):
    """Opcodes that leave one value on the stack."""


def text(value: str) -> bytes:
    """Return the opcode that pushes a string."""
    data = value.encode()
    return (
        b"\x8c" + bytes([len(data)]) + data if len(data) < 256 else b"X" + struct.pack("<I", len(data)) + data
    )


def name(module: str, qualname: str) -> Raw:
    """Return the opcodes that import a name by STACK_GLOBAL."""
    return Raw(text(module) + text(qualname) + b"\x93")


def value(item: object) -> bytes:
    """Return the opcodes that push a plain value; Raw opcodes stay as they are."""
    match item:
        case Raw():
            return bytes(item)
        case None:
            return b"N"
        case bool():
            return b"\x88" if item else b"\x89"
        case int():
            return b"J" + struct.pack("<i", item)
        case str():
            return text(item)
        case bytes():
            return b"B" + struct.pack("<I", len(item)) + item
        case tuple():
            return b"(" + b"".join(map(value, item)) + b"t"
        case list():
            return b"](" + b"".join(map(value, item)) + b"e"
        case dict():
            return b"}(" + b"".join(value(key) + value(held) for key, held in item.items()) + b"u"
    raise TypeError(type(item).__name__)


def call(module: str, qualname: str, *arguments: object) -> Raw:
    """Return the opcodes that call an imported name."""
    return Raw(name(module, qualname) + value(arguments) + b"R")


def whole(*parts: bytes, protocol: int = 4) -> bytes:
    """Return a pickle of these opcodes; what is below the top is left on the stack."""
    return b"\x80" + bytes([protocol]) + b"".join(parts) + b"."


def harm() -> bytes:
    """Return the plainest harmful pickle."""
    return whole(call("os", "system", ECHO))


def varint(number: int) -> bytes:
    """Return a protobuf varint."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def field(number: int, held: bytes | str | int) -> bytes:
    """Return one protobuf field: a varint for numbers, else length-delimited."""
    if isinstance(held, int):
        return varint(number << 3) + varint(held)
    data = held.encode() if isinstance(held, str) else held
    return varint(number << 3 | 2) + varint(len(data)) + data
