"""Attack a classifier and spoil its rows; hold what is left of its accuracy against thresholds.

Rules:
    LG-ROBUST-001: Accuracy under attack is below the threshold, or too close to it to tell.
    LG-ROBUST-002: A stress test costs more accuracy than allowed.
    LG-ROBUST-003: The model raises an exception on spoiled rows.
    LG-ROBUST-004: The model is no better than always giving the most frequent label.
    LG-ROBUST-005: The model's gradient is masked: attacks that do not use it find more.
    LG-ROBUST-020: The model refuses rows of another type than it was promised.
    LG-ROBUST-021: A group of rows is labelled worse than the others.
"""

from __future__ import annotations

import math

from lockgate.errors import InputError
from lockgate.model import ScanEvidence, load, one_thread
from lockgate.model.labelled import read_labelled
from lockgate.outcome import Outcome
from lockgate.robustness.images import read_images
from lockgate.robustness.judge import THREAT, judge_clean
from lockgate.robustness.measure import Budget
from lockgate.robustness.on_images import Limits, image_threats, on_images
from lockgate.robustness.stress import judge_stress, judge_subgroups, raised, stress_rows, subgroups
from lockgate.robustness.threat.chosen import chosen
from lockgate.robustness.under_attack import said, under_attack
from lockgate.stage import DatasetIn, DatasetOut, EvidenceIn, FileIn, ModelIn, Seed, Share, Threshold, stage
from lockgate.table.npz import is_npz


