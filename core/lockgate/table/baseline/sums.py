"""Exact sums of a column's values and of their squares, from which mean and deviation follow.

A sum of floats depends on their order; a mean that is to be equal for a table and for its parts,
on one core and on many, must not. Every float is a whole number times a power of two, so both sums
are kept as whole numbers of any length, in units of 2^-1074 (the smallest float) and its square.
This is Kulisch's long accumulator (Computer Arithmetic and Validity, 2nd ed. 2013, chapter 8), on
Python's integers.

The integers of a batch are added by numpy: each is cut into four limbs of 16 bits, and products of
limbs are summed as floats, which is exact below 2^53.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_UNIT = 1074
_MANTISSA = 53
_LIMBS = 4
_LIMB_BITS = 16
_MOST_ROWS = 1 << 14  # fits into the cache; sums of up to 2**20 products of limbs stay below 2**53


@dataclass(frozen=True)
class Sums:
    """Sums of finite values; ``+`` merges two of them exactly.

    Attributes:
        count: How many values.
        total: Their sum, in units of 2^-1074.
        squares: The sum of their squares, in units of 2^-2148.
    """

    count: int = 0
    total: int = 0
    squares: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.count + other.count, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float | None:
        """The mean, correctly rounded; None without values, or when it is too large for a float."""
        return _rounded(Fraction(self.total, self.count << _UNIT)) if self.count else None

    @property
    def std(self) -> float | None:
        """The sample standard deviation (n - 1); None below two values, or when too large."""
        if self.count < 2:  # noqa: PLR2004 - n - 1
            return None
        spread = self.squares * self.count - self.total * self.total
        variance = Fraction(spread, self.count * (self.count - 1) << (2 * _UNIT))
        return _root(variance)


def sums(values: np.ndarray[Any, Any]) -> Sums:
    """Return the exact sums of finite float64 or int64 values; fast when they are sorted."""
    import numpy as np

    if values.dtype.kind == "i":
        total, squares = _whole(values.astype("<i8", copy=False))
        return Sums(len(values), total << _UNIT, squares << (2 * _UNIT))
    total = squares = 0
    for start in range(0, len(values), _MOST_ROWS):
        fractions, exponents = np.frexp(values[start : start + _MOST_ROWS])
        digits = np.ldexp(fractions, _MANTISSA).astype("<i8")
        edges = [0, *(np.flatnonzero(np.diff(exponents)) + 1).tolist(), len(digits)]
        by_exponent: dict[int, list[Any]] = {}
        for first, last in itertools.pairwise(edges):
            by_exponent.setdefault(int(exponents[first]), []).append(digits[first:last])
        for exponent, parts in by_exponent.items():
            part, square = _whole(np.concatenate(parts) if len(parts) > 1 else parts[0])
            # Below the smallest normal float the last digits are zeros, so shifting right loses none.
            shift = _UNIT + exponent - _MANTISSA
            total += part << shift if shift >= 0 else part >> -shift
            squares += square << 2 * shift if shift >= 0 else square >> -2 * shift
    return Sums(len(values), total, squares)


def _whole(values: np.ndarray[Any, Any]) -> tuple[int, int]:
    """Return the sum of int64 values and of their squares, as Python's integers."""
    import numpy as np

    total = squares = 0
    for start in range(0, len(values), _MOST_ROWS):
        part = np.ascontiguousarray(values[start : start + _MOST_ROWS])
        limbs = part.view("<u2").reshape(-1, _LIMBS).astype(np.float64)
        limbs[:, -1] -= (part < 0) * float(1 << _LIMB_BITS)
        sums_ = limbs.sum(axis=0)
        products = limbs.T @ limbs
        for i in range(_LIMBS):
            total += int(sums_[i]) << (_LIMB_BITS * i)
            for j in range(_LIMBS):
                squares += int(products[i, j]) << (_LIMB_BITS * (i + j))
    return total, squares


def _rounded(value: Fraction) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def _root(value: Fraction) -> float | None:
    """The square root of a fraction as a float, from an integer root of at least 64 bits."""
    if not value:
        return 0.0
    shift = max(0, 128 - value.numerator.bit_length() + value.denominator.bit_length())
    shift += shift % 2
    return _rounded(Fraction(math.isqrt((value.numerator << shift) // value.denominator), 1 << (shift // 2)))
