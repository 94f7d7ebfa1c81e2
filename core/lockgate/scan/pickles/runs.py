"""Runs of plain values, the bulk of large plain pickles: counted at once instead of carried out one by one.

What stands in a run is a whole value each: a number, True, False, None, or a list, dict, set or tuple of such
that is memoized. Every opcode in it tells its own length by its first byte, so that a run can be cut in one
way only. It pushes one value for each piece and remembers one for each container, as the opcodes would.
"""

from __future__ import annotations

import re
from typing import Any

from lockgate.scan.pickles.values import INERT, LIST, NONE, SET, Mapping

_LONGEST = 1 << 16
_NEAR = 256  # entries of the memo that BINGET reaches
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
_MIXED_RUN = re.compile(rb"(?:h.|K.|[N\x88\x89]|G.{8}){8,}", re.DOTALL)
_MIXED = re.compile(rb"h.|K.|[N\x88\x89]|G.{8}", re.DOTALL)
MIXED = frozenset(b"hKN\x88\x89G")
"""What may follow a first BINGET in a run of attributes."""
_OF_ITSELF = {b"N": NONE, **{b"K%c" % n: n for n in range(256)}}
# What makes a small array: dtype and order from the memo, a shape of one to three small numbers.
_ARRAY = re.compile(rb"\x94h(.)(?:K(.)\x85|K(.)K(.)\x86|K(.)K(.)K(.)\x87)\x94h(.)t\x94R\x94", re.DOTALL)
_SHORT_ARRAY = 4096  # bytes
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
    """Return what is fetched from the memo in a row, among plain values as in attributes, and where it ends.

    Nothing when one asks for what was not remembered.
    """
    if found := _KNOWN_RUN.match(buf, i, stop):
        end = found.end()
        places = buf[i + 1 : end : 2]
        return ([], i) if max(places) >= len(memo) else (list(map(memo.__getitem__, places)), end)
    if found := _MIXED_RUN.match(buf, i, stop):
        of = _OF_ITSELF.get
        cut = _MIXED.findall(buf, i, found.end())
        if len(memo) < _NEAR and any(one[0] == 0x68 and one[1] >= len(memo) for one in cut):  # noqa: PLR2004
            return [], i
        return [memo[one[1]] if one[0] == 0x68 else of(one, INERT) for one in cut], found.end()  # noqa: PLR2004
    return [], i


def array_after(buf: bytes, i: int, stop: int) -> tuple[bytes, int, tuple[int, ...], int, int] | None:
    """Return the array that NumPy's ``_frombuffer`` is given behind a mark; None if it is none.

    Returns:
        Its bytes, the place of its type in the memo, its shape, the place of its order, and where it ends.
    """
    start = i + 9
    end = start + int.from_bytes(buf[i + 1 : start], "little")
    if end > stop or end - start > _SHORT_ARRAY:
        return None
    found = _ARRAY.match(buf, end, stop)
    if found is None:
        return None
    after = found.end()
    numbers = buf[end + 4 : after - 7 : 2]
    return buf[start:end], buf[end + 2], tuple(numbers), buf[after - 5], after


def _made(kind: bytes) -> Any:
    return LIST if kind == b"]" else SET if kind == b"\x8f" else Numbers()
