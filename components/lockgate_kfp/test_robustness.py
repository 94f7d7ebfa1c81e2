"""Attack a classifier with possible rows near those of a table, or images, and spoil its rows.

The KFP component of `lockgate test-robustness`, written by `make faces` from
`lockgate.stages.validate.test_robustness`.
"""

from typing import List, NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component()
def test_robustness(
    model: dsl.Input[dsl.Model],
    data: dsl.Input[dsl.Dataset],
    label: str,
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    threat_file: Optional[dsl.Input[dsl.Artifact]] = None,
    scan: Optional[dsl.Input[dsl.Artifact]] = None,
    scan_key: Optional[dsl.Input[dsl.Artifact]] = None,
    threat: Optional[List[str]] = None,
    eps: float = 0.1,
    min_accuracy_under_attack: float = 0.5,
    precision: float = 0.02,
    max_accuracy_drop: float = 0.1,
    max_crashes: int = 0,
    max_subgroup_gap: float = 0.2,
    attack_columns: Optional[List[str]] = None,
    attack_rows: int = 0,
    perturbed_rows: int = 2000,
    perturbed_share: float = 0.1,
    max_queries: int = 500,
    cpu_seconds: int = 900,
    image_shape: Optional[List[str]] = None,
    pixel_range: Optional[List[str]] = None,
    show_values: bool = False,
    seed: int = 0,
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
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

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        model: A classifier in the ONNX, skops, XGBoost, LightGBM, CatBoost, TorchScript or
            safetensors format, or a folder with exactly one. A pickle only with a passing scan, in a
            sandbox.
        data: Labelled rows that the model was not trained on: a table, or images as `.npz` with X
            and y.
        label: The column with the right label; of images the name of the array.
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
        threat_file: A threat as YAML, beside those of ``threat``.
        scan: For a pickle, the ``attestation.json`` of `scan-model` about it; by default the
            evidence store is asked.
        scan_key: The public key of whoever signed that.
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
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.validate.test_robustness:test_robustness",
        arguments={
            "model": model,
            "data": data,
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
        outputs={},
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
