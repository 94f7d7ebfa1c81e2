"""Runs of plain values, the bulk of large plain pickles: counted at once instead of carried out one by one.

What stands in a run is a whole value each: a number, True, False, None, or a list, dict, set or tuple of such
that is memoized. Every opcode in it tells its own length by its first byte, so that a run can be cut in one
way only. It pushes one value for each piece and remembers one for each container, as the opcodes would.
"""

from __future__ import annotations

import re
from typing import Any

from lockgate.scan.pickles.values import INERT, LIST, SET, Mapping

_LONGEST = 1 << 16
_LEAST = 24  # bytes; shorter runs are faster one by one
_ATOM = rb"(?:G.{8}|J.{4}|K.|M..|[N\x88\x89]|\x8a(?:\x05.{5}|\x06.{6}|\x07.{7}|\x08.{8}))"
_LIST = rb"\]\x94(?:\(" + _ATOM + rb"+e|" + _ATOM + rb"a)?"
_DICT = rb"\}\x94(?:\((?:" + _ATOM + _ATOM + rb")+u|" + _ATOM + _ATOM + rb"s)?"
_SET = rb"\x8f\x94(?:\(" + _ATOM + rb"+\x90)?"
_TUPLE = rb"(?:" + _ATOM + rb"(?:\x85|" + _ATOM + rb"(?:\x86|" + _ATOM + rb"\x87))\x94)"
_PIECE = rb"(?:" + _ATOM + rb"|" + _LIST + rb"|" + _DICT + rb"|" + _SET + rb")"
_NUMBERS_RUN = re.compile(_ATOM + rb"{32,}", re.DOTALL)
# One match for each number, or for several of one byte, which it returns.
_NUMBERS = re.compile(rb"K.|M..|G.{8}|J.{4}|([N\x88\x89]+)|" + _ATOM, re.DOTALL)
_KNOWN_RUN = re.compile(rb"(?:h.){8,}", re.DOTALL)
_EMPTY_RUN = re.compile(rb"(?:\]\x94){16,}")
_PIECES_RUN = re.compile(_PIECE + rb"{8,}", re.DOTALL)
_PIECES = re.compile(rb"(?=(.))" + _PIECE, re.DOTALL)
_TUPLES_RUN = re.compile(_TUPLE + rb"{8,}", re.DOTALL)
_TUPLES = re.compile(_TUPLE, re.DOTALL)
_NOT_KEPT = frozenset([b"G", b"J", b"K", b"M", b"N", b"\x88", b"\x89", b"\x8a"])


class Numbers(Mapping):
    """A dict of a run: no key of it is text, and none of it is kept."""

    whole = False


def find(buf: bytes, i: int, stop: int, room: int) -> tuple[list[Any], list[Any], int]:
    """Return what a run at a place pushes, what it remembers, and where it ends; nothing if there is none.

    The last container of a run may be cut off from its items, which then are put into it one by one.

    Args:
        buf: The window.
        i: Where the run would begin.
        stop: Where it must have ended.
        room: How many values may be remembered; 0 if containers are not to be part of it.
    """
    stop = min(stop, i + (room or _LONGEST))
    if found := _NUMBERS_RUN.match(buf, i, stop):
        cut = _NUMBERS.findall(buf, i, found.end())
        return [INERT] * (cut.count(b"") + sum(map(len, cut))), [], found.end()
    if not room:
        return [], [], i
    if found := _EMPTY_RUN.match(buf, i, stop):
        made = [LIST] * ((found.end() - i) // 2)
        return made, made, found.end()
    if (found := _TUPLES_RUN.match(buf, i, stop)) and found.end() - i >= _LEAST:
        made = [INERT] * len(_TUPLES.findall(buf, i, found.end()))
        return made, made, found.end()
    if (found := _PIECES_RUN.match(buf, i, stop)) and found.end() - i >= _LEAST:
        kinds = _PIECES.findall(buf, i, found.end())
        if kinds.count(b"]") == len(kinds):
            made = [LIST] * len(kinds)
            return made, made, found.end()
        values = [INERT if kind in _NOT_KEPT else _made(kind) for kind in kinds]
        return values, [value for value in values if value is not INERT], found.end()
    return [], [], i


def known(buf: bytes, i: int, stop: int, memo: list[Any]) -> tuple[list[Any], int]:
    """Return what BINGET after BINGET at a place fetches from the memo, and where they end.

    Raises:
        IndexError: One asks for what was not remembered.
    """
    found = _KNOWN_RUN.match(buf, i, stop)
    if found is None:
        return [], i
    end = found.end()
    return list(map(memo.__getitem__, buf[i + 1 : end : 2])), end


def _made(kind: bytes) -> Any:
    return LIST if kind == b"]" else SET if kind == b"\x8f" else Numbers()
