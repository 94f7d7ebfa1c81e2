"""Tell in bulk which lines a detector must look at, so that long plain output costs little.

A pattern is searched for in many lines at once, joined by newlines, and only where it is found in fewer, down
to the line. ``^`` and ``$`` mean the edges of a line then, and a newline is neither letter nor digit, as
nothing is at the edge of a text: what a pattern finds in a line alone it finds in the joined lines, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

_AT_ONCE = 2_000  # lines
# Of each of these, one group of words stands in whatever the detector finds (detect-secrets 1.5, in small
# letters). They only save time: a detector that is not here is asked by its patterns alone.
_WORDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "AWS Access Key": (("a3t",), ("abia",), ("acca",), ("akia",), ("asia",), ("aws",)),
    "Artifactory Credentials": (("akc",), ("ap",)),
    "Azure Storage Account access key": (("accountkey=",),),
    "Basic Auth Credentials": (("://", "@"),),
    "Cloudant Credentials": (
        *(("cl", word) for word in ("key", "pwd", "pw", "password", "pass", "token")),
        ("cloudant.com",),
    ),
    "GitHub Token": (("ghp_",), ("gho_",), ("ghu_",), ("ghs_",), ("ghr_",)),
    "GitLab Token": (("gl", "-"), ("gr1348941",)),
    "IBM COS HMAC Credentials": (("secret", "key"),),
    "IBM Cloud IAM Key": (("key",), ("pwd",), ("pass",), ("token",)),
    "JSON Web Token": (("eyj",),),
    "Mailchimp Access Key": (("-us",),),
    "NPM tokens": ((":_authtoken=",),),
    "OpenAI Token": (("t3blbkfj",),),
    "Private Key": (("private key",), ("putty-user-key",)),
    "PyPI Token": (("pypi-",),),
    "SendGrid API Key": (("sg.",),),
    "Slack Token": (("xox",), ("hooks.slack.com",)),
    "SoftLayer Credentials": (("sl", "key"), *((word,) for word in ("softlayer", "pwd", "pass", "token"))),
    "Square OAuth Secret": (("sq0csp-",),),
    "Stripe Access Key": (("k_live_",),),
    "Secret Keyword": (("key",), ("pass",), ("pwd",), ("secret",), ("contrase",)),
    "Twilio API Key": (("ac",), ("sk",)),
}
# And what is long enough to be the key, where the pattern around it takes long.
_SHAPES: dict[str, re.Pattern[str]] = {
    "Artifactory Credentials": re.compile(r"A(?:KC|P[\dA-F])[a-zA-Z0-9]{8}"),
    "Cloudant Credentials": re.compile(r"[0-9a-z]{24}", re.IGNORECASE),
    "IBM COS HMAC Credentials": re.compile(r"[0-9a-f]{48}", re.IGNORECASE),
    "IBM Cloud IAM Key": re.compile(r"[0-9a-z_-]{44}", re.IGNORECASE),
    "SoftLayer Credentials": re.compile(r"[0-9a-z]{64}", re.IGNORECASE),
}


class Finder(Protocol):
    """Whatever looks for something in one line."""

    def may_find(self, text: str, folded: str) -> bool:
        """Whether it finds something in a line of a text, or only would if lines were one.

        Args:
            text: Lines.
            folded: The same in small letters.
        """


_F = TypeVar("_F", bound=Finder)


def by_line(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """Return a pattern for which each line is a text of its own."""
    return re.compile(pattern.pattern, pattern.flags | re.MULTILINE)


@dataclass(frozen=True)
class Detector:
    """A detector of detect-secrets, its kind, and what must be in a text that it finds something in."""

    kind: str
    plugin: Any
    patterns: tuple[re.Pattern[str], ...]
    words: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, kind: str, plugin: Any, patterns: Sequence[re.Pattern[str]]) -> Detector:
        """Return a detector whose patterns take lines of a text for texts."""
        return cls(kind, plugin, tuple(map(by_line, patterns)), _WORDS.get(kind, ()))

    def may_find(self, text: str, folded: str) -> bool:
        """See `Finder`."""
        if self.words and not any(all(word in folded for word in group) for group in self.words):
            return False
        shape = _SHAPES.get(self.kind)
        if shape is not None and not shape.search(text):
            return False
        return any(pattern.search(text) for pattern in self.patterns)


def sieve(
    lines: Sequence[tuple[int, str]], finders: Sequence[_F]
) -> Iterator[tuple[tuple[int, str], list[_F]]]:
    """Yield the lines that some finders must look at, in their order, with these finders in theirs."""
    for start in range(0, len(lines), _AT_ONCE):
        yield from _halve(lines[start : start + _AT_ONCE], finders)


def _halve(
    lines: Sequence[tuple[int, str]], finders: Sequence[_F]
) -> Iterator[tuple[tuple[int, str], list[_F]]]:
    text = "\n".join(line for _, line in lines)
    folded = _folded(text)
    left = [one for one in finders if one.may_find(text, folded)]
    if not left:
        return
    if len(lines) == 1:
        yield lines[0], left
        return
    half = len(lines) // 2
    yield from _halve(lines[:half], left)
    yield from _halve(lines[half:], left)


def _folded(text: str) -> str:
    """Return small letters, and those for others that patterns without case take for the same."""
    if text.isascii():
        return text.lower()
    return text.lower().replace("\u017f", "s").replace("\u0131", "i").replace("\u212a", "k")
