"""Compare how well a model does on two tables."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.errors import InputError
from lockgate.outcome import Location, Outcome, Severity, Verdict

if TYPE_CHECKING:
    import pyarrow as pa

_FEWEST_OF_A_CLASS = 10


def does_worse(
    outcome: Outcome, model: Path, before: pa.Table, now: pa.Table, label: str, max_loss: float, alpha: float
) -> bool:
    """Compare the model's balanced accuracy on both tables, and return whether it lost too much.

    Balanced accuracy, the mean over classes of the share of their rows that is labelled right, does
    not move when only the mix of classes does. The one-sided test takes each class's share as
    binomial, with one hit and one miss added (Agresti and Caffo 2000).
    """
    from scipy.special import ndtr

    from lockgate.model import load

    predictor = load(model)
    known = set(predictor.classes)
    hits = [_hits(predictor, table, label) for table in (before, now)]
    if not known & set(hits[0]) and not known & set(hits[1]):
        raise InputError(
            f"the model gives none of the classes of the label column {label!r}; give the one trained on it"
        )
    enough = [k for k in hits[0] if k in hits[1] and min(h[k][1] for h in hits) >= _FEWEST_OF_A_CLASS]
    classes = sorted(enough, key=str)
    if len(classes) < 2:  # noqa: PLR2004 - with one class left, a constant answer would be perfect
        reason = f"fewer than two classes have {_FEWEST_OF_A_CLASS} rows in both tables"
        outcome.cannot("accuracy-loss", reason, max_loss, "<=")
        outcome.find(
            "LG-RETRAIN-003",
            Severity.LOW,
            f"The model's performance could not be compared: {reason}.",
            subject="current",
            fix="Give more labelled rows.",
        )
        return False
    was, varies_before = _balanced([hits[0][k] for k in classes])
    is_, varies_now = _balanced([hits[1][k] for k in classes])
    loss = was - is_
    p_value = float(ndtr(-loss / math.sqrt(varies_before + varies_now)))
    worse = loss > max_loss and p_value < alpha
    outcome.metrics["accuracy"] = {
        "balanced_reference": was,
        "balanced_current": is_,
        "loss": loss,
        "p_value": p_value,
        "classes": len(classes),
    }
    said = f"balanced accuracy {was:.3f} on the reference and {is_:.3f} on the batch, p value {p_value:.2g}"
    outcome.check(
        "accuracy-loss", value=loss, comparator="<=", threshold=max_loss, failing=Verdict.PASS, reason=said
    )
    if worse:
        outcome.find(
            "LG-RETRAIN-002",
            Severity.LOW,
            f"The model does worse on the batch: {said}.",
            subject="current",
            location=Location(column=label),
            check="accuracy-loss",
            fix="Train again with rows of the new batch.",
        )
    return worse


def _hits(predictor: Any, table: pa.Table, label: str) -> dict[Any, tuple[int, int]]:
    """For each class: how many of its rows the model labels right, and how many it has."""
    import pyarrow.compute as pc

    rows = table.filter(pc.is_valid(table[label]))
    counted: dict[Any, tuple[int, int]] = {}
    for true, given in zip(rows[label].to_pylist(), predictor.predict(rows).tolist(), strict=True):
        right, all_ = counted.get(true, (0, 0))
        counted[true] = right + (true == given), all_ + 1
    return counted


def _balanced(hits: list[tuple[int, int]]) -> tuple[float, float]:
    """Return balanced accuracy and the variance of its estimate."""
    mean = math.fsum(right / all_ for right, all_ in hits) / len(hits)
    shares = [((right + 1) / (all_ + 2), all_ + 2) for right, all_ in hits]
    return mean, math.fsum(p * (1 - p) / n for p, n in shares) / len(hits) ** 2
