"""What repeats itself in a pickle, as records and pairs do: carried out at once, not opcode by opcode.

The opcodes ahead are brought down to one letter each. If these repeat (``UUU...``), one unit is carried
out on letters: it may only push values, fill containers that it made itself, and remember. Then a pattern
of it is matched as often as it goes, which reads numbers, and text that is new or remembered, wherever the
unit has them. Every opcode tells its own length by what it begins with, so that the pattern matches what
the opcodes are and nothing else.

What is kept: text, on the stack and in the memo. What is not: the items of dicts and tuples that a unit
makes. A dict of a unit is `Swept`: no key of it looks like ``__name__``, and one that comes later is
reported at once. A tuple is `INERT`, which no call takes for its arguments.
"""

from __future__ import annotations

import functools
import re
import sys
from array import array
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any

from lockgate.scan.pickles.values import INERT, LIST, NEVER, SET, STARTS, Blob, Global, Mapping, special_key

LEAST = 12  # units in a row; fewer are faster one by one
_LEFT_OVER = 2  # units that are not carried out, so that what a call or a state is made of is kept whole
_LONGEST = 96  # opcodes of a unit
_AHEAD = 1 << 10  # bytes
_MOST = 1 << 16  # bytes at once
_TEXT = 64  # bytes of the longest text and bytes in a unit


def _lengths(least: int, most: int, after: bytes = b"", first: bytes = b"") -> bytes:
    """Return a pattern of a length in one byte and of as many bytes."""
    ways = (
        re.escape(bytes([n])) + after + (first + b".{%d}" % (n - 1) if first and n else b".{%d}" % n)
        for n in range(least, most)
    )
    return b"(?:" + b"|".join(ways) + b")"


_NO_PICKLE = b"[^" + b"".join(re.escape(bytes([n])) for n in sorted(STARTS)) + b"]"  # begins none
_FROM_MEMO = rb"(h.|j.{4})"
# What is not one opcode in one byte: number, text that is remembered or taken from the memo, in protocol 4
# and in protocol 2, bytes, LONG_BINPUT. What a pattern catches is what is kept.
_PATTERNS = {
    "n": rb"(?:K.|J.{4}|G.{8}|M..|[N\x88\x89]|\x8a(?:\x05.{5}|\x06.{6}|\x07.{7}|\x08.{8}))",
    "x": rb"(?:\x8c(" + _lengths(0, _TEXT) + rb")\x94|" + _FROM_MEMO + rb")",
    "y": rb"(?:X(" + _lengths(0, _TEXT, rb"\x00\x00\x00") + rb")r(.{4})|" + _FROM_MEMO + rb")",
    "g": rb"(h.)",
    "b": rb"C(" + _lengths(0, 5) + rb"|" + _lengths(5, _TEXT, first=_NO_PICKLE) + rb")",
    "r": rb"r(.{4})",
    # Bytes as protocol 2 writes them: _codecs.encode(text, "latin1"), all three from or for the memo.
    "C": _FROM_MEMO + rb"X(" + _lengths(0, _TEXT, rb"\x00\x00\x00") + rb")r(.{4})" + _FROM_MEMO
    + rb"\x86r(.{4})Rr(.{4})",
}  # fmt: skip
# Lists of any number of numbers, and of these and what is remembered among the first 256.
_LISTS = {
    "N": rb"\]\x94\(" + _PATTERNS["n"] + rb"+e",
    "R": rb"\]r(.{4})\(" + _PATTERNS["n"] + rb"+e",
    "M": rb"\]\x94\((?:h.|" + _PATTERNS["n"] + rb")+e",
    "Q": rb"\]r(.{4})\((?:h.|" + _PATTERNS["n"] + rb")+e",
}  # fmt: skip
_CATCHES = {"g": "h", "x": "tg", "y": "trg", "b": "b", "r": "r", "N": "", "R": "r", "M": "", "Q": "r",
    "C": "forkrr",
}  # fmt: skip
_OPCODES = {
    "l": b"]", "d": b"}", "s": b"\x8f", "p": b")", "(": b"(", "t": b"t", "m": b"\x94", "e": b"e", "a": b"a",
    "u": b"u", "i": b"s", "+": b"\x90", "1": b"\x85", "2": b"\x86", "3": b"\x87",
    "c": b"R",
}  # fmt: skip
_LETTERS = str.maketrans(
    {
        **{code.decode("latin-1"): letter for letter, code in _OPCODES.items()},
        **dict.fromkeys("KJGMN\x88\x89\x8a", "n"), **dict.fromkeys("j\x8cX", "x"), "h": "g", "C": "b",
        "r": "r",
    }
)  # fmt: skip
_ANY = re.compile(
    rb"(?=(.))(?:" + b"|".join(map(re.escape, _OPCODES.values())) + b"|"
    + b"|".join(re.sub(rb"(?<!\\)\((?!\?)", b"(?:", pattern) for pattern in _PATTERNS.values()) + b")",
    re.DOTALL,
)  # fmt: skip
_ANCHORS = (0, 4, 8, 16, 24, 40, 56, 88, 120)
_SAME = 12  # letters that must come again
_MAKES = frozenset("NRMQClds123t")  # what a unit has one of at least; plain values are faster one by one
_LIST_LETTERS = {"N": re.compile(r"lm\(nn+e"), "R": re.compile(r"lr\(nn+e")}
_MIXED_LETTERS = {"M": re.compile(r"lm\([ng]{2,}e"), "Q": re.compile(r"lr\([ng]{2,}e")}
_BYTES_LETTERS = re.compile(r"[gx]x[gx]2rcr")
_PUT_LETTERS = frozenset("ryC")
_NEAR = 256  # entries of the memo that BINGET reaches
_NOTHING = object()


