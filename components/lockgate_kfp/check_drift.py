"""Compare a table with a reference and say which columns have drifted.

The KFP component of `lockgate check-drift`, written by `make faces` from
`lockgate.stages.retrain.check_drift`.
"""

from typing import List, NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component()
def check_drift(
    reference: dsl.Input[dsl.Dataset],
    current: dsl.Input[dsl.Dataset],
    evidently_report: dsl.Output[dsl.HTML],
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    columns: Optional[List[str]] = None,
    ignore: Optional[List[str]] = None,
    alpha: float = 0.05,
    max_psi: float = 0.1,
    max_js: float = 0.1,
    max_drifted_share: float = 0.0,
    min_rows: int = 500,
    report: Optional[str] = None,
    seed: int = 0,
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
    """Compare a table with a reference and say which columns have drifted.

    A column has drifted only if its p value, corrected by Holm for all columns, is below `alpha`,
    and PSI or Jensen-Shannon distance is above its threshold, and both tables have `min_rows`.
    Numbers are tested with Kolmogorov-Smirnov on all rows, categories with chi-square; missing
    values count as a category. Missing, new and retyped columns fail; they are no drift.

    Keys, dates and batch marks such as a constant year are left out unless `columns` names them.

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        reference: The table to compare with, for example the training data.
        current: The table that may have drifted, for example the newest batch.
        evidently_report: Where Evidently's report goes when `report` asks for it. It shows values
            of categories and is drawn from a seeded sample of 5,000 rows of each table.
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
        columns: The columns to compare; all by default.
        ignore: Columns to leave out.
        alpha: Chance of calling any column significant when nothing changed, above 0 and below 1.
        max_psi: Largest Population Stability Index without drift, 0 or more.
        max_js: Largest Jensen-Shannon distance (base 2) without drift, 0 to 1.
        max_drifted_share: Largest share of drifted columns that passes, 0 to 1.
        min_rows: Fewest rows of each table for an answer, 1 or more.
        report: Attach the drift report of Evidently.
        seed: Seed of the sample for Evidently's report; the verdict does not depend on it.
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.retrain.check_drift:check_drift",
        arguments={
            "reference": reference,
            "current": current,
            "columns": columns,
            "ignore": ignore,
            "alpha": alpha,
            "max_psi": max_psi,
            "max_js": max_js,
            "max_drifted_share": max_drifted_share,
            "min_rows": min_rows,
            "report": report,
            "seed": seed,
        },
        outputs={
            "evidently_report": evidently_report,
        },
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
