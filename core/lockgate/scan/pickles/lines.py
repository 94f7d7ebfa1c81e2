"""Protocol 0, a line for each value: plain values are carried out without the loop of the machine."""

# ruff: noqa: PLR2004 - opcodes are numbers

from __future__ import annotations

from typing import Any

from lockgate.scan.pickles.judge import Judge
from lockgate.scan.pickles.opcodes import FLOAT
from lockgate.scan.pickles.values import INERT, LIST, NONE, SHORT, Mapping

WORTH, NOT_WORTH = 16, 256
"""Bytes that are carried out at least where it is tried again at once, and passed before it is else."""
_DIGITS = 18  # of a number that is no longer than a machine's, whatever its digits


def carry_out(
    buf: bytes, i: int, stop: int, stack: list[Any], memo: list[Any], judge: Judge, base: int
) -> int:
    """Carry out text, numbers, lists and dicts, up to the first opcode that is something else.

    Args:
        buf: The window.
        i: Where the next opcode is.
        stop: Where the last one must have ended.
        stack: The stack down to the last mark; it is changed.
        memo: What is remembered, in order; it is added to.
        judge: What is told of dicts that take items.
        base: The offset of the window.

    Returns:
        Where the next opcode is.
    """
    find, push = buf.find, stack.append
    while i < stop:
        op = buf[i]
        if op in b"pVIF":
            end = find(b"\n", i, stop)
            line = buf[i + 1 : end]
            if end < 0:
                break
            if op == 0x70:  # PUT in order
                if line != b"%d" % len(memo) or not stack:
                    break
                memo.append(stack[-1])
            elif op == 0x56:  # UNICODE
                if len(line) > SHORT or not line.isascii() or b"\\" in line:
                    break
                push(line.decode())
            elif op == 0x46:  # FLOAT
                if len(line) > SHORT or not FLOAT.match(line):
                    break
                push(INERT)
            elif line.isdigit() and len(line) <= _DIGITS and line not in (b"00", b"01"):
                push(int(line))
            else:
                break
            i = end
        elif op == 0x61:  # APPEND
            if len(stack) < 2 or stack[-2] is not LIST:
                break
            stack.pop()
        elif op == 0x73:  # SETITEM
            if len(stack) < 3 or stack[-3].__class__ is not Mapping:
                break
            value, key = stack.pop(), stack.pop()
            judge.setitems(stack[-1], [key, value], base + i + 1)
        elif op == 0x28:  # MARK, and the list or dict that nearly always follows
            if i + 1 >= stop or buf[i + 1] not in b"ld":
                break
            i += 1
            push(LIST if buf[i] == 0x6C else Mapping())
        elif op == 0x4E:  # NONE
            push(NONE)
        else:
            break
        i += 1
    return i
