"""Run the opcodes of one pickle on abstract values: everything happens on paper, nothing for real.

All opcodes of protocols 0 to 5 are here, as CPython's ``Lib/pickle.py`` carries them out and
``Lib/pickletools.py`` describes them. Where the two unpicklers of CPython differ, or forgive, the machine
raises `DamagedError`: a pickle that only one of them reads is not judged safe.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockgate.scan.pickles import lines, loop, objects, opcodes, repeats
from lockgate.scan.pickles.cursor import MARGIN, Cursor
from lockgate.scan.pickles.judge import Judge
from lockgate.scan.pickles.memory import MAX_MEMO, MEMO_DICTS, MEMO_TEXT, Memory
from lockgate.scan.pickles.values import NEVER, Later
from lockgate.scan.record import CutShortError, TooMuchError
from lockgate.scan.source import BytesStream

MAX_STACK = 4_000_000
_WAIT, _LONGEST_WAIT = 256, 1 << 15  # bytes from one look for what repeats to the next


class Machine(Memory):
    """Runs one pickle.

    Args:
        cursor: Where the pickle begins.
        judge: What is told about imports, calls and objects.
        after_build: See `Memory`.
        plain: Whether every opcode is carried out by itself, and nothing at once.
    """

    def __init__(
        self,
        cursor: Cursor,
        judge: Judge,
        after_build: Callable[[Memory, Any], bool] | None = None,
        *,
        plain: bool = False,
    ) -> None:
        super().__init__(cursor, judge, after_build)
        self.plain = plain
        self.swept = repeats.Swept()
        self.objects = objects.Objects(self)

    def run(self) -> Any:
        """Run up to STOP and return the value of the pickle.

        Raises:
            DamagedError: It does not run to STOP as both of CPython's unpicklers would have it.
        """
        c, memo = self.c, self.memo
        next_try, wait = self.start + _WAIT, _WAIT  # where to look for what repeats
        while True:
            here = c.base + c.i
            if here >= self.frame_end:
                if here > self.frame_end:
                    self.judge.odd("an opcode of the pickle crosses the end of a frame", here)
                elif not opcodes.may_be_unframed(self):
                    self.judge.odd("a frame of the pickle ends where no pickler ends it", here)
                self.frame_end = NEVER
            c.fill(MARGIN)
            buf, i = c.buf, c.i
            last = len(buf) - i < MARGIN  # where no opcode may be looked for ahead
            stop = len(buf) if last else len(buf) - MARGIN
            if i >= len(buf):
                raise CutShortError("the pickle ends before STOP", here)
            stop = min(max(stop, i + 1), self.frame_end - c.base)
            stack = self.stack
            if len(stack) > MAX_STACK or len(memo) > MAX_MEMO:
                raise TooMuchError("the pickle holds too many objects at once", here)
            whole = stop
            few = not (last or self.far or self.plain) and len(memo) + len(buf) < MEMO_TEXT
            keep = len(memo) < MEMO_DICTS
            if few and here >= next_try:
                found_ = repeats.find(buf, i, stop, stack, memo, self.swept, lines=not self.proto)
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
                began, i = i, lines.carry_out(buf, i, stop, stack, memo, self.judge, c.base)
                if i >= stop:
                    c.i = i
                    continue
                stop = min(stop, i + (1 if i - began > lines.WORTH else lines.NOT_WORTH))
            if loop.carry_out(self, i, stop, whole, few=few, keep=keep):
                return self._stop()

    def recall(self, later: Later) -> None:
        """Remember what the opcodes of an object make that was passed over."""
        later.known = True
        behind = self.memo[later.first :]
        machine = Machine(Cursor(BytesStream(later.raw + b".")), self.judge, plain=True)
        machine.memo, machine.stack, machine.proto = self.memo, [later], self.proto
        del self.memo[later.first :]
        machine.run()
        behind[: len(self.memo) - later.first] = self.memo[later.first :]
        self.memo[later.first :] = behind

    def made(self, stack: list[Any], i: int, stop: int) -> int:
        """Pass over what fills the object on top of the stack; return where it ends, else the same place."""
        return self.objects.after_new(self, stack, i, stop) or i

    def built(self, made: Any) -> None:
        """Take note that an object has its state."""
        self.objects.after_build(self, made)

    def _stop(self) -> Any:
        if self.frame_end not in (NEVER, self.c.offset):
            self.judge.odd("STOP comes before the end of a frame", self.c.offset)
        value = self.pop()
        if self.stack or self.marks:
            # CPython ignores what is left; no pickler leaves anything.
            self.judge.odd("objects are left over at STOP", self.c.offset)
        return value
