"""Turn what was measured about a model's robustness into checks, findings and tables."""

from __future__ import annotations

import math
from typing import Any

from lockgate.outcome import Outcome, Severity
from lockgate.robustness.perturb import Spoiled

THREAT = "adversarial-examples"
_SUBJECT = "model"
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
