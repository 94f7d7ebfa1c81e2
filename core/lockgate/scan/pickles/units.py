"""What repeats itself, brought down to letters: what one unit of it does, and a pattern that reads it.

Every opcode is one letter, or with what follows it one: ``x`` is text that is remembered, ``n`` a number. A
unit is carried out on letters. Every opcode tells its own length by what it begins with, so that the pattern
matches what the opcodes are and nothing else.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field

from lockgate.scan.pickles.values import NEVER, STARTS

LEAST = 12  # units in a row; fewer are faster one by one
LEFT_OVER = 2  # units that are not carried out, so that what a call or a state is made of is kept whole
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
    "#": rb"(K.|J.{4}|G.{8}|M..|[N\x88\x89]|\x8a(?:\x05.{5}|\x06.{6}|\x07.{7}|\x08.{8}))",
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
_CATCHES = {"g": "h", "#": "#", "x": "tg", "y": "trg", "b": "b", "r": "r", "N": "", "R": "r", "M": "",
    "Q": "r", "C": "forkrr",
    "v": "vw", "~": "~", "o": "w", "D": "w", "P": "w", "G": "z",
}  # fmt: skip
# Protocol 0, where each has a line: text of ASCII, numbers, and lists and dicts that are remembered.
# One way to read each: a pattern of many that could be read in two would take for ever where it ends.
_LINE_NUMBER = (
    rb"N|I[+-]?[0-9]{1,18}\n|L[+-]?[0-9]{1,18}L?\n"
    rb"|F[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?(?:e[+-]?[0-9]{1,4})?|inf|nan)\n"
)
_LINES = {
    "v": rb"V([ -\[\]-~]{0,255})\np([0-9]{1,9})\n",
    "k": rb"(?:" + _LINE_NUMBER + rb")",
    "~": rb"(" + _LINE_NUMBER + rb")",
    "o": rb"\(lp([0-9]{1,9})\n",
    "D": rb"\(dp([0-9]{1,9})\n",
    "P": rb"p([0-9]{1,9})\n",
    "G": rb"g(0|[1-9][0-9]{0,8})\n",
}
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
_ANY_LINE = re.compile(
    b"|".join(
        b"(" + re.sub(rb"(?<!\\)\((?!\?)", b"(?:", pattern) + b")"
        for pattern in (*_LINES.values(), *(re.escape(_OPCODES[letter]) for letter in "(tai"))
    )
)
_NAMES = " " + "".join(_LINES) + "(tai"
_SIZES = {"a": 1, "i": 2, "1": 1, "2": 2, "3": 3}
_MAKES = frozenset("NRMQClds123toDvk")
_LIST_LETTERS = {"N": re.compile(r"lm\(nn+e"), "R": re.compile(r"lr\(nn+e")}
_MIXED_LETTERS = {"M": re.compile(r"lm\([ng]{2,}e"), "Q": re.compile(r"lr\([ng]{2,}e")}
_BYTES_LETTERS = re.compile(r"[gx]x[gx]2rcr")
_PUT_LETTERS = frozenset("ryC")


@dataclass(slots=True)
class Unit:
    """What repeats.

    Attributes:
        pattern: Reads one unit, and catches what is kept of it.
        run: Reads units in a row, up to those that are not carried out.
        ahead: Reads what may stand between two runs: a few units, and the end of a batch of items.
        caught: What is caught: ``t`` new text, ``g`` from the memo instead, ``h`` always from the memo, ``#``
            a number, ``r`` a number in the memo, ``b`` bytes, ``f`` a function that is given the text ``o``
            and the codec ``k``; of lines ``v`` text, ``~`` a number, ``w`` a number in the memo,
            ``z`` from the memo.
        leaves: What it leaves on the stack: a letter, or the place of what is caught.
        remembers: What it remembers, likewise.
        gives: ``a`` or ``i`` if it puts what it leaves into the list or dict that is under it.
    """

    pattern: re.Pattern[bytes]
    run: re.Pattern[bytes]
    ahead: re.Pattern[bytes]
    caught: str
    leaves: list[str | int] = field(default_factory=list)
    remembers: list[str | int] = field(default_factory=list)
    gives: str = ""


@functools.lru_cache(512)
def unit(letters: str) -> Unit | None:
    """Return what repeats, by its letters; None if it does more than a unit may."""
    if sum(map(letters.count, "xyb")) > len(letters) // 2:
        return None  # text costs as much here as one by one
    # A letter for what is known by that, else which letter of the unit makes it, and what of that it is.
    stack: list[str | tuple[int, int]] = []
    marks: list[list[str | tuple[int, int]]] = []
    remembers: list[str | tuple[int, int]] = []
    gives = ""
    for place, letter in enumerate(letters):
        if letter in "ldsp":
            stack.append(letter)
        elif letter in "NRMQoD":
            stack.append("d" if letter == "D" else "l")
            remembers.append(stack[-1])
        elif letter in "ngxybkvG":
            stack.append((place, 0))
            if letter in "xyv":
                remembers.append((place, 0))
        elif letter == "C":
            stack.append((place, 0))
            remembers += [(place, 1), "p", (place, 0)]
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
        elif letter in "mrP":
            if not stack or (isinstance(stack[-1], tuple) and letters[stack[-1][0]] in "ngxykvG"):
                return None
            remembers.append(stack[-1])
        else:
            size = _SIZES.get(letter, NEVER)  # none is REDUCE
            if letter in "ai" and len(stack) == size and not marks and place == len(letters) - 1:
                gives = letter
                break
            if len(stack) < size:
                return None
            del stack[-size:]
            if letter in "123":
                stack.append("p")
            elif stack[-1:] != [{"a": "l", "i": "d"}[letter]]:
                return None
    if marks or not stack or not worth(letters):
        return None
    return _unit(letters, stack, remembers, gives)


def _unit(
    letters: str, stack: list[str | tuple[int, int]], remembers: list[str | tuple[int, int]], gives: str
) -> Unit | None:
    left = {at[0] for at in stack if isinstance(at, tuple)}
    letters = "".join(_LEFT.get(one, one) if place in left else one for place, one in enumerate(letters))
    catches = [_CATCHES.get(letter, "") for letter in letters]
    places = [sum(map(len, catches[:place])) for place in range(len(letters))]
    caught = "".join(catches)
    if "r" in caught and "m" in letters:
        return None
    leaves, kept = (
        [at if isinstance(at, str) else places[at[0]] + at[1] for at in of] for of in (stack, remembers)
    )
    body = b"".join(map(_pattern, letters))
    one = b"(?:" + re.sub(rb"(?<!\\)\((?!\?)", b"(?:", body) + b")"
    run = one + b"{%d,}(?=%s{%d})" % (LEAST - LEFT_OVER, one, LEFT_OVER)
    ahead = one + rb"{0,%d}(?:[eu\x90]\()?(?=%s{%d})" % (LEFT_OVER, one, LEAST)
    patterns = [re.compile(pattern, re.DOTALL) for pattern in (body, run, ahead)]
    return Unit(patterns[0], patterns[1], patterns[2], caught, leaves, kept, gives)


_LEFT = {"n": "#", "k": "~"}


def worth(letters: str) -> bool:
    """Whether letters make a container, lines, or text with numbers; the rest is faster one by one."""
    found = {*letters}
    return bool(found & _MAKES) or ("n" in found and bool(found & {"x", "y"}))


def letters_of(buf: bytes, i: int, stop: int, *, near: bool) -> tuple[str, ...]:
    """Return the letters of the opcodes from a place on, in the ways that there are to read them.

    Args:
        buf: The window.
        i: Where the first opcode is.
        stop: Where the last one must have ended.
        near: Whether BINGET only gets what is remembered.
    """
    codes = b"".join(_ANY.findall(buf, i, stop))
    letters = _BYTES_LETTERS.sub("C", codes.decode("latin-1").translate(_LETTERS))
    letters = letters.replace("xm", "x").replace("xr", "y")
    for letter, listed in (_LIST_LETTERS | _MIXED_LETTERS if near else _LIST_LETTERS).items():
        letters = listed.sub(letter, letters)
    text = "x" if _PUT_LETTERS.isdisjoint(letters) else "y"
    letters = letters.replace("x", text)
    # Text may be remembered here and new there.
    return (letters, letters.replace("g", text)) if "g" in letters else (letters,)


def letters_of_lines(buf: bytes, i: int, stop: int) -> tuple[str, ...]:
    """Return the letters of opcodes of protocol 0; see `letters_of`."""
    return ("".join(_NAMES[found.lastindex or 0] for found in _ANY_LINE.finditer(buf, i, stop)),)


def passed(buf: bytes, i: int, letters: str) -> int:
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
    return _PATTERNS.get(letter) or _LINES.get(letter) or _LISTS.get(letter) or re.escape(_OPCODES[letter])
