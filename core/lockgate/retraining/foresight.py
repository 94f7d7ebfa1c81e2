"""Say how small a drip a stream of batches like this one would have shown, and what it could not have seen.

A silent stream may be silent because nothing is there, or because nobody could see it in such data. So
labels of the batch are changed here, a few at a time and in copies: ten times, as ten batches would be,
and the evidence of the ten is added up as the stream does. The smallest share that raises the alarm is
what the report says. Each kind is one plant, no proof for others: another source, value or pair of
classes may be easier or harder to see.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lockgate.outcome import Outcome, Severity
from lockgate.poisoning.evidence import some_of
from lockgate.retraining.betting import Account, threshold
from lockgate.retraining.crowds import bet_on_spot, spots_of
from lockgate.retraining.places import Found, Place
from lockgate.retraining.planted import SHIFT, planted
from lockgate.retraining.sources import FEWEST_ROWS, bet_on_sources
from lockgate.retraining.whole import in_all_rows, in_pairs_of_classes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.retraining.surprise import Watched

    Integers = NDArray[np.int64]
    Texts = NDArray[np.object_]
    Drip = Callable[[Watched, np.random.Generator, int], Account | None]

BATCHES = 10
"""How many such batches the drip goes on for."""
SHARES = (0.001, 0.003, 0.006, 0.01, 0.02, 0.05)
"""Shares of the rows of a batch that are planted, until the alarm is raised."""
MOST_ROWS = 20_000
"""Of larger batches so many rows are looked at, drawn with the seed; the whole shows smaller drips."""


@dataclass(frozen=True)
class Foreseen:
    """What would have been found of one kind of drip.

    Attributes:
        planted: What was planted.
        smallest: Smallest share of the rows that raised an alarm within `BATCHES`; None for none.
    """

    planted: str
    smallest: float | None


def foresee(
    watched: Watched,
    source: Texts | None,
    known_source: Texts | None,
    found: Found,
    *,
    alpha: float,
    seed: int,
) -> list[Foreseen]:
    """Return the smallest drip of each kind that ten batches like this one would have shown.

    Args:
        watched: The batch beside its reference.
        source: Source of each judged row of the batch; None without such a column.
        known_source: The same of the reference.
        found: What the batch shows, for the weights of its places.
        alpha: Chance of a false alarm.
        seed: Seed of what is planted.
    """
    import numpy as np

    if len(watched.batch.rows) > MOST_ROWS:
        all_rows = np.arange(len(watched.batch.rows))
        rows = some_of(all_rows, MOST_ROWS, np.random.default_rng([seed, MOST_ROWS]))
        before, now = watched.features
        features = before, replace(now, values=now.values[rows])
        watched = replace(watched, batch=watched.batch.some(rows), features=features)
        source = None if source is None else source[rows]
    drips: list[tuple[str, str, Drip]] = [
        ("a new value that always has one label", "planted", _trigger),
        ("copies of one row", "crowd", _copies(watched, seed)),
        ("changed labels between two classes", "labels", _pair),
        ("labels changed at random", "all", _random),
    ]
    if source is not None and (name := _ordinary(source)) is not None:
        drips.insert(0, ("changed labels of one source", "source", _of_source(source, known_source, name)))
    return [
        Foreseen(said, _smallest(watched, drip, threshold(found.weights[kind], alpha), seed))
        for said, kind, drip in drips
    ]


def record(outcome: Outcome, foreseen: list[Foreseen]) -> None:
    """Record what a drip would have shown: metrics, facts, a table, and a finding of LG-RETRAIN-012."""
    outcome.metrics["smallest_drip"] = {each.planted: each.smallest for each in foreseen}
    outcome.tables[f"What {BATCHES} such batches would have shown"] = [
        {
            "planted in each": each.planted,
            "alarm from": f"{each.smallest:.1%} of the rows" if each.smallest else "not at all",
        }
        for each in foreseen
    ]
    hidden = [
        f"{each.planted} in up to {SHARES[-1]:.0%} of the rows"
        if each.smallest is None
        else f"{each.planted} in less than {each.smallest:.1%}"
        for each in foreseen
        if each.smallest != SHARES[0]
    ]
    if not hidden:
        return
    outcome.facts["This stream could not have seen"] = "; ".join(hidden)
    outcome.find(
        "LG-RETRAIN-012",
        Severity.INFO,
        f"In {BATCHES} batches like this one nobody would have noticed: {'; '.join(hidden)}.",
        subject="current",
        fix="Give larger batches or a larger reference, or have some labels checked by somebody else.",
    )


def _smallest(watched: Watched, drip: Drip, limit: float, seed: int) -> float | None:
    import numpy as np

    for k, share in enumerate(SHARES):
        size = round(share * len(watched.batch.rows))
        if size == 0:
            continue
        total: Account | None = None
        for batch in range(BATCHES):
            mine = drip(watched, np.random.default_rng([seed, k, batch]), size)
            if mine is not None:
                total = mine if total is None else total.and_then(mine)
            if total is not None and total.log_evidence >= limit:
                return share
    return None


def _ordinary(source: Texts) -> str | None:
    """Return the source with the middle number of rows; None where there are fewer than two."""
    import numpy as np

    names, counts = np.unique(np.array([s for s in source if s is not None], dtype=str), return_counts=True)
    names, counts = names[counts >= FEWEST_ROWS], counts[counts >= FEWEST_ROWS]
    if len(names) <= 1:
        return None
    return str(names[np.argsort(counts, kind="stable")[len(names) // 2]])


def _changed(watched: Watched, rows: Integers, random: np.random.Generator, to: int | None = None) -> Watched:
    """Return the batch with another label in some rows: a given one, or any other."""
    labels = watched.batch.labels.copy()
    classes = watched.batch.p.shape[1]
    labels[rows] = (labels[rows] + random.integers(1, classes, len(rows))) % classes if to is None else to
    return replace(watched, batch=watched.batch.labelled(labels))


def _random(watched: Watched, random: np.random.Generator, size: int) -> Account:
    changed = _changed(watched, random.permutation(len(watched.batch.rows))[:size], random)
    return dict(in_all_rows(changed))["all",]


def _two_classes(watched: Watched) -> tuple[int, int]:
    """Return the two most frequent classes of the batch."""
    import numpy as np

    one, two = np.argsort(-np.bincount(watched.batch.labels, minlength=len(watched.classes)), kind="stable")[
        :2
    ]
    return int(one), int(two)


def _pair(watched: Watched, random: np.random.Generator, size: int) -> Account | None:
    import numpy as np

    was, became = _two_classes(watched)
    rows = random.permutation(np.flatnonzero(watched.batch.labels == was))[:size]
    place: Place = ("labels", watched.classes[was], watched.classes[became])
    return in_pairs_of_classes(_changed(watched, rows, random, became)).get(place)


def _trigger(watched: Watched, random: np.random.Generator, size: int) -> Account | None:
    import numpy as np

    target = _two_classes(watched)[1]
    rows = random.permutation(np.flatnonzero(watched.batch.labels != target))[:size]
    now = np.full(len(watched.batch.rows), -1)
    now[rows] = 0
    name = watched.classes[target]
    codes = np.full(len(watched.reference.rows), -1), now
    changed, most = _changed(watched, rows, random, target), np.full(len(watched.classes), SHIFT)
    return planted(changed, codes, 1, {(0, name)}, most).get((0, name))


def _of_source(source: Texts, known: Texts | None, name: str) -> Drip:
    import numpy as np

    mine = np.flatnonzero(source == name)

    def drip(watched: Watched, random: np.random.Generator, size: int) -> Account | None:
        changed = _changed(watched, random.permutation(mine)[:size], random)
        return bet_on_sources(changed, source, known).get(name)

    return drip


def _copies(watched: Watched, seed: int) -> Drip:
    import numpy as np

    rows = np.random.default_rng([seed, BATCHES]).integers(len(watched.features[1].values), size=1)
    ((there, usual),) = spots_of(watched, rows)

    def drip(watched: Watched, _: np.random.Generator, size: int) -> Account:
        sizes = len(watched.features[1].values), len(watched.features[0].values)
        return bet_on_spot(there + size, sizes[0], usual, sizes[1])

    return drip
