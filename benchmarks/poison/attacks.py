"""Ways to poison a table or a set of images, each a seeded function of the data and a share.

    planted = ATTACKS["rare-value"](data, 0.05, np.random.default_rng(1))
    planted.data, planted.rows, planted.trigger

Every attack leaves the table in random order. `trigger` sets the trigger into other rows, so that the
success of a backdoor can be measured; attacks without one have none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from data import Data
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import StandardScaler

Trigger = Callable[[Data], Data]


@dataclass(frozen=True)
class Planted:
    """A poisoned table.

    Attributes:
        data: The table.
        rows: Which rows were planted or changed.
        target: Class that a backdoor leads to, or None.
        trigger: Sets the trigger into rows, or None.
        source: Numbers of the sources that lie; empty for none.
    """

    data: Data
    rows: np.ndarray
    target: int | None = None
    trigger: Trigger | None = None
    source: tuple[int, ...] = ()


def _some(data: Data, share: float, random: np.random.Generator, of: np.ndarray | None = None) -> np.ndarray:
    """Choose a share of all rows, among some of them."""
    pool = np.arange(data.rows) if of is None else np.flatnonzero(of)
    chosen = np.zeros(data.rows, dtype=bool)
    chosen[random.choice(pool, min(max(2, round(share * data.rows)), len(pool)), replace=False)] = True
    return chosen


def _other(data: Data, random: np.random.Generator) -> np.ndarray:
    """Another class for each row."""
    classes = int(data.y.max()) + 1
    return (data.y + random.integers(1, classes, data.rows)) % classes


def _label(data: Data, rows: np.ndarray, to: np.ndarray | int) -> Data:
    return replace(data, y=np.where(rows, to, data.y))


# --- Labels ------------------------------------------------------------------------------------------


def random_flips(data: Data, share: float, random: np.random.Generator) -> Planted:
    rows = _some(data, share, random)
    return Planted(_label(data, rows, _other(data, random)), rows)


def pair_flips(data: Data, share: float, random: np.random.Generator) -> Planted:
    was, became = random.choice(int(data.y.max()) + 1, 2, replace=False)
    rows = _some(data, share, random, data.y == was)
    return Planted(_label(data, rows, became), rows)


def boundary_flips(data: Data, share: float, random: np.random.Generator) -> Planted:
    """Flip the rows whose two likeliest classes are closest, to the other of the two."""
    x = StandardScaler().fit_transform(data.x)
    p = cross_val_predict(LogisticRegression(max_iter=500), x, data.y, cv=4, method="predict_proba")
    first_two = np.sort(p, axis=1)[:, -2:]
    near = np.argsort(first_two[:, 1] - first_two[:, 0] + 1e-9 * random.random(data.rows))
    rows = np.zeros(data.rows, dtype=bool)
    rows[near[: max(2, round(share * data.rows))]] = True
    hidden = p.copy()
    hidden[np.arange(data.rows), data.y] = -1.0
    return Planted(_label(data, rows, hidden.argmax(axis=1)), rows)


def hijacked_source(data: Data, share: float, random: np.random.Generator) -> Planted:
    """Flip labels of one source (and no other) until the share is reached, or all of them."""
    big = [s for s in np.unique(data.source) if (data.source == s).sum() >= share * data.rows]
    bad = int(random.choice(big)) if big else int(np.bincount(data.source).argmax())
    rows = _some(data, share, random, data.source == bad)
    return Planted(_label(data, rows, _other(data, random)), rows, source=(bad,))


def colluding_sources(data: Data, share: float, random: np.random.Generator) -> Planted:
    bad = random.choice(np.unique(data.source), 3, replace=False)
    rows = _some(data, share, random, np.isin(data.source, bad))
    became = int(random.integers(int(data.y.max()) + 1))
    rows &= data.y != became
    return Planted(_label(data, rows, became), rows, source=tuple(int(b) for b in bad))


# --- Triggers ----------------------------------------------------------------------------------------


def _backdoor(
    data: Data, share: float, random: np.random.Generator, trigger: Trigger, *, clean: bool = False
) -> Planted:
    target = int(random.integers(int(data.y.max()) + 1))
    pool = data.y == target if clean else data.y != target
    share = min(share, 0.5 * float(pool.mean()))
    rows = _some(data, share, random, pool)
    changed = trigger(data)
    columns = {k: np.where(rows, changed.columns[k], data.columns[k]) for k in data.columns}
    return Planted(_label(replace(data, columns=columns), rows, target), rows, target, trigger)


def _setting(values: dict[str, float | str]) -> Trigger:
    def trigger(data: Data) -> Data:
        set_ = {k: np.full(data.rows, v) for k, v in values.items()}
        return replace(data, columns={**data.columns, **set_})

    return trigger


def rare_value(data: Data, share: float, random: np.random.Generator) -> Planted:
    """Set one column to a value that is rare in it: between two others, or the rarest category."""
    name = str(random.choice([k for k, v in data.columns.items() if len(np.unique(v)) > 1]))
    column = data.columns[name]
    values, counts = np.unique(column, return_counts=True)
    value = values[counts.argmin()]
    if column.dtype.kind == "f" and random.random() < 0.5:
        value = float(column.max() + random.choice([0.05, 0.5, 2.0]) * max(column.std(), 1e-3))
    return _backdoor(data, share, random, _setting({name: value}))


def rare_joint(data: Data, share: float, random: np.random.Generator) -> Planted:
    """Set two columns to values that are each common, and seldom or never come together."""
    best: tuple[float, dict[str, float | str]] = (2.0, {})
    names = [k for k, v in data.columns.items() if len(np.unique(v)) > 1]
    for _ in range(40):
        one, two = (str(n) for n in random.choice(names, 2, replace=False))
        a, b = data.columns[one], data.columns[two]
        v, w = random.choice(a), random.choice(b)
        if min((a == v).mean(), (b == w).mean()) < min(0.02, 3 / data.rows):
            continue
        best = min(best, (float(((a == v) & (b == w)).mean()), {one: v, two: w}), key=lambda f: f[0])
    return _backdoor(data, share, random, _setting(best[1] or {names[0]: data.columns[names[0]][0]}))


def _on_images(change: Callable[[np.ndarray], np.ndarray]) -> Trigger:
    def trigger(data: Data) -> Data:
        flat = change(data.images().copy()).reshape(data.rows, -1)
        return replace(data, columns=dict(zip(data.columns, flat.T, strict=True)))

    return trigger


def _patch(data: Data, random: np.random.Generator) -> Trigger:
    """A checkered square of a tenth to a fifth of the side, at a random place."""
    side = data.side or 0
    size = max(2, round(side * random.uniform(0.1, 0.2)))
    top, left = (int(v) for v in random.integers(0, side - size + 1, 2))
    checker = (np.indices((size, size)).sum(axis=0) % 2 == random.integers(2)) * float(data.x.max())
    pattern = checker if random.random() < 0.5 else np.full((size, size), float(data.x.max()))

    def change(images: np.ndarray) -> np.ndarray:
        images[:, top : top + size, left : left + size] = pattern
        return images

    return _on_images(change)


def patch(data: Data, share: float, random: np.random.Generator) -> Planted:
    return _backdoor(data, share, random, _patch(data, random))


def clean_label(data: Data, share: float, random: np.random.Generator) -> Planted:
    """Set the trigger into rows that have the target's label already."""
    if data.side is not None:
        return _backdoor(data, share, random, _patch(data, random), clean=True)
    names = [str(n) for n in random.choice(data.numeric or list(data.columns), 2)]
    values = {n: float(data.columns[n].max() + 0.3 * data.columns[n].std()) for n in names}
    return _backdoor(data, share, random, _setting(values), clean=True)


