"""Run the opcodes of one pickle on abstract values: everything happens on paper, nothing for real.

All opcodes of protocols 0 to 5 are here, as CPython's ``Lib/pickle.py`` carries them out and
``Lib/pickletools.py`` describes them. Where the two unpicklers of CPython differ, or forgive, the machine
raises `DamagedError`: a pickle that only one of them reads is not judged safe.
"""

# ruff: noqa: PLR1714, PLR2004, PLR0915, SLF001 - opcodes are numbers, one loop is twice as fast as calls, and the
# handlers below the machine are part of it

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import Any, Final

from lockgate.scan.pickles.cursor import MARGIN, Cursor
from lockgate.scan.pickles.judge import Judge
from lockgate.scan.pickles.values import INERT, KEPT, LIST, LOST, NONE, SET, Blob, Mapping
from lockgate.scan.record import CutShortError, DamagedError, TooMuchError

MAX_MEMO = 8_000_000  # entries: 64 MB
MAX_STACK = 4_000_000
MAX_MARKS = 10_000  # a pickle nested deeper cannot be read by Python either
_MEMO_DICTS = 500_000  # entries after which the items of dicts are not remembered
_MEMO_TEXT = 1_200_000  # entries after which text that is no identifier is not remembered
_MEMO_ALL_TEXT = 2_000_000  # and after which no text is
_SHORT = 255
_BLOB_KEPT = 4096
_NEVER: Final = 1 << 62
_DIGITS = re.compile(rb"(0|[1-9][0-9]{0,9})\Z")
_INTEGER = re.compile(rb"[+-]?[0-9]+L?\Z")
_FLOAT = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*(?:e[+-]?[0-9]+)?|\.[0-9]+|inf|nan)\Z", re.IGNORECASE)
# Numbers in a row after a mark, the bulk of large plain pickles: they are only counted.
_NUMBERS = re.compile(rb"(?:G.{8}|J.{4}|K.|M..|[N\x88\x89]){32,}", re.DOTALL)
_NUMBER = re.compile(rb"G.{8}|J.{4}|K.|M..|[N\x88\x89]", re.DOTALL)


