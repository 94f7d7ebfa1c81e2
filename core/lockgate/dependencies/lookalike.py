"""Tell whether a package's name looks like that of a well-known one.

A name is compared with the well-known names in ``popular.txt``. What makes two names alike follows
what was observed in attacks on package indexes: one letter left out, added, exchanged or swapped
with its neighbour (Damerau-Levenshtein distance 1; Taylor et al., "Defending Against Package
Typosquatting", NSS 2020), separators left out or words in another order, and characters that look
alike. Real packages whose names are as close are listed in ``neighbours.txt``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from lockgate.dependencies.package import normal

_FEWEST = 4  # letters; shorter names are all alike: `six`, `sip`, `zip`
_SHORTEST = 5  # letters of names whose separators, words and letters that look alike are compared
_LOOKS = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "3": "e", "4": "a"})
_DIGITS = str.maketrans({"0": "o", "1": "l", "5": "s", "3": "e", "4": "a"})
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))


@dataclass(frozen=True)
class Likeness:
    """How a name is like a well-known one.

    Attributes:
        name: The well-known name.
        how: What makes them alike, in words.
    """

    name: str
    how: str


def likeness(name: str) -> Likeness | None:
    """Return the well-known name that a name looks like; None when it is one, or is like none."""
    mine = normal(name)
    known = _popular()
    if mine in known or mine in _neighbours() or len(mine) > _longest() + 1:
        return None
    bare = mine.replace("-", "")
    if len(bare) < _SHORTEST:
        spelled = bare.translate(_DIGITS)
        if spelled in known:
            return Likeness(spelled, "the same but for digits in place of letters")
        return _near(mine) if len(bare) >= _FEWEST else None
    if (same := _bare().get(bare)) is not None:
        return Likeness(same, "the same but for separators")
    if "-" in mine and (same := _sorted_words().get(_words(mine))) is not None:
        return Likeness(same, "the same words in another order")
    if (same := _skeletons().get(_skeleton(bare))) is not None:
        return Likeness(same, "the same but for characters that look alike")
    return _near(mine)


def _near(name: str) -> Likeness | None:
    known = _popular()
    for variant in _one_apart(name):
        if variant in known and len(variant.replace("-", "")) >= _FEWEST:
            return Likeness(variant, "one letter apart")
    return None


def _one_apart(name: str) -> Iterator[str]:
    """Yield every name at Damerau-Levenshtein distance 1 that is not longer than a name may be."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    for i in range(len(name) + 1):
        head, tail = name[:i], name[i:]
        if tail:
            yield head + tail[1:]
            if len(tail) > 1 and tail[0] != tail[1]:
                yield head + tail[1] + tail[0] + tail[2:]
            for letter in letters + "-":
                yield head + letter + tail[1:]
        for letter in letters:
            yield head + letter + tail


def _words(name: str) -> str:
    return "-".join(sorted(name.split("-")))


def _skeleton(bare: str) -> str:
    for pair, single in _PAIRS:
        bare = bare.replace(pair, single)
    return bare.translate(_LOOKS)


@lru_cache(maxsize=1)
def _popular() -> frozenset[str]:
    return frozenset(_lines("popular.txt"))


@lru_cache(maxsize=1)
def _neighbours() -> frozenset[str]:
    return frozenset(_lines("neighbours.txt"))


@lru_cache(maxsize=1)
def _longest() -> int:
    return max(map(len, _popular()))


@lru_cache(maxsize=1)
def _bare() -> dict[str, str]:
    return {
        name.replace("-", ""): name for name in sorted(_popular()) if len(name.replace("-", "")) >= _SHORTEST
    }


@lru_cache(maxsize=1)
def _sorted_words() -> dict[str, str]:
    return {_words(name): name for name in sorted(_popular()) if "-" in name}


@lru_cache(maxsize=1)
def _skeletons() -> dict[str, str]:
    return {_skeleton(bare): name for bare, name in _bare().items()}


def _lines(file: str) -> list[str]:
    text = resources.files(__package__).joinpath(file).read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
