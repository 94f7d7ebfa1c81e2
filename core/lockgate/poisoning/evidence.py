"""What every detector looks at, and what every detector answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.poisoning.features import Features

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

MAYBE = 0.1
"""Share of flipped labels that `flipped_rather` is best for."""
LEAST = 1e-3
"""No label is held for less probable than this, so that no single row decides."""


@dataclass(frozen=True)
class Labelled:
    """The rows of one table that can be checked: labels, and how probable a model finds each label.

    Attributes:
        labels: Class of each row, an index into `Evidence.classes`; shape (rows,).
        probabilities: Probability of each class from a model that never saw the row; shape
            (rows, classes), rows sum to 1.
    """

    labels: Integers
    probabilities: Floats

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.labels)

    @property
    def surprise(self) -> Floats:
        """1 minus the probability of the given label: 0 is expected, 1 is contradicted; shape (rows,)."""
        import numpy as np

        surprise: Floats = 1.0 - self.probabilities[np.arange(self.rows), self.labels]
        return surprise

    @property
    def expected_surprise(self) -> Floats:
        """The mean surprise that an honest label of each row would have; shape (rows,)."""
        p = self.probabilities
        expected: Floats = (p * (1.0 - p)).sum(axis=1)
        return expected

    @property
    def flipped_surprise(self) -> Floats:
        """The mean surprise that a label flipped to any other class would have; shape (rows,)."""
        p = self.probabilities
        others = (1.0 - p) / (p.shape[1] - 1)
        expected: Floats = (p * (1.0 - others)).sum(axis=1)
        return expected

    @property
    def excess(self) -> Floats:
        """Surprise above what honest labels of the same rows would show; its mean is 0 when clean."""
        return self.surprise - self.expected_surprise


@dataclass(frozen=True)
class Evidence:
    """Everything the detectors may use; see the modules in `lockgate.poisoning`.

    Attributes:
        batch: The rows under suspicion.
        baseline: Rows that are known to be clean, or None.
        classes: Names of the classes, as text.
        source: Index of the source of each row into `sources`, or None; shape (rows,).
        sources: Names of the sources, as text.
        seed: Seed of every resampling.
        min_share: Smallest share of planted rows that alarms, 0 to 1.
        draws: Draws of every resampling, at most.
        features: What the rows under suspicion hold, row by row as in `batch`.
        known: What the baseline's rows hold, or None.
        side: Height and width in pixels when each row is an image of one channel, or None.
        window: Index of the stretch of time of each row into `windows`, or None; shape (rows,).
        windows: Names of the stretches of time.
        cache: What one detector computed and another one needs too.
    """

    batch: Labelled
    baseline: Labelled | None
    classes: tuple[str, ...]
    source: Integers | None
    sources: tuple[str, ...]
    seed: int
    min_share: float
    draws: int
    features: Features
    known: Features | None = None
    side: tuple[int, int] | None = None
    window: Integers | None = None
    windows: tuple[str, ...] = ()
    cache: dict[str, Any] = field(default_factory=dict, compare=False)

    def random(self, detector: str) -> np.random.Generator:
        """Return a generator of a detector's own, so that adding a detector changes no other."""
        import numpy as np

        return np.random.default_rng([self.seed, *detector.encode()])

    def only(self, rows: NDArray[np.bool_]) -> Evidence:
        """Return the evidence of some rows of the batch."""
        batch = Labelled(self.batch.labels[rows], self.batch.probabilities[rows])
        source = None if self.source is None else self.source[rows]
        window = None if self.window is None else self.window[rows]
        features = replace(self.features, values=self.features.values[rows])
        return replace(self, batch=batch, source=source, window=window, features=features, cache={})


