"""Show untrusted text and numbers to a person: nothing hidden, nothing endless, nothing misread."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from typing import Any

# Characters that change what a reader sees without being seen: controls, formats (bidirectional
# overrides, zero width, tags), surrogates, private use, unassigned, line and paragraph separators.
# See Unicode Technical Report 36, "Unicode Security Considerations".
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_MARKS_IN_A_ROW = 3
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_LONG = 1e6
_SMALL = 1e-4
_GROUPED = 10_000


def visible(text: str, longest: int) -> str:
    """Return text in which no character hides, cut in its middle to about `longest` characters.

    Control, bidirectional, zero-width and similar characters become ``⟨U+202E⟩``, as do spaces
    other than the plain one and stacks of more than three combining marks. What is cut away is
    counted: ``abc⟨… 950 characters …⟩xyz``.
    """
    head, tail = text[: longest + 1], text[-(longest // 4) :]
    if len(text) <= longest:
        shown = _spelled(text)
        if len(shown) <= 2 * longest:
            return shown
    keep, end = longest * 2 // 3, longest // 4
    cut = len(text) - min(len(text), keep + end)
    note = f"⟨… {cut:,} characters …⟩" if cut else "⟨…⟩"
    return _spelled(head[:keep])[: longest + longest // 2] + note + _spelled(tail[-end:])[-longest // 2 :]


def _spelled(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    out: list[str] = []
    marks = 0
    for char in text:
        kind = unicodedata.category(char)
        marks = marks + 1 if kind.startswith("M") else 0
        hidden = kind in _HIDDEN or (kind == "Zs" and char != " ") or marks > _MARKS_IN_A_ROW
        out.append(f"⟨U+{ord(char):04X}⟩" if hidden else char)
    return "".join(out)


def number(value: Any) -> str:
    """Return a measured value as a person reads it: six significant digits, thousands grouped."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= _GROUPED else str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        if value == int(value) and abs(value) < _LONG:
            return f"{value:,.0f}" if abs(value) >= _GROUPED else f"{value:.0f}"
        if value and abs(value) < _SMALL:
            return f"{value:.2e}"
        return f"{value:.6g}"
    return value if isinstance(value, str) else literal(value)


def literal(value: Any) -> str:
    """Return a parameter as it would be written: text bare, everything else as JSON."""
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def title(name: str) -> str:
    """Return ``missing_share`` as ``missing share``; leave any other text, such as a column's name, alone."""
    return name.replace("_", " ") if _WORD.fullmatch(name) else name
