"""Stage `validate-data`: hold a table against a schema, against a baseline, or both.

| rule        | what did not hold                                                   |
|-------------|---------------------------------------------------------------------|
| LG-DATA-001 | a column is missing                                                 |
| LG-DATA-002 | a column is there that nobody declared                              |
| LG-DATA-003 | values that are not of their column's type                          |
| LG-DATA-004 | too many missing values                                             |
| LG-DATA-005 | values outside the schema's range                                   |
| LG-DATA-006 | values that are none of the schema's categories                     |
| LG-DATA-007 | a key or unique column repeats, or a key has gaps                   |
| LG-DATA-008 | too many exact copies of rows                                       |
| LG-DATA-009 | too many rows with equal features and different labels              |
| LG-DATA-010 | too few or too many rows for the schema                             |
| LG-DATA-011 | too few or too many rows compared with the baseline                 |
| LG-DATA-012 | too many values of categories that the baseline does not have       |
| LG-DATA-013 | a column is much less complete than in the baseline                 |
| LG-DATA-014 | too many values outside the baseline's range                        |
| LG-DATA-015 | the schema was inferred from this very table (WARN)                 |
| LG-DATA-016 | a column's range was not compared with the baseline (shown only)     |
| LG-DATA-017 | too few or too many different values for the schema                 |
| LG-DATA-018 | texts shorter or longer than the schema allows                      |
| LG-DATA-019 | a column further from the baseline than the schema allows: skew     |
| LG-DATA-020 | a condition of deepchecks' data_integrity suite did not hold (WARN) |
| LG-DATA-021 | deepchecks did not run one of its checks (shown only)               |
| LG-DATA-022 | there is no schema or baseline yet (INCONCLUSIVE)                   |
| LG-DATA-023 | the check was skipped, as the caller asked (WARN)                   |
| LG-DATA-024 | a new schema was registered (shown only)                            |
| LG-DATA-025 | a new schema was not registered, because the data do not hold       |

The life of a schema is that of a baseline in Amazon SageMaker's quality check. `registered_schema` is what
the next run is to be given as `schema`:

| skip_check | register_new_baseline | schema or baseline given        | neither given                     |
|------------|-----------------------|---------------------------------|-----------------------------------|
| no         | no                    | checked                         | INCONCLUSIVE                      |
| no         | yes                   | checked; registered if it holds | INCONCLUSIVE; registered          |
| yes        | no                    | WARN, unchecked                 | INCONCLUSIVE: nothing to carry on |
| yes        | yes                   | WARN, unchecked; registered     | WARN, unchecked; registered       |

With `fail_on_violation` off, what does not hold is a WARN, and counts as accepted: a new schema is
registered. Where nothing is registered, the schema that was given goes on being the one. A policy can set
all but `register_new_baseline`.

The YAML form of a schema is described in `lockgate.table.schema`, what counts as missing in
`lockgate.table.typed`, and the border to deepchecks in `lockgate.suites.deepchecks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Le

from lockgate.outcome import Outcome, Severity
from lockgate.stage import DatasetIn, FileIn, FileOut, ReportOut, SchemaOut, Seed, Share, Threshold, stage

if TYPE_CHECKING:
    from lockgate.table.schema import DataSchema
    from lockgate.table.typed import Kind

_DEFAULT_DUPLICATE_SHARE = 0.01


@stage("validate-data", threats=["data-poisoning"])
def validate_data(
    data: DatasetIn,
    deepchecks_report: ReportOut,
    registered_schema: SchemaOut,
    schema: FileIn | None = None,
    baseline: DatasetIn | None = None,
    baseline_profile: FileIn | None = None,
    infer_schema: FileOut | None = None,
    *,
    label: str | None = None,
    primary_key: list[str] | None = None,
    ignore: list[str] | None = None,
    suite: Literal["deepchecks"] | None = None,
    skip_check: Threshold[bool] = False,
    fail_on_violation: Threshold[bool] = True,
    register_new_baseline: bool = False,
    max_duplicate_share: Threshold[Share] | None = None,
    max_conflicting_label_share: Threshold[Share] | None = None,
    min_row_ratio: Threshold[Annotated[float, Ge(0)]] = 0.5,
    max_row_ratio: Threshold[Annotated[float, Ge(0)]] = 2.0,
    max_outside_baseline: Threshold[Share] = 0.01,
    max_completeness_drop: Threshold[Share] = 0.05,
    max_categories: Annotated[int, Ge(1), Le(1_000)] = 50,
    seed: Seed = 0,
) -> Outcome:
    """Check a table's columns, types, ranges, categories, keys, copies and labels.

    The table is held against a schema (a YAML file), against a baseline (an earlier table or its
    profile), or both. Every declaration becomes a check that passes, fails, or is INCONCLUSIVE
    because it could not run. `--infer-schema` writes a first schema from the data; such a run alone is
    a WARN, as the data are held against what was read off them. Without anything to hold it against a
    run is INCONCLUSIVE; `--register-new-baseline` then writes the schema that the next run is given.

    Args:
        data: The table to check: Parquet, CSV, Arrow or JSON lines, a file or a folder of parts.
        deepchecks_report: Where deepchecks' own page goes; it shows extracts of the data.
        registered_schema: Where the schema inferred from this table goes when `register_new_baseline` is
            set and the table holds, to be the next run's `schema`. Else nothing is written there.
        schema: The YAML file that says what the table must look like.
        baseline: An earlier table that was accepted, to compare with.
        baseline_profile: The profile of such a table instead, from `profile-data`: statistics, no rows.
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
        max_outside_baseline: Largest share of a column's values outside the baseline's range, widened
            by a tenth of its span, or of categories that the baseline does not have.
        max_completeness_drop: How much less complete than in the baseline a column may be, as a
            share of the rows.
        max_categories: Text columns with more different values than this are free text: they get
            no list of categories and are not compared with the baseline's.
        seed: Seed of the sample that deepchecks looks at.

    Raises:
        InputError: The table, schema or baseline cannot be used, the table has no rows, a column
            has no value at all (unless the schema says `nullable: true`), or the label is absent or
            has one class.
    """
    from lockgate.table import conform, infer, repeats
    from lockgate.table.conform import lifecycle
    from lockgate.table.profile import profile
    from lockgate.table.read import connect
    from lockgate.table.typed import open_table

    declared = _schema(schema)
    label, key, ignore = conform.roles(declared, label, primary_key or [], ignore or [])
    outcome = Outcome()
    with connect() as connection:
        base = conform.accepted(connection, baseline, baseline_profile, _kinds(declared))
        kinds = _kinds(declared) if declared or base is None else base.kinds
        table = open_table(connection, data, kinds)
        conform.require_columns(table, declared, label=label, key=key, ignore=ignore)
        columns = profile(table)
        conform.require_values(table, columns, declared, label)
        copies = repeats.duplicates(table)
        features = [name for name in table.storage if name != label and name not in {*key, *ignore}]
        conflicts = repeats.conflicts(table, features, label) if label else None
        held = Outcome()
        if declared and not skip_check:
            conform.to_schema(held, table, columns, declared, base)
        if (declared or base) and not skip_check:
            if key:
                conform.to_key(held, table, columns, key)
            limits = _limits(declared, max_duplicate_share, max_conflicting_label_share)
            conform.to_limits(held, table.rows, copies, conflicts, limits)
        if base and not skip_check:
            conform.to_baseline(
                held,
                table,
                columns,
                base,
                leave_out={*key, *ignore},
                limits=conform.BaselineLimits(
                    min_row_ratio, max_row_ratio, max_outside_baseline, max_completeness_drop, max_categories
                ),
                has_schema=declared is not None,
            )
        if not fail_on_violation:
            lifecycle.soften(held)
        lifecycle.record(
            outcome,
            held,
            has_baseline=bool(declared or base),
            skipped=skip_check,
            registering=register_new_baseline,
            otherwise=infer_schema is not None or suite is not None,
        )
        conform.describe(outcome, table, columns, copies, conflicts, base)
        if infer_schema is not None or outcome.metrics["new_baseline"]:
            found = infer.infer(
                table,
                columns,
                copies,
                conflicts,
                label=label,
                key=key,
                ignore=ignore,
                max_categories=max_categories,
            )
            if outcome.metrics["new_baseline"]:
                infer.write(found, registered_schema, rows=table.rows)
            if infer_schema is not None:
                infer.write(found, infer_schema, rows=table.rows)
            if not (declared or base or suite or skip_check or register_new_baseline):
                conform.to_schema(outcome, table, columns, found)
                outcome.find(
                    "LG-DATA-015",
                    Severity.MEDIUM,
                    "The table was held against a schema that was inferred from this very table.",
                    subject="data",
                    fix="Read the schema that was written, correct it, and give it as schema.",
                )
        if suite == "deepchecks":
            from lockgate.suites import deepchecks

            reply = deepchecks.run(table, deepchecks_report, label=label, key=key, seed=seed)
            deepchecks.record(outcome, reply)
    return outcome


def _schema(path: Path | None) -> DataSchema | None:
    if path is None:
        return None
    from lockgate.table import schema

    return schema.load(path)


def _kinds(declared: DataSchema | None) -> Mapping[str, Kind]:
    return {name: rule.type for name, rule in declared.columns.items()} if declared else {}


def _limits(
    declared: DataSchema | None, duplicates: float | None, conflicts: float | None
) -> tuple[float, float | None]:
    if duplicates is None and declared:
        duplicates = declared.max_duplicate_share
    if conflicts is None and declared:
        conflicts = declared.max_conflicting_label_share
    return _DEFAULT_DUPLICATE_SHARE if duplicates is None else duplicates, conflicts
