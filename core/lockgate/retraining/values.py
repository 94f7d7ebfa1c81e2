"""Number the values of a column as places: categories, repeated numbers, and parts of other numbers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.retraining.surprise import Watched

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

BINS = 16
FINE = 128
"""Into so many parts of the same size a column of numbers is cut as well, for what lies close together."""
FEWEST_REPEATS = 3
"""A number is a place of its own when it comes this often in the batch."""


class Column:
    """The values of one column as places.

    Attributes:
        name: Its name.
        codes: Place of each judged row of the reference and of the batch, -1 for none.
        keys: Key of each place.
        coarse: The same with measurements in sixteenths only.
        repeated: How many of the first keys are repeated measurements, in their order.
        fine: Parts of the reference that hold one in `FINE` of its rows each, twice, shifted by half of
            one, and their keys; none for categories.
    """

    def __init__(self, watched: Watched, i: int) -> None:
        import numpy as np

        before, now = (features.values[:, i] for features in watched.features)
        self.name = watched.features[0].names[i]
        values, counts = np.unique(now[~np.isnan(now)], return_counts=True)
        known = np.unique(before[~np.isnan(before)])
        alone = values[counts >= FEWEST_REPEATS]
        if watched.features[0].categorical[i] or len(known) <= 2 * BINS:
            kept, edges = np.union1d(known, values), np.array([])
        else:
            # A value that is repeated in measurements is news; in counts such as an age all are.
            kept = alone[: 16 * BINS]
            edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)))
        self.repeated = len(kept) if len(edges) else 0
        self.keys = [key_of(self.name, "value", watched.called(i, float(v))) for v in kept]
        self.keys += [key_of(self.name, "part", str(k)) for k in range(len(edges) + 1)] if len(edges) else []
        self.keys.append(key_of(self.name, "missing", ""))
        pairs = [self._code(values, kept, edges, np.isnan(values)) for values in (before, now)]
        self.codes = pairs[0], pairs[1]
        coarse = pairs
        if len(edges):
            none = np.array([])
            coarse = [self._code(v, none, edges, np.isnan(v), len(kept)) for v in (before, now)]
        self.coarse = coarse[0], coarse[1]
        self.fine: list[tuple[tuple[Integers, Integers], list[str]]] = []
        for shift in (0.0, 0.5) if len(edges) else ():
            inner = np.quantile(before[~np.isnan(before)], (np.arange(1, FINE) - shift) / FINE)
            parts = [
                np.where(np.isnan(v), -1, np.searchsorted(inner, v, side="right")) for v in (before, now)
            ]
            names = [key_of(self.name, "fine", f"{k - shift:g}") for k in range(FINE)]
            self.fine.append(((parts[0], parts[1]), names))

    def _code(
        self, values: Floats, kept: Floats, edges: Floats, missing: NDArray[np.bool_], first: int = 0
    ) -> Integers:
        """Number the values: those kept, then the parts between the edges, then the missing ones.

        `first` is the number of the first part, where nothing is kept.
        """
        import numpy as np

        first = max(first, len(kept))
        code = np.full(len(values), -1, dtype=np.int64)
        if len(edges):
            code = first + np.searchsorted(edges, np.where(missing, 0.0, values), side="right")
            code = np.where(values == edges[-1], first + len(edges) - 1, code)
        if len(kept):
            at = np.clip(np.searchsorted(kept, np.where(missing, 0.0, values)), 0, len(kept) - 1)
            code = np.where(kept[at] == values, at, code)
        return np.where(missing, len(self.keys) - 1, code).astype(np.int64)


def joined(one: Integers, two: Integers, width: int) -> Integers:
    """Number two columns' values together, where the second has so many; -1 where either is none."""
    import numpy as np

    codes: Integers = np.where((one >= 0) & (two >= 0), one * width + two, -1)
    return codes


class Joined:
    """The keys of two columns' values together."""

    def __init__(self, one: list[str], two: list[str]) -> None:
        self.one, self.two = one, two

    def __len__(self) -> int:
        return len(self.one) * len(self.two)

    def __getitem__(self, code: int) -> str:
        a, b = divmod(code, len(self.two))
        return f"{self.one[a]}+{self.two[b]}"


def number_of(keys: list[str] | Joined, key: str) -> int | None:
    """Return the number of a key; None where there is no such value now."""
    if isinstance(keys, Joined):
        one, _, two = key.partition("+")
        a, b = number_of(keys.one, one), number_of(keys.two, two)
        return None if a is None or b is None else a * len(keys.two) + b
    return keys.index(key) if key in keys else None


def key_of(column: str, kind: str, value: str) -> str:
    """Name a value without showing it."""
    return hashlib.sha256(f"{column}\x1f{kind}\x1f{value}".encode("utf-8", "replace")).hexdigest()[:16]