class Swept(Mapping):
    """The dicts of all units of a pickle: nothing of them is kept, and every new key is looked at."""

    whole = False
    state = True

    def put(self, items: list[Any], *, keep: bool = True) -> None:  # noqa: ARG002 - nothing is
        """Look at keys; see `Mapping`."""
        self.special = special_key(items[::2])


@dataclass(slots=True)
class Unit:
    """What repeats.

    Attributes:
        pattern: Reads one unit, and catches it and what is kept of it.
        run: Reads units in a row.
        caught: What is caught: ``t`` new text, ``g`` from the memo instead, ``h`` always
            from the memo, ``r`` a number in the memo, ``b`` bytes, ``f`` a function that is given the text
            ``o`` and the codec ``k``.
        leaves: What it leaves on the stack: a letter, or the place of what is caught.
        remembers: What it remembers, likewise.
    """

    pattern: re.Pattern[bytes]
    run: re.Pattern[bytes]
    caught: str
    leaves: list[str | int] = field(default_factory=list)
    remembers: list[str | int] = field(default_factory=list)


@functools.lru_cache(512)
def unit(letters: str) -> Unit | None:
    """Return what repeats, by its letters; None if it does more than a unit may."""
    if sum(map(letters.count, "xyb")) > len(letters) // 2:
        return None  # text costs as much here as one by one
    stack: list[str | int] = []
    marks: list[list[str | int]] = []
    remembers: list[str | int] = []
    caught = ""
    for letter in letters:
        if letter in "nldsp":
            stack.append(letter)
        elif letter in "NRMQ":
            stack.append("l")
            remembers.append("l")
            caught += _CATCHES[letter]
        elif letter in "gxyb":
            stack.append(len(caught))
            if letter in "xy":
                remembers.append(len(caught))
            caught += _CATCHES[letter]
        elif letter == "C":
            stack.append(len(caught))
            remembers += [len(caught) + 1, "p", len(caught)]
            caught += _CATCHES[letter]
        elif letter == "(":
            marks.append(stack)
            stack = []
        elif letter in "teu+":
            if not marks:
                return None
            items, stack = stack, marks.pop()
            if letter == "t":
                stack.append("p")
            elif stack[-1:] != [{"e": "l", "u": "d", "+": "s"}[letter]] or (letter == "u" and len(items) % 2):
                return None
        elif letter in "mr":
            if not stack or stack[-1] == "n" or (isinstance(stack[-1], int) and caught[stack[-1]] in "th"):
                return None
            remembers.append(stack[-1])
            caught += "r" * (letter == "r")
        else:
            size = {"a": 1, "i": 2, "1": 1, "2": 2, "3": 3}.get(letter, NEVER)  # none is REDUCE
            if len(stack) < size:
                return None
            del stack[-size:]
            if letter in "123":
                stack.append("p")
            elif stack[-1:] != [{"a": "l", "i": "d"}[letter]]:
                return None
    if marks or not stack or not {*letters} & _MAKES or ("r" in caught and "m" in letters):
        return None
    body = b"".join(map(_pattern, letters))
    run = re.sub(rb"(?<!\\)\((?!\?)", b"(?:", body)
    body, run = b"(" + body + b")", b"(?:" + run + b"){%d,}" % LEAST
    return Unit(re.compile(body, re.DOTALL), re.compile(run, re.DOTALL), caught, stack, remembers)


