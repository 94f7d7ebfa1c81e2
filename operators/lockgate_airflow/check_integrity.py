"""Look for gaps in disguise, odd texts, copies, leaks and outliers in a table without a schema.

The Airflow operator of `lockgate check-integrity`, written by `make faces` from
`lockgate.stages.ingest.check_integrity`.
"""

from __future__ import annotations

from typing import Any, Literal

from lockgate_airflow.base import StageOperator


class CheckIntegrityOperator(StageOperator):
    """Look for gaps in disguise, odd texts, copies, leaks and outliers in a table without a schema.

    Every argument of the stage may be a template or the output of another task.

    Args:
        data: The table to check: Parquet, CSV, Arrow or JSON lines, a file or a folder of parts.
        label: The column that models learn. Without it, the checks about labels do not apply.
        primary_key: Columns that together name a row: no features, and copies are compared without
            them.
        ignore: Other columns that are no features, such as the source or a time stamp.
        checks: The checks to run, by name; by default all that apply. One that is named and does
            not apply is INCONCLUSIVE.
        enforce: The checks that FAIL instead of WARN.
        max_null_share: Largest share of rows without a value in a column.
        max_special_share: Largest share of a column's texts without a letter or a digit.
        max_duplicate_share: Largest share of rows that are exact copies.
        max_conflicting_label_share: Largest share of rows that equal another row in every feature
            and have another label.
        min_class_ratio: Fewest rows of the rarest class, as a multiple of those of the commonest.
        max_feature_label_score: Largest lambda (0 to 1) with which one feature alone may foretell
            the label.
        max_feature_correlation: Strongest that two features may go together, 0 to 1.
        max_key_label_score: Largest lambda with which a key may foretell the label.
        max_outlier_share: Largest share of rows far outside the rest.
        seed: Seed of the sample from which quantiles and pairs of columns are taken.
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.ingest.check_integrity:check_integrity"

    def __init__(
        self,
        *,
        data: str,
        label: str | None = None,
        primary_key: list[str] | str | None = None,
        ignore: list[str] | str | None = None,
        checks: list[
            Literal[
                "single-value",
                "percent-of-nulls",
                "mixed-nulls",
                "mixed-types",
                "special-characters",
                "string-mismatch",
                "string-length",
                "duplicates",
                "conflicting-labels",
                "class-imbalance",
                "feature-label-correlation",
                "feature-feature-correlation",
                "identifier-label-correlation",
                "outliers",
            ]
        ]
        | str
        | None = None,
        enforce: list[
            Literal[
                "single-value",
                "percent-of-nulls",
                "mixed-nulls",
                "mixed-types",
                "special-characters",
                "string-mismatch",
                "string-length",
                "duplicates",
                "conflicting-labels",
                "class-imbalance",
                "feature-label-correlation",
                "feature-feature-correlation",
                "identifier-label-correlation",
                "outliers",
            ]
        ]
        | str
        | None = None,
        max_null_share: float | str = 0.5,
        max_special_share: float | str = 0.001,
        max_duplicate_share: float | str = 0.05,
        max_conflicting_label_share: float | str = 0.05,
        min_class_ratio: float | str = 0.02,
        max_feature_label_score: float | str = 0.95,
        max_feature_correlation: float | str = 0.99,
        max_key_label_score: float | str = 0.2,
        max_outlier_share: float | str = 0.01,
        seed: int | str = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "data": data,
                "label": label,
                "primary_key": primary_key,
                "ignore": ignore,
                "checks": checks,
                "enforce": enforce,
                "max_null_share": max_null_share,
                "max_special_share": max_special_share,
                "max_duplicate_share": max_duplicate_share,
                "max_conflicting_label_share": max_conflicting_label_share,
                "min_class_ratio": min_class_ratio,
                "max_feature_label_score": max_feature_label_score,
                "max_feature_correlation": max_feature_correlation,
                "max_key_label_score": max_key_label_score,
                "max_outlier_share": max_outlier_share,
                "seed": seed,
            },
            **kwargs,
        )
