"""Run stress tests on a model: its answers on spoiled rows beside those on the rows as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lockgate.errors import InputError
from lockgate.model import Predictor
from lockgate.progress import track
from lockgate.robustness.stress import intervals
from lockgate.robustness.stress.severity import SEVERITIES


@dataclass(frozen=True)
class StressTest:
    """One way to spoil rows.

    Attributes:
        name: Short and stable, for example ``missing-values``.
        what: What is done to the rows at a severity, in words; takes the severity.
        columns: How many columns it can be done to; 0: it does not apply to this data.
        spoil: Returns spoiled rows; takes a severity from 1 and a random generator, which is the same for
            each severity, so that a higher one spoils what a lower one did and more.
        may_refuse: Whether a model does right to raise: the rows are of another form than it was promised.
    """

    name: str
    what: Callable[[int], str]
    columns: int
    spoil: Callable[[int, Any], Any]
    may_refuse: bool = False


@dataclass(frozen=True)
class Level:
    """What one severity did.

    Attributes:
        severity: From 1 to 5.
        accuracy: Share of right labels.
        drop: By how much that is less than before; below 0 when it is more.
        low: Lower end of the drop's 95 % interval.
        high: Upper end.
        changed: Share of labels that are others than before, right or wrong.
    """

    severity: int
    accuracy: float
    drop: float
    low: float
    high: float
    changed: float


@dataclass(frozen=True)
class Stressed:
    """What one stress test did.

    Attributes:
        name: See `StressTest`.
        what: What was done to the rows at the judged severity, in words.
        columns: How many columns it was done to; 0: it does not apply to this data.
        levels: For each severity that the model answered, in their order.
        error: The type of the exception that the model raised, or empty.
        raised_at: The severity at which it did, or 0.
        refused: Whether raising was right, see `StressTest.may_refuse`.
    """

    name: str
    what: str
    columns: int
    levels: tuple[Level, ...] = ()
    error: str = ""
    raised_at: int = 0
    refused: bool = False

    def at(self, severity: int) -> Level | None:
        """Return what one severity did; None when there was no answer."""
        return next((level for level in self.levels if level.severity == severity), None)


def measure(
    predictor: Predictor, rows: Any, truth: Any, tests: Sequence[StressTest], *, judged: int, seed: int
) -> list[Stressed]:
    """Ask a model about spoiled copies of the rows, one for each test and severity.

    Args:
        predictor: The model.
        rows: The rows as they are, as the model reads them.
        truth: The right label of each row.
        tests: What to do to them.
        judged: The severity that `Stressed.what` speaks of.
        seed: Of every random choice.
    """
    import numpy as np

    before = predictor.predict(rows)
    done = []
    for number, test in enumerate(track(tests, "stressing rows")):
        if not test.columns:
            done.append(Stressed(test.name, test.what(judged), 0))
            continue
        levels: list[Level] = []
        error, raised_at = "", 0
        for severity in SEVERITIES:
            spoiled = test.spoil(severity, np.random.default_rng([seed, number]))
            try:
                after = predictor.predict(spoiled)
            except InputError as raised_by_it:
                error, raised_at = _type_of(raised_by_it), severity
                break
            levels.append(_level(severity, before, after, truth))
        done.append(
            Stressed(
                test.name,
                test.what(judged),
                test.columns,
                tuple(levels),
                error,
                raised_at,
                bool(error) and test.may_refuse,
            )
        )
    return done


def raised(name: str, what: str, columns: int, error: InputError) -> Stressed:
    """Record that the model raised; the type of its exception is told, not its words, which quote values."""
    return Stressed(name, what, columns, error=_type_of(error), raised_at=1)


def _level(severity: int, before: Any, after: Any, truth: Any) -> Level:
    was, now = before == truth, after == truth
    n = len(truth)
    counts = [int(cells.sum()) for cells in (was & now, was & ~now, ~was & now, ~was & ~now)]
    low, high = intervals.before_and_after(*counts)
    drop = (counts[1] - counts[2]) / n
    return Level(severity, int(now.sum()) / n, drop, low, high, int((after != before).sum()) / n)


def _type_of(error: InputError) -> str:
    return type(error.__cause__ or error).__name__
