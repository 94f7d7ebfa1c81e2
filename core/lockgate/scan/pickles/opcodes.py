"""The opcodes of pickles that are too rare to be part of the machine's loop."""

# ruff: noqa: PLR2004 - opcodes are numbers

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

from lockgate.scan.pickles.memory import Memory
from lockgate.scan.pickles.values import INERT, LIST, NEVER, SET, SHORT, Counted, Instance, Mapping, Text
from lockgate.scan.record import DamagedError

_INTEGER = re.compile(rb"[+-]?[0-9]+L?\Z")
FLOAT = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*(?:e[+-]?[0-9]+)?|\.[0-9]+|inf|nan)\Z", re.IGNORECASE)

_FRAME = 1 << 16  # bytes that a frame is made of, and from which on bytes and text have none
_LONG = {b"X": 4, b"B": 4, b"\x8d": 8, b"\x8e": 8, b"\x96": 8}  # opcodes, and bytes of their lengths
# Every pickler writes a backslash as an escape itself.
_UNICODE = re.compile(rb"(?:[^\\]|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8})*", re.DOTALL)
_ESCAPE = 10  # bytes of the longest
MOST_ITEMS = 32  # of a tuple that is kept

HANDLERS: dict[int, Callable[[Memory], None]] = {}


def _opcode(*codes: str) -> Callable[[Callable[[Memory], None]], Callable[[Memory], None]]:
    def keep(handler: Callable[[Memory], None]) -> Callable[[Memory], None]:
        for code in codes:
            HANDLERS[ord(code)] = handler
        return handler

    return keep


@_opcode("\x80")
def _proto(m: Memory) -> None:
    m.proto = m.uint(1)
    if m.proto > 5:
        raise DamagedError(f"the pickle has protocol {m.proto}, which does not exist", m.c.offset)
    if m.c.offset != m.start + 2:
        m.judge.odd("the pickle changes its protocol midway", m.c.offset)


@_opcode("\x95")
def _frame(m: Memory) -> None:
    size = m.uint(8)
    if m.frame_end != NEVER:
        m.judge.odd("a frame begins before the last one ended", m.c.offset)
    m.frame_end, m.frame_size = m.c.offset + size, size


def may_be_unframed(m: Memory) -> bool:
    """Whether what comes next may stand behind the frame that ended (PEP 3154): a frame, or long bytes.

    A pickler ends a frame of less than 64 KiB only for these, or at STOP.
    """
    head = m.c.peek(9)
    width = _LONG.get(head[:1], 0)
    long = width and int.from_bytes(head[1 : 1 + width], "little") >= _FRAME
    return m.frame_size >= _FRAME or head[:1] in (b"", b"\x95") or bool(long)


@_opcode("I")
def _int(m: Memory) -> None:
    digits = m.c.line(64)
    if digits in (b"00", b"01"):
        m.stack.append(INERT)
    elif _INTEGER.match(digits) and not digits.endswith(b"L"):
        m.stack.append(int(digits))
    else:
        m.odd_number(lambda said: int(said, 0), digits)
        m.stack.append(INERT)


@_opcode("L")
def _long(m: Memory) -> None:
    digits = m.c.line(1 << 20)
    if not _INTEGER.match(digits):
        m.odd_number(lambda said: int(said.rstrip(b"L"), 0), digits)
        m.stack.append(INERT)
        return
    digits = digits.rstrip(b"L")
    m.stack.append(int(digits) if len(digits) <= 20 else INERT)


@_opcode("\x8a")
def _long1(m: Memory) -> None:
    data = m.c.take(m.uint(1))
    m.stack.append(int.from_bytes(data, "little", signed=True) if len(data) <= 16 else INERT)


@_opcode("\x8b")
def _long4(m: Memory) -> None:
    size = m.uint(4)
    if size >= 1 << 31:
        raise DamagedError("a number of the pickle has a negative length", m.c.offset)
    m.c.skip(size)
    m.stack.append(INERT)


@_opcode("F")
def _float(m: Memory) -> None:
    if not FLOAT.match(digits := m.c.line(64)):
        m.odd_number(float, digits)
    m.stack.append(INERT)


@_opcode("S")
def _string(m: Memory) -> None:
    quoted = m.c.text_line()
    if quoted is None:
        m.stack.append(INERT)
        return
    if len(quoted) < 2 or quoted[:1] not in (b"'", b'"') or quoted[-1:] != quoted[:1]:
        raise DamagedError("a text of the pickle is not quoted", m.c.offset)
    try:
        data = codecs.escape_decode(quoted[1:-1])[0]
    except ValueError:
        raise DamagedError("a text of the pickle has a broken escape", m.c.offset) from None
    m.byte_text(bytes(data))


@_opcode("V")
def _unicode(m: Memory) -> None:
    m.c.fill(1024)  # so that short text is of one part
    size, short, raw = 0, b"", b""
    for part in m.c.line_parts():
        raw += part
        # An escape may go on in the next part; what comes before it may not.
        held = raw.rfind(b"\\", max(len(raw) - _ESCAPE, 0))
        done, raw = (raw[:held], raw[held:]) if held >= 0 else (raw, b"")
        size, short = _counted(m, done, size), short or done
    size = _counted(m, raw, size)
    text = (short + raw).decode("raw-unicode-escape") if 0 <= size <= SHORT else ""
    m.stack.append(text if len(text) == size else Text(size))


def _counted(m: Memory, raw: bytes, size: int) -> int:
    """Return how many letters of Latin-1 a text has so far; -1 if it has others, too."""
    if not _UNICODE.fullmatch(raw):
        raise DamagedError("a text of the pickle has a broken escape", m.c.offset)
    text = raw.decode("raw-unicode-escape")
    return -1 if size < 0 or (b"\\" in raw and max(text) > "\xff") else size + len(text)


