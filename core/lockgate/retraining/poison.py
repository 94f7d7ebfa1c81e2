"""Ask the poisoning detectors about a batch that may have drifted as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.outcome import Outcome, Severity, Verdict
from lockgate.retraining.rules import is_known, is_usual

if TYPE_CHECKING:
    import pyarrow as pa

    from lockgate.poisoning import Alarm, Assessment
    from lockgate.table.drift import Comparison

_OF_RATES = ("label-noise", "label-pair")
"""Detectors of labels all over a batch, which take other rates of the classes for wrong labels."""
_OF_HEAPS = ("cluster", "near-duplicates")
"""Detectors of heaps, which only a look with the baseline tells from natural ones."""


def look_for_poison(
    outcome: Outcome,
    found: Comparison,
    before: pa.Table,
    now: pa.Table,
    *,
    label: str,
    source: str | None,
    ignore: list[str],
    alpha: float,
    min_share: float,
    seed: int,
    held: bool = False,
    other_rates: bool = False,
) -> bool:
    """Run the detectors, record what they say, and return whether the batch looks poisoned.

    The detectors ask whether labels go with the features as they do in the baseline. Where features
    have drifted, an alarm may mean a changed world instead: another mix of rows, which only a look
    with these features explains, or another way to measure them, which only a look without them
    does. So an alarm counts if both looks raise it. A third look goes without the baseline, where a
    flipped source stands out among the others; either way has half of ``alpha``. It says nothing of heaps,
    which only the baseline tells from natural ones, nor of labels that the reference, looked at alone,
    contradicts as much (`rules.is_usual`). What looks like a trigger and is a rule of the
    reference as well does not count; see `lockgate.retraining.rules`.

    A label that has moved with no feature to explain it stays an alarm: so do flipped labels look. Not
    where the classes come at other rates and the rows of each are as ever, since flipped labels bring
    rows of one class into another. Where the batch is held for a label audit already, which explains
    what the detectors see, it accuses nobody.
    """
    unlike = {*found.missing, *found.extra, *found.retyped}
    if label in unlike:
        outcome.cannot("poisoning", f"the label column {label!r} is not the same in both tables")
        return False
    used = [name for name in now.column_names if name == source or name not in unlike]
    known = before.select([name for name in used if name in before.column_names])
    left_out = {*ignore, *found.ignored} - {source}
    if not set(used) - left_out - {label, source}:
        outcome.cannot("poisoning", "no column is left that a model could learn from")
        return False
    moved = {c.column for c in found.drifted} - {label}

    def look(baseline: pa.Table | None, skipped: set[str], at: pa.Table = now) -> Assessment:
        from lockgate.poisoning import assess

        return assess(
            at.select([name for name in used if name in at.column_names]),
            label=label,
            source=source,
            baseline=baseline,
            ignore=sorted(skipped, key=str),
            alpha=alpha / 2 if moved else alpha,
            min_share=min_share,
            seed=seed,
        )

    against = {"": look(known, left_out)}
    if moved and set(used) - left_out - moved - {label, source}:
        against[" (without drifted columns)"] = look(known, left_out | moved)
    alone = {" (batch alone)": look(None, left_out)} if moved else {}
    for assessment in [*against.values(), *alone.values()]:
        for alarm in assessment.alarms:
            if alarm.alarmed and is_known(alarm, assessment, now, known, label):
                alarm.alarmed, alarm.explained_by = False, "the same rule in the reference"
    for assessment in alone.values():
        for alarm in assessment.alarms:
            if alarm.alarmed and alarm.detector in _OF_HEAPS:
                alarm.alarmed, alarm.explained_by = False, "the looks with the baseline, which judge heaps"
        doubted = [a for a in assessment.alarms if a.alarmed and a.detector in _OF_RATES]
        before_alone = look(None, left_out, known).alarms if doubted else []
        for alarm in doubted:
            if any(is_usual(alarm, other) for other in before_alone):
                alarm.alarmed, alarm.explained_by = False, "the reference, which shows as much on its own"
    for assessment in against.values() if other_rates else ():
        for alarm in assessment.alarms:
            if alarm.alarmed and alarm.detector in _OF_RATES:
                alarm.alarmed, alarm.explained_by = False, "other rates of the classes"
    confirmed = all(assessment.alarmed for assessment in against.values()) and not held
    for which, assessment in against.items():
        _record(outcome, which, assessment, counts=confirmed)
    for which, assessment in alone.items():
        _record(outcome, which, assessment, counts=not held)
    every = [*against.values(), *alone.values()]
    alarmed = confirmed or (not held and any(assessment.alarmed for assessment in alone.values()))
    raised = [a for a in every if a.alarmed] if alarmed else []
    outcome.metrics["poisoning"] = {
        "alarmed": alarmed,
        "rows_checked": min(a.checked for a in every),
        "planted_share": max((a.share for a in raised), default=0.0),
        "suspects": max((int(a.suspects.sum()) for a in raised), default=0),
        "drifted_features": sorted(moved),
    }
    return alarmed


def _record(outcome: Outcome, which: str, assessment: Assessment, *, counts: bool) -> None:
    for alarm in assessment.alarms:
        if alarm.ran:
            _record_alarm(outcome, which, alarm, counts=counts)
    if not assessment.conclusive or not any(alarm.ran for alarm in assessment.alarms):
        outcome.cannot(f"poisoning{which}", assessment.why_not or "no detector could run")
    outcome.tables.setdefault("poisoning", []).extend(
        {
            "detector": alarm.detector + which,
            "ran": "yes" if alarm.ran else "no",
            "alarmed": "yes" if alarm.alarmed else "no",
            "statistic": alarm.statistic,
            "corrected p value": alarm.adjusted_p,
            "planted share": alarm.share,
            "note": alarm.why_not,
        }
        for alarm in assessment.alarms
    )


def _record_alarm(outcome: Outcome, which: str, alarm: Alarm, *, counts: bool) -> None:
    id_ = f"poisoning:{alarm.detector}{which}"
    explained = "drift or a label audit accounts for it" if alarm.alarmed and not counts else alarm.why_not
    if alarm.explained_by:
        explained = f"accounted for by {alarm.explained_by}"
    failing = Verdict.FAIL if counts else Verdict.PASS
    outcome.check(
        id_, value=alarm.alarmed, comparator="==", threshold=False, failing=failing, reason=explained
    )
    if not alarm.alarmed or not counts:
        return
    p = alarm.adjusted_p or 0.0
    said = "below 1e-12" if p < 1e-12 else f"{p:.2g}"  # noqa: PLR2004 - fewer digits to read
    outcome.find(
        "LG-RETRAIN-001",
        Severity.CRITICAL,
        f"The batch looks poisoned ({alarm.detector}{which}, {alarm.rule}): about {alarm.share:.1%} "
        f"of its rows seem planted, corrected p value {said}.",
        subject="current",
        count=max(1, alarm.suspects),
        threat="data-poisoning",
        check=id_,
        fix="Keep the batch away from training and run detect-poisoning on it, which names the rows.",
    )
