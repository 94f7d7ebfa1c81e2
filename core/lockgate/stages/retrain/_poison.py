"""Ask the poisoning detectors about a batch that may have drifted as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.outcome import Outcome, Severity

if TYPE_CHECKING:
    import pyarrow as pa

    from lockgate.poisoning import Alarm, Assessment
    from lockgate.table.drift import Comparison


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
) -> bool:
    """Run the detectors, record what they say, and return whether one alarms.

    The detectors ask whether labels go with the features as they do in the baseline. Where a feature
    has moved they would take a changed world for planted labels. So drifted features are left out
    of that comparison, and the batch is also looked at without the baseline, with every feature: a
    flipped source stands out among the others even there. Each look then has half of ``alpha``.
    """
    from lockgate.poisoning import assess

    unlike = {*found.missing, *found.extra, *found.retyped}
    if label in unlike:
        outcome.cannot("poisoning", f"the label column {label!r} is not the same in both tables")
        return False
    used = [name for name in now.column_names if name == source or name not in unlike]
    known = before.select([name for name in used if name in before.column_names])
    left_out = {*ignore, *found.ignored} - {source}
    moved = {c.column for c in found.drifted} - {label}
    looks: list[tuple[str, pa.Table | None, set[str]]] = []
    if set(used) - left_out - moved - {label, source} or not moved:
        looks.append(("", known, left_out | moved))
    if moved:
        looks.append((" (batch alone)", None, left_out))
    assessments = {
        which: assess(
            now.select(used),
            label=label,
            source=source,
            baseline=baseline,
            ignore=sorted(skipped, key=str),
            alpha=alpha / len(looks),
            min_share=min_share,
            seed=seed,
        )
        for which, baseline, skipped in looks
    }
    for which, assessment in assessments.items():
        _record(outcome, which, assessment)
    alarmed = any(assessment.alarmed for assessment in assessments.values())
    outcome.metrics["poisoning"] = {
        "alarmed": alarmed,
        "rows_checked": min((a.checked for a in assessments.values()), default=0),
        "planted_share": max((a.share for a in assessments.values()), default=0.0),
        "suspects": max((int(a.suspects.sum()) for a in assessments.values()), default=0),
        "features_left_out": sorted(moved),
    }
    return alarmed


def _record(outcome: Outcome, which: str, assessment: Assessment) -> None:
    for alarm in assessment.alarms:
        if alarm.ran:
            _record_alarm(outcome, which, alarm)
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


def _record_alarm(outcome: Outcome, which: str, alarm: Alarm) -> None:
    id_ = f"poisoning:{alarm.detector}{which}"
    outcome.check(id_, value=alarm.alarmed, comparator="==", threshold=False, reason=alarm.why_not)
    if not alarm.alarmed:
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
