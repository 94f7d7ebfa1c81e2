"""Tell what the detectors say: checks, findings, and the facts and tables of the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.outcome import Location, Outcome, Severity
from lockgate.poisoning.sampled import looked_at

if TYPE_CHECKING:
    from lockgate.poisoning import Alarm, Assessment
    from lockgate.poisoning.remedy import Remedy

_SHOWN_ROWS = 20
_FIX = {
    "LG-POISON-001": "Keep the table away from training, check the suspects first, find out who labelled it.",
    "LG-POISON-002": "Have the suspects labelled again before training, find out who labelled them.",
    "LG-POISON-004": "Drop the suspects, find out who sent them, and ask why these values mean a label.",
    "LG-POISON-005": "Drop the suspects or have their shared values explained before training.",
    "LG-POISON-006": "Keep one row of each heap, and find out who sent the others.",
    "LG-POISON-007": "Drop the suspects, or have somebody show where they come from.",
    "LG-POISON-008": "Find out what changed then in the world or in who labelled, before training on it.",
    "LG-POISON-009": "Ask who sent the suspects how these columns were measured; leave them out until then.",
    "LG-POISON-003": "Leave out what this source sent until its labels were checked, or drop the suspects.",
}


def record(outcome: Outcome, alarm: Alarm, found: Assessment) -> None:
    """Record what one detector says as a check, and as a finding if it alarms or did not look."""
    check = f"alarm:{alarm.detector}"
    if not alarm.ran:
        if alarm.asked:
            outcome.cannot(check, alarm.why_not)
            return
        message = f"{alarm.detector} did not look: {alarm.why_not}."
        outcome.find("LG-POISON-090", Severity.INFO, message, subject="train", threat="data-poisoning")
        return
    reason = f"corrected p value {_probability(alarm)}, estimated share {alarm.share:.1%}"
    if alarm.explained_by:
        reason += f", accounted for by {alarm.explained_by}"
    held = outcome.check(check, value=alarm.alarmed, comparator="==", threshold=False, reason=reason)
    if not held:
        rows = [row for row, rule in enumerate(found.reasons) if rule == alarm.rule]
        outcome.find(
            alarm.rule,
            Severity.CRITICAL,
            _sentence(alarm, found),
            subject="train",
            location=Location(rows=tuple(rows[:_SHOWN_ROWS])),
            count=alarm.suspects,
            threat="data-poisoning",
            fix=_FIX[alarm.rule],
            check=check,
        )


def _sentence(alarm: Alarm, found: Assessment) -> str:
    p = f"the chance that clean data shows as much is {_probability(alarm)}"
    origins = [place for place in found.origins.get(alarm.detector, []) if place.name != alarm.source]
    if origins and alarm.rule != "LG-POISON-003":
        p += f"; {origins[0].of_suspects:.0%} of the suspects come from {origins[0].name}"
    within = f"{alarm.share_within or 0.0:.0%}"
    if alarm.detector in ("near-duplicates", "cluster"):
        what = (
            "copies of each other" if alarm.detector == "near-duplicates" else "heaped closer than real rows"
        )
        return f"About {alarm.share:.1%} of the rows are {what}; {p}."
    if alarm.label_pair is not None:
        was, became = alarm.label_pair
        return f"About {within} of the rows of class {was!r} are labelled {became!r}; {p}."
    if alarm.rule == "LG-POISON-009":
        where = ", ".join(repr(column) for column in alarm.columns)
        some = f"About {alarm.share:.1%} of the rows"
        if alarm.source is not None:
            some = f"{within} of the rows of {alarm.source!r}"
        return f"{some} were moved in {where}, and in nothing else; {p}."
    if alarm.shows:
        return f"{within} of the images that show {alarm.shows} are labelled {alarm.label!r}; {p}."
    if alarm.columns:
        where = ", ".join(repr(column) for column in alarm.columns)
        return f"{within} of the rows that share a value in {where} are labelled {alarm.label!r}; {p}."
    if alarm.source is not None and alarm.rule == "LG-POISON-008":
        return f"About {within} of the labels in {alarm.source} by time are flipped; {p}."
    if alarm.source is not None:
        several = "s" if ", " in alarm.source else ""
        return f"About {within} of the labels of source{several} {alarm.source!r} are flipped; {p}."
    return f"About {alarm.share:.1%} of all labels are flipped, in no particular place; {p}."


def _probability(alarm: Alarm) -> str:
    p = alarm.adjusted_p or 0.0
    return "below 1e-12" if p < 1e-12 else f"{p:.2g}"  # noqa: PLR2004 - fewer digits to read


def describe(outcome: Outcome, found: Assessment, source: str | None, baseline: Path | None) -> None:
    """Put figures, tables and facts of the whole run into the outcome."""
    ran = {alarm.detector: alarm for alarm in found.alarms if alarm.ran}
    outcome.metrics |= {
        "rows": found.rows,
        "rows_checked": found.checked,
        "classes": found.classes,
        "suspects": int(found.suspects.sum()),
        "estimated_share": round(found.share, 4),
        "p_values_corrected": {name: round(alarm.adjusted_p or 0.0, 6) for name, alarm in ran.items()},
        "columns_used": len(found.features),
        "columns_left_out": dict(sorted(found.left_out.items())),
    }
    outcome.tables["Detectors"] = [
        {
            "detector": alarm.detector,
            "rule": alarm.rule,
            "alarm": "yes" if alarm.alarmed else "no" if alarm.ran else "did not look",
            "corrected p value": None if alarm.adjusted_p is None else float(f"{alarm.adjusted_p:.2g}"),
            "estimated share": round(alarm.share, 4) if alarm.ran else None,
            "suspects": alarm.suspects,
            "note": alarm.why_not or (f"accounted for by {alarm.explained_by}" if alarm.explained_by else ""),
        }
        for alarm in found.alarms
    ]
    for alarm in ran.values():
        if alarm.groups:
            outcome.tables[f"What {alarm.detector} compared"] = alarm.groups
    come_from: list[Mapping[str, Any]] = [
        {
            "detector": detector,
            "come from": place.name,
            "suspects": place.suspects,
            "share of the suspects": round(place.of_suspects, 4),
            "share of the rows": round(place.of_rows, 4),
        }
        for detector, named in found.origins.items()
        for place in named
    ]
    if come_from:
        outcome.tables["Where the suspects come from"] = come_from
    for alarm in found.alarms:
        if alarm.alarmed and alarm.pictures:
            from lockgate.report.picture import Images

            said = f"Means of the images that show {alarm.shows}, and of the others labelled {alarm.label!r}."
            outcome.pictures[f"What {alarm.detector} found"] = Images(alarm.pictures, said)
    if found.remedy is not None:
        _advise(outcome, found.remedy)
    outcome.facts["Compared with"] = (
        "models of the baseline" if baseline is not None else "models of the table's other rows"
    )
    seen = looked_at(found.checked, found.features, found.classes)
    if seen:
        outcome.facts["Looked at"] = seen
    outcome.facts["Not looked for"] = (
        "numbers moved less than what the rest of a row leaves open, or multiplied, triggers of fewer than "
        "five rows, made-up rows spread as widely as real ones"
    )
    if baseline is None:
        outcome.facts["Could pass unseen"] = (
            "flipped labels of the rows nearest to where classes meet, and where classes are hard to tell "
            "flipped labels of one of two classes; give a baseline to see them"
        )
    outcome.facts["Sources"] = f"column {source!r}" if source else "no column was named"


def _advise(outcome: Outcome, remedy: Remedy) -> None:
    """Say what a small model gains when the suspects are dropped."""
    outcome.metrics["remedy"] = {
        "rows_dropped": remedy.dropped,
        "accuracy_with_suspects": round(remedy.accuracy_with, 4),
        "accuracy_without": round(remedy.accuracy_without, 4),
    }
    said = f"accuracy {remedy.accuracy_with:.1%} with them, {remedy.accuracy_without:.1%} without"
    if remedy.success_with is not None and remedy.success_without is not None:
        outcome.metrics["remedy"]["trigger_success_with_suspects"] = round(remedy.success_with, 4)
        outcome.metrics["remedy"]["trigger_success_without"] = round(remedy.success_without, 4)
        said += (
            f"; the trigger works on {remedy.success_with:.0%} and {remedy.success_without:.0%} of other rows"
        )
    outcome.facts["Dropping the suspects"] = f"a small forest, on rows it never saw: {said}"
