"""HopSkipJump (Chen, Jordan and Wainwright 2020, arXiv:1904.02144), by labels alone, as ART implements it.

It starts at a far point with another label, of another row or at random, and walks along the border between
the labels back towards the row. All rows walk in lockstep, so that one call to the model answers them all.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from lockgate.errors import MissingExtraError
from lockgate.robustness.attacks.attack import Attack
from lockgate.robustness.attacks.target import Target
from lockgate.robustness.lockstep import Ask, together
from lockgate.seeds import global_seed

_STARTS = 50
_TOGETHER = 200  # rows attacked at once: bounds memory and threads


def search(target: Target, rng: Any) -> None:
    """Attack every open row from the nearest of some far points that change its label."""
    rows = target.open
    for first in range(0, len(rows), _TOGETHER):
        starts = _starts(target, rows[first : first + _TOGETHER], rng)
        if starts:
            searches = [_walk(target, row, start) for row, start in starts.items()]
            with global_seed(int(rng.integers(2**32))):
                together(searches, _round(target, list(starts)))


def suits(target: Target) -> bool:
    """Whether a table has a number that can change."""
    return bool(_numbers(target.domain))


def _numbers(domain: Any) -> list[int]:
    return [f.at[0] for f in domain.features if f.kind == "number"]


def _values(target: Target, at: Any, moves: Any) -> Any:
    """Return the points of some moves, in units; whole numbers are cut towards the row."""
    import numpy as np

    domain: Any = target.domain
    numbers = _numbers(domain)
    origins = target.origins[at]
    points = origins.copy()
    step = domain.possible.step[numbers]
    units = moves * domain.scale[numbers]
    grid = np.where(step > 0, step, 1.0)
    # The nudge keeps a whole step whole when it comes back from a division.
    cut = np.where(step > 0, np.trunc(units / grid + np.copysign(1e-9, units)) * grid, units)
    points[:, numbers] = np.where(np.isnan(origins[:, numbers]), np.nan, origins[:, numbers] + cut)
    return points


def _round(target: Target, rows: list[int]) -> Callable[[dict[int, Any]], dict[int, Any]]:
    """Return the function that answers a round of questions about these rows, see `together`."""
    import numpy as np

    def answer(questions: dict[int, Any]) -> dict[int, Any]:
        asked = {n: q for n, q in questions.items() if len(q) <= target.left(rows[n])}
        target.spent[[rows[n] for n in questions if n not in asked]] = True
        if not asked:
            return {}
        at = np.concatenate([np.full(len(q), rows[n]) for n, q in asked.items()])
        changed = target.ask(at, _values(target, at, np.concatenate(list(asked.values())))) < 0
        parts = np.split(changed, np.cumsum([len(q) for q in asked.values()])[:-1])
        return {n: part for n, part in zip(asked, parts, strict=True) if not target.broken[rows[n]]}

    return answer


def _starts(target: Target, rows: Any, rng: Any) -> dict[int, Any]:
    """Find for each row the nearest of some far points that changes its label, if one does."""
    import numpy as np

    domain: Any = target.domain
    numbers = _numbers(domain)
    count = int(min(_STARTS, max(2, target.max_queries // 8)))
    pool = target.origins[:, numbers]
    borrowed = pool[rng.choice(len(pool), size=min(count // 2, len(pool)), replace=False)]
    low, high = domain.columns_range()
    points = np.concatenate([borrowed, rng.uniform(low, high, size=(count - len(borrowed), len(numbers)))])
    here = target.origins[np.ix_(rows, numbers)]
    moves = (points[None] - here[:, None]) / domain.scale[numbers]
    # As ART will see them: it rounds to single precision, and draws a starting point of its own,
    # from a generator that nobody can seed, when the one it is given does not change the label.
    moves = np.nan_to_num(moves, posinf=0.0, neginf=0.0).astype(np.float32).astype(np.float64)
    at = np.repeat(rows, len(points))
    asked = target.ask(at, _values(target, at, moves.reshape(-1, len(numbers))))
    changed = (asked < 0).reshape(len(rows), -1)
    far = np.where(changed, np.abs(moves).max(axis=2), np.inf)
    return {
        int(row): moves[i, far[i].argmin()]
        for i, row in enumerate(rows)
        if changed[i].any() and not target.broken[row]
    }


def _walk(target: Target, row: int, start: Any) -> Callable[[Ask], None]:
    """Return ART's attack on one row as a search for `together`, in moves rather than values."""
    import numpy as np

    black_box, hop_skip_jump = _import_art()
    domain: Any = target.domain
    numbers = _numbers(domain)
    here = target.origins[row, numbers]
    low, high = domain.columns_range()
    with np.errstate(invalid="ignore"):
        low = np.nan_to_num((low - here) / domain.scale[numbers], nan=-1.0)
        high = np.nan_to_num((high - here) / domain.scale[numbers], nan=1.0)
    low, high = np.minimum(np.minimum(low, start), 0), np.maximum(np.maximum(high, start), 0)

    def search(ask: Ask) -> None:
        def kept_or_changed(moves: Any) -> Any:
            return np.eye(2)[ask(moves.astype(np.float64)).astype(int)]

        classifier = black_box(
            kept_or_changed, (len(numbers),), 2, clip_values=(low.astype(np.float32), high.astype(np.float32))
        )
        # Directions grow with the columns: a gradient of d numbers needs a multiple of d answers.
        jump = hop_skip_jump(
            classifier,
            norm=2 if domain.threat.norm == "l2" else np.inf,
            max_iter=50,
            init_eval=min(100, max(10, 5 * len(numbers))),
            batch_size=100_000,
            verbose=False,
        )
        jump.generate(np.zeros((1, len(numbers)), np.float32), x_adv_init=start[None].astype(np.float32))

    return search


def _import_art() -> tuple[Any, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of parts that need torch, which a table model does not
            from art.attacks.evasion import HopSkipJump
            from art.estimators.classification import BlackBoxClassifier
    except ModuleNotFoundError as error:
        raise MissingExtraError("robustness", error.name or "adversarial-robustness-toolbox") from None
    return BlackBoxClassifier, HopSkipJump


ATTACK = Attack(
    "hopskipjump",
    search,
    suits,
    last=True,
    norms=("linf", "l2"),
    finds="HopSkipJump of the Adversarial Robustness Toolbox, by labels alone",
)
