"""TensorFlow Lite models (schema.fbs): whose operators they run; the rest is not read here.

A custom operator is native code that the interpreter looks up by name; those that begin with ``Flex`` are
TensorFlow's own, with all that they reach.
"""

from __future__ import annotations

from lockgate.scan.context import Context
from lockgate.scan.record import DamagedError
from lockgate.scan.source import Source

MAGIC = b"TFL3"  # at byte 4, the file identifier of the flatbuffer
_CODES, _NAME = 1, 1  # operator_codes of a model, custom_code of one of these
_MOST = 10_000
_LONGEST = 300


def scan(source: Source, context: Context) -> None:
    """Judge the operators."""
    context.record.met("TFLite")
    codes = _field(source, _number(source, 0, 4), _CODES)
    if codes:
        vector = codes + _number(source, codes, 4)
        count = _number(source, vector, 4)
        if count > _MOST:
            raise DamagedError("has more operators than there are", vector)
        for at in range(vector + 4, vector + 4 + 4 * count, 4):
            if place := _field(source, at + _number(source, at, 4), _NAME):
                start = place + _number(source, place, 4)
                raw = source.exactly(start + 4, min(_number(source, start, 4), _LONGEST))
                name = raw.decode("utf-8", "replace")
                message = f"Runs the custom operator {name}, which is code from outside of the model."
                context.hit("LG-SCAN-040", "HIGH", message, offset=start, name=name)
    context.cannot("is TFLite, of which only the operators are read here")


def _field(source: Source, table: int, number: int) -> int:
    """Return where a field of a table is; 0 if it is not there."""
    vtable = table - int.from_bytes(source.exactly(table, 4), "little", signed=True)
    if vtable < 0:
        raise DamagedError("has a table before its beginning", table)
    if _number(source, vtable, 2) < 6 + 2 * number:
        return 0
    offset = _number(source, vtable + 4 + 2 * number, 2)
    return table + offset if offset else 0


def _number(source: Source, at: int, size: int) -> int:
    return int.from_bytes(source.exactly(at, size), "little")
