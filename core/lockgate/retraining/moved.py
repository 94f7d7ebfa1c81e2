"""Say what has moved in a batch: a reason to train again, which closes no gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.outcome import Outcome, Severity, Verdict
from lockgate.retraining.record import record_drifted, record_undecided
from lockgate.table.comparison import MAX_PSI, Comparison

if TYPE_CHECKING:
    from lockgate.retraining.trigger import Trigger

_VISIBLE = 25.0
"""Noncentrality at which chi-square on ten bins sees a drift with a power of 0.96 at the level 0.05."""


def look_for_drift(outcome: Outcome, found: Comparison, label: str, max_drifted_share: float) -> list[str]:
    """Record drift, which closes no gate here, and return the reasons to train again."""
    record_undecided(outcome, found)
    features = [c for c in found.columns if c.column != label and c.drifted is not None]
    labels = [c for c in found.columns if c.column == label and c.drifted is not None]
    moved = [c for c in features if c.drifted]
    reasons = []
    if features:
        share = len(moved) / len(features)
        if not _note(outcome, "drift:features", share, max_drifted_share):
            reasons.append(f"{len(moved)} of {len(features)} columns have drifted")
    if labels and not _note(outcome, "drift:label", float(bool(labels[0].drifted)), 0.0):
        reasons.append("the label has drifted")
        moved += labels
    for column in moved:
        record_drifted(outcome, column, Severity.LOW)
    return reasons


def _note(outcome: Outcome, id_: str, share: float, most: float) -> bool:
    """Record a check that closes no gate: above its threshold it is a reason to train again."""
    reason = "a reason to train again" if share > most else ""
    return outcome.check(
        id_, value=share, comparator="<=", threshold=most, failing=Verdict.PASS, reason=reason
    )


def is_calm(outcome: Outcome, found: Comparison, rules: Trigger) -> bool:
    """Say whether everything stayed below the thresholds times `Trigger.calm`, which arms the gate again."""
    max_psi, max_js, max_loss = (
        most * rules.calm for most in (rules.max_psi, rules.max_js, rules.max_accuracy_loss)
    )
    loss = outcome.metrics.get("accuracy", {}).get("loss", 0.0)
    return loss <= max_loss and all(
        c.psi <= max_psi or c.js <= max_js or not c.drifted for c in found.columns
    )


def say_what_is_hidden(outcome: Outcome, found: Comparison) -> None:
    """Say which drift tables of this size hide."""
    rows = found.rows_reference * found.rows_current / (found.rows_reference + found.rows_current)
    visible = _VISIBLE / max(rows, 1.0)
    outcome.metrics["smallest_visible_psi"] = visible
    if visible > MAX_PSI:
        outcome.find(
            "LG-RETRAIN-011",
            Severity.INFO,
            f"With {found.rows_reference:,} and {found.rows_current:,} rows, drift with a PSI below "
            f"{visible:.2f} may pass unseen.",
            subject="current",
            fix="Give larger batches, or raise min_rows to leave small ones undecided.",
        )
