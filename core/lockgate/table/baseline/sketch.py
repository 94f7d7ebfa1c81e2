"""How many different values a column has: exact while they are few, estimated beyond.

The smallest hashes of the different values are kept (k minimum values: Bar-Yossef et al.,
RANDOM 2002; Beyer et al., SIGMOD 2007). While there are no more than `KEPT`, their number is exact;
beyond, it is (k - 1) / U, where U is the k-th smallest hash as a share of all, with a relative
standard error of 1 / sqrt(k - 2), 4 %. The union of two sketches is the sketch of the union, whatever the
order, so a table and its parts give the same number.

Hashes are the same on every engine: SplitMix64's finaliser (Steele et al., OOPSLA 2014) of a
number's bits, and the first 64 bits of SHA-256 of a text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

KEPT = 512
RELATIVE_ERROR = 1 / (KEPT - 2) ** 0.5
_MOST = 2**64
_INT_LIMIT = 2.0**63


@dataclass(frozen=True)
class Distinct:
    """The smallest hashes of a column's different values, in ascending order; at most `KEPT`."""

    hashes: tuple[int, ...] = ()

    def __add__(self, other: Distinct) -> Distinct:
        return Distinct(tuple(sorted({*self.hashes, *other.hashes})[:KEPT]))

    @property
    def exact(self) -> bool:
        """Whether `count` is exact: there are fewer different values than hashes that are kept."""
        return len(self.hashes) < KEPT

    @property
    def count(self) -> int:
        """How many different values there are; see `exact`."""
        if self.exact:
            return len(self.hashes)
        return round((KEPT - 1) / ((self.hashes[-1] + 1) / _MOST))


def of_numbers(different: np.ndarray[Any, Any]) -> Distinct:
    """Return the sketch of different numbers, int64 or float64; a whole float hashes as its integer."""
    import numpy as np

    bits = different
    if different.dtype.kind == "f":
        bits = (different + 0.0).view(np.int64).copy()  # + 0.0: there is one zero
        whole = (np.abs(different) < _INT_LIMIT) & (np.trunc(different) == different)
        bits[whole] = different[whole].astype(np.int64)
    mixed = bits.astype(np.int64, copy=False).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    if len(mixed) > KEPT:
        mixed = np.partition(mixed, KEPT - 1)[:KEPT]
    return Distinct(tuple(sorted(set(mixed.tolist()))))


def of_texts(different: Iterable[str]) -> Distinct:
    """Return the sketch of different texts."""
    return Distinct(tuple(sorted({text_hash(text) for text in different})[:KEPT]))


def text_hash(text: str) -> int:
    """Return the hash of a text: the first 64 bits of SHA-256 of its UTF-8."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