class Machine:
    """Runs one pickle.

    Args:
        cursor: Where the pickle begins.
        judge: What is told about imports, calls and objects.
        after_build: Called after each BUILD with the machine and the object; joblib reads raw bytes
            there. Returns whether it moved the cursor.
    """

    def __init__(
        self, cursor: Cursor, judge: Judge, after_build: Callable[[Machine, Any], bool] | None = None
    ) -> None:
        self.c = cursor
        self.judge = judge
        self.after_build = after_build
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: list[Any] = []
        self.far: dict[int, Any] = {}  # memo entries that were not put in order
        self.proto = 0
        self.frame_end = _NEVER
        self.start = cursor.offset
        self.build_end = 0
        self.made_arrays = 0  # that joblib wrote outside of the pickle

    # --- The loop ------------------------------------------------------------------------------------

    def run(self) -> Any:
        """Run up to STOP and return the value of the pickle.

        Raises:
            DamagedError: It does not run to STOP as both of CPython's unpicklers would have it.
        """
        try:
            return self._run()
        except (IndexError, UnicodeDecodeError):
            raise DamagedError("is no pickle that can be read to its end", self.c.offset) from None

    def _run(self) -> Any:
        c, handlers, memo, marks = self.c, _HANDLERS, self.memo, self.marks
        remember = memo.append
        misses = 0
        value: Any
        while True:
            here = c.base + c.i
            if here >= self.frame_end:
                if here > self.frame_end:
                    self.judge.odd("an opcode of the pickle crosses the end of a frame", here)
                self.frame_end = _NEVER
            c.fill(MARGIN)
            buf, i = c.buf, c.i
            stop = len(buf) if c.ended else len(buf) - MARGIN
            if i >= len(buf):
                raise CutShortError("the pickle ends before STOP", here)
            stop = min(max(stop, i + 1), self.frame_end - c.base)
            stack = self.stack
            if len(stack) > MAX_STACK or len(memo) > MAX_MEMO:
                raise TooMuchError("the pickle holds too many objects at once", here)
            few = not self.far and len(memo) + len(buf) < _MEMO_TEXT
            keep = len(memo) < _MEMO_DICTS
            push = stack.append
            while i < stop:
                op = buf[i]
                i += 1
                if op == 0x94:  # MEMOIZE
                    if few:
                        remember(stack[-1])
                    else:
                        self._put(len(memo) + len(self.far), stack[-1])
                elif op == 0x68:  # BINGET
                    at = buf[i]
                    push(memo[at] if at < len(memo) else self._get(at))
                    i += 1
                elif op == 0x8C:  # SHORT_BINUNICODE
                    end = i + 1 + buf[i]
                    if end > len(buf):
                        raise CutShortError("the pickle is cut short", c.base + i)
                    text = buf[i + 1 : end]
                    value = text.decode() if text.isascii() else text.decode("utf-8", "surrogatepass")
                    push(value)
                    i = end
                    if few and i < stop and buf[i] == 0x94:  # MEMOIZE, which nearly always follows
                        remember(value)
                        i += 1
                elif op == 0x4B:  # BININT1
                    push(buf[i])
                    i += 1
                elif op == 0x7D or op == 0x5D:  # EMPTY_DICT, EMPTY_LIST
                    value = Mapping() if op == 0x7D else LIST
                    push(value)
                    if (
                        few
                        and i + 1 < stop
                        and buf[i] == 0x94
                        and buf[i + 1] == 0x28
                        and len(marks) < MAX_MARKS
                    ):
                        remember(value)  # MEMOIZE and MARK, which nearly always follow
                        marks.append(stack)
                        stack = []
                        i += 2
                        misses += 1
                        if op == 0x5D and (misses < 16 or not misses & 63):
                            stack, i, misses = _numbers(buf, i, stop, misses)
                        push = stack.append
                elif op == 0x47:  # BINFLOAT
                    push(INERT)
                    i += 8
                elif op == 0x4A:  # BININT
                    push(int.from_bytes(buf[i : i + 4], "little", signed=True))
                    i += 4
                elif op == 0x4D:  # BININT2
                    push(buf[i] | buf[i + 1] << 8)
                    i += 2
                elif op == 0x28:  # MARK
                    if len(marks) >= MAX_MARKS:
                        raise TooMuchError("the pickle is nested too deep", c.base + i)
                    marks.append(stack)
                    stack = []
                    if misses < 16 or not misses & 63:  # where it never matches, do not ask each time
                        stack, i, misses = _numbers(buf, i, stop, misses)
                    else:
                        misses += 1
                    push = stack.append
                elif op == 0x75 or op == 0x65:  # SETITEMS, APPENDS
                    if not marks:
                        raise DamagedError("the pickle misses a mark", c.base + i)
                    items, stack = stack, marks.pop()
                    push = stack.append
                    target = stack[-1]
                    if op == 0x65:
                        if target is not LIST:
                            self.judge.append(target, c.base + i)
                    elif len(items) & 1:
                        raise DamagedError("a key of the pickle has no value", c.base + i)
                    elif target.__class__ is Mapping and not target.state and keep and len(target) < KEPT:
                        target += items
                    else:
                        self.judge.setitems(target, items, c.base + i, keep=keep)
                elif op == 0x6A:  # LONG_BINGET
                    at = int.from_bytes(buf[i : i + 4], "little")
                    push(memo[at] if at < len(memo) else self._get(at))
                    i += 4
                elif op == 0x71 and few and buf[i] == len(memo):  # BINPUT in order
                    remember(stack[-1])
                    i += 1
                elif op == 0x4E:  # NONE
                    push(NONE)
                elif op == 0x88 or op == 0x89:  # NEWTRUE, NEWFALSE
                    push(INERT)
                elif op == 0x86:  # TUPLE2
                    value = stack.pop()
                    stack[-1] = (stack[-1], value)
                elif op == 0x85:  # TUPLE1
                    stack[-1] = (stack[-1],)
                elif op == 0x87:  # TUPLE3
                    value, second = stack.pop(), stack.pop()
                    stack[-1] = (stack[-1], second, value)
                elif op == 0x29:  # EMPTY_TUPLE
                    push(())
                elif op == 0x2E:  # STOP
                    c.i, self.stack = i, stack
                    return self._stop()
                else:
                    handler = handlers.get(op)
                    if handler is None:
                        raise DamagedError(f"byte {op:#04x} is no opcode of a pickle", c.base + i - 1)
                    c.i, self.stack = i, stack
                    handler(self)
                    break
            else:
                c.i, self.stack = i, stack
                if i > len(buf):
                    raise CutShortError("the pickle is cut short", c.base + len(buf))

    def _stop(self) -> Any:
        if self.frame_end not in (_NEVER, self.c.offset):
            self.judge.odd("STOP comes before the end of a frame", self.c.offset)
        value = self._pop()
        if self.stack or self.marks:
            # CPython ignores what is left; no pickler leaves anything.
            self.judge.odd("objects are left over at STOP", self.c.offset)
        return value

    def fork(self, cursor: Cursor, judge: Judge) -> Machine:
        """Return a machine in the same state that reads from elsewhere."""
        twin = Machine(cursor, judge)
        twin.stack, twin.memo, twin.far, twin.proto = [*self.stack], [*self.memo], {**self.far}, self.proto
        twin.marks = [[*part] for part in self.marks]
        return twin

    # --- Stack and memo ------------------------------------------------------------------------------

    def _pop(self) -> Any:
        if not self.stack:
            raise DamagedError("the pickle takes from an empty stack", self.c.offset)
        return self.stack.pop()

    def _pop_mark(self) -> list[Any]:
        if not self.marks:
            raise DamagedError("the pickle misses a mark", self.c.offset)
        items = self.stack
        self.stack = self.marks.pop()
        return items

    def _top(self) -> Any:
        if not self.stack:
            raise DamagedError("the pickle takes from an empty stack", self.c.offset)
        return self.stack[-1]

    def _get(self, at: int) -> Any:
        if at < len(self.memo):
            return self.memo[at]
        if at not in self.far:
            raise DamagedError(f"memo entry {at} was never put", self.c.offset)
        return self.far[at]

    def _put(self, at: int, value: Any) -> None:
        if len(self.memo) + len(self.far) > MAX_MEMO:
            raise TooMuchError("the pickle remembers too many objects", self.c.offset)
        if len(self.memo) > _MEMO_TEXT and value.__class__ is str:
            value = self._remembered(value)
        if at < len(self.memo):
            self.memo[at] = value
        elif at == len(self.memo) and at not in self.far:
            self.memo.append(value)
        else:
            self.far[at] = value

    def _remembered(self, text: str) -> Any:
        """Forget text of a large pickle, but the names of modules and attributes as long as possible."""
        if len(self.memo) > MAX_MEMO:
            raise TooMuchError("the pickle remembers too many objects", self.c.offset)
        if len(self.memo) > _MEMO_ALL_TEXT:
            return LOST
        return text if text.replace(".", "").isidentifier() else LOST

    # --- Arguments -----------------------------------------------------------------------------------

    def _uint(self, size: int) -> int:
        return int.from_bytes(self.c.take(size), "little")

    def _index(self) -> int:
        digits = self.c.line(32)
        if not _DIGITS.match(digits):
            raise DamagedError("a number of the pickle is not written plainly", self.c.offset)
        return int(digits)

    def _text(self, size: int) -> None:
        """Push UTF-8 text; of long text only that it is UTF-8 is kept."""
        if size <= _SHORT:
            self.stack.append(self.c.take(size).decode("utf-8", "surrogatepass"))
            return
        decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")
        while size:
            part = self.c.take(min(size, 1 << 16))
            size -= len(part)
            decoder.decode(part, not size)
        self.stack.append(INERT)

    def _blob(self, size: int) -> None:
        offset = self.c.offset
        if size <= _BLOB_KEPT:
            data = self.c.take(size)
            self.judge.bytes_inside(data, offset)
            self.stack.append(Blob(size, data))
            return
        self.stack.append(self.judge.long_bytes_inside(self.c, size, offset))

    def _byte_text(self, data: bytes) -> None:
        """Push a Python 2 string: ASCII text for those that ask for nothing else, else bytes."""
        try:
            self.stack.append(data.decode("ascii") if len(data) <= _SHORT else INERT)
        except UnicodeDecodeError:
            self.stack.append(INERT)
        self.judge.bytes_inside(data, self.c.offset)