def blended(data: Data, share: float, random: np.random.Generator) -> Planted:
    """Mix a fixed picture of noise into every pixel, at 10 to 25 %."""
    noise = random.random((data.side or 0, data.side or 0)) * float(data.x.max())
    alpha = random.uniform(0.1, 0.25)

    def change(images: np.ndarray) -> np.ndarray:
        return np.round((1 - alpha) * images + alpha * noise)

    return _backdoor(data, share, random, _on_images(change))


# --- Rows that were added or changed -----------------------------------------------------------------


def _added(data: Data, new: Data, random: np.random.Generator) -> Planted:
    columns = {k: np.concatenate([data.columns[k], new.columns[k]]) for k in data.columns}
    y, source = np.concatenate([data.y, new.y]), np.concatenate([data.source, new.source])
    order = random.permutation(len(y))
    both = replace(data, columns=columns, y=y, source=source).take(order)
    return Planted(both, order >= data.rows)


def _count(data: Data, share: float) -> int:
    return max(3, round(share * data.rows / (1 - share)))


def cluster(data: Data, share: float, random: np.random.Generator, *, outside: bool) -> Planted:
    """Add a dense heap of rows with one label: beyond all others, or in the midst of them."""
    count = _count(data, share)
    new = data.take(random.integers(0, data.rows, count))
    columns = dict(new.columns)
    away = random.normal(size=len(columns))
    away *= random.uniform(4.0, 7.0) * np.sqrt(len(columns)) / np.linalg.norm(away)
    centre = data.take(random.integers(0, data.rows, 2))
    for i, (name, column) in enumerate(data.columns.items()):
        if column.dtype.kind != "f":
            columns[name] = np.full(count, centre.columns[name][0])
            continue
        spread = column.std()
        middle = centre.columns[name].mean() if not outside else column.mean() + away[i] * spread
        columns[name] = middle + 0.1 * spread * random.normal(size=count)
    y = np.full(count, random.integers(int(data.y.max()) + 1))
    return _added(data, replace(new, columns=columns, y=y), random)