@stage("test-robustness", threats=[THREAT])
def test_robustness(
    model: ModelIn,
    data: DatasetIn,
    adversarial: DatasetOut | None = None,
    threat_file: FileIn | None = None,
    scan: EvidenceIn | None = None,
    scan_key: FileIn | None = None,
    *,
    label: str,
    threat: list[str] | None = None,
    eps: Threshold[float] = 0.1,
    min_accuracy_under_attack: Threshold[Share] = 0.5,
    precision: Threshold[Share] = 0.02,
    max_accuracy_drop: Threshold[Share] = 0.1,
    max_crashes: Threshold[int] = 0,
    max_subgroup_gap: Threshold[Share] = 0.2,
    attack_columns: list[str] | None = None,
    attack_rows: int = 0,
    perturbed_rows: int = 2000,
    perturbed_share: Share = 0.1,
    max_queries: int = 500,
    cpu_seconds: int = 900,
    image_shape: list[int] | None = None,
    pixel_range: list[float] | None = None,
    show_values: bool = False,
    seed: Seed = 0,
) -> Outcome:
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

    Args:
        model: A classifier in the ONNX, skops, XGBoost, LightGBM, CatBoost, TorchScript or safetensors
            format, or a folder with exactly one. A pickle only with a passing scan, in a sandbox.
        data: Labelled rows that the model was not trained on: a table, or images as `.npz` with X and y.
        adversarial: Where to write the rows that broke the model, as they were moved, with `lockgate_row`,
            `lockgate_threat` and `lockgate_attack`; they hold values of the data. By default nowhere.
        threat_file: A threat as YAML, beside those of ``threat``.
        scan: For a pickle, the ``attestation.json`` of `scan-model` about it; by default the evidence
            store is asked.
        scan_key: The public key of whoever signed that.
        label: The column with the right label; of images the name of the array.
        threat: Built-in threats (linf, l2, in standard deviations, or with -range and -raw; l0-1, l0-2, l0-3)
            and YAML files. Default: linf, unless there is a ``threat_file``.
        eps: Size of the built-in L-infinity and L2 threats, by default in standard deviations of a column; of
            images as a share of the range from black to white.
        min_accuracy_under_attack: Least share of rows that stay right under attack.
        precision: Half of the width that the 95 % interval of it may have.
        max_accuracy_drop: Most accuracy that one stress test may cost, as a share of all rows.
        max_crashes: Most stress tests on which the model may raise an exception.
        max_subgroup_gap: Most by which a group of rows may surely be labelled worse than the others.
        attack_columns: Columns that an attacker can move, for threats that do not say; by default all.
        attack_rows: Most rows to attack; 0 for as many as the precision takes.
        perturbed_rows: Rows to spoil, drawn at random.
        perturbed_share: Share of the cells that a stress test spoils (not the noise, which has ``eps``).
        max_queries: Most questions to the model for each attacked row.
        cpu_seconds: Most CPU seconds for each threat, looked at every few hundred rows.
        image_shape: Height and width, or height, width and channels, of images that are flat rows.
        pixel_range: Smallest and largest value of a pixel, for images that are neither bytes nor fractions.
        show_values: Whether the report may show images and name values of the data.
        seed: Of every random choice.

    Raises:
        InputError: A parameter or a threat cannot be used, the model is not a safe and fitted classifier, it
            does not fit the data, or the label is missing, constant or not one of its classes.
    """
    import numpy as np

    _check_parameters(eps, precision, attack_rows, perturbed_rows, max_queries, cpu_seconds)
    named = threat if threat is not None else [] if threat_file else ["linf"]
    alone = threat is None and threat_file is None
    budget = Budget(precision, attack_rows or None, max_queries, cpu_seconds)
    outcome = Outcome()
    if is_npz(data):
        _refuse_columns(attack_columns)
        predictor, images = read_images(
            load(model, ScanEvidence(scan, scan_key)), data, label, shape=image_shape, pixel_range=pixel_range
        )
        threats = image_threats(named, threat_file, images, eps=eps)
        outcome.facts["Model"] = f"{predictor.kind}, {len(predictor.classes)} classes"
        outcome.facts["Images"] = images.says
        outcome.metrics["threat_models"] = said(threats)
        limits = Limits(min_accuracy_under_attack, max_accuracy_drop, max_crashes, max_subgroup_gap)
        with one_thread():
            on_images(
                outcome,
                predictor,
                images,
                threats,
                limits,
                budget=budget,
                corrupted=perturbed_rows,
                show_values=show_values,
                alone=alone,
                adversarial=adversarial,
                seed=seed,
            )
        return outcome
    _refuse_shapes(image_shape, pixel_range)
    threats = chosen(named, threat_file, kind="table", eps=eps, columns=attack_columns)
    predictor = load(model, ScanEvidence(scan, scan_key))
    labelled = read_labelled(predictor, data, label)
    drawn = labelled.take(np.random.default_rng(seed).permutation(len(labelled)))
    frame, truth = drawn.rows, drawn.labels
    _check_columns(attack_columns, list(frame.columns))
    some = slice(perturbed_rows)
    outcome.facts["Model"] = (
        f"{predictor.kind}, {len(frame.columns)} columns, {len(predictor.classes)} classes"
    )
    outcome.metrics["threat_models"] = said(threats)
    with one_thread():
        right = predictor.predict(frame.iloc[some]) == truth[some]
        clean = judge_clean(outcome, right, truth[some])
        spoiled = stress_rows(
            predictor, frame.iloc[some], truth[some], noise=eps, share=perturbed_share, seed=seed
        )
        trouble = under_attack(
            outcome,
            predictor,
            frame,
            drawn.places,
            drawn.keys,
            threats,
            least=min_accuracy_under_attack,
            budget=budget,
            seed=seed,
            alone=alone,
            adversarial=adversarial,
        )
    if trouble is not None:
        spoiled.append(raised("small-moves", "moves within a threat", len(frame.columns), trouble))
    judge_stress(outcome, spoiled, clean, max_accuracy_drop, max_crashes)
    judge_subgroups(outcome, subgroups(frame.iloc[some], right), max_subgroup_gap, show_values=show_values)
    return outcome


# --- Input ------------------------------------------------------------------------------------------


def _check_parameters(
    eps: float, precision: float, attack_rows: int, perturbed_rows: int, max_queries: int, seconds: int
) -> None:
    if not (eps > 0 and math.isfinite(eps)):
        raise InputError(f"eps is {eps:g}; give a positive number of standard deviations, for example 0.1")
    if not precision > 0:
        raise InputError(f"precision is {precision:g}; give a positive share, for example 0.02")
    for name, value, least in (
        ("attack_rows", attack_rows, 0),
        ("perturbed_rows", perturbed_rows, 1),
        ("max_queries", max_queries, 10),
        ("cpu_seconds", seconds, 1),
    ):
        if value < least:
            raise InputError(f"{name} is {value}; give at least {least}")


def _refuse_columns(named: list[str] | None) -> None:
    if named is not None:
        raise InputError("attack_columns is of tables, and the data is images; leave it out")


def _refuse_shapes(shape: list[int] | None, pixel_range: list[float] | None) -> None:
    if shape is not None or pixel_range is not None:
        raise InputError(
            "image_shape and pixel_range are of images, and the data is a table; give images as .npz"
        )


def _check_columns(named: list[str] | None, columns: list[str]) -> None:
    absent = [name for name in named or () if name not in columns]
    if absent:
        raise InputError(
            f"attack_columns names {absent[0]!r}, which the model does not read; name its columns"
        )
