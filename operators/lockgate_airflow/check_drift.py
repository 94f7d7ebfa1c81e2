"""Compare a table with a reference, a baseline profile or both, and say which columns have drifted.

The Airflow operator of `lockgate check-drift`, written by `make faces` from
`lockgate.stages.retrain.check_drift`.
"""

from __future__ import annotations

from typing import Any, Literal

from lockgate_airflow.base import StageOperator


class CheckDriftOperator(StageOperator):
    """Compare a table with a reference, a baseline profile or both, and say which columns have drifted.

    A column has drifted only if its p value, corrected for all columns, is below `alpha`, and PSI,
    Jensen-Shannon distance or one of `measures` is above its limit, and both tables have `min_rows`.
    Numbers are tested with Kolmogorov-Smirnov on all rows, categories with chi-square; missing
    values count as a category. Missing, new and retyped columns fail; they are no drift.

    Keys, dates and batch marks such as a constant year are left out unless `columns` names them.

    Give the last batch as `reference` and the profile of what the model was trained on as
    `baseline_profile`: drift that is too slow to show between two batches shows against the profile.

    Every argument of the stage may be a template or the output of another task.

    Args:
        current: The table that may have drifted, for example the newest batch.
        evidently_report: Where Evidently's report goes when `report` asks for it. It shows values
            of categories and is drawn from a seeded sample of 5,000 rows of each table.
        reference: A table to compare with, for example the batch before.
        baseline_profile: A profile to compare with, from `profile-data`: statistics instead of
            rows.
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
        measures: More limits, as NAME=LIMIT, by the names of Evidently and TFDV: psi,
            jensenshannon, jensen_shannon_divergence, hellinger, TVD, infinity_norm, wasserstein (in
            deviations), ks.
        max_drifted_share: Largest share of drifted columns that passes, 0 to 1.
        min_rows: Fewest rows of each table for an answer, 1 or more.
        time: A column of dates or time stamps, for `season`.
        season: Compare with the rows of the reference of the same weekdays or months only.
        multivariate: Train a classifier to tell the two tables' rows apart, on a seeded sample of
            at most 20,000 rows of each, cross-fitted: it sees changes in how columns go together.
        max_auc: Largest area under its ROC curve without drift; 0.5 is guessing.
        engine: Where to count: on DuckDB in this process, or on Spark.
        report: Attach the drift report of Evidently.
        seed: Seed of the samples for `multivariate` and for Evidently's report.
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.retrain.check_drift:check_drift"

    def __init__(
        self,
        *,
        current: str,
        evidently_report: str | None = None,
        reference: str | None = None,
        baseline_profile: str | None = None,
        label: str | None = None,
        prediction: str | None = None,
        columns: list[str] | str | None = None,
        ignore: list[str] | str | None = None,
        weights: list[str] | str | None = None,
        alpha: float | str = 0.01,
        correction: Literal["holm", "benjamini-hochberg"] = "holm",
        max_psi: float | str = 0.1,
        max_js: float | str = 0.06,
        measures: list[str] | str | None = None,
        max_drifted_share: float | str = 0.0,
        min_rows: int | str = 500,
        time: str | None = None,
        season: Literal["weekday", "month"] | None = None,
        multivariate: bool | str = False,
        max_auc: float | str = 0.6,
        engine: Literal["duckdb", "spark"] = "duckdb",
        report: Literal["evidently"] | None = None,
        seed: int | str = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "current": current,
                "evidently_report": evidently_report,
                "reference": reference,
                "baseline_profile": baseline_profile,
                "label": label,
                "prediction": prediction,
                "columns": columns,
                "ignore": ignore,
                "weights": weights,
                "alpha": alpha,
                "correction": correction,
                "max_psi": max_psi,
                "max_js": max_js,
                "measures": measures,
                "max_drifted_share": max_drifted_share,
                "min_rows": min_rows,
                "time": time,
                "season": season,
                "multivariate": multivariate,
                "max_auc": max_auc,
                "engine": engine,
                "report": report,
                "seed": seed,
            },
            **kwargs,
        )
