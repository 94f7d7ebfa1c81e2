"""Attack a classifier with possible rows near those of a table, or images, and spoil its rows.

The Airflow operator of `lockgate test-robustness`, written by `make faces` from
`lockgate.stages.validate.test_robustness`.
"""

from __future__ import annotations

from typing import Any

from lockgate_airflow.base import StageOperator


class TestRobustnessOperator(StageOperator):
    """Attack a classifier with possible rows near those of a table, or images, and spoil its rows.

    Accuracy under attack is the share of rows that are labelled right and stay so under every attack that
    suits the model, the strongest per second first: all points where they are few, the worst points of
    linear models, thresholds of trees, gradients, a greedy search, HopSkipJump (arXiv:1904.02144). A threat
    says how far a row can be moved (by default each numeric cell by ``eps`` standard deviations, whole
    numbers in whole steps, inside the seen range) and what must stay true of it.

    Rows are attacked in growing samples until the 95 % interval of the accuracy of all rows is as narrow as
    ``precision`` asks: PASS when all of it reaches the threshold, FAIL when the measured share is below, WARN
    in between. When ``attack_rows`` or ``cpu_seconds`` are used up first it is INCONCLUSIVE, unless the whole
    interval is below. Without anything that can move it is INCONCLUSIVE.

    Stress tests follow, in five severities of which the third is judged: noise, missing values, values out
    of range, unseen categories, typos, other units, other types, duplicated columns; a drop of accuracy
    passes with its whole 95 % interval. An exception of the model counts against it. A group of rows must
    not surely be labelled worse than the others by more than ``max_subgroup_gap``.

    Images are attacked by gradients (FGSM, PGD), Square Attack, HopSkipJump, Boundary Attack and exchanged
    pixels, and corrupted by brightness, contrast, blur, noise and JPEG.

    Every argument of the stage may be a template or the output of another task.

    Args:
        model: A classifier in the ONNX, skops, XGBoost, LightGBM, CatBoost, TorchScript or
            safetensors format, or a folder with exactly one. A pickle only with a passing scan, in a
            sandbox.
        data: Labelled rows that the model was not trained on: a table, or images as `.npz` with X
            and y.
        adversarial: Where to write the rows that broke the model, as they were moved, with
            `lockgate_row`, `lockgate_threat` and `lockgate_attack`; they hold values of the data. By
            default nowhere.
        threat_file: A threat as YAML, beside those of ``threat``.
        scan: For a pickle, the ``attestation.json`` of `scan-model` about it; by default the
            evidence store is asked.
        scan_key: The public key of whoever signed that.
        label: The column with the right label; of images the name of the array.
        threat: Built-in threats (linf, l2, in standard deviations, or with -range and -raw; l0-1,
            l0-2, l0-3) and YAML files. Default: linf, unless there is a ``threat_file``.
        eps: Size of the built-in L-infinity and L2 threats, by default in standard deviations of a
            column; of images as a share of the range from black to white.
        min_accuracy_under_attack: Least share of rows that stay right under attack.
        precision: Half of the width that the 95 % interval of it may have.
        max_accuracy_drop: Most accuracy that one stress test may cost, as a share of all rows.
        max_crashes: Most stress tests on which the model may raise an exception.
        max_subgroup_gap: Most by which a group of rows may surely be labelled worse than the
            others.
        attack_columns: Columns that an attacker can move, for threats that do not say; by default
            all.
        attack_rows: Most rows to attack; 0 for as many as the precision takes.
        perturbed_rows: Rows to spoil, drawn at random.
        perturbed_share: Share of the cells that a stress test spoils (not the noise, which has
            ``eps``).
        max_queries: Most questions to the model for each attacked row.
        cpu_seconds: Most CPU seconds for each threat, looked at every few hundred rows.
        image_shape: Height and width, or height, width and channels, of images that are flat rows.
        pixel_range: Smallest and largest value of a pixel, for images that are neither bytes nor
            fractions.
        show_values: Whether the report may show images and name values of the data.
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
        adversarial: str | None = None,
        threat_file: str | None = None,
        scan: str | None = None,
        scan_key: str | None = None,
        label: str,
        threat: list[str] | str | None = None,
        eps: float | str = 0.1,
        min_accuracy_under_attack: float | str = 0.5,
        precision: float | str = 0.02,
        max_accuracy_drop: float | str = 0.1,
        max_crashes: int | str = 0,
        max_subgroup_gap: float | str = 0.2,
        attack_columns: list[str] | str | None = None,
        attack_rows: int | str = 0,
        perturbed_rows: int | str = 2000,
        perturbed_share: float | str = 0.1,
        max_queries: int | str = 500,
        cpu_seconds: int | str = 900,
        image_shape: list[int] | str | None = None,
        pixel_range: list[float] | str | None = None,
        show_values: bool | str = False,
        seed: int | str = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "model": model,
                "data": data,
                "adversarial": adversarial,
                "threat_file": threat_file,
                "scan": scan,
                "scan_key": scan_key,
                "label": label,
                "threat": threat,
                "eps": eps,
                "min_accuracy_under_attack": min_accuracy_under_attack,
                "precision": precision,
                "max_accuracy_drop": max_accuracy_drop,
                "max_crashes": max_crashes,
                "max_subgroup_gap": max_subgroup_gap,
                "attack_columns": attack_columns,
                "attack_rows": attack_rows,
                "perturbed_rows": perturbed_rows,
                "perturbed_share": perturbed_share,
                "max_queries": max_queries,
                "cpu_seconds": cpu_seconds,
                "image_shape": image_shape,
                "pixel_range": pixel_range,
                "show_values": show_values,
                "seed": seed,
            },
            **kwargs,
        )
