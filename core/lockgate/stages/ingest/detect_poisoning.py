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
    LG-POISON-009: Some rows hold numbers that the rest of each row contradicts, in one direction.
    LG-POISON-090: A detector was not asked for, or has not what it needs, and did not look.

What each detector measures, and what it cannot see, stands in its module in `lockgate.poisoning`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.errors import InputError
from lockgate.outcome import Outcome
from lockgate.stage import DatasetIn, DatasetOut, Seed, Share, Threshold, stage

if TYPE_CHECKING:
    import pyarrow as pa

    from lockgate.poisoning import Assessment


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
    alpha: Threshold[Share] = 0.02,
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
    rows, heaps of made-up rows, and numbers that were moved. What each detector cannot see
    stands in its module.

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
    from lockgate.poisoning.telling import describe, record
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
        record(outcome, alarm, found)
    if not found.conclusive:
        outcome.cannot("rows", found.why_not)
    judge_canaries(outcome, found.canaries, must_find)
    describe(outcome, found, source, baseline)
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
