"""Files of pickles: one, or several in a row, with the raw arrays that joblib writes in between."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from typing import Any

from lockgate.scan.context import Context
from lockgate.scan.formats import torch
from lockgate.scan.pickles.arguments import RefusedError
from lockgate.scan.pickles.arrays import has_objects, itemsize
from lockgate.scan.pickles.contents import WRAPPER
from lockgate.scan.pickles.cursor import MARGIN, Cursor
from lockgate.scan.pickles.inside import DeepJudge
from lockgate.scan.pickles.machine import Machine
from lockgate.scan.pickles.memory import Memory
from lockgate.scan.pickles.values import NONE, Blob, Global, Instance, Mapping, Unjudged
from lockgate.scan.record import CutShortError, DamagedError, Record
from lockgate.scan.source import BytesStream

HEAD = 4096  # bytes that a format is told by
MAX_PICKLES = 10_000  # in a row
_NEEDED = frozenset(["subclass", "shape", "order", "dtype"])
_ALIGNMENT = 16  # joblib.numpy_pickle.NUMPY_ARRAY_ALIGNMENT_BYTES
_AFTERWARDS = 1 << 16
_KEPT = 256  # bytes of an array that are


def looks_like_pickle(head: bytes) -> bool:
    """Whether bytes begin a pickle: a protocol, or opcodes that do something or run on to STOP.

    What only imports a name that nobody knows, and then breaks off, is a list of words.
    """
    if head[:1] == b"\x80":
        # A NUL is no opcode; the length that a safetensors file begins with can look like this.
        return head[1:2] <= b"\x05" and head[2:3] != b"\0"
    aside = Record()
    judge = DeepJudge(Context(record=aside), lambda *_: Unjudged())
    more = b"\x01" * MARGIN if len(head) >= HEAD else b""  # no opcode, whatever the last one was
    machine = Machine(Cursor(BytesStream(head[:HEAD] + more)), judge)
    try:
        machine.run()
    except DamagedError as error:
        if any(h.severity == "CRITICAL" for h in aside.hits):
            return True
        if error.offset is not None and error.offset >= HEAD:
            return True  # it ran on to where the head ends
        named = [module for module, _ in judge.globals]
        if named and not any(map(_importable, named)) and not (machine.memo or machine.marks):
            return False  # lines of text that begin with a letter which is an opcode
        if isinstance(error, CutShortError):
            return len(head) >= HEAD or bool(machine.memo or machine.marks or machine.stack)
        return bool(judge.uses and judge.globals)
    return True


def _importable(module: str) -> bool:
    return all(part.isidentifier() for part in module.split("."))


def scan(cursor: Cursor, context: Context) -> None:
    """Judge a file that begins with a pickle."""
    value = _one(cursor, context)
    if value == torch.MAGIC:
        torch.scan_legacy(cursor, context)
        return
    context.record.met("pickle")
    for _ in range(MAX_PICKLES):
        if cursor.finished:
            return
        offset = cursor.offset
        try:
            _one(cursor, context)
        except DamagedError:
            message = "Has bytes after the end of its pickle that are no pickle."
            context.hit("LG-SCAN-008", "MEDIUM", message, offset=offset)
            context.cannot("bytes follow the end of the pickle", offset)
            return
    context.cannot(f"holds more than {MAX_PICKLES:,} pickles in a row")


def _one(cursor: Cursor, context: Context) -> Any:
    judge = DeepJudge(context)
    machine = Machine(cursor, judge, array_after)
    value = machine.run()
    if machine.made_arrays:
        context.record.met("joblib")
    return value


def array_after(machine: Memory, made: Any) -> bool:
    """Pass over the array that joblib's wrapper stands for; see ``NumpyArrayWrapper.read_array``."""
    if not (isinstance(made, Instance) and made.of.path == WRAPPER):
        return False
    state, cursor = made.state, machine.c
    if not (isinstance(state, Mapping) and state.whole):
        raise DamagedError("an array of joblib does not say what it is", cursor.offset)
    if not set(state[::2]) >= _NEEDED or state.get("order") not in ("C", "F"):
        raise DamagedError("an array of joblib does not say what it is", cursor.offset)
    subclass, dtype, shape = state.get("subclass"), state.get("dtype"), state.get("shape")
    if isinstance(subclass, Unjudged) or isinstance(dtype, Unjudged):
        raise DamagedError("an array of joblib is of a type that is not allowed", cursor.offset)
    if not (isinstance(subclass, Global) and "array" in subclass.allowed):
        machine.judge.hit(
            "LG-SCAN-003", "HIGH", "Has joblib make an array of another class.", cursor.offset, WRAPPER
        )
    try:
        size = itemsize(dtype)
    except RefusedError as error:
        raise DamagedError(f"an array of joblib has a type {error}", cursor.offset) from None
    if size is None or not isinstance(shape, tuple) or any(not isinstance(n, int) or n < 0 for n in shape):
        raise DamagedError("an array of joblib does not say how large it is", cursor.offset)
    machine.made_arrays += 1
    if has_objects(dtype):
        inner = Machine(cursor, machine.judge)
        inner.run()
        return True
    alignment = state.get("numpy_array_alignment_bytes")
    if alignment is None or alignment is NONE:
        _as_plain_pickle(machine)
    else:
        padding = cursor.take(1)[0]
        if padding > _ALIGNMENT or cursor.take(padding).strip(b"\xff"):
            # Any other padding could be opcodes to those who unpickle without joblib.
            raise DamagedError("an array of joblib is padded in a way that joblib never does", cursor.offset)
    count = math.prod(shape) * size
    if count <= _KEPT:
        made.args = (Blob(count, cursor.take(count)),)
    else:
        cursor.skip(count)
    return True


def _as_plain_pickle(machine: Memory) -> None:
    """Judge raw bytes of an old joblib file as the opcodes that they are without joblib."""
    aside = Record()
    judge = DeepJudge(replace(machine.judge.context, record=aside), lambda *_: Unjudged())
    offset = machine.c.offset
    with contextlib.suppress(DamagedError):  # numbers are no opcodes
        twin = Machine(Cursor(BytesStream(machine.c.peek(_AFTERWARDS))), judge)
        twin.resume(machine)
        twin.run()
    for hit in aside.hits:
        if hit.unsafe:
            message = f"Is another pickle to those who load it without joblib: {hit.message}"
            machine.judge.hit(hit.rule, hit.severity, message, offset, hit.name)
