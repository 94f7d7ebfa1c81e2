"""Attack a classifier and spoil its rows; hold what is left of its accuracy against thresholds.

Rules:
    LG-ROBUST-001: Accuracy under attack is below the threshold, or too close to it to tell.
    LG-ROBUST-002: A perturbation costs more accuracy than allowed.
    LG-ROBUST-003: The model raises an exception on perturbed rows.
    LG-ROBUST-004: The model is no better than always giving the most frequent label.
"""

from __future__ import annotations

import math

from lockgate.errors import InputError
from lockgate.model import ScanEvidence, load, one_thread
from lockgate.model.labelled import Labelled, read_labelled
from lockgate.outcome import Outcome
from lockgate.robustness.attack import attack
from lockgate.robustness.judge import THREAT, judge_attack, judge_clean, judge_perturbations
from lockgate.robustness.perturb import perturb, raised
from lockgate.robustness.space import Space
from lockgate.stage import DatasetIn, EvidenceIn, FileIn, ModelIn, Seed, Share, Threshold, stage


@stage("test-robustness", threats=[THREAT])
def test_robustness(
    model: ModelIn,
    data: DatasetIn,
    scan: EvidenceIn | None = None,
    scan_key: FileIn | None = None,
    *,
    label: str,
    eps: Threshold[float] = 0.1,
    min_accuracy_under_attack: Threshold[Share] = 0.5,
    max_accuracy_drop: Threshold[Share] = 0.1,
    max_crashes: Threshold[int] = 0,
    attack_columns: list[str] | None = None,
    attack_rows: int = 100,
    perturbed_rows: int = 2000,
    perturbed_share: Share = 0.1,
    max_queries: int = 1000,
    seed: Seed = 0,
) -> Outcome:
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

    Args:
        model: A classifier in the ONNX, skops, XGBoost, LightGBM, CatBoost, TorchScript or safetensors
            format, or a folder with exactly one. A pickle only with a passing scan, in a sandbox.
        data: Labelled rows that the model was not trained on.
        scan: For a pickle, the ``attestation.json`` of `scan-model` about it; by default the evidence
            store is asked.
        scan_key: The public key of whoever signed that.
        label: The column with the right label.
        eps: Largest move of a numeric cell, in standard deviations of its column in ``data``.
        min_accuracy_under_attack: Least share of rows that stay right under attack.
        max_accuracy_drop: Most accuracy that one perturbation may cost, as a share of all rows.
        max_crashes: Most perturbations on which the model may raise an exception.
        attack_columns: Numeric columns that an attacker can move; by default all that the model reads.
        attack_rows: Rows to attack, drawn at random.
        perturbed_rows: Rows to perturb, drawn at random.
        perturbed_share: Share of the cells that a perturbation spoils (not the noise, which has ``eps``).
        max_queries: Most questions to the model for each attacked row.
        seed: Of every random choice.

    Raises:
        InputError: A parameter is out of range, the model is not a safe and fitted classifier, it
            does not fit the data, or the label is missing, constant or not one of its classes.
    """
    import numpy as np

    _check_parameters(eps, attack_rows, perturbed_rows, max_queries)
    predictor = load(model, ScanEvidence(scan, scan_key))
    drawn = _drawn(read_labelled(predictor, data, label), max(attack_rows, perturbed_rows), seed)
    frame, truth, numbers = drawn.rows, drawn.labels, np.array(drawn.keys)
    _check_columns(attack_columns, list(frame.columns))
    some, few = slice(perturbed_rows), slice(attack_rows)
    movable = Space.of(frame, attack_columns)
    outcome = Outcome()
    outcome.facts |= {
        "Model": f"{predictor.kind}, {len(frame.columns)} columns, {len(predictor.classes)} classes",
        "Attack": f"box search and HopSkipJump, L-infinity, eps {eps:g} standard deviations, "
        f"at most {max_queries} queries a row",
        "Columns moved": ", ".join(movable.columns) or "none",
    }
    with one_thread():
        right = predictor.predict(frame) == truth
        clean = judge_clean(outcome, right[some], truth[some])
        spoiled = perturb(
            predictor,
            frame.iloc[some],
            truth[some],
            Space.of(frame),
            eps=eps,
            share=perturbed_share,
            seed=seed,
        )
        try:
            broken = attack(
                predictor, frame.iloc[few], frame, movable, eps=eps, max_queries=max_queries, seed=seed
            )
        except InputError as error:  # it has answered on unmoved rows above
            spoiled.append(
                raised(
                    "small-moves",
                    f"moves of at most {eps:g} standard deviations",
                    len(movable.columns),
                    error,
                )
            )
            broken = None
    judge_attack(outcome, broken, right[few], numbers[few], min_accuracy_under_attack)
    judge_perturbations(outcome, spoiled, clean, max_accuracy_drop, max_crashes)
    return outcome


# --- Input ------------------------------------------------------------------------------------------


def _check_parameters(eps: float, attack_rows: int, perturbed_rows: int, max_queries: int) -> None:
    if not (eps > 0 and math.isfinite(eps)):
        raise InputError(f"eps is {eps:g}; give a positive number of standard deviations, for example 0.1")
    for name, value, least in (
        ("attack_rows", attack_rows, 1),
        ("perturbed_rows", perturbed_rows, 1),
        ("max_queries", max_queries, 10),
    ):
        if value < least:
            raise InputError(f"{name} is {value}; give at least {least}")


def _drawn(rows: Labelled, count: int, seed: int) -> Labelled:
    """Draw rows without replacement, in random order, so that any first part is a random sample too."""
    import numpy as np

    return rows.take(np.random.default_rng(seed).permutation(len(rows))[:count])


def _check_columns(named: list[str] | None, columns: list[str]) -> None:
    absent = [name for name in named or () if name not in columns]
    if absent:
        raise InputError(
            f"attack_columns names {absent[0]!r}, which the model does not read; name its columns"
        )
