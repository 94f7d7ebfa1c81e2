"""Numbers in another unit: each change of unit that is common is undone in turn.

The two-sample Kolmogorov-Smirnov distance between the batch and the reference after a change says
whether it was that. A change counts if the column is off beyond chance, the change explains it beyond
chance, and at least halves the distance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lockgate.retraining.bug import FEWEST_ROWS
from lockgate.retraining.pairs import MANY_VALUES, distance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_CERTAIN = 2.23  # of Kolmogorov-Smirnov: exceeded by chance once in 10,000
_BY_CHANCE = 1.63  # once in 100
_LEAST_DISTANCE = 0.12
ALIKE = 0.08
"""Largest distance of columns that are alike."""
_ROUGHLY_ALIKE = 0.2
_LARGE_FACTOR = 5.0
_TIGHT = 6.0
"""A change that leaves so many times less of the distance than there was is unlike most drifts."""
_OUTSIDE = 0.01
_HOURS = 24

_FACTORS = (
    *((10.0**k, f"10^{k}") for k in (1, 2, 3, 4, 5, 6, 9)),
    *((2.54, "2.54 (inches, cm)"), (25.4, "25.4 (inches, mm)"), (0.3048, "0.3048 (feet, m)")),
    *((30.48, "30.48 (feet, cm)"), (1.609344, "1.609 (miles, km)"), (0.45359237, "0.4536 (pounds, kg)")),
    *((28.349523, "28.35 (ounces, g)"), (3.785411784, "3.785 (gallons, l)"), (4.184, "4.184 (cal, J)")),
    *((12.0, "12 (months)"), (60.0, "60 (minutes)"), (3600.0, "3600 (hours)"), (24.0, "24 (days)")),
    *((7.0, "7 (weeks)"), (365.25, "365.25 (years)"), (1024.0, "1024"), (math.pi / 180.0, "pi/180")),
)
_TEMPERATURES: tuple[tuple[str, float, float, Callable[[Any], Any]], ...] = (
    ("Celsius to Fahrenheit", -100.0, 150.0, lambda x: x * 1.8 + 32.0),
    ("Fahrenheit to Celsius", -150.0, 300.0, lambda x: (x - 32.0) / 1.8),
    ("Celsius to kelvin", -100.0, 150.0, lambda x: x + 273.15),
    ("kelvin to Celsius", 150.0, 450.0, lambda x: x - 273.15),
)


def unit(
    before: Floats, now: Floats, *, factors_only: bool = False, only_large: bool = False
) -> tuple[str, str, int] | None:
    """Return what makes the reference like the batch, when they differ, and how a drift could be like it.

    In few rows a drift looks like many a change of its form, so there only factors are tried, and only
    large ones where everything else has moved as well.
    """
    import numpy as np

    sides = [before, now]
    if (before == 0.0).mean() > 0.2 and len(np.unique(before)) > MANY_VALUES:  # noqa: PLR2004 - zero has no unit
        sides = [side[side != 0.0] for side in sides]
    if min(map(len, sides)) < FEWEST_ROWS // 2:
        return None
    was, is_ = sides
    off = distance(was, is_)
    noise = math.sqrt(1 / len(was) + 1 / len(is_))
    if off < max(_LEAST_DISTANCE, _CERTAIN * noise):
        return None
    best: tuple[float, str, str, int] | None = None
    for kind, said, change, large in _changes(was, factors_only=factors_only):
        left = distance(change(was), is_)
        # A skewed column that drifts is soon like a small multiple of itself.
        tolerated = max(_ROUGHLY_ALIKE if large else ALIKE, _BY_CHANCE * noise)
        allowed = min(tolerated, _ROUGHLY_ALIKE, off / 2 if large else off / 3)
        if (large or not only_large) and left <= allowed and (best is None or left < best[0]):
            best = (left, kind, said, 0 if large else 1 if left <= off / _TIGHT else 2)
    return best[1:] if best else None


def _changes(
    before: Floats, *, factors_only: bool = False
) -> list[tuple[str, str, Callable[[Floats], Floats], bool]]:
    import numpy as np

    found: list[tuple[str, str, Callable[[Floats], Floats], bool]] = []
    for factor, name in _FACTORS:
        large = _is_large(factor)
        found.append(("unit", f"is multiplied by {name}", lambda x, f=factor: x * f, large))  # type: ignore[misc]
        found.append(("unit", f"is divided by {name}", lambda x, f=factor: x / f, large))  # type: ignore[misc]
    if factors_only:
        return found
    found += [
        ("sign", "has the other sign", lambda x: -x, False),
        ("sign", "is counted from the other end", lambda x: before.max() + before.min() - x, False),
    ]
    for said, low, high, change in _TEMPERATURES:
        if low <= before.min() and before.max() <= high and before.max() - before.min() <= 200:  # noqa: PLR2004 - degrees
            found.append(("unit", f"went from degrees {said}", change, False))
    spread = float(before.std())
    if spread > 0.0:
        found += [
            ("unit", "has mean 0 and deviation 1 now", lambda x: (x - before.mean()) / spread, False),
            ("unit", "is scaled to 0 to 1 now", lambda x: (x - before.min()) / np.ptp(before), False),
        ]
    if (before >= 0).all():
        found.append(("unit", "is the logarithm of one more now", np.log1p, False))
    if (before > 0).all():
        found += [
            ("unit", "is a logarithm now", np.log, False),
            ("unit", "is a logarithm to base 10 now", np.log10, False),
            ("unit", "is one over the former value", lambda x: 1.0 / x, False),
        ]
    if (np.abs(before) < 50).all():  # noqa: PLR2004 - an exponential of more is nobody's column
        found.append(("unit", "was a logarithm and is none now", np.exp, False))
    if (before == np.round(before)).all():
        found += [
            ("shift", "is counted from one more than before", lambda x: x + 1.0, False),
            ("shift", "is counted from one less than before", lambda x: x - 1.0, False),
        ]
        if before.min() == 0 and before.max() == _HOURS - 1:
            said = "is off by {} hours of the day (time zone)"
            found += [
                ("shift", said.format(k), lambda x, k=k: (x + k) % _HOURS, False)  # type: ignore[misc]
                for k in range(1, _HOURS)
            ]
    return found


def _is_large(factor: float) -> bool:
    return factor >= _LARGE_FACTOR or factor <= 1 / _LARGE_FACTOR


def outside(before: Floats, now: Floats) -> tuple[str, str] | None:
    """Look at the rows beyond what the reference has: are they values of the reference in another unit?"""
    low, high = float(before.min()), float(before.max())
    width = max(high - low, 1e-12)
    out = now[(now < low - 0.05 * width) | (now > high + 0.05 * width)]
    if len(out) < max(FEWEST_ROWS, _OUTSIDE * len(now)):
        return None
    best: tuple[float, str] | None = None
    for factor, name in _FACTORS:
        for change, said in ((factor, f"multiplied by {name}"), (1 / factor, f"divided by {name}")):
            back = out / change
            # Of what was changed, only what then lies beyond the range can be seen here.
            moved = before * change
            seen = before[(moved < low - 0.05 * width) | (moved > high + 0.05 * width)]
            if len(seen) < FEWEST_ROWS // 2:
                continue
            left = distance(seen, back)
            # Of few rows not even the right change makes the others.
            noise = _BY_CHANCE * math.sqrt(1 / len(seen) + 1 / len(back)) if _is_large(factor) else 0.0
            if left <= max(_ROUGHLY_ALIKE, noise) and (best is None or left < best[0]):
                best = (left, said)
    if best is None:
        return None
    return "unit", f"is {best[1]} in at least {len(out) / len(now):.0%} of the rows"
