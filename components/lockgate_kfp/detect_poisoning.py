"""Find training rows that look planted, and say whether the table was poisoned at all.

The KFP component of `lockgate detect-poisoning`, written by `make faces` from
`lockgate.stages.ingest.detect_poisoning`.
"""

from typing import List, NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component()
def detect_poisoning(
    train: dsl.Input[dsl.Dataset],
    label: str,
    suspects: dsl.Output[dsl.Dataset],
    scores: dsl.Output[dsl.Dataset],
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    baseline: Optional[dsl.Input[dsl.Dataset]] = None,
    source: Optional[str] = None,
    timestamp: Optional[str] = None,
    ignore: Optional[List[str]] = None,
    alpha: float = 0.02,
    min_share: float = 0.02,
    canary: bool = True,
    must_find: float = 1.0,
    seed: int = 0,
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
    """Find training rows that look planted, and say whether the table was poisoned at all.

    FAIL when a detector alarms: it saw more than clean data like this would show. Without an alarm
    there are no suspects, however odd single rows are. INCONCLUSIVE when there are too few rows, or
    rows of a class too rare to be checked.

    It looks for flipped labels, values or pixels that were set to mean a label (triggers), copies of
    rows, heaps of made-up rows, and numbers that were moved. What each detector cannot see
    stands in its module.

    Models that never saw a row judge its label; they come from the baseline when there is one, which
    lets the detectors see more. Row keys are left out by themselves.

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        train: The table under suspicion; or images or embeddings, an `.npz` file with `X` and one
            array for each further column, such as `y`; or a folder of images with a `manifest.csv` that
            names the `path` and the label of each.
        label: Column with the class of each row.
        suspects: The rows to look at or drop: `row` (0-based), `score`, `reason`, and the source
            column if one is named. Empty without an alarm.
        scores: Every row of `train` in its order: `row` (0-based), `score` (0 to 1, higher is more
            suspect), `reason` (rule id of a suspect, or null).
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
        baseline: Rows that are known to be clean, with the same columns.
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
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.ingest.detect_poisoning:detect_poisoning",
        arguments={
            "train": train,
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
        outputs={
            "suspects": suspects,
            "scores": scores,
        },
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
