"""What a pickle has on its stack and in its memo while it runs, and how its opcodes read their arguments."""

from __future__ import annotations

import codecs
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from lockgate.scan.pickles.cursor import Cursor
from lockgate.scan.pickles.judge import Judge
from lockgate.scan.pickles.values import INERT, LOST, NEVER, SHORT, Blob, Later, Text
from lockgate.scan.record import DamagedError, TooMuchError

MAX_MEMO = 8_000_000  # entries: 64 MB
MEMO_DICTS = 500_000  # entries after which the items of dicts are not remembered
MEMO_TEXT = 1_200_000  # entries after which text that is no identifier is not remembered
_MEMO_ALL_TEXT = 2_000_000  # and after which no text is
MAX_MARKS = 10_000  # a pickle nested deeper cannot be read by Python either
_BLOB_KEPT = 4096
_OTHER_LETTERS = re.compile("[^\0-\xff]")
_DIGITS = re.compile(rb"(0|[1-9][0-9]{0,9})\Z")


class Memory(ABC):
    """The state of a machine, as its opcodes change it.

    Args:
        cursor: Where the pickle begins.
        judge: What is told about imports, calls and objects.
        after_build: Called after each BUILD with the state and the object; joblib reads raw bytes there.
            Returns whether it moved the cursor.

    Attributes:
        stack: What is on the stack since the last mark.
        marks: What was on it before each mark.
        memo: What was put in order.
        far: Entries of the memo that were not.
    """

    def __init__(
        self, cursor: Cursor, judge: Judge, after_build: Callable[[Memory, Any], bool] | None = None
    ) -> None:
        self.c = cursor
        self.judge = judge
        self.after_build = after_build
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: list[Any] = []
        self.far: dict[int, Any] = {}
        self.proto = 0
        self.plain = False  # whether every opcode is carried out by itself
        self.misses = 0  # looks for a run that found none, since the last one
        self.frame_end = NEVER
        self.frame_size = 0
        self.start = cursor.offset
        self.build_end = 0
        self.rewritten = False  # whether an entry of the memo was put twice
        self.made_arrays = 0  # that joblib wrote outside of the pickle

    def resume(self, other: Memory) -> None:
        """Begin in the state that another is in."""
        self.stack, self.memo, self.far, self.proto = (
            [*other.stack],
            [*other.memo],
            {**other.far},
            other.proto,
        )
        self.marks = [[*part] for part in other.marks]

    def pop(self) -> Any:
        """Take from the stack."""
        if not self.stack:
            raise DamagedError("the pickle takes from an empty stack", self.c.offset)
        return self.stack.pop()

    def pop_mark(self) -> list[Any]:
        """Take all that is above the last mark."""
        if not self.marks:
            raise DamagedError("the pickle misses a mark", self.c.offset)
        items = self.stack
        self.stack = self.marks.pop()
        return items

    def top(self) -> Any:
        """Return what is on top of the stack."""
        if not self.stack:
            raise DamagedError("the pickle takes from an empty stack", self.c.offset)
        return self.stack[-1]

    def get(self, at: int, offset: int | None = None) -> Any:
        """Return an entry of the memo; the offset is what is said of one that was never put."""
        if at < len(self.memo):
            value = self.memo[at]
            if value.__class__ is Later and value.first != at:
                self.recall(value)
                value = self.memo[at]
            return value
        if at not in self.far:
            raise DamagedError(f"memo entry {at} was never put", self.c.offset if offset is None else offset)
        return self.far[at]

    def put(self, at: int, value: Any) -> None:
        """Remember a value."""
        if len(self.memo) + len(self.far) > MAX_MEMO:
            raise TooMuchError("the pickle remembers too many objects", self.c.offset)
        if len(self.memo) > MEMO_TEXT and value.__class__ is str:
            value = self._remembered(value)
        # Every pickler counts on from 0, or from 1 (cPickle of Python 2). Others make the reader's memo jump,
        # by gigabytes.
        if at != len(self.memo) + len(self.far) + (0 if self.memo else 1) and (at or self.memo or self.far):
            self.judge.odd("the pickle remembers something where no pickler does", self.c.offset)
        if at < len(self.memo):
            self.rewritten = True
            for one in [*self.memo]:
                if one.__class__ is Later and not one.known:
                    self.recall(one)
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

    @abstractmethod
    def recall(self, later: Later) -> None:
        """Remember what the opcodes of an object make that was passed over."""

    @abstractmethod
    def made(self, stack: list[Any], i: int, stop: int) -> int:
        """Pass over what fills the object on top of the stack; return where it ends, else the same place."""

    @abstractmethod
    def built(self, made: Any) -> None:
        """Take note that an object has its state."""

    # --- Arguments -----------------------------------------------------------------------------------

    def uint(self, size: int) -> int:
        """Read a number of so many bytes."""
        return int.from_bytes(self.c.take(size), "little")

    def index(self) -> int:
        """Read a place in the memo that is written as a line."""
        digits = self.c.line(32)
        if not _DIGITS.match(digits):
            self.odd_number(int, digits)
        at = int(digits)
        if at < 0:
            raise DamagedError("the pickle remembers something before the first", self.c.offset)
        return at

    def odd_number(self, read: Callable[[bytes], object], digits: bytes) -> None:
        """Note a number that no pickler writes so; CPython reads what Python reads, and goes on."""
        try:
            read(digits)
        except ValueError:
            raise DamagedError("a number of the pickle is none", self.c.offset) from None
        self.judge.odd("a number of the pickle is not written plainly", self.c.offset)

    def text(self, size: int) -> None:
        """Push UTF-8 text; of long text only that it is UTF-8 is kept."""
        if size <= SHORT:
            self.stack.append(self.c.take(size).decode("utf-8", "surrogatepass"))
            return
        decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")
        counted = 0
        while size:
            part = self.c.take(min(size, 1 << 16))
            size -= len(part)
            text = decoder.decode(part, not size)
            counted = -1 if counted < 0 or _OTHER_LETTERS.search(text) else counted + len(text)
        self.stack.append(Text(counted))

    def blob(self, size: int) -> None:
        """Push a byte string, which may hold a pickle."""
        offset = self.c.offset
        if size <= _BLOB_KEPT:
            data = self.c.take(size)
            self.judge.bytes_inside(data, offset)
            self.stack.append(Blob(size, data))
            return
        self.stack.append(self.judge.long_bytes_inside(self.c, size, offset))

    def byte_text(self, data: bytes) -> None:
        """Push a Python 2 string: ASCII text for those that ask for nothing else, else bytes."""
        try:
            self.stack.append(data.decode("ascii") if len(data) <= SHORT else INERT)
        except UnicodeDecodeError:
            self.stack.append(INERT)
        self.judge.bytes_inside(data, self.c.offset)
