"""Turn what was measured about a model's robustness into checks, findings and tables."""

from __future__ import annotations

import math
from typing import Any

from lockgate.outcome import Check, Location, Outcome, Severity, Verdict
from lockgate.robustness.attack import Broken
from lockgate.robustness.perturb import Spoiled

THREAT = "adversarial-examples"
_SUBJECT = "model"
_FEWEST = 30  # attacked rows; below, an interval is wider than a third of the scale
_NOTHING = "the model reads no numeric column that varies and may be moved: there is nothing to attack"
_Z = 1.959963984540054  # 97.5 % point of the normal distribution: a two-sided 95 % interval


def judge_clean(outcome: Outcome, right: Any, truth: Any) -> float:
    """Record the accuracy on rows as they are, and return it; warn when it is that of a constant answer."""
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
            threat=THREAT,
            fix="Train a model that learns from its columns, and check that this is its kind of data.",
        )
    return clean


def judge_attack(outcome: Outcome, broken: Broken | None, right: Any, numbers: Any, least: float) -> None:
    """Hold the accuracy under attack, by its interval, against the least share that is wanted.

    Args:
        outcome: Where to record it.
        broken: What the attack reached, or None when the model raised on a moved row.
        right: Whether each attacked row was labelled right before; bool array.
        numbers: Their 0-based row numbers in the data.
        least: The threshold.
    """
    if broken is None or not broken.columns:
        why = _NOTHING if broken else "the model raised an exception on a moved row"
        outcome.cannot("accuracy-under-attack", why, least, ">=")
        return
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
            threat=THREAT,
            fix="Train on moved rows, smooth or regularise the model, or drop columns that a caller can set."
            if fails
            else "Attack more rows: raise attack_rows.",
            check="accuracy-under-attack",
        )


def judge_perturbations(
    outcome: Outcome, spoiled: list[Spoiled], clean: float, most: float, crashes: int
) -> None:
    """Hold what each perturbation costs against the thresholds; `clean` is the accuracy before it."""
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
                threat=THREAT,
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
            threat=THREAT,
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
