"""Run the opcodes of one pickle on abstract values: everything happens on paper, nothing for real.

All opcodes of protocols 0 to 5 are here, as CPython's ``Lib/pickle.py`` carries them out and
``Lib/pickletools.py`` describes them. Where the two unpicklers of CPython differ, or forgive, the machine
raises `DamagedError`: a pickle that only one of them reads is not judged safe.
"""

# ruff: noqa: PLR1714, PLR2004, PLR0915 - opcodes are numbers, and one loop is twice as fast as calls

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockgate.scan.pickles import lines, repeats, runs
from lockgate.scan.pickles.cursor import MARGIN, Cursor
from lockgate.scan.pickles.judge import Judge
from lockgate.scan.pickles.memory import MAX_MEMO, MEMO_TEXT, Memory
from lockgate.scan.pickles.opcodes import HANDLERS, MOST_ITEMS
from lockgate.scan.pickles.values import INERT, KEPT, LIST, NEVER, NONE, SET, STARTS, Blob, Mapping
from lockgate.scan.record import CutShortError, DamagedError, TooMuchError

MAX_STACK = 4_000_000
MAX_MARKS = 10_000  # a pickle nested deeper cannot be read by Python either
_MEMO_DICTS = 500_000  # entries after which the items of dicts are not remembered
_WAIT, _LONGEST_WAIT = 256, 8192  # bytes from one look for what repeats to the next
_RUN = 1 << 16  # bytes of plain values that are counted at once


