"""JSON as every reader understands it: a key that stands twice means two things to two of them."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from lockgate.scan.record import DamagedError

_LARGE = re.compile(r"\d[eE]\+?\d{3}")


def loads(raw: bytes | str, what: str = "document") -> Any:
    """Return what a JSON document says.

    Raises:
        DamagedError: It is no JSON, is nested too deep, has a key twice (RFC 8259, 4), or a number that is
            too large for any reader's (RFC 8259, 6).
    """
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        number = _finite if _LARGE.search(text) else None
        return json.loads(text, object_pairs_hook=_once, parse_float=number)
    except (ValueError, RecursionError):
        raise DamagedError(f"the {what} is no JSON") from None


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise DamagedError("has a number that is too large")
    return number


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise DamagedError("has a key twice")
    return made
