"""Objects of one class that are alike, as trees of a forest are: judged once, then passed over.

An object that NEWOBJ made is filled by the opcodes up to its BUILD. These are carried out one by one first.
When that gave no finding, what they are is kept as a `Shape`: a pattern that has all of the opcodes, and
for each object of it that was judged a key of all bytes that the judge can have looked at. The next object
of the same pattern and key gets the same answer, for everything that the opcodes ask is in the pattern, in
the key, or remembered and not changed since. Not in the key are floats, numbers among the attributes of an
estimator, of which only the names are asked for, and the content of byte strings that nobody looked into;
these are still looked at for pickles.

An object that was passed over is `Later`: the stack and the memo hold what its opcodes are, and they are
carried out when somebody asks for it.
"""

# ruff: noqa: PLR2004 - opcodes are numbers

from __future__ import annotations

import re
import weakref
from dataclasses import dataclass, field
from typing import Any

from lockgate.scan.pickles import states
from lockgate.scan.pickles.arrays import is_dtype
from lockgate.scan.pickles.contents import WRAPPER
from lockgate.scan.pickles.memory import Memory
from lockgate.scan.pickles.values import INERT, NONE, STARTS, Blob, Global, Instance, Later

BEYOND = 256  # entries of the memo; BINGET, which is not asked whether it gets what is `Later`, reaches these
_OFTEN = 2  # objects of a class before one is looked at
_LONGEST = 1 << 14  # bytes of an object
_BLOB = 4096  # bytes of the longest byte string that is kept
_SHAPES = 8  # of a class
_PATTERN = 4096  # bytes of a shape
_DEEPEST = 4  # tuples in tuples
_KEYS = 64  # of a shape that nothing is passed over by
_WIDTHS = {0x43: 1, 0x42: 4, 0x8E: 8, 0x96: 8}  # bytes of the length of byte strings
_FIXED = {0x4B: 1, 0x4D: 2, 0x4A: 4, 0x47: 8, 0x68: 1, 0x6A: 4}  # bytes of an argument
_WHOLE = rb"K.|M..|J.{4}|\x8a(?:\x05.{5}|\x06.{6}|\x07.{7}|\x08.{8})"
_ANY_NUMBER = rb"(?:" + _WHOLE + rb"|G.{8}|[N\x88\x89])"


# A key; where each byte string begins and ends, and what is told of where it is; where the object ends.
_Match = tuple[tuple[Any, ...], list[tuple[int, int, int]], int]


@dataclass(slots=True)
class Shape:
    """What the opcodes of an object are.

    Attributes:
        parts: Patterns up to the length of each byte string, and how many bytes that has.
        tail: The pattern of what is behind the last one.
        remembered: How many entries of the memo it makes.
        uses: How often it has the judge judge a call, an object or a state.
        looked: For each byte string, whether anything was asked that its content answers.
        keys: Of the objects that were judged without a finding.
        passed: How many objects were passed over.
    """

    parts: list[tuple[re.Pattern[bytes], int]]
    tail: re.Pattern[bytes]
    remembered: int
    uses: int
    looked: list[bool]
    keys: set[tuple[Any, ...]] = field(default_factory=set)
    passed: int = 0

    def match(self, buf: bytes, i: int, stop: int) -> _Match | None:
        """Return what is at a place; None if it is of another shape."""
        key: list[Any] = []
        blobs = []
        for (pattern, width), looked in zip(self.parts, self.looked, strict=True):
            found = pattern.match(buf, i, stop)
            if found is None:
                return None
            start = found.end() + width
            i = start + int.from_bytes(buf[start - width : start], "little")
            if i - start > _BLOB or i > stop:
                return None
            key += found.groups()
            key.append(buf[start:i] if looked else i - start)
            blobs.append((start, i, start - (width == 1)))
        found = self.tail.match(buf, i, stop)
        if found is None:
            return None
        key += found.groups()
        return tuple(key), blobs, found.end()


@dataclass(slots=True)
class _Watched:
    """An object that is carried out one by one, to know the next one by it."""

    made: Instance
    start: int
    window: bytes
    shape: Shape | None
    before: tuple[Any, ...]


