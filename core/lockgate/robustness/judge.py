"""Turn what was measured about a model's robustness into checks, findings and tables."""

from __future__ import annotations

from typing import Any

from lockgate.outcome import Outcome, Severity

THREAT = "adversarial-examples"
_SUBJECT = "model"


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
