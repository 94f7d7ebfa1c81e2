"""How much each label of a batch contradicts what the reference teaches, 0 to 1, and what honest labels show.

A model that never saw a row says how probable each class is; it is fitted on the reference alone. The
surprise of a label y is (1 - p_y) / ((K - 1) p_y), the likelihood ratio of a label that was replaced by
another one of the K classes against an honest one, cut at `CUT` and divided by it. With honest labels
its expectation is known for every row, sum_y p_y s(y), and at most 1 / `CUT`: rows that are hard to
label are expected to surprise, so neither they nor another mix of rows count as a contradiction.

The model is never quite right. So the expectation is multiplied by how much the reference itself
surprises more than its own model expects, all over and within a cell (`Watched.usual`).

A few replaced labels in a hundred show best where there is no doubt: one label that is 400 times as
probable if replaced says more than many that are twice as probable. So the same is there with a cut at
`SHARP` as well (`Judged.sharp`), for places that have something to be held against besides the
reference: rows that contradict so much are rare, too rare for a reference alone to show how rare.

Other rates of the classes are no contradiction either: `lockgate.retraining.rates` moves the
probabilities to those of the batch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lockgate.retraining import rates

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from lockgate.poisoning.features import Features

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

CUT = 20.0
"""A label twenty times as probable if replaced than if honest is as surprising as any."""
SHARP = 400.0
"""The cut of what counts where next to all rows are honest; a reference of thousands holds some such rows."""
FEWEST_PER_CLASS = 10
"""Classes with fewer rows in the reference are not weighed."""
FEWEST_ROWS = 30
"""With fewer rows of the batch there is nothing to weigh."""
_FOLDS = 4


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
        p: Probability of each class, at the rates of the batch; shape (judged, classes).
        sharp: As `surprise`, cut at `SHARP`.
        sharp_expected: What an honest label would show of that on average.
    """

    rows: Integers
    labels: Integers
    likeliest: Integers
    surprise: Floats
    expected: Floats
    replaced: Floats
    each: Floats
    p: Floats
    sharp: Floats
    sharp_expected: Floats

    def some(self, rows: Integers) -> Judged:
        """Return some of the rows."""
        return _judged(self.rows[rows], self.labels[rows], self.p[rows])

    def labelled(self, labels: Integers) -> Judged:
        """Return the same rows with other labels."""
        return _judged(self.rows, labels, self.p)

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
        other_rates: Whether the classes come at other rates and the rows of each are as ever.
        categories: What each category is called, by name of the column and its number in `features`, which
            is another one as soon as a batch brings a new category.
    """

    reference: Judged
    batch: Judged
    features: tuple[Features, Features]
    classes: tuple[str, ...]
    usual: float
    now: float
    other_rates: bool = False
    categories: Mapping[str, Mapping[float, str]] = field(default_factory=dict)

    def called(self, i: int, value: float) -> str:
        """Return what a value of column i is called in every batch."""
        return self.categories.get(self.features[0].names[i], {}).get(value, repr(value))


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
    return watch_each(reference, [batch], label=label, leave_out=leave_out, seed=seed)[0]


def watch_each(
    reference: pa.Table, batches: Sequence[pa.Table], *, label: str, leave_out: Collection[str], seed: int
) -> list[Watched | str]:
    """Judge several batches by the same models, each as `watch` does; the models are fitted once."""
    import numpy as np

    from lockgate.poisoning.features import codes, encode
    from lockgate.poisoning.surprise import out_of_sample

    theirs, names = codes(reference.column(label))
    counted = np.bincount(theirs[theirs >= 0], minlength=len(names))
    present = np.flatnonzero(counted >= max(FEWEST_PER_CLASS, _FOLDS))
    if len(present) < 2:  # noqa: PLR2004 - nothing to tell apart
        return [f"fewer than two classes have {FEWEST_PER_CLASS} rows in the reference"] * len(batches)
    place = np.full(len(names) + 1, -1)
    place[present] = np.arange(len(present))
    known = place[theirs]
    kept = np.flatnonzero(known >= 0)
    labels = [place[_recoded(batch.column(label), names)] for batch in batches]
    looked = [np.flatnonzero(mine >= 0) for mine in labels]
    too_few = f"fewer than {FEWEST_ROWS} rows of the batch have a label that the reference knows"
    if max(len(rows) for rows in looked) < FEWEST_ROWS:
        return [too_few] * len(batches)
    # One order of all tables, so that a category has one code in each.
    encoded = encode([reference, *batches], {label, *leave_out})
    named = _categories(encoded, [reference, *batches])
    before, *now = (_of(e, rows) for e, rows in zip(encoded, (kept, *looked), strict=True))
    together = replace(before, values=np.concatenate([features.values for features in now]))
    p_before, p_all = out_of_sample(before, known[kept], len(present), seed, together)
    assert p_all is not None  # noqa: S101 - asked for just above
    ends = np.cumsum([len(rows) for rows in looked])
    was = _judged(kept, known[kept], p_before)
    found: list[Watched | str] = []
    for rows, mine, features, p_now in zip(looked, labels, now, np.split(p_all, ends[:-1]), strict=True):
        if len(rows) < FEWEST_ROWS:
            found.append(too_few)
            continue
        moved, other_rates = rates.at_their_own(p_now, mine[rows], p_before, known[kept])
        is_ = _judged(rows, mine[rows], moved)
        found.append(
            Watched(
                reference=was,
                batch=is_,
                features=(before, features),
                classes=tuple(names[k] for k in present),
                usual=_ratio(was),
                now=_ratio(is_),
                other_rates=other_rates,
                categories=named,
            )
        )
    return found


def _categories(encoded: Sequence[Features], tables: Sequence[pa.Table]) -> dict[str, dict[float, str]]:
    """Return the text of each category, by column and number."""
    import numpy as np

    from lockgate.poisoning.features import MOST_CATEGORIES

    found: dict[str, dict[float, str]] = {}
    for i, name in enumerate(encoded[0].names):
        if not encoded[0].categorical[i]:
            continue
        texts = found[name] = {}
        for features, table in zip(encoded, tables, strict=True):
            codes, rows = np.unique(features.values[:, i], return_index=True)
            for code, text in zip(codes.tolist(), table.column(name).take(rows).to_pylist(), strict=True):
                if code == code and code < MOST_CATEGORIES:  # noqa: PLR0124 - not NaN
                    texts[code] = str(text)
    return found


def _recoded(column: pa.ChunkedArray, names: tuple[str, ...]) -> Integers:
    """Number the labels of the batch as those of the reference; the last number is none of them."""
    import numpy as np

    from lockgate.poisoning.features import codes

    own, own_names = codes(column)
    place = {name: i for i, name in enumerate(names)}
    translate = np.array([*(place.get(name, len(names)) for name in own_names), len(names)])
    return np.asarray(translate[own], dtype=np.int64)


def _of(features: Features, rows: Integers) -> Features:
    return replace(features, values=features.values[rows])


def _judged(rows: Integers, labels: Integers, p: Floats) -> Judged:
    import numpy as np

    p = np.clip(p, 1e-6, 1.0)
    ratio = (1.0 - p) / ((p.shape[1] - 1) * p)
    each, sharp = (np.minimum(ratio, cut) / cut for cut in (CUT, SHARP))
    own = np.arange(len(labels)), labels
    return Judged(
        rows=rows,
        labels=labels,
        likeliest=p.argmax(axis=1),
        surprise=each[own],
        expected=(p * each).sum(axis=1),
        replaced=((1.0 - p) / (p.shape[1] - 1) * each).sum(axis=1),
        each=p * each,
        p=p,
        sharp=sharp[own],
        sharp_expected=(p * sharp).sum(axis=1),
    )


def _ratio(judged: Judged) -> float:
    return max(1.0, float(judged.surprise.sum()) / max(float(judged.expected.sum()), 1e-9))
