"""Check a batch for drift.

Rules:
    LG-DRIFT-001: A column has drifted.
    LG-DRIFT-002: A column of the reference is missing.
    LG-DRIFT-003: There is a column that the reference does not have.
    LG-DRIFT-004: A column has another type than in the reference.
    LG-DRIFT-005: A column could not be decided.
    LG-DRIFT-006: Columns were left out, because they differ between any two batches.
    LG-DRIFT-007: The label has drifted.
    LG-DRIFT-008: The prediction has drifted.
    LG-DRIFT-009: A classifier tells the rows of the two tables apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lockgate.errors import InputError
from lockgate.outcome import Outcome, Severity, Verdict
from lockgate.retraining.record import (
    ANCHORED,
    record_drifted,
    record_numbers,
    record_shape,
    record_undecided,
)
from lockgate.stage import DatasetIn, FileIn, ReportOut, Seed, Share, Threshold, stage
from lockgate.table.comparison import ALPHA, MAX_JS, MAX_PSI, MIN_ROWS, Comparison, Limits
from lockgate.table.distances import named, weighted
from lockgate.table.season import Season

MAX_AUC = 0.6


@stage("check-drift", threats=["data-poisoning"])
def check_drift(
    current: DatasetIn,
    evidently_report: ReportOut,
    reference: DatasetIn | None = None,
    baseline_profile: FileIn | None = None,
    *,
    label: str | None = None,
    prediction: str | None = None,
    columns: list[str] | None = None,
    ignore: list[str] | None = None,
    weights: list[str] | None = None,
    alpha: Threshold[Share] = ALPHA,
    correction: Threshold[Literal["holm", "benjamini-hochberg"]] = "holm",
    max_psi: Threshold[float] = MAX_PSI,
    max_js: Threshold[Share] = MAX_JS,
    measures: Threshold[list[str]] | None = None,
    max_drifted_share: Threshold[Share] = 0.0,
    min_rows: Threshold[int] = MIN_ROWS,
    time: str | None = None,
    season: Literal["weekday", "month"] | None = None,
    multivariate: bool = False,
    max_auc: Threshold[Share] = MAX_AUC,
    engine: Literal["duckdb", "spark"] = "duckdb",
    report: Literal["evidently"] | None = None,
    seed: Seed = 0,
) -> Outcome:
    """Compare a table with a reference, a baseline profile or both, and say which columns have drifted.

    A column has drifted only if its p value, corrected for all columns, is below `alpha`, and PSI,
    Jensen-Shannon distance or one of `measures` is above its limit, and both tables have `min_rows`.
    Numbers are tested with Kolmogorov-Smirnov on all rows, categories with chi-square; missing
    values count as a category. Missing, new and retyped columns fail; they are no drift.

    Keys, dates and batch marks such as a constant year are left out unless `columns` names them.

    Give the last batch as `reference` and the profile of what the model was trained on as
    `baseline_profile`: drift that is too slow to show between two batches shows against the profile.

    Args:
        current: The table that may have drifted, for example the newest batch.
        evidently_report: Where Evidently's report goes when `report` asks for it. It shows values of
            categories and is drawn from a seeded sample of 5,000 rows of each table.
        reference: A table to compare with, for example the batch before.
        baseline_profile: A profile to compare with, from `profile-data`: statistics instead of rows.
        label: The column that models learn; it is judged on its own, and one that drifted fails.
        prediction: The column that a model wrote; it is judged on its own as well.
        columns: The columns to compare; all by default.
        ignore: Columns to leave out.
        weights: How much columns count in the drifted share, as NAME=WEIGHT; 1 for the others.
        alpha: Chance of calling any column significant when nothing changed, above 0 and below 1.
        correction: How p values are corrected: Holm holds `alpha` over all columns; with
            Benjamini-Hochberg it is the share of false ones among those that are called significant.
        max_psi: Largest Population Stability Index without drift, 0 or more.
        max_js: Largest Jensen-Shannon distance (base 2) without drift, 0 to 1.
        measures: More limits, as NAME=LIMIT, by the names of Evidently and TFDV: psi, jensenshannon,
            jensen_shannon_divergence, hellinger, TVD, infinity_norm, wasserstein (in deviations), ks.
        max_drifted_share: Largest share of drifted columns that passes, 0 to 1.
        min_rows: Fewest rows of each table for an answer, 1 or more.
        time: A column of dates or time stamps, for `season`.
        season: Compare with the rows of the reference of the same weekdays or months only.
        multivariate: Train a classifier to tell the two tables' rows apart, on a seeded sample of at
            most 20,000 rows of each, cross-fitted: it sees changes in how columns go together.
        max_auc: Largest area under its ROC curve without drift; 0.5 is guessing.
        engine: Where to count: on DuckDB in this process, or on Spark.
        report: Attach the drift report of Evidently.
        seed: Seed of the samples for `multivariate` and for Evidently's report.

    Raises:
        InputError: There is nothing to compare with, a table or profile cannot be used, has no rows, or
            lacks a named column; or a threshold is out of its range.
        MissingExtraError: Evidently, scikit-learn or Spark is asked for, and not installed.
    """
    if reference is None and baseline_profile is None:
        raise InputError("check-drift has nothing to compare with; give reference, baseline_profile or both")
    if (report or multivariate or season) and reference is None:
        raise InputError("report, multivariate and season need rows to compare with; give reference")
    if (season is None) != (time is None):
        raise InputError("season and time go together: the period, and the column of times; give both")
    if report == "evidently":
        from lockgate.suites import evidently

        evidently.require()
    ask = _Asked(
        label=label,
        prediction=prediction,
        columns=columns,
        ignore=ignore or [],
        limits=Limits(alpha, max_psi, max_js, min_rows, correction, named(measures or ())),
        same=Season(time, season) if time and season else None,
        engine=engine,
    )
    weight = weighted(weights or (), "weights")
    outcome = Outcome()
    for prefix, found in _comparisons(ask, current, reference, baseline_profile):
        _record(outcome, ask, found, weight, max_drifted_share, prefix)
    if multivariate and reference is not None:
        _look_at_all(outcome, reference, current, ask, max_auc, seed)
    if report == "evidently" and reference is not None:
        names = list(outcome.metrics["columns"])
        if names:
            evidently.write_report(reference, current, evidently_report, names, seed=seed)
            outcome.facts["Evidently"] = f"drawn from at most {evidently.SAMPLE_ROWS:,} rows of each table"
    return outcome


@dataclass(frozen=True)
class _Asked:
    label: str | None
    prediction: str | None
    columns: list[str] | None
    ignore: list[str]
    limits: Limits
    same: Season | None
    engine: Literal["duckdb", "spark"]

    @property
    def roles(self) -> dict[str, tuple[str, str]]:
        """Rule and name of the columns that are judged on their own."""
        found = {}
        if self.prediction is not None:
            found[self.prediction] = ("LG-DRIFT-008", "The prediction")
        if self.label is not None:
            found[self.label] = ("LG-DRIFT-007", "The label")
        return found

    @property
    def which(self) -> dict[str, Any]:
        columns = None if self.columns is None else [*dict.fromkeys([*self.columns, *self.roles])]
        return {
            "columns": columns,
            "ignore": self.ignore,
            "always": list(self.roles),
            "limits": self.limits,
        }


def _comparisons(
    ask: _Asked, current: Path, reference: Path | None, baseline: Path | None
) -> Iterator[tuple[str, Comparison]]:
    from lockgate.table.baseline import document
    from lockgate.table.drift import compare
    from lockgate.table.engine.local import profile_of
    from lockgate.table.profile_drift import compare_profiles

    if reference is not None and ask.engine == "duckdb":
        yield "", compare(reference, current, same=ask.same, **ask.which)
    elif reference is not None:
        if ask.same:
            raise InputError("season works on the engine duckdb only; leave season or engine out")
        before = profile_of(reference, engine=ask.engine)
        now = profile_of(current, engine=ask.engine, layout=before, bare=True)
        yield "", compare_profiles(before, now, names=(reference, current), **ask.which)
    if baseline is not None:
        before = document.read(baseline)
        now = profile_of(current, engine=ask.engine, layout=before, bare=True)
        prefix = "" if reference is None else ANCHORED
        yield prefix, compare_profiles(before, now, names=(baseline, current), **ask.which)


def _record(
    outcome: Outcome,
    ask: _Asked,
    found: Comparison,
    weights: Mapping[str, float],
    most: float,
    prefix: str,
) -> None:
    unknown = [n for n in (*ask.roles, *weights) if n not in _names(found)]
    if unknown:
        raise InputError(f"column {unknown[0]!r} is not among those compared; correct its name")
    record_shape(outcome, found, prefix)
    record_undecided(outcome, found, prefix)
    for column in found.columns:
        if column.drifted is not None:
            own = column.column in ask.roles
            outcome.check(
                f"{prefix}drift:{column.column}",
                value=column.drifted,
                comparator="==",
                threshold=False,
                failing=Verdict.FAIL if own else Verdict.WARN,
            )
    passes = True
    if any(c.column not in ask.roles for c in found.columns) or not found.columns:
        share = found.weighted_share(weights, ask.roles)
        passes = outcome.check(f"{prefix}drifted-share", value=share, comparator="<=", threshold=most)
    for column in sorted(found.drifted, key=lambda c: (-c.psi, c.column)):
        rule, role = ask.roles.get(column.column, ("LG-DRIFT-001", "Column"))
        severe = column.column in ask.roles or not passes
        severity = Severity.HIGH if severe else Severity.MEDIUM
        record_drifted(outcome, column, severity, prefix=prefix, rule=rule, role=role)
    record_numbers(outcome, found, prefix)


def _names(found: Comparison) -> set[str]:
    columns = {column.column for column in found.columns}
    return columns | {*found.ignored, *found.missing, *found.extra, *found.retyped}


def _look_at_all(
    outcome: Outcome, reference: Path, current: Path, ask: _Asked, max_auc: float, seed: int
) -> None:
    from lockgate.table.domain_classifier import tell_apart

    compared = [name for name in outcome.metrics["columns"] if name not in ask.roles]
    found = tell_apart(reference, current, compared, min_rows=ask.limits.min_rows, seed=seed)
    if found.reason:
        outcome.cannot("multivariate", found.reason, max_auc, "<=")
        return
    drifted = found.p_value < ask.limits.alpha
    auc = found.auc if drifted else min(found.auc, max_auc)
    held = outcome.check("multivariate", value=auc, comparator="<=", threshold=max_auc)
    outcome.metrics["multivariate"] = {
        "auc": found.auc,
        "p_value": found.p_value,
        "rows_reference": found.rows[0],
        "rows_current": found.rows[1],
        "importance": found.importance,
    }
    if not held:
        outcome.find(
            "LG-DRIFT-009",
            Severity.HIGH,
            f"A classifier tells the rows of the two tables apart: area under its ROC curve {found.auc:.3f}.",
            subject="current",
            check="multivariate",
            fix="Look at the columns with the largest importance, alone and together.",
        )