@dataclass(slots=True)
class Repeats:
    """What repeats.

    Attributes:
        start: Where it begins in the window; what is before it is to be carried out first.
        end: Where it ends; the same place if that is not known yet.
        pushed: What it pushes.
        remembered: What it remembers.
    """

    start: int
    end: int
    pushed: list[Any] = field(default_factory=list)
    remembered: list[Any] = field(default_factory=list)


def find(buf: bytes, i: int, stop: int, memo: list[Any], swept: Swept) -> Repeats | None:
    """Return what repeats at a place or a little after it; None if nothing does.

    Args:
        buf: The window.
        i: The place; an opcode begins there.
        stop: Where the last unit must have ended.
        memo: What is remembered so far, in order.
        swept: What stands for dicts.
    """
    stop = min(stop, i + _MOST)
    codes = b"".join(_ANY.findall(buf, i, min(stop, i + _AHEAD)))
    letters = _BYTES_LETTERS.sub("C", codes.decode("latin-1").translate(_LETTERS))
    letters = letters.replace("xm", "x").replace("xr", "y")
    for letter, listed in (_LIST_LETTERS | _MIXED_LETTERS if len(memo) >= _NEAR else _LIST_LETTERS).items():
        letters = listed.sub(letter, letters)
    text = "x" if _PUT_LETTERS.isdisjoint(letters) else "y"
    letters = letters.replace("x", text)
    at, made = _repeated(letters)
    if made is None and "g" in letters:  # text that is remembered here and new there
        letters = letters.replace("g", text)
        at, made = _repeated(letters)
    if made is None:
        return None
    if at > 0:
        start = _pass(buf, i, letters[:at])
        return Repeats(start, start) if start > i else None
    run = made.run.match(buf, i, stop)
    return _carry_out(made, buf, i, run.end(), memo, swept) if run else None


def _repeated(letters: str) -> tuple[int, Unit | None]:
    """Return where letters begin that repeat, and what does."""
    first, period = _period(letters)
    for at in range(first, first + period):
        if (made := unit(letters[at : at + period])) is not None:
            return at, made
    return 0, None


def _period(letters: str) -> tuple[int, int]:
    """Return where letters begin to repeat, and after how many; 0 if they do not."""
    for at in _ANCHORS:
        period = letters.find(letters[at : at + _SAME], at + 1) - at
        if not {*letters[at : at + max(period, 1)]} & _MAKES:
            continue
        if 0 < period <= _LONGEST and letters.startswith(letters[at : at + period] * 2, at + period):
            return at, period
    return 0, 0


def _pass(buf: bytes, i: int, letters: str) -> int:
    """Return where as many letters end."""
    for letter in letters:
        single = _one(letter).match(buf, i)
        if single is None:
            return 0
        i = single.end()
    return i


@functools.cache
def _one(letter: str) -> re.Pattern[bytes]:
    return re.compile(_pattern(letter), re.DOTALL)


def _pattern(letter: str) -> bytes:
    return _PATTERNS.get(letter) or _LISTS.get(letter) or re.escape(_OPCODES[letter])


def _carry_out(made: Unit, buf: bytes, i: int, end: int, memo: list[Any], swept: Swept) -> Repeats | None:
    each = made.pattern.findall(buf, i, end)
    count = len(each) - _LEFT_OVER
    for at, kind in enumerate(made.caught):
        if (
            kind in "gfhk"
            and (codes := {row[at + 1] for row in each} - {b""})
            and max(map(_number, codes)) >= len(memo)
        ):
            late = (n for n, row in enumerate(each) if row[at + 1] and _number(row[at + 1]) >= len(memo))
            count = min(count, next(late))  # from there on, what is remembered in between is asked for
    if count < LEAST - _LEFT_OVER:
        return None
    columns = list(zip(*each[:count], strict=True)) if made.caught else [each[:count]]
    end = i + sum(map(len, columns.pop(0)))
    caught: dict[int, Any] = dict(enumerate(columns))
    values: dict[int, list[Any]] = {}
    new: dict[int, list[Any]] = {}
    for at, kind in enumerate(made.caught):
        if kind == "b":
            values[at] = new[at] = [Blob(len(data) - 1, data[1:]) for data in caught[at]]
        elif kind == "h":
            known = _known({*caught[at]}, memo)
            if known is None:
                return None
            if at in made.leaves:
                values[at] = [known[code] for code in caught[at]]
        elif kind == "f":
            encoded = _encoded(caught[at], caught[at + 1], caught[at + 3], memo)
            if encoded is None:
                return None
            values[at], values[at + 1] = new[at], new[at + 1] = encoded
        elif kind == "t":
            found = _text(caught[at], caught[at + made.caught[at:].index("g")], memo)
            if found is None:
                return None
            values[at], new[at] = found
    if "r" in made.caught and not _in_order(made, columns, len(memo)):
        return None
    pushed = _all(made.leaves, values, count, swept)
    remembered = _all(made.remembers, new, count, swept)
    if any(at in new and _NOTHING in new[at] for at in made.remembers if isinstance(at, int)):
        remembered = [value for value in remembered if value is not _NOTHING]
    return Repeats(i, end, pushed, remembered)


