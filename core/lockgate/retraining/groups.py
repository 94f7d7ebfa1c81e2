"""Rows that share a value, or two: where a trigger lies, and a group whose labels were changed.

Values are places of their own wherever they come often enough: each category, each number that is
repeated, parts of other numbers, and what lies outside of the range of the reference. So a
trigger (a rare value, or a rare joint of two common ones, tied to a label) is a place, however few rows
it has, and a group of people whose labels were changed is one as well. Where a value has become
frequent, `planted` bets on each label as well.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from lockgate.retraining.betting import SHARP_SHARES, Account, stake
from lockgate.retraining.places import (
    ALLOWED,
    FEWEST_ROWS,
    LEAST,
    PRIOR,
    Place,
    changed,
    most_honest,
    usual_of,
)
from lockgate.retraining.planted import GROWN, honest_shifts, planted
from lockgate.retraining.values import BINS, FINE, Column, Joined, joined, number_of
from lockgate.retraining.whole import MOST_CLASSES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.retraining.surprise import Watched

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

MOST_PAIRED = 24
"""Two values together are looked at in this many columns at most, the first ones."""
_SHARP_PRIOR, _SHARP_MARGIN, _LEAST_SHARP = 1.0, 0.003, 0.1
"""As those of `places`, cut at `surprise.SHARP`, on which half of the stake of a single value goes."""


def places_of(columns: int) -> dict[str, int]:
    """Return how many places of one value and of two share a stake in so many columns.

    As many as there are parts of measurements, so that a place that comes up later is paid for already.
    Numbers that are repeated are not counted apart: hardly any part and its repeated numbers both surprise.
    """
    paired = min(columns, MOST_PAIRED)
    return {"value": columns * 2 * (BINS + FINE), "values": max(1, paired * (paired - 1) // 2) * BINS * BINS}


def _by_columns(places: Collection[Place]) -> Mapping[Place, list[Place]]:
    """Sort the places of values by their columns."""
    found: dict[Place, list[Place]] = {}
    for place in places:
        if place[0] in ("value", "values", "planted"):
            found.setdefault(place[2:-1] if place[0] == "planted" else place[1:-1], []).append(place)
    return found


def in_values(watched: Watched, accounts: Collection[Place]) -> dict[Place, Account]:
    """Return the account of every value, and of every two values of two columns, that surprises.

    Args:
        watched: The batch beside its reference.
        accounts: Places of former batches: what they lose now has to be booked, too.
    """
    import numpy as np

    kept = _by_columns(accounts)
    columns = [Column(watched, i) for i in range(len(watched.features[0].names))]
    now = changed(watched)
    found: dict[Place, Account] = {}
    shifts = [honest_shifts(watched, column) for column in columns]
    for column, own in zip(columns, shifts, strict=True):
        found |= _of_codes(watched, "value", (column.name,), column.codes, column.keys, now, kept)
        for parts, names in column.fine:
            found |= _of_codes(watched, "value", (column.name,), parts, names, now, kept)
        found |= _planted(watched, (column.name,), column.codes, column.keys, kept, own)
    paired = list(zip(columns, shifts, strict=True))[:MOST_PAIRED]
    for (one, mine), (two, theirs) in itertools.combinations(paired, 2):
        keys = Joined(one.keys, two.keys)
        most = np.maximum(mine, theirs)
        for codes in _together(one, two):
            found |= _of_codes(watched, "values", (one.name, two.name), codes, keys, now, kept)
            found |= _planted(watched, (one.name, two.name), codes, keys, kept, most)
    return found


def _together(one: Column, two: Column) -> Iterator[tuple[Integers, Integers]]:
    """Yield the numbers of two columns' values together: parts of measurements, then repeated ones.

    A repeated number is no place of its own where the number before or after it has become frequent as
    well: so does a column look that is measured otherwise, and its parts show it.
    """
    import numpy as np

    width = len(two.keys)
    parts, exact = (
        [joined(a, b, width) for a, b in zip(*sides, strict=True)]
        for sides in ((one.coarse, two.coarse), (one.codes, two.codes))
    )
    yield parts[0], parts[1]
    if all((a == b).all() for a, b in zip(parts, exact, strict=True)):
        return
    was, now = (np.where(a == b, -1, b) for a, b in zip(parts, exact, strict=True))
    before, rows = (np.bincount(codes, minlength=len(one.keys) * width) for codes in exact)
    grown = (rows >= FEWEST_ROWS) & (rows / len(now) >= GROWN * np.maximum(before, 0.5) / max(len(was), 1))
    beside = np.zeros(len(now), dtype=bool)
    for column, step in ((one, width), (two, 1)):
        own = column.codes[1]
        for way in (-1, 1):
            there = (own < column.repeated) & (own + way >= 0) & (own + way < column.repeated)
            beside |= there & grown[np.clip(exact[1] + way * step, 0, len(grown) - 1)]
    yield was, np.where(beside, -1, now)


def _planted(
    watched: Watched,
    names: Place,
    codes: tuple[Integers, Integers],
    keys: list[str] | Joined,
    kept: Mapping[Place, list[Place]],
    shifts: Floats,
) -> dict[Place, Account]:
    """Return the accounts of grown values and one label."""
    if len(watched.classes) > MOST_CLASSES:
        return {}
    old = {(place[-1], place[1]) for place in kept.get(names, ()) if place[0] == "planted"}
    known = {(code, label) for key, label in old if (code := number_of(keys, key)) is not None}
    found = planted(watched, codes, len(keys), known, shifts)
    return {("planted", label, *names, keys[code]): mine for (code, label), mine in found.items()}


def rows_of(watched: Watched, place: Place) -> NDArray[np.bool_]:
    """Return which judged rows of the batch are in a place of one or two values; shape (judged,)."""
    import numpy as np

    names, key = place[1:-1], place[-1]
    columns = [Column(watched, watched.features[0].names.index(name)) for name in names]
    for parts, own in columns[0].fine if len(columns) == 1 else ():
        if key in own:
            return np.asarray(parts[1] == own.index(key))
    mine = np.zeros(len(watched.batch.rows), dtype=bool)
    exact, coarse = (
        [codes[1] for codes in side] for side in zip(*((c.codes, c.coarse) for c in columns), strict=True)
    )
    for codes in (exact, coarse) if len(columns) > 1 else (exact,):
        each = np.ones(len(mine), dtype=bool)
        for column, code, part in zip(columns, codes, key.split("+"), strict=True):
            each &= np.isin(code, [i for i, own in enumerate(column.keys) if own == part])
        mine |= each
    return mine


def parts_of(watched: Watched, names: Collection[str]) -> set[str]:
    """Return the keys of the parts of some columns' measurements; repeated numbers are none."""
    columns = [Column(watched, i) for i, name in enumerate(watched.features[0].names) if name in names]
    fine = {key for column in columns for _, keys in column.fine for key in keys}
    return fine | {key for c in columns if c.fine for key in c.keys[c.repeated : -1]}


