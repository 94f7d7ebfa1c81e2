"""What shows in how columns go together: swapped columns, an inverted one, codes in another order.

Every column is taken as ranks. Its profile is its rank correlation with each other column and the label
(Spearman 1904). A sound column keeps its profile even when its own distribution drifts; one that was
inverted has the negative of it, and two that were swapped have each other's. An inversion counts if the
profile has moved far beyond chance, and turning it back takes away most of that. For two columns a and
b that may be swapped, what tells is how their profiles differ, d = a - b: the batch's difference d'
lies along d when they are sound and along -d when they are swapped, so -2 d'd |d|^2 / Var(d'd) is the
logarithm of the likelihood ratio of the two.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lockgate.retraining.bug import Bug
from lockgate.retraining.pairs import Pair, as_numbers, distance, ranks, varies

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_FAR = 4.0
"""Times the mean squared error of a profile."""
_LEAST = 0.02
"""A profile has moved if its squared distance is above this."""
_SWAPPED = 1e-4
"""Chance that any two sound columns of a batch look swapped."""
_TURNED = 0.5
"""Part of the difference of two profiles that must have turned around."""
_LEFT = 0.3
"""Part of the distance that may be left after the change is undone."""
_MOST_COLUMNS = 200
_CLEARLY_OFF = 0.12
"""Distance (Kolmogorov-Smirnov, or total variation of categories) of a column that is not as it was."""
_BY_CHANCE = 0.08
"""Distance of columns that are alike."""
_FEWEST_VALUES = 2


def defects(pairs: Sequence[Pair], label: str) -> list[Bug]:
    """Return what happened to columns that are sound each by itself.

    Args:
        pairs: Those columns of both tables, the label among them.
        label: Name of the label, which is inverted like any other column, and swapped with none.
    """
    import numpy as np

    pairs = [pair for pair in pairs if not pair.other][:_MOST_COLUMNS]
    coded = [(as_numbers(pair)) for pair in pairs]
    kept = [i for i, (was, is_) in enumerate(coded) if varies(was) and varies(is_)]
    if len(kept) < 3:  # noqa: PLR2004 - two columns have one relation, which tells nothing apart
        return []
    pairs = [pairs[i] for i in kept]
    before, now = (np.array([ranks(coded[i][side]) for i in kept]) for side in (0, 1))
    was, is_ = before @ before.T / before.shape[1], now @ now.T / now.shape[1]
    error = len(kept) * (1 / before.shape[1] + 1 / now.shape[1])
    found, order = _swapped(pairs, was, is_, 1 / before.shape[1] + 1 / now.shape[1], label)
    is_ = is_[np.ix_(order, order)]
    moved = ((was - is_) ** 2).sum(axis=1)
    suspects = [i for i in range(len(kept)) if moved[i] > max(_LEAST, _FAR * error)]
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
    pairs: Sequence[Pair], was: Floats, is_: Floats, error: float, label: str
) -> tuple[list[Bug], list[int]]:
    """Return the swapped columns, and where every column comes from once they are exchanged back."""
    import numpy as np

    off = _off(pairs)
    number = max(1, len(pairs) * (len(pairs) - 1) // 2)
    found: list[tuple[float, int, int]] = []
    for a, b in itertools.combinations(range(len(pairs)), 2):
        if label in (pairs[a].name, pairs[b].name) or pairs[a].numbers is not pairs[b].numbers:
            continue
        rest = np.array([k for k in range(len(pairs)) if k not in (a, b)])
        apart, now = (side[a, rest] - side[b, rest] for side in (was, is_))
        length, along = float(apart @ apart), float(apart @ now)
        # Errors of correlations with two columns are as correlated as these columns are.
        spread = float(apart @ was[np.ix_(rest, rest)] @ apart) * 2.0 * (1.0 - was[a, b]) * error
        ratio = -2.0 * along * length / max(spread, 1e-12)
        if {a, b} <= off and _apart(pairs[a], pairs[b]):
            # Where their distributions say it, their relations must only not speak against it.
            if along <= 0.0 or length <= _FAR * error * len(rest):
                found.append((-max(ratio, 0.0), a, b))
        elif ratio > np.log(number / _SWAPPED) and along <= -_TURNED * length and _fits(pairs[a], pairs[b]):
            found.append((-ratio, a, b))
    bugs: list[Bug] = []
    order = list(range(len(pairs)))
    for _, a, b in sorted(found):
        if order[a] == a and order[b] == b:
            order[a], order[b] = b, a
            bugs.append(Bug("swapped", (pairs[a].name, pairs[b].name), "are swapped"))
    return bugs, order


def exchanged(pairs: Sequence[Pair], label: str) -> set[str]:
    """Return the columns whose distribution is now the former one of another column, and that one's name."""
    kept = [pair for pair in pairs if not pair.other and pair.name != label][:_MOST_COLUMNS]
    off = sorted(_off(kept))
    return {
        pair.name
        for a, b in itertools.combinations(off, 2)
        if kept[a].numbers is kept[b].numbers and _apart(kept[a], kept[b])
        for pair in (kept[a], kept[b])
    }


def _off(pairs: Sequence[Pair]) -> set[int]:
    """Return which columns are clearly unlike their former distribution."""
    return {i for i, pair in enumerate(pairs) if _between(pair, pair)[0] > _CLEARLY_OFF}


def _between(one: Pair, two: Pair) -> tuple[float, float]:
    """Return how far the batch's values of one column are from the former ones of another, and by chance."""
    import numpy as np

    if not one.numbers:
        return _other(one.shares[1], two.shares[0]), _BY_CHANCE
    now, was = one.now[~np.isnan(one.now)], two.before[~np.isnan(two.before)]
    if min(len(now), len(was)) == 0:
        return 0.0, 1.0
    return distance(was, now), max(
        _BY_CHANCE, 1.63 * (2 / min(len(now), len(was))) ** 0.5
    )  # of Kolmogorov-Smirnov: once in 100


def _apart(one: Pair, two: Pair) -> bool:
    """Whether the distributions of two columns are like each other's former one, and unlike their own."""
    off = min(_between(one, one)[0], _between(two, two)[0])
    (left, by_chance), (other_left, other_chance) = _between(one, two), _between(two, one)
    return (
        off > max(_CLEARLY_OFF, 1.4 * by_chance)
        and max(left, other_left) < max(by_chance, other_chance)
        and max(left, other_left) < off / 2
    )


def _fits(one: Pair, two: Pair) -> bool:
    """Whether the distributions do not speak against it that two columns were swapped."""
    return all(
        _between(a, b)[0] <= max(_between(a, b)[1], _between(a, a)[0] + _BY_CHANCE)
        for a, b in ((one, two), (two, one))
    )


def _other(one: dict[str, float], two: dict[str, float]) -> float:
    """Return the total variation distance of two sets of shares."""
    return sum(abs(one.get(v, 0.0) - two.get(v, 0.0)) for v in {*one, *two}) / 2
