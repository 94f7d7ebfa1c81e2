"""Assess a table: run every detector, correct for their number, rank the rows by what alarmed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lockgate.errors import InputError, MissingExtraError
from lockgate.poisoning.detectors import DETECTORS, OF_LABELS
from lockgate.poisoning.evidence import Alarm, Evidence, Labelled
from lockgate.progress import track
from lockgate.table.two_sample import holm

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from lockgate.poisoning.canary import Canary
    from lockgate.poisoning.features import Features
    from lockgate.poisoning.origin import Place
    from lockgate.poisoning.remedy import Remedy

    Floats = NDArray[np.float64]

FEWEST_ROWS = 60
"""Fewest rows with a label on which the detectors can decide anything."""
FEWEST_PER_CLASS = 10
"""Rows of a rarer class cannot be checked."""
MOST_CLASSES = 200
"""A label with more values is a number to predict, not a class."""
_SHOWN_COLUMNS = 30
SUSPECT = 0.5
"""A row is a suspect when it is more likely planted than not."""
PAIR_EXPLAINS = 0.7
"""A relabelled class accounts for the noise of the table when it makes up this share of it."""
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
        share: Estimated share of planted rows, 0 to 1; 0 without an alarm.
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
    alpha: float = 0.01,
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
            more than `MOST_CLASSES`, or no feature column is left.
        MissingExtraError: scikit-learn or cleanlab is not installed.
    """
    _need_extra()
    import numpy as np

    from lockgate.poisoning.features import codes, encode, moments
    from lockgate.poisoning.label_window import windows
    from lockgate.poisoning.surprise import out_of_sample

    _check_columns(table, baseline, label, source, timestamp)
    labels, class_names = codes(table.column(label))
    _check_classes(class_names, label)
    tables, known = [table], None
    if baseline is not None:
        tables.append(baseline)
        known = _same_codes(baseline.column(label), class_names)
    used, why_not = _usable(labels, known, len(class_names))
    nothing = _undecided(table.num_rows, why_not, len(class_names))
    if used.sum() < FEWEST_ROWS:
        nothing.why_not = f"{int(used.sum())} rows can be checked, and the detectors need {FEWEST_ROWS}"
        return nothing
    present = np.unique(labels[used])
    if len(present) < 2:  # noqa: PLR2004 - nothing to tell apart
        nothing.why_not = f"only one class has {FEWEST_PER_CLASS} rows or more"
        return nothing

    encoded = encode(tables, {label, *ignore, *(name for name in (source, timestamp) if name)})
    place = np.full(len(class_names) + 1, -1)
    place[present] = np.arange(len(present))
    mine = place[labels[used]]
    rows = _rows_of(encoded[0], used)
    if known is None:
        probabilities, _ = out_of_sample(rows, mine, len(present), seed)
        clean = known_rows = None
    else:
        kept = place[known] >= 0
        theirs = place[known[kept]]
        known_rows = _rows_of(encoded[1], kept)
        known_p, other = out_of_sample(known_rows, theirs, len(present), seed, rows)
        assert other is not None  # noqa: S101 - asked for just above
        probabilities, clean = other, Labelled(theirs, known_p)
    source_of, sources = (None, ()) if source is None else codes(table.column(source))
    window_of, window_names = (
        (None, ()) if timestamp is None else windows(moments(table.column(timestamp), timestamp)[used])
    )
    evidence = Evidence(
        batch=Labelled(mine, probabilities),
        baseline=clean,
        classes=tuple(class_names[k] for k in present),
        source=None if source_of is None else source_of[used],
        sources=sources,
        seed=seed,
        min_share=min_share,
        draws=_draws(alpha),
        features=rows,
        known=known_rows,
        window=window_of,
        windows=window_names,
    )
    alarms = [detect(evidence) for detect in track(DETECTORS, "looking for planted rows")]
    _decide(alarms, alpha)
    _explain_by_mix(alarms, evidence, alpha)
    _explain(alarms, evidence)
    if canary and not any(alarm.alarmed for alarm in alarms):
        from lockgate.poisoning.canary import canaries

        nothing.canaries = canaries(evidence, alpha, len(DETECTORS))
    return _ranked(nothing, alarms, evidence, used, encoded[0].left_out, encoded[0].names)


def _need_extra() -> None:
    from importlib.util import find_spec

    for module, package in (("sklearn", "scikit-learn"), ("cleanlab", "cleanlab")):
        if find_spec(module) is None:
            raise MissingExtraError("poisoning", package)


def _check_columns(
    table: pa.Table, baseline: pa.Table | None, label: str, source: str | None, timestamp: str | None
) -> None:
    for parameter, name in (("label", label), ("source", source), ("timestamp", timestamp)):
        if name is not None and name not in table.column_names:
            raise InputError(
                f"{parameter} column {name!r} is not in train; "
                f"its columns are {', '.join(table.column_names[:_SHOWN_COLUMNS])}"
            )
    if timestamp is not None and timestamp in (label, source):
        raise InputError(f"timestamp is column {timestamp!r}, which is the label or the source; name another")
    if source == label:
        raise InputError(f"label and source are both column {label!r}; name two columns")
    if baseline is not None and label not in baseline.column_names:
        raise InputError(
            f"label column {label!r} is not in baseline; "
            f"its columns are {', '.join(baseline.column_names[:_SHOWN_COLUMNS])}"
        )


