"""Categories that are written otherwise: new values are held against those that are gone."""

from __future__ import annotations

import contextlib
import math
import unicodedata

from lockgate.retraining.bug import Bug
from lockgate.retraining.pairs import Pair

_NEW_SHARE = 0.05
_ABSENT = 1e-3  # the chance that a value is absent without having been renamed
_MOST_CATEGORIES = 500
_NOTHING = frozenset(
    [
        "",
        "na",
        "n/a",
        "n.a.",
        "nan",
        "nat",
        "null",
        "none",
        "nil",
        "missing",
        "unknown",
        "undefined",
        "?",
        "-",
        "--",
        ".",
    ]
)
"""Texts for a value that is not there."""


def of_categories(pair: Pair) -> Bug | None:
    """Return what became of the names of the categories of a column, or None."""
    if pair.other:
        return None
    was, is_ = pair.shares
    if not was or not is_ or len(was) > _MOST_CATEGORIES:
        return None
    new = {value: share for value, share in is_.items() if value not in was}
    gone = {value: share for value, share in was.items() if value not in is_}
    much = sum(new.values())
    if much < _NEW_SHARE:
        return None
    nothing = sum(share for value, share in new.items() if value.casefold().strip(" <>#") in _NOTHING)
    if nothing >= _NEW_SHARE:
        return Bug(
            "missing", (pair.name,), f"says in words that there is no value in {nothing:.0%} of the rows"
        )
    plain = {_plain(value) for value in was}
    spelt = sum(share for value, share in new.items() if plain & _spellings(value))
    if spelt >= 0.9 * much:
        said = f"spells known values otherwise in {spelt:.0%} of the rows (letters, blanks or encoding)"
        return Bug("spelling", (pair.name,), said)
    everything_gone = gone
    new, gone = _surely(new, len(pair.before)), _surely(gone, len(pair.now))
    much, lost = sum(new.values()), sum(gone.values())
    if much < _NEW_SHARE:
        return None
    noise = 3.0 / math.sqrt(len(pair.now))
    if _matched(new, gone) >= 0.8 * much and abs(lost - much) <= max(noise, 0.25 * lost):
        said = f"has {len(new)} values that are new, as frequent as {len(gone)} that are gone"
        return Bug("renamed", (pair.name,), said)
    if len(new) == 1 < len(everything_gone) and abs(sum(everything_gone.values()) - much) <= noise:
        said = f"has one new value, as frequent as {len(everything_gone)} together that are gone"
        return Bug("renamed", (pair.name,), said)
    return None


def _surely(values: dict[str, float], rows: int) -> dict[str, float]:
    """Return the values that would hardly be absent from so many rows by chance, all of them together."""
    allowed = _ABSENT / max(1, len(values))
    return {value: share for value, share in values.items() if (1 - share) ** rows < allowed}


def _matched(new: dict[str, float], gone: dict[str, float]) -> float:
    """Return the share of the new values that a gone one of like frequency can stand for."""
    left = sorted(gone.values(), reverse=True)
    matched = 0.0
    for share, before in zip(sorted(new.values(), reverse=True), left, strict=False):
        if abs(share - before) <= max(0.03, 0.3 * max(share, before)):
            matched += share
    return matched


def _plain(text: str) -> str:
    """Return a text without what different programs write differently."""
    folded = unicodedata.normalize("NFKD", text).casefold().strip()
    letters = "".join(c for c in folded if c.isalnum() or c in "+<>=%")
    try:
        return repr(float(folded)) if letters else folded
    except ValueError:
        return letters or folded


def _spellings(text: str) -> set[str]:
    """Return what a text may have been before it was read in the wrong encoding."""
    found = {_plain(text)}
    for wrong in ("latin-1", "cp1252"):
        with contextlib.suppress(UnicodeError):
            found.add(_plain(text.encode(wrong).decode("utf-8")))
    with contextlib.suppress(UnicodeError):
        found.add(_plain(text.encode("utf-8").decode("latin-1")))
    return found
