"""Compare a table with a reference and say which columns have drifted.

The Airflow operator of `lockgate check-drift`, written by `make faces` from
`lockgate.stages.retrain.check_drift`.
"""

from __future__ import annotations

from typing import Any, Literal

from lockgate_airflow.base import StageOperator


class CheckDriftOperator(StageOperator):
    """Compare a table with a reference and say which columns have drifted.

    A column has drifted only if its p value, corrected by Holm for all columns, is below `alpha`,
    and PSI or Jensen-Shannon distance is above its threshold, and both tables have `min_rows`.
    Numbers are tested with Kolmogorov-Smirnov on all rows, categories with chi-square; missing
    values count as a category. Missing, new and retyped columns fail; they are no drift.

    Keys, dates and batch marks such as a constant year are left out unless `columns` names them.

    Every argument of the stage may be a template or the output of another task.

    Args:
        reference: The table to compare with, for example the training data.
        current: The table that may have drifted, for example the newest batch.
        evidently_report: Where Evidently's report goes when `report` asks for it. It shows values
            of categories and is drawn from a seeded sample of 5,000 rows of each table.
        columns: The columns to compare; all by default.
        ignore: Columns to leave out.
        alpha: Chance of calling any column significant when nothing changed, above 0 and below 1.
        max_psi: Largest Population Stability Index without drift, 0 or more.
        max_js: Largest Jensen-Shannon distance (base 2) without drift, 0 to 1.
        max_drifted_share: Largest share of drifted columns that passes, 0 to 1.
        min_rows: Fewest rows of each table for an answer, 1 or more.
        report: Attach the drift report of Evidently.
        seed: Seed of the sample for Evidently's report; the verdict does not depend on it.
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.retrain.check_drift:check_drift"

    def __init__(
        self,
        *,
        reference: str,
        current: str,
        evidently_report: str | None = None,
        columns: list[str] | str | None = None,
        ignore: list[str] | str | None = None,
        alpha: float | str = 0.05,
        max_psi: float | str = 0.1,
        max_js: float | str = 0.1,
        max_drifted_share: float | str = 0.0,
        min_rows: int | str = 500,
        report: Literal["evidently"] | None = None,
        seed: int | str = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "reference": reference,
                "current": current,
                "evidently_report": evidently_report,
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
            **kwargs,
        )
