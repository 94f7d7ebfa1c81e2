"""Look for gaps in disguise, odd texts, copies, leaks and outliers in a table without a schema.

The KFP component of `lockgate check-integrity`, written by `make faces` from
`lockgate.stages.ingest.check_integrity`.
"""

from typing import List, NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component()
def check_integrity(
    data: dsl.Input[dsl.Dataset],
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    label: Optional[str] = None,
    primary_key: Optional[List[str]] = None,
    ignore: Optional[List[str]] = None,
    checks: Optional[List[str]] = None,
    enforce: Optional[List[str]] = None,
    max_null_share: float = 0.5,
    max_special_share: float = 0.001,
    max_duplicate_share: float = 0.05,
    max_conflicting_label_share: float = 0.05,
    min_class_ratio: float = 0.02,
    max_feature_label_score: float = 0.95,
    max_feature_correlation: float = 0.99,
    max_key_label_score: float = 0.2,
    max_outlier_share: float = 0.01,
    seed: int = 0,
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
    """Look for gaps in disguise, odd texts, copies, leaks and outliers in a table without a schema.

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        data: The table to check: Parquet, CSV, Arrow or JSON lines, a file or a folder of parts.
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
        label: The column that models learn. Without it, the checks about labels do not apply.
        primary_key: Columns that together name a row: no features, and copies are compared without
            them.
        ignore: Other columns that are no features, such as the source or a time stamp.
        checks: The checks to run, by name; by default all that apply. One that is named and does
            not apply is INCONCLUSIVE.
        enforce: The checks that FAIL instead of WARN.
        max_null_share: Largest share of rows without a value in a column.
        max_special_share: Largest share of a column's texts without a letter or a digit.
        max_duplicate_share: Largest share of rows that are exact copies.
        max_conflicting_label_share: Largest share of rows that equal another row in every feature
            and have another label.
        min_class_ratio: Fewest rows of the rarest class, as a multiple of those of the commonest.
        max_feature_label_score: Largest lambda (0 to 1) with which one feature alone may foretell
            the label.
        max_feature_correlation: Strongest that two features may go together, 0 to 1.
        max_key_label_score: Largest lambda with which a key may foretell the label.
        max_outlier_share: Largest share of rows far outside the rest.
        seed: Seed of the sample from which quantiles and pairs of columns are taken.
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.ingest.check_integrity:check_integrity",
        arguments={
            "data": data,
            "label": label,
            "primary_key": primary_key,
            "ignore": ignore,
            "checks": checks,
            "enforce": enforce,
            "max_null_share": max_null_share,
            "max_special_share": max_special_share,
            "max_duplicate_share": max_duplicate_share,
            "max_conflicting_label_share": max_conflicting_label_share,
            "min_class_ratio": min_class_ratio,
            "max_feature_label_score": max_feature_label_score,
            "max_feature_correlation": max_feature_correlation,
            "max_key_label_score": max_key_label_score,
            "max_outlier_share": max_outlier_share,
            "seed": seed,
        },
        outputs={},
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
