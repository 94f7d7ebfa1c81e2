"""Digests of a package's files, as text such as ``sha256:0f…``: which ones count, and when they hold it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_SIZES = {"sha256": 64, "sha384": 96, "sha512": 128}  # hexadecimal digits; the others have known collisions


def strong(algorithm: Any, hexadecimal: Any) -> str | None:
    """Return a digest in lower case, or None when it holds no file: weak, or none at all."""
    if not isinstance(algorithm, str) or not isinstance(hexadecimal, str):
        return None
    name = algorithm.lower()
    if _SIZES.get(name) != len(hexadecimal) or re.fullmatch(r"[0-9a-fA-F]+", hexadecimal) is None:
        return None
    return f"{name}:{hexadecimal.lower()}"


def of_table(table: Mapping[str, Any]) -> list[str]:
    """Return what holds a file of which digests are told by algorithm."""
    return [digest for pair in table.items() if (digest := strong(*pair)) is not None]


def of_text(text: Any) -> list[str]:
    """Return what holds a file of which one digest is told, as ``sha256:0f…`` or ``sha256=0f…``."""
    parts = re.split("[:=]", text, maxsplit=1) if isinstance(text, str) else []
    digest = strong(*parts) if len(parts) > 1 else None
    return [] if digest is None else [digest]


def holding(files: Iterable[list[str]]) -> tuple[str, ...]:
    """Return the digests of all files, each once; none if one file has none, for it could be any."""
    each = list(files)
    return tuple(sorted({digest for found in each for digest in found})) if all(each) else ()
