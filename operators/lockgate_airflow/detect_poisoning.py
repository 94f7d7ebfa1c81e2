"""Find training rows that look planted, and say whether the table was poisoned at all.

The Airflow operator of `lockgate detect-poisoning`, written by `make faces` from
`lockgate.stages.ingest.detect_poisoning`.
"""

from __future__ import annotations

from typing import Any

from lockgate_airflow.base import StageOperator


class DetectPoisoningOperator(StageOperator):
    """Find training rows that look planted, and say whether the table was poisoned at all.

    FAIL when a detector alarms: it saw more than clean data like this would show. Without an alarm
    there are no suspects, however odd single rows are. INCONCLUSIVE when there are too few rows, or
    rows of a class too rare to be checked.

    It looks for flipped labels, values or pixels that were set to mean a label (triggers), copies of
    rows, heaps of made-up rows, and numbers that were moved. What each detector cannot see
    stands in its module.

    Models that never saw a row judge its label; they come from the baseline when there is one, which
    lets the detectors see more. Row keys are left out by themselves.

    Every argument of the stage may be a template or the output of another task.

    Args:
        train: The table under suspicion; or images or embeddings, an `.npz` file with `X` and one
            array for each further column, such as `y`; or a folder of images with a `manifest.csv` that
            names the `path` and the label of each.
        suspects: The rows to look at or drop: `row` (0-based), `score`, `reason`, and the source
            column if one is named. Empty without an alarm.
        scores: Every row of `train` in its order: `row` (0-based), `score` (0 to 1, higher is more
            suspect), `reason` (rule id of a suspect, or null).
        baseline: Rows that are known to be clean, with the same columns.
        label: Column with the class of each row.
        source: Column that says who or what a row came from; the model does not see it.
        timestamp: Column that says when a row came, times or numbers; stretches of time are
            compared as sources are. The model does not see it.
        ignore: Columns that the models do not use.
        alpha: How often clean data may raise an alarm, 0 to 1, over all detectors together.
        min_share: Smallest share of flipped labels that alarms, 0 to 1.
        canary: Whether to plant something for each detector in a copy when nothing alarms, and to
            say from which share on it is found; a few seconds. INCONCLUSIVE when nothing at all is.
        must_find: Largest share of planted rows that each detector may overlook, 0 to 1;
            INCONCLUSIVE when one overlooks more. With 1 it is only reported.
        seed: Seed of folds, samples and resampling.
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.ingest.detect_poisoning:detect_poisoning"

    def __init__(
        self,
        *,
        train: str,
        suspects: str | None = None,
        scores: str | None = None,
        baseline: str | None = None,
        label: str,
        source: str | None = None,
        timestamp: str | None = None,
        ignore: list[str] | str | None = None,
        alpha: float | str = 0.02,
        min_share: float | str = 0.02,
        canary: bool | str = True,
        must_find: float | str = 1.0,
        seed: int | str = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "train": train,
                "suspects": suspects,
                "scores": scores,
                "baseline": baseline,
                "label": label,
                "source": source,
                "timestamp": timestamp,
                "ignore": ignore,
                "alpha": alpha,
                "min_share": min_share,
                "canary": canary,
                "must_find": must_find,
                "seed": seed,
            },
            **kwargs,
        )