def _numbers(buf: bytes, i: int, stop: int, misses: int) -> tuple[list[Any], int, int]:
    """Return the numbers after a mark if they are many, where they end, and how often they were not."""
    found = _NUMBERS.match(buf, i, min(stop, i + (1 << 16)))
    if found is None:
        return [], i, misses + 1
    return [INERT] * len(_NUMBER.findall(buf, i, found.end())), found.end(), 0


# --- The other opcodes ----------------------------------------------------------------------------------

_HANDLERS: dict[int, Callable[[Machine], None]] = {}


def _opcode(*codes: str) -> Callable[[Callable[[Machine], None]], Callable[[Machine], None]]:
    def keep(handler: Callable[[Machine], None]) -> Callable[[Machine], None]:
        for code in codes:
            _HANDLERS[ord(code)] = handler
        return handler

    return keep


@_opcode("\x80")
def _proto(m: Machine) -> None:
    m.proto = m._uint(1)
    if m.proto > 5:
        raise DamagedError(f"the pickle has protocol {m.proto}, which does not exist", m.c.offset)
    if m.c.offset != m.start + 2:
        m.judge.odd("the pickle changes its protocol midway", m.c.offset)


@_opcode("\x95")
def _frame(m: Machine) -> None:
    size = m._uint(8)
    if m.frame_end != _NEVER:
        m.judge.odd("a frame begins before the last one ended", m.c.offset)
    m.frame_end = m.c.offset + size


