"""Look for the smallest moves that change a classifier's answer, row by row, by labels alone.

Three searches share one budget of queries a row, cheapest first:

1. The box itself: corners and random points within ``eps``; all of its points, when only
   whole-number columns move and the points are few. Then no attack at all can reach more.
2. A starting point: the cells of another row, or a random point of the data's range, that changes
   the answer at any distance.
3. HopSkipJump (Chen, Jordan and Wainwright 2020, arXiv:1904.02144) in the L-infinity norm, as the
   Adversarial Robustness Toolbox implements it, from that starting point back towards the row.

A row is broken only by a query that was really asked, lay inside the box after whole numbers were
cut to whole steps, and got another label.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lockgate.errors import MissingExtraError
from lockgate.model import Predictor
from lockgate.progress import track
from lockgate.robustness.lockstep import Ask, together
from lockgate.robustness.space import Space

_BOX_POINTS = 100
_STARTS = 50
_TOGETHER = 200  # rows attacked at once: bounds memory and threads
_ROUNDING = 1e-9  # of a standard deviation: float noise that is not a step out of the box


@dataclass(frozen=True)
class Broken:
    """What the attack reached.

    Attributes:
        columns: How many columns could move; with 0 there was nothing to attack.
        rows: For every row, whether a move inside the box changed its label; bool array.
        queries: How many rows the model was asked about for each row; int array.
        by_search: How many rows the box search broke, and how many HopSkipJump did.
        spent: Rows whose budget ran out before HopSkipJump was through.
        nearest: Size of the smallest move found that changes the label, inside the box or not, in
            standard deviations; infinite where none was found. Float array.
        exhaustive: Whether every point of the box was tried.
    """

    columns: int
    rows: Any
    queries: Any
    by_search: dict[str, int]
    spent: int
    nearest: Any
    exhaustive: bool


def attack(
    predictor: Predictor, rows: Any, pool: Any, space: Space, *, eps: float, max_queries: int, seed: int
) -> Broken:
    """Try to change the label of every row by moves of at most ``eps``.

    Args:
        predictor: The model.
        rows: The rows to attack, a DataFrame with the model's columns.
        pool: Rows to take starting points from, of the same columns.
        space: Which cells can move, and their unit.
        eps: Largest move of a cell, in standard deviations of its column.
        max_queries: Most queries for each row.
        seed: Of every random number; numpy's global state is put back afterwards.

    Raises:
        MissingExtraError: The Adversarial Robustness Toolbox is not installed.
        InputError: The model raised on a moved row.
    """
    import numpy as np

    if not space.columns:
        nothing = np.zeros(len(rows), dtype=np.int64)
        return Broken(0, nothing > 0, nothing, {}, 0, nothing + np.inf, exhaustive=False)
    rng = np.random.default_rng(seed)
    box, exhaustive = _box_points(rng, space, eps, min(_BOX_POINTS, max_queries // 2))
    parts = []
    for first in track(range(0, len(rows), _TOGETHER), "attacking"):
        oracle = _Oracle(predictor, rows.iloc[first : first + _TOGETHER], space, eps, max_queries)
        parts.append(_attack_part(oracle, pool, box, rng))
    return Broken(
        columns=len(space.columns),
        rows=np.concatenate([p.rows for p in parts]),
        queries=np.concatenate([p.queries for p in parts]),
        by_search={name: sum(p.by_search[name] for p in parts) for name in ("box", "hopskipjump")},
        spent=sum(p.spent for p in parts),
        nearest=np.concatenate([p.nearest for p in parts]),
        exhaustive=exhaustive,
    )


def _attack_part(oracle: _Oracle, pool: Any, box: Any, rng: Any) -> Broken:
    import numpy as np

    everyone = np.arange(len(oracle.rows))
    oracle.ask_all(everyone, box)
    by_box = int(oracle.broken.sum())
    starts = _starts(oracle, everyone[~oracle.broken], pool, rng, min(_STARTS, oracle.max_queries // 4))
    if starts:
        searches = [_hop_skip_jump(oracle, row, start) for row, start in starts.items()]
        with _global_seed(int(rng.integers(2**32))):
            together(searches, oracle.round(list(starts)))
    found = {"box": by_box, "hopskipjump": int(oracle.broken.sum()) - by_box}
    columns = len(oracle.space.columns)
    return Broken(
        columns, oracle.broken, oracle.queries, found, oracle.spent, oracle.nearest, exhaustive=False
    )


class _Oracle:
    """The model behind a counter: tells whether moved rows get another label, and keeps what broke."""

    def __init__(self, predictor: Predictor, rows: Any, space: Space, eps: float, max_queries: int) -> None:
        import numpy as np

        self.predictor, self.rows, self.space, self.eps, self.max_queries = (
            predictor,
            rows,
            space,
            eps,
            max_queries,
        )
        self.labels = predictor.predict(rows)
        self.values = space.values(rows)
        self.broken = np.zeros(len(rows), dtype=bool)
        self.nearest = np.full(len(rows), np.inf)
        self.queries = np.zeros(len(rows), dtype=np.int64)
        self.spent = 0
        self._known: dict[tuple[int, bytes], bool] = {}

    def changed(self, at: Any, move: Any) -> Any:
        """Whether row ``at[i]``, moved by ``move[i]``, gets another label than unmoved; a bool array."""
        import numpy as np

        step = self.space.step(move) + 0.0  # + 0.0: no negative zeros, which are other bytes
        size = np.abs(step).max(axis=1)
        found = self._answers(at, step)
        np.minimum.at(self.nearest, at[found], size[found])
        self.broken = self.nearest <= self.eps + _ROUNDING
        self.queries += np.bincount(at, minlength=len(self.queries))
        return found

    def _answers(self, at: Any, step: Any) -> Any:
        """Ask the model what it was not asked before: with whole numbers most questions come again."""
        import numpy as np

        keys = [(int(row), step[i].tobytes()) for i, row in enumerate(at)]
        fresh = {key: i for i, key in enumerate(keys) if key not in self._known}
        if fresh:
            first = np.fromiter(fresh.values(), dtype=np.int64)
            moved = self.space.moved(self.rows.iloc[at[first]], step[first])
            other = self.predictor.predict(moved) != self.labels[at[first]]
            self._known.update(zip(fresh, other.tolist(), strict=True))
        return np.array([self._known[key] for key in keys], dtype=bool)

    def ask_all(self, rows: Any, moves: Any) -> Any:
        """Ask the same moves of many rows: rows by moves, bool."""
        import numpy as np

        at = np.repeat(rows, len(moves))
        return self.changed(at, np.tile(moves, (len(rows), 1))).reshape(len(rows), len(moves))

    def round(self, rows: list[int]) -> Callable[[dict[int, Any]], dict[int, Any]]:
        """Return the function that answers a round of questions about these rows, see `together`."""
        import numpy as np

        def answer(questions: dict[int, Any]) -> dict[int, Any]:
            asked = {n: q for n, q in questions.items() if self.queries[rows[n]] + len(q) <= self.max_queries}
            self.spent += len(questions) - len(asked)
            if not asked:
                return {}
            at = np.concatenate([np.full(len(q), rows[n]) for n, q in asked.items()])
            found = self.changed(at, np.concatenate(list(asked.values())))
            parts = np.split(found, np.cumsum([len(q) for q in asked.values()])[:-1])
            return {n: part for n, part in zip(asked, parts, strict=True) if not self.broken[rows[n]]}

        return answer


def _box_points(rng: Any, space: Space, eps: float, count: int) -> tuple[Any, bool]:
    """Choose the moves to try first, and say whether they are every move that the box has.

    Otherwise half of them are corners, the first two all-up and all-down, and half lie inside.
    """
    import numpy as np

    columns = len(space.columns)
    whole_steps = np.floor((eps + _ROUNDING) * space.scale)
    if space.whole.all() and math.prod(2 * s + 1 for s in whole_steps) <= count:
        steps = itertools.product(*(np.arange(-s, s + 1) for s in whole_steps))
        return np.array(list(steps)) / space.scale, True
    corners = rng.choice([-eps, eps], size=(count // 2, columns))
    corners[:1], corners[1:2] = eps, -eps
    return np.concatenate([corners, rng.uniform(-eps, eps, size=(count - count // 2, columns))]), False


def _starts(oracle: _Oracle, rows: Any, pool: Any, rng: Any, count: int) -> dict[int, Any]:
    """Find for each row the nearest of some far points that changes its label, if one does."""
    import numpy as np

    if not len(rows) or not count:
        return {}
    space = oracle.space
    borrowed = space.values(pool)[rng.choice(len(pool), size=min(count // 2, len(pool)), replace=False)]
    random = rng.uniform(space.low, space.high, size=(count - len(borrowed), len(space.columns)))
    points = np.concatenate([borrowed, random])
    moves = (points[None] - oracle.values[rows][:, None]) / space.scale
    # As ART will see them: it rounds to single precision, and draws a starting point of its own,
    # from a generator that nobody can seed, when the one it is given does not change the label.
    moves = np.nan_to_num(moves, posinf=0.0, neginf=0.0).astype(np.float32).astype(np.float64)
    at = np.repeat(rows, len(points))
    changed = oracle.changed(at, moves.reshape(-1, len(space.columns))).reshape(len(rows), -1)
    far = np.where(changed, np.abs(moves).max(axis=2), np.inf)
    return {
        int(row): moves[i, far[i].argmin()]
        for i, row in enumerate(rows)
        if changed[i].any() and not oracle.broken[row]
    }


def _hop_skip_jump(oracle: _Oracle, row: int, start: Any) -> Callable[[Ask], None]:
    """Return ART's attack on one row as a search for `together`, in moves rather than values."""
    import numpy as np

    black_box, hop_skip_jump = _import_art()
    space, columns = oracle.space, len(start)
    here = oracle.values[row]
    with np.errstate(invalid="ignore"):
        low = np.nan_to_num((space.low - here) / space.scale, nan=-1.0, neginf=-1.0, posinf=-1.0) - oracle.eps
        high = np.nan_to_num((space.high - here) / space.scale, nan=1.0, neginf=1.0, posinf=1.0) + oracle.eps
    low, high = np.minimum(low, start), np.maximum(high, start)

    def search(ask: Ask) -> None:
        def kept_or_changed(moves: Any) -> Any:
            return np.eye(2)[ask(moves.astype(np.float64)).astype(int)]

        classifier = black_box(
            kept_or_changed, (columns,), 2, clip_values=(low.astype(np.float32), high.astype(np.float32))
        )
        # Directions grow with the columns: a gradient of d numbers needs a multiple of d answers.
        jump = hop_skip_jump(
            classifier,
            norm=np.inf,
            max_iter=50,
            init_eval=min(100, max(10, 5 * columns)),
            batch_size=100_000,
            verbose=False,
        )
        jump.generate(np.zeros((1, columns), np.float32), x_adv_init=start[None].astype(np.float32))

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


@contextlib.contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    """Seed numpy's global generator, which is the one that ART draws from, and put it back."""
    import numpy as np

    before = np.random.get_state()  # noqa: NPY002 - see above
    np.random.seed(seed % 2**32)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
