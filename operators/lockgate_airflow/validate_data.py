"""Check a table's columns, types, ranges, categories, keys, copies and labels.

The Airflow operator of `lockgate validate-data`, written by `make faces` from
`lockgate.stages.ingest.validate_data`.
"""

from __future__ import annotations

from typing import Any, Literal

from lockgate_airflow.base import StageOperator


class ValidateDataOperator(StageOperator):
    """Check a table's columns, types, ranges, categories, keys, copies and labels.

    The table is held against a schema (a YAML file), against a baseline (an earlier table or its
    profile), or both. Every declaration becomes a check that passes, fails, or is INCONCLUSIVE
    because it could not run. `--infer-schema` writes a first schema from the data; such a run alone is
    a WARN, as the data are held against what was read off them. Without anything to hold it against a
    run is INCONCLUSIVE; `--register-new-baseline` then writes the schema that the next run is given.

    Every argument of the stage may be a template or the output of another task.

    Args:
        data: The table to check: Parquet, CSV, Arrow or JSON lines, a file or a folder of parts.
        deepchecks_report: Where deepchecks' own page goes; it shows extracts of the data.
        registered_schema: Where the schema inferred from this table goes when
            `register_new_baseline` is set and the table holds, to be the next run's `schema`. Else
            nothing is written there.
        schema: The YAML file that says what the table must look like.
        baseline: An earlier table that was accepted, to compare with.
        baseline_profile: The profile of such a table instead, from `profile-data`: statistics, no
            rows.
        infer_schema: Where to write a schema that this table fits, to read and correct.
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
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.ingest.validate_data:validate_data"

    def __init__(
        self,
        *,
        data: str,
        deepchecks_report: str | None = None,
        registered_schema: str | None = None,
        schema: str | None = None,
        baseline: str | None = None,
        baseline_profile: str | None = None,
        infer_schema: str | None = None,
        label: str | None = None,
        primary_key: list[str] | str | None = None,
        ignore: list[str] | str | None = None,
        suite: Literal["deepchecks"] | None = None,
        skip_check: bool | str = False,
        fail_on_violation: bool | str = True,
        register_new_baseline: bool | str = False,
        max_duplicate_share: float | str | None = None,
        max_conflicting_label_share: float | str | None = None,
        min_row_ratio: float | str = 0.5,
        max_row_ratio: float | str = 2.0,
        max_outside_baseline: float | str = 0.01,
        max_completeness_drop: float | str = 0.05,
        max_categories: int | str = 50,
        seed: int | str = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "data": data,
                "deepchecks_report": deepchecks_report,
                "registered_schema": registered_schema,
                "schema": schema,
                "baseline": baseline,
                "baseline_profile": baseline_profile,
                "infer_schema": infer_schema,
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
            **kwargs,
        )