class Objects:
    """What is known of the objects of one pickle."""

    def __init__(self, memory: Memory) -> None:
        self._memory = weakref.ref(memory)
        self._shapes: dict[Global, list[Shape]] = {}
        self._tried: dict[Global, int] = {}
        self._watched: _Watched | None = None
        self._named_to_joblib = False

    def after_new(self, memory: Memory, stack: list[Any], i: int, stop: int) -> int:
        """Pass over the opcodes of an object that was just made.

        Args:
            memory: The machine's.
            stack: The stack down to the last mark, with the object on top.
            i: Where the first opcode of it is in the window.
            stop: Where the last one must have ended.

        Returns:
            Where the next opcode is; 0 if the object is not known.
        """
        made, buf = stack[-1], memory.c.buf
        if made.__class__ is not Instance or made.args != () or made.of.path == WRAPPER:
            return 0  # behind the last are bytes that are no opcodes
        if len(memory.memo) < BEYOND or memory.rewritten:
            return 0
        if self._watched and self._watched.window is buf and i - self._watched.start < _LONGEST:
            return 0  # in an object that may be known as a whole
        self._watched = None
        if self._named_to_joblib is not memory.judge.named_to_joblib:
            self._shapes.clear()
            self._named_to_joblib = memory.judge.named_to_joblib
        shapes = self._shapes.setdefault(made.of, [])
        alike = None
        for shape in shapes:
            if found := shape.match(buf, i, stop):
                key, blobs, end = found
                if key in shape.keys:
                    _pass(memory, shape, blobs)
                    later = Later(made.of, len(memory.memo), buf[i:end], self._memory)
                    stack[-1] = later
                    memory.memo += [later] * shape.remembered
                    return end
                alike = shape
                break
        tried = self._tried[made.of] = self._tried.get(made.of, 0) + 1
        if tried > _OFTEN and (alike is not None or tried < _OFTEN + _SHAPES):
            if alike is not None and len(alike.keys) > max(_KEYS, alike.passed):
                shapes.remove(alike)  # each is another
            self._watched = _Watched(made, i, buf, alike, _state(memory, stack))
        return 0

    def after_build(self, memory: Memory, made: Any) -> None:
        """Learn from an object that was carried out one by one."""
        watched = self._watched
        if watched is None or watched.made is not made:
            return
        self._watched = None
        c = memory.c
        state = _state(memory, memory.stack)
        if c.buf is not watched.window or c.i - watched.start > _LONGEST or state[1:] != watched.before[1:]:
            return
        raw = c.buf[watched.start : c.i]
        shape = watched.shape or _shape(made, raw, memory.memo, watched.before[0])
        if shape is None:
            return
        blobs = [value for value in memory.memo[watched.before[0] :] if isinstance(value, Blob)]
        known = len(blobs) == len(shape.looked)
        looked = [old or not known or blobs[n].looked for n, old in enumerate(shape.looked)]
        if looked != shape.looked:
            shape.looked = looked
            shape.keys.clear()
        found = shape.match(raw, 0, len(raw))
        if found and found[2] == len(raw):
            shape.keys.add(found[0])
            if watched.shape is None:
                self._shapes[made.of].append(shape)


def _state(memory: Memory, stack: list[Any]) -> tuple[int, ...]:
    """Return what must be as it was after an object that gave no finding, behind how much is remembered."""
    record = memory.judge.record
    found = (len(record.hits), record.more, len(record.problems))
    return len(memory.memo), len(stack), len(memory.marks), len(memory.far), memory.made_arrays, *found


def _pass(memory: Memory, shape: Shape, blobs: list[tuple[int, int, int]]) -> None:
    """Look for pickles in the byte strings of an object, as its opcodes would have it."""
    buf, judge = memory.c.buf, memory.judge
    shape.passed += 1
    judge.uses += shape.uses
    for start, end, told in blobs:
        if end - start > 4 and buf[start] in STARTS:
            judge.bytes_inside(buf[start:end], memory.c.base + told)


def _stays(value: Any, depth: int = 0) -> bool:
    """Whether a value is not changed any more."""
    if isinstance(value, tuple):
        return depth < _DEEPEST and all(_stays(one, depth + 1) for one in value)
    if isinstance(value, (str, int, Blob, Global)) or value is NONE:
        return True
    return is_dtype(value) and value.state is not INERT


class _UnfitError(Exception):
    """The opcodes do more than fill an object with what is theirs."""


class _Number:
    """A number on the stack; whether the judge may look at it."""

    def __init__(self) -> None:
        self.judged = True


class _Other:
    """What was remembered before and may change; only an attribute that nobody looks at may be that."""

    def __init__(self) -> None:
        self.judged = True


class _Own:
    """An object that the opcodes made themselves, or what was made to be filled."""

    def __init__(self, of: Any = None) -> None:
        self.of = of


def _shape(made: Instance, raw: bytes, memo: list[Any], first: int) -> Shape | None:
    """Return the shape of an object that was carried out; None if it does more than fill an object."""
    try:
        return _Shaper(made, raw, memo, first).shape()
    except (_UnfitError, IndexError):
        return None


