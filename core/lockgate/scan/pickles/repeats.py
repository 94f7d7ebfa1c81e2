"""What repeats itself in a pickle, as records and pairs do: carried out at once, not opcode by opcode.

The opcodes ahead are brought down to one letter each. If these repeat (``UUU...``), one unit is carried
out on letters: it may only push values, fill containers that it made itself, and remember. Then a pattern
of it is matched as often as it goes, which reads numbers, and text that is new or remembered, wherever the
unit has them. Every opcode tells its own length by what it begins with, so that the pattern matches what
the opcodes are and nothing else.

What is kept: text, on the stack and in the memo. What is not: the items of dicts and tuples that a unit
makes. A dict of a unit is `Swept`: no key of it looks like ``__name__``, and one that comes later is
reported at once. A tuple is `INERT`, which no call takes for its arguments.

In protocol 0 each item is put by itself into what is under it; that is part of the unit there.
"""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass, field
from itertools import chain, islice, repeat
from typing import Any

from lockgate.scan.pickles.memory import MEMO_DICTS
from lockgate.scan.pickles.units import (
    LEAST,
    LEFT_OVER,
    Unit,
    letters_of,
    letters_of_lines,
    passed,
    unit,
    worth,
)
from lockgate.scan.pickles.values import (
    INERT,
    KEPT,
    LIST,
    NONE,
    SET,
    STARTS,
    Blob,
    Global,
    Mapping,
    special_key,
)

_ANCHORS = (0, 4, 8, 16, 24, 40, 56, 88, 120)
_SAME = 12  # letters that must come again
_LONGEST = 96  # opcodes of a unit
_AHEAD = 1 << 10  # bytes
_MOST = 1 << 16  # bytes at once
_NEAR = 256  # entries of the memo that BINGET reaches
_NOTHING = object()
_FORMS = {b"K": (2, "xB"), b"M": (3, "xH"), b"J": (5, "xi")}  # of numbers that are all of one kind


class Swept(Mapping):
    """The dicts of all units of a pickle: nothing of them is kept, and every new key is looked at."""

    whole = False
    state = True
    last: Unit | None = None  # what was carried out last

    def put(self, items: list[Any], *, keep: bool = True) -> None:  # noqa: ARG002 - nothing is
        """Look at keys; see `Mapping`."""
        self.special = special_key(items[::2])


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


def find(
    buf: bytes,
    i: int,
    stop: int,
    stack: list[Any],
    memo: list[Any],
    swept: Swept,
    *,
    lines: bool = False,
) -> Repeats | None:
    """Return what repeats at a place or a little after it; None if nothing does.

    Args:
        buf: The window.
        i: The place; an opcode begins there.
        stop: Where the last unit must have ended.
        stack: The stack down to the last mark.
        memo: What is remembered so far, in order.
        swept: What stands for dicts.
        lines: Whether the pickle is of protocol 0.
    """
    stop = min(stop, i + _MOST)
    if (last := swept.last) is not None:
        if run := last.run.match(buf, i, stop):
            return _carry_out(last, buf, i, run.end(), stack, memo, swept)
        if (ahead := last.ahead.match(buf, i, stop)) and ahead.end() > i:
            return Repeats(ahead.end(), ahead.end())
    end = min(stop, i + _AHEAD)
    ways = letters_of_lines(buf, i, end) if lines else letters_of(buf, i, end, near=len(memo) >= _NEAR)
    for letters in ways:
        at, made = _repeated(letters)
        if made is not None:
            break
    else:
        return None
    if at > 0:
        start = passed(buf, i, letters[:at])
        return Repeats(start, start) if start > i else None
    run = made.run.match(buf, i, stop)
    swept.last = made
    return _carry_out(made, buf, i, run.end(), stack, memo, swept) if run else None


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
        if not worth(letters[at : at + max(period, 1)]):
            continue
        if 0 < period <= _LONGEST and letters.startswith(letters[at : at + period] * 2, at + period):
            return at, period
    return 0, 0


