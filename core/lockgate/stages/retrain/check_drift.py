"""Check a batch for drift.

Rules:
    LG-DRIFT-001: A column has drifted.
    LG-DRIFT-002: A column of the reference is missing.
    LG-DRIFT-003: There is a column that the reference does not have.
    LG-DRIFT-004: A column has another type than in the reference.
    LG-DRIFT-005: A column could not be decided.
    LG-DRIFT-006: Columns were left out, because they differ between any two batches.
"""

from __future__ import annotations

from typing import Literal

from lockgate.outcome import Outcome, Severity, Verdict
from lockgate.stage import DatasetIn, ReportOut, Seed, Share, Threshold, stage
from lockgate.stages.retrain._record import (
    record_drifted,
    record_numbers,
    record_shape,
    record_undecided,
)
from lockgate.table.drift import ALPHA, MAX_JS, MAX_PSI, MIN_ROWS, compare


@stage("check-drift", threats=["data-poisoning"])
def check_drift(
    reference: DatasetIn,
    current: DatasetIn,
    evidently_report: ReportOut,
    *,
    columns: list[str] | None = None,
    ignore: list[str] | None = None,
    alpha: Threshold[Share] = ALPHA,
    max_psi: Threshold[float] = MAX_PSI,
    max_js: Threshold[Share] = MAX_JS,
    max_drifted_share: Threshold[Share] = 0.0,
    min_rows: Threshold[int] = MIN_ROWS,
    report: Literal["evidently"] | None = None,
    seed: Seed = 0,
) -> Outcome:
    """Compare a table with a reference and say which columns have drifted.

    A column has drifted only if its p value, corrected by Holm for all columns, is below `alpha`,
    and PSI or Jensen-Shannon distance is above its threshold, and both tables have `min_rows`.
    Numbers are tested with Kolmogorov-Smirnov on all rows, categories with chi-square; missing
    values count as a category. Missing, new and retyped columns fail; they are no drift.

    Keys, dates and batch marks such as a constant year are left out unless `columns` names them.

    Args:
        reference: The table to compare with, for example the training data.
        current: The table that may have drifted, for example the newest batch.
        evidently_report: Where Evidently's report goes when `report` asks for it. It shows values of
            categories and is drawn from a seeded sample of 5,000 rows of each table.
        columns: The columns to compare; all by default.
        ignore: Columns to leave out.
        alpha: Chance of calling any column significant when nothing changed, above 0 and below 1.
        max_psi: Largest Population Stability Index without drift, 0 or more.
        max_js: Largest Jensen-Shannon distance (base 2) without drift, 0 to 1.
        max_drifted_share: Largest share of drifted columns that passes, 0 to 1.
        min_rows: Fewest rows of each table for an answer, 1 or more.
        report: Attach the drift report of Evidently.
        seed: Seed of the sample for Evidently's report; the verdict does not depend on it.

    Raises:
        InputError: A table cannot be read, has no rows, or lacks a named column; or a threshold is
            out of its range.
        MissingExtraError: `report` asks for Evidently, which is not installed.
    """
    if report == "evidently":
        from lockgate.suites import evidently

        evidently.require()
    found = compare(
        reference,
        current,
        columns=columns,
        ignore=ignore or (),
        alpha=alpha,
        max_psi=max_psi,
        max_js=max_js,
        min_rows=min_rows,
    )
    outcome = Outcome()
    record_shape(outcome, found)
    record_undecided(outcome, found)
    for column in found.columns:
        if column.drifted is not None:
            outcome.check(
                f"drift:{column.column}",
                value=column.drifted,
                comparator="==",
                threshold=False,
                failing=Verdict.WARN,
            )
    passes = outcome.check(
        "drifted-share", value=found.drifted_share, comparator="<=", threshold=max_drifted_share
    )
    for column in found.drifted:
        record_drifted(outcome, column, Severity.MEDIUM if passes else Severity.HIGH)
    record_numbers(outcome, found)
    if report == "evidently" and found.columns:
        names = [column.column for column in found.columns]
        evidently.write_report(reference, current, evidently_report, names, seed=seed)
        outcome.facts["Evidently"] = f"drawn from at most {evidently.SAMPLE_ROWS:,} rows of each table"
    return outcome
