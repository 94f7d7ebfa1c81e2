"""Attack a classifier and spoil its rows; hold what is left of its accuracy against thresholds.

Rules:
    LG-ROBUST-001: Accuracy under attack is below the threshold, or too close to it to tell.
    LG-ROBUST-002: A perturbation costs more accuracy than allowed.
    LG-ROBUST-003: The model raises an exception on perturbed rows.
    LG-ROBUST-004: The model is no better than always giving the most frequent label.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from lockgate.errors import InputError
from lockgate.outcome import Check, Location, Outcome, Severity, Verdict
from lockgate.stage import DatasetIn, ModelIn, Share, Threshold, stage

_SUBJECT = "model"
_THREAT = "adversarial-examples"
_FEWEST = 30  # attacked rows; below, an interval is wider than half of the scale
_Z = 1.959963984540054  # 97.5 % point of the normal distribution: a two-sided 95 % interval


@stage("test-robustness", threats=[_THREAT])
def test_robustness(
    model: ModelIn,
    data: DatasetIn,
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
    seed: int = 0,
) -> Outcome:
    """Attack a classifier with small moves of its numeric columns, and spoil its rows.

    Accuracy under attack is the share of rows that are labelled right and stay so however each
    numeric cell is moved by up to ``eps`` standard deviations of its column (L-infinity, whole
    numbers stay whole, all other columns stay as they are). The attack sees labels only: a search
    of the box, then HopSkipJump (arXiv:1904.02144). It is judged by its 95 % Wilson interval: PASS
    when the whole interval reaches the threshold, FAIL when the measured share is below it, WARN in
    between, where more rows would tell. Without a numeric column to move it is INCONCLUSIVE.

    Four perturbations follow on more rows: noise, missing values, values out of range, unseen
    categories. An exception of the model counts against it.

    Args:
        model: A scikit-learn classifier in the skops format, or a folder with exactly one.
        data: Labelled rows that the model was not trained on.
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
    _check_parameters(eps, attack_rows, perturbed_rows, max_queries)
    from lockgate.model import load, one_thread
    from lockgate.robustness.attack import attack
    from lockgate.robustness.perturb import perturb
    from lockgate.robustness.space import Space

    predictor = load(model)
    frame, truth, numbers = _rows(predictor, data, label)
    frame, truth, numbers = _drawn(frame, truth, numbers, max(attack_rows, perturbed_rows), seed)
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
        clean = _judge_clean(outcome, right[some], truth[some])
        if movable.columns:
            broken = attack(
                predictor, frame.iloc[few], frame, movable, eps=eps, max_queries=max_queries, seed=seed
            )
            _judge_attack(outcome, broken, right[few], numbers[few], min_accuracy_under_attack)
        else:
            why = "the model reads no numeric column that varies and may be moved: there is nothing to attack"
            outcome.cannot("accuracy-under-attack", why, min_accuracy_under_attack, ">=")
        spoiled = perturb(
            predictor,
            frame.iloc[some],
            truth[some],
            Space.of(frame),
            eps=eps,
            share=perturbed_share,
            seed=seed,
        )
    _judge_perturbations(outcome, spoiled, clean, max_accuracy_drop, max_crashes)
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


def _rows(predictor: Any, data: Path, label: str) -> tuple[Any, Any, Any]:
    """Return the model's columns, the right labels as the model writes them, and the row numbers."""
    import numpy as np

    from lockgate.table.read import read_arrow, require_label

    classes = predictor.classes
    table = read_arrow(data)
    require_label(table, label, where=data)
    values = table[label].to_pylist()
    numbers = np.array([i for i, value in enumerate(values) if value is not None])
    place = {value: i for i, value in enumerate(classes)}
    known = [place.get(values[i], -1) for i in numbers]
    strange = len({values[i] for i, at in zip(numbers, known, strict=True) if at < 0})
    if strange:
        raise InputError(
            f"label column {label!r} of {data} has {strange} labels that are none of the model's "
            f"{len(classes)} classes, which are of type {type(classes[0]).__name__}; "
            "give data labelled as in training"
        )
    if label in (predictor.features or ()):
        raise InputError(f"the model reads the label column {label!r} itself; train it without")
    frame = predictor.frame(table.drop_columns([label])).iloc[numbers]
    return frame, np.asarray(predictor.estimator.classes_)[known], numbers


