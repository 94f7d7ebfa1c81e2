"""Change a few pixels of an image as far as they go (L0), by scores or by labels alone.

First single pixels are tried, and those that shrink the margin most are put together; then pixels are
exchanged by chance, many at first and few later, as long as the margin does not grow (Sparse-RS, Croce et al.
2022, arXiv:2006.12834). ART has no attack of this kind that works on models of any library.
"""

from __future__ import annotations

from typing import Any

from lockgate.robustness.attacks.attack import Attack
from lockgate.robustness.attacks.target import Target

_SCANNED = 0.4  # of the questions go to single pixels
_FIRST = 0.8  # share of the pixels exchanged at first, falling as in Square Attack
_MOST_STEPS = 1_000


def search(target: Target, rng: Any) -> None:
    """Attack every open row."""
    import numpy as np

    rows = target.open
    if not len(rows):
        return
    at, ends, best = _scan(target, rows, rng)
    steps = int(min(_MOST_STEPS, target.left(rows).max()))
    for step in range(steps):
        keep = np.isin(rows, target.open)
        rows, at, ends, best = rows[keep], at[keep], ends[keep], best[keep]
        if not len(rows):
            return
        count = max(1, round(at.shape[1] * _share(step / steps)))
        new_at, new_ends = _exchanged(target, at, ends, count, rng)
        margins = target.ask(rows, _painted(target, rows, new_at, new_ends))
        better = margins <= best  # not NaN, which is a question that was not asked
        at[better], ends[better], best[better] = new_at[better], new_ends[better], margins[better]


def _scan(target: Target, rows: Any, rng: Any) -> tuple[Any, Any, Any]:
    """Try single pixels, and return the most telling ones of each row: pixels, their ends, and the margin.

    Pixels are numbered row by row: rows x count. An end says of each channel whether it goes up or down:
    rows x count x channels.
    """
    import numpy as np

    channels, height, width = target.origins.shape[1:]
    count = int(min(target.domain.threat.size, height * width))
    tries = int(min(2 * height * width, max(2, _SCANNED * target.left(rows).min())))
    order = rng.permutation(2 * height * width)[:tries]
    worth = np.full((len(rows), height * width), np.inf)
    ends = rng.integers(0, 2, (len(rows), height * width, channels)).astype(bool)
    for each in order:
        pixel, up = int(each) // 2, bool(each % 2)
        alive = np.flatnonzero(np.isin(rows, target.open))
        if not len(alive):
            break
        one = np.full((len(alive), 1), pixel)
        towards = np.full((len(alive), 1, channels), up)
        margins = target.ask(rows[alive], _painted(target, rows[alive], one, towards))
        better = margins < worth[alive, pixel]
        worth[alive[better], pixel] = margins[better]
        ends[alive[better], pixel] = up
    at = np.argsort(worth, axis=1, kind="stable")[:, :count]
    chosen = np.take_along_axis(ends, at[:, :, None], axis=1)
    alive = np.flatnonzero(np.isin(rows, target.open))
    best = np.full(len(rows), np.inf)
    if len(alive):
        best[alive] = target.ask(rows[alive], _painted(target, rows[alive], at[alive], chosen[alive]))
    return at, chosen, np.nan_to_num(best, nan=np.inf)


def _exchanged(target: Target, at: Any, ends: Any, count: int, rng: Any) -> tuple[Any, Any]:
    """Return the pixels with some of them exchanged for others of the image, and new ends for these."""
    import numpy as np

    height, width = target.origins.shape[2:]
    new_at, new_ends = at.copy(), ends.copy()
    out = np.argsort(rng.random(at.shape), axis=1)[:, :count]
    draw = rng.random((len(at), height * width))
    np.put_along_axis(draw, at, np.inf, axis=1)  # none that it has
    free = height * width - at.shape[1]
    into = np.argsort(draw, axis=1)[:, : min(count, free)]
    out = out[:, : into.shape[1]]
    np.put_along_axis(new_at, out, into, axis=1)
    flipped = rng.integers(0, 2, (len(at), count, ends.shape[2])).astype(bool)
    if not into.shape[1]:  # all pixels can change: only their ends can be exchanged
        out = np.argsort(rng.random(at.shape), axis=1)[:, :count]
    np.put_along_axis(new_ends, out[:, :, None], flipped[:, : out.shape[1]], axis=1)
    return new_at, new_ends


def _painted(target: Target, rows: Any, at: Any, ends: Any) -> Any:
    """Return the images with the pixels set to the ends of what they can be."""
    import numpy as np

    threat: Any = target.domain.threat
    origins = target.origins[rows]
    flat = origins.reshape(len(rows), origins.shape[1], -1).copy()
    places = np.broadcast_to(at[:, None, :], (len(rows), flat.shape[1], at.shape[1]))
    here = np.take_along_axis(flat, places, axis=2)
    reach = np.inf if threat.reach is None else threat.reach
    low, high = np.maximum(threat.low, here - reach), np.minimum(threat.high, here + reach)
    np.put_along_axis(flat, places, np.where(ends.transpose(0, 2, 1), high, low), axis=2)
    return target.domain.project(flat.reshape(origins.shape), origins)


def _share(done: float) -> float:
    """Return the share of pixels to exchange when so much of the search is done."""
    halvings = sum(done >= limit for limit in (0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8))
    return float(_FIRST / 2**halvings)


ATTACK = Attack(
    "image-pixels",
    search,
    norms=("l0",),
    kinds=("image",),
    finds="single pixels, then exchanges by chance (Sparse-RS), by scores where there are any",
)
