"""Count a table and write its profile, which stands for it as a baseline.

The KFP component of `lockgate profile-data`, written by `make faces` from
`lockgate.stages.monitor.profile_data`.
"""

from typing import List, NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component()
def profile_data(
    data: dsl.Input[dsl.Dataset],
    profile: dsl.Output[dsl.Artifact],
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    layout: Optional[dsl.Input[dsl.Artifact]] = None,
    merge: Optional[dsl.Input[dsl.Artifact]] = None,
    columns: Optional[List[str]] = None,
    ignore: Optional[List[str]] = None,
    engine: str = "duckdb",
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
    """Count a table and write its profile, which stands for it as a baseline.

    A profile holds counts, extremes, exact sums, hashes of values and the values of categories; no
    rows. Profiles of days, partitions or sources merge exactly, if they were counted in one layout.

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        data: The table to count: Parquet, CSV, Arrow or JSON lines, a file or a folder of parts.
        profile: Where the profile goes, as JSON. It names the values of categories.
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
        layout: An earlier profile whose edges and categories are used; without it the table's own.
        merge: Profiles to add to that of the table, counted in the same layout. Without `layout`,
            that of the first one is used.
        columns: The columns to count; all by default.
        ignore: Columns to leave out.
        engine: Where to count: on DuckDB in this process, or on Spark.
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.monitor.profile_data:profile_data",
        arguments={
            "data": data,
            "layout": layout,
            "merge": merge,
            "columns": columns,
            "ignore": ignore,
            "engine": engine,
        },
        outputs={
            "profile": profile,
        },
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
