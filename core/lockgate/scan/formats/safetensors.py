"""safetensors: eight bytes of length, a JSON header, tensors without gaps (the format's README).

The format holds no code. A header that lies about it can hide another file in it, so everything
that the format's own reader checks is checked, and that names stand once.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from lockgate.scan.context import Context
from lockgate.scan.formats import jsons
from lockgate.scan.record import DamagedError
from lockgate.scan.source import Source

_LONGEST = 100_000_000  # safetensors' MAX_HEADER_SIZE
_BITS = {
    "F64": 64,
    "I64": 64,
    "U64": 64,
    "C64": 64,
    "F32": 32,
    "I32": 32,
    "U32": 32,
    "F16": 16,
    "BF16": 16,
    "I16": 16,
    "U16": 16,
    "I8": 8,
    "U8": 8,
    "BOOL": 8,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "F4": 4,
}
_TENSOR = frozenset(["dtype", "shape", "data_offsets"])
_PADDED = re.compile(rb"[ ]*\Z")


def looks_like_safetensors(head: bytes, size: int) -> bool:
    """Whether a file begins with a length that fits into it and a brace."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= min(size - 8, _LONGEST)


def scan(source: Source, context: Context) -> None:
    """Judge the header against the file."""
    context.record.met("safetensors")
    length = int.from_bytes(source.exactly(0, 8), "little")
    if length > _LONGEST or length > context.limits.document:
        raise DamagedError("the header is too long", 0)
    header = _header(source.exactly(8, length), context)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        _lie(context, "the metadata is not text by text")
    else:
        for value in metadata.values():
            jsons.check_text(value, context)
    spans = []
    for name, tensor in header.items():
        span = _span(name, tensor, context)
        if span is not None:
            spans.append(span)
    at = 0
    for start, end, name in sorted(spans):
        if start != at:
            _lie(context, f"tensor {name} does not begin where the one before ends")
            return
        at = end
    if 8 + length + at != source.size:
        _lie(context, f"the tensors take {at:,} bytes where {source.size - 8 - length:,} follow the header")


def _header(raw: bytes, context: Context) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            _lie(context, "a name stands twice")
        return made

    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise DamagedError("the header is no JSON", 8) from None
    if not isinstance(header, dict):
        raise DamagedError("the header is no JSON object", 8)
    return header


def _span(name: str, tensor: Any, context: Context) -> tuple[int, int, str] | None:
    if not isinstance(tensor, dict) or set(tensor) != _TENSOR:
        _lie(context, f"the entry {name} is no tensor")
        return None
    bits, shape, offsets = _BITS.get(str(tensor["dtype"])), tensor["shape"], tensor["data_offsets"]
    whole = all(
        isinstance(list_, list) and all(type(n) is int and 0 <= n < 1 << 63 for n in list_)
        for list_ in (shape, offsets)
    )
    if bits is None or not whole or len(offsets) != 2:  # noqa: PLR2004 - begin and end
        _lie(context, f"the entry {name} is no tensor")
        return None
    start, end = offsets
    if (end - start) * 8 != math.prod(shape) * bits:
        _lie(context, f"tensor {name} has another size than its shape")
        return None
    return start, end, name


def _lie(context: Context, what: str) -> None:
    context.hit("LG-SCAN-070", "HIGH", f"The header of a safetensors file lies: {what}.", offset=8, name=what)
