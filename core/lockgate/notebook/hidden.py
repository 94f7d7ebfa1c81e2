"""Find characters that make code read otherwise than it runs.

Source: Boucher and Anderson, "Trojan Source: Invisible Vulnerabilities" (CVE-2021-42574, -42694);
Unicode Technical Standard 39 for letters of several scripts in one word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from lockgate.outcome import Severity

RULE = "LG-NOTEBOOK-020"
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TAGS = re.compile("[\U000e0000-\U000e007f]")
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007f]+")  # flags of regions are written with tags
_ZERO_WIDTH = re.compile("[\u200b-\u200d\u2060\u00ad\u180e\ufeff\u115f\u1160\u3164\uffa0]")
_JOINED = re.compile(
    "[\U0001f000-\U0001ffff\u2190-\u2bff\ufe0f\U0001f3fb-\U0001f3ff]\u200d"
)  # emoji are joined so
_WORD = re.compile(r"[^\W\d_][\w]*")
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK")


class Hidden(NamedTuple):
    """A line with characters that hide something."""

    line: int
    severity: Severity
    message: str


def find(text: str, *, code: bool) -> Iterator[Hidden]:
    """Yield the lines of a text in which characters hide something; prose may hold more than code."""
    if text.isascii():
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.isascii():
            continue
        plain = _JOINED.sub("", _FLAG.sub("", line))
        if _TAGS.search(plain):
            yield Hidden(number, Severity.HIGH, "invisible tag characters, which carry text that nobody sees")
        if code and _BIDI.search(line):
            yield Hidden(
                number, Severity.HIGH, "bidirectional controls, which show code in another order than it runs"
            )
        if code and _ZERO_WIDTH.search(plain):
            yield Hidden(number, Severity.MEDIUM, "invisible characters of no width")
        if code and any(_mixed(word) for word in _WORD.findall(line)):
            yield Hidden(
                number, Severity.MEDIUM, "a word of letters that look alike but are of different scripts"
            )


def _mixed(word: str) -> bool:
    """Whether a word has letters of two scripts that look alike; a lone Greek letter is a formula."""
    if word.isascii():
        return False
    found = {unicodedata.name(c, "").partition(" ")[0] for c in word if c.isalpha()} & set(_SCRIPTS)
    return len(found) > 1 and "CYRILLIC" in found
