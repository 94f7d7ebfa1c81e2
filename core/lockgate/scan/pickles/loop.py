"""The opcodes that pickles are mostly made of, in one loop, which is twice as fast as a call for each."""

# ruff: noqa: PLR1714, PLR2004, PLR0915 - opcodes are numbers

from __future__ import annotations

from typing import Any

from lockgate.scan.pickles import runs
from lockgate.scan.pickles.memory import MAX_MARKS, Memory
from lockgate.scan.pickles.opcodes import HANDLERS, MOST_ITEMS
from lockgate.scan.pickles.values import (
    INERT,
    KEPT,
    LIST,
    NONE,
    PERHAPS_NO_KEYS,
    SET,
    STARTS,
    Blob,
    Counted,
    Instance,
    Later,
    Mapping,
)
from lockgate.scan.record import CutShortError, DamagedError, TooMuchError

_RUN = 1 << 16  # bytes of plain values that are counted at once


def carry_out(m: Memory, i: int, stop: int, whole: int, *, few: bool, keep: bool) -> bool:
    """Carry out opcodes.

    Args:
        m: Stack and memo, which are changed.
        i: Where the first opcode is in the window.
        stop: Where to stop.
        whole: Where what is carried out at once must have ended.
        few: Whether as much may be carried out at once as can be.
        keep: Whether the items of dicts are kept.

    Returns:
        Whether it came to STOP.

    Raises:
        DamagedError: The opcodes cannot be carried out.
    """
    c, judge, handlers, memo, marks, stack = m.c, m.judge, HANDLERS, m.memo, m.marks, m.stack
    buf, base, frame_end, misses = c.buf, c.base, m.frame_end, m.misses
    remember = memo.append
    value: Any
    try:
        push = stack.append
        while i < stop:
            op = buf[i]
            i += 1
            if op == 0x68:  # BINGET
                at = buf[i]
                push(memo[at] if at < len(memo) else m.get(at, base + i))
                i += 1
            elif op == 0x8C:  # SHORT_BINUNICODE
                end = i + 1 + buf[i]
                if end > len(buf):
                    raise CutShortError("the pickle is cut short", base + i)
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
                    raise CutShortError("the pickle is cut short", base + i)
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
                    m.put(len(memo) + len(m.far), stack[-1])
            elif op == 0x4B:  # BININT1
                push(buf[i])
                i += 1
            elif op == 0x5D and len(stack) == 4 and stack[3] is INERT and stack[2].__class__ is Instance:
                push(Counted())  # the list of objects in the state of an array of NumPy
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
                    raise TooMuchError("the pickle is nested too deep", base + i)
                marks.append(stack)
                stack = []
                if few and buf[i] == 0x68 and buf[i + 2] in runs.MIXED:
                    stack, i = runs.known(buf, i, whole, memo)
                elif few and buf[i] == 0x96 and (end := _array(m, marks[-1], i, whole)):
                    stack, i = marks.pop(), end
                elif (misses < 16 or not misses & 63) and not m.plain:
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
                    raise DamagedError("the pickle misses a mark", base + i)
                items, stack = stack, marks.pop()
                push = stack.append
                target = stack[-1]
                if op == 0x65:
                    if target.__class__ is Counted:
                        target.count += len(items)
                    elif target is not LIST:
                        judge.append(target, base + i)
                elif len(items) & 1:
                    raise DamagedError("a key of the pickle has no value", base + i)
                elif (
                    target.__class__ is Mapping
                    and not target.state
                    and keep
                    and len(target) < KEPT
                    and PERHAPS_NO_KEYS.isdisjoint(map(type, items[::2]))
                ):
                    target += items
                else:
                    judge.setitems(target, items, base + i, keep=keep)
            elif op == 0x6A:  # LONG_BINGET
                at = int.from_bytes(buf[i : i + 4], "little")
                known = at < len(memo) and memo[at].__class__ is not Later
                push(memo[at] if known else m.get(at, base + i))
                i += 4
            elif op == 0x61:  # APPEND
                stack.pop()
                if stack[-1].__class__ is Counted:
                    stack[-1].count += 1
                elif stack[-1] is not LIST:
                    judge.append(stack[-1], base + i)
            elif op == 0x73:  # SETITEM
                value, second = stack.pop(), stack.pop()
                judge.setitems(stack[-1], [second, value], base + i, keep=keep)
            elif op == 0x71 and few and stack and buf[i] == len(memo):  # BINPUT in order
                remember(stack[-1])
                i += 1
            elif (
                op == 0x72 and few and stack and buf[i : i + 4] == len(memo).to_bytes(4, "little")
            ):  # LONG_BINPUT
                remember(stack[-1])
                i += 4
            elif op == 0x70 and few and stack and buf.startswith(b"%d\n" % len(memo), i):  # PUT in order
                remember(stack[-1])
                i = buf.index(b"\n", i) + 1
            elif op == 0x43:  # SHORT_BINBYTES
                end = i + 1 + buf[i]
                if end > len(buf):
                    raise CutShortError("the pickle is cut short", base + i)
                raw = buf[i + 1 : end]
                if len(raw) > 4 and raw[0] in STARTS:
                    judge.bytes_inside(raw, base + i)
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
                    raise DamagedError("the pickle misses a mark", base + i)
                stack = marks.pop()
                push = stack.append
                if stack[-1] is not SET:
                    judge.additems(stack[-1], base + i)
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
                stack[-1] = judge.call(stack[-1], value, base + i - 1)
            elif op == 0x81:  # NEWOBJ
                value = stack.pop()
                stack[-1] = judge.new(stack[-1], value, base + i - 1)
                if few:
                    i = m.made(stack, i, whole)
            elif op == 0x74:  # TUPLE
                if not marks:
                    raise DamagedError("the pickle misses a mark", base + i)
                value, stack = stack, marks.pop()
                push = stack.append
                push(tuple(value) if len(value) <= MOST_ITEMS else INERT)
            elif op == 0x2E:  # STOP
                c.i, m.stack = i, stack
                return True
            else:
                handler = handlers.get(op)
                if handler is None:
                    raise DamagedError(f"byte {op:#04x} is no opcode of a pickle", base + i - 1)
                c.i, m.stack = i, stack
                handler(m)
                if m.stack is not stack or c.buf is not buf or m.frame_end != frame_end or m.far:
                    return False
                i = c.i
        c.i, m.stack = i, stack
        if i > len(buf):
            raise CutShortError("the pickle is cut short", base + len(buf))
    except (IndexError, UnicodeDecodeError):
        # A handler may have moved the window.
        raise DamagedError("is no pickle that can be read to its end", max(base + i, c.offset)) from None
    else:
        return False
    finally:
        m.misses = misses


def _array(m: Memory, stack: list[Any], i: int, stop: int) -> int:
    """Carry out at once what makes a small array of bytes; return where it ends, 0 if it is not that.

    ``i`` is behind the mark; what is pushed, remembered and judged is what the opcodes do one by one.
    """
    c, memo = m.c, m.memo
    found = runs.array_after(c.buf, i, stop)
    if found is None or not stack:
        return 0
    raw, dtype, shape, order, end = found
    if max(dtype, order) >= len(memo):
        return 0
    data = Blob(len(raw), raw)
    if len(raw) > 4 and raw[0] in STARTS:
        m.judge.bytes_inside(raw, c.base + i + 9)
    args = (data, memo[dtype], shape, memo[order])
    made = m.judge.call(stack[-1], args, c.base + end - 2)
    stack[-1] = made
    memo += (data, shape, args, made)
    return end