def _drawn(frame: Any, truth: Any, numbers: Any, count: int, seed: int) -> tuple[Any, Any, Any]:
    """Draw rows without replacement, in random order, so that any first part is a random sample too."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(frame))[:count]
    return frame.iloc[order].reset_index(drop=True), truth[order], numbers[order]


def _check_columns(named: list[str] | None, columns: list[str]) -> None:
    absent = [name for name in named or () if name not in columns]
    if absent:
        raise InputError(
            f"attack_columns names {absent[0]!r}, which the model does not read; name its columns"
        )


# --- Judgement --------------------------------------------------------------------------------------


def _judge_clean(outcome: Outcome, right: Any, truth: Any) -> float:
    import numpy as np

    clean = int(right.sum()) / len(right)
    outcome.metrics["accuracy"] = {"clean": clean, "rows": len(right)}
    usual = int(np.unique(truth, return_counts=True)[1].max()) / len(truth)
    outcome.metrics["most_frequent_label_share"] = usual
    if clean <= usual:
        outcome.find(
            "LG-ROBUST-004",
            Severity.MEDIUM,
            f"The model labels {clean:.1%} of the rows right, and always giving the most frequent label "
            f"would do so for {usual:.1%}: that such labels do not change says nothing.",
            subject=_SUBJECT,
            threat=_THREAT,
            fix="Train a model that learns from its columns, and check that this is its kind of data.",
        )
    return clean


def _judge_attack(outcome: Outcome, broken: Any, right: Any, numbers: Any, least: float) -> None:
    n, survived = len(right), int((right & ~broken.rows).sum())
    share = survived / n
    low, high = wilson(survived, n)
    distance = sorted(float(d) for d in broken.nearest[right])
    outcome.metrics["under_attack"] = {
        "accuracy": share,
        "interval_low": low,
        "interval_high": high,
        "rows": n,
        "clean_accuracy_of_these_rows": int(right.sum()) / n,
        "broken_by_box_search": broken.by_search["box"],
        "broken_by_hopskipjump": broken.by_search["hopskipjump"],
        "queries_per_row_mean": int(broken.queries.sum()) / n,
        "every_move_tried": broken.exhaustive,
        "smallest_move_found_median_std": _finite(distance[len(distance) // 2] if distance else None),
        "rows_out_of_budget": broken.spent,
    }
    said = f"95 % interval {low:.3f} to {high:.3f} from {n} rows"
    if broken.exhaustive:
        said += ", every move in the box tried"
    outcome.facts["Accuracy under attack"] = f"{share:.1%}, {said}"
    outcome.tables["Attack"] = [
        {"rows": n, "right before": int(right.sum()), "right under attack": survived, **broken.by_search}
    ]
    if n < _FEWEST:
        why = f"{n} attacked rows are too few to judge by, at least {_FEWEST} are needed"
        outcome.cannot("accuracy-under-attack", why, least, ">=")
        return
    # A gate must not open on luck, so only the lower end passes. The middle is not INCONCLUSIVE:
    # the best estimate does reach the threshold, and the reason names what would settle it.
    verdict = Verdict.PASS if low >= least else Verdict.WARN if share >= least else Verdict.FAIL
    outcome.checks.append(Check("accuracy-under-attack", verdict, share, ">=", least, said))
    if verdict is not Verdict.PASS:
        fails = verdict is Verdict.FAIL
        fallen = numbers[right & broken.rows]
        outcome.find(
            "LG-ROBUST-001",
            Severity.HIGH if fails else Severity.MEDIUM,
            f"Under attack {share:.1%} of the rows stay right ({said}), "
            + (f"below the threshold {least:.1%}." if fails else f"too close to {least:.1%} to tell."),
            subject=_SUBJECT,
            location=Location(rows=tuple(sorted(int(i) for i in fallen)[:20])),
            count=len(fallen),
            threat=_THREAT,
            fix="Train on moved rows, smooth or regularise the model, or drop columns that a caller can set."
            if fails
            else "Attack more rows: raise attack_rows.",
            check="accuracy-under-attack",
        )


def _judge_perturbations(
    outcome: Outcome, spoiled: list[Any], clean: float, most: float, crashes: int
) -> None:
    crashed = [s for s in spoiled if s.error]
    for s in spoiled:
        if s.accuracy is None:
            continue
        drop = clean - s.accuracy
        outcome.metrics[f"accuracy_drop_{s.name.replace('-', '_')}"] = drop
        check = f"accuracy-drop:{s.name}"
        if not outcome.check(check, value=drop, comparator="<=", threshold=most):
            outcome.find(
                "LG-ROBUST-002",
                Severity.HIGH,
                f"Accuracy falls from {clean:.1%} to {s.accuracy:.1%} with {s.what}.",
                subject=_SUBJECT,
                threat=_THREAT,
                fix="Clean such cells before the model sees them, or train on rows that have them.",
                check=check,
            )
    held = outcome.check("crashes", value=len(crashed), comparator="<=", threshold=crashes)
    for s in crashed:
        outcome.find(
            "LG-ROBUST-003",
            Severity.MEDIUM if held else Severity.HIGH,
            f"The model raises {s.error} with {s.what}: one such row stops the whole batch.",
            subject=_SUBJECT,
            threat=_THREAT,
            fix="Put an imputer, and an encoder that ignores unknown categories, into the model's pipeline.",
            check="crashes",
        )
    outcome.tables["Perturbations"] = [
        {
            "perturbation": s.name,
            "what": s.what,
            "columns": s.columns,
            "accuracy": s.accuracy,
            "drop": None if s.accuracy is None else clean - s.accuracy,
            "labels changed": s.changed,
            "exception": s.error or ("" if s.columns else "does not apply: no such column"),
        }
        for s in spoiled
    ]


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def wilson(right: int, n: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (Wilson 1927, without continuity correction).

    Args:
        right: How many of the ``n``.
        n: At least 1.
    """
    share, square = right / n, _Z * _Z
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = _Z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)
