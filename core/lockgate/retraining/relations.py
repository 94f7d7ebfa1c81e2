"""What shows in how columns go together: swapped columns, an inverted one, codes in another order.

Every column is taken as ranks. Its profile is its rank correlation with each other column and the label
(Spearman 1904). A sound column keeps its profile even when its own distribution drifts; one that was
inverted has the negative of it, and two that were swapped have each other's. A change counts if the
profile has moved far beyond chance, and the change takes away most of that.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lockgate.retraining.bug import Bug
from lockgate.retraining.columns import Pair, distance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_FAR = 4.0
"""Times the mean squared error of a profile."""
_LEAST = 0.02
"""A profile has moved if its squared distance is above this."""
_LEFT = 0.3
"""Part of the distance that may be left after the change is undone."""
_MOST_COLUMNS = 200
_FEWEST_VALUES = 2


def defects(pairs: Sequence[Pair], label: str) -> list[Bug]:
    """Return what happened to columns that are sound each by itself.

    Args:
        pairs: Those columns of both tables, the label among them.
        label: Name of the label, which is inverted like any other column, and swapped with none.
    """
    import numpy as np

    pairs = [pair for pair in pairs if not pair.other][:_MOST_COLUMNS]
    coded = [(_codes(pair)) for pair in pairs]
    kept = [i for i, (was, is_) in enumerate(coded) if was.std() > 0 and is_.std() > 0]
    if len(kept) < 3:  # noqa: PLR2004 - two columns have one relation, which tells nothing apart
        return []
    pairs = [pairs[i] for i in kept]
    before, now = (np.array([_ranks(coded[i][side]) for i in kept]) for side in (0, 1))
    was, is_ = before @ before.T / before.shape[1], now @ now.T / now.shape[1]
    error = len(kept) * (1 / before.shape[1] + 1 / now.shape[1])
    moved = ((was - is_) ** 2).sum(axis=1)
    suspects = [i for i in range(len(kept)) if moved[i] > max(_LEAST, _FAR * error)]
    found = _swapped(pairs, was, is_, moved, suspects, label)
    done = {name for bug in found for name in bug.columns}
    for i in sorted(suspects, key=lambda i: -moved[i]):
        if pairs[i].name in done:
            continue
        turned = is_.copy()
        turned[i, :] *= -1
        turned[:, i] *= -1
        turned[i, i] = is_[i, i]
        if ((was[i] - turned[i]) ** 2).sum() <= _LEFT * moved[i]:
            found.append(_inverted(pairs[i]))
            is_ = turned
            moved = ((was - is_) ** 2).sum(axis=1)
    # What turned one column around has moved the profiles of the others as well.
    return [bug for bug in found if len(found) <= max(1, len(kept) // 2) or bug.columns == (label,)]


def _inverted(pair: Pair) -> Bug:
    if pair.numbers and len(set(pair.now.tolist())) > _FEWEST_VALUES:
        return Bug(
            "sign",
            (pair.name,),
            "goes with the other columns the other way round: its sign or order was turned",
        )
    return Bug(
        "codes", (pair.name,), "goes with the other columns the other way round: its codes were exchanged"
    )


def _swapped(
    pairs: Sequence[Pair], was: Floats, is_: Floats, moved: Floats, suspects: Sequence[int], label: str
) -> list[Bug]:
    import numpy as np

    found: list[tuple[float, int, int]] = []
    for a, b in itertools.combinations(range(len(pairs)), 2):
        if label in (pairs[a].name, pairs[b].name) or pairs[a].numbers is not pairs[b].numbers:
            continue
        apart = _apart(pairs[a], pairs[b])
        if not ({a, b} <= set(suspects) or apart):
            continue
        order = np.arange(len(pairs))
        order[[a, b]] = b, a
        back = is_[np.ix_(order, order)]
        left = float(((was[[a, b]] - back[[a, b]]) ** 2).sum())
        whole = float(moved[a] + moved[b])
        # Where their distributions say it, their relations must only not speak against it.
        if (apart and left <= whole) or left <= _LEFT * whole:
            found.append((left - whole, a, b))
    bugs: list[Bug] = []
    used: set[int] = set()
    for _, a, b in sorted(found):
        if not used & {a, b}:
            used |= {a, b}
            bugs.append(Bug("swapped", (pairs[a].name, pairs[b].name), "are swapped"))
    return bugs


def _apart(one: Pair, two: Pair) -> bool:
    """Whether the distributions of two columns are like each other's former one, and unlike their own."""
    import numpy as np

    if not one.numbers:
        (a, b), (x, y) = one.shares, two.shares
        off = max(_other(a, b), _other(x, y))
        return off > 0.15 and max(_other(a, y), _other(x, b)) < min(0.08, off / 3)  # noqa: PLR2004 - clearly off, clearly alike
    sides = [s[~np.isnan(s)] for s in (one.before, one.now, two.before, two.now)]
    if min(map(len, sides)) == 0:
        return False
    was_one, now_one, was_two, now_two = sides
    noise = (1 / min(map(len, sides)) * 2) ** 0.5
    off = min(distance(was_one, now_one), distance(was_two, now_two))
    left = max(distance(was_one, now_two), distance(was_two, now_one))
    return off > max(0.12, 2.23 * noise) and left < max(0.08, 1.63 * noise) and left < off / 2


def _other(one: dict[str, float], two: dict[str, float]) -> float:
    """Return the total variation distance of two sets of shares."""
    return sum(abs(one.get(v, 0.0) - two.get(v, 0.0)) for v in {*one, *two}) / 2


def filtered(pair: Pair, others: Sequence[Pair]) -> bool:
    """Whether a column is constant because the batch holds only such rows.

    The other columns then are like those rows of the reference, and unlike all of its rows.
    """
    import numpy as np

    (value,) = {v for v in pair.now if v is not None and v == v}  # noqa: PLR0124 - not NaN
    rows = np.array([v == value for v in pair.before])
    if rows.sum() < 30:  # noqa: PLR2004 - too few rows to be like
        return False
    nearer = farther = 0
    for other in others:
        if other.other:
            continue
        was, is_ = _codes(other)
        like, unlike = distance(was[rows], is_), distance(was, is_)
        noise = 1.36 * (1 / rows.sum() + 1 / len(is_)) ** 0.5  # of Kolmogorov-Smirnov: by chance once in 20
        nearer += unlike > noise and like < unlike / 2
        farther += like > noise and unlike < like
    return nearer > farther


def _codes(pair: Pair) -> tuple[Floats, Floats]:
    """Return both sides as numbers, missing ones in the middle."""
    import numpy as np

    if pair.numbers:
        sides = [np.asarray(side) for side in (pair.before, pair.now)]
        middle = float(np.nanmedian(sides[0])) if (~np.isnan(sides[0])).any() else 0.0
        return tuple(np.where(np.isnan(side), middle, side) for side in sides)  # type: ignore[return-value]
    known = {
        v: float(i) for i, v in enumerate(sorted({v for v in [*pair.before, *pair.now] if v is not None}))
    }
    return tuple(np.array([known.get(v, -1.0) for v in side]) for side in (pair.before, pair.now))  # type: ignore[return-value]


def _ranks(values: Floats) -> Floats:
    """Return mean ranks with mean 0 and variance 1."""
    import numpy as np

    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = counts.cumsum()
    ranks = (ends - (counts - 1) / 2)[inverse]
    spread: Floats = (ranks - ranks.mean()) / max(float(ranks.std()), 1e-12)
    return spread