def _carry_out(
    made: Unit, buf: bytes, i: int, end: int, stack: list[Any], memo: list[Any], swept: Swept
) -> Repeats | None:
    if made.gives and (len(memo) >= MEMO_DICTS or not _takes(stack[-1:], made.gives)):
        return None
    each: list[Any] = made.pattern.findall(buf, i, end)
    columns: list[Any] = list(zip(*each, strict=True)) if len(made.caught) > 1 else [each][: len(made.caught)]
    count = len(each)
    for at, kind in enumerate(made.caught):
        if kind in "gfhkz" and (codes := {*columns[at]} - {b""}) and max(map(_number, codes)) >= len(memo):
            late = (n for n, code in enumerate(columns[at]) if code and _number(code) >= len(memo))
            count = min(count, next(late))  # from there on, what is remembered in between is asked for
    if count < LEAST - LEFT_OVER:
        return None
    if count < len(each):
        columns = [column[:count] for column in columns]
        end = next(islice(made.pattern.finditer(buf, i, end), count - 1, None)).end()
    caught: dict[int, Any] = dict(enumerate(columns))
    values: dict[int, list[Any]] = {}
    new: dict[int, list[Any]] = {}
    for at, kind in enumerate(made.caught):
        if kind == "b":
            values[at] = new[at] = [Blob(len(data) - 1, data[1:]) for data in caught[at]]
        elif kind == "#":
            values[at] = _numbers(caught[at])
        elif kind == "~":
            values[at] = _line_numbers(caught[at])
        elif kind == "v":
            joined = b"\n".join(caught[at])
            if b"__" in joined:
                return None
            values[at] = new[at] = joined.decode("ascii").split("\n")
        elif kind in "hz":
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
    if not _in_order(made, columns, len(memo)):
        return None
    pushed = _all(made.leaves, values, count, swept)
    remembered = _all(made.remembers, new, count, swept)
    if any(at in new and _NOTHING in new[at] for at in made.remembers if isinstance(at, int)):
        remembered = [value for value in remembered if value is not _NOTHING]
    if made.gives == "i":
        _put(stack[-1], pushed)
    return Repeats(i, end, [] if made.gives else pushed, remembered)


def _takes(target: list[Any], gives: str) -> bool:
    """Whether what is under the units takes items, and nobody asks what they are."""
    if gives == "a":
        return target == [LIST]
    return bool(target) and target[0].__class__ is Mapping and not (target[0].state or target[0].sealed)


def _put(target: Mapping, items: list[Any]) -> None:
    """Put items as one by one."""
    room = max(0, KEPT - len(target) + 1) // 2 * 2
    target += items[:room]
    if items[room:]:
        target.put(items[room:])


def _in_order(made: Unit, columns: list[Any], first: int) -> bool:
    """Whether LONG_BINPUT or PUT number what is remembered as MEMOIZE would."""
    puts = [column for kind, column in zip(made.caught, columns, strict=True) if kind in "rw"]
    if not puts:
        return True
    numbers = [*chain.from_iterable(zip(*puts, strict=True))]
    last = first + len(numbers)
    if "w" in made.caught:
        return b"\n".join(numbers) == "\n".join(map(str, range(first, last))).encode()
    return sys.byteorder == "little" and b"".join(numbers) == array("I", range(first, last)).tobytes()


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


def _numbers(codes: list[bytes]) -> list[Any]:
    """Return whole numbers, None, and `INERT` for all others."""
    joined = b"".join(codes)
    for first, (width, form) in _FORMS.items():
        if len(joined) == len(codes) * width and joined[::width] == first * len(codes):
            return list(struct.unpack(f"<{form * len(codes)}", joined))
    values: dict[bytes, Any] = dict.fromkeys({*codes}, INERT)
    for code in values:
        if code[0] in b"KM":
            values[code] = int.from_bytes(code[1:], "little")
        elif code[0] in b"J\x8a":
            values[code] = int.from_bytes(code[2 if code[0] == 0x8A else 1 :], "little", signed=True)  # noqa: PLR2004
        elif code == b"N":
            values[code] = NONE
    return [values[code] for code in codes]


def _line_numbers(lines: list[bytes]) -> list[Any]:
    """Return whole numbers of protocol 0, None, and `INERT` for all others."""
    return [
        NONE if line == b"N"
        else INERT if line[0] == 0x46 or line in (b"I00\n", b"I01\n")  # noqa: PLR2004
        else int(line[1:].rstrip(b"L\n"))
        for line in lines
    ]  # fmt: skip


def _number(code: bytes) -> int:
    """Return a place in the memo, of an opcode with its number or of the digits of a line."""
    return int(code) if code.isdigit() else int.from_bytes(code[1:], "little")


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
