"""Show untrusted text and numbers to a person: nothing hidden, nothing endless, nothing misread."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from itertools import accumulate
from typing import Any

# Characters that change what a reader sees without being seen: controls, formats (bidirectional
# overrides, zero width, tags), surrogates, private use, unassigned, line and paragraph separators.
# See Unicode Technical Report 36, "Unicode Security Considerations".
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_MARKS_IN_A_ROW = 3
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_LONG = 1e15
_SMALL = 1e-3
_GROUPED = 1_000


def visible(text: str, longest: int) -> str:
    """Return text in which no character hides, cut in its middle to about `longest` characters.

    Control, bidirectional, zero-width and similar characters become ``⟨U+202E⟩``, as do spaces
    other than the plain one and stacks of more than three combining marks. What is cut away is
    counted: ``abc⟨… 950 characters …⟩xyz``. The result has at most twice `longest` characters.
    """
    if len(text) <= longest:
        shown = "".join(_spelled(text))
        if len(shown) <= 2 * longest:
            return shown
    head = _first(_spelled(text[: longest * 2 // 3]), longest)
    tail = _first(_spelled(text[-(longest // 4) :])[::-1], longest // 2)[::-1]
    gone = max(len(text) - len(head) - len(tail), 0)
    return f"{''.join(head)}⟨… {gone:,} characters …⟩{''.join(tail)}"


def _spelled(text: str) -> list[str]:
    """Return one piece of text a character."""
    if text.isascii() and text.isprintable():
        return list(text)
    out: list[str] = []
    marks = 0
    for char in text:
        kind = unicodedata.category(char)
        marks = marks + 1 if kind.startswith("M") else 0
        hidden = kind in _HIDDEN or (kind == "Zs" and char != " ") or marks > _MARKS_IN_A_ROW
        out.append(f"⟨U+{ord(char):04X}⟩" if hidden else char)
    return out


def _first(pieces: list[str], room: int) -> list[str]:
    ends = accumulate(len(piece) for piece in pieces)
    return [piece for piece, end in zip(pieces, ends, strict=True) if end <= room]


def number(value: Any, digits: int = 4) -> str:
    """Return a measured value as a person reads it: few significant digits, thousands grouped."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= _GROUPED else str(value)
    if isinstance(value, float):
        return _float(value, digits)
    return value if isinstance(value, str) else literal(value)


def _float(value: float, digits: int) -> str:
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 10**digits and abs(value) < _LONG:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value and abs(value) < _SMALL else f"{value:.{digits}g}"


def literal(value: Any) -> str:
    """Return a parameter as it would be written: text bare, everything else as JSON."""
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def title(name: str) -> str:
    """Return ``missing_share`` as ``missing share``; leave any other text, such as a column's name, alone."""
    return name.replace("_", " ") if _WORD.fullmatch(name) else name
