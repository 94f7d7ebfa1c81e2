"""Find secrets in text with the detectors of detect-secrets, run in this process and without a network.

Its plugins can ask a service whether a key works; `analyze_string` never does. Its own comments that
excuse a line (``pragma: allowlist secret``) do not count here: whoever writes the notebook must not
be the one who excuses it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from lockgate.errors import MissingExtraError
from lockgate.notebook.sieve import Detector, sieve

_WINDOW, _OVERLAP = 4_000, 300  # characters: patterns take quadratic time on very long lines
_LEFT_OUT = {"Public IP (ipv4)"}  # an address is no secret
_WEAK = {"Base64 High Entropy String", "Hex High Entropy String"}
_KEYWORD = "Secret Keyword"
_NEEDS_WORDS = {_KEYWORD, *_WEAK}
_GUESSABLE = {_KEYWORD, "Basic Auth Credentials"}  # a digest of a word is as good as the word
_BLOB = re.compile(r"(?<![A-Za-z0-9+/=_.-])(?!eyJ)[A-Za-z0-9+/=_-]{400,}")
_HINT = re.compile(r"key|pass|pwd|secret|contrase", re.IGNORECASE)
_ENTROPY = {"Base64 High Entropy String": 4.5, "Hex High Entropy String": 3.0}  # detect-secrets' own limits
_PLACEHOLDER = re.compile(
    r"(?:your|my|the|some|enter|insert|replace|example|sample|dummy|fake|test|placeholder|change.?me|redacted|todo"
    r"|xxx+|\*{3,}|\.{3}|none\b|null\b|true\b|false\b|abc123|foo|bar\b|process\.env|environ|getenv|getpass|secrets?\."
    r"|user(?:name)?\b|pass(?:word|wd)?\b|pwd\b|secret\b|token\b|api.?key\b|<|\{|\$|%\()",
    re.IGNORECASE,
)


class Secret(NamedTuple):
    """A secret: its kind, line, the start of its SHA-256 (or nothing), and whether it is sure."""

    kind: str
    line: int
    prefix: str
    sure: bool
    digest: str


def find(text: str, *, words: bool) -> Iterator[Secret]:
    """Yield the secrets in a text.

    Args:
        text: Any text.
        words: Whether to look at assignments to names such as ``password`` as well, which mean
            something in code and plain output and nothing in the scripts of a web page.
    """
    seen: set[tuple[int, str]] = set()
    windows = [
        (number, line[start : start + _WINDOW])
        for number, line in enumerate(_BLOB.sub(" ", text).split("\n"), 1)
        for start in range(0, max(len(line), 1), _WINDOW - _OVERLAP)
        if len(line) - start >= 8  # noqa: PLR2004 - shorter than any secret with its name
    ]
    detectors = [one for one in _detectors() if words or one.kind not in _NEEDS_WORDS]
    for (number, window), left in sieve(windows, detectors):
        for kind, value in _in(window, left):
            digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
            if (number, digest) not in seen:
                seen.add((number, digest))
                prefix = "" if kind in _GUESSABLE else digest[:8]
                yield Secret(kind, number, prefix, kind not in _WEAK, digest)


def _in(window: str, detectors: Sequence[Detector]) -> Iterator[tuple[str, str]]:
    found: set[str] = set()
    for kind, plugin in ((one.kind, one.plugin) for one in detectors):
        if kind in _WEAK:
            if any(value in window for value in found):
                continue
            values = [
                v
                for v in plugin.analyze_string(window)
                if plugin.calculate_shannon_entropy(v) > _ENTROPY[kind]
            ]
        elif kind == _KEYWORD:
            values = [v for v in plugin.analyze_string(window) if _is_meant(v, window)]
        else:
            values = [v for v in plugin.analyze_string(window) if _stands_alone(v, window)]
            if kind in _GUESSABLE:
                values = [v for v in values if not _PLACEHOLDER.match(v)]
        for value in values:
            if value and value not in found:
                found.add(value)
                yield kind, value


def _stands_alone(value: str, line: str) -> bool:
    """Whether a key is no part of a longer run of letters and digits, such as a sequence of proteins."""
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])", line) is not None


def _is_meant(value: str, line: str) -> bool:
    """Whether a word that stands where a secret would is one: no placeholder, no sentence, no call."""
    from detect_secrets.filters import heuristic

    value = value.strip()
    return not (
        len(value) < 6  # noqa: PLR2004 - short words are column names and answers
        or " " in value
        or _PLACEHOLDER.search(value)
        or not re.search(r"[\d\W_]", value)  # one plain word is a label
        or re.fullmatch(r"[A-Z][A-Z0-9_]+|[a-z]+(?:[_-][a-z]+)+", value)  # the name of a variable
        or re.match(r"(?:https?|s3|gs|file)://|[./~]", value)
        or heuristic.is_templated_secret(value)
        or heuristic.is_indirect_reference(line)
        or heuristic.is_not_alphanumeric_string(value)
    )


@lru_cache(maxsize=1)
def _detectors() -> tuple[Detector, ...]:
    """Return the detectors with what lets a line through to them."""
    made = []
    for kind, plugin in _plugins():
        if kind == _KEYWORD:
            patterns: list[re.Pattern[str]] = [_HINT]
        elif kind in _WEAK:
            # Fewer different characters have no entropy above the limit.
            least = int(2 ** _ENTROPY[kind]) + 1
            patterns = [re.compile(rf"['\"][{re.escape(plugin.charset)}]{{{least},}}['\"]")]
        else:
            patterns = list(plugin.denylist)
        made.append(Detector.of(kind, plugin, patterns))
    return tuple(made)


@lru_cache(maxsize=1)
def _plugins() -> tuple[tuple[str, Any], ...]:
    try:
        from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    except ImportError:
        raise MissingExtraError("supply-chain", "detect-secrets") from None
    made: dict[str, Any] = {}
    classes: Any = get_mapping_from_secret_type_to_class()
    for kind, plugin in classes.items():
        if kind not in _LEFT_OUT:
            made[kind] = plugin(limit=_ENTROPY[kind]) if kind in _WEAK else plugin()
    last = (_KEYWORD, *sorted(_WEAK))  # what names a kind of key comes first
    return tuple(
        sorted(made.items(), key=lambda item: (last.index(item[0]) + 1 if item[0] in last else 0, item[0]))
    )
