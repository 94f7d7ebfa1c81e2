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
    LG-RETRAIN-010: The batch was decided on before.
    LG-RETRAIN-011: Small tables: what drift could not have been seen.
    LG-DRIFT-001 to LG-DRIFT-006: as in `check-drift`; a drifted column is a reason to train again here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from lockgate import artifact
from lockgate.errors import InputError
from lockgate.outcome import Decision, Outcome, Severity, Verdict
from lockgate.retraining import budget as budgets
from lockgate.retraining import trigger as triggers
from lockgate.retraining.betting import ALPHA as EVIDENCE_ALPHA
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
from lockgate.stages.retrain._bugs import look_for_bugs
from lockgate.stages.retrain._evidence import weigh_labels
from lockgate.stages.retrain._memory import Given, check_trigger, leave, open_memory, settle
from lockgate.stages.retrain._performance import does_worse
from lockgate.stages.retrain._poison import look_for_poison
from lockgate.stages.retrain._record import (
    record_drifted,
    record_numbers,
    record_shape,
    record_undecided,
)
from lockgate.table.comparison import ALPHA, MAX_JS, MAX_PSI, Comparison, Limits
from lockgate.table.drift import compare

if TYPE_CHECKING:
    import pyarrow as pa

MIN_ROWS = 60
"""Fewest rows for a decision: as many as the poisoning detectors need. What such tables hide is said."""
_NONE = Settings()
_VISIBLE = 25.0
"""Noncentrality at which chi-square on ten bins sees a drift with a power of 0.96 at the level 0.05."""

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
    # Everything that decides; it must be read before another name is bound.
    decisive = {name: value for name, value in locals().items() if name in _DECISIVE}
    if source == label:
        raise InputError(f"label and source are both column {label!r}; name two columns")
    if not 0 < evidence_alpha < 1:
        raise InputError(f"evidence_alpha is {evidence_alpha}, and must be above 0 and below 1")
    budget = budgets.read(cooldown, max_retrains, retrain_window, calm)
    outcome = Outcome()
    memory = open_memory(outcome, Given(stream, state, state_uri, state_keys or [], as_of, settings))
    raw_trigger = triggers.document(decisive, None if pipeline is None else artifact.digest(pipeline))
    trigger.write_bytes(raw_trigger)
    trigger_holds = check_trigger(outcome, memory, raw_trigger, approval=approval, environment=environment)

    before, now = _read(reference, label), _read(current, label)
    left_out = _left_out(before, now, label, source, ignore or [])
    bugs = look_for_bugs(outcome, before, now, label=label, source=source, leave_out=left_out)
    empty = [
        name for name in now.column_names if name not in left_out and now[name].null_count == now.num_rows
    ]
    named = {name for bug in bugs for name in bug.columns}
    found = compare(
        reference,
        current,
        ignore=[*left_out, *(name for name in empty if name in named)],
        limits=Limits(alpha, max_psi, max_js, min_rows),
    )
    record_shape(outcome, found)
    reasons = _look_for_drift(outcome, found, label, max_drifted_share)
    _say_what_is_hidden(outcome, found)

    unknown_label = any(label in b.columns and b.kind not in ("codes", "missing", "constant") for b in bugs)
    broken = sorted({*left_out, *(named - {label})})
    if unknown_label:
        outcome.cannot("poisoning", f"the classes of the label column {label!r} have other names now")
        weighed, alarmed = _nothing_weighed(memory.state), False
    else:
        if model is not None and does_worse(outcome, model, before, now, label, max_accuracy_loss, alpha):
            reasons.append("the model does worse on the batch")
        weighed = weigh_labels(
            outcome,
            before,
            now,
            label=label,
            source=source,
            leave_out=[*broken, *found.ignored],
            known={} if memory.state is None else memory.state.accounts or {},
            again=memory.state is not None and memory.state.batch(artifact.digest(current)) is not None,
            history=() if memory.state is None else memory.state.history,
            alpha=evidence_alpha,
            seed=seed,
        )
        alarmed = look_for_poison(
            outcome,
            found,
            before,
            now,
            label=label,
            source=source,
            ignore=broken,
            alpha=poisoning_alpha,
            min_share=min_planted_share,
            seed=seed,
            held=weighed.audit,
        )
    record_numbers(outcome, found)

    batch = artifact.digest(current)
    known = None if memory.state is None else memory.state.batch(batch)
    stopped = known is not None and known.decision is Decision.QUARANTINE
    quarantine = alarmed or weighed.attack or stopped
    opens = outcome.verdict.opens and not quarantine
    settled = settle(
        outcome,
        memory,
        budget,
        wanted=bool(reasons) and opens,
        calm=opens
        and not reasons
        and _is_calm(outcome, found, max_psi * calm, max_js * calm, max_accuracy_loss * calm),
        batch=batch,
        reference=artifact.digest(reference),
    )
    outcome.decision, outcome.facts["Why"] = _decided(
        reasons,
        alarmed=alarmed,
        weighed=weighed.attack,
        stopped=stopped,
        opens=opens,
        retrain=settled.retrain,
    )
    if stopped and not (alarmed or weighed.attack):
        outcome.check("decided-before", value="QUARANTINE", comparator="!=", threshold="QUARANTINE")
    leave(
        outcome,
        memory,
        next_state,
        decision=outcome.decision,
        weighed=weighed,
        settled=settled,
        raw_trigger=raw_trigger,
        trigger_holds=trigger_holds,
        batch=current,
        reference=reference,
    )
    return outcome


_DECISIVE = frozenset(
    [
        *("label", "source", "ignore", "stream", "alpha", "max_psi", "max_js", "max_drifted_share"),
        *("max_accuracy_loss", "poisoning_alpha", "evidence_alpha", "min_planted_share", "min_rows"),
        *("cooldown", "max_retrains", "retrain_window", "calm", "seed"),
    ]
)


# --- The decision -----------------------------------------------------------------------------------


def _decided(
    reasons: list[str], *, alarmed: bool, weighed: bool, stopped: bool, opens: bool, retrain: bool
) -> tuple[Decision, str]:
    if alarmed:
        return Decision.QUARANTINE, "the batch trips the poisoning alarm"
    if weighed:
        return Decision.QUARANTINE, "labels contradict the reference beyond chance"
    if stopped:
        return Decision.QUARANTINE, "the batch was put into quarantine before"
    if not opens:
        return Decision.KEEP, "the gate could not open, so nothing is trained"
    if retrain:
        return Decision.RETRAIN, " and ".join(reasons)
    return Decision.KEEP, "no training may start now" if reasons else "nothing has changed that matters"


def _nothing_weighed(state: Any) -> Any:
    from lockgate.stages.retrain._evidence import Weighed

    return Weighed({} if state is None else state.accounts or {})


def _is_calm(outcome: Outcome, found: Comparison, max_psi: float, max_js: float, max_loss: float) -> bool:
    loss = outcome.metrics.get("accuracy", {}).get("loss", 0.0)
    return loss <= max_loss and all(
        c.psi <= max_psi or c.js <= max_js or not c.drifted for c in found.columns
    )


def _say_what_is_hidden(outcome: Outcome, found: Comparison) -> None:
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