@dataclass
class Alarm:
    """What one detector says about the whole table.

    Attributes:
        detector: Name of the detector, for example ``source-labels``.
        rule: Rule id of its finding, for example ``LG-POISON-003``.
        ran: Whether it could look at all.
        why_not: Why it could not, one sentence, or empty.
        asked: Whether the caller gave what it needs; if so, not to run leaves a question open.
        statistic: What was measured; each detector documents it.
        p_value: How often clean data would show as much, within this detector; None if it did not run.
        share: Estimated share of planted rows, 0 to 1, in the whole table.
        share_within: The same within what is named (the source, the class), or None.
        large_enough: Whether the effect is above the detector's floor.
        source: The named source, or None.
        label_pair: ``(was, became)`` names of classes, or None.
        columns: The named columns; empty for none.
        label: The label that the named rows carry, or None.
        shows: What the named rows share, in words, or empty.
        pictures: Grey images for the report: caption, and rows of values from 0 to 1.
        sets: The values of a trigger, as trees read them, by column number; never shown.
        within: The rows of what is named, for what one detector explains to others; shape (rows,).
        belief: Probability of each row to be planted if the alarm is right; shape (rows,).
        adjusted_p: The p value after Holm's correction for the number of detectors.
        threshold: What `adjusted_p` is held against.
        alarmed: Whether the detector alarms; set by `assess`.
        explained_by: What accounts for this alarm, which then does not alarm: the rule of another one,
            or another mix of classes; or None.
        suspects: Rows that this alarm makes suspects; set by `assess`.
        groups: One mapping for each thing compared (each source, each class), for the report.
    """

    detector: str
    rule: str
    ran: bool = True
    why_not: str = ""
    asked: bool = True
    statistic: float = 0.0
    p_value: float | None = None
    share: float = 0.0
    share_within: float | None = None
    large_enough: bool = False
    source: str | None = None
    label_pair: tuple[str, str] | None = None
    columns: tuple[str, ...] = ()
    label: str | None = None
    shows: str = ""
    pictures: list[tuple[str, list[list[float]]]] = field(default_factory=list)
    sets: dict[int, float] = field(default_factory=dict)
    within: NDArray[np.bool_] | None = None
    belief: Floats | None = None
    adjusted_p: float | None = None
    threshold: float = 0.0
    alarmed: bool = False
    explained_by: str | None = None
    suspects: int = 0
    groups: list[Mapping[str, Any]] = field(default_factory=list)


def some_of(rows: Integers, most: int, random: np.random.Generator) -> Integers:
    """Draw rows by number, in their order; all of them where there are no more than that."""
    import numpy as np

    return rows if len(rows) <= most else np.sort(random.choice(rows, most, replace=False))


def flipped_share(rows: Labelled, excess: Floats) -> float:
    """Estimate which share of some rows has a flipped label, 0 to 1.

    The mean surprise lies between what honest and what flipped labels would show; the share is
    where it lies in between (method of moments).

    Args:
        rows: The rows.
        excess: Their surprise above the expectation, corrected for what clean rows show; shape (rows,).
    """
    room = float((rows.flipped_surprise - rows.expected_surprise).mean())
    return float(min(max(excess.mean() / room, 0.0), 1.0)) if room > 1e-6 else 0.0  # noqa: PLR2004 - no room: labels are coin flips


def flipped_rather(rows: Labelled) -> Floats:
    """Return how much likelier each label is if `MAYBE` of all are flipped, as a logarithm; shape (rows,).

    A label that a sure model contradicts says much, one at a boundary next to nothing.
    """
    import numpy as np

    honest = np.clip(1.0 - rows.surprise, LEAST, 1.0)
    flipped = (1.0 - honest) / (rows.probabilities.shape[1] - 1)
    said: Floats = np.log1p(MAYBE * (flipped / honest - 1.0))
    return said


def believe(prior: Floats | float, honest: Floats, planted: Floats) -> Floats:
    """Return the probability that each row is planted (Bayes' rule).

    Args:
        prior: Share of planted rows where the row is, 0 to 1.
        honest: Probability of the row's label if it is honest.
        planted: Probability of the row's label if it is planted.
    """
    import numpy as np

    weight = np.clip(prior, 0.0, 0.999)
    for_it = weight * np.maximum(planted, 1e-9)
    belief: Floats = for_it / (for_it + (1.0 - weight) * np.maximum(honest, 1e-9))
    return belief


def believe_flipped(rows: Labelled, prior: Floats | float) -> Floats:
    """Return the probability that each row's label was flipped to any other class, given the prior share."""
    others = rows.surprise / (rows.probabilities.shape[1] - 1)
    return believe(prior, 1.0 - rows.surprise, others)