def _check_classes(names: tuple[str, ...], label: str) -> None:
    if not names:
        raise InputError(f"label column {label!r} of train has no value; give a table with labels")
    if len(names) == 1:
        raise InputError(f"label column {label!r} of train has one class only; give rows of two or more")
    if len(names) > MOST_CLASSES:
        raise InputError(
            f"label column {label!r} of train has {len(names)} values; "
            f"name a column of classes (at most {MOST_CLASSES}), not a measurement or key"
        )


def _same_codes(column: pa.ChunkedArray, names: tuple[str, ...]) -> NDArray[np.int64]:
    """Number the baseline's labels as the table's were; -1 is a class the table does not have."""
    import numpy as np

    from lockgate.poisoning.features import codes

    own, own_names = codes(column)
    if not own_names:
        raise InputError("the label column of baseline has no value; give a baseline with labels")
    place = {name: i for i, name in enumerate(names)}
    if not any(name in place for name in own_names):
        raise InputError("baseline and train have no class in common; write the labels alike in both")
    translate = np.array([*(place.get(name, -1) for name in own_names), -1])
    return np.asarray(translate[own], dtype=np.int64)


def _usable(
    labels: NDArray[np.int64], known: NDArray[np.int64] | None, classes: int
) -> tuple[NDArray[np.bool_], str]:
    """Say which rows can be checked: those of classes with enough rows, in the baseline as well."""
    import numpy as np

    enough = np.bincount(labels[labels >= 0], minlength=classes) >= (FEWEST_PER_CLASS if known is None else 1)
    if known is not None:
        enough &= np.bincount(known[known >= 0], minlength=classes) >= FEWEST_PER_CLASS
    used = (labels >= 0) & enough[np.maximum(labels, 0)]
    lost = int((labels >= 0).sum() - used.sum())
    where = "here" if known is None else "in the baseline"
    few = f"{lost} rows belong to a class with fewer than {FEWEST_PER_CLASS} rows {where}"
    return used, f"{few} and could not be checked" if lost else ""


def _rows_of(features: Features, rows: NDArray[np.bool_]) -> Features:
    return replace(features, values=features.values[rows])


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


def _decide(alarms: list[Alarm], alpha: float) -> None:
    """Set which detectors alarm: corrected p value at most `alpha`, and an effect above the floor."""
    ran = [alarm for alarm in alarms if alarm.ran and alarm.p_value is not None]
    for alarm, adjusted in zip(ran, holm([a.p_value for a in ran if a.p_value is not None]), strict=True):
        alarm.adjusted_p = adjusted
        alarm.threshold = alpha
        alarm.alarmed = adjusted <= alpha and alarm.large_enough


def _draws(alpha: float) -> int:
    """Return enough resampling draws for the smallest p value to pass Holm's correction, within reason."""
    return int(min(max(999.0, 5 * len(DETECTORS) / max(alpha, 1e-9)), 20_000.0))


def _explain_by_mix(alarms: list[Alarm], evidence: Evidence, alpha: float) -> None:
    """Withdraw alarms that other rates of the classes account for; see `lockgate.poisoning.class_mix`."""
    from lockgate.poisoning.class_mix import at_its_own_mix

    if not any(alarm.alarmed for alarm in alarms):
        return
    moved = at_its_own_mix(evidence)
    if moved is None:
        return
    again = [
        detect(moved) if detect in OF_LABELS else alarm
        for detect, alarm in zip(DETECTORS, alarms, strict=True)
    ]
    again = [replace(alarm) for alarm in again]
    _decide(again, alpha)
    for alarm, other in zip(alarms, again, strict=True):
        if alarm.alarmed and not other.alarmed:
            alarm.alarmed, alarm.explained_by = False, "another mix of classes"


def _explain(alarms: list[Alarm], evidence: Evidence) -> None:
    """Withdraw alarms that another, more specific one accounts for.

    A hijacked source raises the noise of the whole table too. A detector that is silent on the rows
    of the other sources has nothing of its own to say; nor has plain noise beside a relabelled class
    that makes up most of it.
    """
    for alarm, detect in zip(alarms, DETECTORS, strict=True):
        if detect not in OF_LABELS:
            continue
        for other in alarms:
            if alarm is other or not (alarm.alarmed and other.alarmed):
                continue
            if other.within is not None:
                rest = evidence.only(~other.within)
                if rest.batch.rows < FEWEST_ROWS:
                    continue
                again = detect(rest)
                silent = not again.large_enough or (again.p_value or 0.0) > alarm.threshold
            else:
                silent = other.label_pair is not None and other.share >= PAIR_EXPLAINS * alarm.share
                silent &= alarm.within is None
            if silent:
                alarm.alarmed, alarm.explained_by = False, other.rule


def _ranked(
    nothing: Assessment,
    alarms: list[Alarm],
    evidence: Evidence,
    used: NDArray[np.bool_],
    left_out: dict[str, str],
    features: tuple[str, ...],
) -> Assessment:
    """Score rows by the alarm that explains each best; without an alarm by the doubt in their label."""
    import numpy as np
    from cleanlab.rank import get_label_quality_scores

    from lockgate.poisoning.evidence import believe

    batch = evidence.batch
    quality = get_label_quality_scores(batch.labels, batch.probabilities, method="self_confidence")
    score = believe(NO_ALARM_SHARE, quality, 1.0 - quality)
    reason = np.full(batch.rows, -1)
    raised = [alarm for alarm in alarms if alarm.alarmed and alarm.belief is not None]
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
    nothing.share = min(1.0, max((alarm.share for alarm in raised), default=0.0))
    nothing.conclusive = not nothing.why_not
    nothing.left_out, nothing.features = left_out, features
    return nothing