def _of_codes(
    watched: Watched,
    kind: str,
    names: Place,
    codes: tuple[Integers, Integers],
    keys: list[str] | Joined,
    times: float,
    kept: Mapping[Place, list[Place]],
) -> dict[Place, Account]:
    """Return the accounts of the places of one column, or of two, that surprise or were kept."""
    import numpy as np

    before, batch = watched.reference, watched.batch
    width = len(keys)
    was, now = codes
    there = now >= 0
    rows = np.bincount(now[there], minlength=width)
    shown = np.bincount(now[there], batch.surprise[there], width)
    hoped = np.bincount(now[there], batch.expected[there], width)
    # Only where labels surprise at all does anybody gain; most places of two values need no more.
    worth = (rows >= FEWEST_ROWS) & (shown > hoped * watched.usual * ALLOWED[kind].factor)
    if old := [place[-1] for place in kept.get(names, ()) if place[0] == kind]:
        numbers = [code for key in old if (code := number_of(keys, key)) is not None]
        worth[numbers] |= rows[numbers] > 0
    if not worth.any():
        return {}
    known = was >= 0

    def usual_by(surprise: Floats, expected: Floats, prior: float, least: float) -> Floats:
        sums = [_sums(was[known], each[known], width) for each in (surprise, expected, surprise**2)]
        return usual_of(sums[0], sums[1], watched.usual, prior, sums[2], least)

    usual = usual_by(before.surprise, before.expected, PRIOR, LEAST)
    share = np.bincount(was[known], minlength=width) / max(len(was), 1)
    picked = np.flatnonzero(there & worth[np.maximum(now, 0)])
    at = now[picked]
    bound = most_honest(kind, batch.expected[picked], usual[at] * times)
    logs = stake(batch.surprise[picked], bound)
    if kind == "value":  # half of the stake on the labels that are hardly ever honest
        sharp = usual_by(before.sharp, before.sharp_expected, _SHARP_PRIOR, _LEAST_SHARP)
        factor = sharp[at] * times * ALLOWED[kind].factor
        most = batch.sharp_expected[picked] * factor + _SHARP_MARGIN
        logs[:, ::2] = stake(batch.sharp[picked], most, SHARP_SHARES)[:, 1::2]
    sums = [np.bincount(at, column, width) for column in logs.T]
    allowed = np.bincount(at, bound, width)
    found: dict[Place, Account] = {}
    for cell in np.flatnonzero(worth):
        mine = Account(
            int(rows[cell]),
            float(shown[cell]),
            float(allowed[cell]),
            tuple(float(column[cell]) for column in sums),
        )
        found[(kind, *names, keys[int(cell)])] = mine.at(float(share[cell]), len(batch.rows))
    return found


def _sums(places: Integers, values: Floats, number: int) -> Floats:
    """Add the values up by place."""
    import numpy as np

    return np.asarray(np.bincount(places, values, number), dtype=np.float64)