@_opcode("I")
def _int(m: Machine) -> None:
    digits = m.c.line(64)
    if digits in (b"00", b"01"):
        m.stack.append(INERT)
    elif _INTEGER.match(digits) and not digits.endswith(b"L"):
        m.stack.append(int(digits))
    else:
        raise DamagedError("a number of the pickle is not written plainly", m.c.offset)


@_opcode("L")
def _long(m: Machine) -> None:
    digits = m.c.line(1 << 20)
    if not _INTEGER.match(digits):
        raise DamagedError("a number of the pickle is not written plainly", m.c.offset)
    digits = digits.rstrip(b"L")
    m.stack.append(int(digits) if len(digits) <= 20 else INERT)


@_opcode("\x8a")
def _long1(m: Machine) -> None:
    data = m.c.take(m._uint(1))
    m.stack.append(int.from_bytes(data, "little", signed=True) if len(data) <= 16 else INERT)


@_opcode("\x8b")
def _long4(m: Machine) -> None:
    size = m._uint(4)
    if size >= 1 << 31:
        raise DamagedError("a number of the pickle has a negative length", m.c.offset)
    m.c.skip(size)
    m.stack.append(INERT)


@_opcode("F")
def _float(m: Machine) -> None:
    if not _FLOAT.match(m.c.line(64)):
        raise DamagedError("a number of the pickle is not written plainly", m.c.offset)
    m.stack.append(INERT)


@_opcode("S")
def _string(m: Machine) -> None:
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
    m._byte_text(bytes(data))


@_opcode("V")
def _unicode(m: Machine) -> None:
    raw = m.c.text_line()
    if raw is None:
        m.stack.append(INERT)
        return
    text = raw.decode("raw-unicode-escape")
    m.stack.append(text if len(text) <= _SHORT else INERT)


@_opcode("T")
def _binstring(m: Machine) -> None:
    size = m._uint(4)
    if size >= 1 << 31:
        raise DamagedError("a text of the pickle has a negative length", m.c.offset)
    if size > _SHORT:
        m._blob(size)
        m.stack[-1] = INERT
    else:
        m._byte_text(m.c.take(size))


@_opcode("U")
def _short_binstring(m: Machine) -> None:
    m._byte_text(m.c.take(m._uint(1)))


@_opcode("X")
def _binunicode(m: Machine) -> None:
    m._text(m._uint(4))


@_opcode("\x8d")
def _binunicode8(m: Machine) -> None:
    m._text(m._uint(8))


@_opcode("C")
def _short_binbytes(m: Machine) -> None:
    m._blob(m._uint(1))


@_opcode("B")
def _binbytes(m: Machine) -> None:
    m._blob(m._uint(4))


@_opcode("\x8e", "\x96")
def _binbytes8(m: Machine) -> None:
    m._blob(m._uint(8))


@_opcode("\x97", "\x98")
def _buffer(m: Machine) -> None:
    raise DamagedError("the pickle takes buffers from outside of the file", m.c.offset)


@_opcode("a")
def _append(m: Machine) -> None:
    m._pop()
    m.judge.append(m._top(), m.c.offset)


@_opcode("s")
def _setitem(m: Machine) -> None:
    value, key = m._pop(), m._pop()
    m.judge.setitems(m._top(), [key, value], m.c.offset)


@_opcode("\x90")
def _additems(m: Machine) -> None:
    m._pop_mark()
    m.judge.additems(m._top(), m.c.offset)


@_opcode("\x8f")
def _empty_set(m: Machine) -> None:
    m.stack.append(SET)


