"""What can break in one column, each undone in turn: see `lockgate.retraining.bugs`.

Numbers: the two-sample Kolmogorov-Smirnov distance between the batch and the reference after a change
of unit. A change counts if the column is off beyond chance, the change explains it beyond chance, and
at least halves the distance. Categories: values that the reference does not know, held against those
that are gone.
"""

from __future__ import annotations

import contextlib
import functools
import math
import unicodedata
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lockgate.retraining.bug import FEWEST_ROWS, Bug

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MORE_MISSING = 0.05
"""A share of missing values that has grown by this much is a defect."""
_CERTAIN = 2.23  # of Kolmogorov-Smirnov: exceeded by chance once in 10,000
_BY_CHANCE = 1.63  # once in 100
_LEAST_DISTANCE = 0.12
_ALIKE = 0.08
_ROUGHLY_ALIKE = 0.2
_LARGE_FACTOR = 5.0
_TIGHT = 6.0
"""A change that leaves so many times less of the distance than there was is unlike most drifts."""
_DEFAULT_SHARE = 0.1
_ALONE = 2.5
"""A default comes this many times as often as the next value."""
_FAR = 5.0  # standard errors
_OUTSIDE = 0.01
_NEW_SHARE = 0.05
_ABSENT = 1e-3  # the chance that a value is absent without having been renamed
_MANY_VALUES = 20
_MOST_CATEGORIES = 500

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


class Pair:
    """A column of the reference and of the batch.

    Attributes:
        name: Its name.
        numbers: Whether both hold numbers.
        before: The values of the reference: floats with NaN for missing ones, or texts and None.
        now: Those of the batch.
    """

    def __init__(self, name: str, before: pa.ChunkedArray, now: pa.ChunkedArray) -> None:
        self.name = name
        kinds = [_is_number(column) for column in (before, now)]
        empty = [column.null_count == len(column) for column in (before, now)]
        self.numbers = all(k or e for k, e in zip(kinds, empty, strict=True)) and any(kinds)
        self.other = not self.numbers and any(kinds)  # a number on one side: `compare` says so
        self.before = _values(before, self.numbers)
        self.now = _values(now, self.numbers)

    @functools.cached_property
    def shares(self) -> tuple[dict[str, float], dict[str, float]]:
        """How frequent each text is, in the reference and in the batch."""
        if self.numbers:
            texts = [
                [None if math.isnan(v) else repr(v) for v in side.tolist()]
                for side in (self.before, self.now)
            ]
            return shares(texts[0]), shares(texts[1])
        return shares(self.before), shares(self.now)

    @property
    def few(self) -> bool:
        """Whether it has so few numbers that they may be codes."""
        return all(len(set(_present(side))) <= _MANY_VALUES for side in (self.before, self.now))

    @property
    def gone(self) -> tuple[Any, Any]:
        """Which values are missing, of the reference and of the batch."""
        import numpy as np

        if self.numbers:
            return np.isnan(self.before), np.isnan(self.now)
        return tuple(np.array([v is None for v in side], dtype=bool) for side in (self.before, self.now))  # type: ignore[return-value]


def defect(pair: Pair, groups: Sequence[tuple[str, NDArray[np.bool_]]] = ()) -> Bug | None:
    """Return the defect of one column, or None.

    Args:
        pair: The column of both tables.
        groups: Rows of each source of the batch, by name.
    """
    if (bug := _missing(pair)) is not None or len(set(_present(pair.before))) < 2:  # noqa: PLR2004 - the mark of a batch, such as a year
        return bug
    found = _constant(pair) or (_of_numbers(pair, groups) if pair.numbers else None)
    return found or (_of_categories(pair) if pair.few or not pair.numbers else None)


def _missing(pair: Pair) -> Bug | None:
    was, is_ = pair.gone
    more = float(is_.mean()) - float(was.mean())
    error = math.sqrt(max(was.mean() * (1 - was.mean()), 1 / len(was)) / len(was) + 0.25 / len(is_))
    if more <= max(MORE_MISSING, 3.0 * error if is_.mean() < 1 else 0.0):
        return None
    return Bug(
        "missing", (pair.name,), f"has no value in {is_.mean():.0%} of the rows, before in {was.mean():.0%}"
    )


def _constant(pair: Pair) -> Bug | None:
    was, is_ = (set(_present(side)) for side in (pair.before, pair.now))
    if len(is_) != 1 or len(was) < 2:  # noqa: PLR2004 - it was constant before
        return None
    (value,) = is_
    share = sum(v == value for v in _present(pair.before)) / max(len(_present(pair.before)), 1)
    # That so many rows have the same value must be far from chance.
    if len(_present(pair.now)) * math.log(max(share, 1e-9)) > math.log(1e-6):
        return None
    return Bug("constant", (pair.name,), "has the same value in every row")


# --- Numbers ----------------------------------------------------------------------------------------


