"""How much each label of a batch contradicts what the reference teaches, 0 to 1, and what honest labels show.

A model that never saw a row says how probable each class is; it is fitted on the reference alone. The
surprise of a label y is (1 - p_y) / ((K - 1) p_y), the likelihood ratio of a label that was replaced by
another one of the K classes against an honest one, cut at `CUT` and divided by it. With honest labels
its expectation is known for every row, sum_y p_y s(y), and at most 1 / `CUT`: rows that are hard to
label are expected to surprise, so neither they nor another mix of rows count as a contradiction.

The model is never quite right. So the expectation is multiplied by how much the reference itself
surprises more than its own model expects, all over and within a cell (`Watched.usual`).

Other rates of the classes are no contradiction either. Where the rows alone say that the rates have
shifted, the probabilities are moved to the new ones, found by expectation maximisation without the
labels (Saerens, Latinne and Decaestecker 2002). After that the labels may move them a little more: a
factor for each class that makes the labels most probable, drawn to 1 by a normal prior on its
logarithm. It explains labels that are a little more frequent among all doubtful rows, and not those
that contradict rows that leave no doubt.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from lockgate.poisoning.features import Features

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

CUT = 20.0
"""A label twenty times as probable if replaced than if honest is as surprising as any."""
FEWEST_PER_CLASS = 10
"""Classes with fewer rows in the reference are not weighed."""
FEWEST_ROWS = 30
"""With fewer rows of the batch there is nothing to weigh."""
_FOLDS = 4
_ROUNDS = 200
_PRIOR = 0.25
"""Standard deviation of the logarithm of a class's factor: a label is rarely a quarter more frequent."""
_CERTAIN = 3.5
"""Standard errors by which the mean probability of a class must differ: about 1 in 2,000 by chance."""
_LARGEST_FACTOR = 20.0


@dataclass(frozen=True)
class Judged:
    """The rows of one table, with a label that can be weighed.

    Attributes:
        rows: Which rows of the table they are; shape (judged,).
        labels: Class of each, an index into `Watched.classes`.
        likeliest: The class that the model takes it for.
        surprise: How much its label contradicts the reference, 0 to 1.
        expected: What an honest label of the same row would show on average.
        replaced: What a label that was replaced by another one would show on average.
        each: What each class adds to that; shape (judged, classes), rows sum to `expected`.
    """

    rows: Integers
    labels: Integers
    likeliest: Integers
    surprise: Floats
    expected: Floats
    replaced: Floats
    each: Floats

    def replaced_share(self, rows: NDArray[np.bool_], usual: float) -> float:
        """Estimate which share of some rows has another label than it should, 0 or more."""
        honest = float(self.expected[rows].sum()) * usual
        room = float(self.replaced[rows].sum()) - honest
        return max(0.0, float(self.surprise[rows].sum()) - honest) / room if room > 0 else 0.0


@dataclass(frozen=True)
class Watched:
    """A batch beside its reference, judged by the same models.

    Attributes:
        reference: Rows of the reference, judged by models that did not see them.
        batch: Rows of the batch.
        features: The columns of both tables as numbers, the reference first.
        classes: Names of the classes, as text.
        usual: By how much the labels of the reference surprise more than its models expect, 1 or more.
        now: The same of the batch.
    """

    reference: Judged
    batch: Judged
    features: tuple[Features, Features]
    classes: tuple[str, ...]
    usual: float
    now: float