def _in_order(made: Unit, columns: list[Any], first: int) -> bool:
    """Whether LONG_BINPUT numbers what is remembered as MEMOIZE would."""
    puts = [column for kind, column in zip(made.caught, columns, strict=True) if kind == "r"]
    numbers = b"".join(chain.from_iterable(zip(*puts, strict=True)))
    expected = array("I", range(first, first + len(numbers) // 4))
    return sys.byteorder == "little" and numbers == expected.tobytes()


def _all(kinds: list[str | int], values: dict[int, list[Any]], count: int, swept: Swept) -> list[Any]:
    fixed = {"l": LIST, "d": swept, "s": SET, "p": INERT, "n": INERT}
    columns = [values[kind] if isinstance(kind, int) else repeat(fixed[kind], count) for kind in kinds]
    return list(chain.from_iterable(zip(*columns, strict=True)))


def _text(texts: list[bytes], gets: list[bytes], memo: list[Any]) -> tuple[list[Any], list[Any]] | None:
    """Return text, new or from the memo, and which of it is new; None if it is broken or ``__name__``."""
    known = _known({*gets}, memo)
    if known is None:
        return None
    if not known:
        decoded = _decoded(texts)
        return None if decoded is None else (decoded, decoded)
    if not any(texts):
        return [known[code] for code in gets], [_NOTHING] * len(gets)
    fresh = _decoded([text for text in texts if text])
    if fresh is None:
        return None
    one = iter(fresh)
    new = [next(one) if text else _NOTHING for text in texts]
    return [known[code] if code else text for code, text in zip(gets, new, strict=True)], new


def _encoded(
    functions: list[bytes], texts: list[bytes], codecs: list[bytes], memo: list[Any]
) -> tuple[list[Any], list[Any]] | None:
    """Return bytes and the texts that they are written as; None if they are to be judged one by one."""
    encode = [memo[_number(code)] for code in {*functions}]
    if any(one.__class__ is not Global or one.path != "_codecs.encode" or not one.allowed for one in encode):
        return None
    if not {memo[_number(code)] for code in {*codecs}} <= {"latin1", "latin-1"}:
        return None
    decoded = _decoded(texts)
    try:
        raws = [text.encode("latin-1") for text in decoded or ()]
    except UnicodeEncodeError:
        return None
    if decoded is None or any(len(raw) > 4 and raw[0] in STARTS for raw in raws):  # noqa: PLR2004
        return None
    return [Blob(len(raw), raw) for raw in raws], decoded


def _known(codes: set[bytes], memo: list[Any]) -> dict[bytes, str] | None:
    """Return text of the memo; None if it is not there, or is none, or looks like ``__name__``."""
    known = {}
    for code in codes - {b""}:
        at = _number(code)
        value = memo[at] if at < len(memo) else None
        if value.__class__ is not str or "__" in value:
            return None
        known[code] = value
    return known


def _number(code: bytes) -> int:
    return int.from_bytes(code[1:], "little")


def _decoded(texts: list[bytes]) -> list[Any] | None:
    skipped = 4 if texts[0][1:4] == b"\0\0\0" and len(texts[0]) == texts[0][0] + 4 else 1
    texts = [text[skipped:] for text in texts]
    joined = b"\n".join(texts)
    if b"__" in joined:
        return None
    try:
        decoded: list[Any] = joined.decode("utf-8", "surrogatepass").split("\n")
    except UnicodeDecodeError:
        return None
    return decoded if len(decoded) == len(texts) else [t.decode("utf-8", "surrogatepass") for t in texts]
