"""The stage `detect-poisoning`.

Rules:
    LG-POISON-001: Labels contradict their rows all over the table.
    LG-POISON-002: Rows of one class carry the label of one other class.
    LG-POISON-003: The labels of one source contradict its rows more than the other sources' do.
    LG-POISON-004: Rows that share a value carry one label that the rest of each row contradicts.
    LG-POISON-005: Rows of one class share exact values that no other class has.
    LG-POISON-006: Many rows are copies of a few, or nearly so.
    LG-POISON-007: A heap of rows lies where real rows would thin out.
    LG-POISON-008: The labels of one stretch of time contradict its rows more than the others' do.
    LG-POISON-090: A detector was not asked for, or has not what it needs, and did not look.

What each detector measures, and what it cannot see, stands in its module in `lockgate.poisoning`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.errors import InputError
from lockgate.outcome import Location, Outcome, Severity
from lockgate.stage import DatasetIn, DatasetOut, Seed, Share, Threshold, stage

if TYPE_CHECKING:
    import pyarrow as pa

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
    "LG-POISON-003": "Leave out what this source sent until its labels were checked, or drop the suspects.",
}


@stage("detect-poisoning", threats=["data-poisoning"])
def detect_poisoning(
    train: DatasetIn,
    suspects: DatasetOut,
    scores: DatasetOut,
    baseline: DatasetIn | None = None,
    *,
    label: str,
    source: str | None = None,
    timestamp: str | None = None,
    ignore: list[str] | None = None,
    alpha: Threshold[Share] = 0.01,
    min_share: Threshold[Share] = 0.02,
    canary: bool = True,
    must_find: Threshold[Share] = 1.0,
    seed: Seed = 0,
) -> Outcome:
    """Find training rows that look planted, and say whether the table was poisoned at all.

    FAIL when a detector alarms: it saw more than clean data like this would show. Without an alarm
    there are no suspects, however odd single rows are. INCONCLUSIVE when there are too few rows, or
    rows of a class too rare to be checked.

    It looks for flipped labels, values or pixels that were set to mean a label (triggers), copies of
    rows, and heaps of made-up rows. What each detector cannot see stands in its module.

    Models that never saw a row judge its label; they come from the baseline when there is one, which
    lets the detectors see more. Row keys are left out by themselves.

    Args:
        train: The table under suspicion; or images or embeddings, an `.npz` file with `X` and one array
            for each further column, such as `y`; or a folder of images with a `manifest.csv` that names
            the `path` and the label of each.
        suspects: The rows to look at or drop: `row` (0-based), `score`, `reason`, and the source
            column if one is named. Empty without an alarm.
        scores: Every row of `train` in its order: `row` (0-based), `score` (0 to 1, higher is more
            suspect), `reason` (rule id of a suspect, or null).
        baseline: Rows that are known to be clean, with the same columns.
        label: Column with the class of each row.
        source: Column that says who or what a row came from; the model does not see it.
        timestamp: Column that says when a row came, times or numbers; stretches of time are compared as
            sources are. The model does not see it.
        ignore: Columns that the models do not use.
        alpha: How often clean data may raise an alarm, 0 to 1, over all detectors together.
        min_share: Smallest share of flipped labels that alarms, 0 to 1.
        canary: Whether to plant something for each detector in a copy when nothing alarms, and to say from
            which share on it is found; a few seconds. INCONCLUSIVE when nothing at all is.
        must_find: Largest share of planted rows that each detector may overlook, 0 to 1; INCONCLUSIVE when
            one overlooks more. With 1 it is only reported.
        seed: Seed of folds, samples and resampling.

    Raises:
        InputError: A column is missing or has no value, or the label has one class only or is no class.
        MissingExtraError: scikit-learn or cleanlab is not installed.
    """
    from lockgate.poisoning import assess
    from lockgate.poisoning.hindsight import judge_canaries
    from lockgate.table.read import require_columns, require_label, require_values

    ignored = ignore or []
    table = _read(train)
    require_label(table, label, where=train)
    require_columns(table, [source] if source else [], "source", where=train)
    require_columns(table, [timestamp] if timestamp else [], "timestamp", where=train)
    require_columns(table, ignored, "ignore", where=train)
    if label in ignored:
        raise InputError(f"ignore names the label column {label!r}; the label is always looked at")
    require_values(table, ignored, where=train)
    clean = None
    if baseline is not None:
        clean = _read(baseline)
        require_columns(clean, [label], "label", where=baseline)
    found = assess(
        table,
        label=label,
        source=source,
        timestamp=timestamp,
        baseline=clean,
        ignore=ignored,
        alpha=alpha,
        min_share=min_share,
        seed=seed,
        canary=canary,
    )
    _write(found, table, source, suspects, scores)
    outcome = Outcome()
    for alarm in found.alarms:
        _record(outcome, alarm, found)
    if not found.conclusive:
        outcome.cannot("rows", found.why_not)
    judge_canaries(outcome, found.canaries, must_find)
    _describe(outcome, found, source, baseline)
    return outcome


def _read(path: Path) -> pa.Table:
    from lockgate.poisoning.arrays import is_npz, read_npz
    from lockgate.poisoning.image_folder import is_image_folder, read_image_folder
    from lockgate.table.read import read_arrow

    if is_image_folder(path):
        return read_image_folder(path)
    return read_npz(path) if is_npz(path) else read_arrow(path)


def _write(found: Assessment, table: pa.Table, source: str | None, suspects: Path, scores: Path) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    ranked = pa.table(
        {
            "row": pa.array(np.arange(found.rows), pa.int64()),
            "score": pa.array(found.scores, pa.float64()),
            "reason": pa.array(found.reasons, pa.string()),
        }
    )
    pq.write_table(ranked, scores)
    worst = ranked
    if source is not None:
        # A source column that is called `score` must not hide the score.
        name = source if source not in ranked.column_names else f"source_{source}"
        worst = worst.append_column(name, table.column(source))
    worst = worst.filter(pa.array(found.suspects))
    pq.write_table(worst.sort_by([("score", "descending"), ("row", "ascending")]), suspects)


def _record(outcome: Outcome, alarm: Alarm, found: Assessment) -> None:
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


def _describe(outcome: Outcome, found: Assessment, source: str | None, baseline: Path | None) -> None:
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
            "corrected p value": None if alarm.adjusted_p is None else round(alarm.adjusted_p, 6),
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
    from lockgate.poisoning.sampled import looked_at

    seen = looked_at(found.checked, found.features, found.classes)
    if seen:
        outcome.facts["Looked at"] = seen
    outcome.facts["Not looked for"] = (
        "values tampered with while the labels stayed plausible, triggers of fewer than five rows, "
        "made-up rows spread as widely as real ones"
    )
    if baseline is None:
        outcome.facts["Could pass unseen"] = (
            "labels flipped at random all over a table of two classes, or of classes that look alike; "
            "give a baseline to see them"
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
