"""Check a table's columns, types, ranges, categories, keys, copies and labels.

The KFP component of `lockgate validate-data`, written by `make faces` from
`lockgate.stages.ingest.validate_data`.
"""

from typing import List, NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component()
def validate_data(
    data: dsl.Input[dsl.Dataset],
    deepchecks_report: dsl.Output[dsl.HTML],
    registered_schema: dsl.Output[dsl.Artifact],
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    schema: Optional[dsl.Input[dsl.Artifact]] = None,
    baseline: Optional[dsl.Input[dsl.Dataset]] = None,
    baseline_profile: Optional[dsl.Input[dsl.Artifact]] = None,
    label: Optional[str] = None,
    primary_key: Optional[List[str]] = None,
    ignore: Optional[List[str]] = None,
    suite: Optional[str] = None,
    skip_check: bool = False,
    fail_on_violation: bool = True,
    register_new_baseline: bool = False,
    max_duplicate_share: Optional[float] = None,
    max_conflicting_label_share: Optional[float] = None,
    min_row_ratio: float = 0.5,
    max_row_ratio: float = 2.0,
    max_outside_baseline: float = 0.01,
    max_completeness_drop: float = 0.05,
    max_categories: int = 50,
    seed: int = 0,
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
    """Check a table's columns, types, ranges, categories, keys, copies and labels.

    The table is held against a schema (a YAML file), against a baseline (an earlier table or its
    profile), or both. Every declaration becomes a check that passes, fails, or is INCONCLUSIVE
    because it could not run. `--infer-schema` writes a first schema from the data; such a run alone is
    a WARN, as the data are held against what was read off them. Without anything to hold it against a
    run is INCONCLUSIVE; `--register-new-baseline` then writes the schema that the next run is given.

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        data: The table to check: Parquet, CSV, Arrow or JSON lines, a file or a folder of parts.
        deepchecks_report: Where deepchecks' own page goes; it shows extracts of the data.
        registered_schema: Where the schema inferred from this table goes when
            `register_new_baseline` is set and the table holds, to be the next run's `schema`. Else
            nothing is written there.
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
        schema: The YAML file that says what the table must look like.
        baseline: An earlier table that was accepted, to compare with.
        baseline_profile: The profile of such a table instead, from `profile-data`: statistics, no
            rows.
        label: The column that models learn; the schema may name it.
        primary_key: Columns that together name a row; the schema may name them.
        ignore: Columns that are no features, such as the source or a time stamp: left out of the
            conflicting-label check and of the comparison with the baseline. Added to the schema's.
        suite: `deepchecks` adds its data_integrity suite, run in an interpreter of its own.
        skip_check: Hold the table against nothing. Such a run is a WARN, never a PASS.
        fail_on_violation: Whether what does not hold closes the gate; if not, it is a WARN.
        register_new_baseline: Write `registered_schema`.
        max_duplicate_share: Largest share of rows that are exact copies; by default the schema's,
            else 0.01.
        max_conflicting_label_share: Largest share of rows that equal another row in every feature
            and have another label; by default the schema's, else it is measured and not judged.
        min_row_ratio: Fewest rows, as a multiple of the baseline's.
        max_row_ratio: Most rows, as a multiple of the baseline's.
        max_outside_baseline: Largest share of a column's values outside the baseline's range,
            widened by a tenth of its span, or of categories that the baseline does not have.
        max_completeness_drop: How much less complete than in the baseline a column may be, as a
            share of the rows.
        max_categories: Text columns with more different values than this are free text: they get no
            list of categories and are not compared with the baseline's.
        seed: Seed of the sample that deepchecks looks at.
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.ingest.validate_data:validate_data",
        arguments={
            "data": data,
            "schema": schema,
            "baseline": baseline,
            "baseline_profile": baseline_profile,
            "label": label,
            "primary_key": primary_key,
            "ignore": ignore,
            "suite": suite,
            "skip_check": skip_check,
            "fail_on_violation": fail_on_violation,
            "register_new_baseline": register_new_baseline,
            "max_duplicate_share": max_duplicate_share,
            "max_conflicting_label_share": max_conflicting_label_share,
            "min_row_ratio": min_row_ratio,
            "max_row_ratio": max_row_ratio,
            "max_outside_baseline": max_outside_baseline,
            "max_completeness_drop": max_completeness_drop,
            "max_categories": max_categories,
            "seed": seed,
        },
        outputs={
            "deepchecks_report": deepchecks_report,
            "registered_schema": registered_schema,
        },
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
