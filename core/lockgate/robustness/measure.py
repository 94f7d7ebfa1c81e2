"""Attack rows in growing samples until the accuracy that is left is known as precisely as asked.

measured = measure(predictor, domain, rows, truth, budget=Budget(precision=0.02), seed=0)
measured.share, measured.low, measured.high     # of all rows
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from lockgate.model import Predictor
from lockgate.progress import track
from lockgate.robustness.attacks import Attack, Target, attacks_on
from lockgate.robustness.interval import FIRST, enough, next_look
from lockgate.robustness.measured import Measured, Stop, Tally
from lockgate.robustness.threat import Domain

_PIECE = 500  # rows attacked at once
_TRIED = 40  # rows on which an attack shows what it finds
_CHECKED = 20  # rows of those that were searched by reading the model, on which answers alone are tried
_MISREAD = 0.1  # of them broke: the model was not read well


@dataclass(frozen=True)
class Budget:
    """When to stop.

    Attributes:
        precision: Half of the width of the interval that is enough.
        rows: Most rows to attack; None: all.
        queries: Most questions to the model for each row.
        seconds: Most CPU seconds of this process; looked at between pieces of some hundred rows.
    """

    precision: float = 0.02
    rows: int | None = None
    queries: int = 500
    seconds: float = 900.0


def measure(
    predictor: Predictor, domain: Domain, rows: Any, truth: Any, *, budget: Budget, seed: int
) -> Measured:
    """Attack the first rows, then more of them, until the interval is narrow enough or the budget used up.

    Args:
        predictor: The model.
        domain: The threat on this data.
        rows: All rows of the data in random order: a DataFrame or an array.
        truth: The place of each right label in ``predictor.classes``.
        budget: When to stop.
        seed: Of every random choice.

    Raises:
        InputError: The model raised on a moved row.
        MissingExtraError: The library of an attack is not installed.
    """
    begun, total = time.process_time(), len(rows)
    most = min(total, budget.rows or total)
    wanted, done = min(FIRST, most), 0
    targets: list[Target] = []
    tallies: dict[str, Tally] = {}
    looks, stopped = [], ""
    while not stopped:
        for start in track(range(done, wanted, _PIECE), f"attacking ({domain.threat.name})"):
            end = min(start + _PIECE, wanted)
            target = Target(
                predictor, domain, _part(rows, start, end), truth[start:end], max_queries=budget.queries
            )
            _attack(target, tallies, [seed, start], budget.precision)
            targets.append(target)
            done = end
            if time.process_time() - begun > budget.seconds:
                stopped = "seconds"
                break
        looks.append(done)
        held = sum(int((t.right & ~t.broken).sum()) for t in targets)
        if done == total:
            stopped = "all rows"
        elif enough(held, done, total, budget.precision):
            stopped = "precision"
        elif done >= most:
            stopped = stopped or "rows"
        wanted = min(most, next_look(held, done, total, budget.precision))
    return _joined(targets, domain, total, tallies, stopped, looks)  # type: ignore[arg-type]


def _attack(target: Target, tallies: dict[str, Tally], seed: list[int], precision: float) -> None:
    """Run every attack on what those before it left, and make sure of what broke.

    Rows that an attack searched by reading the whole model are only checked by answers: a quick attack is let
    at a few of them, and at all if it breaks one, a slow one at none, unless many broke that way: then the
    model was read wrong.
    """
    import numpy as np

    misread = False
    for number, attack in enumerate(attacks_on(target)):
        rng = np.random.default_rng([*seed, number])
        spare = not attack.white_box and not misread
        before = target.broken.copy()
        kept = _unsearched(target, attack) if spare else None
        _let_at(target, attack, tallies, rng, precision, kept)
        if spare:
            checked = kept & target.searched
            missed = int((checked & target.broken & ~before).sum())
            misread = missed > _MISREAD * checked.sum()
            if missed:
                _let_at(target, attack, tallies, rng, precision, None)
    target.confirm()


def _unsearched(target: Target, attack: Attack) -> Any:
    """Whether each row was not searched by reading the model, or is one of a few to be checked."""
    import numpy as np

    kept = ~target.searched
    if not attack.last:
        kept[np.flatnonzero(target.searched & target.right & ~target.broken)[:_CHECKED]] = True
    return kept


def _let_at(
    target: Target, attack: Attack, tallies: dict[str, Tally], rng: Any, precision: float, among: Any
) -> None:
    """Run an attack on the open rows, or on those of them that it is let at.

    A slow attack is let at a few rows first, and goes on only if it breaks more than half the precision
    there; a quick one is left out of later samples when it broke less than a quarter.
    """
    import numpy as np

    everything = len(target.open)
    target.among = among
    todo = target.open
    tally = tallies.setdefault(attack.name, Tally(attack.white_box, attack.finds)) if len(todo) else None
    if tally is not None and not tally.given_up:
        tally.spared += everything - len(todo)
        slow = attack.last or (attack.backup and any(t.white_box and t.broke for t in tallies.values()))
        if slow and tally.tried < _TRIED:
            target.among = np.isin(np.arange(len(target.right)), todo[: _TRIED - tally.tried])
            _run(target, attack, tally, rng)
            target.among = among
            tally.given_up = tally.share * len(todo) < precision / 2 * len(target.right)
        if not tally.given_up:
            _run(target, attack, tally, rng)
            if not slow and tally.tried >= _TRIED:
                tally.given_up = tally.share * len(todo) < precision / 4 * len(target.right)
    target.among = None


def _run(target: Target, attack: Attack, tally: Tally, rng: Any) -> None:
    before, broken, asked = len(target.open), int(target.broken.sum()), int(target.queries.sum())
    if before:
        target.attack = attack.name
        attack.search(target, rng)
        tally.tried += before
        tally.broke += int(target.broken.sum()) - broken
        tally.queries += int(target.queries.sum()) - asked


def _part(rows: Any, start: int, end: int) -> Any:
    return rows.iloc[start:end] if hasattr(rows, "iloc") else rows[start:end]


def _joined(
    targets: list[Target],
    domain: Domain,
    total: int,
    tallies: dict[str, Tally],
    stopped: Stop,
    looks: list[int],
) -> Measured:
    import numpy as np

    def all_of(name: str) -> Any:
        return np.concatenate([getattr(t, name) for t in targets])

    return Measured(
        domain=domain,
        total=total,
        right=all_of("right"),
        broken=all_of("broken"),
        nearest=all_of("nearest"),
        certified=all_of("certified"),
        impossible=np.concatenate([~domain.allowed(t.origins, t.origins) for t in targets]),
        queries=all_of("queries"),
        by=all_of("by"),
        points=np.concatenate([t.found[t.broken] for t in targets]),
        origins=np.concatenate([t.origins[t.broken] for t in targets]),
        attacks=tallies,
        stopped=stopped,
        gradients=int(sum(int(t.gradients.sum()) for t in targets)),
        spent=int(sum(int((t.spent & t.right & ~t.broken).sum()) for t in targets)),
        looks=looks,
    )
