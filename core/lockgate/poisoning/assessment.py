"""Assess a table: run every detector, correct for their number, rank the rows by what alarmed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lockgate.poisoning.collect import collect
from lockgate.poisoning.decide import decide, explain, explain_by_mix
from lockgate.poisoning.detectors import DETECTORS
from lockgate.poisoning.evidence import Alarm, Evidence
from lockgate.progress import track

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from lockgate.poisoning.canary import Canary
    from lockgate.poisoning.origin import Place
    from lockgate.poisoning.remedy import Remedy

    Floats = NDArray[np.float64]

SUSPECT = 0.5
"""A row is a suspect when it is more likely planted than not."""
NO_ALARM_SHARE = 0.01
"""Prior share that ranks the rows when nothing alarmed; it changes no order."""


@dataclass
class Assessment:
    """What the detectors say about one table.

    Attributes:
        rows: Rows of the table.
        checked: Rows that could be checked.
        alarms: What each detector says, those that could not run included.
        scores: 0 (as expected) to 1 (planted) for each row; 0 for a row that could not be checked.
        reasons: Rule id of the alarm that makes the row a suspect, or None; one for each row.
        suspects: Rows that are more likely planted than not; none without an alarm.
        share: Estimated share of planted rows, 0 to 1, of all alarms together; 0 without an alarm.
        conclusive: Whether every row could be checked by at least one detector.
        why_not: Why it is not conclusive, one sentence, or empty.
        remedy: What becomes of a small model without the suspects; None without any.
        origins: Where the suspects of each alarmed detector come from, by its name.
        canaries: From which share on planted rows would have been found, where that was asked for and
            nothing alarmed.
        left_out: Why columns were not used, by name.
        features: Names of the columns that were used.
        classes: How many classes the label has.
    """

    rows: int
    checked: int
    alarms: list[Alarm]
    scores: Floats
    reasons: list[str | None]
    suspects: NDArray[np.bool_]
    share: float = 0.0
    conclusive: bool = True
    why_not: str = ""
    remedy: Remedy | None = None
    origins: dict[str, list[Place]] = field(default_factory=dict)
    canaries: list[Canary] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    classes: int = 0

    @property
    def alarmed(self) -> bool:
        """Whether any detector alarms."""
        return any(alarm.alarmed for alarm in self.alarms)


def assess(
    table: pa.Table,
    *,
    label: str,
    source: str | None = None,
    timestamp: str | None = None,
    baseline: pa.Table | None = None,
    ignore: Collection[str] = (),
    alpha: float = 0.02,
    min_share: float = 0.02,
    seed: int = 0,
    canary: bool = False,
) -> Assessment:
    """Look for planted rows in a table.

    Args:
        table: The rows under suspicion.
        label: Column with the class of each row.
        source: Column that says where a row came from; no feature.
        timestamp: Column that says when a row came, times or numbers; no feature.
        baseline: Rows that are known to be clean, with the same columns. Detectors see more with it.
        ignore: Columns that are no features.
        alpha: How often clean data may raise an alarm, 0 to 1, over all detectors together.
        min_share: Smallest share of flipped labels that alarms, 0 to 1: labels go wrong in honest
            data too, and the next year's labels follow slightly other rules.
        seed: Seed of folds, samples and resampling.
        canary: Whether to plant something for each detector when nothing alarms, and say what is found.

    Raises:
        InputError: The label or source column is missing, the label has fewer than two values or
            more than `collect.MOST_CLASSES`, or no feature column is left.
        MissingExtraError: scikit-learn or cleanlab is not installed.
    """
    read = collect(
        table,
        label=label,
        source=source,
        timestamp=timestamp,
        baseline=baseline,
        ignore=ignore,
        alpha=alpha,
        min_share=min_share,
        seed=seed,
    )
    nothing = _undecided(table.num_rows, read.why_not, read.classes)
    evidence = read.evidence
    if evidence is None:
        return nothing
    alarms = [detect(evidence) for detect in track(DETECTORS, "looking for planted rows")]
    decide(alarms, alpha)
    explain_by_mix(alarms, evidence, alpha)
    explain(alarms, evidence)
    if canary and not any(alarm.alarmed for alarm in alarms):
        from lockgate.poisoning.canary import canaries

        nothing.canaries = canaries(evidence, alpha, len(DETECTORS))
    nothing.left_out, nothing.features = read.left_out, evidence.features.names
    return _ranked(nothing, alarms, evidence, read.used)


def _undecided(rows: int, why_not: str, classes: int) -> Assessment:
    import numpy as np

    return Assessment(
        rows=rows,
        checked=0,
        alarms=[],
        scores=np.zeros(rows),
        reasons=[None] * rows,
        suspects=np.zeros(rows, dtype=bool),
        conclusive=False,
        why_not=why_not,
        classes=classes,
    )


def _ranked(
    nothing: Assessment,
    alarms: list[Alarm],
    evidence: Evidence,
    used: NDArray[np.bool_],
) -> Assessment:
    """Score rows by the alarm that explains each best; without an alarm by the doubt in their label."""
    import numpy as np
    from cleanlab.rank import get_label_quality_scores

    from lockgate.poisoning.agreeing import sharpest
    from lockgate.poisoning.evidence import believe

    batch = sharpest(evidence)
    quality = get_label_quality_scores(batch.labels, batch.probabilities, method="self_confidence")
    score = believe(NO_ALARM_SHARE, quality, 1.0 - quality)
    reason = np.full(batch.rows, -1)
    raised = [alarm for alarm in alarms if alarm.alarmed and alarm.belief is not None]
    if raised:
        score = SUSPECT * score  # doubt alone makes no suspect, and hides none of an alarm's
    for i, alarm in enumerate(raised):
        stronger = np.asarray(alarm.belief) > score
        score = np.where(stronger, np.asarray(alarm.belief), score)
        reason = np.where(stronger, i, reason)
    suspect = (score > SUSPECT) & (reason >= 0)
    from lockgate.poisoning.origin import places

    for i, alarm in enumerate(raised):
        mine = suspect & (reason == i)
        alarm.suspects = int(mine.sum())
        found = places(mine, evidence.source, [f"source {name!r}" for name in evidence.sources])
        nothing.origins[alarm.detector] = found + places(mine, evidence.window, evidence.windows)

    if suspect.any():
        from lockgate.poisoning.remedy import remedy

        nothing.remedy = remedy(evidence, suspect, alarms)
    nothing.checked = int(used.sum())
    nothing.alarms = alarms
    nothing.scores[used] = np.round(np.clip(score, 0.0, 1.0), 6)
    nothing.suspects[used] = suspect
    for row, which in zip(np.flatnonzero(used)[suspect], reason[suspect], strict=True):
        nothing.reasons[int(row)] = raised[int(which)].rule
    nothing.share = share_of(raised)
    nothing.conclusive = not nothing.why_not
    return nothing


def share_of(raised: list[Alarm]) -> float:
    """Estimate the share of planted rows, 0 to 1, that some alarms name together.

    The largest counts in full, the next by as much of its belief as lies in rows that no larger one believes
    planted as much.
    """
    import numpy as np

    share, believed = 0.0, np.zeros(1)
    for alarm in sorted(raised, key=lambda a: -a.share):
        belief = np.asarray(alarm.belief)
        of_others = float(np.minimum(belief, believed).sum()) / max(float(belief.sum()), 1e-12)
        share += alarm.share * (1.0 - of_others)
        believed = np.maximum(believed, belief)
    return min(1.0, share)