class Machine(Memory):
    """Runs one pickle."""

    def __init__(
        self, cursor: Cursor, judge: Judge, after_build: Callable[[Memory, Any], bool] | None = None
    ) -> None:
        super().__init__(cursor, judge, after_build)
        self.swept = repeats.Swept()

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
        c, handlers, memo, marks = self.c, HANDLERS, self.memo, self.marks
        remember = memo.append
        misses = 0
        next_try, wait = self.start + _WAIT, _WAIT  # where to look for what repeats
        value: Any
        while True:
            here = c.base + c.i
            if here >= self.frame_end:
                if here > self.frame_end:
                    self.judge.odd("an opcode of the pickle crosses the end of a frame", here)
                self.frame_end = NEVER
            c.fill(MARGIN)
            buf, i = c.buf, c.i
            stop = len(buf) if c.ended else len(buf) - MARGIN
            if i >= len(buf):
                raise CutShortError("the pickle ends before STOP", here)
            stop = min(max(stop, i + 1), self.frame_end - c.base)
            stack = self.stack
            if len(stack) > MAX_STACK or len(memo) > MAX_MEMO:
                raise TooMuchError("the pickle holds too many objects at once", here)
            whole, frame_end = stop, self.frame_end
            few = not self.far and len(memo) + len(buf) < MEMO_TEXT
            keep = len(memo) < _MEMO_DICTS
            if few and here >= next_try:
                found_ = repeats.find(buf, i, stop, memo, self.swept)
                if found_ is None:
                    next_try = here + min(wait, max(stop - i, 1))
                    wait = min(2 * wait, _LONGEST_WAIT) if stop - i > wait else wait
                else:
                    stack += found_.pushed
                    memo += found_.remembered
                    c.i, next_try = found_.end, c.base + found_.end
                    if found_.start == i:
                        wait = _WAIT
                        continue
                    c.i = i
            if few:
                stop = min(stop, max(next_try - c.base, i + 1))
            if few and not self.proto and keep:
                began, i = i, lines.carry_out(buf, i, whole, stack, memo, self.judge, c.base)
                stop = min(whole, i + (1 if i - began > lines.WORTH else lines.NOT_WORTH))
            push = stack.append
            while i < stop:
                op = buf[i]
                i += 1
                if op == 0x68:  # BINGET
                    at = buf[i]
                    push(memo[at] if at < len(memo) else self.get(at))
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
                elif op == 0x58 and buf[i + 1 : i + 4] == b"\0\0\0":  # BINUNICODE of short text
                    end = i + 4 + buf[i]
                    if end > len(buf):
                        raise CutShortError("the pickle is cut short", c.base + i)
                    text = buf[i + 4 : end]
                    value = text.decode() if text.isascii() else text.decode("utf-8", "surrogatepass")
                    push(value)
                    i = end
                    # LONG_BINPUT in order, which nearly always follows in protocol 2
                    if (
                        few
                        and i + 4 < stop
                        and buf[i] == 0x72
                        and buf[i + 1 : i + 5] == len(memo).to_bytes(4, "little")
                    ):
                        remember(value)
                        i += 5
                elif op == 0x94:  # MEMOIZE
                    if few:
                        remember(stack[-1])
                    else:
                        self.put(len(memo) + len(self.far), stack[-1])
                elif op == 0x4B:  # BININT1
                    push(buf[i])
                    i += 1
                elif op == 0x7D or op == 0x5D:  # EMPTY_DICT, EMPTY_LIST
                    if few and (misses < 16 or not misses & 63):  # if it never matches, ask now and then
                        found, made, end = runs.find(buf, i - 1, whole, _RUN)
                        if found:
                            stack += found
                            memo += made
                            i, misses = end, 0
                            continue
                    value = Mapping() if op == 0x7D else LIST
                    push(value)
                    misses += 1
                    if few and i + 1 < stop and buf[i] == 0x94:  # MEMOIZE, which nearly always follows
                        remember(value)
                        i += 1
                        if buf[i] == 0x28 and len(marks) < MAX_MARKS:  # and MARK
                            marks.append(stack)
                            stack = []
                            i += 1
                            if i + 2 < stop and buf[i] == 0x68 and buf[i + 2] in runs.MIXED:
                                stack, i = runs.known(buf, i, whole, memo)
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
                    if few and buf[i] == 0x68 and buf[i + 2] in runs.MIXED:
                        stack, i = runs.known(buf, i, whole, memo)
                    elif few and buf[i] == 0x96 and (end := self._array(marks[-1], i, whole)):
                        stack, i = marks.pop(), end
                    elif misses < 16 or not misses & 63:
                        found, made, i = runs.find(buf, i, whole, few and _RUN)
                        if found:
                            stack += found
                            memo += made
                            misses = 0
                        else:
                            misses += 1
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
                    push(memo[at] if at < len(memo) else self.get(at))
                    i += 4
                elif op == 0x61:  # APPEND
                    stack.pop()
                    if stack[-1] is not LIST:
                        self.judge.append(stack[-1], c.base + i)
                elif op == 0x73:  # SETITEM
                    value, second = stack.pop(), stack.pop()
                    self.judge.setitems(stack[-1], [second, value], c.base + i, keep=keep)
                elif op == 0x71 and few and buf[i] == len(memo):  # BINPUT in order
                    remember(stack[-1])
                    i += 1
                elif (
                    op == 0x72 and few and int.from_bytes(buf[i : i + 4], "little") == len(memo)
                ):  # LONG_BINPUT
                    remember(stack[-1])
                    i += 4
                elif op == 0x70 and few and buf.startswith(b"%d\n" % len(memo), i):  # PUT in order
                    remember(stack[-1])
                    i = buf.index(b"\n", i) + 1
                elif op == 0x43:  # SHORT_BINBYTES
                    end = i + 1 + buf[i]
                    if end > len(buf):
                        raise CutShortError("the pickle is cut short", c.base + i)
                    raw = buf[i + 1 : end]
                    if len(raw) > 4 and raw[0] in STARTS:
                        self.judge.bytes_inside(raw, c.base + i)
                    push(Blob(len(raw), raw))
                    i = end
                elif op == 0x8A and buf[i] <= 16:  # LONG1
                    end = i + 1 + buf[i]
                    push(int.from_bytes(buf[i + 1 : end], "little", signed=True))
                    i = end
                elif op == 0x8F:  # EMPTY_SET
                    misses += 1
                    if few and not misses & 63:
                        found, made, end = runs.find(buf, i - 1, whole, _RUN)
                        if found:
                            stack += found
                            memo += made
                            i, misses = end, 0
                            continue
                    push(SET)
                elif op == 0x90:  # ADDITEMS
                    if not marks:
                        raise DamagedError("the pickle misses a mark", c.base + i)
                    stack = marks.pop()
                    push = stack.append
                    if stack[-1] is not SET:
                        self.judge.additems(stack[-1], c.base + i)
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
                elif op == 0x52:  # REDUCE
                    value = stack.pop()
                    stack[-1] = self.judge.call(stack[-1], value, c.base + i - 1)
                elif op == 0x81:  # NEWOBJ
                    value = stack.pop()
                    stack[-1] = self.judge.new(stack[-1], value, c.base + i - 1)
                elif op == 0x74:  # TUPLE
                    if not marks:
                        raise DamagedError("the pickle misses a mark", c.base + i)
                    value, stack = stack, marks.pop()
                    push = stack.append
                    push(tuple(value) if len(value) <= MOST_ITEMS else INERT)
                elif op == 0x2E:  # STOP
                    c.i, self.stack = i, stack
                    return self._stop()
                else:
                    handler = handlers.get(op)
                    if handler is None:
                        raise DamagedError(f"byte {op:#04x} is no opcode of a pickle", c.base + i - 1)
                    c.i, self.stack = i, stack
                    handler(self)
                    if self.stack is not stack or c.buf is not buf or self.frame_end != frame_end or self.far:
                        break
                    i = c.i
            else:
                c.i, self.stack = i, stack
                if i > len(buf):
                    raise CutShortError("the pickle is cut short", c.base + len(buf))

    def _array(self, stack: list[Any], i: int, stop: int) -> int:
        """Carry out at once what makes a small array of bytes; return where it ends, 0 if it is not that.

        ``i`` is behind the mark; what is pushed, remembered and judged is what the opcodes do one by one.
        """
        c, memo = self.c, self.memo
        found = runs.array_after(c.buf, i, stop)
        if found is None or not stack:
            return 0
        raw, dtype, shape, order, end = found
        if max(dtype, order) >= len(memo):
            return 0
        data = Blob(len(raw), raw)
        if len(raw) > 4 and raw[0] in STARTS:
            self.judge.bytes_inside(raw, c.base + i + 9)
        args = (data, memo[dtype], shape, memo[order])
        made = self.judge.call(stack[-1], args, c.base + end - 2)
        stack[-1] = made
        memo += (data, shape, args, made)
        return end

    def _stop(self) -> Any:
        if self.frame_end not in (NEVER, self.c.offset):
            self.judge.odd("STOP comes before the end of a frame", self.c.offset)
        value = self.pop()
        if self.stack or self.marks:
            # CPython ignores what is left; no pickler leaves anything.
            self.judge.odd("objects are left over at STOP", self.c.offset)
        return value
