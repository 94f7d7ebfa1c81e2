"""Bet that labels that contradict the reference come from one source more than its rows explain.

While labels are honest, or wrong in all sources alike, a row's label says nothing of where the row came
from, once one knows what the row looks like. So the gambler bets on the source of each row, not on its
label: nobody has to know how often labels are wrong anyway, or how far the models can be believed, and
a changed world changes nothing. Of rows that look alike (by how doubtful their label is, and the class
they are taken for) the source has the share pi; a label that is r times as probable if it was replaced
makes it a source that replaces the share s of its labels with odds of pi (1 - s + s r) to 1 - pi. The
bet is the ratio of that to the same with the share that the source is known for from the reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate.retraining.betting import SHARES, Account
from lockgate.retraining.surprise import SHARP

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.retraining.surprise import Judged, Watched

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Texts = NDArray[np.object_]

FEWEST_ROWS = 3
"""A source with fewer rows of the batch is not looked at."""
MOST_SOURCES = 1_000
REPLACED = (0.01, 0.025, 0.06, 0.3)
"""Shares of replaced labels that are bet on; as many as an account has room for."""
assert len(REPLACED) == len(SHARES)  # noqa: S101 - one kind of account
_HONEST = 0.0005
"""Share of labels that may be wrong in one source and not in the others."""
_KNOWN_FOR = (_HONEST, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.4, 0.6)
_PLAINLY = 2.0
"""Nats by which the reference must say that a source replaces more, to be believed up to `_UNSURE` less."""
_UNSURE = 1.0
_QUARTERS = (0.25, 0.5, 0.75)
_PRIOR = 10.0
"""So many rows with the share of the source in the whole batch count for beside those that look alike."""
_STEPS = 3.0
"""Ratios are rounded to so many steps between powers of two."""


@dataclass(frozen=True)
class _Counted:
    """The rows of one table, by how they look and what their label says.

    Attributes:
        ratio: How many times as probable the label is if it was replaced; shape (cells,).
        all: How many rows there are; shape (cells,).
        of: How many of each source; shape (sources, cells).
        share: The share of each source among the rows that look alike; shape (sources, cells).
    """

    ratio: Floats
    all: Floats
    of: Floats
    share: Floats

    def wealth(self, replaced: float, known: Floats) -> Floats:
        """Return what the bet on a share of replaced labels becomes, as logarithms; shape (sources,)."""
        import numpy as np

        odds = (1.0 - replaced + replaced * self.ratio)[None, :]
        usual = 1.0 - known[:, None] + known[:, None] * self.ratio[None, :]
        whole = (1.0 - self.share + self.share * odds) / (1.0 - self.share + self.share * usual)
        logs: Floats = (self.of * np.log(odds / usual) - self.all * np.log(whole)).sum(axis=1)
        return logs


def bet_on_sources(watched: Watched, source: Texts, known: Texts | None) -> dict[str, Account]:
    """Return the account of each source, by its name; none where there are fewer than two.

    Args:
        watched: The batch beside its reference.
        source: Source of each judged row of the batch, None for a row without.
        known: The same of the reference; None where it has no such column.
    """
    import numpy as np

    batch = watched.batch
    there = np.array([value is not None for value in source], dtype=bool)
    names = np.unique(source[there].astype(str)) if there.any() else np.array([], dtype=str)
    if not 2 <= len(names) <= MOST_SOURCES:  # noqa: PLR2004 - one source has nothing to be compared with
        return {}
    code = _coded(names, source, there)
    theirs = np.full(len(watched.reference.rows), -1)
    if known is not None:
        theirs = _coded(names, known, np.array([value is not None for value in known], dtype=bool))
    honest = _known_for(_counted(watched.reference, theirs, len(names)))
    now = _counted(batch, code, len(names))
    wealth = np.column_stack([now.wealth(share, np.minimum(honest, share)) for share in REPLACED])
    rows = now.of.sum(axis=1)
    shown = (now.of * np.minimum(now.ratio, SHARP) / SHARP).sum(axis=1)
    tilted = now.share * (1.0 - honest[:, None] + honest[:, None] * now.ratio)
    tilted /= 1.0 - now.share + tilted
    allowed = (tilted * now.all * np.minimum(now.ratio, SHARP) / SHARP).sum(axis=1)
    usual = np.full(len(names), 1.0 / len(names))
    if known is not None:
        usual = np.bincount(theirs[theirs >= 0], minlength=len(names)) / max(len(theirs), 1)
    return {
        str(name): Account(
            int(rows[i]), float(shown[i]), float(allowed[i]), tuple(float(w) for w in wealth[i])
        ).at(float(usual[i]), len(batch.rows))
        for i, name in enumerate(names)
        if rows[i] >= FEWEST_ROWS
    }


def _counted(judged: Judged, code: Integers, number: int) -> _Counted:
    import numpy as np

    quarter = np.searchsorted(np.quantile(judged.sharp_expected, _QUARTERS), judged.sharp_expected)
    looks = quarter * judged.p.shape[1] + judged.likeliest
    steps = np.rint(np.log2(np.maximum(judged.sharp * SHARP, 2.0**-10)) * _STEPS).astype(np.int64)
    cells, at = np.unique(np.column_stack([looks, steps]), axis=0, return_inverse=True)
    at = at.reshape(-1)
    alike, look_of = np.unique(cells[:, 0], return_inverse=True)
    there = code >= 0
    of = np.zeros((number, len(cells)))
    np.add.at(of, (code[there], at[there]), 1.0)
    everything = np.bincount(at, minlength=len(cells)).astype(np.float64)
    by_look, all_by_look = np.zeros((number, len(alike))), np.bincount(look_of, everything)
    np.add.at(by_look.T, look_of, of.T)
    whole = of.sum(axis=1, keepdims=True) / max(len(code), 1)
    share = (by_look + _PRIOR * whole) / (all_by_look + _PRIOR)
    return _Counted(2.0 ** (cells[:, 1] / _STEPS), everything, of, share[:, look_of])


def _known_for(reference: _Counted) -> Floats:
    """Return which share of the labels of each source the reference shows to be wrong, beside the others."""
    import numpy as np

    none = np.full(len(reference.of), _HONEST)
    logs = np.array([reference.wealth(share, none) for share in _KNOWN_FOR])
    best = logs.max(axis=0)
    largest = len(logs) - 1 - (logs >= best - _UNSURE)[::-1].argmax(axis=0)
    found: Floats = np.where(best > _PLAINLY, np.array(_KNOWN_FOR)[largest], _HONEST)
    return found


def _coded(names: NDArray[np.str_], source: Texts, there: NDArray[np.bool_]) -> Integers:
    """Number the rows by their source; -1 for one that has no such name."""
    import numpy as np

    texts = np.where(there, source, "").astype(str)
    at = np.clip(np.searchsorted(names, texts), 0, len(names) - 1)
    return np.where(there & (names[at] == texts), at, -1)
