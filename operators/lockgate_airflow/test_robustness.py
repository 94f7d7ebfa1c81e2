"""Attack a classifier with small moves of its numeric columns, and spoil its rows.

The Airflow operator of `lockgate test-robustness`, written by `make faces` from
`lockgate.stages.validate.test_robustness`.
"""

from __future__ import annotations

from typing import Any

from lockgate_airflow.base import StageOperator


class TestRobustnessOperator(StageOperator):
    """Attack a classifier with small moves of its numeric columns, and spoil its rows.

    Accuracy under attack is the share of rows that are labelled right and stay so however each
    numeric cell is moved by up to ``eps`` standard deviations of its column (L-infinity, whole
    numbers stay whole, all other columns stay as they are). The attack sees labels only: a search
    of the box, then HopSkipJump (arXiv:1904.02144). A row that it did not break within
    ``max_queries`` counts as right: for models of many columns raise that number.

    It is judged by its 95 % Wilson interval: PASS when the whole interval reaches the threshold,
    FAIL when the measured share is below it, WARN in between, where more rows would tell. Without
    a numeric column to move it is INCONCLUSIVE.

    Four perturbations follow on more rows: noise, missing values, values out of range, unseen
    categories. An exception of the model counts against it.

    Every argument of the stage may be a template or the output of another task.

    Args:
        model: A classifier in the ONNX, skops, XGBoost, LightGBM, CatBoost, TorchScript or
            safetensors format, or a folder with exactly one. A pickle only with a passing scan, in a
            sandbox.
        data: Labelled rows that the model was not trained on.
        scan: For a pickle, the ``attestation.json`` of `scan-model` about it; by default the
            evidence store is asked.
        scan_key: The public key of whoever signed that.
        label: The column with the right label.
        eps: Largest move of a numeric cell, in standard deviations of its column in ``data``.
        min_accuracy_under_attack: Least share of rows that stay right under attack.
        max_accuracy_drop: Most accuracy that one perturbation may cost, as a share of all rows.
        max_crashes: Most perturbations on which the model may raise an exception.
        attack_columns: Numeric columns that an attacker can move; by default all that the model
            reads.
        attack_rows: Rows to attack, drawn at random.
        perturbed_rows: Rows to perturb, drawn at random.
        perturbed_share: Share of the cells that a perturbation spoils (not the noise, which has
            ``eps``).
        max_queries: Most questions to the model for each attacked row.
        seed: Of every random choice.
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.validate.test_robustness:test_robustness"

    def __init__(
        self,
        *,
        model: str,
        data: str,
        scan: str | None = None,
        scan_key: str | None = None,
        label: str,
        eps: float | str = 0.1,
        min_accuracy_under_attack: float | str = 0.5,
        max_accuracy_drop: float | str = 0.1,
        max_crashes: int | str = 0,
        attack_columns: list[str] | str | None = None,
        attack_rows: int | str = 100,
        perturbed_rows: int | str = 2000,
        perturbed_share: float | str = 0.1,
        max_queries: int | str = 1000,
        seed: int | str = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "model": model,
                "data": data,
                "scan": scan,
                "scan_key": scan_key,
                "label": label,
                "eps": eps,
                "min_accuracy_under_attack": min_accuracy_under_attack,
                "max_accuracy_drop": max_accuracy_drop,
                "max_crashes": max_crashes,
                "attack_columns": attack_columns,
                "attack_rows": attack_rows,
                "perturbed_rows": perturbed_rows,
                "perturbed_share": perturbed_share,
                "max_queries": max_queries,
                "seed": seed,
            },
            **kwargs,
        )
