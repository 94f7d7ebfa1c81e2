"""Look for leakage, new categories and skew between the table a model learns from and another.

The KFP component of `lockgate check-split`, written by `make faces` from
`lockgate.stages.develop.check_split`.
"""

from typing import List, NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component()
def check_split(
    train: dsl.Input[dsl.Dataset],
    test: dsl.Input[dsl.Dataset],
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    label: Optional[str] = None,
    index: Optional[List[str]] = None,
    date: Optional[str] = None,
    ignore: Optional[List[str]] = None,
    checks: Optional[List[str]] = None,
    enforce: Optional[List[str]] = None,
    min_size_ratio: float = 0.01,
    max_new_category_share: float = 0.0,
    max_leakage: float = 0.0,
    max_sample_leakage: float = 0.05,
    max_skew: Optional[float] = None,
    max_categories: int = 1000,
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
    """Look for leakage, new categories and skew between the table a model learns from and another.

    The other table is the one that it is judged on (a train/test split) or the one that it serves
    (training/serving skew).

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        train: The table that models learn from.
        test: The table that they are judged on, or that they serve.
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
        label: The column that models learn; a table that is served may lack it, then leave this
            out.
        index: Columns that name a row, a person or a machine that must not be in both tables.
        date: The column of time stamps, when test is to be later than train.
        ignore: Other columns that are no features, such as the source.
        checks: The checks to run, by name; by default all that apply. One that is named and does
            not apply is INCONCLUSIVE.
        enforce: The checks that FAIL instead of WARN.
        min_size_ratio: Fewest rows of test, as a multiple of train's.
        max_new_category_share: Largest share of a column's values in test that are of categories,
            or classes, that train does not have.
        max_leakage: Largest share of test's rows that may share their index or time stamp with
            train, or be not later than it.
        max_sample_leakage: Largest share of test's rows that may be in train as they are.
        max_skew: Largest distance of a column between the tables, 0 to 1; by default it is measured
            and not judged.
        max_categories: Text columns of train with more different values than this are free text.
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.develop.check_split:check_split",
        arguments={
            "train": train,
            "test": test,
            "label": label,
            "index": index,
            "date": date,
            "ignore": ignore,
            "checks": checks,
            "enforce": enforce,
            "min_size_ratio": min_size_ratio,
            "max_new_category_share": max_new_category_share,
            "max_leakage": max_leakage,
            "max_sample_leakage": max_sample_leakage,
            "max_skew": max_skew,
            "max_categories": max_categories,
        },
        outputs={},
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
