"""Where labels contradict the reference: all over, in a source, a pair of classes, a value, or two values.

Every place has an allowance, what honest labels there may show: the expectation of the rows, times how
much more than that the place shows in the reference, times how much more the whole batch shows, plus a
margin. The last factor lets the world change: when all labels of a year follow slightly other rules, no
value stands out. Nothing stands beside the whole batch and the pairs of classes, so they are allowed a
larger factor; sources have a module of their own (`lockgate.retraining.sources`).

Values are places of their own wherever they come often enough: each category, each number that is
repeated, parts of other numbers, and what lies outside of the range of the reference. So a
trigger (a rare value, or a rare joint of two common ones, tied to a label) is a place, however few rows
it has, and a group of people whose labels were changed is one as well. Where a value has become
frequent, `planted` bets on each label as well.

The reference shows a place in so many rows only, and a stream goes on for longer: so what is usual there
is taken `_UNSURE` standard errors higher.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockgate.retraining.betting import SHARP_SHARES, Account, account, stake
from lockgate.retraining.crowds import crowds
from lockgate.retraining.sources import bet_on_sources
from lockgate.retraining.values import BINS, FINE, Column, Joined, joined, number_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.retraining.surprise import Judged, Watched

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

Place = tuple[str, ...]
"""``("all",)``, ``("source", NAME)``, ``("labels", WAS, BECAME)``, ``("value", COLUMN, KEY)``,
``("values", COLUMN, COLUMN, KEY)``, ``("crowd", KEY)``, or ``("planted", LABEL, COLUMN, [COLUMN,] KEY)``; a
key stands for a value that nothing shows."""

FEWEST_ROWS = 3
"""A place with fewer rows of the batch is not looked at."""
MOST_CLASSES = 30
"""With more classes the pairs are too many to look at each."""
MOST_PAIRED = 24
"""Two values together are looked at in this many columns at most, the first ones."""
_UNSURE = 2.0
"""Standard errors of what the reference shows."""
_PRIOR = 5.0
"""How much expected surprise the whole reference counts for beside its rows in a place."""
_LEAST = 1.0
"""So much surprise is expected of a place of the reference at least, whose own share of surprise counts."""
_SHARP_PRIOR, _SHARP_MARGIN, _LEAST_SHARP = 1.0, 0.003, 0.1
"""The same, cut at `surprise.SHARP`, on which half of the stake of a single value goes."""
_PRIOR_OF_ALL = 30.0
"""The same for the whole batch."""


@dataclass(frozen=True)
class Allowance:
    """How far honest labels of a kind of place may go beyond what the reference and the rest show.

    Attributes:
        factor: Times the expectation.
        margin: Plus this much of the surprise of each row.
        weight: The kind's part of the whole stake.
    """

    factor: float
    margin: float
    weight: float


ALLOWED = {
    "all": Allowance(1.35, 0.004, 0.05),
    "labels": Allowance(1.7, 0.003, 0.1),
    "source": Allowance(1.0, 0.0, 0.35),  # as those of `sources`, `crowds` and
    "crowd": Allowance(1.0, 0.0, 0.1),
    "value": Allowance(1.5, 0.02, 0.15),
    "values": Allowance(1.6, 0.03, 0.1),
    "planted": Allowance(1.0, 0.0, 0.15),  # `planted` are there
}


@dataclass(frozen=True)
class Found:
    """What a batch shows in its places.

    Attributes:
        accounts: By place.
        weights: Part of the whole stake of one place of each kind.
    """

    accounts: dict[Place, Account]
    weights: dict[str, float]


def look(
    watched: Watched,
    source: NDArray[np.object_] | None = None,
    known_source: NDArray[np.object_] | None = None,
    kept: Mapping[Place, Account] | None = None,
) -> Found:
    """Return what a batch shows in every place that surprises, or that has an account already.

    Args:
        watched: The batch beside its reference.
        source: Source of each row of the batch's table, None for a row without; None without a column.
        known_source: The same of the reference's table.
        kept: Accounts of former batches: what they lose now has to be booked, too.
    """
    kept = kept or {}
    rows = watched.batch.rows
    found: dict[Place, Account] = dict(in_all_rows(watched))
    found |= in_pairs_of_classes(watched)
    if source is not None:
        known = None if known_source is None else known_source[watched.reference.rows]
        found |= {
            ("source", name): mine for name, mine in bet_on_sources(watched, source[rows], known).items()
        }
    found |= _values(watched, _by_columns(kept))
    crowded = crowds(watched, {place[1]: mine for place, mine in kept.items() if place[0] == "crowd"})
    found |= {("crowd", key): mine for key, mine in crowded.items()}
    columns = len(watched.features[0].names)
    paired = min(columns, MOST_PAIRED)
    classes = len(watched.classes)
    number = {
        "all": 1,
        "labels": max(1, classes * (classes - 1)),
        "source": max(1, sum(place[0] == "source" for place in found)),
        # As many as there may ever be, so that a place that comes up later is paid for already.
        "value": columns * 2 * (BINS + FINE),
        "values": max(1, paired * (paired - 1) // 2) * BINS * BINS,
    }
    number["crowd"] = 2 * len(watched.reference.rows)
    number["planted"] = classes * (number["value"] + number["values"])
    return Found(found, {kind: ALLOWED[kind].weight / number[kind] for kind in number})


def _allowed(kind: str, expected: Floats, usual: Floats | float) -> Floats:
    allowance = ALLOWED[kind]
    bound: Floats = expected * usual * allowance.factor + allowance.margin
    return bound


def _usual(
    surprise: Floats,
    expected: Floats,
    usual: float,
    prior: float = _PRIOR,
    squares: Floats | float = 0.0,
    least: float = math.inf,
) -> Floats:
    """By how much a place of the reference surprises more than expected, drawn to the whole's figure.

    `squares` is the sum of the squared surprises, the variance of their sum. A model that is plainly
    wrong about a place is believed to be that wrong, however small the place; `least` is what is expected
    there at least.
    """
    import numpy as np

    unsure = _UNSURE * np.sqrt(squares)
    drawn = (surprise + unsure + prior * usual) / (expected + prior)
    ratio: Floats = np.maximum(np.maximum(drawn, (surprise + unsure) / (expected + least)), 1.0)
    return ratio


def _changed(watched: Watched, rest: NDArray[np.bool_]) -> float:
    """By how much some rows of the batch surprise more than the reference does, 1 or more."""
    batch = watched.batch
    shown, hoped = float(batch.surprise[rest].sum()), float(batch.expected[rest].sum()) * watched.usual
    return max(1.0, (shown + _PRIOR_OF_ALL) / (hoped + _PRIOR_OF_ALL))


def _sums(places: Integers, values: Floats, number: int) -> Floats:
    """Add the values up by place."""
    import numpy as np

    return np.asarray(np.bincount(places, values, number), dtype=np.float64)


# --- The whole, and pairs of classes ----------------------------------------------------------------


def in_all_rows(watched: Watched) -> Iterator[tuple[Place, Account]]:
    """Yield the account of all rows together."""
    batch = watched.batch
    before = watched.reference
    squares = float((before.surprise**2).sum())
    usual = _usual(_one(before.surprise.sum()), _one(before.expected.sum()), watched.usual, 0.0, squares)
    mine = account(batch.surprise, _allowed("all", batch.expected, usual))
    yield ("all",), mine.at(1.0, len(batch.rows))


def _one(value: Any) -> Floats:
    import numpy as np

    return np.array([float(value)])


def in_pairs_of_classes(watched: Watched) -> dict[Place, Account]:
    """Return the accounts of the pairs of classes: rows that look like one and are labelled another."""
    classes = watched.classes
    if len(classes) > MOST_CLASSES:
        return {}
    found: dict[Place, Account] = {}
    for was, became in itertools.permutations(range(len(classes)), 2):
        surprise, expected, _ = _of_pair(watched.batch, was, became)
        if len(surprise) < FEWEST_ROWS:
            continue
        before, hoped, share = _of_pair(watched.reference, was, became)
        squares = float((before**2).sum())
        usual = _usual(_one(before.sum()), _one(hoped.sum()), watched.usual, _PRIOR, squares, _LEAST)
        mine = account(surprise, _allowed("labels", expected, usual))
        found["labels", classes[was], classes[became]] = mine.at(share, len(watched.batch.rows))
    return found


def _of_pair(judged: Judged, was: int, became: int) -> tuple[Floats, Floats, float]:
    """Rows that the model takes for one class: the surprise of those labelled another, and its mean."""
    import numpy as np

    rows = judged.likeliest == was
    surprise = np.where(judged.labels[rows] == became, judged.surprise[rows], 0.0)
    return surprise, judged.each[rows, became], float(rows.mean()) if len(rows) else 0.0


# --- Values -----------------------------------------------------------------------------------------


def _by_columns(places: Collection[Place]) -> Mapping[Place, list[Place]]:
    """Sort the places of values by their columns."""
    found: dict[Place, list[Place]] = {}
    for place in places:
        if place[0] in ("value", "values", "planted"):
            found.setdefault(place[2:-1] if place[0] == "planted" else place[1:-1], []).append(place)
    return found


def _values(watched: Watched, kept: Mapping[Place, list[Place]]) -> dict[Place, Account]:
    """Return the account of every value, and of every two values of two columns."""
    import numpy as np

    columns = [Column(watched, i) for i in range(len(watched.features[0].names))]
    changed = _changed(watched, np.ones(len(watched.batch.rows), dtype=bool))
    found: dict[Place, Account] = {}
    for column in columns:
        found |= _of_codes(watched, "value", (column.name,), column.codes, column.keys, changed, kept)
        for parts, names in column.fine:
            found |= _of_codes(watched, "value", (column.name,), parts, names, changed, kept)
        found |= _planted(watched, (column.name,), column.codes, column.keys, kept)
    for one, two in itertools.combinations(columns[:MOST_PAIRED], 2):
        width = len(two.keys)
        codes = joined(one.coarse[0], two.coarse[0], width), joined(one.coarse[1], two.coarse[1], width)
        keys = Joined(one.keys, two.keys)
        found |= _of_codes(watched, "values", (one.name, two.name), codes, keys, changed, kept)
        found |= _planted(watched, (one.name, two.name), codes, keys, kept)
    return found


def _planted(
    watched: Watched,
    names: Place,
    codes: tuple[Integers, Integers],
    keys: list[str] | Joined,
    kept: Mapping[Place, list[Place]],
) -> dict[Place, Account]:
    """Return the accounts of grown values and one label."""
    from lockgate.retraining.planted import planted

    if len(watched.classes) > MOST_CLASSES:
        return {}
    old = {(place[-1], place[1]) for place in kept.get(names, ()) if place[0] == "planted"}
    known = {(code, label) for key, label in old if (code := number_of(keys, key)) is not None}
    found = planted(watched, codes, len(keys), known)
    return {("planted", label, *names, keys[code]): mine for (code, label), mine in found.items()}


def rows_of(watched: Watched, place: Place) -> NDArray[np.bool_]:
    """Return which judged rows of the batch are in a place of one or two values; shape (judged,)."""
    import numpy as np

    names, key = place[1:-1], place[-1]
    columns = [Column(watched, watched.features[0].names.index(name)) for name in names]
    for parts, own in columns[0].fine if len(columns) == 1 else ():
        if key in own:
            return np.asarray(parts[1] == own.index(key))
    codes = [c.codes[1] if len(columns) == 1 else c.coarse[1] for c in columns]
    mine = np.ones(len(watched.batch.rows), dtype=bool)
    for column, code, part in zip(columns, codes, key.split("+"), strict=True):
        mine &= np.isin(code, [i for i, own in enumerate(column.keys) if own == part])
    return mine


def _of_codes(
    watched: Watched,
    kind: str,
    names: Place,
    codes: tuple[Integers, Integers],
    keys: list[str] | Joined,
    changed: float,
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
        return _usual(sums[0], sums[1], watched.usual, prior, sums[2], least)

    usual = usual_by(before.surprise, before.expected, _PRIOR, _LEAST)
    share = np.bincount(was[known], minlength=width) / max(len(was), 1)
    picked = np.flatnonzero(there & worth[np.maximum(now, 0)])
    at = now[picked]
    bound = _allowed(kind, batch.expected[picked], usual[at] * changed)
    logs = stake(batch.surprise[picked], bound)
    if kind == "value":  # half of the stake on the labels that are hardly ever honest
        sharp = usual_by(before.sharp, before.sharp_expected, _SHARP_PRIOR, _LEAST_SHARP)
        factor = sharp[at] * changed * ALLOWED[kind].factor
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
