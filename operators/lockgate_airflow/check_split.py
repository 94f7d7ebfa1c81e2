"""Look for leakage, new categories and skew between the table a model learns from and another.

The Airflow operator of `lockgate check-split`, written by `make faces` from
`lockgate.stages.develop.check_split`.
"""

from __future__ import annotations

from typing import Any, Literal

from lockgate_airflow.base import StageOperator


class CheckSplitOperator(StageOperator):
    """Look for leakage, new categories and skew between the table a model learns from and another.

    The other table is the one that it is judged on (a train/test split) or the one that it serves
    (training/serving skew).

    Every argument of the stage may be a template or the output of another task.

    Args:
        train: The table that models learn from.
        test: The table that they are judged on, or that they serve.
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
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.develop.check_split:check_split"

    def __init__(
        self,
        *,
        train: str,
        test: str,
        label: str | None = None,
        index: list[str] | str | None = None,
        date: str | None = None,
        ignore: list[str] | str | None = None,
        checks: list[
            Literal[
                "size-comparison",
                "new-categories",
                "new-labels",
                "string-mismatch",
                "index-leakage",
                "date-duplicates",
                "date-overlap",
                "sample-leakage",
                "skew",
                "columns",
            ]
        ]
        | str
        | None = None,
        enforce: list[
            Literal[
                "size-comparison",
                "new-categories",
                "new-labels",
                "string-mismatch",
                "index-leakage",
                "date-duplicates",
                "date-overlap",
                "sample-leakage",
                "skew",
                "columns",
            ]
        ]
        | str
        | None = None,
        min_size_ratio: float | str = 0.01,
        max_new_category_share: float | str = 0.0,
        max_leakage: float | str = 0.0,
        max_sample_leakage: float | str = 0.05,
        max_skew: float | str | None = None,
        max_categories: int | str = 1000,
        **kwargs: Any,
    ) -> None:
        super().__init__(
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
            **kwargs,
        )