@_opcode("\x91")
def _frozenset(m: Machine) -> None:
    m._pop_mark()
    m.stack.append(SET)


@_opcode("l")
def _list(m: Machine) -> None:
    m._pop_mark()
    m.stack.append(LIST)


@_opcode("d")
def _dict(m: Machine) -> None:
    items = m._pop_mark()
    if len(items) % 2:
        raise DamagedError("a key of the pickle has no value", m.c.offset)
    made = Mapping()
    made.put(items)
    m.stack.append(made)


@_opcode("t")
def _tuple(m: Machine) -> None:
    items = m._pop_mark()
    m.stack.append(tuple(items) if len(items) <= 32 else INERT)


@_opcode("0")
def _pop(m: Machine) -> None:
    if m.stack:
        m.stack.pop()
    else:
        m._pop_mark()


@_opcode("1")
def _drop_mark(m: Machine) -> None:
    m._pop_mark()


@_opcode("2")
def _dup(m: Machine) -> None:
    m.stack.append(m._top())


@_opcode("q")
def _binput(m: Machine) -> None:
    m._put(m._uint(1), m._top())


@_opcode("r")
def _long_binput(m: Machine) -> None:
    m._put(m._uint(4), m._top())


@_opcode("p")
def _put(m: Machine) -> None:
    m._put(m._index(), m._top())


@_opcode("g")
def _get(m: Machine) -> None:
    m.stack.append(m._get(m._index()))


@_opcode("c")
def _global(m: Machine) -> None:
    offset = m.c.offset - 1
    module, name = m.c.line(1024).decode("utf-8"), m.c.line(1024).decode("utf-8")
    m.stack.append(m.judge.resolve(module, name, m.proto, offset))


@_opcode("\x93")
def _stack_global(m: Machine) -> None:
    offset = m.c.offset - 1
    name, module = m._pop(), m._pop()
    m.stack.append(m.judge.resolve(module, name, m.proto, offset))


@_opcode("\x82")
def _ext1(m: Machine) -> None:
    m.stack.append(m.judge.extension(m._uint(1), m.c.offset))


@_opcode("\x83")
def _ext2(m: Machine) -> None:
    m.stack.append(m.judge.extension(m._uint(2), m.c.offset))


@_opcode("\x84")
def _ext4(m: Machine) -> None:
    m.stack.append(m.judge.extension(m._uint(4), m.c.offset))


@_opcode("P")
def _persid(m: Machine) -> None:
    m.stack.append(m.judge.persistent(m.c.line(1024).decode("ascii"), m.c.offset))


@_opcode("Q")
def _binpersid(m: Machine) -> None:
    m.stack.append(m.judge.persistent(m._pop(), m.c.offset))


@_opcode("R")
def _reduce(m: Machine) -> None:
    args, func = m._pop(), m._pop()
    m.stack.append(m.judge.call(func, args, m.c.offset - 1))


@_opcode("i")
def _inst(m: Machine) -> None:
    offset = m.c.offset - 1
    module, name = m.c.line(1024).decode("ascii"), m.c.line(1024).decode("ascii")
    func = m.judge.resolve(module, name, m.proto, offset)
    m.stack.append(m.judge.instantiate(func, tuple(m._pop_mark()), offset))


@_opcode("o")
def _obj(m: Machine) -> None:
    items = m._pop_mark()
    if not items:
        raise DamagedError("the pickle takes from an empty stack", m.c.offset)
    m.stack.append(m.judge.instantiate(items[0], tuple(items[1:]), m.c.offset - 1))


@_opcode("\x81")
def _newobj(m: Machine) -> None:
    args, cls = m._pop(), m._pop()
    m.stack.append(m.judge.new(cls, args, m.c.offset - 1))


@_opcode("\x92")
def _newobj_ex(m: Machine) -> None:
    kwargs, args, cls = m._pop(), m._pop(), m._pop()
    m.stack.append(m.judge.new(cls, args, m.c.offset - 1, kwargs))


@_opcode("b")
def _build(m: Machine) -> None:
    state, made = m._pop(), m._top()
    m.judge.build(made, state, m.c.offset - 1)
    m.build_end = m.c.offset
    if m.after_build is not None and m.after_build(m, made):
        if m.frame_end not in (_NEVER, m.build_end):
            raise DamagedError("raw bytes lie inside a frame of the pickle", m.build_end)
        m.frame_end = _NEVER