def watch(
    reference: pa.Table, batch: pa.Table, *, label: str, leave_out: Collection[str], seed: int
) -> Watched | str:
    """Judge the labels of a batch by models of the reference.

    Args:
        reference: Clean rows.
        batch: The new rows.
        label: Column with the class of each row.
        leave_out: Columns that are no features: the source, what is ignored, what is broken.
        seed: Seed of folds and models.

    Returns:
        The rows of both, or why they cannot be judged, one sentence without a full stop.

    Raises:
        InputError: No column is left that a model could learn from.
    """
    import numpy as np

    from lockgate.poisoning.features import codes, encode
    from lockgate.poisoning.surprise import out_of_sample

    theirs, names = codes(reference.column(label))
    counted = np.bincount(theirs[theirs >= 0], minlength=len(names))
    present = np.flatnonzero(counted >= max(FEWEST_PER_CLASS, _FOLDS))
    if len(present) < 2:  # noqa: PLR2004 - nothing to tell apart
        return f"fewer than two classes have {FEWEST_PER_CLASS} rows in the reference"
    place = np.full(len(names) + 1, -1)
    place[present] = np.arange(len(present))
    known = place[theirs]
    mine = place[_recoded(batch.column(label), names)]
    if (mine >= 0).sum() < FEWEST_ROWS:
        return f"fewer than {FEWEST_ROWS} rows of the batch have a label that the reference knows"
    # One order of both tables, so that a category has one code in both.
    encoded = encode([reference, batch], {label, *leave_out})
    kept, looked = np.flatnonzero(known >= 0), np.flatnonzero(mine >= 0)
    before, now = (_of(e, rows) for e, rows in zip(encoded, (kept, looked), strict=True))
    p_before, p_now = out_of_sample(before, known[kept], len(present), seed, now)
    assert p_now is not None  # noqa: S101 - asked for just above
    was = _judged(kept, known[kept], p_before)
    is_ = _judged(looked, mine[looked], _at_its_own_rates(p_now, p_before, mine[looked]))
    return Watched(
        reference=was,
        batch=is_,
        features=(before, now),
        classes=tuple(names[k] for k in present),
        usual=_ratio(was),
        now=_ratio(is_),
    )


def _recoded(column: pa.ChunkedArray, names: tuple[str, ...]) -> Integers:
    """Number the labels of the batch as those of the reference; the last number is none of them."""
    import numpy as np

    from lockgate.poisoning.features import codes

    own, own_names = codes(column)
    place = {name: i for i, name in enumerate(names)}
    translate = np.array([*(place.get(name, len(names)) for name in own_names), len(names)])
    return np.asarray(translate[own], dtype=np.int64)


def _of(features: Features, rows: Integers) -> Features:
    from dataclasses import replace

    return replace(features, values=features.values[rows])


def _judged(rows: Integers, labels: Integers, p: Floats) -> Judged:
    import numpy as np

    p = np.clip(p, 1e-6, 1.0)
    each = np.minimum((1.0 - p) / ((p.shape[1] - 1) * p), CUT) / CUT
    surprise = each[np.arange(len(labels)), labels]
    replaced = ((1.0 - p) / (p.shape[1] - 1) * each).sum(axis=1)
    return Judged(rows, labels, p.argmax(axis=1), surprise, (p * each).sum(axis=1), replaced, p * each)


def _ratio(judged: Judged) -> float:
    return max(1.0, float(judged.surprise.sum()) / max(float(judged.expected.sum()), 1e-9))


def _at_its_own_rates(p: Floats, known: Floats, labels: Integers) -> Floats:
    """Return the probabilities at the class rates of the batch; see the module's text."""
    import numpy as np

    if _differs(p, known):
        p = _times(p, _growth(p, known.mean(axis=0)))
    counts, logs = np.bincount(labels, minlength=p.shape[1]), np.zeros(p.shape[1])
    for _ in range(_ROUNDS):
        weighed = _times(p, np.exp(logs))
        slope = counts - weighed.sum(axis=0) - logs / _PRIOR**2
        step = slope / ((weighed * (1.0 - weighed)).sum(axis=0) + 1.0 / _PRIOR**2)
        logs += step / 2  # classes compete, so half of Newton's step for each alone
        if np.abs(step).max() < 1e-6:  # noqa: PLR2004 - far below what the rows can tell
            break
    return _times(p, np.exp(logs))


def _times(p: Floats, factors: Floats) -> Floats:
    weighed: Floats = p * factors
    scaled: Floats = weighed / weighed.sum(axis=1, keepdims=True)
    return scaled


def _differs(p: Floats, known: Floats) -> bool:
    """Whether the rows alone, whatever their labels, say that the classes come at other rates."""
    import numpy as np

    error = np.sqrt(p.var(axis=0) / len(p) + known.var(axis=0) / len(known))
    return bool((np.abs(p.mean(axis=0) - known.mean(axis=0)) > _CERTAIN * np.maximum(error, 1e-9)).any())


def _growth(p: Floats, rates: Floats) -> Floats:
    """Estimate without labels how many times as frequent each class is; shape (classes,)."""
    import numpy as np

    growth = np.ones(p.shape[1])
    for _ in range(_ROUNDS):
        better = np.clip(_times(p, growth).mean(axis=0) / rates, 1.0 / _LARGEST_FACTOR, _LARGEST_FACTOR)
        if np.abs(better - growth).max() < 1e-4:  # noqa: PLR2004 - far below what the rows can tell
            break
        growth = better
    return growth
