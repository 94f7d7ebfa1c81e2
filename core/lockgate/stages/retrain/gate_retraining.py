"""Decide what a new batch means for the model: keep it, train again, or keep the batch away.

Rules:
    LG-RETRAIN-001: The batch looks poisoned.
    LG-RETRAIN-002: The model does worse on the batch than on the reference.
    LG-RETRAIN-003: The model's performance could not be compared.
    LG-RETRAIN-004: Something broke upstream: a unit, a sign, missing values, swapped or renamed columns.
    LG-RETRAIN-005: Labels contradict the reference beyond chance, in this batch or over several.
    LG-RETRAIN-006: They do so where a value has become more frequent, which looks like a trigger.
    LG-RETRAIN-007: They do so in one group of rows, whose labels have to be audited.
    LG-RETRAIN-008: What starts a training has changed, and nobody has approved that.
    LG-RETRAIN-009: There is a reason to train, and the budget holds it back.
    LG-RETRAIN-010: The batch was decided on before, and the gate was open then or the batch quarantined.
    LG-RETRAIN-011: Small tables: what drift could not have been seen.
    LG-RETRAIN-012: What a drip over ten batches like this one could do unseen.
    LG-DRIFT-001 to LG-DRIFT-006: as in `check-drift`; a drifted column is a reason to train again here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from lockgate.outcome import Outcome
from lockgate.retraining.betting import ALPHA as EVIDENCE_ALPHA
from lockgate.retraining.decide import Files, decide
from lockgate.retraining.memory import Given
from lockgate.retraining.trigger import Trigger
from lockgate.settings import Settings
from lockgate.stage import (
    Artifact,
    DatasetIn,
    EvidenceIn,
    FileIn,
    ModelIn,
    RunContext,
    Seed,
    SettingsIn,
    Share,
    Threshold,
    stage,
)
from lockgate.table.comparison import ALPHA, MAX_JS, MAX_PSI

MIN_ROWS = 60
"""Fewest rows for a decision: as many as the poisoning detectors need. What such tables hide is said."""
_NONE = Settings()

RecordOut = Annotated[Path, Artifact("evidence", "out", ".json")]


@stage("gate-retraining", decides=True, threats=["data-poisoning"])
def gate_retraining(
    reference: DatasetIn,
    current: DatasetIn,
    next_state: RecordOut,
    trigger: RecordOut,
    model: ModelIn | None = None,
    state: EvidenceIn | None = None,
    pipeline: EvidenceIn | None = None,
    approval: EvidenceIn | None = None,
    state_keys: list[FileIn] | None = None,
    *,
    label: str,
    source: str | None = None,
    ignore: list[str] | None = None,
    stream: str = "default",
    environment: str = "production",
    alpha: Threshold[Share] = ALPHA,
    max_psi: Threshold[float] = MAX_PSI,
    max_js: Threshold[Share] = MAX_JS,
    max_drifted_share: Threshold[Share] = 0.0,
    max_accuracy_loss: Threshold[Share] = 0.02,
    poisoning_alpha: Threshold[Share] = 0.01,
    evidence_alpha: Threshold[Share] = EVIDENCE_ALPHA,
    min_planted_share: Threshold[Share] = 0.02,
    min_rows: Threshold[int] = MIN_ROWS,
    cooldown: Threshold[str] = "1h",
    max_retrains: Threshold[int] = 10,
    retrain_window: Threshold[str] = "30d",
    calm: Threshold[Share] = 0.8,
    state_uri: RunContext[str] | None = None,
    as_of: RunContext[str] | None = None,
    seed: Seed = 0,
    settings: SettingsIn = _NONE,
) -> Outcome:
    """Decide on a new batch: KEEP the model, RETRAIN it, or QUARANTINE the batch.

    QUARANTINE (FAIL): the batch trips the poisoning alarm, with the reference as the clean baseline,
    or its labels and those of the batches before it contradict the reference more than chance
    explains: in one source, between two classes, or where a value has become frequent. Where features
    have drifted, a poisoning alarm counts only if it is raised with these features and without them,
    or by the batch on its own.

    RETRAIN: a feature or the label has drifted, or the model does worse on the batch than on the
    reference, and the budget allows a training.

    KEEP: neither. Also when the gate stays closed for another reason: something broke upstream,
    labels of one group have to be audited, the trigger was changed without approval, columns are
    missing, new or retyped (FAIL), or something could not be decided (INCONCLUSIVE). A gate that
    could not look must not start a training, and does not accuse a batch.

    What is remembered from one batch to the next (evidence, trainings, the approved trigger) is the
    state of a stream, signed with the run's key. Without a key every batch stands alone.

    Args:
        reference: Clean rows to compare with, for example those that the model was trained on.
        current: The new batch, with labels.
        next_state: The state after this batch; written when the run has a signing key.
        trigger: What the decision to train depends on, as canonical JSON: thresholds, parameters and
            the digest of the pipeline. A changed one has to be approved.
        model: The model in service; without it, its performance is not looked at.
        state: The `next_state` of the batch before; none on the first run.
        pipeline: The definition of the workflow (the DAG file, the compiled pipeline), which belongs
            to the trigger.
        approval: A waiver of LG-RETRAIN-008 about a changed `trigger`, granted by somebody whom the
            signed policy lets waive.
        state_keys: Public keys of former signers of the state, beside the run's own key.
        label: Column with the class of each row.
        source: Column that says where a row came from; a source's planted labels are found with it.
        ignore: Columns that are neither features nor compared.
        stream: Name of the stream of batches that the state is about; another's state is refused.
        environment: Environment of the policy whose rules of waivers hold for `approval`.
        alpha: Chance of a false reason to train again, for drift and for performance each, above 0
            and below 1.
        max_psi: Largest Population Stability Index without drift, 0 or more.
        max_js: Largest Jensen-Shannon distance (base 2) without drift, 0 to 1.
        max_drifted_share: Largest share of drifted columns without training again, 0 to 1. The
            label is not counted here: if it has drifted, that is reason enough.
        max_accuracy_loss: Largest loss of balanced accuracy without training again, 0 to 1. On rows
            that the model was trained on its accuracy is flattered; hold some out as reference.
        poisoning_alpha: How often a clean batch may raise the poisoning alarm, 0 to 1.
        evidence_alpha: Chance that honest labels of a stream ever raise an alarm over its batches,
            above 0 and below 1.
        min_planted_share: Smallest share of planted labels that raises the poisoning alarm, 0 to 1.
        min_rows: Fewest rows of each table for an answer about drift, 1 or more.
        cooldown: Shortest time between two trainings, such as 12h or 7d; 0 for none.
        max_retrains: Most trainings within `retrain_window`.
        retrain_window: Length of the window, such as 30d.
        calm: After a training, no other one starts until a batch stays below this part of the
            thresholds, or the reference is another one, 0 to 1.
        state_uri: Path or fsspec URL where the state is kept between runs: it is read there, if it is
            there, and replaced once the result is written. Instead of `state`.
        as_of: The time that it is (RFC 3339), for cooldown, window and approvals; by default, now.
        seed: Seed of the models and of the poisoning detectors.
        settings: Where key, policy and memory are; given by the run.

    Raises:
        InputError: A table, the model, the label or the state cannot be used, or a threshold is out
            of range.
        MissingExtraError: The poisoning detectors, or what reads the model, are not installed.
    """
    rules = Trigger(
        label=label,
        source=source,
        ignore=ignore,
        stream=stream,
        alpha=alpha,
        max_psi=max_psi,
        max_js=max_js,
        max_drifted_share=max_drifted_share,
        max_accuracy_loss=max_accuracy_loss,
        poisoning_alpha=poisoning_alpha,
        evidence_alpha=evidence_alpha,
        min_planted_share=min_planted_share,
        min_rows=min_rows,
        cooldown=cooldown,
        max_retrains=max_retrains,
        retrain_window=retrain_window,
        calm=calm,
        seed=seed,
    )
    files = Files(reference, current, next_state, trigger, model, pipeline, approval)
    given = Given(stream, state, state_uri, state_keys or [], as_of, settings)
    return decide(rules, files, given, environment)
