"""Decide what a new batch means for the model: keep it, train again, or keep the batch away.

Rules:
    LG-RETRAIN-001: The batch looks poisoned.
    LG-RETRAIN-002: The model does worse on the batch than on the reference.
    LG-RETRAIN-003: The model's performance could not be compared.
    LG-DRIFT-001 to LG-DRIFT-006: as in `check-drift`; a drifted column is a reason to train again here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.errors import InputError
from lockgate.outcome import Decision, Outcome, Severity, Verdict
from lockgate.stage import DatasetIn, ModelIn, Seed, Share, Threshold, stage
from lockgate.stages.retrain._performance import does_worse
from lockgate.stages.retrain._poison import look_for_poison
from lockgate.stages.retrain._record import (
    record_drifted,
    record_numbers,
    record_shape,
    record_undecided,
)
from lockgate.table.drift import ALPHA, MAX_JS, MAX_PSI, MIN_ROWS, Comparison, compare

if TYPE_CHECKING:
    import pyarrow as pa


@stage("gate-retraining", decides=True, threats=["data-poisoning"])
def gate_retraining(
    reference: DatasetIn,
    current: DatasetIn,
    model: ModelIn | None = None,
    *,
    label: str,
    source: str | None = None,
    ignore: list[str] | None = None,
    alpha: Threshold[Share] = ALPHA,
    max_psi: Threshold[float] = MAX_PSI,
    max_js: Threshold[Share] = MAX_JS,
    max_drifted_share: Threshold[Share] = 0.0,
    max_accuracy_loss: Threshold[Share] = 0.02,
    poisoning_alpha: Threshold[Share] = 0.01,
    min_planted_share: Threshold[Share] = 0.02,
    min_rows: Threshold[int] = MIN_ROWS,
    seed: Seed = 0,
) -> Outcome:
    """Decide on a new batch: KEEP the model, RETRAIN it, or QUARANTINE the batch.

    QUARANTINE (FAIL): the batch trips the poisoning alarm, with the reference as the clean baseline.
    It goes before everything else, because drift is what a poisoned batch looks like. Where features
    have drifted, an alarm counts only if it is raised with these features and without them, or by
    the batch on its own. Labels that moved while no feature explains it are an alarm, not drift.

    RETRAIN: a feature or the label has drifted, or the model does worse on the batch than on the
    reference.

    KEEP: neither. Also when the gate stays closed for another reason: columns are missing, new or
    retyped (FAIL), or something could not be decided (INCONCLUSIVE). A gate that could not look
    must not start a training, and does not accuse a batch.

    Args:
        reference: Clean rows to compare with, for example those that the model was trained on.
        current: The new batch, with labels.
        model: The model in service; without it, its performance is not looked at.
        label: Column with the class of each row.
        source: Column that says where a row came from; a source's planted labels are found with it.
        ignore: Columns that are neither features nor compared.
        alpha: Chance of a false reason to train again, for drift and for performance each, above 0
            and below 1.
        max_psi: Largest Population Stability Index without drift, 0 or more.
        max_js: Largest Jensen-Shannon distance (base 2) without drift, 0 to 1.
        max_drifted_share: Largest share of drifted columns without training again, 0 to 1. The
            label is not counted here: if it has drifted, that is reason enough.
        max_accuracy_loss: Largest loss of balanced accuracy without training again, 0 to 1. On rows
            that the model was trained on its accuracy is flattered; hold some out as reference.
        poisoning_alpha: How often a clean batch may raise the poisoning alarm, 0 to 1.
        min_planted_share: Smallest share of planted labels that raises it, 0 to 1.
        min_rows: Fewest rows of each table for an answer about drift, 1 or more.
        seed: Seed of the poisoning detectors.

    Raises:
        InputError: A table, the model or the label cannot be used, or a threshold is out of range.
        MissingExtraError: The poisoning detectors, or what reads the model, are not installed.
    """
    if source == label:
        raise InputError(f"label and source are both column {label!r}; name two columns")
    before, now = _read(reference, label), _read(current, label)
    left_out = _left_out(before, now, label, source, ignore or [])
    found = compare(
        reference,
        current,
        ignore=left_out,
        alpha=alpha,
        max_psi=max_psi,
        max_js=max_js,
        min_rows=min_rows,
    )
    outcome = Outcome()
    record_shape(outcome, found)
    reasons = _look_for_drift(outcome, found, label, max_drifted_share)
    if model is not None and does_worse(outcome, model, before, now, label, max_accuracy_loss, alpha):
        reasons.append("the model does worse on the batch")
    alarmed = look_for_poison(
        outcome,
        found,
        before,
        now,
        label=label,
        source=source,
        ignore=left_out,
        alpha=poisoning_alpha,
        min_share=min_planted_share,
        seed=seed,
    )
    record_numbers(outcome, found)
    if alarmed:
        outcome.decision = Decision.QUARANTINE
        outcome.facts["Why"] = "the batch trips the poisoning alarm"
    elif not outcome.verdict.opens:
        outcome.decision = Decision.KEEP
        outcome.facts["Why"] = "the gate could not open, so nothing is trained"
    else:
        outcome.decision = Decision.RETRAIN if reasons else Decision.KEEP
        outcome.facts["Why"] = " and ".join(reasons) or "nothing has changed that matters"
    return outcome


# --- Input ------------------------------------------------------------------------------------------


def _read(path: Path, label: str) -> pa.Table:
    from lockgate.table.read import read_arrow, require_label

    table = read_arrow(path)
    require_label(table, label, where=path)
    return table


def _left_out(
    before: pa.Table, now: pa.Table, label: str, source: str | None, ignore: list[str]
) -> list[str]:
    """The columns that are not compared: the ignored ones, and the source, whose mix changes freely."""
    from lockgate.table.read import require_columns

    there = dict.fromkeys([*before.column_names, *now.column_names])
    require_columns(there, ignore, "ignore", where="the pair of tables")
    if label in ignore:
        raise InputError(f"ignore names the label column {label!r}; the label is always looked at")
    if source is None:
        return ignore
    require_columns(now, [source], "source", where="current")
    return [*dict.fromkeys([*ignore, source])]


# --- Drift ------------------------------------------------------------------------------------------


def _look_for_drift(outcome: Outcome, found: Comparison, label: str, max_drifted_share: float) -> list[str]:
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
