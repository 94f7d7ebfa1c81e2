"""Fields of statements and predicates, read strictly: each reader returns a value of its kind or refuses."""

from __future__ import annotations

import datetime as dt
import enum
import re
from collections.abc import Collection, Mapping
from typing import Any, NoReturn, TypeVar

from lockgate.errors import EnvelopeError

DIGESTS = ("sha256", "lockgateTree1")
"""The digest algorithms that count; others beside them neither help nor harm."""

_HEX_256 = re.compile(r"[0-9a-f]{64}\Z")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)\Z")
_Word = TypeVar("_Word", bound=enum.Enum)


def mapping(value: Any, what: str) -> dict[str, Any]:
    """Return a value that must be an object."""
    if not isinstance(value, dict):
        refuse(f"{what} is missing or no object")
    return value


def items(value: Any, what: str) -> list[Any]:
    """Return a value that must be a list."""
    if not isinstance(value, list):
        refuse(f"{what} is missing or no list")
    return value


def text(entry: Mapping[str, Any], field: str) -> str:
    """Return a field that must be text, and not empty."""
    value = entry.get(field)
    if not isinstance(value, str) or not value:
        refuse(f"the field {field!r} is missing or no text")
    return value


def hex_256(value: Any, field: str) -> str:
    """Return 64 lower-case hexadecimal digits."""
    if not isinstance(value, str) or not _HEX_256.match(value):
        refuse(f"{field!r} is not 64 lower-case hexadecimal digits")
    return value


def word(kind: type[_Word], entry: Mapping[str, Any], field: str) -> _Word:
    """Return a field that must be a word of an enumeration."""
    value = text(entry, field)
    if value not in {known.value for known in kind}:
        refuse(f"the {field} is not one of {', '.join(known.value for known in kind)}")
    return kind(value)


def time(entry: Mapping[str, Any], field: str) -> dt.datetime:
    """Return a field that must be a time with a zone (RFC 3339), in UTC."""
    match = _TIME.match(value := text(entry, field))
    if not match or not value.isascii():
        refuse(f"its {field} is no time with a zone (RFC 3339)")
    # Python 3.10 reads neither the letter Z nor fractions of other than 3 or 6 digits.
    whole, fraction, zone = match.groups()
    zone = "+00:00" if zone == "Z" else zone
    try:
        return dt.datetime.fromisoformat(f"{whole}.{fraction or '':0<6}{zone}").astimezone(dt.timezone.utc)
    except (ValueError, OverflowError):  # the latter where the zone leads out of the calendar
        refuse(f"its {field} is no time that a calendar has")


def written(time: dt.datetime) -> str:
    """Return a time as `time` reads it."""
    return time.astimezone(dt.timezone.utc).isoformat().replace("+00:00", "Z")


def exactly(entry: Mapping[str, Any], known: Collection[str], what: str) -> None:
    """Refuse an object whose fields are not just the known ones."""
    for field in sorted(known):
        if field not in entry:
            refuse(f"{what} lacks the field {field!r}")
    for field in entry:
        if field not in known:
            refuse(f"{what} has a field that is not known ({field[:80]!r})")


def digest_set(value: Any, what: str) -> dict[str, str]:
    """Return the digests that count of an in-toto DigestSet, of which there must be one."""
    digest = mapping(value, f"{what}'s digest")
    found = {algorithm: hex_256(digest[algorithm], algorithm) for algorithm in DIGESTS if algorithm in digest}
    if not found:
        refuse(f"{what} has no digest of a kind that is accepted ({', '.join(DIGESTS)})")
    return found


def refuse(what: str) -> NoReturn:
    """Raise the error of a statement that cannot be used, for the reason given."""
    raise EnvelopeError(f"the attestation cannot be used: {what}; take the one that Lockgate wrote")