class _Shaper:
    """Carries out the opcodes of an object once more, to know what of it was judged."""

    def __init__(self, made: Instance, raw: bytes, memo: list[Any], first: int) -> None:
        self.raw, self.memo, self.first = raw, memo, first
        self.made = _Own(made.of)
        self.stack: list[Any] = [self.made]
        self.marks: list[list[Any]] = []
        self.pieces: list[bytes | _Number | int] = []  # opcodes, numbers, widths of lengths of byte strings
        self.others: list[_Other] = []
        self.remembered = self.uses = 0

    def shape(self) -> Shape:
        i = 0
        while i < len(self.raw):
            i = self._next(i)
        if self.marks or self.stack != [self.made] or any(other.judged for other in self.others):
            raise _UnfitError
        if sum(len(piece) for piece in self.pieces if isinstance(piece, bytes)) > _PATTERN:
            raise _UnfitError
        parts: list[tuple[re.Pattern[bytes], int]] = []
        pattern = b""
        for piece in self.pieces:
            if isinstance(piece, int):
                parts.append((re.compile(pattern, re.DOTALL), piece))
                pattern = b""
            elif isinstance(piece, bytes):
                pattern += piece
            else:
                pattern += b"(" + _WHOLE + b")" if piece.judged else _ANY_NUMBER
        tail = re.compile(pattern, re.DOTALL)
        return Shape(parts, tail, self.remembered, self.uses, [False] * len(parts))

    def _next(self, i: int) -> int:
        raw, op = self.raw, self.raw[i]
        end = i + 1
        if op in b"KMJ\x8a":
            end += raw[end] + 1 if op == 0x8A else _FIXED[op]
            number = _Number()
            if not re.fullmatch(_WHOLE, raw[i:end], re.DOTALL):
                raise _UnfitError
            self.stack.append(number)
            self.pieces.append(number)
            return end
        if op == 0x47:
            self.stack.append(INERT)
            self.pieces.append(b"G.{8}")
            return end + 8
        if op in b"\x88\x89":
            self.stack.append(INERT)
            self.pieces.append(b"[\x88\x89]")
            return end
        if op in _WIDTHS:
            start = end + _WIDTHS[op]
            self.stack.append(INERT)
            self.pieces += (re.escape(raw[i:end]), _WIDTHS[op])
            return start + int.from_bytes(raw[end:start], "little")
        if op in b"hj":
            end += _FIXED[op]
            self.stack.append(self._remembered(int.from_bytes(raw[i + 1 : end], "little")))
        elif op == 0x8C:
            end += 1 + raw[end]
            self.stack.append(INERT)
        else:
            self._plain(op, i)
        self.pieces.append(re.escape(raw[i:end]))
        return end

    def _remembered(self, at: int) -> Any:
        if at >= self.first:
            raise _UnfitError
        value = self.memo[at]
        if isinstance(value, Global):
            return value
        if _stays(value):
            return INERT
        other = _Other()
        self.others.append(other)
        return other

    def _plain(self, op: int, i: int) -> None:
        """Carry out an opcode of one byte."""
        stack = self.stack
        if op == 0x94:  # MEMOIZE
            if (stack[-1] is self.made) is not (i == 0):
                raise _UnfitError
            self.remembered += 1
        elif op in b"}])\x8fN":
            stack.append({0x4E: INERT, 0x29: INERT}.get(op) if op in b"N)" else _Own([]))
        elif op == 0x28:  # MARK
            self.marks.append(stack)
            self.stack = []
        elif op in b"ue\x90t":
            items, self.stack = stack, self.marks.pop()
            self._fill(items) if op != 0x74 else self.stack.append(tuple(items))
        elif op in b"sa":
            count = 2 if op == 0x73 else 1
            items = stack[-count:]
            del stack[-count:]
            self._fill(items)
        elif op in b"\x85\x86\x87":
            count = op - 0x84
            made = tuple(stack[-count:])
            del stack[-count:]
            stack.append(made)
        elif op in b"R\x81":
            stack.pop()
            of = stack.pop()
            if not isinstance(of, Global):
                raise _UnfitError
            self.uses += 1
            stack.append(_Own(of))
        elif op == 0x62:
            self._build()
        else:
            raise _UnfitError

    def _fill(self, items: list[Any]) -> None:
        own = self.stack[-1]
        if not (isinstance(own, _Own) and isinstance(own.of, list)):
            raise _UnfitError
        own.of += items

    def _build(self) -> None:
        self.uses += 1
        state, made = self.stack.pop(), self.stack[-1]
        if not (isinstance(made, _Own) and isinstance(made.of, Global)):
            raise _UnfitError
        if states.ESTIMATOR in made.of.allowed and isinstance(state, _Own) and isinstance(state.of, list):
            for value in state.of[1::2]:
                if isinstance(value, (_Number, _Other)):
                    value.judged = False