def _of_numbers(pair: Pair, groups: Sequence[tuple[str, NDArray[np.bool_]]]) -> Bug | None:
    import numpy as np

    before, everything = _present(pair.before), pair.now
    now = _present(everything)
    if min(len(before), len(now)) < FEWEST_ROWS:
        return None
    if unit := _unit(before, now):
        return Bug(unit[0], (pair.name,), unit[1], unit[2])
    for name, rows in groups:
        part = everything[rows & ~np.isnan(everything)]
        rest = everything[~rows & ~np.isnan(everything)]
        moved = not len(rest) or distance(before, rest) > _ALIKE
        if len(part) >= FEWEST_ROWS and (unit := _unit(before, part, factors_only=True, only_large=moved)):
            return Bug(unit[0], (pair.name,), f"{unit[1]}, in the rows of source {name!r}")
    if said := _outside(before, now):
        return Bug(said[0], (pair.name,), said[1])
    return _default(pair.name, before, now)


def _unit(
    before: Floats, now: Floats, *, factors_only: bool = False, only_large: bool = False
) -> tuple[str, str, int] | None:
    """Return what makes the reference like the batch, when they differ, and how a drift could be like it.

    In few rows a drift looks like many a change of its form, so there only factors are tried, and only
    large ones where everything else has moved as well.
    """
    import numpy as np

    sides = [before, now]
    if (before == 0.0).mean() > 0.2 and len(np.unique(before)) > _MANY_VALUES:  # noqa: PLR2004 - zero has no unit
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
        tolerated = max(_ROUGHLY_ALIKE if large else _ALIKE, _BY_CHANCE * noise)
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
        large = factor >= _LARGE_FACTOR or factor <= 1 / _LARGE_FACTOR
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
    return found


def _outside(before: Floats, now: Floats) -> tuple[str, str] | None:
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
            if left <= _ROUGHLY_ALIKE and (best is None or left < best[0]):
                best = (left, said)
    if best is None:
        return None
    return "unit", f"is {best[1]} in at least {len(out) / len(now):.0%} of the rows"


def _default(name: str, before: Floats, now: Floats) -> Bug | None:
    """Look for one value that fills a column of measurements."""
    import numpy as np

    if len(np.unique(before)) <= _MANY_VALUES:
        return None
    values, counts = np.unique(now, return_counts=True)
    share = float(counts.max()) / len(now)
    was = float((before == values[int(counts.argmax())]).mean())
    both = (share * len(now) + was * len(before)) / (len(now) + len(before))
    error = math.sqrt(both * (1 - both) * (1 / len(now) + 1 / len(before)))
    if share - was < max(_DEFAULT_SHARE, _FAR * error) or share < 5 * was:
        return None
    # Where others come as often by now, the column was rounded, or its range was cut.
    second = float(np.partition(counts, -2)[-2]) / len(now) if len(counts) > 1 else 0.0
    if share < _ALONE * second:
        return None
    return Bug(
        "default", (name,), f"has one and the same value in {share:.0%} of the rows, before in {was:.1%}"
    )


def distance(one: Floats, two: Floats) -> float:
    """Return the Kolmogorov-Smirnov distance of two samples, 0 to 1."""
    import numpy as np

    one, two = np.sort(one), np.sort(two)
    # Numbers that a change of unit has moved by a rounding error are the same ones.
    largest = (max(abs(float(side[0])), abs(float(side[-1]))) for side in (one, two))
    grain = 1e-9 * max(min(largest), 1e-300)
    at = np.concatenate([one, two])
    at.sort()
    below = [np.searchsorted(side, at + grain, side="right") / len(side) for side in (one, two)]
    return float(np.abs(below[0] - below[1]).max())


# --- Categories -------------------------------------------------------------------------------------


def _of_categories(pair: Pair) -> Bug | None:
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
    plain = {_plain(value) for value in was}
    spelt = sum(share for value, share in new.items() if plain & _spellings(value))
    if spelt >= 0.9 * much:
        said = f"spells known values otherwise in {spelt:.0%} of the rows (letters, blanks or encoding)"
        return Bug("spelling", (pair.name,), said)
    new, gone = _surely(new, len(pair.before)), _surely(gone, len(pair.now))
    much, lost = sum(new.values()), sum(gone.values())
    if much < _NEW_SHARE:
        return None
    noise = 3.0 / math.sqrt(len(pair.now))
    if _matched(new, gone) >= 0.8 * much and abs(lost - much) <= max(noise, 0.25 * lost):
        said = f"has {len(new)} values that are new, as frequent as {len(gone)} that are gone"
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


def shares(values: Sequence[str | None]) -> dict[str, float]:
    """Return how frequent each value is among those that are there."""
    from collections import Counter

    counted = Counter(value for value in values if value is not None)
    total = sum(counted.values())
    return {value: count / total for value, count in counted.items()}


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


# --- Values -----------------------------------------------------------------------------------------


def _is_number(column: pa.ChunkedArray) -> bool:
    import pyarrow as pa

    kind = column.type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _values(column: pa.ChunkedArray, numbers: bool) -> Any:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if numbers:
        if not _is_number(column):
            return np.full(len(column), np.nan)
        found = np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(), dtype=np.float64)
        return np.where(np.isfinite(found) & (np.abs(found) < 1e300), found, np.nan)  # noqa: PLR2004 - its square is infinite
    return [None if v is None else str(v) for v in column.to_pylist()]


def _present(values: Any) -> Any:
    import numpy as np

    if isinstance(values, list):
        return [v for v in values if v is not None]
    return values[~np.isnan(values)]