@_opcode("T")
def _binstring(m: Memory) -> None:
    size = m.uint(4)
    if size >= 1 << 31:
        raise DamagedError("a text of the pickle has a negative length", m.c.offset)
    if size > SHORT:
        m.blob(size)
        m.stack[-1] = INERT
    else:
        m.byte_text(m.c.take(size))


@_opcode("U")
def _short_binstring(m: Memory) -> None:
    m.byte_text(m.c.take(m.uint(1)))


@_opcode("X")
def _binunicode(m: Memory) -> None:
    m.text(m.uint(4))


@_opcode("\x8d")
def _binunicode8(m: Memory) -> None:
    m.text(m.uint(8))


@_opcode("B")
def _binbytes(m: Memory) -> None:
    m.blob(m.uint(4))


@_opcode("\x8e", "\x96")
def _binbytes8(m: Memory) -> None:
    m.blob(m.uint(8))


@_opcode("\x97", "\x98")
def _buffer(m: Memory) -> None:
    raise DamagedError("the pickle takes buffers from outside of the file", m.c.offset)


@_opcode("\x91")
def _frozenset(m: Memory) -> None:
    m.pop_mark()
    m.stack.append(SET)


@_opcode("l")
def _list(m: Memory) -> None:
    count = len(m.pop_mark())
    # Of the objects in the state of an array of NumPy.
    array = len(m.stack) == 4 and m.stack[3] is INERT and isinstance(m.stack[2], Instance)
    m.stack.append(Counted(count) if array else LIST)


@_opcode("d")
def _dict(m: Memory) -> None:
    items = m.pop_mark()
    if len(items) % 2:
        raise DamagedError("a key of the pickle has no value", m.c.offset)
    made = Mapping()
    m.judge.setitems(made, items, m.c.offset)
    m.stack.append(made)


@_opcode("0")
def _pop(m: Memory) -> None:
    if m.stack:
        m.stack.pop()
    else:
        m.pop_mark()
    _popped(m)


@_opcode("1")
def _drop_mark(m: Memory) -> None:
    m.pop_mark()
    _popped(m)


def _popped(m: Memory) -> None:
    """Note what is dropped for nothing: picklers fetch what was remembered instead, or drop a result."""
    before = m.c.buf[m.c.i - 2 : m.c.i - 1] if m.c.i > 1 else b"R"
    if m.c.peek(1) not in (b"0", b"g", b"h", b"j") and before != b"R":
        m.judge.odd("the pickle drops what no pickler drops", m.c.offset)


@_opcode("2")
def _dup(m: Memory) -> None:
    m.judge.odd("the pickle doubles what it has, which no pickler does", m.c.offset)
    m.stack.append(m.top())


@_opcode("q")
def _binput(m: Memory) -> None:
    m.put(m.uint(1), m.top())


@_opcode("r")
def _long_binput(m: Memory) -> None:
    m.put(m.uint(4), m.top())


@_opcode("p")
def _put(m: Memory) -> None:
    m.put(m.index(), m.top())


@_opcode("g")
def _get(m: Memory) -> None:
    m.stack.append(m.get(m.index()))


@_opcode("c")
def _global(m: Memory) -> None:
    offset = m.c.offset - 1
    module, name = m.c.line(1024).decode("utf-8"), m.c.line(1024).decode("utf-8")
    m.stack.append(m.judge.resolve(module, name, m.proto, offset))


@_opcode("\x93")
def _stack_global(m: Memory) -> None:
    offset = m.c.offset - 1
    name, module = m.pop(), m.pop()
    m.stack.append(m.judge.resolve(module, name, m.proto, offset))


@_opcode("\x82")
def _ext1(m: Memory) -> None:
    m.stack.append(m.judge.extension(m.uint(1), m.c.offset))


@_opcode("\x83")
def _ext2(m: Memory) -> None:
    m.stack.append(m.judge.extension(m.uint(2), m.c.offset))


@_opcode("\x84")
def _ext4(m: Memory) -> None:
    m.stack.append(m.judge.extension(m.uint(4), m.c.offset))


@_opcode("P")
def _persid(m: Memory) -> None:
    m.stack.append(m.judge.persistent(m.c.line(1024).decode("ascii"), m.c.offset))


@_opcode("Q")
def _binpersid(m: Memory) -> None:
    m.stack.append(m.judge.persistent(m.pop(), m.c.offset))


@_opcode("i")
def _inst(m: Memory) -> None:
    offset = m.c.offset - 1
    module, name = m.c.line(1024).decode("ascii"), m.c.line(1024).decode("ascii")
    func = m.judge.resolve(module, name, m.proto, offset)
    m.stack.append(m.judge.instantiate(func, tuple(m.pop_mark()), offset))


@_opcode("o")
def _obj(m: Memory) -> None:
    items = m.pop_mark()
    if not items:
        raise DamagedError("the pickle takes from an empty stack", m.c.offset)
    m.stack.append(m.judge.instantiate(items[0], tuple(items[1:]), m.c.offset - 1))


@_opcode("\x92")
def _newobj_ex(m: Memory) -> None:
    kwargs, args, cls = m.pop(), m.pop(), m.pop()
    m.stack.append(m.judge.new(cls, args, m.c.offset - 1, kwargs))


@_opcode("b")
def _build(m: Memory) -> None:
    state, made = m.pop(), m.top()
    m.judge.build(made, state, m.c.offset - 1)
    m.build_end = m.c.offset
    m.built(made)
    if m.after_build is not None and m.after_build(m, made):
        if m.frame_end not in (NEVER, m.build_end):
            raise DamagedError("raw bytes lie inside a frame of the pickle", m.build_end)
        m.frame_end = NEVER