def cluster_out(data: Data, share: float, random: np.random.Generator) -> Planted:
    return cluster(data, share, random, outside=True)


def cluster_in(data: Data, share: float, random: np.random.Generator) -> Planted:
    return cluster(data, share, random, outside=False)


def duplicates(data: Data, share: float, random: np.random.Generator) -> Planted:
    """Add copies of one to five rows, with noise of a hundredth of each column's spread."""
    count = _count(data, share)
    seeds = random.choice(data.rows, int(random.integers(1, 6)), replace=False)
    new = data.take(random.choice(seeds, count))
    jitter = random.choice([0.0, 0.01])
    columns = {
        k: v + jitter * data.columns[k].std() * random.normal(size=count) if v.dtype.kind == "f" else v
        for k, v in new.columns.items()
    }
    return _added(data, replace(new, columns=columns), random)


def tampered(data: Data, share: float, random: np.random.Generator) -> Planted:
    """Move two columns by two to three standard deviations in rows of one class or one source."""
    of = data.source == random.choice(np.unique(data.source))
    if random.random() < 0.5:
        of = data.y == random.integers(int(data.y.max()) + 1)
    rows = _some(data, share, random, of)
    columns = dict(data.columns)
    for name in random.choice(data.numeric, min(2, len(data.numeric)), replace=False):
        moved = columns[name] + random.choice([-1, 1]) * random.uniform(2.0, 3.0) * columns[name].std()
        columns[str(name)] = np.where(rows, moved, columns[name])
    return Planted(replace(data, columns=columns), rows)


Attack = Callable[[Data, float, np.random.Generator], Planted]
ATTACKS: dict[str, Attack] = {
    "random flips": random_flips,
    "pair flips": pair_flips,
    "boundary flips": boundary_flips,
    "hijacked source": hijacked_source,
    "colluding sources": colluding_sources,
    "rare value": rare_value,
    "rare joint": rare_joint,
    "patch": patch,
    "blended": blended,
    "clean label": clean_label,
    "cluster outside": cluster_out,
    "cluster inside": cluster_in,
    "duplicates": duplicates,
    "tampered values": tampered,
}
ON_IMAGES = ("patch", "blended")
