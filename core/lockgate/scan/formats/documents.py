"""JSON as every reader understands it: a key that stands twice means two things to two of them."""

from __future__ import annotations

import json
from typing import Any

from lockgate.scan.record import DamagedError


def loads(raw: bytes | str, what: str = "document") -> Any:
    """Return what a JSON document says.

    Raises:
        DamagedError: It is no JSON, is nested too deep, or has a key twice (RFC 8259, 4).
    """
    try:
        return json.loads(raw.decode("utf-8") if isinstance(raw, bytes) else raw, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise DamagedError(f"the {what} is no JSON") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise DamagedError("has a key twice")
    return made
